"""Keep who writes which auction, and what the writers commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from services.auctions.domain.log import Batch
from services.auctions.ports import DeskLost, Hold
from services.auctions.store.record import Record
from services.auctions.store.secrets import columns_of
from shared import db, lease
from shared.domain.ids import AuctionId
from shared.journal import Aggregate

NOBODY: Final = UUID(int=0)
"""Who holds a lease that was given back; one that only ran out still names its last holder."""


def lease_name(auction_id: AuctionId) -> str:
    """Name the lease of an auction's desk."""
    return f"desk/{auction_id}"


class DeskRecord(Record):
    """Leases of desks, and their commits."""

    _DUE: Final = """-- auctions.list_due
    SELECT id FROM auction LEFT JOIN lease ON lease.name = 'desk/' || auction.id
    WHERE status NOT IN ('closed', 'cancelled')
        AND (
            opens_at <= $1
            OR rfp_id IN (SELECT rfp_id FROM cancelled_rfp)
            OR group_id IN (
                SELECT running.group_id FROM auction AS running
                WHERE running.status NOT IN ('closed', 'cancelled') AND running.opens_at <= $1
            )
        )
        AND (lease.until IS NULL OR lease.until < clock_timestamp())
    ORDER BY closes_at, id LIMIT $2
    """

    async def due(self, *, until: datetime, limit: int) -> Sequence[AuctionId]:
        """List auctions that need a desk by `until` and have none, the first to close first.

        Lots that are held together get their desks together, since one may move the others.
        """
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._DUE, until, limit)
        return [AuctionId(row["id"]) for row in rows]

    _DOOMED: Final = """-- auctions.list_doomed
    SELECT auction.id, cancelled_rfp.reason FROM auction
    JOIN cancelled_rfp ON cancelled_rfp.rfp_id = auction.rfp_id
    WHERE auction.status NOT IN ('closed', 'cancelled')
    """

    async def doomed(self) -> Mapping[AuctionId, str]:
        """Return the unfinished auctions whose solicitation was cancelled, with the reason."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._DOOMED)
        return {AuctionId(row["id"]): row["reason"] for row in rows}

    _LAST_HELD: Final = """-- auctions.read_leases
    SELECT name, CASE WHEN holder = $2 THEN clock_timestamp() - until
        ELSE clock_timestamp() - until + make_interval(secs => $3) END AS away
    FROM lease WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE
    """

    async def take(
        self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
    ) -> Mapping[AuctionId, Hold]:
        """Take the desks' leases that are free; return how each that was taken is held."""
        names = {lease_name(auction_id): auction_id for auction_id in ids}
        async with db.transaction(self._pool) as connection:
            rows = await connection.fetch(self._LAST_HELD, list(names), NOBODY, lease_s)
            held = await lease.acquire(connection, list(names), holder=holder, lease_s=lease_s)
        away = {row["name"]: row["away"] for row in rows}
        return {
            names[name]: Hold(token, max(away.get(name, timedelta()), timedelta()))
            for name, token in held.items()
        }

    _RENEW: Final = """-- auctions.renew_desks
    UPDATE lease SET until = clock_timestamp() + make_interval(secs => $3)
    WHERE name = ANY($1::text[]) AND holder = $2 AND until >= clock_timestamp()
    RETURNING name
    """

    async def renew(
        self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
    ) -> frozenset[AuctionId]:
        """Renew desks' leases; return those that were still held. One that ran out is lost."""
        names = {lease_name(auction_id): auction_id for auction_id in ids}
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._RENEW, list(names), holder, lease_s)
        return frozenset(names[row["name"]] for row in rows)

    _RELEASE: Final = """-- auctions.release_desks
    UPDATE lease SET holder = $3, until = clock_timestamp()
    WHERE name = ANY($1::text[]) AND holder = $2
    """

    async def release(self, ids: Sequence[AuctionId], *, holder: UUID) -> None:
        """Give desks' leases back, so that another may take over at once."""
        async with db.reading(self._pool) as connection:
            await connection.execute(
                self._RELEASE, [lease_name(one) for one in ids], holder, NOBODY
            )

    # One statement is one round trip and one fsync; without the fence's row it writes nothing.
    _COMMIT: Final = """-- auctions.commit_batch
    WITH fence AS MATERIALIZED (
        SELECT 1 FROM lease WHERE name = $1 AND token = $2 FOR SHARE
    ), logged AS (
        INSERT INTO auction_log
            (auction_id, sequence, type, at, entry, hash, vendor_id, idempotency_key)
        SELECT $3, row.* FROM fence, unnest(
            $4::bigint[], $5::text[], $6::timestamptz[], $7::text[], $8::bytea[], $9::uuid[],
            $10::text[]
        ) AS row
        RETURNING 1
    ), hidden AS (
        INSERT INTO auction_secret (auction_id, sequence, name, sealed)
        SELECT $3, row.* FROM fence, unnest($17::bigint[], $18::text[], $19::bytea[]) AS row
    ), told AS (
        INSERT INTO outbox (event_id, type, aggregate_id, envelope)
        SELECT row.event_id, row.type, $3, row.envelope FROM fence, unnest(
            $11::uuid[], $12::text[], $13::text[]
        ) WITH ORDINALITY AS row (event_id, type, envelope, place)
        ORDER BY row.place
    ), moved AS (
        UPDATE auction SET status = $14, opens_at = $15, closes_at = $16 FROM fence
        WHERE id = $3 AND (status, opens_at, closes_at) IS DISTINCT FROM ($14, $15, $16)
    )
    SELECT count(*) FROM logged
    """

    async def commit(self, batch: Batch, *, token: int) -> None:
        """Write what a desk decided, all or nothing.

        Raises:
            DeskLost: Another process holds the desk now; nothing was written.
            DatabaseUnavailable: The outcome is in doubt.
        """
        try:
            async with db.reading(self._pool) as connection:
                written = await connection.fetchval(self._COMMIT, *self._columns(batch, token))
        except asyncpg.UniqueViolationError as error:
            # The primary key is the last fence: somebody else wrote this sequence.
            raise DeskLost from error
        if written != len(batch.rows):
            raise DeskLost

    def _columns(self, batch: Batch, token: int) -> tuple[object, ...]:
        auction_id, rows = batch.auction.terms.id, batch.rows
        aggregate = Aggregate("auction", auction_id)
        told = [
            self._journal.wrap(aggregate, event, sequence=sequence, at=at)
            for sequence, event, at in batch.events
        ]
        no_secrets: tuple[list[int], list[str], list[bytes]] = ([], [], [])
        secrets = batch.secrets
        return (
            lease_name(auction_id),
            token,
            auction_id,
            [row.sequence for row in rows],
            [row.type for row in rows],
            [row.at for row in rows],
            [row.entry for row in rows],
            [row.hash for row in rows],
            [row.vendor_id for row in rows],
            [row.idempotency_key for row in rows],
            [envelope.id for envelope in told],
            [envelope.type for envelope in told],
            [envelope.to_json() for envelope in told],
            batch.auction.status,
            batch.auction.opens_at,
            batch.auction.closes_at,
            *(columns_of(self._vault, auction_id, secrets) if secrets else no_secrets),
        )
