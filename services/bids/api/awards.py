"""Routes of evaluations, auctions of lots, awards and their lines."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

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
from services.bids.domain.awards import (
    AwardStatus,
    AwardTooEarly,
    AwardUnknown,
    BidderUnknown,
    BidsMissing,
    BidsTooFew,
    Choice,
    EvaluationUnknown,
    ReasonMissing,
)
from services.bids.domain.lots import LotStatus, LotUnknown, exact
from services.bids.domain.openings import BidFailure
from services.bids.domain.policy import PolicyBreached, PolicyProfileUnknown
from services.bids.ports.sealed import (
    AwardRecord,
    EvaluatedBid,
    EvaluationRecord,
    LineRecord,
)
from services.bids.usecases.auctioning import Auctioning
from services.bids.usecases.awards import Awarding
from shared.domain.ids import AwardId, LotId, PartyId
from shared.domain.money import total
from shared.web import Api, Call
from shared.web.auction_rules import HANDICAPS_MAX, AuctionRulesBody, HandicapBody, factor_of
from shared.web.fields import (
    AnswerModel,
    Instant,
    PageAnswer,
    PriceText,
    Prose,
    RequestModel,
)

AWARDING: Final = web.AppKey("bids_awarding", Awarding)
AUCTIONING: Final = web.AppKey("bids_auctioning", Auctioning)

routes = Api("bids", title="", version="")


class EvaluatedBidAnswer(AnswerModel):
    """An opened bid; rank, price, total and score are null while they may not be seen."""

    bid_id: UUID
    vendor_id: UUID
    rank: int | None
    unit_price: str | None
    total: str | None
    score: str | None
    received_at: datetime


class FailedBidAnswer(AnswerModel):
    """A bid that could not be opened, and why."""

    bid_id: UUID
    vendor_id: UUID
    failure: BidFailure
    received_at: datetime


class FinalPlaceAnswer(AnswerModel):
    """A vendor's place and price at the close of the auction."""

    vendor_id: UUID
    rank: int
    unit_price: str


class EvaluationAnswer(AnswerModel):
    """A lot's bids after the opening, best first; `auction` is null where none was held.

    A score is 100 x lowest price / own price, rounded half-even to six decimals for display alone.
    """

    lot_id: UUID
    status: LotStatus
    currency: str
    bids: list[EvaluatedBidAnswer]
    failures: list[FailedBidAnswer]
    auction: list[FinalPlaceAnswer] | None


class RequestAuction(RequestModel):
    """When a lot is auctioned, by which rules, and what the buyer keeps to itself."""

    opens_at: Instant
    closes_at: Instant
    rules: AuctionRulesBody
    reserve: PriceText | None = None
    budget: PriceText | None = None
    handicaps: Annotated[tuple[HandicapBody, ...], Field(max_length=HANDICAPS_MAX)] = ()


class IntendAward(RequestModel):
    """Whom the lot goes to: the best, unless another is named with a reason."""

    vendor_id: UUID | None = None
    reason: Prose | None = None


class EndWithoutAward(RequestModel):
    """Why nobody gets the lot."""

    reason: Prose


class AwardAnswer(AnswerModel):
    """The decision on a lot; `total` is the sum of its lines' totals.

    By a graduated bid, `total` is exact, and `unit_price` is the average, rounded to four decimals.
    """

    id: UUID
    lot_id: UUID
    vendor_id: UUID
    vendor_name: str
    unit_price: str
    quantity: str
    total: str
    currency: str
    status: AwardStatus
    intended_at: datetime
    standstill_ends_at: datetime
    made_at: datetime | None
    reason: str | None


class AwardLineAnswer(AnswerModel):
    """One member's part of an award; a negative saving says that it pays more than today."""

    id: UUID
    member_id: UUID
    quantity: str
    unit_price: str
    total: str
    baseline_total: str | None
    saving: str | None
    currency: str


@routes.get(
    "/v1/lots/{lot_id}/evaluation",
    scope="award:read",
    answer=EvaluationAnswer,
    summary="Read a lot's opened bids",
    refusals=(LotUnknown, EvaluationUnknown),
)
async def read_evaluation(call: Call[None]) -> EvaluationAnswer:
    """Show the ranking: to the lot's buyer and to auditors, and once it is awarded to all.

    While the lot is at auction, auditors see which bids take part, without ranks and prices.
    """
    record = await call.of(AWARDING).evaluation(LotId(call.id("lot_id")), call.caller)
    return _evaluation(record)


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


