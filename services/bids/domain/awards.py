"""Award a lot: name the winner, wait out the standstill, give every member its part.

An award's total is the sum of its lines, its quantity the lot's. Where that is the sum of the
shares, each line is rounded once, half-even; by another rule of pooling, or by a graduated bid, the
whole is, and split by largest remainder. So the total may differ a bit from price x quantity.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, NewType
from uuid import UUID

from services.bids.domain.auctioning import Bidder, Placed, Rankings, refuse_unless_evaluated
from services.bids.domain.lots import Lot, LotStatus, exact
from services.bids.domain.pooling.portions import Asked, portions_of, split_cost
from services.bids.domain.rfps import Rfp
from shared.domain.bid_content import Pricing, TiersApply
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AwardId, LotId, PartyId
from shared.domain.money import PRICE_SCALE, Money, UnitPrice, digits_of, total
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import AwardIntended, AwardLineMade, AwardMade

AwardLineId = NewType("AwardLineId", UUID)


class AwardStatus(StrEnum):
    """How far an award has come."""

    INTENDED = "intended"
    MADE = "made"


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


class AwardUnknown(Refusal):
    """There is no such award."""

    kind = Kind.NOT_FOUND
    code = "award_unknown"


class EvaluationUnknown(Refusal):
    """The lot's bids are not opened yet, or the caller may not see them yet."""

    kind = Kind.NOT_FOUND
    code = "evaluation_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LotDecided(Fact):
    """The buyer chose from a ranking; where it is not the best, the reason is here."""

    TYPE: ClassVar[str] = "lot.decided"

    award_id: AwardId
    by_auction: bool
    ranking: tuple[Placed, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotNotAwarded(Fact):
    """The buyer ends a lot without award."""

    TYPE: ClassVar[str] = "lot.not_awarded"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A requirement's part of a lot, in its need's unit; what the member pays today, if stated."""

    member_id: PartyId
    quantity: Decimal
    baseline: UnitPrice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One member's part of an award; its baseline is that of its shares, if all have one."""

    member_id: PartyId
    quantity: Decimal
    total: Money
    baseline_total: Money | None

    @property
    def saving(self) -> Money | None:
        """What the member saves; negative where it pays more than today."""
        if self.baseline_total is None:
            return None
        return Money(self.baseline_total.minor - self.total.minor, self.total.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """The decision on a lot. `total` is its lines' sum; a graduated bid's `price` is an average."""

    id: AwardId
    lot_id: LotId
    vendor_id: PartyId
    price: UnitPrice
    quantity: Decimal
    total: Money
    reason: str | None
    status: AwardStatus
    intended_at: datetime
    standstill_ends_at: datetime
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the buyer decides: a vendor, or None for the best, and why."""

    award_id: AwardId
    vendor_id: PartyId | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class LotAward:
    """A lot together with its award: one is never changed without the other."""

    lot: Lot
    award: Award


def lines_of(
    quantity: Decimal, price: UnitPrice, shares: Sequence[Share], *, cost: Money | None = None
) -> tuple[Line, ...]:
    """Give each member its line of a lot of some quantity, in the order of member ids.

    `cost` is what the whole lot costs, where that is not the quantity at the price; it falls to the
    members in proportion to what each asked for. There is at least one share.
    """
    by_member: dict[PartyId, list[Share]] = defaultdict(list)
    for share in shares:
        by_member[share.member_id].append(share)
    asked = [Asked(share.member_id, share.quantity) for share in shares]
    portions = portions_of(quantity, price, asked)
    totals = [portion.total for portion in portions]
    if cost is not None:
        totals = split_cost(cost, [portion.asked for portion in portions])
    return tuple(
        Line(
            member_id=portion.member_id,
            quantity=portion.quantity,
            total=each,
            baseline_total=_baseline(by_member[portion.member_id]),
        )
        for portion, each in zip(portions, totals, strict=True)
    )


def graduated_cost(pricing: Pricing, quantity: Decimal, price: UnitPrice) -> Money | None:
    """Add up what a lot costs tier by tier, rounded once, half-even, to the minor unit.

    None where the awarded price holds for every unit: the bid is not graduated, or its vendor went
    below the bid's average at an auction.
    """
    unit_e4 = pricing.exact_e4(quantity)
    if pricing.apply is not TiersApply.GRADUATED or unit_e4 is None or round(unit_e4) != price.e4:
        return None
    cost = unit_e4 * Fraction(quantity) / PRICE_SCALE
    return Money(round(cost * 10 ** digits_of(price.currency)), price.currency)


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


def decide_intent(
    lot: Lot,
    choice: Choice,
    *,
    rankings: Rankings,
    shares: Sequence[Share],
    standstill: timedelta,
    now: datetime,
) -> Decision[LotAward]:
    """Name the winner of a lot; the award stands when the standstill has passed.

    Raises:
        LotNotEvaluated: The lot's bids are not opened, or it is decided already.
        BidsMissing: No bid was opened.
        BidderUnknown: The chosen vendor is not in the deciding ranking.
        ReasonMissing: Another than the best was chosen without a reason.
    """
    refuse_unless_evaluated(lot)
    winner = _winner(choice, rankings.deciding)
    lines = lines_of(lot.quantity, winner.price, shares)
    award = Award(
        id=choice.award_id,
        lot_id=lot.id,
        vendor_id=winner.vendor_id,
        price=winner.price,
        quantity=exact(lot.quantity),
        total=_sum(lines, winner.price),
        reason=choice.reason,
        status=AwardStatus.INTENDED,
        intended_at=now,
        standstill_ends_at=now + standstill,
    )
    decided = LotDecided(
        award_id=award.id,
        by_auction=bool(rankings.auction),
        ranking=tuple(
            Placed(vendor_id=bidder.vendor_id, rank=bidder.rank, unit_price=str(bidder.price))
            for bidder in rankings.deciding
        ),
        reason=choice.reason,
    )
    intended = replace(lot, status=LotStatus.INTENDED)
    return Decision(LotAward(intended, award), (decided, _intended_event(intended, award)))


def cost_exactly(decision: Decision[LotAward], cost: Money | None) -> Decision[LotAward]:
    """Give an intended award the exact cost of a graduated bid; None leaves it as it is."""
    award = decision.state.award
    costed = replace(decision.state, award=replace(award, total=cost or award.total))
    return replace(decision, state=costed)


def decide_made(
    standing: LotAward,
    lines: Sequence[tuple[AwardLineId, Line]],
    vendor_name: str,
    *,
    now: datetime,
) -> Decision[LotAward]:
    """Make an award final once its standstill has ended; changes nothing before or afterwards.

    The total that was intended must be the sum of the lines; anything else is a defect.

    Raises:
        ValueError: The lines do not add up to the award's total or quantity.
    """
    lot, award = standing.lot, standing.award
    is_due = award.status is AwardStatus.INTENDED and award.standstill_ends_at <= now
    if lot.status is not LotStatus.INTENDED or not is_due:
        return Decision(standing)
    only_lines = [line for _, line in lines]
    quantity = sum(line.quantity for line in only_lines)
    if _sum(only_lines, award.price) != award.total or quantity != award.quantity:
        sentence = f"the lines of award {award.id} do not add up to it"
        raise ValueError(sentence)
    made = replace(award, status=AwardStatus.MADE, made_at=now)
    awarded = replace(lot, status=LotStatus.AWARDED)
    told = tuple(
        _line_event(awarded, made, line_id=line_id, line=line, vendor_name=vendor_name)
        for line_id, line in lines
    )
    return Decision(LotAward(awarded, made), (_made_event(awarded, made, lines=len(lines)), *told))


def decide_no_award(lot: Lot, reason: str) -> Decision[Lot]:
    """End a lot without award.

    Raises:
        LotNotEvaluated: The lot is in another state than evaluated.
    """
    refuse_unless_evaluated(lot)
    return Decision(replace(lot, status=LotStatus.NO_AWARD), (LotNotAwarded(reason=reason),))


def _winner(choice: Choice, ranking: Sequence[Bidder]) -> Bidder:
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


def _baseline(shares: Sequence[Share]) -> Money | None:
    costs = [total(share.baseline, share.quantity) for share in shares if share.baseline]
    if len(costs) < len(shares):
        return None
    return Money(sum(cost.minor for cost in costs), costs[0].currency)


def _sum(lines: Sequence[Line], price: UnitPrice) -> Money:
    return Money(sum(line.total.minor for line in lines), price.currency)


def _intended_event(lot: Lot, award: Award) -> AwardIntended:
    return AwardIntended(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        unit_price=str(award.price),
        currency=award.price.currency,
        standstill_ends_at=award.standstill_ends_at,
    )


def _made_event(lot: Lot, award: Award, *, lines: int) -> AwardMade:
    return AwardMade(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        quantity=award.quantity,
        unit=lot.unit,
        unit_price=str(award.price),
        total=str(award.total),
        currency=award.price.currency,
        lines=lines,
    )


def _line_event(
    lot: Lot, award: Award, *, line_id: AwardLineId, line: Line, vendor_name: str
) -> AwardLineMade:
    return AwardLineMade(
        award_line_id=line_id,
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        member_id=line.member_id,
        vendor_id=award.vendor_id,
        vendor_name=vendor_name,
        lot_title=lot.title,
        quantity=exact(line.quantity),
        unit=lot.unit,
        unit_price=str(award.price),
        total=str(line.total),
        currency=award.price.currency,
        baseline_total=_text(line.baseline_total),
        saving=_text(line.saving),
    )


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)
