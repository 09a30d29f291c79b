"""Routes of evaluations, of decisions on lots, and of the members' lines."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from aiohttp import web

from services.bids.api.rfps import RFPS, LotAnswer
from services.bids.domain.auctioning import LotNotEvaluated
from services.bids.domain.awards.award import AwardStatus, AwardUnknown, EvaluationUnknown
from services.bids.domain.awards.deciding import (
    AwardTooEarly,
    BidderUnknown,
    BidsMissing,
    BidsTooFew,
    Choice,
    ReasonMissing,
)
from services.bids.domain.awards.lines import EnrolmentMissing
from services.bids.domain.awards.scenario import ScenarioNotChosen, ScenarioStale
from services.bids.domain.lots import LotStatus, LotUnknown, exact
from services.bids.domain.openings import BidFailure
from services.bids.domain.policy import PolicyProfileUnknown
from services.bids.domain.scoring.candidates import AnswerMissing
from services.bids.domain.scoring.panels import ScoresIncomplete
from services.bids.domain.winners.scenarios import ScenarioUnknown, ScenarioWithoutAward
from services.bids.domain.withdrawals import WithdrawalUndecided
from services.bids.ports.awards import (
    AwardRecord,
    EvaluatedBid,
    EvaluationRecord,
    LineRecord,
)
from services.bids.usecases.awards import Awarding, Decider
from shared.domain.ids import AwardId, LotId, PartyId, RfpId
from shared.domain.money import total
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer, Prose, RequestModel

AWARDING: Final = web.AppKey("bids_awarding", Awarding)

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


class IntendAward(RequestModel):
    """Whom the lot goes to: the best, unless another is named with a reason."""

    vendor_id: UUID | None = None
    reason: Prose | None = None


class EndWithoutAward(RequestModel):
    """Why nobody gets the lot."""

    reason: Prose


class AwardAnswer(AnswerModel):
    """What a vendor wins of a lot; `total` is the sum of its lines' costs.

    Where the vendor's price differs by tier, package or bid, `unit_price` is the average, rounded
    to four decimals. While `suspended_at` is set, a protest stops the standstill; `ended_at` and
    `ended_reason` are those of an award that was withdrawn. Members answer until `answers_end_at`.
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
    scenario_id: UUID | None
    decided_at: datetime
    intended_at: datetime | None
    standstill_ends_at: datetime | None
    suspended_at: datetime | None
    answers_end_at: datetime | None
    made_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None
    reason: str | None


class AwardsAnswer(AnswerModel):
    """Awards: those that stand, and behind them those that were withdrawn."""

    items: list[AwardAnswer]


class AwardLineAnswer(AnswerModel):
    """One member's part of an award; a negative saving says that it pays more than today.

    `margin` is what a consortium that resells adds; it is in the total. `accepts` is the member's
    last answer, where members are asked; null where it gave none.
    """

    id: UUID
    member_id: UUID
    quantity: str
    unit_price: str
    total: str
    margin: str | None
    baseline_total: str | None
    saving: str | None
    currency: str
    accepts: bool | None


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
        ScoresIncomplete,
        AnswerMissing,
        EnrolmentMissing,
        WithdrawalUndecided,
        PolicyProfileUnknown,
    ),
    creates=True,
)
async def intend_award(call: Call[IntendAward]) -> AwardAnswer:
    """Award the lot from its auction's ranking, else by its scores, else by its sealed prices.

    Where the policy profile asks for it, the award is `proposed` until a second person approves
    it. It becomes final by itself when the standstill has passed without protest.
    """
    chosen = call.body.vendor_id
    choice = Choice(
        award_id=AwardId(call.new_id),
        vendor_id=None if chosen is None else PartyId(chosen),
        reason=call.body.reason,
        by=call.caller.subject,
    )
    lot_id = LotId(call.id("lot_id"))
    return award_answer(await call.of(AWARDING).intend(lot_id, choice, buyer_id=call.caller_party))


@routes.post(
    "/v1/rfps/{rfp_id}/scenarios/{scenario_id}/intent",
    scope="award:write",
    answer=AwardsAnswer,
    summary="Name the winners of a chosen scenario",
    refusals=(
        ScenarioUnknown,
        ScenarioNotChosen,
        ScenarioWithoutAward,
        ScenarioStale,
        LotNotEvaluated,
        BidsTooFew,
        AwardTooEarly,
        EnrolmentMissing,
        WithdrawalUndecided,
        PolicyProfileUnknown,
    ),
)
async def intend_scenario(call: Call[None]) -> AwardsAnswer:
    """Decide all lots of the chosen scenario at once, each whole or split among its winners.

    A lot of which the scenario awards nothing ends without award.
    """
    decider = Decider(buyer_id=call.caller_party, by=call.caller.subject)
    records = await call.of(AWARDING).intend_scenario(
        RfpId(call.id("rfp_id")), call.id("scenario_id"), decider
    )
    return awards_answer(records)


@routes.post(
    "/v1/lots/{lot_id}/no-award",
    scope="award:write",
    body=EndWithoutAward,
    answer=LotAnswer,
    summary="End a lot without award",
    refusals=(LotUnknown, LotNotEvaluated, WithdrawalUndecided),
)
async def end_without_award(call: Call[EndWithoutAward]) -> LotAnswer:
    """End the lot, with a reason that its chain keeps; its requirements may be pooled again."""
    lot_id, buyer_id = LotId(call.id("lot_id")), call.caller_party
    await call.of(AWARDING).end_without_award(lot_id, call.body.reason, buyer_id=buyer_id)
    return LotAnswer.of(await call.of(RFPS).find_lot(lot_id, viewer_id=buyer_id))


@routes.get(
    "/v1/lots/{lot_id}/awards",
    scope="award:read",
    answer=AwardsAnswer,
    summary="Read a lot's awards",
    refusals=(LotUnknown,),
)
async def read_awards(call: Call[None]) -> AwardsAnswer:
    """Show what stands before what was withdrawn; proposals to the buyer and auditors alone."""
    lot_id = LotId(call.id("lot_id"))
    return awards_answer(await call.of(AWARDING).awards_of(lot_id, call.caller))


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


def awards_answer(records: Sequence[AwardRecord]) -> AwardsAnswer:
    """Render awards."""
    return AwardsAnswer(items=[award_answer(record) for record in records])


def award_answer(record: AwardRecord) -> AwardAnswer:
    """Render an award; persons' names stay in the house."""
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
        scenario_id=award.scenario_id,
        decided_at=award.decided_at,
        intended_at=award.intended_at,
        standstill_ends_at=award.standstill_ends_at,
        suspended_at=award.suspended_at,
        answers_end_at=award.answers_end_at,
        made_at=award.made_at,
        ended_at=award.ended_at,
        ended_reason=award.ended_reason,
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
        margin=None if line.margin is None else str(line.margin),
        baseline_total=None if line.baseline_total is None else str(line.baseline_total),
        saving=None if line.saving is None else str(line.saving),
        currency=record.price.currency,
        accepts=record.accepts,
    )
