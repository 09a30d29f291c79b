"""Routes of scoring: plans, declarations, scores, and what they come to."""

from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from services.bids.api.plan_fields import ExactNumber, MethodAnswer, StateScoring, method_answer
from services.bids.api.score_fields import LotScoresAnswer, lot_scores_answer
from services.bids.domain.awards.award import EvaluationUnknown
from services.bids.domain.lots import LotUnknown
from services.bids.domain.rfps import RfpNotDraft, RfpUnknown
from services.bids.domain.scoring.candidates import AnswerMissing
from services.bids.domain.scoring.cascade import BidUnscored, Disqualification
from services.bids.domain.scoring.panels import (
    AgreedScore,
    ConflictStands,
    DeclarationMissing,
    DeclaredAlready,
    EvaluatorUnknown,
    IndividualScore,
    ScoresFinal,
    ScoresIncomplete,
    ScoreUnfit,
)
from services.bids.domain.scoring.plan import PlanUnfit
from services.bids.domain.scoring.ties import LotNotDrawable
from services.bids.domain.scoring.values import CostUnfit
from services.bids.usecases.scoring import Scoring
from shared.domain.ids import BidId, LotId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, Prose, RequestModel

SCORING: Final = web.AppKey("bids_scoring", Scoring)

SCORE_WRITE: Final = "score:write"
"""What an evaluator may do."""

routes = Api("bids", title="", version="")


class DeclareConflict(RequestModel):
    """Whether the evaluator has a conflict of interest, in its own words."""

    has_conflict: bool
    statement: Prose


class DeclarationAnswer(AnswerModel):
    """What an evaluator declared."""

    evaluator_id: UUID
    has_conflict: bool
    statement: str
    declared_at: datetime


class ScoreBid(RequestModel):
    """One mark on a criterion's own scale; a bid passes with 1 and fails with 0."""

    criterion: Label
    mark: ExactNumber
    comment: Prose | None = None


class AgreeScore(RequestModel):
    """What a panel agreed on, and why."""

    criterion: Label
    mark: ExactNumber
    reason: Prose


class DisqualifyBid(RequestModel):
    """Why a bid may not win."""

    reason: Prose


class ScoreAnswer(AnswerModel):
    """A score as it was kept."""

    bid_id: UUID
    criterion: str
    mark: str


class ReleaseAnswer(AnswerModel):
    """When a lot's prices were released."""

    lot_id: UUID
    prices_released_at: datetime | None


@routes.put(
    "/v1/rfps/{rfp_id}/scoring",
    scope="rfp:write",
    body=StateScoring,
    answer=MethodAnswer,
    summary="State how an RFP is scored",
    refusals=(RfpUnknown, RfpNotDraft, PlanUnfit),
)
async def state_scoring(call: Call[StateScoring]) -> MethodAnswer:
    """Put a draft's plan and panels in place of those before; the publication freezes them."""
    method = await call.of(SCORING).state(
        RfpId(call.id("rfp_id")),
        call.body.plan(),
        call.body.scoring_panels(),
        buyer_id=call.caller_party,
    )
    return method_answer(method)


@routes.get(
    "/v1/rfps/{rfp_id}/scoring",
    scope="rfp:read",
    answer=MethodAnswer,
    summary="Read how an RFP is scored",
    refusals=(RfpUnknown,),
)
async def read_scoring(call: Call[None]) -> MethodAnswer:
    """Show the plan; without one the RFP's criteria decide, price by lowest over this."""
    method = await call.of(SCORING).method_of(
        RfpId(call.id("rfp_id")), viewer_id=call.caller.party_id
    )
    return method_answer(method)


@routes.put(
    "/v1/rfps/{rfp_id}/declaration",
    scope=SCORE_WRITE,
    body=DeclareConflict,
    answer=DeclarationAnswer,
    summary="Declare whether there is a conflict of interest",
    refusals=(RfpUnknown, EvaluatorUnknown, DeclaredAlready),
)
async def declare_conflict(call: Call[DeclareConflict]) -> DeclarationAnswer:
    """Declare before scoring; a conflict that arises later is taken, and never taken back."""
    given = await call.of(SCORING).declare(
        RfpId(call.id("rfp_id")),
        evaluator_id=call.caller_party,
        has_conflict=call.body.has_conflict,
        statement=call.body.statement,
    )
    return DeclarationAnswer(
        evaluator_id=given.evaluator_id,
        has_conflict=given.has_conflict,
        statement=given.statement,
        declared_at=given.declared_at,
    )


