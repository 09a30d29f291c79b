"""Answer vendors who ask about RFPs, and buyers who answer them; nobody is told who asked."""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.amendments import RfpNotPublished
from services.bids.domain.bids import VendorUnknown
from services.bids.domain.questions import (
    Question,
    QuestionAnsweredAlready,
    QuestionsClosed,
    QuestionsTooMany,
    QuestionUnknown,
)
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.purchase import Part
from services.bids.usecases.questions import Answering, Questions
from shared.domain.ids import PartyId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer, Prose, RequestModel

QUESTIONS: Final = web.AppKey("bids_questions", Questions)

routes = Api("bids", title="", version="")


class AskQuestion(RequestModel):
    """What a vendor wants to know; leave out what would tell who asks."""

    question: Prose


class AnswerQuestion(RequestModel):
    """What all are told; `question` words it anew where it would tell who asked."""

    answer: Prose
    question: Prose | None = None


class QuestionAnswer(AnswerModel):
    """A question and its answer; `is_own` says that the caller asked it, to the caller alone."""

    id: UUID
    rfp_id: UUID
    question: str = Field(description="As it is published; before its answer, as it was asked.")
    answer: str | None
    asked_at: datetime
    answered_at: datetime | None
    is_own: bool

    @classmethod
    def of(cls, question: Question, viewer_id: PartyId | None) -> Self:
        """Render a question for somebody; only its asker reads it as it was asked."""
        return cls(
            id=question.id,
            rfp_id=question.rfp_id,
            question=question.published_text or question.text,
            answer=question.answer,
            asked_at=question.asked_at,
            answered_at=question.answered_at,
            is_own=question.asker_id == viewer_id,
        )


@routes.post(
    "/v1/rfps/{rfp_id}/questions",
    scope="bid:write",
    body=AskQuestion,
    answer=QuestionAnswer,
    summary="Ask about an RFP",
    refusals=(VendorUnknown, RfpUnknown, RfpNotPublished, QuestionsClosed, QuestionsTooMany),
    creates=True,
)
async def ask_question(call: Call[AskQuestion]) -> QuestionAnswer:
    """Ask about a published RFP; neither its buyer nor anybody else is told who asked."""
    asker_id = call.caller_party
    question = await call.of(QUESTIONS).ask(
        RfpId(call.id("rfp_id")),
        call.body.question,
        question_id=call.new_id,
        asker_id=asker_id,
    )
    return QuestionAnswer.of(question, asker_id)


@routes.post(
    "/v1/questions/{question_id}/answer",
    scope="rfp:write",
    body=AnswerQuestion,
    answer=QuestionAnswer,
    summary="Answer a question to all",
    refusals=(QuestionUnknown, RfpNotPublished, QuestionAnsweredAlready),
    creates=True,
    status=200,
)
async def answer_question(call: Call[AnswerQuestion]) -> QuestionAnswer:
    """Answer a question once; question and answer are published to all."""
    buyer_id = call.caller_party
    question = await call.of(QUESTIONS).answer(
        call.id("question_id"),
        Answering(call.body.answer, call.body.question),
        buyer_id=buyer_id,
    )
    return QuestionAnswer.of(question, buyer_id)


@routes.get(
    "/v1/rfps/{rfp_id}/questions",
    scope="rfp:read",
    answer=PageAnswer[QuestionAnswer],
    summary="List an RFP's questions",
    refusals=(RfpUnknown,),
    paged=True,
)
async def list_questions(call: Call[None]) -> PageAnswer[QuestionAnswer]:
    """List answered questions to all; the RFP's buyer sees open ones too, and askers their own."""
    page, viewer_id = call.page(), call.caller.party_id
    found = await call.of(QUESTIONS).page(
        RfpId(call.id("rfp_id")), Part(page.after, page.limit), viewer_id=viewer_id
    )
    items = [QuestionAnswer.of(question, viewer_id) for question in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)
