"""Keep RFPs: drafts, their pools, publication and cancellation, each in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg

from services.bids.domain.publication import Cancellation, Publication
from services.bids.domain.rfps import ConsortiumModel, PooledRfp, Rfp, RfpStatus, RfpUnknown
from services.bids.ports.purchase import Act, DecidePool, ListedLot, Part, Selection
from services.bids.store import pools, publications
from services.bids.store.chains import entries_of
from services.bids.store.lots import LotStore
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision, Fact
from shared.domain.ids import LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency
from shared.journal import Journal

_DRAFT: Final = """-- bids.add_rfp
INSERT INTO rfp (
    id, buyer_id, title, currency, consortium_model, policy_profile, custodian_id, standstill_s,
    status, closes_at, drafted_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (id) DO NOTHING RETURNING id
"""

_LOCK_OWN: Final = """-- bids.lock_own_rfp
SELECT id, buyer_id, title, currency, consortium_model, policy_profile, custodian_id,
    standstill_s, status, closes_at, drafted_at, published_at, cancelled_reason
FROM rfp WHERE id = $1 AND buyer_id = $2 FOR UPDATE
"""

_SAVE: Final = """-- bids.save_rfp
UPDATE rfp SET status = $2, published_at = $3, cancelled_reason = $4 WHERE id = $1
"""

_FIND_VISIBLE: Final = """-- bids.find_visible_rfp
SELECT id, buyer_id, title, currency, consortium_model, policy_profile, custodian_id,
    standstill_s, status, closes_at, drafted_at, published_at, cancelled_reason
FROM rfp WHERE id = $1 AND (published_at IS NOT NULL OR buyer_id = $2)
"""

_PAGE_VISIBLE: Final = """-- bids.page_visible_rfps
SELECT id, buyer_id, title, currency, consortium_model, policy_profile, custodian_id,
    standstill_s, status, closes_at, drafted_at, published_at, cancelled_reason
FROM rfp
WHERE (published_at IS NOT NULL OR buyer_id = $1) AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""


class PostgresRfpStore:
    """Keep RFPs and their lots in PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._journal = journal
        self._lots = LotStore()

    async def draft(self, decision: Decision[Rfp], act: Act) -> Rfp:
        """Add a draft; one of the same id is returned as it stands."""
        rfp = decision.state
        async with db.transaction(self._pool) as connection:
            is_new = await connection.fetchval(
                _DRAFT,
                rfp.id,
                rfp.buyer_id,
                rfp.title,
                rfp.currency,
                rfp.consortium_model,
                rfp.policy_profile,
                rfp.custodian_id,
                rfp.standstill_s,
                rfp.status,
                rfp.closes_at,
                rfp.drafted_at,
            )
            if is_new is None:
                return await _lock_own(connection, rfp.id, rfp.buyer_id)
            await self._record(connection, decision.facts, act)
        return rfp

    async def pool(
        self,
        rfp_id: RfpId,
        selection: Selection,
        decide: DecidePool,
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> PooledRfp:
        """Put the decided lots in place of the draft's earlier ones; one pool at a time."""
        async with db.transaction(self._pool) as connection:
            await pools.take_turn(connection)
            rfp = await _lock_own(connection, rfp_id, buyer_id)
            candidates, engaged = await pools.read_candidates(connection, rfp_id, selection)
            # In a thread: a large pool takes a second, in which bids must be received.
            decision = await asyncio.to_thread(decide, rfp, candidates, engaged)
            await pools.replace_lots(connection, rfp_id, decision.state.lots)
            await self._record(connection, decision.facts, act)
        return decision.state

    async def publish(
        self,
        rfp_id: RfpId,
        opening_id: OpeningId,
        decide: Callable[[Publication], Decision[Publication]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Rfp:
        """Save a publication; one that stands under this opening's id is returned."""
        async with db.transaction(self._pool) as connection:
            rfp = await _lock_own(connection, rfp_id, buyer_id)
            if await publications.is_dealt(connection, opening_id, rfp_id):
                return rfp
            draft = Publication(
                rfp=rfp,
                lots=tuple(await self._lots.lock_lots_of(connection, rfp_id)),
                custodian_key=await publications.hold_custodian_key(connection, rfp.custodian_id),
            )
            decision = decide(draft)
            after = decision.state
            await _save(connection, after.rfp)
            await self._save_lots(connection, after)
            await publications.add_opening(connection, after)
            await self._record(connection, decision.facts, act)
        return after.rfp

    async def cancel(
        self,
        rfp_id: RfpId,
        decide: Callable[[Cancellation], Decision[Cancellation]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Rfp:
        """Save a cancellation; bids that are being filed are waited for."""
        async with db.transaction(self._pool) as connection:
            opening_id = await publications.lock_opening_of(connection, rfp_id, buyer_id)
            rfp = await _lock_own(connection, rfp_id, buyer_id)
            if opening_id is None and rfp.status is RfpStatus.PUBLISHED:
                # It was published while this waited for its row; nobody closes it so early.
                opening_id = await publications.lock_opening_of(connection, rfp_id, buyer_id)
            before = Cancellation(
                rfp=rfp,
                lots=tuple(await self._lots.lock_lots_of(connection, rfp_id)),
                opening_id=opening_id,
            )
            decision = decide(before)
            after = decision.state
            await _save(connection, after.rfp)
            await self._save_lots(connection, after)
            if after.opening_id is not None:
                await publications.cancel_opening(connection, after.opening_id)
            await self._record(connection, decision.facts, act)
        return after.rfp

    async def find(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Rfp:
        """Read an RFP that was published, or the viewer's own."""
        async with db.reading(self._pool) as connection:
            return await _find_visible(connection, rfp_id, viewer_id)

    async def page(self, part: Part, *, viewer_id: PartyId | None) -> list[Rfp]:
        """Read RFPs by id: those that were published, and the viewer's own."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE_VISIBLE, viewer_id, part.after, part.limit)
        return [rfp_of(row) for row in rows]

    async def find_lot(self, lot_id: LotId, *, viewer_id: PartyId | None) -> ListedLot:
        """Read a lot of an RFP that the viewer may see."""
        async with db.reading(self._pool) as connection:
            lot = await self._lots.find_visible(connection, lot_id, viewer_id=viewer_id)
            members = await self._lots.count_members(connection, [lot_id])
        return ListedLot(lot, members.get(lot_id, 0))

    async def page_lots(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[ListedLot]:
        """Read an RFP's lots by their number."""
        async with db.reading(self._pool) as connection:
            await _find_visible(connection, rfp_id, viewer_id)
            lots = await self._lots.page_of(connection, rfp_id, after=part.after, limit=part.limit)
            members = await self._lots.count_members(connection, [lot.id for lot in lots])
        return [ListedLot(lot, members.get(lot.id, 0)) for lot in lots]

    async def _save_lots(self, connection: Connection, after: Publication | Cancellation) -> None:
        by_status = {lot.status for lot in after.lots}
        for status in sorted(by_status):
            lot_ids = [lot.id for lot in after.lots if lot.status is status]
            await self._lots.save_statuses(connection, lot_ids, status)

    async def _record(self, connection: Connection, facts: Sequence[Fact], act: Act) -> None:
        await self._journal.record(connection, entries_of(facts), actor=act.actor, at=act.at)


def rfp_of(row: asyncpg.Record) -> Rfp:
    """Build an RFP from the columns that every query here lists."""
    return Rfp(
        id=RfpId(row["id"]),
        buyer_id=PartyId(row["buyer_id"]),
        title=row["title"],
        currency=Currency(row["currency"]),
        consortium_model=ConsortiumModel(row["consortium_model"]),
        policy_profile=row["policy_profile"],
        custodian_id=PartyId(row["custodian_id"]),
        standstill_s=row["standstill_s"],
        status=RfpStatus(row["status"]),
        closes_at=row["closes_at"],
        drafted_at=row["drafted_at"],
        published_at=row["published_at"],
        cancelled_reason=row["cancelled_reason"],
    )


async def _lock_own(connection: Connection, rfp_id: RfpId, buyer_id: PartyId) -> Rfp:
    return _one(await connection.fetchrow(_LOCK_OWN, rfp_id, buyer_id))


async def _find_visible(connection: Connection, rfp_id: RfpId, viewer_id: PartyId | None) -> Rfp:
    return _one(await connection.fetchrow(_FIND_VISIBLE, rfp_id, viewer_id))


async def _save(connection: Connection, rfp: Rfp) -> None:
    await connection.execute(_SAVE, rfp.id, rfp.status, rfp.published_at, rfp.cancelled_reason)


def _one(row: asyncpg.Record | None) -> Rfp:
    if row is None:
        raise RfpUnknown
    return rfp_of(row)
