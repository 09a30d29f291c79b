"""Measure webhooks: recorded deliveries a second, against bare signed POSTs by the same client.

`python -m benchmarks.webhooks` runs PostgreSQL with fsync on, a lean receiver in a process of its
own on loopback, and one sender. Rounds of both kinds alternate, and the ratio is the median of the
pairs. Set `DATABASE_URL` to measure against another server.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, cast
from uuid import UUID

import asyncpg
import uvloop
from pydantic import SecretStr

from deploy.local.places import temporary_data_folder
from deploy.local.postgres import PostgresServer, postgres_server
from services.notify.domain.addresses import AddressRules
from services.notify.ports import Post, Secret, SendingLimits
from services.notify.sender.loop import Sender
from services.notify.sender.post import HttpPoster, open_poster
from services.notify.store.deliveries import PostgresDeliveries
from services.notify.store.endpoints import PostgresEndpoints
from services.notify.store.queue import PostgresQueue
from services.notify.store.vault import Vault
from services.notify.usecases import Endpoints, QueueEvent, Wish
from shared import db
from shared.clock import SystemClock
from shared.db import Pool
from shared.domain.facts import Event
from shared.domain.ids import EndpointId, EventId, PartyId, new_id
from shared.events.bids import LotOpened
from shared.events.envelope import Envelope
from shared.journal import Journal
from shared.migrate import migrate
from shared.settings import ServiceSettings

SAVED: Final = Path("build/bench/webhooks.json")

ENDPOINTS: Final = 64
EVENTS: Final = 120
PAIRS: Final = 5
BARE_CONCURRENCY: Final = 64
TARGET_RATIO: Final = 0.5

PARTY: Final = PartyId(UUID(int=1))
LOOPBACK: Final = AddressRules(is_loopback_allowed=True)
USER_AGENT: Final = "commonlot/benchmark"
ANSWER: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
WAIT_S: Final = 300.0

_WAITING: Final = """-- benchmarks.count_waiting
SELECT count(*) FROM delivery WHERE status = 'pending'
"""

_IS_LEFT: Final = """-- benchmarks.is_any_left
SELECT EXISTS (SELECT FROM delivery WHERE status = 'pending')::integer
"""

_ATTEMPTS: Final = """-- benchmarks.count_attempts
SELECT count(*) FROM attempt
"""

_DELIVERED: Final = """-- benchmarks.count_delivered
SELECT count(*) FROM delivery WHERE status = 'delivered' AND attempts = 1
"""

_ANALYZE: Final = ("delivery", "endpoint", "event_body", "attempt")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of the benchmark found; rates are medians."""

    deliveries_per_s: float
    bare_per_s: float
    ratio: float
    deliveries: int
    attempts_recorded: int
    endpoints: int


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    with temporary_data_folder() as data, postgres_server(data) as server, receiver() as url:
        measured = uvloop.run(_measure(server, url))
    figures = asdict(measured)
    SAVED.parent.mkdir(parents=True, exist_ok=True)
    SAVED.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"bare signed POSTs    {measured.bare_per_s:10,.0f} /s")
    print(f"recorded deliveries  {measured.deliveries_per_s:10,.0f} /s")
    print(f"ratio                {measured.ratio:10.2f}    (target {TARGET_RATIO})")
    return figures


