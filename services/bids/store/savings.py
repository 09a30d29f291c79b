"""Read what an RFP's members pay by its announced awards, and what that is held against."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from services.bids.domain.consortium import SilenceMeans
from services.bids.ports.awards import OpenedBid
from services.bids.ports.sharing import AwardedLine, AwardedRfp
from services.bids.store.award_rows import line_of
from services.bids.store.contents import content_of
from services.bids.store.lots import LotStore
from services.bids.store.pool_rules import pool_rules_of
from services.bids.store.rfps import find_visible
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import BidId, LotId, PartyId, RfpId

# Of an award that its members answered, the lines hold that they accepted; silence means $3.
_LINES: Final = """-- bids.list_lines_to_report_savings_of
SELECT line.lot_id, line.member_id, line.quantity, line.total_minor, line.baseline_total_minor,
    line.margin_minor, award.currency
FROM award_line AS line
JOIN award ON award.id = line.award_id
JOIN lot ON lot.id = award.lot_id
WHERE lot.rfp_id = $1 AND award.status IN ('intended', 'recommended', 'made')
    AND (award.status <> 'made' OR award.answers_end_at IS NULL OR coalesce((
        SELECT accepts FROM award_line_answer
        WHERE award_line_id = line.id ORDER BY version DESC LIMIT 1
    ), $3))
ORDER BY lot.number, line.member_id, line.id LIMIT $2
"""

_OFFERS: Final = """-- bids.list_first_offers
SELECT unsealed_bid.bid_id, unsealed_bid.lot_id, unsealed_bid.vendor_id, unsealed_bid.price_e4,
    unsealed_bid.content, rfp.currency
FROM unsealed_bid JOIN lot ON lot.id = unsealed_bid.lot_id JOIN rfp ON rfp.id = lot.rfp_id
WHERE lot.rfp_id = $1 AND unsealed_bid.failure IS NULL
    AND unsealed_bid.bid_id NOT IN (SELECT bid_id FROM disqualification WHERE lot_id = lot.id)
ORDER BY unsealed_bid.bid_id
"""

_ASKED: Final = """-- bids.list_what_members_asked_for
SELECT share.lot_id, share.member_id, sum(share.quantity) AS quantity
FROM share JOIN lot ON lot.id = share.lot_id
WHERE lot.rfp_id = $1 GROUP BY share.lot_id, share.member_id
"""


class SavingsStore:
    """The port `Savings` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's pool; nothing is written here."""
        self._pool = pool
        self._lots = LotStore()

    async def of_rfp(self, rfp_id: RfpId, *, lines_max: int) -> AwardedRfp:
        """Read an RFP's announced lines at one instant, one more than a limit at most.

        Raises:
            RfpUnknown: No such RFP, or a draft.
        """
        async with db.snapshot(self._pool) as connection:
            rfp = await find_visible(connection, rfp_id, None)
            silence_accepts = rfp.terms.silence_means is SilenceMeans.ACCEPTED
            lots = await self._lots.lots_of(connection, rfp_id)
            lines = await connection.fetch(_LINES, rfp_id, lines_max + 1, silence_accepts)
            return AwardedRfp(
                buyer_id=rfp.buyer_id,
                lots=lots,
                lines=[
                    AwardedLine(lot_id=LotId(row["lot_id"]), line=line_of(row)) for row in lines
                ],
                offers=await _offers(connection, rfp_id),
                asked=await _asked(connection, rfp_id),
                rules=await pool_rules_of(connection, [lot.id for lot in lots]),
            )


async def _offers(connection: Connection, rfp_id: RfpId) -> Mapping[LotId, list[OpenedBid]]:
    found: defaultdict[LotId, list[OpenedBid]] = defaultdict(list)
    for row in await connection.fetch(_OFFERS, rfp_id):
        offer = OpenedBid(BidId(row["bid_id"]), PartyId(row["vendor_id"]), content_of(row))
        found[LotId(row["lot_id"])].append(offer)
    return found


async def _asked(connection: Connection, rfp_id: RfpId) -> Mapping[LotId, dict[PartyId, Decimal]]:
    found: defaultdict[LotId, dict[PartyId, Decimal]] = defaultdict(dict)
    for row in await connection.fetch(_ASKED, rfp_id):
        found[LotId(row["lot_id"])][PartyId(row["member_id"])] = row["quantity"]
    return found
