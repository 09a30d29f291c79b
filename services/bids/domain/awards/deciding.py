"""Decide a lot: name its winner from a ranking, take winners from a scenario, or award nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from services.bids.domain.auctioning import Bidder, Placed, Rankings, refuse_unless_evaluated
from services.bids.domain.awards.award import Award, AwardStatus, Course, LotAwards
from services.bids.domain.awards.lines import (
    Line,
    Pooled,
    cost_of,
    graduated_cost,
    lines_of,
    shared_by,
)
from services.bids.domain.awards.telling import intended_events
from services.bids.domain.lots import Lot, LotStatus, exact
from services.bids.domain.rfps import Rfp
from shared.domain.bid_content import Pricing
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AwardId, PartyId
from shared.domain.money import UnitPrice
from shared.domain.refusals import Kind, Refusal


class BidsMissing(Refusal):
    """No bid of the lot was opened, so there is nobody to award it to."""

    kind = Kind.CONFLICT
    code = "bids_missing"


class BidderUnknown(Refusal):
    """The vendor has no place in the ranking of the lot."""

    kind = Kind.INVALID
    code = "bidder_unknown"


class ReasonMissing(Refusal):
    """Awarding to another than the best needs a written reason."""

    kind = Kind.INVALID
    code = "reason_missing"


class BidsTooFew(Refusal):
    """Fewer bids of the lot were opened than the RFP's terms ask for."""

    kind = Kind.CONFLICT
    code = "bids_too_few"


class AwardTooEarly(Refusal):
    """The waiting period that the RFP's policy profile asks for is not over."""

    kind = Kind.CONFLICT
    code = "award_too_early"