@contextmanager
def receiver() -> Iterator[str]:
    """Run the receiver as a process of its own; yield its URL."""
    command = [sys.executable, "-m", "benchmarks.webhooks", "receive"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class Receiving(asyncio.Protocol):
    """Answer each request with 204 as soon as its body is whole, and do nothing else."""

    def __init__(self) -> None:
        """Begin unconnected."""
        self._transport: asyncio.WriteTransport | None = None
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as are whole."""
        self._unread += data
        while (head_end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:head_end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(self._unread) < head_end + 4 + length:
                return
            self._unread = self._unread[head_end + 4 + length :]
            assert self._transport is not None
            self._transport.write(ANSWER)


async def _receive() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiving, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _measure(server: PostgresServer, url: str) -> Measured:
    await migrate(server.url, "notify")
    async with (
        _pool(server) as pool,
        open_poster(LOOPBACK, user_agent=USER_AGENT) as poster,
    ):
        installation = Installation(pool, poster)
        await installation.register(url)
        bare, recorded = [], []
        await _bare(poster, url, ENDPOINTS * 20)
        for _ in range(PAIRS):
            bare.append(await _bare(poster, url, ENDPOINTS * EVENTS))
            await installation.queue(EVENTS)
            await _analyze(server)
            recorded.append(await installation.send())
        attempts = await installation.attempts()
    return Measured(
        deliveries_per_s=round(statistics.median(recorded), 1),
        bare_per_s=round(statistics.median(bare), 1),
        ratio=round(_median_ratio(recorded, bare), 3),
        deliveries=PAIRS * ENDPOINTS * EVENTS,
        attempts_recorded=attempts,
        endpoints=ENDPOINTS,
    )


class Installation:
    """Notify on one database, as its composition root would build it, without HTTP and bus."""

    def __init__(self, pool: Pool, poster: HttpPoster) -> None:
        """Build everything on one pool and one client."""
        self._pool = pool
        clock, journal, vault = SystemClock(), Journal("notify"), Vault(bytes(32))
        endpoints = PostgresEndpoints(pool, vault, journal, per_party_max=ENDPOINTS)
        self._endpoints = Endpoints(endpoints, clock, LOOPBACK)
        self._queue_event = QueueEvent(PostgresDeliveries(pool, journal), clock)
        self._clock = clock
        queue = PostgresQueue(pool, vault, journal)
        self._sender = Sender(queue, poster, clock, SendingLimits(), jitter=lambda: 0.5)

    async def register(self, url: str) -> None:
        """Register the endpoints, each with a path of its own."""
        for number in range(ENDPOINTS):
            wish = Wish(url=f"{url}/{number}", event_types=(LotOpened.TYPE,), description="")
            await self._endpoints.register(EndpointId(new_id()), PARTY, wish, key=None)

    async def queue(self, events: int) -> None:
        """Hear events, each for every endpoint."""
        for number in range(events):
            await self._queue_event(_envelope(number, self._clock))

    async def send(self) -> float:
        """Send all that waits; return deliveries a second, counted when the last is recorded."""
        waiting = await self._ask(_WAITING)
        began_s = time.perf_counter()
        sending = asyncio.create_task(self._sender.run())
        async with asyncio.timeout(WAIT_S):
            while await self._ask(_IS_LEFT):  # noqa: ASYNC110 - the record is what is asked
                await asyncio.sleep(0.02)
        took_s = time.perf_counter() - began_s
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        return waiting / took_s

    async def attempts(self) -> int:
        """Count the attempts on record, which must be one for each delivery."""
        attempts, delivered = await self._ask(_ATTEMPTS), await self._ask(_DELIVERED)
        assert attempts == delivered == PAIRS * ENDPOINTS * EVENTS
        return attempts

    async def _ask(self, query: str) -> int:
        async with db.reading(self._pool) as connection:
            answer: int = await connection.fetchval(query)
            return answer


async def _bare(poster: HttpPoster, url: str, posts: int) -> float:
    """Post signed bodies and record nothing; return POSTs a second."""
    clock = SystemClock()
    envelope = _envelope(0, clock)
    body, secret = envelope.to_json().encode(), Secret(b"k" * 32)
    numbers = iter(range(posts))

    async def post_on() -> None:
        for number in numbers:
            post = Post(
                url=f"{url}/{number % ENDPOINTS}",
                secret=secret,
                event_id=envelope.id,
                body=body,
                at=clock.now(),
            )
            outcome = await poster.post(post)
            assert outcome.is_good

    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(BARE_CONCURRENCY):
            group.create_task(post_on())
    return posts / (time.perf_counter() - began_s)


def _median_ratio(recorded: Sequence[float], bare: Sequence[float]) -> float:
    return statistics.median(ours / theirs for ours, theirs in zip(recorded, bare, strict=True))


def _envelope(number: int, clock: SystemClock) -> Envelope[Event]:
    event = LotOpened(
        lot_id=new_id(),
        rfp_id=UUID(int=2),
        buyer_id=UUID(int=3),
        number=number,
        title="Half-pint cartons of 1 % milk, delivered daily to every school of the district",
        category="goods",
        item_code="50131701",
        specification="USDA grade A, fortified with vitamins A and D, in returnable crates",
        unit="carton",
        quantity=Decimal(300),
        closes_at=clock.now(),
    )
    return Envelope(
        EventId(new_id()), "/commonlot/bids", f"lot/{event.lot_id}", clock.now(), 1, event
    )


@asynccontextmanager
async def _pool(server: PostgresServer) -> AsyncIterator[Pool]:
    settings = ServiceSettings(
        database_url=SecretStr(server.service_url("notify")),
        nats_url=SecretStr("nats://127.0.0.1:1"),
        issuer="http://127.0.0.1:1",
        port=0,
    )
    pool = await db.open_pool(settings, service="notify")
    try:
        yield pool
    finally:
        await pool.close()


async def _analyze(server: PostgresServer) -> None:
    """Do what autovacuum does in its own time, so that no round has other plans than the next."""
    owner = await asyncpg.connect(server.url)
    try:
        for table in _ANALYZE:
            await owner.execute(f"ANALYZE notify.{table}")
    finally:
        await owner.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["receive"]:
        uvloop.run(_receive())
    else:
        main()
