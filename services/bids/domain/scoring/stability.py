"""Say whether a result hangs on a losing bid: take each away, and see who wins.

A relative formula measures bids by the lowest, the highest or the best among them. Only a bid that
sets such a measure alone can move the others, so only these are taken away in earnest; without any
other loser the order of the rest is provably the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.bids.domain.scoring.formulas import BetweenBids, is_relative
from services.bids.domain.scoring.plan import Plan, UtilityIndex, WeighedPoints
from services.bids.domain.scoring.ranking import Scoring
from services.bids.domain.scoring.ties import Draw, placed
from services.bids.domain.scoring.values import (
    Measured,
    technical_quality,
    technical_weights,
    valued,
)
from shared.domain.ids import BidId

_Measure = tuple[Fraction, BidId]


@dataclass(frozen=True, slots=True)
class Hinge:
    """A losing bid without which another would win."""

    loser_id: BidId
    winner_without_id: BidId


@dataclass(frozen=True, slots=True)
class Stability:
    """Whether the winner stays the winner without each loser; `hinges` are where it does not."""

    hinges: tuple[Hinge, ...] = ()

    @property
    def is_stable(self) -> bool:
        """Whether no losing bid decides between two others."""
        return not self.hinges


def stability(plan: Plan, scoring: Scoring, *, draw: Draw | None = None) -> Stability:
    """Take every loser away that could matter, and list those without which another wins."""
    winner = scoring.winner
    if winner is None or is_provably_stable(plan):
        return Stability()
    compared = [each.valued.measured for each in scoring.ranked]
    hinges = []
    for loser_id in _measures(plan, compared):
        if loser_id == winner.candidate.bid_id:
            continue
        without = [each for each in compared if each.candidate.bid_id != loser_id]
        first = placed(plan, valued(plan, without), winner.weights, draw)[0]
        then = first.valued.candidate.bid_id
        if then != winner.candidate.bid_id:
            hinges.append(Hinge(loser_id, then))
    return Stability(tuple(hinges))


def is_provably_stable(plan: Plan) -> bool:
    """Tell whether a plan's method makes every result stable, whatever is bid."""
    if isinstance(plan.method, UtilityIndex):
        return False
    if not isinstance(plan.method, WeighedPoints):
        return True
    return not any(each.formula and is_relative(each.formula) for each in plan.prices)


def _measures(plan: Plan, bids: Sequence[Measured]) -> list[BidId]:
    """List the bids that alone set what the others are measured by."""
    if isinstance(plan.method, UtilityIndex):
        weights = technical_weights(plan)
        best = [(technical_quality(each.shares, weights), each.candidate.bid_id) for each in bids]
        found = [*_alone(max, best), *_alone(min, _costs(bids))]
        return list(dict.fromkeys(found))
    found = []
    for criterion in plan.prices:
        costs = [(each.covered[criterion.name], each.candidate.bid_id) for each in bids]
        if criterion.formula and is_relative(criterion.formula):
            found += _alone(min, costs)
        if isinstance(criterion.formula, BetweenBids):
            found += _alone(max, costs)
    return list(dict.fromkeys(found))


def _costs(bids: Sequence[Measured]) -> list[_Measure]:
    return [(each.cost, each.candidate.bid_id) for each in bids]


def _alone(
    bound: Callable[[Iterable[Fraction]], Fraction], measures: list[_Measure]
) -> list[BidId]:
    """Name the one bid that holds a bound, if no other does."""
    held = bound(value for value, _ in measures)
    holders = [bid_id for value, bid_id in measures if value == held]
    return holders if len(holders) == 1 else []
