"""Show evaluations, and decide lots: by their ranking, by a scenario, or without award."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from services.bids.domain.auctioning import Bidder, Rankings
from services.bids.domain.awards.award import Course, EvaluationUnknown, LotAwards
from services.bids.domain.awards.deciding import (
    Choice,
    Part,
    Verdict,
    decide,
    decide_no_award,
    require_awardable,
    whole_lot,
    winner_of,
)
from services.bids.domain.awards.lines import Payment, Pooled
from services.bids.domain.awards.scenario import require_chosen, require_current
from services.bids.domain.awards.splitting import PackagePrices, split_of
from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.lots import Lot
from services.bids.domain.policy import PolicyBook
from services.bids.domain.rfps import Rfp
from services.bids.domain.scoring.plan import plan_of
from services.bids.domain.terms import PRICE_ALONE
from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.scenarios import Scenario
from services.bids.ports.awards import (
    AwardRecord,
    Awards,
    Change,
    EvaluatedBid,
    EvaluationRecord,
    Ground,
    LineRecord,
)
from services.bids.ports.scoring import LotBook
from services.bids.usecases.scoring import standing_scores
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import AwardId, LotId, PartyId, RfpId, new_id

UNAWARDED: Final = "By the scenario, no award costs less than its reserve."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Who decides lots by a scenario: the buyer, and which of its persons."""

    buyer_id: PartyId
    by: str


class Awarding:
    """Decide lots, from their opened bids to the winners and every member's part."""

    def __init__(self, awards: Awards, *, clock: Clock, policies: PolicyBook) -> None:
        """Use a store of awards; a profile says whether a second person approves them."""
        self._awards = awards
        self._clock = clock
        self._policies = policies

    async def evaluation(self, lot_id: LotId, viewer: Principal) -> EvaluationRecord:
        """Read a lot's evaluation, as far as the viewer may see it.

        Raises:
            LotUnknown: No such lot.
            EvaluationUnknown: There is none yet, or none that the viewer may see yet.
        """
        record = await self._awards.evaluation(lot_id)
        is_auditor = viewer.role is Role.AUDITOR
        match sight_of(record.lot, viewer_id=viewer.party_id, is_auditor=is_auditor):
            case Sight.NOTHING:
                sentence = "There is no evaluation of this lot to be seen yet."
                raise EvaluationUnknown(sentence)
            case Sight.COUNTS:
                return _without_prices(record)
            case Sight.WHOLE:
                return record

    async def intend(self, lot_id: LotId, choice: Choice, *, buyer_id: PartyId) -> AwardRecord:
        """Name the winner of the buyer's own lot; a repetition finds the award that stands.

        Where the RFP weighs more than the price, the ranking is that of the scores.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            LotNotEvaluated: The lot's bids are not opened, or it is decided already.
            BidsMissing: No bid was opened.
            BidderUnknown: The chosen vendor is not in the deciding ranking.
            ReasonMissing: Another than the best was chosen without a reason.
            BidsTooFew: Fewer bids were opened than the RFP's terms ask for.
            AwardTooEarly: The first day on which the RFP may be awarded has not begun.
            ScoresIncomplete: Evaluators have not judged everything.
            AnswerMissing: A bid lacks an answer that its score needs.
            EnrolmentMissing: The cost goes by attendance, and an enrolment is not known.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """
        now = self._clock.now()
        records = await self._awards.decide(
            lot_id,
            partial(self._chosen, choice=choice, now=now),
            award_id=choice.award_id,
            buyer_id=buyer_id,
            at=now,
        )
        return next(record for record in records if record.award.id == choice.award_id)

    async def intend_scenario(
        self, rfp_id: RfpId, scenario_id: UUID, decider: Decider
    ) -> list[AwardRecord]:
        """Decide all lots of the chosen scenario at once; a repetition finds what stands.

        A lot of which nothing is awarded ends without award.

        Raises:
            ScenarioUnknown: No such scenario of this buyer.
            ScenarioNotChosen: Another scenario was chosen, or none.
            ScenarioWithoutAward: It has no award.
            ScenarioStale: What it was solved on has changed.
            LotNotEvaluated: A lot of it is decided already, or at auction.
            BidsTooFew: Fewer bids were opened than the RFP's terms ask for.
            AwardTooEarly: The first day on which the RFP may be awarded has not begun.
            EnrolmentMissing: The cost goes by attendance, and an enrolment is not known.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """
        now = self._clock.now()
        return await self._awards.decide_scenario(
            rfp_id,
            scenario_id,
            partial(self._by_scenario, by=decider.by, now=now),
            buyer_id=decider.buyer_id,
            at=now,
        )

    async def end_without_award(self, lot_id: LotId, reason: str, *, buyer_id: PartyId) -> Lot:
        """End the buyer's own lot without award.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            LotNotEvaluated: The lot is in another state than evaluated.
        """
        decide_end = partial(decide_no_award, reason=reason)
        return await self._awards.end(lot_id, decide_end, buyer_id=buyer_id, at=self._clock.now())

    async def awards_of(self, lot_id: LotId, viewer: Principal) -> list[AwardRecord]:
        """Read a lot's awards; what is only proposed is its buyer's and auditors' to see.

        Raises:
            LotUnknown: No such lot.
        """
        lot = await self._awards.lot(lot_id)
        sees_all = viewer.role is Role.AUDITOR or viewer.party_id == lot.buyer_id
        records = await self._awards.of_lot(lot_id)
        return [record for record in records if sees_all or record.award.intended_at is not None]

    async def lines(
        self, award_id: AwardId, viewer: Principal, *, after: UUID | None, limit: int
    ) -> list[LineRecord]:
        """Read an award's lines: a member sees its own, its buyer, the winner and auditors all.

        Raises:
            AwardUnknown: No such award.
        """
        return await self._awards.lines(
            award_id,
            viewer_id=viewer.party_id,
            sees_all=viewer.role is Role.AUDITOR,
            after=after,
            limit=limit,
        )

    def _chosen(self, ground: Ground, *, choice: Choice, now: datetime) -> Change:
        rankings = rankings_of(ground)
        winner = winner_of(choice, rankings.deciding)
        part = whole_lot(pooled_of(ground), winner, ground.standing.pricing_of(winner.vendor_id))
        verdict = Verdict(by=choice.by, reason=choice.reason)
        won = [(choice.award_id, part)]
        change = self._decided(ground, verdict, won, rankings, now=now)
        require_awardable(ground.standing.rfp, rankings, now=now)
        return change

    def _by_scenario(
        self, scenario: Scenario, grounds: Sequence[Ground], *, by: str, now: datetime
    ) -> Sequence[Change]:
        if grounds and all(_decided_by(ground, scenario.id) for ground in grounds):
            return [Change(Decision(ground.standing.lot_awards)) for ground in grounds]
        require_chosen(scenario)
        outcome = Outcome(scenario.problem, scenario.award)
        packages = _package_prices(grounds)
        return [
            self._split(ground, (scenario, outcome, packages), by=by, now=now) for ground in grounds
        ]

    def _split(
        self,
        ground: Ground,
        solved: tuple[Scenario, Outcome, PackagePrices],
        *,
        by: str,
        now: datetime,
    ) -> Change:
        scenario, outcome, packages = solved
        rankings = ground.standing.rankings
        require_current(outcome, ground.lot, rankings)
        split = split_of(pooled_of(ground), outcome, packages)
        if not split.parts:
            ended = decide_no_award(ground.lot, UNAWARDED)
            return Change(Decision(LotAwards(ended.state), ended.facts))
        require_awardable(ground.standing.rfp, rankings, now=now)
        verdict = Verdict(
            by=by,
            reason=scenario.chosen_reason,
            scenario_id=scenario.id,
            left=split.left,
        )
        won = [(AwardId(new_id()), part) for part in split.parts]
        return self._decided(ground, verdict, won, rankings, now=now)

    def _decided(
        self,
        ground: Ground,
        verdict: Verdict,
        won: Sequence[tuple[AwardId, Part]],
        rankings: Rankings,
        *,
        now: datetime,
    ) -> Change:
        course = course_of(ground.standing.rfp, self._policies)
        decision = decide(ground.lot, verdict, won, rankings=rankings, course=course, now=now)
        return Change(decision, {award_id: part.lines for award_id, part in won})


