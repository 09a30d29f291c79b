"""Keep questions and answers; who asked is read to find one's own, and shown to nobody."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.bids import VendorUnknown
from services.bids.domain.questions import Question, QuestionUnknown
from services.bids.domain.rfps import Rfp, RfpUnknown
from services.bids.ports.purchase import Act, Part
from services.bids.store.chains import entries_of
from services.bids.store.rfps import find_visible, lock, lock_own
from shared import db
from shared.db import Pool
from shared.domain.facts import Decision
from shared.domain.ids import PartyId, RfpId
from shared.journal import Journal

ACTOR: Final = "vendor"
"""Who asked, as the chain may tell it: a vendor, and not which one."""

_IS_VENDOR: Final = """-- bids.is_asking_vendor
SELECT EXISTS (SELECT FROM party WHERE id = $1 AND kind = 'vendor')
"""

_SELECT: Final = """
SELECT question.id, question.rfp_id, question.asker_id, question.text,
    question.asked_at, question.published_text, question.answer, question.answered_at
FROM question JOIN rfp ON rfp.id = question.rfp_id
"""

_FIND: Final = f"""-- bids.find_question
{_SELECT}WHERE question.id = $1
"""

_COUNT: Final = """-- bids.count_questions
SELECT count(*) FROM question WHERE rfp_id = $1
"""

_ADD: Final = """-- bids.add_question
INSERT INTO question (id, rfp_id, asker_id, text, asked_at) VALUES ($1, $2, $3, $4, $5)
"""

_ANSWER: Final = """-- bids.save_answer
UPDATE question SET published_text = $2, answer = $3, answered_at = $4 WHERE id = $1
"""

_PAGE: Final = f"""-- bids.page_questions
{_SELECT}WHERE question.rfp_id = $1
    AND (question.answer IS NOT NULL OR question.asker_id = $2 OR rfp.buyer_id = $2)
    AND ($3::uuid IS NULL OR question.id > $3)
ORDER BY question.id LIMIT $4
"""


class PostgresQuestionStore:
    """The port `QuestionStore` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains and events."""
        self._pool = pool
        self._journal = journal

    async def ask(
        self, question: Question, decide: Callable[[Rfp, int], Decision[Question]]
    ) -> Question:
        """Add a question; one of the same id is returned."""
        async with db.transaction(self._pool) as connection:
            if not await connection.fetchval(_IS_VENDOR, question.asker_id):
                sentence = "Only a registered vendor asks questions."
                raise VendorUnknown(sentence)
            rfp = await lock(connection, question.rfp_id)
            standing = await connection.fetchrow(_FIND, question.id)
            if standing is not None:
                return _question_of(standing)
            decision = decide(rfp, await connection.fetchval(_COUNT, question.rfp_id))
            asked = decision.state
            await connection.execute(
                _ADD, asked.id, asked.rfp_id, asked.asker_id, asked.text, asked.asked_at
            )
            await self._journal.record(
                connection, entries_of(decision.facts), actor=ACTOR, at=asked.asked_at
            )
        return asked

    async def answer(
        self,
        question_id: UUID,
        decide: Callable[[Rfp, Question], Decision[Question]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Question:
        """Save an answer to a question about a buyer's own RFP."""
        async with db.transaction(self._pool) as connection:
            asked = _one(await connection.fetchrow(_FIND, question_id))
            try:
                rfp = await lock_own(connection, asked.rfp_id, buyer_id)
            except RfpUnknown:
                raise QuestionUnknown from None
            decision = decide(rfp, _one(await connection.fetchrow(_FIND, question_id)))
            after = decision.state
            await connection.execute(
                _ANSWER, after.id, after.published_text, after.answer, after.answered_at
            )
            await self._journal.record(
                connection, entries_of(decision.facts), actor=act.actor, at=act.at
            )
        return after

    async def page(self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None) -> list[Question]:
        """Read answered questions, all for the RFP's buyer, and the viewer's own."""
        async with db.reading(self._pool) as connection:
            await find_visible(connection, rfp_id, viewer_id)
            rows = await connection.fetch(_PAGE, rfp_id, viewer_id, part.after, part.limit)
        return [_question_of(row) for row in rows]


def _one(row: asyncpg.Record | None) -> Question:
    if row is None:
        raise QuestionUnknown
    return _question_of(row)


def _question_of(row: asyncpg.Record) -> Question:
    return Question(
        id=row["id"],
        rfp_id=RfpId(row["rfp_id"]),
        asker_id=PartyId(row["asker_id"]),
        text=row["text"],
        asked_at=row["asked_at"],
        published_text=row["published_text"],
        answer=row["answer"],
        answered_at=row["answered_at"],
    )
