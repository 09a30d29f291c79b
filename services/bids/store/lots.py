"""Keep lots.

Whoever locks several rows of a purchase takes the opening first, then the RFP, then its lots by
their number, so that no two wait for each other.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import asyncpg

from services.bids.domain.lots import Lot, LotStatus, LotUnknown, exact
from services.bids.ports.purchase import Part
from shared.db import Connection
from shared.domain.ids import LotId, PartyId, RfpId
from shared.domain.money import Currency

_SELECT: Final = """
SELECT lot.id, lot.rfp_id, rfp.buyer_id, lot.number, lot.title, lot.category, lot.item_code,
    lot.specification, lot.unit, lot.term_months, lot.delivery_area, lot.quantity, rfp.currency,
    lot.status
FROM lot JOIN rfp ON rfp.id = lot.rfp_id
"""

_READ: Final = f"""-- bids.read_lot
{_SELECT}WHERE lot.id = $1
"""

_LOCK: Final = f"""-- bids.lock_lot
{_SELECT}WHERE lot.id = $1 FOR UPDATE OF lot
"""

_SAVE_STATUS: Final = """-- bids.save_lot_status
UPDATE lot SET status = $2 WHERE id = $1
"""

_SAVE_STATUSES: Final = """-- bids.save_lot_statuses
UPDATE lot SET status = $2 WHERE id = ANY($1::uuid[])
"""

_OF_RFP: Final = f"""-- bids.list_lots_of_rfp
{_SELECT}WHERE lot.rfp_id = $1 ORDER BY lot.number
"""

_LOCK_OF_RFP: Final = f"""-- bids.lock_lots_of_rfp
{_SELECT}WHERE lot.rfp_id = $1 ORDER BY lot.number FOR UPDATE OF lot
"""

_COUNT_MEMBERS: Final = """-- bids.count_members_of_lots
SELECT lot_id, count(DISTINCT member_id) AS members FROM share
WHERE lot_id = ANY($1::uuid[]) GROUP BY lot_id
"""

_FIRM: Final = """-- bids.read_firm_quantities
SELECT lot.id AS lot_id, coalesce(lot_volume.firm, stated.firm, 0) AS firm
FROM lot
LEFT JOIN lot_volume ON lot_volume.lot_id = lot.id
LEFT JOIN LATERAL (
    SELECT sum(share.quantity) AS firm
    FROM share JOIN requirement ON requirement.id = share.requirement_id
    WHERE share.lot_id = lot.id AND requirement.commitment = 'firm'
) AS stated ON lot_volume.lot_id IS NULL
WHERE lot.id = ANY($1::uuid[])
"""

_REGIONS: Final = """-- bids.read_regions_of_lots
SELECT lot_id, array_agg(region ORDER BY region) AS regions FROM lot_region
WHERE lot_id = ANY($1::uuid[]) GROUP BY lot_id
"""

_DROP_REGIONS: Final = """-- bids.drop_regions_of_lot
DELETE FROM lot_region WHERE lot_id = $1
"""

_ADD_REGIONS: Final = """-- bids.add_regions_of_lot
INSERT INTO lot_region (lot_id, region) SELECT $1, * FROM unnest($2::text[])
"""

IN_REGION: Final = """(
    NOT EXISTS (SELECT FROM lot_region WHERE lot_region.lot_id = lot.id)
    OR NOT EXISTS (SELECT FROM party WHERE party.id = $2 AND party.kind = 'vendor')
    OR EXISTS (
        SELECT FROM lot_region JOIN vendor_profile ON vendor_profile.vendor_id = $2
        WHERE lot_region.lot_id = lot.id AND (
            cardinality(vendor_profile.regions) = 0
            OR lot_region.region = ANY(vendor_profile.regions)
        )
    )
)"""
"""Whether a lot is shown to $2: a lot of some regions is shown to no vendor that serves none.

It says what `domain.eligibility` says: a vendor that names no regions delivers everywhere, and one
of which nothing is known delivers nowhere.
"""

_FIND_VISIBLE: Final = f"""-- bids.find_visible_lot
{_SELECT}WHERE lot.id = $1 AND (rfp.published_at IS NOT NULL OR rfp.buyer_id = $2)
    AND {IN_REGION}
"""

_PAGE: Final = f"""-- bids.page_lots
{_SELECT}WHERE lot.rfp_id = $1
    AND lot.number > coalesce((SELECT number FROM lot AS last WHERE last.id = $3), 0)
    AND {IN_REGION}
