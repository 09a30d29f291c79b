"""Read opened bids for screens: an RFP's lots, and its buyer's earlier ones of the same items."""

from collections import defaultdict
from fractions import Fraction
from typing import Final

import asyncpg

from services.bids.domain.rfps import RfpUnknown
from services.bids.domain.screens.contests import Contest, VendorBid
from services.bids.ports.scoring import Market
from shared import db
from shared.db import Pool
from shared.domain.ids import PartyId, RfpId
from shared.domain.money import PRICE_SCALE

_BUYER: Final = """-- bids.read_buyer_to_screen_for
SELECT buyer_id FROM rfp WHERE id = $1
"""

# A lot at auction is left out: its prices wait for the close.
_BIDS: Final = """-- bids.list_bids_to_screen
WITH contest AS (
    SELECT lot.id, lot.item_code, lot.delivery_area, lot.quantity, rfp.currency, rfp.closes_at
    FROM lot JOIN rfp ON rfp.id = lot.rfp_id
    WHERE rfp.buyer_id = $2 AND lot.status <> 'auctioning'
        AND lot.item_code IN (SELECT item_code FROM lot AS own WHERE own.rfp_id = $1)
        AND rfp.currency = (SELECT currency FROM rfp AS this WHERE this.id = $1)
        AND EXISTS (SELECT FROM unsealed_bid AS bid WHERE bid.lot_id = lot.id)
    ORDER BY rfp.closes_at DESC, lot.id LIMIT $3
)
SELECT contest.id AS lot_id, contest.item_code, contest.delivery_area, contest.quantity,
    contest.closes_at, unsealed_bid.vendor_id, unsealed_bid.price_e4, unsealed_bid.rank
FROM contest JOIN unsealed_bid ON unsealed_bid.lot_id = contest.id
WHERE unsealed_bid.price_e4 > 0
ORDER BY contest.closes_at, contest.id, unsealed_bid.rank NULLS LAST, unsealed_bid.bid_id
"""


class ScreenStore:
    """The port `Markets` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's pool."""
        self._pool = pool

    async def of_rfp(self, rfp_id: RfpId, *, limit: int) -> Market:
        """Read the latest contests of the RFP's items, up to a limit.

        Raises:
            RfpUnknown: No such RFP.
        """
        async with db.reading(self._pool) as connection:
            buyer_id = await connection.fetchval(_BUYER, rfp_id)
            if buyer_id is None:
                raise RfpUnknown
            rows = await connection.fetch(_BIDS, rfp_id, buyer_id, limit)
        by_lot: dict[str, list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            by_lot[str(row["lot_id"])].append(row)
        contests = tuple(_contest(lot_id, bids) for lot_id, bids in by_lot.items())
        return Market(PartyId(buyer_id), contests)


def _contest(lot_id: str, rows: list[asyncpg.Record]) -> Contest:
    """Build a contest; its season is the year in which bidding closed."""
    first = rows[0]
    return Contest(
        key=lot_id,
        season=first["closes_at"].year,
        place=f"{first['item_code']} {first['delivery_area']}",
        bids=tuple(
            VendorBid(str(row["vendor_id"]), Fraction(row["price_e4"], PRICE_SCALE)) for row in rows
        ),
        winner=None if first["rank"] is None else str(first["vendor_id"]),
        drivers=(Fraction(first["quantity"]),),
    )
