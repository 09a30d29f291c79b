"""Commit what desks decided: log, outbox, secrets and calendar, each desk's fenced by its lease."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import asyncpg

from services.auctions.domain.log import Batch
from services.auctions.ports import DeskLost
from services.auctions.store.clerk import Clerk, Filed
from services.auctions.store.record import Record
from services.auctions.store.secrets import seal_secret
from shared import db
from shared.db import Pool
from shared.domain.ids import AuctionId
from shared.journal import Aggregate, Journal
from shared.vault import Vault

Row = tuple[object, ...]


def lease_name(auction_id: AuctionId) -> str:
    """Name the lease of an auction's desk."""
    return f"desk/{auction_id}"


class CommitRecord(Record):
    """Desks' commits, those of many desks in one statement."""

    def __init__(self, pool: Pool, journal: Journal, vault: Vault) -> None:
        """Let a clerk collect what desks commit at the same time."""
        super().__init__(pool, journal, vault)
        self._clerk = Clerk(self._write)

    async def commit(self, batch: Batch, *, token: int) -> None:
        """Write what a desk decided, all or nothing; others' batches may be written with it.

        Raises:
            DeskLost: Another process holds the desk now; nothing was written.
            DatabaseUnavailable: The outcome is in doubt.
        """
        await self._clerk.file(batch, token)

    # One statement is one round trip and one fsync. A batch whose token is not its lease's any more
    # has no row in the fence, and nothing of it is written. Leases are locked in the order of their
    # names, here and by whoever takes or renews them, so that nobody waits in a circle.
    _COMMIT: Final = """-- auctions.commit_batches
    WITH fence AS MATERIALIZED (
        SELECT wanted.place, wanted.id, wanted.status, wanted.opens_at, wanted.closes_at
        FROM unnest(
            $1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[]
        ) WITH ORDINALITY AS wanted (id, name, token, status, opens_at, closes_at, place)
        JOIN lease ON lease.name = wanted.name AND lease.token = wanted.token
        ORDER BY wanted.name FOR SHARE OF lease
    ), logged AS (
        INSERT INTO auction_log
            (auction_id, sequence, type, at, entry, hash, vendor_id, idempotency_key)
        SELECT fence.id, row.sequence, row.type, row.at, row.entry, row.hash, row.vendor_id, row.key
        FROM unnest(
            $7::bigint[], $8::bigint[], $9::text[], $10::timestamptz[], $11::text[], $12::bytea[],
            $13::uuid[], $14::text[]
        ) AS row (place, sequence, type, at, entry, hash, vendor_id, key)
        JOIN fence USING (place)
    ), told AS (
        INSERT INTO outbox (event_id, type, aggregate_id, envelope)
        SELECT row.event_id, row.type, fence.id, row.envelope
        FROM unnest($15::bigint[], $16::uuid[], $17::text[], $18::text[])
            WITH ORDINALITY AS row (place, event_id, type, envelope, turn)
        JOIN fence USING (place) ORDER BY row.turn
    ), hidden AS (
        INSERT INTO auction_secret (auction_id, sequence, name, sealed)
        SELECT fence.id, row.sequence, row.name, row.sealed
        FROM unnest($19::bigint[], $20::bigint[], $21::text[], $22::bytea[])
            AS row (place, sequence, name, sealed)
        JOIN fence USING (place)
    ), moved AS (
        UPDATE auction
        SET status = fence.status, opens_at = fence.opens_at, closes_at = fence.closes_at
        FROM fence WHERE auction.id = fence.id
            AND (auction.status, auction.opens_at, auction.closes_at)
                IS DISTINCT FROM (fence.status, fence.opens_at, fence.closes_at)
    )
    SELECT place FROM fence
    """

    async def _write(self, group: Sequence[Filed]) -> Collection[int]:
        columns = self._columns(group)
        try:
            async with db.reading(self._pool) as connection:
                stood = await connection.fetch(self._COMMIT, *columns)
        except asyncpg.UniqueViolationError as error:
            # The primary key is the last fence: somebody else wrote this sequence.
            raise DeskLost from error
        return {row["place"] for row in stood}

    def _columns(self, group: Sequence[Filed]) -> list[list[object]]:
        """Lay a group out as columns for `unnest`, each row with its batch's place in the group."""
        desks, rows, told, hidden = list[Row](), list[Row](), list[Row](), list[Row]()
        for place, filed in enumerate(group, start=1):
            desks.append(_desk(filed))
            rows += _rows(place, filed.batch)
            told += self._told(place, filed.batch)
            hidden += self._hidden(place, filed.batch)
        return [*_turned(desks, 6), *_turned(rows, 8), *_turned(told, 4), *_turned(hidden, 4)]

    def _told(self, place: int, batch: Batch) -> Iterator[Row]:
        aggregate = Aggregate("auction", batch.auction.terms.id)
        for sequence, event, at in batch.events:
            envelope = self._journal.wrap(aggregate, event, sequence=sequence, at=at)
            yield place, envelope.id, envelope.type, envelope.to_json()

    def _hidden(self, place: int, batch: Batch) -> Iterator[Row]:
        auction_id = batch.auction.terms.id
        for sequence, secret in batch.secrets:
            sealed = seal_secret(self._vault, auction_id, sequence, secret)
            yield place, sequence, secret.name, sealed


def _desk(filed: Filed) -> Row:
    auction = filed.batch.auction
    auction_id = auction.terms.id
    name = lease_name(auction_id)
    return auction_id, name, filed.token, auction.status, auction.opens_at, auction.closes_at


def _rows(place: int, batch: Batch) -> Iterator[Row]:
    for row in batch.rows:
        key = row.idempotency_key
        yield place, row.sequence, row.type, row.at, row.entry, row.hash, row.vendor_id, key


def _turned(rows: Sequence[Row], width: int) -> list[list[object]]:
    """Turn rows into columns; where there are none, into `width` empty ones."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
