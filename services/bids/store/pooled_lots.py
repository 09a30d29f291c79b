"""Read how lots came about: their volumes, their shares, and the needs behind a business case."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from services.bids.domain.lots import exact
from services.bids.domain.pooling import Basis, Rule
from services.bids.domain.pooling.rules import terms_written
from services.bids.domain.rfps import Rfp, RfpUnknown
from services.bids.ports.pools import (
    CaseMember,
    CaseNeed,
    LotVolume,
    PooledNeeds,
    ShareRecord,
)
from services.bids.ports.purchase import Part
from services.bids.store.lots import LotStore
from services.bids.store.rfps import find_visible
from shared import db
from shared.db import Pool
from shared.domain.ids import LotId, PartyId, RequirementId, RfpId
from shared.domain.money import Currency, UnitPrice

_VOLUMES: Final = """-- bids.page_lot_volumes
SELECT lot.id, lot.unit, lot.quantity, coalesce(volume.rule, 'sum') AS rule,
    coalesce(volume.basis, 'demand') AS basis, coalesce(volume.demand, lot.quantity) AS demand,
    coalesce(volume.firm, plain.firm, 0) AS firm
FROM lot
LEFT JOIN lot_volume AS volume ON volume.lot_id = lot.id
LEFT JOIN LATERAL (
    SELECT sum(share.quantity) AS firm
    FROM share JOIN requirement ON requirement.id = share.requirement_id
    WHERE share.lot_id = lot.id AND requirement.commitment = 'firm' AND volume.lot_id IS NULL
) AS plain ON true
WHERE lot.rfp_id = $1
    AND lot.number > coalesce((SELECT number FROM lot AS last WHERE last.id = $2), 0)
ORDER BY lot.number LIMIT $3
"""

_SHARES: Final = """-- bids.page_shares_of_lot
SELECT share.requirement_id, share.member_id, party.reference AS member_reference,
    requirement.reference, requirement.unit, share.quantity,
    requirement.commitment = 'firm' AS is_firm
FROM share
JOIN requirement ON requirement.id = share.requirement_id
JOIN party ON party.id = share.member_id
JOIN lot ON lot.id = share.lot_id
JOIN rfp ON rfp.id = lot.rfp_id
WHERE share.lot_id = $1
    AND ($2 OR $3 IN (share.member_id, rfp.buyer_id) OR EXISTS (
        SELECT FROM authorisation
        WHERE agency_id = $3 AND member_id = share.member_id AND ended_at IS NULL
    ))
    AND ($4::uuid IS NULL OR share.requirement_id > $4)
ORDER BY share.requirement_id LIMIT $5
"""

_TERMS: Final = """-- bids.list_lot_terms
SELECT lot_id, rule, terms FROM lot_volume WHERE lot_id = ANY($1::uuid[])
"""

_NEEDS: Final = """-- bids.list_needs_of_lot
SELECT share.member_id, share.quantity, requirement.commitment = 'firm' AS is_firm,
    requirement.baseline_price_e4, requirement.currency
FROM share JOIN requirement ON requirement.id = share.requirement_id
WHERE share.lot_id = $1 ORDER BY share.requirement_id
"""

_MEMBERS: Final = """-- bids.list_case_members
SELECT party.id, party.reference, party.name, coalesce(profile.hazard_zone, '') AS hazard_zone,
    profile.category_one_percent, profile.category_two_percent
FROM party LEFT JOIN member_profile AS profile ON profile.member_id = party.id
WHERE party.id IN (SELECT member_id FROM share WHERE lot_id = ANY($1::uuid[]))
"""


class PostgresPooledLotStore:
    """The port `PooledLotStore` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._lots = LotStore()

    async def volumes(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[LotVolume]:
        """Read how the quantities of an RFP's lots came about, by the lot's number."""
        async with db.reading(self._pool) as connection:
            await find_visible(connection, rfp_id, viewer_id)
            rows = await connection.fetch(_VOLUMES, rfp_id, part.after, part.limit)
        return [_volume_of(row) for row in rows]

    async def shares(
        self, lot_id: LotId, part: Part, *, viewer_id: PartyId | None, sees_all: bool
    ) -> list[ShareRecord]:
        """Read a lot's shares by requirement, as far as the viewer may see them."""
        async with db.reading(self._pool) as connection:
            await self._lots.find_visible(connection, lot_id, viewer_id=viewer_id)
            rows = await connection.fetch(
                _SHARES, lot_id, sees_all, viewer_id, part.after, part.limit
            )
        return [_share_of(row) for row in rows]

    async def needs(
        self, rfp_id: RfpId, numbers: Sequence[int], *, buyer_id: PartyId
    ) -> tuple[Rfp, list[PooledNeeds]]:
        """Read the lots of these numbers of the buyer's own RFP, with all their needs."""
        async with db.reading(self._pool) as connection:
            rfp = await find_visible(connection, rfp_id, buyer_id)
            if rfp.buyer_id != buyer_id:
                raise RfpUnknown
            lots = [
                lot
                for lot in await self._lots.lots_of(connection, rfp_id)
                if lot.number in set(numbers)
            ]
            lot_ids = [lot.id for lot in lots]
            terms = {
                row["lot_id"]: terms_written(Rule(row["rule"]), row["terms"])
                for row in await connection.fetch(_TERMS, lot_ids)
            }
            members = {
                row["id"]: _member_of(row) for row in await connection.fetch(_MEMBERS, lot_ids)
            }
            found = [
                PooledNeeds(
                    lot,
                    terms.get(lot.id),
                    tuple(_need_of(row, members) for row in await connection.fetch(_NEEDS, lot.id)),
                )
                for lot in lots
            ]
        return rfp, found


def _volume_of(row: asyncpg.Record) -> LotVolume:
    return LotVolume(
        lot_id=LotId(row["id"]),
        unit=row["unit"],
        quantity=exact(row["quantity"]),
        rule=Rule(row["rule"]),
        basis=Basis(row["basis"]),
        demand=exact(row["demand"]),
        firm=exact(row["firm"]),
    )


def _share_of(row: asyncpg.Record) -> ShareRecord:
    return ShareRecord(
        requirement_id=RequirementId(row["requirement_id"]),
        member_id=PartyId(row["member_id"]),
        member_reference=row["member_reference"],
        reference=row["reference"],
        unit=row["unit"],
        quantity=exact(row["quantity"]),
        is_firm=row["is_firm"],
    )


def _member_of(row: asyncpg.Record) -> CaseMember:
    return CaseMember(
        id=PartyId(row["id"]),
        reference=row["reference"],
        name=row["name"],
        hazard_zone=row["hazard_zone"],
        category_one_percent=row["category_one_percent"],
        category_two_percent=row["category_two_percent"],
    )


def _need_of(row: asyncpg.Record, members: Mapping[Any, CaseMember]) -> CaseNeed:
    price_e4 = row["baseline_price_e4"]
    currency = Currency(row["currency"])
    return CaseNeed(
        member=members[row["member_id"]],
        quantity=row["quantity"],
        is_firm=row["is_firm"],
        baseline=None if price_e4 is None else UnitPrice(price_e4, currency),
    )
