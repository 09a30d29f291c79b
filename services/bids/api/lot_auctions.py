"""Send lots to live auctions."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from services.bids.api.rfps import RFPS, LotAnswer
from services.bids.domain.auctioning import (
    AuctionHeldAlready,
    AuctionPlan,
    BiddersTooFew,
    Handicap,
    HandicapUnknown,
    LotNotEvaluated,
)
from services.bids.domain.lots import LotUnknown
from services.bids.domain.policy import PolicyBreached, PolicyProfileUnknown
from services.bids.domain.withdrawals import WithdrawalUndecided
from services.bids.usecases.auctioning import Auctioning
from shared.domain.ids import LotId, PartyId
from shared.web import Api, Call
from shared.web.auction_rules import HANDICAPS_MAX, AuctionRulesBody, HandicapBody, factor_of
from shared.web.fields import Instant, PriceText, RequestModel

AUCTIONING: Final = web.AppKey("bids_auctioning", Auctioning)

routes = Api("bids", title="", version="")


class RequestAuction(RequestModel):
    """When a lot is auctioned, by which rules, and what the buyer keeps to itself."""

    opens_at: Instant
    closes_at: Instant
    rules: AuctionRulesBody
    reserve: PriceText | None = None
    budget: PriceText | None = None
    handicaps: Annotated[tuple[HandicapBody, ...], Field(max_length=HANDICAPS_MAX)] = ()


@routes.post(
    "/v1/lots/{lot_id}/auction",
    scope="award:write",
    body=RequestAuction,
    answer=LotAnswer,
    status=202,
    summary="Send a lot to a live auction",
    refusals=(
        LotUnknown,
        LotNotEvaluated,
        AuctionHeldAlready,
        BiddersTooFew,
        HandicapUnknown,
        WithdrawalUndecided,
        PolicyProfileUnknown,
        PolicyBreached,
    ),
)
async def request_auction(call: Call[RequestAuction]) -> LotAnswer:
    """Ask the auctions service to hold an auction with all vendors whose bids were opened.

    What the RFP's policy profile forbids is refused here, with every breach named. If the auctions
    service refuses, the lot is `evaluated` again, and its chain holds the reasons.
    """
    lot_id, buyer_id = LotId(call.id("lot_id")), call.caller_party
    await call.of(AUCTIONING).request(lot_id, _plan(call.body), buyer_id=buyer_id)
    return LotAnswer.of(await call.of(RFPS).find_lot(lot_id, viewer_id=buyer_id))


def _plan(body: RequestAuction) -> AuctionPlan:
    return AuctionPlan(
        opens_at=body.opens_at,
        closes_at=body.closes_at,
        rules=body.rules.told(),
        reserve=body.reserve,
        budget=body.budget,
        handicaps={
            PartyId(one.vendor_id): Handicap(factor_of(one), one.features) for one in body.handicaps
        },
    )
