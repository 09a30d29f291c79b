"""Score a lot's bids: set aside what may not win, value the rest beside each other, rank them.

What is set aside is gone before any cost is compared, so that it cannot move the others' points.
Ranks rest on exact values; rounding is for display.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from services.bids.domain.scoring.candidates import AnswerMissing, Candidate, required
from services.bids.domain.scoring.exactly import reaches, sorted_exactly
from services.bids.domain.scoring.formulas import ZERO
from services.bids.domain.scoring.plan import (
    PERCENT,
    HighestValue,
    LowestCost,
    Monetised,
    Plan,
    TieRule,
)
from services.bids.domain.scoring.ties import Draw, placed
from services.bids.domain.scoring.values import (
    Measured,
    Valued,
    Weights,
    measured,
    technical_weights,
    valued,
    weights_of,
)
from services.bids.domain.terms import CriterionKind
from shared.domain.ids import BidId


class Why(StrEnum):
    """Why a bid was set aside."""

    DISQUALIFIED = "disqualified"
    FAILED = "failed"
    BELOW_MINIMUM = "below_minimum"
    BELOW_TECHNICAL_MINIMUM = "below_technical_minimum"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A bid that may not win; `about` is the criterion, or the reason of a disqualification."""

    candidate: Candidate
    why: Why
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A ranked bid. `value` is what it was ranked by: points, cost, or an index.

    `parted_by` is the tie rule that put it behind the equal bid before it.
    """

    rank: int
    value: Fraction
    valued: Valued
    weights: Weights
    parted_by: TieRule | None = None

    @property
    def candidate(self) -> Candidate:
        """The bid."""
        return self.valued.candidate

    @property
    def cost(self) -> Fraction:
        """What it costs by the plan's rule."""
        return self.valued.measured.cost

    @property
    def points(self) -> Mapping[str, Fraction]:
        """Its weight x part by criterion, where the method weighs any."""
        return {name: self.weights[name] * part for name, part in self.valued.parts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """A lot's bids: ranked, the best first, and behind them those that were set aside."""

    ranked: tuple[Scored, ...]
    set_aside: tuple[SetAside, ...] = ()

    @property
    def winner(self) -> Scored | None:
        """The best bid, if any may win."""
        return self.ranked[0] if self.ranked else None

    @property
    def order(self) -> tuple[BidId, ...]:
        """All bids, in the order of their ranks and then of those that were set aside."""
        ranked = (each.candidate.bid_id for each in self.ranked)
        return (*ranked, *(each.candidate.bid_id for each in self.set_aside))


Disqualified = Mapping[BidId, str]
"""Why a bid was disqualified, by its id."""

NOBODY: Disqualified = {}


def score(
    plan: Plan,
    candidates: Sequence[Candidate],
    *,
    disqualified: Disqualified = NOBODY,
    draw: Draw | None = None,
    weights: Weights | None = None,
) -> Scoring:
    """Score a lot's bids under its plan, whatever order they come in.

    `weights` stand in for the plan's own, to try what would be under them. `draw` is needed only
    where a lot decides between equals.

    Raises:
        AnswerMissing: A bid lacks an answer that the plan asks for.
        CostUnfit: A cost is below 0, or it is 0 and the plan divides by it.
        LotNotDrawable: A lot must be drawn, and there is nothing to draw it from.
    """
    weighed = weights_of(plan) if weights is None else weights
    compared, aside = parted(plan, candidates, disqualified=disqualified, weights=weighed)
    return Scoring(ranked=ranked(plan, compared, weighed, draw), set_aside=tuple(aside))


def ranked(
    plan: Plan, compared: Sequence[Measured], weights: Weights, draw: Draw | None
) -> tuple[Scored, ...]:
    """Rank the bids that are compared, the best first.

    Raises:
        CostUnfit: A cost is below 0, or it is 0 and the plan divides by it.
        LotNotDrawable: A lot must be drawn, and there is nothing to draw it from.
    """
    is_cost = is_lower_better(plan)
    return tuple(
        Scored(
            rank=rank,
            value=-each.value if is_cost else each.value,
            valued=each.valued,
            weights=weights,
            parted_by=each.parted_by,
        )
        for rank, each in enumerate(placed(plan, valued(plan, compared), weights, draw), start=1)
    )


def is_lower_better(plan: Plan) -> bool:
    """Tell whether the best bid is the one of the lowest value."""
    return isinstance(plan.method, LowestCost | Monetised)


def parted(
    plan: Plan,
    candidates: Sequence[Candidate],
    *,
    disqualified: Disqualified = NOBODY,
    weights: Weights,
) -> tuple[list[Measured], list[SetAside]]:
    """Part the bids that are compared from those that were set aside, these by price.

    Raises:
        AnswerMissing: A bid lacks an answer that the plan asks for.
    """
    aside: list[SetAside] = []
    passed: list[Candidate] = []
    bars = _Bars(plan, weights)
    for each in candidates:
        found = bars.met_by(each, disqualified)
        if found is None:
            passed.append(each)
        else:
            aside.append(found)
    compared: list[Measured] = []
    for bid in measured(plan, passed):
        if bars.is_technical_enough(bid):
            compared.append(bid)
        else:
            aside.append(bars.technical(bid.candidate))
    by_log = sorted(aside, key=lambda one: (one.candidate.log_index, one.candidate.bid_id))
    is_falling = isinstance(plan.method, HighestValue)
    return compared, sorted_exactly(by_log, lambda one: one.candidate.price, is_falling=is_falling)


class _Bars:
    """What a bid must pass to be compared, read once for all bids."""

    def __init__(self, plan: Plan, weights: Weights) -> None:
        self._passes = [each.name for each in plan.criteria if each.kind is CriterionKind.PASS_FAIL]
        self._minimums = [
            (each.name, Fraction(each.minimum), each.best > each.worst)
            for each in plan.technical
            if each.minimum is not None
        ]
        least = plan.technical_minimum
        self._about = f"{least} percent of technical points"
        # Only where points are weighed do other weights move this bar.
        are_points = all(each.name in weights for each in plan.technical)
        self._weights = weights if are_points else technical_weights(plan)
        whole = sum((self._weights[each.name] for each in plan.technical), ZERO)
        self._least = None if least is None else Fraction(least) / PERCENT * whole

    def met_by(self, candidate: Candidate, disqualified: Disqualified) -> SetAside | None:
        """Find what bars a bid, before all technical points are summed."""
        reason = disqualified.get(candidate.bid_id)
        if reason is not None:
            return SetAside(candidate=candidate, why=Why.DISQUALIFIED, about=reason)
        for name in self._passes:
            passes = candidate.passes.get(name)
            if passes is None:
                sentence = f"A bid was not judged on “{name}”; without it nothing is ranked."
                raise AnswerMissing(sentence)
            if not passes:
                return SetAside(candidate=candidate, why=Why.FAILED, about=name)
        for name, least, is_rising in self._minimums:
            mark = required(candidate.marks.get(name), f"a score for “{name}”")
            above = mark.numerator * least.denominator - least.numerator * mark.denominator
            if (above < 0) if is_rising else (above > 0):
                return SetAside(candidate=candidate, why=Why.BELOW_MINIMUM, about=name)
        return None

    def is_technical_enough(self, bid: Measured) -> bool:
        """Tell whether a bid earned enough of all technical points."""
        if self._least is None:
            return True
        weighed = [(self._weights[name], share) for name, share in bid.shares.items()]
        return reaches(self._least, weighed)

    def technical(self, candidate: Candidate) -> SetAside:
        """Set a bid aside that did not."""
        return SetAside(candidate=candidate, why=Why.BELOW_TECHNICAL_MINIMUM, about=self._about)