def course_of(rfp: Rfp, policies: PolicyBook) -> Course:
    """Say what an RFP's law and terms ask of an award's way.

    Raises:
        PolicyProfileUnknown: The RFP's profile was taken out of its folder.
    """
    second_person = policies.find(rfp.policy_profile).second_person
    window_s = rfp.terms.acceptance_window_s
    return Course(
        standstill=timedelta(seconds=rfp.standstill_s),
        needs_approval=second_person is not None and second_person.value,
        window=None if window_s is None else timedelta(seconds=window_s),
    )


def rankings_of(ground: Ground) -> Rankings:
    """Rank a lot's bids by its RFP's plan, where that weighs more than the price.

    Raises:
        ScoresIncomplete: Evaluators have not judged everything.
        AnswerMissing: A bid lacks an answer that its score needs.
    """
    rankings = ground.standing.rankings
    if rankings.auction or is_by_price(ground.book):
        return rankings
    prices = {bidder.vendor_id: bidder.price for bidder in rankings.sealed}
    scored = tuple(
        Bidder(each.candidate.vendor_id, each.rank, prices[each.candidate.vendor_id])
        for each in standing_scores(ground.book).ranked
    )
    return replace(rankings, scored=scored)


def is_by_price(book: LotBook) -> bool:
    """Tell whether a lot's plan weighs nothing but the price."""
    return book.book.plan == plan_of(PRICE_ALONE)


def pooled_of(ground: Ground) -> Pooled:
    """Say whose a lot is, and by which rule its members pay."""
    terms = ground.standing.rfp.terms
    payment = Payment(
        by=terms.cost_shared_by,
        enrolments=ground.enrolments,
        margin_percent=terms.margin_percent,
    )
    return Pooled(lot=ground.lot, shares=ground.shares, payment=payment)


def _decided_by(ground: Ground, scenario_id: UUID) -> bool:
    awards = ground.standing.lot_awards.awards
    return bool(awards) and all(award.scenario_id == scenario_id for award in awards)


def _package_prices(grounds: Sequence[Ground]) -> PackagePrices:
    """Find what each package asks for a unit of each lot; packages are told by bid and place."""
    return {
        f"{bid.bid_id}:package:{place}": dict(package.prices)
        for ground in grounds
        for bid in ground.standing.opened
        for place, package in enumerate(bid.content.packages, start=1)
    }


def _without_prices(record: EvaluationRecord) -> EvaluationRecord:
    """Keep which bids take part; in the order of their receipt, which tells no rank."""
    bids: list[EvaluatedBid] = [
        replace(bid, price=None, rank=None, score=None) for bid in record.bids
    ]
    bids.sort(key=lambda bid: (bid.received_at, bid.bid_id))
    return replace(record, bids=tuple(bids), auction=())
