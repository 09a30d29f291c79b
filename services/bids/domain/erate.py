"""Reckon with E-rate discounts: the rate of a consortium, and what is left to pay.

Rates are whole percent. A consortium shares one rate: the simple mean of the rates of the members
that have one, rounded half up to a whole percent (90, 90, 50 give 77). Members without a rate are
no applicants: they count in no mean and get no discount.

Source: 47 CFR 54.505(b)(4); USAC, consortium guidance, for the rounding.
"""

from collections.abc import Iterable
from enum import IntEnum
from fractions import Fraction
from typing import Final

from shared.domain.money import Money

WHOLE_PERCENT: Final = 100


class ErateCategory(IntEnum):
    """What E-rate supports: service to a school, or the network within it."""

    ONE = 1
    TWO = 2


def consortium_percent(percents: Iterable[int | None]) -> int | None:
    """Find the rate that a consortium shares; None when no member has one."""
    rates = [percent for percent in percents if percent is not None]
    if not rates:
        return None
    # Half up: the floor of the mean and a half, in whole numbers throughout.
    return (2 * sum(rates) + len(rates)) // (2 * len(rates))


def net_cost(cost: Money, percent: int | None) -> Money:
    """Take the discount off a cost; what is left is rounded once, half-even, to the minor unit."""
    left = WHOLE_PERCENT - (percent or 0)
    return Money(round(Fraction(cost.minor * left, WHOLE_PERCENT)), cost.currency)