@dataclass(frozen=True, slots=True, kw_only=True)
class Won:
    """What one vendor won of a lot, on the chain."""

    award_id: AwardId
    vendor_id: PartyId
    quantity: Decimal
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotDecided(Fact):
    """The buyer chose, from a ranking or by a scenario; where it is not the best, it says why.

    `left` is what of the lot's quantity nobody won.
    """

    TYPE: ClassVar[str] = "lot.decided"

    won: tuple[Won, ...]
    by_auction: bool
    ranking: tuple[Placed, ...]
    by: str
    reason: str | None = None
    scenario_id: UUID | None = None
    left: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotNotAwarded(Fact):
    """The buyer ends a lot without award."""

    TYPE: ClassVar[str] = "lot.not_awarded"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the buyer decides: a vendor, or None for the best, and why.

    `by` names the person who decides, as its token does.
    """

    award_id: AwardId
    vendor_id: PartyId | None
    reason: str | None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a vendor wins of a lot; `lines` bear the members' parts in the order of their ids."""

    vendor_id: PartyId
    price: UnitPrice
    lines: tuple[Line, ...]

    @property
    def quantity(self) -> Decimal:
        """The quantity of its lines together."""
        return exact(sum((line.quantity for line in self.lines), Decimal(0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who decides a lot, and why; what a scenario left, where one decides."""

    by: str
    reason: str | None = None
    scenario_id: UUID | None = None
    left: Decimal | None = None


def require_awardable(rfp: Rfp, rankings: Rankings, *, now: datetime) -> None:
    """Let only pass what the RFP's terms and its waiting period let be awarded.

    Raises:
        BidsTooFew: Fewer bids were opened than the terms ask for.
        AwardTooEarly: The first day on which the RFP may be awarded has not begun.
    """
    opened, least = len(rankings.sealed), rfp.terms.bids_min
    if opened < least:
        sentence = f"The RFP asks for at least {least} bids on a lot; {opened} could be opened."
        raise BidsTooFew(sentence, details={"bids_min": least, "bids_opened": opened})
    if rfp.earliest_award_at is not None and now < rfp.earliest_award_at:
        first = f"{rfp.earliest_award_on:%Y-%m-%d}"
        sentence = f"By the policy profile {rfp.policy_profile}, no lot is awarded before {first}."
        raise AwardTooEarly(sentence, details={"earliest_award_on": first})


def winner_of(choice: Choice, ranking: Sequence[Bidder]) -> Bidder:
    """Find whom the buyer chose.

    Raises:
        BidsMissing: No bid was opened.
        BidderUnknown: The chosen vendor is not in the ranking.
        ReasonMissing: Another than the best was chosen without a reason.
    """
    if not ranking:
        sentence = "No bid of the lot was opened; end it without award."
        raise BidsMissing(sentence)
    if choice.vendor_id is None:
        return ranking[0]
    chosen = [bidder for bidder in ranking if bidder.vendor_id == choice.vendor_id]
    if not chosen:
        sentence = "The vendor has no place in the ranking of the lot."
        raise BidderUnknown(sentence)
    if chosen[0] is not ranking[0] and not (choice.reason or "").strip():
        sentence = "Say in writing why the lot goes to another than the best."
        raise ReasonMissing(sentence)
    return chosen[0]


def whole_lot(pooled: Pooled, bidder: Bidder, pricing: Pricing | None) -> Part:
    """Give a whole lot to a vendor at its price in the ranking; a graduated one tier by tier.

    Raises:
        EnrolmentMissing: The cost goes by attendance, and a member's enrolment is not known.
    """
    quantity, price = pooled.lot.quantity, bidder.price
    cost = None if pricing is None else graduated_cost(pricing, quantity, price)
    lines = lines_of(quantity, price, pooled.shares, cost=cost)
    return Part(vendor_id=bidder.vendor_id, price=price, lines=shared_by(lines, pooled.payment))


def decide(
    lot: Lot,
    verdict: Verdict,
    identified: Sequence[tuple[AwardId, Part]],
    *,
    rankings: Rankings,
    course: Course,
    now: datetime,
) -> Decision[LotAwards]:
    """Award a lot's parts, each under its id; they stand after a standstill without protest.

    Where a second person must approve, they are proposed only, and nobody is told yet.

    Raises:
        LotNotEvaluated: The lot's bids are not opened, or it is decided already.
    """
    refuse_unless_evaluated(lot)
    proposed = tuple(
        _proposed(lot, part, verdict, award_id=award_id, now=now) for award_id, part in identified
    )
    decided = LotDecided(
        won=tuple(
            Won(
                award_id=award.id,
                vendor_id=award.vendor_id,
                quantity=award.quantity,
                total=str(award.total),
            )
            for award in proposed
        ),
        by_auction=bool(rankings.auction),
        ranking=tuple(
            Placed(vendor_id=bidder.vendor_id, rank=bidder.rank, unit_price=str(bidder.price))
            for bidder in rankings.deciding
        ),
        by=verdict.by,
        reason=verdict.reason,
        scenario_id=verdict.scenario_id,
        left=verdict.left,
    )
    intended = replace(lot, status=LotStatus.INTENDED)
    if course.needs_approval:
        return Decision(LotAwards(intended, proposed), (decided,))
    awards = tuple(announced(award, course, now=now) for award in proposed)
    told = intended_events(intended, awards, rankings.deciding)
    return Decision(LotAwards(intended, awards), (decided, *told))


def announced(award: Award, course: Course, *, now: datetime) -> Award:
    """Intend an award: from now on its standstill runs."""
    return replace(
        award,
        status=AwardStatus.INTENDED,
        intended_at=now,
        standstill_ends_at=now + course.standstill,
    )


def decide_no_award(lot: Lot, reason: str) -> Decision[Lot]:
    """End a lot without award.

    Raises:
        LotNotEvaluated: The lot is in another state than evaluated.
    """
    refuse_unless_evaluated(lot)
    return Decision(replace(lot, status=LotStatus.NO_AWARD), (LotNotAwarded(reason=reason),))


def _proposed(lot: Lot, part: Part, verdict: Verdict, *, award_id: AwardId, now: datetime) -> Award:
    return Award(
        id=award_id,
        lot_id=lot.id,
        vendor_id=part.vendor_id,
        price=part.price,
        quantity=part.quantity,
        total=cost_of(part.lines),
        reason=verdict.reason,
        status=AwardStatus.PROPOSED,
        decided_at=now,
        decided_by=verdict.by,
        scenario_id=verdict.scenario_id,
    )
