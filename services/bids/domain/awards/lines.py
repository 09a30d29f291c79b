"""Give every member its part of what is awarded, exactly.

Where a lot's quantity is the sum of the shares, each line is rounded once, half-even; by another
rule of pooling, or where the price is no single one, the whole is, and split by largest remainder.
So an award's total, the sum of its lines, may differ a bit from price x quantity.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, NewType
from uuid import UUID

from services.bids.domain.consortium import CostSharing
from services.bids.domain.fees import Percentage, resell
from services.bids.domain.lots import Lot
from services.bids.domain.pooling.portions import Asked, portions_of, split_cost
from shared.domain.bid_content import Pricing, TiersApply
from shared.domain.ids import AwardId, PartyId
from shared.domain.money import (
    PRICE_SCALE,
    Money,
    UnitPrice,
    digits_of,
    largest_remainder,
    total,
)
from shared.domain.refusals import Kind, Refusal

AwardLineId = NewType("AwardLineId", UUID)


class EnrolmentMissing(Refusal):
    """The cost is shared by attendance, and a member's enrolment is not known."""

    kind = Kind.CONFLICT
    code = "enrolment_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A requirement's part of a lot, in its need's unit; what the member pays today, if stated."""

    member_id: PartyId
    quantity: Decimal
    baseline: UnitPrice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One member's part of an award: what its vendor gets for it, and what the member pays.

    They differ by the margin of a consortium that resells. The baseline is that of the member's
    shares, if all have one.
    """

    member_id: PartyId
    quantity: Decimal
    total: Money
    baseline_total: Money | None
    margin: Money | None = None

    @property
    def cost(self) -> Money:
        """What the vendor gets for it."""
        margin = 0 if self.margin is None else self.margin.minor
        return Money(self.total.minor - margin, self.total.currency)

    @property
    def saving(self) -> Money | None:
        """What the member saves; negative where it pays more than today."""
        if self.baseline_total is None:
            return None
        return Money(self.baseline_total.minor - self.total.minor, self.total.currency)


Lines = Mapping[AwardId, Sequence[tuple[AwardLineId, Line]]]
"""Every award's lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """By which rule of the RFP's model members pay: `enrolments` where the cost goes by them."""

    by: CostSharing | None = None
    enrolments: Mapping[PartyId, int] | None = None
    margin_percent: Decimal | None = None


PLAIN: Final = Payment()
"""Each member pays for what it gets, at cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A lot with its shares, and by which rule its members pay."""

    lot: Lot
    shares: Sequence[Share]
    payment: Payment = PLAIN


def lines_of(
    quantity: Decimal, price: UnitPrice, shares: Sequence[Share], *, cost: Money | None = None
) -> tuple[Line, ...]:
    """Give each member its line of a whole lot of some quantity, in the order of member ids.

    `cost` is what the lot costs, where that is not the quantity at the price; it falls to the
    members in proportion to what each asked for. There is at least one share.
    """
    asked = [Asked(share.member_id, share.quantity) for share in shares]
    baselines = baselines_of(shares)
    portions = portions_of(quantity, price, asked)
    totals = [portion.total for portion in portions]
    if cost is not None:
        totals = split_cost(cost, [portion.asked for portion in portions])
    return tuple(
        Line(
            member_id=portion.member_id,
            quantity=portion.quantity,
            total=each,
            baseline_total=baselines[portion.member_id],
        )
        for portion, each in zip(portions, totals, strict=True)
    )


def lines_for(
    quantities: Mapping[PartyId, Decimal],
    price: UnitPrice,
    *,
    baselines: Mapping[PartyId, Money | None],
    cost: Money | None = None,
    weights: Mapping[PartyId, Decimal] | None = None,
) -> tuple[Line, ...]:
    """Give some members lines of these quantities, in the order of their ids.

    `cost` is what they cost together, where that is not each quantity at the price; it falls to
    them by `weights`, which are their quantities unless others are given. There is at least one.
    """
    member_ids = sorted(quantities)
    totals = (
        [total(price, quantities[member_id]) for member_id in member_ids]
        if cost is None
        else split_cost(cost, [(weights or quantities)[member_id] for member_id in member_ids])
    )
    return tuple(
        Line(
            member_id=member_id,
            quantity=quantities[member_id],
            total=each,
            baseline_total=baselines[member_id],
        )
        for member_id, each in zip(member_ids, totals, strict=True)
    )


def shared_by(lines: Sequence[Line], payment: Payment) -> tuple[Line, ...]:
    """Share an award's cost as its RFP says: by another rule than demand, with a margin on top.

    The costs' sum stays as it is; a margin is rounded once for each line, half-even.

    Raises:
        EnrolmentMissing: The cost goes by attendance, and a member's enrolment is not known.
    """
    weights = _weights(lines, payment)
    shared = tuple(lines)
    if weights is not None:
        whole = sum(line.total.minor for line in lines)
        parts = largest_remainder(whole, weights)
        shared = tuple(
            replace(line, total=Money(part, line.total.currency))
            for line, part in zip(lines, parts, strict=True)
        )
    if payment.margin_percent is None:
        return shared
    margin = Percentage(payment.margin_percent)
    resold = resell(margin, [line.total for line in shared], [1] * len(shared))
    return tuple(
        replace(line, total=each.price, margin=each.margin)
        for line, each in zip(shared, resold, strict=True)
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


def baselines_of(shares: Sequence[Share]) -> dict[PartyId, Money | None]:
    """Sum what each member pays today; None where one of its shares does not say."""
    by_member: dict[PartyId, list[Share]] = defaultdict(list)
    for share in shares:
        by_member[share.member_id].append(share)
    return {member_id: _baseline(own) for member_id, own in by_member.items()}


def cost_of(lines: Sequence[Line]) -> Money:
    """Sum what the vendor gets for at least one line."""
    return Money(sum(line.cost.minor for line in lines), lines[0].total.currency)


def _baseline(shares: Sequence[Share]) -> Money | None:
    costs = [total(share.baseline, share.quantity) for share in shares if share.baseline]
    if len(costs) < len(shares):
        return None
    return Money(sum(cost.minor for cost in costs), costs[0].currency)


def _weights(lines: Sequence[Line], payment: Payment) -> list[int] | None:
    match payment.by:
        case CostSharing.EQUAL:
            return [1] * len(lines)
        case CostSharing.ATTENDANCE:
            enrolments = payment.enrolments or {}
            if any(not enrolments.get(line.member_id) for line in lines):
                sentence = "The cost is shared by attendance; state every member's enrolment."
                raise EnrolmentMissing(sentence)
            return [enrolments[line.member_id] for line in lines]
        case CostSharing.DEMAND | None:
            return None
