"""Routes of technical parts: what they say, whether they pass, and the release of the results."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from services.bids.domain.bids import BidUnknown
from services.bids.domain.openings import BidFailure, OpeningUnknown
from services.bids.domain.technical import (
    Judging,
    TechnicalNotOpen,
    TechnicalPart,
    TechnicalResultsReleased,
    TechnicalUnjudged,
)
from services.bids.usecases.technical import Judgement
from shared.auth import Role
from shared.domain.canonical import plain
from shared.domain.ids import BidId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, RequestModel

JUDGEMENT: Final = web.AppKey("bids_judgement", Judgement)

routes = Api("bids", title="", version="")


class JudgeTechnical(RequestModel):
    """Whether a technical part passes, and why."""

    is_passed: bool
    reason: Label


class TechnicalAnswer(AnswerModel):
    """A technical part by its bid; nothing here names the vendor or a price."""

    bid_id: UUID
    lot_id: UUID
    answers: list[dict[str, Any]]
    attestations: list[str]
    documents: list[dict[str, Any]]
    failure: BidFailure | None
    is_passed: bool | None
    reason: str | None


class JudgingAnswer(AnswerModel):
    """The technical parts of an RFP; once `released_at` is set, the results stand."""

    opening_id: UUID
    released_at: datetime | None
    parts: list[TechnicalAnswer]


@routes.get(
    "/v1/rfps/{rfp_id}/technical",
    scope="award:read",
    answer=JudgingAnswer,
    summary="Read the technical parts",
    refusals=(OpeningUnknown,),
)
async def read_technical_parts(call: Call[None]) -> JudgingAnswer:
    """Show the opened technical parts to the RFP's buyer and to auditors."""
    judging = await call.of(JUDGEMENT).of_rfp(
        RfpId(call.id("rfp_id")),
        viewer_id=call.caller.party_id,
        sees_all=call.caller.role is Role.AUDITOR,
    )
    return _judging_answer(judging)


@routes.put(
    "/v1/bids/{bid_id}/technical",
    scope="award:write",
    body=JudgeTechnical,
    answer=TechnicalAnswer,
    summary="Judge a technical part",
    refusals=(BidUnknown, TechnicalNotOpen, TechnicalResultsReleased),
)
async def judge_technical(call: Call[JudgeTechnical]) -> TechnicalAnswer:
    """Record whether a technical part passes; before the release it may be judged anew."""
    part = await call.of(JUDGEMENT).judge(
        BidId(call.id("bid_id")),
        is_passed=call.body.is_passed,
        reason=call.body.reason,
        buyer_id=call.caller_party,
    )
    return _part_answer(part)


@routes.post(
    "/v1/rfps/{rfp_id}/technical/release",
    scope="award:write",
    answer=JudgingAnswer,
    summary="Release the technical results",
    refusals=(OpeningUnknown, TechnicalNotOpen, TechnicalResultsReleased, TechnicalUnjudged),
)
async def release_technical(call: Call[None]) -> JudgingAnswer:
    """Let the results stand; from now on the custodians may open the prices of those that passed.

    The price of a bid that did not pass is never opened.
    """
    judging = await call.of(JUDGEMENT).release(RfpId(call.id("rfp_id")), buyer_id=call.caller_party)
    return _judging_answer(judging)


def _judging_answer(judging: Judging) -> JudgingAnswer:
    return JudgingAnswer(
        opening_id=judging.opening.id,
        released_at=judging.released_at,
        parts=[_part_answer(part) for part in judging.parts],
    )


def _part_answer(part: TechnicalPart) -> TechnicalAnswer:
    content = part.content
    answers: Any = plain(content.answers) if content else []
    # The key of a sealed copy stays here: documents are opened where they are fetched.
    listed = content.documents if content else ()
    documents: Any = [plain(replace(each, copy=None)) for each in listed]
    return TechnicalAnswer(
        bid_id=part.bid_id,
        lot_id=part.lot_id,
        answers=answers,
        attestations=list(content.attestations) if content else [],
        documents=documents,
        failure=part.failure,
        is_passed=part.is_passed,
        reason=part.reason,
    )
