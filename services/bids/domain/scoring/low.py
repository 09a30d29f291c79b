"""Flag prices that are abnormally low. A flag asks for an explanation; it never rejects.

Source: the rule of the ProZorro system, a final price at least 40 percent below the mean of the
other bidders' initial prices, or at least 30 percent below the next final one. That a low price is
explained and not dropped: Directive 2014/24/EU, article 69.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import Final

from services.bids.domain.scoring.plan import PERCENT
from shared.domain.ids import BidId


class LowRule(StrEnum):
    """By which comparison a price is abnormally low."""

    BELOW_OTHERS_MEAN = "below_others_mean"
    BELOW_NEXT_PRICE = "below_next_price"


_LEAST_BELOW: Final = {LowRule.BELOW_OTHERS_MEAN: 40, LowRule.BELOW_NEXT_PRICE: 30}
"""From how many percent below what it is compared to a price is low."""


@dataclass(frozen=True, slots=True)
class OfferedPrice:
    """A bidder's first price and its last; without an auction they are the same."""

    bid_id: BidId
    initial: Fraction
    final: Fraction


@dataclass(frozen=True, slots=True)
class LowFlag:
    """A price that is low by a rule, what it was compared to, and how far it lies below it."""

    bid_id: BidId
    rule: LowRule
    compared_to: Fraction
    below: Fraction


def low_flags(offers: Sequence[OfferedPrice]) -> tuple[LowFlag, ...]:
    """Flag every price that is low by either rule, the lowest price first.

    Next in rank is the next higher final price; equal prices are not below each other.
    """
    # In a unit in which all prices are whole, so that every comparison is one of whole numbers.
    unit = lcm(*(price.denominator for each in offers for price in (each.initial, each.final)))
    ordered = sorted(
        (_whole(each.final, unit), each.bid_id, _whole(each.initial, unit)) for each in offers
    )
    sum_of_initials = sum(initial for _, _, initial in ordered)
    flags: list[LowFlag] = []
    for place, (final, bid_id, initial) in enumerate(ordered):
        if len(ordered) > 1:
            others = (sum_of_initials - initial, (len(ordered) - 1) * unit)
            flags += _flag(bid_id, LowRule.BELOW_OTHERS_MEAN, (final, unit), others)
        if place + 1 < len(ordered):
            following = (ordered[place + 1][0], unit)
            flags += _flag(bid_id, LowRule.BELOW_NEXT_PRICE, (final, unit), following)
    return tuple(flags)


def _flag(
    bid_id: BidId, rule: LowRule, final: tuple[int, int], compared_to: tuple[int, int]
) -> list[LowFlag]:
    """Compare two prices, each as a numerator over a denominator above 0."""
    least_below = _LEAST_BELOW[rule]
    kept = (PERCENT - least_below) * compared_to[0] * final[1]
    if compared_to[0] <= 0 or final[0] * compared_to[1] * PERCENT > kept:
        return []
    other = Fraction(*compared_to)
    return [LowFlag(bid_id, rule, other, 1 - Fraction(*final) / other)]


def _whole(price: Fraction, unit: int) -> int:
    return price.numerator * (unit // price.denominator)
