"""State how bids are scored, let evaluators judge them, and show what it comes to."""

import asyncio
from collections.abc import Sequence

from services.bids.domain.awards.award import EvaluationUnknown
from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.rfps import Rfp
from services.bids.domain.scoring import ranking
from services.bids.domain.scoring.cascade import BidDisqualified, Disqualification, cascade
from services.bids.domain.scoring.gathering import judged
from services.bids.domain.scoring.judging import (
    decide_agree,
    decide_declare,
    decide_release,
    decide_score,
    refuse_once_decided,
)
from services.bids.domain.scoring.low import OfferedPrice, low_flags
from services.bids.domain.scoring.panels import (
    AgreedScore,
    Declaration,
    IndividualScore,
    Panel,
    Scorebook,
)
from services.bids.domain.scoring.plan import Plan
from services.bids.domain.scoring.sensitivity import flips
from services.bids.domain.scoring.stability import stability
from services.bids.domain.scoring.stating import decide_disqualify, decide_state
from services.bids.ports.scoring import LotBook, LotScores, Method, Scorings
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId


class Scoring:
    """Score lots, from the plan of a draft to a ranking that says how firm it is."""

    def __init__(self, scorings: Scorings, *, clock: Clock) -> None:
        """Use a store of scores."""
        self._scorings = scorings
        self._clock = clock

    async def state(
        self, rfp_id: RfpId, plan: Plan, panels: Sequence[Panel], *, buyer_id: PartyId
    ) -> Method:
        """State how a draft's bids will be scored, and by whom.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: It was published or cancelled.
            PlanUnfit: The plan contradicts itself, the RFP's criteria or its panels.
        """

        def decide(rfp: Rfp) -> Decision[Method]:
            decision = decide_state(rfp, plan, panels)
            return Decision(Method(decision.state, tuple(panels)), decision.facts)

        return await self._scorings.state(rfp_id, decide, buyer_id=buyer_id, at=self._clock.now())

    async def method_of(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Method:
        """Read how a visible RFP is scored.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._scorings.method_of(rfp_id, viewer_id=viewer_id)

    async def declare(
        self, rfp_id: RfpId, *, evaluator_id: PartyId, has_conflict: bool, statement: str
    ) -> Declaration:
        """Declare whether there is a conflict of interest.

        Raises:
            RfpUnknown: No such RFP.
            EvaluatorUnknown: The caller is on no panel of it.
            DeclaredAlready: A conflict that was declared is not taken back.
        """
        now = self._clock.now()
        given = Declaration(
            evaluator_id=evaluator_id,
            has_conflict=has_conflict,
            statement=statement,
            declared_at=now,
        )

        def decide(panels: Sequence[Panel], before: Declaration | None) -> Decision[Declaration]:
            return decide_declare(rfp_id, panels, before, given)

        return await self._scorings.declare(rfp_id, decide, evaluator_id=evaluator_id, at=now)

    async def score(self, lot_id: LotId, given: IndividualScore) -> None:
        """Score a bid on a criterion.

        Raises:
            LotUnknown: No such lot.
            EvaluatorUnknown: The evaluator is not on the panel that judges the criterion.
            DeclarationMissing: It has not declared whether there is a conflict.
            ConflictStands: It declared one.
            ScoresFinal: Prices were released, or the lot is decided.
            ScoreUnfit: No such bid or criterion here, or the mark is off its scale.
        """

        def decide(read: LotBook) -> Decision[Scorebook]:
            refuse_once_decided(read.lot)
            return decide_score(read.book, given)

        await self._scorings.score(lot_id, given, decide, at=self._clock.now())

    async def agree(self, lot_id: LotId, agreed: AgreedScore, *, buyer_id: PartyId) -> None:
        """Record what a panel of the buyer's own lot agreed on.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            ScoresFinal: Prices were released, or the lot is decided.
            ScoreUnfit: Nothing is agreed on here, or not such a mark.
            ScoresIncomplete: An evaluator has not scored this yet.
        """

        def decide(read: LotBook) -> Decision[Scorebook]:
            refuse_once_decided(read.lot)
            return decide_agree(read.book, agreed)

        await self._scorings.agree(lot_id, agreed, decide, buyer_id=buyer_id, at=self._clock.now())

    async def release(self, lot_id: LotId, *, buyer_id: PartyId) -> Scorebook:
        """Release prices to those who judge by them; technical scores stand from here on.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            ScoresIncomplete: A bid lacks a score, or the panel has not agreed on one.
        """
        now = self._clock.now()

        def decide(read: LotBook) -> Decision[Scorebook]:
            return decide_release(read.book, now=now)

        return await self._scorings.release(lot_id, decide, buyer_id=buyer_id, at=now)

    async def disqualify(
        self, lot_id: LotId, disqualification: Disqualification, *, buyer_id: PartyId
    ) -> None:
        """Set a bid of the buyer's own lot aside, with a written reason.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            BidUnscored: No such bid that may still be set aside.
        """

        def decide(read: LotBook) -> BidDisqualified:
            return decide_disqualify(
                read.lot, read.candidates, read.disqualifications, disqualification
            )

        await self._scorings.disqualify(lot_id, decide, buyer_id=buyer_id, at=self._clock.now())

    async def scores_of(self, lot_id: LotId, viewer: Principal) -> LotScores:
        """Score a lot as it stands, for those who may see its evaluation whole.

        Raises:
            LotUnknown: No such lot.
            EvaluationUnknown: There is none yet, or none that the viewer may see yet.
            ScoresIncomplete: Evaluators have not judged everything.
            AnswerMissing: A bid lacks an answer that the plan asks for.
            CostUnfit: A cost is below 0, or it is 0 and the plan divides by it.
        """
        read = await self._scorings.book(lot_id)
        is_auditor = viewer.role is Role.AUDITOR
        sight = sight_of(read.lot, viewer_id=viewer.party_id, is_auditor=is_auditor)
        if sight is not Sight.WHOLE:
            sentence = "There is no evaluation of this lot to be seen yet."
            raise EvaluationUnknown(sentence)
        # Trying other weights takes a second where a hundred bid; others are served meanwhile.
        return await asyncio.to_thread(scored, read)


def standing_scores(read: LotBook) -> ranking.Scoring:
    """Score a lot without the bids that were set aside: the ranking that stands, and no more.

    Raises:
        ScoresIncomplete: Evaluators have not judged everything.
        AnswerMissing: A bid lacks an answer that the plan asks for.
        CostUnfit: A cost is below 0, or it is 0 and the plan divides by it.
    """
    plan, (_, candidates) = read.book.plan, judged(read.book, read.candidates)
    out = {each.bid_id: each.reason for each in read.disqualifications}
    return ranking.score(plan, candidates, disqualified=out, draw=read.draw)


def scored(read: LotBook) -> LotScores:
    """Score a lot from its book: evaluators' marks joined to the vendors' own answers."""
    plan, (rolled, candidates) = read.book.plan, judged(read.book, read.candidates)
    steps = cascade(plan, candidates, read.disqualifications, draw=read.draw)
    out = {each.bid_id: each.reason for each in read.disqualifications}
    return LotScores(
        lot=read.lot,
        plan=plan,
        steps=steps,
        rolled=rolled,
        scores=read.book.scores,
        stability=stability(plan, steps[-1].scoring, draw=read.draw),
        flips=flips(plan, candidates, disqualified=out, draw=read.draw),
        low=low_flags(
            [
                OfferedPrice(each.bid_id, each.price, each.price)
                for each in candidates
                if each.bid_id not in out
            ]
        ),
    )
