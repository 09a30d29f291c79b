"""Take questions about RFPs, and answer them to all."""

from dataclasses import dataclass
from uuid import UUID

from services.bids.domain.questions import Question, decide_answer, decide_ask
from services.bids.domain.rfps import Rfp
from services.bids.ports.purchase import Act, Part
from services.bids.ports.solicitation import QuestionStore
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import PartyId, RfpId


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer, and the question in the buyer's wording, where it is not published as asked."""

    answer: str
    text: str | None = None


class Questions:
    """Let vendors ask, and buyers answer; nobody is told who asked."""

    def __init__(self, questions: QuestionStore, *, clock: Clock) -> None:
        """Use a store of questions."""
        self._questions = questions
        self._clock = clock

    async def ask(
        self, rfp_id: RfpId, text: str, *, question_id: UUID, asker_id: PartyId
    ) -> Question:
        """Ask about a published RFP under the id that the request fixed.

        Raises:
            VendorUnknown: The asker is not a registered vendor.
            RfpUnknown: No such RFP, or a draft.
            RfpNotPublished: It takes no bids any more.
            QuestionsClosed: Its deadline for questions has passed.
            QuestionsTooMany: It has as many as an RFP may have.
        """
        question = Question(
            id=question_id,
            rfp_id=rfp_id,
            asker_id=asker_id,
            text=text,
            asked_at=self._clock.now(),
        )

        def decide(rfp: Rfp, asked: int) -> Decision[Question]:
            return decide_ask(rfp, question, asked=asked)

        return await self._questions.ask(question, decide)

    async def answer(self, question_id: UUID, given: Answering, *, buyer_id: PartyId) -> Question:
        """Answer a question to all.

        Raises:
            QuestionUnknown: No such question about an RFP of this buyer.
            RfpNotPublished: Bidding is over.
            QuestionAnsweredAlready: It was answered before.
        """
        now = self._clock.now()

        def decide(rfp: Rfp, question: Question) -> Decision[Question]:
            return decide_answer(rfp, question, text=given.text, answer=given.answer, now=now)

        act = Act(str(buyer_id), now)
        return await self._questions.answer(question_id, decide, act, buyer_id=buyer_id)

    async def page(self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None) -> list[Question]:
        """List answered questions; the RFP's buyer sees all, and every asker its own.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._questions.page(rfp_id, part, viewer_id=viewer_id)
