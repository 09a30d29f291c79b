"""Find the smallest change of a weight that makes another bid win, exactly.

One weight is moved and the others stay as they are; ranks know only proportions, so this is the
same as moving it while the sum is kept, and `weight_of_sum` says what share of the whole it then
has. Between the weights at which two bids are equal, or a bid meets the technical minimum, nothing
changes; so it is enough to look at those weights and between them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.plan import PERCENT, Plan
from services.bids.domain.scoring.ranking import (
    NOBODY,
    Disqualified,
    parted,
    score,
)
from services.bids.domain.scoring.ties import Draw
from services.bids.domain.scoring.values import (
    Weights,
    measured,
    valued,
    weights_of,
)
from shared.domain.ids import BidId

BEYOND = Fraction(1)
"""A step past the last weight at which anything changes; any positive one will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """Another bid wins when a weight has changed by `change`, or only beyond it.

    `is_reached` says that it wins at that weight itself, where a tie rule decides for it or the
    winner falls out; else the bids are equal there, and any further change lets it win.
    """

    weight: str
    change: Fraction
    new_weight: Fraction
    weight_of_sum: Fraction
    winner_id: BidId | None
    is_reached: bool


def flips(
    plan: Plan,
    candidates: Sequence[Candidate],
    *,
    disqualified: Disqualified = NOBODY,
    draw: Draw | None = None,
) -> tuple[Flip, ...]:
    """List, for each weight, its smallest rise and its smallest fall that flip the winner.

    The smallest change of all is the first. A weight does not fall below 0.
    """
    trial = _Trial(plan, tuple(candidates), disqualified, draw)
    found = [
        flip
        for name in trial.weights
        for is_rise in (True, False)
        if (flip := _first_flip(trial, name, is_rise=is_rise)) is not None
    ]
    found.sort(key=lambda flip: (abs(flip.change), flip.weight))
    return tuple(found)


class _Trial:
    """Score the same bids under other weights."""

    def __init__(
        self,
        plan: Plan,
        candidates: tuple[Candidate, ...],
        disqualified: Disqualified,
        draw: Draw | None,
    ) -> None:
        self.plan = plan
        self.candidates = tuple(each for each in candidates if each.bid_id not in disqualified)
        self.weights = weights_of(plan)
        self._draw = draw
        self.winner_id = self.winner_under(self.weights)

    def moved(self, name: str, change: Fraction) -> Weights:
        return {**self.weights, name: self.weights[name] + change}

    def winner_under(self, weights: Weights) -> BidId | None:
        won = score(self.plan, self.candidates, weights=weights, draw=self._draw).winner
        return None if won is None else won.candidate.bid_id


def _first_flip(trial: _Trial, name: str, *, is_rise: bool) -> Flip | None:
    weight = trial.weights[name]
    points = _turning_points(trial, name, is_rise=is_rise)
    for point, following in _with_following(points):
        if (winner_id := trial.winner_under(trial.moved(name, point))) != trial.winner_id:
            return _flip(trial, name, point, (winner_id, True))
        further = _between(point, following, is_rise=is_rise)
        if weight + further < 0:
            return None
        if (winner_id := trial.winner_under(trial.moved(name, further))) != trial.winner_id:
            return _flip(trial, name, point, (winner_id, False))
    return None


def _between(point: Fraction, following: Fraction | None, *, is_rise: bool) -> Fraction:
    if following is not None:
        return (point + following) / 2
    return point + (BEYOND if is_rise else -BEYOND)


def _with_following(points: list[Fraction]) -> Iterator[tuple[Fraction, Fraction | None]]:
    return zip(points, [*points[1:], None], strict=True)


def _flip(trial: _Trial, name: str, change: Fraction, won: tuple[BidId | None, bool]) -> Flip:
    weights = trial.moved(name, change)
    whole = sum(weights.values(), Fraction(0))
    return Flip(
        weight=name,
        change=change,
        new_weight=weights[name],
        weight_of_sum=weights[name] / whole if whole else Fraction(0),
        winner_id=won[0],
        is_reached=won[1],
    )


def _turning_points(trial: _Trial, name: str, *, is_rise: bool) -> list[Fraction]:
    """List the changes, the smallest first, at which anything may change; 0 is one of them."""
    weight = trial.weights[name]
    bars = [Fraction(0), *_bars(trial, name)]
    if not is_rise:
        bars.append(-weight)
    bars = _one_way(bars, weight, is_rise=is_rise)
    points = set(bars)
    for bar, following in _with_following(bars):
        for inside in (bar, _between(bar, following, is_rise=is_rise)):
            points.update(_equalities(trial, name, inside))
    return _one_way(points, weight, is_rise=is_rise)


def _one_way(changes: Iterable[Fraction], weight: Fraction, *, is_rise: bool) -> list[Fraction]:
    kept = {each for each in changes if (each >= 0 if is_rise else -weight <= each <= 0)}
    return sorted(kept, key=abs)


def _bars(trial: _Trial, name: str) -> Iterator[Fraction]:
    """Find the changes at which a bid meets the technical minimum exactly."""
    plan = trial.plan
    are_points = all(each.name in trial.weights for each in plan.technical)
    if plan.technical_minimum is None or not are_points:
        return
    least = Fraction(plan.technical_minimum) / PERCENT
    for shares in (bid.shares for bid in measured(plan, trial.candidates)):
        if name in shares and shares[name] != least:
            surplus = sum(
                (trial.weights[each] * (share - least) for each, share in shares.items()),
                Fraction(0),
            )
            yield -surplus / (shares[name] - least)


def _equalities(trial: _Trial, name: str, change: Fraction) -> Iterator[Fraction]:
    """Find the changes at which a bid equals the winner, among those compared at `change`."""
    weights = trial.moved(name, max(change, -trial.weights[name]))
    compared, _ = parted(trial.plan, trial.candidates, weights=weights)
    bids = valued(trial.plan, compared)
    winner = next((bid for bid in bids if bid.candidate.bid_id == trial.winner_id), None)
    if winner is None:
        return
    ahead = winner.value(trial.weights)
    for bid in bids:
        gained = bid.parts[name] - winner.parts[name]
        if gained:
            yield (ahead - bid.value(trial.weights)) / gained
