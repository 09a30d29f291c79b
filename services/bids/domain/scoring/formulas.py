"""Turn a cost into the share of a price criterion's weight that it earns, from 0 to 1.

A relative formula looks at the other bids, so that a losing one can decide between two others; an
absolute one looks only at bounds that were published.

Source: C. Stilger, J. Siderius and E. van Raaij, *A comparative study of formulas for choosing the
economically most advantageous tender*, Journal of Public Procurement 17(1), 2017; the lowest over
this as in World Bank, *Consulting Services Manual*, 2006 (Sf = 100 Fm / F).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, assert_never

from services.bids.domain.scoring.exactly import sorted_exactly

ZERO = Fraction(0)
ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class LowestOverThis:
    """Earn lowest ÷ this. A cost of 0 earns everything, and beside it any other earns nothing."""

    kind: Literal["lowest_over_this"] = "lowest_over_this"


@dataclass(frozen=True, slots=True)
class LinearPenalty:
    """Lose what the cost lies above the lowest, as a share of the lowest, down to nothing."""

    kind: Literal["linear_penalty"] = "linear_penalty"


@dataclass(frozen=True, slots=True)
class BetweenBids:
    """Earn in a straight line from the highest bid, nothing, to the lowest, everything.

    It gives the whole weight to the smallest difference: of 100.00 and 100.01 one earns nothing.
    """

    kind: Literal["between_bids"] = "between_bids"


@dataclass(frozen=True, slots=True)
class BelowCeiling:
    """Earn in a straight line from the published ceiling, nothing, to the floor, everything."""

    ceiling: Decimal
    floor: Decimal = Decimal(0)
    kind: Literal["below_ceiling"] = "below_ceiling"


PriceFormula = LowestOverThis | LinearPenalty | BetweenBids | BelowCeiling


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and the highest cost among the bids that are compared."""

    lowest: Fraction
    highest: Fraction


def bounds_of(costs: Sequence[Fraction]) -> Bounds:
    """Find the bounds of at least one cost."""
    ordered = sorted_exactly(costs, _itself)
    return Bounds(ordered[0], ordered[-1])


def is_relative(formula: PriceFormula) -> bool:
    """Tell whether a formula looks at the other bids."""
    return not isinstance(formula, BelowCeiling)


def share_of(formula: PriceFormula, cost: Fraction, bounds: Bounds) -> Fraction:
    """Compute the share that a cost earns; costs are 0 or more, and `bounds` embrace them."""
    match formula:
        case LowestOverThis():
            return _ratio(bounds.lowest, cost)
        case LinearPenalty():
            return _penalised(cost, bounds.lowest)
        case BetweenBids():
            return line(cost, nothing_at=bounds.highest, all_at=bounds.lowest)
        case BelowCeiling():
            return line(cost, nothing_at=Fraction(formula.ceiling), all_at=Fraction(formula.floor))
        case _:
            assert_never(formula)


def line(value: Fraction, *, nothing_at: Fraction, all_at: Fraction) -> Fraction:
    """Earn in a straight line between two values, and no more than everything or nothing.

    Where the two are one, everything is earned: there is nothing to tell apart.
    """
    # As whole numbers, because every mark of every bid passes here.
    mark, over = value.as_integer_ratio()
    (none, below), (full, above) = nothing_at.as_integer_ratio(), all_at.as_integer_ratio()
    span = full * below - none * above
    if span == 0:
        return ONE
    numerator, denominator = (mark * below - none * over) * above, span * over
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if numerator <= 0:
        return ZERO
    return ONE if numerator >= denominator else Fraction(numerator, denominator)


def _ratio(lowest: Fraction, cost: Fraction) -> Fraction:
    if not cost:
        return ONE
    return Fraction(lowest.numerator * cost.denominator, lowest.denominator * cost.numerator)


def _penalised(cost: Fraction, lowest: Fraction) -> Fraction:
    if cost == lowest:
        return ONE
    return ZERO if lowest == 0 else max(ZERO, 2 - cost / lowest)


def _itself(value: Fraction) -> Fraction:
    return value