@routes.post(
    "/v1/lots/{lot_id}/intent",
    scope="award:write",
    body=IntendAward,
    answer=AwardAnswer,
    summary="Name a lot's winner",
    refusals=(
        LotUnknown,
        LotNotEvaluated,
        BidsMissing,
        BidderUnknown,
        ReasonMissing,
        BidsTooFew,
        AwardTooEarly,
    ),
    creates=True,
)
async def intend_award(call: Call[IntendAward]) -> AwardAnswer:
    """Award the lot from its sealed ranking or, where an auction was held, from that one's.

    The award becomes final by itself when the standstill has passed.
    """
    chosen = call.body.vendor_id
    choice = Choice(
        award_id=AwardId(call.new_id),
        vendor_id=None if chosen is None else PartyId(chosen),
        reason=call.body.reason,
    )
    lot_id = LotId(call.id("lot_id"))
    return _award(await call.of(AWARDING).intend(lot_id, choice, buyer_id=call.caller_party))


@routes.post(
    "/v1/lots/{lot_id}/no-award",
    scope="award:write",
    body=EndWithoutAward,
    answer=LotAnswer,
    summary="End a lot without award",
    refusals=(LotUnknown, LotNotEvaluated),
)
async def end_without_award(call: Call[EndWithoutAward]) -> LotAnswer:
    """End the lot, with a reason that its chain keeps; its requirements may be pooled again."""
    lot_id, buyer_id = LotId(call.id("lot_id")), call.caller_party
    await call.of(AWARDING).end_without_award(lot_id, call.body.reason, buyer_id=buyer_id)
    return LotAnswer.of(await call.of(RFPS).find_lot(lot_id, viewer_id=buyer_id))


@routes.get(
    "/v1/lots/{lot_id}/award",
    scope="award:read",
    answer=AwardAnswer,
    summary="Read a lot's award",
    refusals=(AwardUnknown,),
)
async def read_award(call: Call[None]) -> AwardAnswer:
    """Show the award, intended or made."""
    return _award(await call.of(AWARDING).award_of(LotId(call.id("lot_id"))))


@routes.get(
    "/v1/awards/{award_id}/lines",
    scope="award:read",
    answer=PageAnswer[AwardLineAnswer],
    summary="List an award's lines",
    refusals=(AwardUnknown,),
    paged=True,
)
async def list_award_lines(call: Call[None]) -> PageAnswer[AwardLineAnswer]:
    """Show each member its own line; to the buyer, the winner and auditors, all of them."""
    page = call.page()
    records = await call.of(AWARDING).lines(
        AwardId(call.id("award_id")), call.caller, after=page.after, limit=page.limit
    )
    items = [_line(record) for record in records]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


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


def _evaluation(record: EvaluationRecord) -> EvaluationAnswer:
    lot = record.lot
    auction = [
        FinalPlaceAnswer(vendor_id=bidder.vendor_id, rank=bidder.rank, unit_price=str(bidder.price))
        for bidder in record.auction
    ]
    return EvaluationAnswer(
        lot_id=lot.id,
        status=lot.status,
        currency=lot.currency,
        bids=[_bid(bid, lot.quantity) for bid in record.bids if bid.failure is None],
        failures=[
            FailedBidAnswer(
                bid_id=bid.bid_id,
                vendor_id=bid.vendor_id,
                failure=bid.failure,
                received_at=bid.received_at,
            )
            for bid in record.bids
            if bid.failure is not None
        ],
        auction=auction or None,
    )


def _bid(bid: EvaluatedBid, quantity: Decimal) -> EvaluatedBidAnswer:
    return EvaluatedBidAnswer(
        bid_id=bid.bid_id,
        vendor_id=bid.vendor_id,
        rank=bid.rank,
        unit_price=None if bid.price is None else str(bid.price),
        total=None if bid.price is None else str(total(bid.price, quantity)),
        score=None if bid.score is None else f"{bid.score:f}",
        received_at=bid.received_at,
    )


def _award(record: AwardRecord) -> AwardAnswer:
    award = record.award
    return AwardAnswer(
        id=award.id,
        lot_id=award.lot_id,
        vendor_id=award.vendor_id,
        vendor_name=record.vendor_name,
        unit_price=str(award.price),
        quantity=f"{exact(award.quantity):f}",
        total=str(award.total),
        currency=award.price.currency,
        status=award.status,
        intended_at=award.intended_at,
        standstill_ends_at=award.standstill_ends_at,
        made_at=award.made_at,
        reason=award.reason,
    )


def _line(record: LineRecord) -> AwardLineAnswer:
    line = record.line
    return AwardLineAnswer(
        id=record.id,
        member_id=line.member_id,
        quantity=f"{line.quantity:f}",
        unit_price=str(record.price),
        total=str(line.total),
        baseline_total=None if line.baseline_total is None else str(line.baseline_total),
        saving=None if line.saving is None else str(line.saving),
        currency=record.price.currency,
    )