ORDER BY lot.number LIMIT $4
"""  # noqa: S608 - joins constants of this file


class LotStore:
    """Read and change lots within the caller's transaction."""

    async def read(self, connection: Connection, lot_id: LotId) -> Lot:
        """Read a lot, whoever asks.

        Raises:
            LotUnknown: No such lot.
        """
        return _one(await connection.fetchrow(_READ, lot_id))

    async def lock(self, connection: Connection, lot_id: LotId) -> Lot:
        """Read a lot and hold its row FOR UPDATE.

        Raises:
            LotUnknown: No such lot.
        """
        return _one(await connection.fetchrow(_LOCK, lot_id))

    async def save_status(self, connection: Connection, lot_id: LotId, status: LotStatus) -> None:
        """Write what a lot has become."""
        await connection.execute(_SAVE_STATUS, lot_id, status)

    async def save_statuses(
        self, connection: Connection, lot_ids: Sequence[LotId], status: LotStatus
    ) -> None:
        """Write what many lots have become, in one statement."""
        await connection.execute(_SAVE_STATUSES, lot_ids, status)

    async def lots_of(self, connection: Connection, rfp_id: RfpId) -> list[Lot]:
        """Read all lots of an RFP by their number."""
        return [lot_of(row) for row in await connection.fetch(_OF_RFP, rfp_id)]

    async def lock_lots_of(self, connection: Connection, rfp_id: RfpId) -> list[Lot]:
        """Read all lots of an RFP by their number and hold their rows FOR UPDATE."""
        return [lot_of(row) for row in await connection.fetch(_LOCK_OF_RFP, rfp_id)]

    async def count_members(
        self, connection: Connection, lot_ids: Sequence[LotId]
    ) -> Mapping[LotId, int]:
        """Count the members that have a share in each lot."""
        rows = await connection.fetch(_COUNT_MEMBERS, lot_ids)
        return {LotId(row["lot_id"]): row["members"] for row in rows}

    async def find_visible(
        self, connection: Connection, lot_id: LotId, *, viewer_id: PartyId | None
    ) -> Lot:
        """Read a lot of a published RFP, or of the viewer's own draft.

        Raises:
            LotUnknown: No such lot, or one of another's draft.
        """
        return _one(await connection.fetchrow(_FIND_VISIBLE, lot_id, viewer_id))

    async def page_of(
        self, connection: Connection, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[Lot]:
        """Read the lots of an RFP that the viewer is shown behind `part.after`, by their number."""
        rows = await connection.fetch(_PAGE, rfp_id, viewer_id, part.after, part.limit)
        return [lot_of(row) for row in rows]

    async def read_firm(
        self, connection: Connection, lot_ids: Sequence[LotId]
    ) -> Mapping[LotId, Decimal]:
        """Read how much of each lot its members stated as firm."""
        rows = await connection.fetch(_FIRM, lot_ids)
        return {LotId(row["lot_id"]): exact(row["firm"]) for row in rows}

    async def read_regions(
        self, connection: Connection, lot_ids: Sequence[LotId]
    ) -> Mapping[LotId, tuple[str, ...]]:
        """Read to which regions each lot is limited; a lot that is limited to none is missing."""
        rows = await connection.fetch(_REGIONS, lot_ids)
        return {LotId(row["lot_id"]): tuple(row["regions"]) for row in rows}

    async def save_regions(
        self, connection: Connection, lot_id: LotId, regions: Sequence[str]
    ) -> None:
        """Limit a lot to regions, in place of those before; none lets every vendor see it."""
        await connection.execute(_DROP_REGIONS, lot_id)
        await connection.execute(_ADD_REGIONS, lot_id, regions)


def lot_of(row: asyncpg.Record) -> Lot:
    """Build a lot from the columns that every query here lists."""
    return Lot(
        id=LotId(row["id"]),
        rfp_id=RfpId(row["rfp_id"]),
        buyer_id=PartyId(row["buyer_id"]),
        number=row["number"],
        title=row["title"],
        category=row["category"],
        item_code=row["item_code"],
        specification=row["specification"],
        unit=row["unit"],
        term_months=row["term_months"],
        delivery_area=row["delivery_area"],
        quantity=exact(row["quantity"]),
        currency=Currency(row["currency"]),
        status=LotStatus(row["status"]),
    )


def _one(row: asyncpg.Record | None) -> Lot:
    if row is None:
        raise LotUnknown
    return lot_of(row)
