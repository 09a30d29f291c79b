"""Keep auctions in rows: lock, decide, write, commit, for each offer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from importlib import resources
from typing import Final
from uuid import UUID

import asyncpg

from shared import db
from shared.db import Connection, Pool
from shared.journal import GENESIS, Link

_LOCK: Final = """-- benchmarks.lock_auction
SELECT id, step_e4, opens_at, closes_at, sequence, hash, vendor_ids, aliases, prices_e4
FROM row_auction WHERE id = $1 FOR UPDATE
"""

_WRITE: Final = """-- benchmarks.write_offer
WITH logged AS (
    INSERT INTO row_log (
        auction_id, sequence, type, at, entry, hash, vendor_id, idempotency_key
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
)
UPDATE row_auction SET sequence = $2, hash = $6, prices_e4[$9] = $10 WHERE id = $1
"""

_WRITTEN: Final = """-- benchmarks.read_offer
SELECT sequence, type, at, entry, hash FROM row_log
WHERE auction_id = $1 AND vendor_id = $2 AND idempotency_key = $3
"""

_INSERT: Final = """-- benchmarks.insert_auction
INSERT INTO row_auction (
    id, step_e4, opens_at, closes_at, sequence, hash, vendor_ids, aliases, prices_e4
)
VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8)
"""


@dataclass(frozen=True, slots=True)
class RowAuction:
    """The locked row."""

    id: UUID
    step_e4: int
    opens_at: datetime
    closes_at: datetime
    sequence: int
    hash: bytes
    vendor_ids: Sequence[UUID]
    aliases: Sequence[str]
    prices_e4: Sequence[int]


_COLUMNS: Final = tuple(one.name for one in fields(RowAuction))


@dataclass(frozen=True, slots=True)
class Placed:
    """An offer that stands: its link, and the fact that was answered."""

    link: Link
    data: dict[str, object]


class RowStore:
    """Auctions in rows."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's pool."""
        self._pool = pool

    async def place(
        self,
        auction_id: UUID,
        vendor_id: UUID,
        key: str | None,
        decide: Callable[[RowAuction, int], tuple[Link, int]],
    ) -> Placed | None:
        """Lock the row, decide for the vendor at its place, write, commit; None if unknown.

        An offer whose key is known already is answered as it was.
        """
        try:
            async with db.transaction(self._pool) as connection:
                row = await connection.fetchrow(_LOCK, auction_id)
                if row is None or vendor_id not in row["vendor_ids"]:
                    return None
                auction = RowAuction(*(row[name] for name in _COLUMNS))
                place = auction.vendor_ids.index(vendor_id)
                link, price_e4 = decide(auction, place)
                await _write(connection, link, (vendor_id, key), (place + 1, price_e4))
        except asyncpg.UniqueViolationError:
            async with db.reading(self._pool) as connection:
                known = await connection.fetchrow(_WRITTEN, auction_id, vendor_id, key)
            assert known is not None
            link = Link(auction_id, *known.values())
        return Placed(link, json.loads(link.entry)["data"])


async def _write(
    connection: Connection, link: Link, of: tuple[UUID, str | None], now: tuple[int, int]
) -> None:
    chained = (link.aggregate_id, link.sequence, link.type, link.at, link.entry, link.hash)
    await connection.execute(_WRITE, *chained, *of, *now)


async def make_tables(owner_url: str, schema: str) -> None:
    """Make the tables in a schema, as its owner."""
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(f"SET search_path TO {schema}")
        await owner.execute(resources.files(__package__).joinpath("tables.sql").read_text())
    finally:
        await owner.close()


async def insert_auction(pool: Pool, auction: RowAuction) -> None:
    """Add an auction with its vendors at their opening prices."""
    async with db.transaction(pool) as connection:
        await connection.execute(
            _INSERT,
            auction.id,
            auction.step_e4,
            auction.opens_at,
            auction.closes_at,
            GENESIS,
            auction.vendor_ids,
            auction.aliases,
            auction.prices_e4,
        )
