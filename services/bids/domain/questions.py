"""Ask about a published RFP, and answer to all: nobody is told who asked.

The asker is kept so that it finds its own questions again; it is on no chain, in no answer and in
no event, and the buyer is not shown it either.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.amendments import require_published
from services.bids.domain.rfps import Rfp, RfpStatus, RfpUnknown
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId, RfpId
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import QuestionAnswered

QUESTIONS_MAX: Final = 1_000
"""The most questions of one RFP, whoever asks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A vendor's question: as it was asked, and as it is published with its answer."""

    id: UUID
    rfp_id: RfpId
    asker_id: PartyId
    text: str
    asked_at: datetime
    published_text: str | None = None
    answer: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked(Fact):
    """A question came in; neither its asker nor its text is on the chain before it is answered."""

    TYPE: ClassVar[str] = "rfp.question_asked"

    rfp_id: RfpId
    question_id: UUID


class QuestionUnknown(Refusal):
    """There is no such question."""

    kind = Kind.NOT_FOUND
    code = "question_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such question.")


class QuestionsClosed(Refusal):
    """The deadline for questions has passed."""

    kind = Kind.CONFLICT
    code = "questions_closed"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The deadline for questions has passed.")


class QuestionsTooMany(Refusal):
    """The RFP has as many questions as an RFP may have."""

    kind = Kind.CONFLICT
    code = "questions_too_many"


class QuestionAnsweredAlready(Refusal):
    """The question was answered; what was told to all stays, and an addendum says more."""

    kind = Kind.CONFLICT
    code = "question_answered"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__("The question was answered; correct an answer by an addendum.")


def decide_ask(rfp: Rfp, question: Question, *, asked: int) -> Decision[Question]:
    """Ask a question while questions are taken; `asked` is how many there are already.

    Raises:
        RfpUnknown: A draft, of which nobody knows.
        RfpNotPublished: It takes no bids any more.
        QuestionsClosed: Its deadline for questions has passed.
        QuestionsTooMany: There are `QUESTIONS_MAX`.
    """
    if rfp.status is RfpStatus.DRAFT:
        raise RfpUnknown
    require_published(rfp, now=question.asked_at)
    until = rfp.terms.questions_close_at
    if until is not None and question.asked_at >= until:
        raise QuestionsClosed
    if asked >= QUESTIONS_MAX:
        sentence = f"An RFP has at most {QUESTIONS_MAX} questions."
        raise QuestionsTooMany(sentence)
    return Decision(question, (QuestionAsked(rfp_id=rfp.id, question_id=question.id),))


def decide_answer(
    rfp: Rfp, question: Question, *, text: str | None, answer: str, now: datetime
) -> Decision[Question]:
    """Answer a question to all, in the buyer's own wording of it where `text` is given.

    A question may tell who asks it; rewording it keeps the asker unknown.

    Raises:
        RfpNotPublished: Bidding is over.
        QuestionAnsweredAlready: It was answered before.
    """
    require_published(rfp, now=now)
    if question.answer is not None:
        raise QuestionAnsweredAlready
    published = text or question.text
    answered = replace(question, published_text=published, answer=answer, answered_at=now)
    fact = QuestionAnswered(
        question_id=question.id,
        rfp_id=rfp.id,
        buyer_id=rfp.buyer_id,
        question=published,
        answer=answer,
        answered_at=now,
    )
    return Decision(answered, (fact,))
