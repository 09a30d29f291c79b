"""Read auctions back: their logs, what the logs fold into, and which auctions there are."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from services.auctions.domain.auction import Auction, Calendar, Status
from services.auctions.domain.log import LogRow
from services.auctions.domain.terms import Terms
from services.auctions.ports import EXTENSIONS, AuctionUnknown, CloseMoved, Head, Loaded, Written
from services.auctions.store.record import Record
from services.auctions.store.secrets import open_secret
from services.auctions.store.terms import read_terms
from services.auctions.wire import read_fact
from shared import db
from shared.domain.ids import AuctionId, PartyId

PAGE: Final = 2_000
"""Entries that are folded in one go: some 20 ms, in which this process does nothing else."""


class LogRecord(Record):
    """Logs, and what they say."""

    _CALENDAR: Final = """-- auctions.read_calendar
    SELECT status, opens_at, closes_at FROM auction WHERE id = $1
    """

    async def calendar(self, auction_id: AuctionId) -> Calendar:
        """Read when an auction runs.

        Raises:
            AuctionUnknown: There is no such auction.
        """
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(self._CALENDAR, auction_id)
        if row is None:
            raise AuctionUnknown
        return Calendar(Status(row["status"]), row["opens_at"], row["closes_at"])

    async def terms(self, auction_id: AuctionId) -> Terms:
        """Read what does not change while an auction lives.

        Raises:
            AuctionUnknown: There is no such auction.
        """
        async with db.reading(self._pool) as connection:
            return await read_terms(connection, self._vault, auction_id)

    async def load(self, auction_id: AuctionId, *, onto: Loaded | None = None) -> Loaded:
        """Fold an auction from its log, with the log's head and the keys of its offers.

        What was folded before may be given, and is taken on from where it ends. Who holds the lease
        gets the whole log; for anybody else more may be appended at any time.

        Raises:
            AuctionUnknown: There is no such auction.
        """
        loaded = onto or Loaded(Auction(await self.terms(auction_id)), Head(0, b""))
        auction, keys = loaded.auction, loaded.keys
        async for rows in self._pages(auction_id, after=loaded.head.sequence):
            for row in rows:
                before = auction.closes_at
                self._apply(auction, row)
                if row["type"] in EXTENSIONS and auction.terms.group_id is not None:
                    moved = CloseMoved(auction.terms, row["sequence"], before, auction.closes_at)
                    loaded.moves.append(moved)
                if row["idempotency_key"] is not None:
                    own = keys.setdefault(PartyId(row["vendor_id"]), {})
                    own[row["idempotency_key"]] = row["sequence"]
            loaded.head = Head(rows[-1]["sequence"], rows[-1]["hash"])
        return loaded

    async def catch_up(self, auction: Auction) -> None:
        """Fold what was committed since into a state that was loaded before."""
        async for rows in self._pages(auction.terms.id, after=auction.sequence):
            for row in rows:
                self._apply(auction, row)

    _FACTS: Final = """-- auctions.read_facts
    SELECT sequence, type, at, entry, hash, vendor_id, idempotency_key, secret.name, secret.sealed
    FROM auction_log LEFT JOIN auction_secret AS secret USING (auction_id, sequence)
    WHERE auction_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence
    """

    async def _pages(
        self, auction_id: AuctionId, *, after: int
    ) -> AsyncIterator[Sequence[asyncpg.Record]]:
        """Read what is behind `after`, a page at a time; the next one while this one is folded.

        A chain has no gaps, so that a page is a range: where rows were limited instead, and the
        table's statistics were old, each page cost the sorting of all that was left.
        """
        page = asyncio.create_task(self._page(auction_id, after))
        try:
            while rows := await page:
                after += PAGE
                if len(rows) == PAGE:
                    page = asyncio.create_task(self._page(auction_id, after))
                    await asyncio.sleep(0)  # lets it be sent before the fold begins
                yield rows
                if len(rows) < PAGE:
                    break
        finally:
            page.cancel()

    async def _page(self, auction_id: AuctionId, after: int) -> Sequence[asyncpg.Record]:
        async with db.reading(self._pool) as connection:
            return await connection.fetch(self._FACTS, auction_id, after, after + PAGE)

    def _apply(self, auction: Auction, row: asyncpg.Record) -> None:
        sequence, secret = row["sequence"], None
        if row["sealed"] is not None:
            kept = (sequence, row["name"], row["sealed"])
            secret = open_secret(self._vault, auction.terms.id, kept)
        fact = read_fact(row["type"], row["entry"])
        auction.apply(fact, sequence=sequence, at=row["at"], secret=secret)

    _ENTRY: Final = """-- auctions.read_entry
    SELECT sequence, type, at, entry, hash FROM auction_log
    WHERE auction_id = $1 AND sequence = $2
    """

    async def written(self, auction_id: AuctionId, sequence: int) -> Written:
        """Read back a fact that was committed.

        Raises:
            AuctionUnknown: There is no such entry.
        """
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(self._ENTRY, auction_id, sequence)
        if row is None:
            raise AuctionUnknown
        return _written(row)

    _UNDER_KEY: Final = """-- auctions.read_under_key
    SELECT sequence, type, at, entry, hash FROM auction_log
    WHERE auction_id = $1 AND vendor_id = $2 AND idempotency_key = $3
    """

    async def written_under(
        self, auction_id: AuctionId, party_id: PartyId, key: str
    ) -> Written | None:
        """Read back the fact that was written under a party's idempotency key, if any was."""
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(self._UNDER_KEY, auction_id, party_id, key)
        return None if row is None else _written(row)

    _LOG: Final = """-- auctions.read_log
    SELECT sequence, type, at, entry, hash, vendor_id, idempotency_key FROM auction_log
    WHERE auction_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence
    """

    async def log(self, auction_id: AuctionId, *, after: int, limit: int) -> Sequence[LogRow]:
        """Return log rows behind `after`, oldest first."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._LOG, auction_id, after, after + limit)
        return [LogRow(*row) for row in rows]

    _LIST: Final = """-- auctions.list
    SELECT id FROM auction WHERE ($1::uuid IS NULL OR id > $1) AND ($2::text IS NULL OR status = $2)
    ORDER BY id LIMIT $3
    """

    async def list(
        self, *, after: UUID | None, status: Status | None, limit: int
    ) -> Sequence[AuctionId]:
        """List auctions by id."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._LIST, after, status, limit)
        return [AuctionId(row["id"]) for row in rows]

    _NEWEST: Final = """-- auctions.list_newest
    SELECT id FROM auction ORDER BY id DESC LIMIT $1
    """

    async def newest(self, *, limit: int) -> Sequence[AuctionId]:
        """List the auctions that were scheduled last, newest first."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._NEWEST, limit)
        return [AuctionId(row["id"]) for row in rows]


def _written(row: asyncpg.Record) -> Written:
    fact = read_fact(row["type"], row["entry"])
    return Written(row["sequence"], row["hash"], row["at"], fact)
