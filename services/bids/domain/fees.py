"""Reckon what comes on top of a line, and what comes off: fees, a resale margin, E-rate support.

A line's part is rounded once, half-even, to the minor unit, so that each member can check its own;
what there is in all is the sum of the lines. What is fixed for all lines together (a cap, support
by own rates) falls to them by largest remainder, the earlier line first among equals, so that they
sum to it. Amounts are 0 or more.

- A fee is a percentage of what was sold net of tax and shipping, up to a cap if there is one, or
  so much per order. Source of the forms: NASPO ValuePoint's administrative fee, a percentage net
  of tax and shipping; BuyBoard's fee per purchase order for vehicles.
- A margin is what a consortium that resells adds to its cost, and shows.
- E-rate support is a discount off the eligible part of a line alone. The ineligible part is what
  is left of the line, and what a member pays is the line less its support.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from services.bids.domain.erate import (
    WHOLE_PERCENT,
    ErateCategory,
    consortium_percent,
    net_cost,
)
from shared.domain.ids import PartyId
from shared.domain.money import Money, largest_remainder
from shared.domain.refusals import Kind, Refusal


class FeeTermsUnfit(Refusal):
    """A percentage is not from 0 to 100, or an amount is below 0 or more than it is part of."""

    kind = Kind.INVALID
    code = "fee_terms_unfit"


@dataclass(frozen=True, slots=True)
class Percentage:
    """So many percent of each line, 0 to 100, and no more than the cap for all of them together."""

    percent: Decimal
    cap: Money | None = None

    def __post_init__(self) -> None:
        """Refuse what is no percentage, or a cap below 0."""
        _require("A percentage is from 0 to 100.", holds=0 <= self.percent <= WHOLE_PERCENT)
        _require("A cap is not below 0.", holds=self.cap is None or self.cap.minor >= 0)


@dataclass(frozen=True, slots=True)
class PerOrder:
    """So much for every order, 0 or more."""

    amount: Money

    def __post_init__(self) -> None:
        """Refuse an amount below 0."""
        _require("An amount per order is not below 0.", holds=self.amount.minor >= 0)


Charge = Percentage | PerOrder
"""What a fee or a margin is reckoned by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """One line as it is billed: `total` with the tax and the shipping that it holds."""

    total: Money
    tax: Money
    shipping: Money
    orders: int = 1

    def __post_init__(self) -> None:
        """Refuse parts that are more than the whole."""
        parts = self.tax.minor, self.shipping.minor, self.orders, self.net.minor
        _require("Tax and shipping are parts of a line's total.", holds=min(parts) >= 0)

    @property
    def net(self) -> Money:
        """What the line comes to without tax and shipping."""
        minor = self.total.minor - self.tax.minor - self.shipping.minor
        return Money(minor, self.total.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resold:
    """What a line costs the consortium, what it adds, and so what the member pays."""

    cost: Money
    margin: Money

    @property
    def price(self) -> Money:
        """Cost and margin."""
        return Money(self.cost.minor + self.margin.minor, self.cost.currency)


HIGHEST_PERCENT: Final = {ErateCategory.ONE: 90, ErateCategory.TWO: 85}
"""The highest discount by category. Source: 47 CFR 54.505(c), 20 to 90 and 20 to 85 percent."""


class Attribution(StrEnum):
    """By what a consortium's support falls to its members; no rule prescribes it.

    By the shared rate everybody gets the consortium's percentage of its own eligible part. By own
    rates the same support falls in proportion to eligible part x own rate, so that the most
    disadvantaged members get their appropriate share.

    Source: E-Rate Central, News of the Week, 29 September 2014 and 22 February 2016.
    """

    SHARED_RATE = "shared_rate"
    OWN_RATES = "own_rates"


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibleLine:
    """One member's line: what it costs, what part is eligible, and the member's own rate.

    A member without a rate is no applicant: it gets no support and counts in no mean.
    """

    member_id: PartyId
    total: Money
    eligible: Money
    percent: int | None

    def __post_init__(self) -> None:
        """Refuse an eligible part that is none, and a rate that is no percentage."""
        is_part = 0 <= self.eligible.minor <= self.total.minor
        _require("The eligible part of a line is from nothing to all of it.", holds=is_part)
        is_rate = self.percent is None or 0 <= self.percent <= WHOLE_PERCENT
        _require("A rate is from 0 to 100 percent.", holds=is_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """One member's line, parted: eligible + ineligible = total, and support + net = total."""

    member_id: PartyId
    total: Money
    eligible: Money
    support: Money

    @property
    def ineligible(self) -> Money:
        """What is not supported at any rate."""
        return Money(self.total.minor - self.eligible.minor, self.total.currency)

    @property
    def net(self) -> Money:
        """What is left for the member to pay."""
        return Money(self.total.minor - self.support.minor, self.total.currency)


def fees_of(fee: Charge, lines: Sequence[Billed]) -> list[Money]:
    """Reckon the fee of each of at least one line, net of tax and shipping."""
    nets = [line.net for line in lines]
    return _charged(fee, nets, [line.orders for line in lines])


def resell(margin: Charge, costs: Sequence[Money], orders: Sequence[int]) -> list[Resold]:
    """Add the declared margin to what each of at least one line costs, in so many orders."""
    margins = _charged(margin, costs, orders)
    return [Resold(cost=cost, margin=own) for cost, own in zip(costs, margins, strict=True)]


def eligible_part(total: Money, percent: Decimal) -> Money:
    """Find the eligible part of a line by cost allocation, rounded half-even to the minor unit.

    Raises:
        FeeTermsUnfit: The percentage is not from 0 to 100.
    """
    return Money(_percent_of(total.minor, Percentage(percent).percent), total.currency)


def shared_percent(lines: Sequence[EligibleLine], category: ErateCategory) -> int | None:
    """Find the rate that the members of a consortium share, each counted once; None without any.

    A member's rate counts up to the highest of the category.
    """
    rates = {line.member_id: line.percent for line in lines}
    return consortium_percent(_rate(percent, category) for percent in rates.values())


def support(
    lines: Sequence[EligibleLine],
    category: ErateCategory,
    attribution: Attribution = Attribution.SHARED_RATE,
) -> list[Supported]:
    """Part the lines of one consortium, at least one, into what is supported and what is left.

    The support in all is that by the shared rate, by either attribution. No line is supported
    beyond its eligible part: what is over falls to the others by the same weights.
    """
    eligible = [line.eligible.minor if line.percent is not None else 0 for line in lines]
    shared = shared_percent(lines, category)
    currency = lines[0].total.currency
    parts = [minor - net_cost(Money(minor, currency), shared).minor for minor in eligible]
    if attribution is Attribution.OWN_RATES:
        rates = [_rate(line.percent, category) or 0 for line in lines]
        weights = [minor * rate for minor, rate in zip(eligible, rates, strict=True)]
        parts = _split_within(sum(parts), weights, eligible)
    return [
        Supported(
            member_id=line.member_id,
            total=line.total,
            eligible=line.eligible,
            support=Money(part, currency),
        )
        for line, part in zip(lines, parts, strict=True)
    ]


def _charged(charge: Charge, amounts: Sequence[Money], orders: Sequence[int]) -> list[Money]:
    currency = amounts[0].currency
    match charge:
        case PerOrder(amount=amount):
            return [Money(amount.minor * count, currency) for count in orders]
        case Percentage(percent=percent, cap=cap):
            weights = [amount.minor for amount in amounts]
            parts = [_percent_of(minor, percent) for minor in weights]
            if cap is not None and sum(parts) > cap.minor:
                parts = largest_remainder(cap.minor, weights)
            return [Money(part, currency) for part in parts]


def _split_within(whole: int, weights: Sequence[int], most: Sequence[int]) -> list[int]:
    """Split by weights, none beyond its own most; all of these together are no less than `whole`.

    What is over goes to those that have room, by the same weights, or by room where none weighs.
    """
    parts = [0] * len(weights)
    while left := whole - sum(parts):
        room = [limit - part for limit, part in zip(most, parts, strict=True)]
        open_weights = [weight if free else 0 for weight, free in zip(weights, room, strict=True)]
        more = largest_remainder(left, open_weights if any(open_weights) else room)
        parts = [
            part + min(extra, free) for part, extra, free in zip(parts, more, room, strict=True)
        ]
    return parts


def _rate(percent: int | None, category: ErateCategory) -> int | None:
    return None if percent is None else min(percent, HIGHEST_PERCENT[category])


def _percent_of(minor: int, percent: Decimal) -> int:
    return round(Fraction(percent) * minor / WHOLE_PERCENT)


def _require(sentence: str, *, holds: bool) -> None:
    if not holds:
        raise FeeTermsUnfit(sentence)
