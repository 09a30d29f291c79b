"""Read what can be pooled, and put a pool's lots in place of a draft's earlier ones."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import asyncpg

from services.bids.domain.pooling import CANDIDATES_MAX, Candidate
from services.bids.domain.rfps import LotWithShares
from services.bids.ports.purchase import Selection
from shared.db import Connection
from shared.domain.ids import PartyId, RequirementId, RfpId
from shared.domain.money import Currency

_POOLING_LOCK: Final = 0x706F6F6C
"""Any number that nothing else in the schema locks on; it spells "pool"."""

_TAKE_TURN: Final = """-- bids.take_turn_at_pooling
SELECT pg_advisory_xact_lock($1)
"""

_CANDIDATES: Final = """-- bids.list_candidates
SELECT requirement.id, requirement.member_id, party.reference AS member_reference,
    party.name AS member_name, requirement.reference, requirement.category,
    requirement.item_code, requirement.specification, requirement.unit, requirement.quantity,
    requirement.need_by, requirement.term_months, requirement.delivery_area,
    requirement.currency, engaged.requirement_id IS NOT NULL AS is_engaged
FROM requirement
JOIN party ON party.id = requirement.member_id
LEFT JOIN (
    SELECT DISTINCT share.requirement_id
    FROM share JOIN lot ON lot.id = share.lot_id JOIN rfp ON rfp.id = lot.rfp_id
    WHERE lot.rfp_id <> $1 AND rfp.status <> 'cancelled'
        AND lot.status NOT IN ('no_award', 'cancelled')
) AS engaged ON engaged.requirement_id = requirement.id
WHERE ($2::text IS NULL OR requirement.category = $2)
    AND ($3::text IS NULL OR requirement.item_code = $3)
    AND ($4::text[] IS NULL OR requirement.reference = ANY($4))
LIMIT $5
"""

_DROP_SHARES: Final = """-- bids.drop_shares_of_draft
DELETE FROM share USING lot WHERE lot.id = share.lot_id AND lot.rfp_id = $1
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

_ADD_SHARES: Final = """-- bids.add_shares
INSERT INTO share (lot_id, requirement_id, member_id, quantity)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::numeric[])
"""


async def take_turn(connection: Connection) -> None:
    """Wait until no other transaction pools: a requirement must not enter two RFPs at once."""
    await connection.execute(_TAKE_TURN, _POOLING_LOCK)


async def read_candidates(
    connection: Connection, rfp_id: RfpId, selection: Selection
) -> tuple[list[Candidate], AbstractSet[RequirementId]]:
    """Read what the selection names, and which of it is in a lot of another live RFP.

    At most one candidate more than `CANDIDATES_MAX` is read.
    """
    references = None if selection.references is None else list(selection.references)
    rows = await connection.fetch(
        _CANDIDATES,
        rfp_id,
        selection.category,
        selection.item_code,
        references,
        CANDIDATES_MAX + 1,
    )
    return await asyncio.to_thread(_candidates_of, rows)


async def replace_lots(
    connection: Connection, rfp_id: RfpId, lots: Sequence[LotWithShares]
) -> None:
    """Put lots and their shares in place of those that the draft has."""
    await connection.execute(_DROP_SHARES, rfp_id)
    await connection.execute(_DROP_LOTS, rfp_id)
    await connection.execute(
        _ADD_LOTS,
        [each.lot.id for each in lots],
        [each.lot.rfp_id for each in lots],
        [each.lot.number for each in lots],
        [each.lot.title for each in lots],
        [each.lot.category for each in lots],
        [each.lot.item_code for each in lots],
        [each.lot.specification for each in lots],
        [each.lot.unit for each in lots],
        [each.lot.term_months for each in lots],
        [each.lot.delivery_area for each in lots],
        [each.lot.quantity for each in lots],
        [each.lot.status for each in lots],
    )
    shares = [(each.lot.id, share) for each in lots for share in each.shares]
    await connection.execute(
        _ADD_SHARES,
        [lot_id for lot_id, _ in shares],
        [share.requirement_id for _, share in shares],
        [share.member_id for _, share in shares],
        [share.quantity for _, share in shares],
    )


def _candidates_of(
    rows: Sequence[asyncpg.Record],
) -> tuple[list[Candidate], AbstractSet[RequirementId]]:
    engaged = {RequirementId(row["id"]) for row in rows if row["is_engaged"]}
    return [_candidate_of(row) for row in rows], engaged


def _candidate_of(row: asyncpg.Record) -> Candidate:
    return Candidate(
        requirement_id=RequirementId(row["id"]),
        member_id=PartyId(row["member_id"]),
        member_reference=row["member_reference"],
        member_name=row["member_name"],
        reference=row["reference"],
        category=row["category"],
        item_code=row["item_code"],
        specification=row["specification"],
        unit=row["unit"],
        quantity=row["quantity"],
        need_by=row["need_by"],
        term_months=row["term_months"],
        delivery_area=row["delivery_area"],
        currency=Currency(row["currency"]),
    )
