"""Hear what others tell, each event once: its id is recorded in the transaction of its effect."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar, cast
from uuid import UUID

import structlog
from prometheus_client import Counter

from shared import db
from shared.bus import DELIVERIES_MAX, HEARS, Bus, BusUnavailable, Message
from shared.db import Connection, DatabaseUnavailable, Pool
from shared.domain.facts import Event
from shared.domain.ids import EventId
from shared.domain.refusals import Refusal
from shared.events import envelope
from shared.events.envelope import Envelope, EnvelopeMalformed, TypeUnheard

BATCH_MAX: Final = 64
WAIT_S: Final = 1.0
BACKOFF_S: Final = (0.1, 0.5, 2.0, 5.0, 15.0, 30.0)

HEARD: Final = Counter("commonlot_inbox_heard_total", "Messages by outcome.", ["outcome"])

Heard = TypeVar("Heard", bound=Event)
Handler = Callable[[Envelope[Event]], Awaitable[None]]

_CLAIM: Final = """-- shared.claim_event
INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING event_id
"""

_BURY: Final = """-- shared.bury_message
INSERT INTO dead_letter (event_id, subject, envelope, reason, attempts)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (event_id) DO UPDATE SET
    reason = excluded.reason, attempts = excluded.attempts, replayed_at = NULL
"""

_DEAD: Final = """-- shared.list_dead_letters
SELECT event_id, subject, reason, attempts, buried_at FROM dead_letter
WHERE replayed_at IS NULL ORDER BY buried_at, event_id LIMIT $1
"""

_EXHUME: Final = """-- shared.read_dead_letter
SELECT envelope FROM dead_letter WHERE event_id = $1
"""

_REPLAYED: Final = """-- shared.mark_replayed
UPDATE dead_letter SET replayed_at = clock_timestamp() WHERE event_id = $1
"""


async def claim(connection: Connection, event_id: EventId) -> bool:
    """Record the event in the caller's transaction; False says that its effect stands already."""
    return await connection.fetchval(_CLAIM, event_id) is not None


def handles(
    event_class: type[Heard], handler: Callable[[Envelope[Heard]], Awaitable[None]]
) -> tuple[type[Event], Handler]:
    """Pair an event type with its handler, for the table that `Inbox` takes."""
    return event_class, cast("Handler", handler)


class Inbox:
    """Consume the streams that a service hears, one message after another per stream.

    A handler must claim the event's id in the transaction of its effect. A handler's refusal or
    defect is retried with growing pauses, then buried as a dead letter; while the database is away
    nothing is fetched, so that an outage spends no deliveries.
    """

    def __init__(
        self, pool: Pool, bus: Bus, *, service: str, handlers: Mapping[type[Event], Handler]
    ) -> None:
        """Hear `handlers`' types for `service`; other types are acknowledged unread."""
        self._pool = pool
        self._bus = bus
        self._service = service
        self._handlers = {event_class.TYPE: handler for event_class, handler in handlers.items()}

    async def run(self) -> None:
        """Consume for ever."""
        async with asyncio.TaskGroup() as group:
            for publisher in HEARS[self._service]:
                group.create_task(self._consume(publisher))

    async def step(self, publisher: str, *, wait_s: float = WAIT_S) -> int:
        """Fetch and handle one batch; return how many messages it had.

        Raises:
            BusUnavailable: The bus is away.
            DatabaseUnavailable: The database is away; the rest of the batch comes again.
        """
        messages = await self._bus.fetch(self._service, publisher, batch=BATCH_MAX, wait_s=wait_s)
        for message in messages:
            await self.take(message)
        return len(messages)

    async def take(self, message: Message) -> None:
        """Handle one message to its end: acknowledged, asked for again, or buried."""
        try:
            outcome = await self._handle(message.body)
        except DatabaseUnavailable:
            await message.retry(BACKOFF_S[0])
            raise
        except (EnvelopeMalformed, Refusal, Exception) as error:  # noqa: BLE001 - the loop's edge
            await self._fail(message, error)
        else:
            HEARD.labels(outcome).inc()
            await message.ack()

    async def replay(self, event_id: str) -> None:
        """Handle a dead letter again, now, and take it off the list.

        Raises:
            KeyError: No such dead letter.
            Exception: Whatever its handler raises; the letter then stays.
        """
        async with db.reading(self._pool) as connection:
            body = await connection.fetchval(_EXHUME, event_id)
        if body is None:
            raise KeyError(event_id)
        await self._handle(body)
        async with db.transaction(self._pool) as connection:
            await connection.execute(_REPLAYED, event_id)

    async def _consume(self, publisher: str) -> None:
        log = structlog.get_logger()
        while True:
            try:
                await self.step(publisher)
            except (BusUnavailable, DatabaseUnavailable) as error:
                log.warning("inbox_waits", publisher=publisher, reason=type(error).__name__)
                await asyncio.sleep(BACKOFF_S[1])
                await self._until_database_answers()

    async def _until_database_answers(self) -> None:
        while not await db.is_reachable(self._pool):  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(BACKOFF_S[1])

    async def _handle(self, body: bytes) -> str:
        try:
            heard = envelope.read(body)
        except TypeUnheard:
            return "unheard"
        handler = self._handlers.get(heard.type)
        if handler is None:
            return "unheard"
        await handler(heard)
        return "handled"

    async def _fail(self, message: Message, error: Exception) -> None:
        log = structlog.get_logger()
        is_hopeless = isinstance(error, EnvelopeMalformed) or message.delivery >= DELIVERIES_MAX - 1
        if not is_hopeless:
            HEARD.labels("retried").inc()
            log.warning("message_retried", subject=message.subject, error=type(error).__name__)
            pause = BACKOFF_S[min(message.delivery, len(BACKOFF_S)) - 1]
            await message.retry(pause)
            return
        HEARD.labels("buried").inc()
        log.error("message_buried", subject=message.subject, exc_info=error)
        await self._bury(message, type(error).__name__)
        await message.bury()

    async def _bury(self, message: Message, reason: str) -> None:
        async with db.transaction(self._pool) as connection:
            await connection.execute(
                _BURY,
                _id_of(message.body),
                message.subject,
                message.body,
                reason,
                message.delivery,
            )


async def dead_letters(pool: Pool, *, limit: int) -> list[dict[str, object]]:
    """List the messages that were given up, oldest first."""
    async with db.reading(pool) as connection:
        return [dict(row) for row in await connection.fetch(_DEAD, limit)]


def _id_of(body: bytes) -> str:
    """Find the event's id, or name a message without one by its content."""
    try:
        return str(envelope.read(body).id)
    except (EnvelopeMalformed, TypeUnheard):
        return UUID(bytes=envelope.fingerprint(body)).hex
