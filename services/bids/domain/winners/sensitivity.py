"""Find by exactly how much one vendor's unit price on one lot must change to flip the winner.

The cheapest award with the vendor and the cheapest without it are compared. Moving the price moves
the cost of an award with the vendor by its quantity times the move, so the least move is a least
ratio, found exactly in a few searches. Source: Dinkelbach 1967, On nonlinear fractional
programming.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from services.bids.domain.winners.award import Award, Outcome
from services.bids.domain.winners.problem import Problem

ROUNDS_MAX: Final = 30
"""Each round is a better award, and few are needed; more means that the searches disagree."""

CheapestWith = Callable[[Problem], Award | None]
"""Find the cheapest award of a problem in which the vendor wins part of the lot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """At `change` of its unit price on the lot a vendor draws level; any further, and it flips.

    It is negative where a vendor that loses must come down, positive (or 0, at a tie) where one
    that wins may go up. `award` is what then stands against the other.
    """

    vendor_id: str
    lot_id: str
    change: Fraction
    award: Award


def flipping_change(
    problem: Problem,
    *,
    vendor_id: str,
    lot_id: str,
    cost_without: Fraction,
    cheapest_with: CheapestWith,
) -> Flip | None:
    """Find the change at which the vendor draws level; None where it cannot win at any price.

    `cost_without` is the cost of the cheapest award in which the vendor wins no part of the lot.
    """
    moved, best = problem, None
    for _ in range(ROUNDS_MAX):
        award = cheapest_with(moved)
        if award is None:
            return None
        change = _level_at(problem, award, vendor_id, lot_id=lot_id, cost_without=cost_without)
        if change is None:
            return None
        if best is not None and change <= best.change:
            return best
        best = Flip(vendor_id=vendor_id, lot_id=lot_id, change=change, award=award)
        moved = moved_price(problem, vendor_id=vendor_id, lot_id=lot_id, change=change)
    sentence = f"no end to the searches for the price of {vendor_id} on {lot_id}"
    raise ArithmeticError(sentence)


def moved_price(problem: Problem, *, vendor_id: str, lot_id: str, change: Fraction) -> Problem:
    """Move all unit prices of a vendor's bids on a lot by the same sum."""
    return replace(
        problem,
        bids=tuple(
            replace(
                bid,
                tiers=tuple(
                    replace(tier, unit_price=tier.unit_price + change) for tier in bid.tiers
                ),
            )
            if (bid.vendor_id, bid.lot_id) == (vendor_id, lot_id)
            else bid
            for bid in problem.bids
        ),
    )


def _level_at(
    problem: Problem,
    award: Award,
    vendor_id: str,
    *,
    lot_id: str,
    cost_without: Fraction,
) -> Fraction | None:
    """Tell at which change this award costs what the cheapest without the vendor does."""
    outcome = Outcome(problem, award)
    weight = sum(
        (
            outcome.bids[bid_id].factor * Fraction(quantity, problem.steps_per_unit)
            for bid_id, quantity in outcome.quantities.items()
            if (outcome.bids[bid_id].vendor_id, outcome.bids[bid_id].lot_id) == (vendor_id, lot_id)
        ),
        Fraction(0),
    )
    if weight == 0:
        return None
    return (cost_without - outcome.costs().ranked) / weight
