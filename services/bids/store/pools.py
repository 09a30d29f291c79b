"""Read what can be pooled, and put a pool's lots in place of a draft's earlier ones."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, TypeVar

from services.bids.domain.pooling import Candidate
from services.bids.domain.pooling.drafts import DraftLot, DraftLots
from services.bids.domain.rfps import Rfp, RfpUnknown
from services.bids.ports.pools import DecideCommit, DecideReopen
from services.bids.ports.purchase import Act, Selection
from services.bids.store.candidates import collector_paused, let_go, read_candidates
from services.bids.store.rfps import find_visible, lock_own
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import LotId, PartyId, RfpId
from shared.journal import Aggregate, Entry, Journal

Shown = TypeVar("Shown")

SHARES_AT_ONCE: Final = 10_000
"""Shares of one statement: far below its time limit, and written in hundredths of a second."""

_POOLING_LOCK: Final = 0x706F6F6C
"""Any number that nothing else in the schema locks on; it spells "pool"."""

_TAKE_TURN: Final = """-- bids.take_turn_at_pooling
SELECT pg_advisory_xact_lock($1)
"""

_LOTS_OF_DRAFT: Final = """-- bids.list_lots_of_draft
SELECT id FROM lot WHERE rfp_id = $1 ORDER BY number
"""

_DROP_SHARES: Final = """-- bids.drop_shares_of_draft
DELETE FROM share USING lot WHERE lot.id = share.lot_id AND lot.rfp_id = $1
"""

_DROP_VOLUMES: Final = """-- bids.drop_volumes_of_draft
DELETE FROM lot_volume USING lot WHERE lot.id = lot_volume.lot_id AND lot.rfp_id = $1
"""

_DROP_LOTS: Final = """-- bids.drop_lots_of_draft
DELETE FROM lot WHERE rfp_id = $1
"""

_ADD_LOTS: Final = """-- bids.add_lots
INSERT INTO lot (
    id, rfp_id, number, title, category, item_code, specification, unit, term_months,
    delivery_area, quantity, status
)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::integer[], $10::text[], $11::numeric[], $12::text[]
)
"""

_ADD_VOLUMES: Final = """-- bids.add_lot_volumes
INSERT INTO lot_volume (lot_id, rule, basis, terms, demand, firm)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::numeric[], $6::numeric[]
)
"""

_SHARE_COLUMNS: Final = ("lot_id", "requirement_id", "member_id", "quantity")


class PostgresPoolStore:
    """The port `PoolStore` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._journal = journal

    async def preview(
        self,
        rfp_id: RfpId,
        selection: Selection,
        show: Callable[[Rfp, Sequence[Candidate]], Shown],
        *,
        buyer_id: PartyId,
    ) -> Shown:
        """Show what may be made of a draft and its candidates; nothing is kept, nobody waits."""
        with collector_paused():
            async with db.transaction(self._pool) as connection:
                rfp = await _find_own(connection, rfp_id, buyer_id)
                candidates = await read_candidates(connection, rfp_id, selection)
            return await asyncio.to_thread(_shown, show, rfp, candidates)

    async def commit(
        self,
        rfp_id: RfpId,
        selection: Selection,
        decide: DecideCommit,
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> DraftLots:
        """Put the decided lots in place of the draft's earlier ones; one pool at a time."""
        async with db.transaction(self._pool) as connection:
            await connection.execute(_TAKE_TURN, _POOLING_LOCK)
            rfp = await lock_own(connection, rfp_id, buyer_id)
            with collector_paused():
                candidates = await read_candidates(connection, rfp_id, selection)
                # In a thread: a large pool takes seconds, in which bids must be received.
                decision = await asyncio.to_thread(decide, rfp, candidates)
                await _drop_lots(connection, rfp_id)
                await _add_lots(connection, decision.state.lots)
            entry = Entry(Aggregate("rfp", rfp_id), decision.facts)
            await self._journal.record(connection, [entry], actor=act.actor, at=act.at)
        return decision.state

    async def reopen(
        self, rfp_id: RfpId, decide: DecideReopen, act: Act, *, buyer_id: PartyId
    ) -> Rfp:
        """Drop a draft's lots, so that their requirements are free."""
        async with db.transaction(self._pool) as connection:
            rfp = await lock_own(connection, rfp_id, buyer_id)
            rows = await connection.fetch(_LOTS_OF_DRAFT, rfp_id)
            decision = decide(rfp, [LotId(row["id"]) for row in rows])
            if decision.facts:
                await _drop_lots(connection, rfp_id)
                entry = Entry(Aggregate("rfp", rfp_id), decision.facts)
                await self._journal.record(connection, [entry], actor=act.actor, at=act.at)
        return decision.state


def _shown(
    show: Callable[[Rfp, Sequence[Candidate]], Shown], rfp: Rfp, candidates: list[Candidate]
) -> Shown:
    try:
        return show(rfp, candidates)
    finally:
        let_go(candidates)


async def _find_own(connection: Connection, rfp_id: RfpId, buyer_id: PartyId) -> Rfp:
    rfp = await find_visible(connection, rfp_id, buyer_id)
    if rfp.buyer_id != buyer_id:
        raise RfpUnknown
    return rfp


async def _drop_lots(connection: Connection, rfp_id: RfpId) -> None:
    await connection.execute(_DROP_SHARES, rfp_id)
    await connection.execute(_DROP_VOLUMES, rfp_id)
    await connection.execute(_DROP_LOTS, rfp_id)


async def _add_lots(connection: Connection, lots: Sequence[DraftLot]) -> None:
    made = [each.made.lot for each in lots]
    await connection.execute(
        _ADD_LOTS,
        [lot.id for lot in made],
        [lot.rfp_id for lot in made],
        [lot.number for lot in made],
        [lot.title for lot in made],
        [lot.category for lot in made],
        [lot.item_code for lot in made],
        [lot.specification for lot in made],
        [lot.unit for lot in made],
        [lot.term_months for lot in made],
        [lot.delivery_area for lot in made],
        [lot.quantity for lot in made],
        [lot.status for lot in made],
    )
    volumes = [each.volume for each in lots]
    await connection.execute(
        _ADD_VOLUMES,
        [lot.id for lot in made],
        [volume.rule for volume in volumes],
        [volume.basis for volume in volumes],
        [volume.terms or {} for volume in volumes],
        [volume.demand for volume in volumes],
        [volume.firm for volume in volumes],
    )
    shares = (
        (each.made.lot.id, share.requirement_id, share.member_id, share.quantity)
        for each in lots
        for share in each.made.shares
    )
    while part := list(islice(shares, SHARES_AT_ONCE)):
        # Copied, which takes a third of the time that inserting does.
        await connection.copy_records_to_table("share", records=part, columns=_SHARE_COLUMNS)
