"""Keep who writes which auction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.auctions.ports import Hold
from services.auctions.store.commits import lease_name
from services.auctions.store.record import Record
from shared import db, lease
from shared.domain.ids import AuctionId

NOBODY: Final = UUID(int=0)
"""Who holds a lease that was given back; one that only ran out still names its last holder."""

RENEWED_MAX: Final = 256
"""Leases renewed in one statement: commits wait for it, so it must be a matter of milliseconds."""


class DeskRecord(Record):
    """Leases of desks; wherever several are locked, in the order of their names."""

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

    _FALTERING: Final = """-- auctions.list_faltering
    SELECT id FROM auction JOIN lease ON lease.name = 'desk/' || auction.id
    WHERE status NOT IN ('closed', 'cancelled') AND lease.holder NOT IN ($1, $2)
        AND lease.until >= clock_timestamp()
        AND lease.until < clock_timestamp() + make_interval(secs => $3)
    ORDER BY lease.until, id LIMIT $4
    """

    async def faltering(self, *, holder: UUID, within_s: float, limit: int) -> Sequence[AuctionId]:
        """List auctions whose desks others hold by leases that run out within `within_s`."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._FALTERING, holder, NOBODY, within_s, limit)
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
    WITH held AS MATERIALIZED (
        SELECT name FROM lease
        WHERE name = ANY($1::text[]) AND holder = $2 AND until >= clock_timestamp()
        ORDER BY name FOR NO KEY UPDATE
    )
    UPDATE lease SET until = clock_timestamp() + make_interval(secs => $3)
    FROM held WHERE lease.name = held.name
    RETURNING lease.name
    """

    async def renew(
        self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
    ) -> frozenset[AuctionId]:
        """Renew desks' leases; return those that were still held. One that ran out is lost."""
        names = {lease_name(auction_id): auction_id for auction_id in ids}
        ordered, held = sorted(names), set[AuctionId]()
        async with db.reading(self._pool) as connection:
            for first in range(0, len(ordered), RENEWED_MAX):
                some = ordered[first : first + RENEWED_MAX]
                rows = await connection.fetch(self._RENEW, some, holder, lease_s)
                held.update(names[row["name"]] for row in rows)
        return frozenset(held)

    _RELEASE: Final = """-- auctions.release_desks
    WITH held AS MATERIALIZED (
        SELECT name FROM lease WHERE name = ANY($1::text[]) AND holder = $2
        ORDER BY name FOR NO KEY UPDATE
    )
    UPDATE lease SET holder = $3, until = clock_timestamp()
    FROM held WHERE lease.name = held.name
    """

    async def release(self, ids: Sequence[AuctionId], *, holder: UUID) -> None:
        """Give desks' leases back, so that another may take over at once."""
        async with db.reading(self._pool) as connection:
            await connection.execute(
                self._RELEASE, [lease_name(one) for one in ids], holder, NOBODY
            )
