"""Reduce every method to one form: base + sum of weight x part, the higher the better.

In this form a rank is a comparison of two exact sums, and the change of a weight that makes two
bids equal is a division. What a bid earns whoever else bids is measured once; what it earns beside
others is valued each time the others change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, assert_never

from services.bids.domain.scoring.candidates import (
    Candidate,
    coefficient,
    compared_cost,
    days_of,
    required,
)
from services.bids.domain.scoring.exactly import weighed_sum
from services.bids.domain.scoring.formulas import ZERO, bounds_of, line, share_of
from services.bids.domain.scoring.plan import (
    HighestValue,
    LowestCost,
    Monetised,
    Plan,
    QualityPerPrice,
    ScoredCriterion,
    UtilityIndex,
    WeighedPoints,
)
from shared.domain.refusals import Kind, Refusal

RATE_PER_DAY: Final = "rate per day"
"""The weight of a promised day, where cost decides."""

QUALITY_OVER_PRICE: Final = "quality over price"
"""The weight of a utility index."""

_NEGATIVE: Final = "A cost is below 0, which no formula of points can weigh; rank by cost instead."

Weights = Mapping[str, Fraction]


class CostUnfit(Refusal):
    """A cost is below 0, or it is 0 and the plan divides by it."""

    kind = Kind.CONFLICT
    code = "cost_unfit"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a bid comes to whoever else bids.

    `shares` are what its marks earn of each technical weight, from 0 to 1; `covered` is its cost
    by price criterion.
    """

    candidate: Candidate
    cost: Fraction
    shares: Mapping[str, Fraction]
    covered: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Valued:
    """What a bid comes to beside others: a base, and a part for each weight."""

    measured: Measured
    base: Fraction
    parts: Mapping[str, Fraction]

    @property
    def candidate(self) -> Candidate:
        """The bid."""
        return self.measured.candidate

    def value(self, weights: Weights) -> Fraction:
        """Sum it up under some weights."""
        return weighed_sum(self.base, [(weights[name], part) for name, part in self.parts.items()])


def weights_of(plan: Plan) -> dict[str, Fraction]:
    """List what can be weighed differently under a plan's method, by name."""
    match plan.method:
        case WeighedPoints():
            return {each.name: Fraction(each.weight) for each in (*plan.technical, *plan.prices)}
        case QualityPerPrice():
            return technical_weights(plan)
        case Monetised(value_per_point=values):
            return {name: Fraction(value) for name, value in values.items()}
        case UtilityIndex(quality_over_price=ratio):
            return {QUALITY_OVER_PRICE: Fraction(ratio)}
        case LowestCost():
            rate = plan.cost.rate_per_day
            return {} if rate is None else {RATE_PER_DAY: Fraction(rate)}
        case HighestValue():
            return {}
        case _:
            assert_never(plan.method)


def technical_weights(plan: Plan) -> dict[str, Fraction]:
    """List the weights of what is scored by a mark."""
    return {each.name: Fraction(each.weight) for each in plan.technical}


def technical_quality(shares: Mapping[str, Fraction], weights: Weights) -> Fraction:
    """Compute the share of all technical points that a bid earned, from 0 to 1.

    Where the weights sum to 0, nobody earns anything.
    """
    whole = sum((weights[name] for name in shares), ZERO)
    points = weighed_sum(ZERO, [(weights[name], share) for name, share in shares.items()])
    return points / whole if whole else ZERO


def measured(plan: Plan, candidates: Sequence[Candidate]) -> list[Measured]:
    """Measure bids, each for itself.

    Raises:
        AnswerMissing: A bid lacks an answer that the plan asks for.
    """
    scales = [_Scale.of(each) for each in plan.technical]
    prices = plan.prices
    return [
        Measured(
            each,
            compared_cost(plan.cost, each),
            {scale.name: scale.share(each) for scale in scales},
            {one.name: compared_cost(plan.cost, each, one.covers) for one in prices},
        )
        for each in candidates
    ]


def valued(plan: Plan, bids: Sequence[Measured]) -> list[Valued]:
    """Value bids beside each other; those that are not compared must not be among them.

    Raises:
        AnswerMissing: A bid lacks an answer that the plan asks for.
        CostUnfit: A cost is below 0, or it is 0 and the plan divides by it.
    """
    if not bids:
        return []
    match plan.method:
        case WeighedPoints():
            return _by_points(plan, bids)
        case UtilityIndex():
            return _by_index(plan, bids)
        case _:
            return [_alone(plan, each) for each in bids]


@dataclass(frozen=True, slots=True)
class _Scale:
    """A technical criterion's scale, read once for all bids."""

    name: str
    worst: Fraction
    best: Fraction

    @staticmethod
    def of(criterion: ScoredCriterion) -> "_Scale":
        return _Scale(criterion.name, Fraction(criterion.worst), Fraction(criterion.best))

    def share(self, candidate: Candidate) -> Fraction:
        mark = _mark(candidate, self.name)
        return line(mark, nothing_at=self.worst, all_at=self.best)


def _alone(plan: Plan, bid: Measured) -> Valued:
    """Value a bid by a method that looks at no other."""
    cost = bid.cost
    match plan.method:
        case HighestValue():
            return Valued(bid, cost, {})
        case Monetised(value_per_point=values):
            return Valued(bid, -cost, {name: _mark(bid.candidate, name) for name in values})
        case QualityPerPrice():
            _require_positive([bid])
            return Valued(bid, ZERO, {name: share / cost for name, share in bid.shares.items()})
        case _:
            return _by_cost(plan, bid)


def _by_cost(plan: Plan, bid: Measured) -> Valued:
    """Set the days apart from the cost, so that another rate can be tried."""
    rate = plan.cost.rate_per_day
    if rate is None:
        return Valued(bid, -bid.cost, {})
    days = days_of(bid.candidate) / coefficient(plan.cost, bid.candidate.features)
    return Valued(bid, days * Fraction(rate) - bid.cost, {RATE_PER_DAY: -days})


def _by_points(plan: Plan, bids: Sequence[Measured]) -> list[Valued]:
    parts = [dict(each.shares) for each in bids]
    for criterion in plan.prices:
        name, formula = criterion.name, criterion.formula
        bounds = bounds_of([each.covered[name] for each in bids])
        if bounds.lowest < 0:
            raise CostUnfit(_NEGATIVE)
        if formula is not None:
            for each, earned in zip(bids, parts, strict=True):
                earned[name] = share_of(formula, each.covered[name], bounds)
    return [Valued(each, ZERO, earned) for each, earned in zip(bids, parts, strict=True)]


def _by_index(plan: Plan, bids: Sequence[Measured]) -> list[Valued]:
    _require_positive(bids)
    weights = technical_weights(plan)
    lowest = min(each.cost for each in bids)
    qualities = [technical_quality(each.shares, weights) for each in bids]
    best = max(qualities)
    return [
        Valued(
            each,
            lowest / each.cost,
            {QUALITY_OVER_PRICE: (quality - best) * lowest / each.cost},
        )
        for each, quality in zip(bids, qualities, strict=True)
    ]


def _mark(candidate: Candidate, name: str) -> Fraction:
    return required(candidate.marks.get(name), f"a score for “{name}”")


def _require_positive(bids: Sequence[Measured]) -> None:
    if any(each.cost <= 0 for each in bids):
        sentence = "A cost is 0 or below, and the plan divides by costs; use an absolute formula."
        raise CostUnfit(sentence)
