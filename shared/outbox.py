"""Send what the journal put out, oldest first, until confirmed: one leased relay per service.

The relay scans `published_at IS NULL ORDER BY id`: a pending flag has no gap that a late commit
could fall into, as a cursor over ids has. Events of one aggregate are published one after another,
those of different aggregates side by side.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter, Gauge

from shared import db, lease
from shared.bus import Bus, BusUnavailable
from shared.db import DatabaseUnavailable, Pool
from shared.lease import LeaseHolder

LEASE_NAME: Final = "outbox"
RETRY_S: Final = 0.5

PUBLISHED: Final = Counter("commonlot_outbox_published_total", "Events confirmed by the bus.")
PENDING: Final = Gauge("commonlot_outbox_pending", "Events of the last scan that wait to be sent.")

_SCAN: Final = """-- shared.scan_outbox
SELECT id, event_id, type, aggregate_id, envelope FROM outbox
WHERE published_at IS NULL ORDER BY id LIMIT $1
"""

_MARK: Final = """-- shared.mark_published
UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])
"""

_REPUBLISH: Final = """-- shared.republish
UPDATE outbox SET published_at = NULL WHERE published_at IS NOT NULL
"""


class Relay:
    """Publish one service's outbox, as long as this process holds the lease."""

    def __init__(
        self, pool: Pool, bus: Bus, *, service: str, holder: UUID, lease_s: float, batch_max: int
    ) -> None:
        """Relay `service`'s events; `holder` is this process."""
        self._pool = pool
        self._bus = bus
        self._service = service
        self._batch_max = batch_max
        self._lease = LeaseHolder(pool, LEASE_NAME, holder=holder, lease_s=lease_s)

    async def run(self, *, poll_s: float) -> None:
        """Relay for ever: at once while there is more, else every `poll_s` seconds."""
        log = structlog.get_logger()
        while True:
            try:
                sent = await self.step()
            except (BusUnavailable, DatabaseUnavailable) as error:
                log.warning("outbox_waits", reason=type(error).__name__)
                await asyncio.sleep(RETRY_S)
            else:
                await asyncio.sleep(0 if sent == self._batch_max else poll_s)

    async def step(self) -> int:
        """Publish one batch and mark what was confirmed; return how many that were.

        Raises:
            BusUnavailable: Something was not confirmed; what was is marked all the same.
            DatabaseUnavailable: Nothing was marked; the batch will be published again.
        """
        token = await self._lease.token()
        if token is None:
            return 0
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_SCAN, self._batch_max)
        PENDING.set(len(rows))
        if not rows:
            return 0
        confirmed, failure = await self._publish(rows)
        await self._mark(confirmed, token)
        if failure is not None:
            raise failure
        return len(confirmed)

    async def release(self) -> None:
        """Let another process relay at once."""
        await self._lease.release()

    async def _publish(
        self, rows: Sequence[asyncpg.Record]
    ) -> tuple[list[int], BusUnavailable | None]:
        by_aggregate: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            by_aggregate[row["aggregate_id"]].append(row)
        confirmed: list[int] = []
        failures: list[BusUnavailable] = []

        async def in_order(queue: Sequence[asyncpg.Record]) -> None:
            try:
                for row in queue:
                    subject = f"{self._service}.{row['type']}"
                    body = row["envelope"].encode()
                    await self._bus.publish(subject, body, message_id=str(row["event_id"]))
                    confirmed.append(row["id"])
            except BusUnavailable as error:
                failures.append(error)

        async with asyncio.TaskGroup() as group:
            for queue in by_aggregate.values():
                group.create_task(in_order(queue))
        return confirmed, failures[0] if failures else None

    async def _mark(self, confirmed: Sequence[int], token: int) -> None:
        async with db.transaction(self._pool) as connection:
            if await lease.is_held(connection, LEASE_NAME, token=token):
                await connection.execute(_MARK, confirmed)
                PUBLISHED.inc(len(confirmed))


async def republish(pool: Pool) -> int:
    """Have every event sent again, to fill streams that were lost; return how many.

    Consumers have each event's id in their inbox and change nothing for those they know.
    """
    async with db.transaction(pool) as connection:
        status = await connection.execute(_REPUBLISH)
    return int(status.rpartition(" ")[2])