@routes.put(
    "/v1/lots/{lot_id}/bids/{bid_id}/score",
    scope=SCORE_WRITE,
    body=ScoreBid,
    answer=ScoreAnswer,
    summary="Score a bid on a criterion",
    refusals=(
        LotUnknown,
        EvaluatorUnknown,
        DeclarationMissing,
        ConflictStands,
        ScoresFinal,
        ScoreUnfit,
    ),
)
async def score_bid(call: Call[ScoreBid]) -> ScoreAnswer:
    """Give one's own mark; a changed one is kept as a further version."""
    body = call.body
    given = IndividualScore(
        bid_id=BidId(call.id("bid_id")),
        criterion=body.criterion,
        evaluator_id=call.caller_party,
        mark=body.mark,
        comment=body.comment or "",
    )
    await call.of(SCORING).score(LotId(call.id("lot_id")), given)
    return ScoreAnswer(bid_id=given.bid_id, criterion=given.criterion, mark=f"{given.mark:f}")


@routes.put(
    "/v1/lots/{lot_id}/bids/{bid_id}/agreed-score",
    scope="award:write",
    body=AgreeScore,
    answer=ScoreAnswer,
    summary="Record what a panel agreed on",
    refusals=(LotUnknown, ScoresFinal, ScoreUnfit, ScoresIncomplete),
)
async def agree_score(call: Call[AgreeScore]) -> ScoreAnswer:
    """Record a consensus, when each evaluator of the panel has given a mark of its own."""
    body = call.body
    agreed = AgreedScore(
        bid_id=BidId(call.id("bid_id")),
        criterion=body.criterion,
        mark=body.mark,
        reason=body.reason,
    )
    lot_id = LotId(call.id("lot_id"))
    await call.of(SCORING).agree(lot_id, agreed, buyer_id=call.caller_party)
    return ScoreAnswer(bid_id=agreed.bid_id, criterion=agreed.criterion, mark=f"{agreed.mark:f}")


@routes.post(
    "/v1/lots/{lot_id}/price-release",
    scope="award:write",
    answer=ReleaseAnswer,
    summary="Release a lot's prices to those who judge by them",
    refusals=(LotUnknown, ScoresIncomplete),
)
async def release_prices(call: Call[None]) -> ReleaseAnswer:
    """Release prices when everything technical is scored; from then on no score changes."""
    lot_id = LotId(call.id("lot_id"))
    book = await call.of(SCORING).release(lot_id, buyer_id=call.caller_party)
    return ReleaseAnswer(lot_id=lot_id, prices_released_at=book.prices_released_at)


@routes.put(
    "/v1/lots/{lot_id}/bids/{bid_id}/disqualification",
    scope="award:write",
    body=DisqualifyBid,
    answer=LotScoresAnswer,
    summary="Set a bid aside",
    refusals=(LotUnknown, EvaluationUnknown, BidUnscored, ScoresIncomplete, AnswerMissing),
)
async def disqualify_bid(call: Call[DisqualifyBid]) -> LotScoresAnswer:
    """Set a bid aside, with its reason; the others are scored anew without it."""
    lot_id = LotId(call.id("lot_id"))
    out = Disqualification(BidId(call.id("bid_id")), call.body.reason)
    await call.of(SCORING).disqualify(lot_id, out, buyer_id=call.caller_party)
    return lot_scores_answer(await call.of(SCORING).scores_of(lot_id, call.caller))


@routes.get(
    "/v1/lots/{lot_id}/scores",
    scope="award:read",
    answer=LotScoresAnswer,
    summary="Read a lot's scores",
    refusals=(
        LotUnknown,
        EvaluationUnknown,
        ScoresIncomplete,
        AnswerMissing,
        CostUnfit,
        LotNotDrawable,
    ),
)
async def read_scores(call: Call[None]) -> LotScoresAnswer:
    """Show every score, the ranking, how firm it is, and prices that ask for an explanation.

    To the lot's buyer and to auditors, and once it is awarded to all.
    """
    scores = await call.of(SCORING).scores_of(LotId(call.id("lot_id")), call.caller)
    return lot_scores_answer(scores)
