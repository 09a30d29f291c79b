"""Say by what bids are scored: criteria, the method that joins them, thresholds and tie rules.

A plan is data, fixed when the RFP is published. It sums weights as they are; they need not make
a hundred.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, Literal

from services.bids.domain.scoring.candidates import CostRule
from services.bids.domain.scoring.formulas import BelowCeiling, LowestOverThis, PriceFormula
from services.bids.domain.terms import CRITERIA_MAX, CostCovered, Criterion, CriterionKind
from shared.domain.refusals import Kind, Refusal

SCALE_DEFAULT: Final = Decimal(10)
"""Evaluators give 0 to 10 unless a plan says otherwise, as is usual."""


PERCENT: Final = 100


class Rollup(StrEnum):
    """How the evaluators' scores become one: their mean, or what they agreed on."""

    MEAN = "mean"
    CONSENSUS = "consensus"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCriterion:
    """One criterion with its scale.

    A rated or numeric mark earns in a straight line from `worst` to `best`, and no more than the
    weight. `minimum` is on the same scale: a bid below it is eliminated. A price criterion has a
    formula instead.
    """

    name: str
    kind: CriterionKind
    weight: Decimal = Decimal(0)
    worst: Decimal = Decimal(0)
    best: Decimal = SCALE_DEFAULT
    minimum: Decimal | None = None
    formula: PriceFormula | None = None
    covers: CostCovered = CostCovered.ALL

    @property
    def is_technical(self) -> bool:
        """Whether it is scored by a mark and carries a weight."""
        return self.kind in {CriterionKind.RATED, CriterionKind.NUMERIC}


@dataclass(frozen=True, slots=True)
class WeighedPoints:
    """Rank by the sum of all criteria's points, the highest first."""

    kind: Literal["weighed_points"] = "weighed_points"


@dataclass(frozen=True, slots=True)
class LowestCost:
    """Rank by cost, the lowest first: price alone, price and time, life-cycle cost, price ÷ K."""

    kind: Literal["lowest_cost"] = "lowest_cost"


@dataclass(frozen=True, slots=True)
class HighestValue:
    """Rank by value, the highest first: where vendors offer a saving or pay the buyer."""

    kind: Literal["highest_value"] = "highest_value"


@dataclass(frozen=True, slots=True)
class Monetised:
    """Rank by cost less a published value of each point, the lowest first.

    Nobody's rank depends on who else bids. Source: M. Bergman and S. Lundberg, *Tender evaluation
    and supplier selection methods in public procurement*, JPSM 19(2), 2013.
    """

    value_per_point: Mapping[str, Decimal]
    kind: Literal["monetised"] = "monetised"


@dataclass(frozen=True, slots=True)
class QualityPerPrice:
    """Rank by technical points ÷ cost, the highest first."""

    kind: Literal["quality_per_price"] = "quality_per_price"


@dataclass(frozen=True, slots=True)
class UtilityIndex:
    """Rank by (1 - (best quality - own) x n) x lowest cost ÷ own, the highest first.

    Quality is the share of all technical points; n is quality's weight over price's.
    """

    quality_over_price: Decimal
    kind: Literal["utility_index"] = "utility_index"


Method = WeighedPoints | LowestCost | HighestValue | Monetised | QualityPerPrice | UtilityIndex


class TieBreak(StrEnum):
    """What parts equals: a lower price, a criterion's points, the earlier receipt, or a lot."""

    LOWER_PRICE = "lower_price"
    CRITERION = "criterion"
    EARLIEST_RECEIPT = "earliest_receipt"
    DRAWN_LOT = "drawn_lot"


@dataclass(frozen=True, slots=True)
class TieRule:
    """One rule for equals; `criterion` is named where its points decide."""

    by: TieBreak
    criterion: str | None = None


EARLIEST_FIRST: Final = (TieRule(TieBreak.EARLIEST_RECEIPT),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How bids are scored.

    `technical_minimum` is in percent of all technical points: what is below it is eliminated
    before any price is compared. `spread_flagged` is a share of a scale: evaluators whose scores
    stray further than that are asked to talk.
    """

    method: Method = field(default_factory=WeighedPoints)
    criteria: tuple[ScoredCriterion, ...] = ()
    cost: CostRule = field(default_factory=CostRule)
    technical_minimum: Decimal | None = None
    ties: tuple[TieRule, ...] = EARLIEST_FIRST
    rollup: Rollup = Rollup.MEAN
    spread_flagged: Decimal = Decimal("0.2")

    @property
    def technical(self) -> tuple[ScoredCriterion, ...]:
        """The criteria that are scored by a mark."""
        return tuple(each for each in self.criteria if each.is_technical)

    @property
    def prices(self) -> tuple[ScoredCriterion, ...]:
        """The criteria that are scored by a cost."""
        return tuple(each for each in self.criteria if each.kind is CriterionKind.PRICE)

    def criterion(self, name: str) -> ScoredCriterion | None:
        """Find a criterion by its name."""
        return next((each for each in self.criteria if each.name == name), None)


class PlanUnfit(Refusal):
    """The plan contradicts itself or the criteria that the RFP states."""

    kind = Kind.INVALID
    code = "plan_unfit"

    def __init__(self, reasons: list[str]) -> None:
        """Name every reason."""
        super().__init__(" ".join(reasons), details={"reasons": reasons})


def plan_of(criteria: tuple[Criterion, ...]) -> Plan:
    """Make the plan of an RFP that states its criteria and nothing else: lowest ÷ this."""
    return Plan(criteria=tuple(_scored(each) for each in criteria))


def require_plan(plan: Plan, stated: tuple[Criterion, ...] | None = None) -> None:
    """Let only a plan pass that can be applied; `stated` are the criteria of its RFP.

    Raises:
        PlanUnfit: At least one reason speaks against it; all are named.
    """
    reasons = [
        *_unfit_names(plan),
        *(reason for each in plan.criteria for reason in _unfit_criterion(each)),
        *_unfit_cost(plan.cost),
        *_unfit_method(plan),
        *_unfit_ties(plan),
        *(_unlike(plan, stated) if stated is not None else ()),
    ]
    if reasons:
        raise PlanUnfit(reasons)


def _scored(criterion: Criterion) -> ScoredCriterion:
    is_price = criterion.kind is CriterionKind.PRICE
    return ScoredCriterion(
        name=criterion.name,
        kind=criterion.kind,
        weight=criterion.weight or Decimal(0),
        formula=LowestOverThis() if is_price else None,
        covers=criterion.covers or CostCovered.ALL,
    )


def _unfit_names(plan: Plan) -> Iterator[str]:
    if len(plan.criteria) > CRITERIA_MAX:
        yield f"A plan has at most {CRITERIA_MAX} criteria."
    counted = Counter(each.name for each in plan.criteria)
    for name in sorted(name for name, count in counted.items() if count > 1):
        yield f"Two criteria are named {name}."


def _unfit_criterion(criterion: ScoredCriterion) -> Iterator[str]:
    name, is_price = criterion.name, criterion.kind is CriterionKind.PRICE
    if is_price != (criterion.formula is not None):
        yield f"{name}: a price criterion, and no other, has a formula."
    if (criterion.kind is CriterionKind.PASS_FAIL) != (criterion.weight == 0):
        yield f"{name}: a criterion has a weight above 0, and a pass/fail one has none."
    if criterion.weight < 0:
        yield f"{name}: a weight is never negative."
    if criterion.best == criterion.worst:
        yield f"{name}: the best and the worst of a scale differ."
    if criterion.minimum is not None and not criterion.is_technical:
        yield f"{name}: only a rated or numeric criterion has a minimum."
    formula = criterion.formula
    if isinstance(formula, BelowCeiling) and formula.ceiling <= formula.floor:
        yield f"{name}: the ceiling lies above the floor."


def _unfit_cost(rule: CostRule) -> Iterator[str]:
    if any(share < 0 for share in rule.features_max.values()):
        yield "A feature's share is 0 or more."
    if sum(rule.features_max.values(), Decimal(0)) >= 1:
        yield "The features' largest shares sum to less than 1."
    if rule.rate_per_day is not None and rule.rate_per_day < 0:
        yield "A day costs 0 or more."


def _unfit_method(plan: Plan) -> Iterator[str]:
    match plan.method:
        case WeighedPoints():
            if not plan.technical and not plan.prices:
                yield "Points need a criterion that carries a weight."
        case QualityPerPrice() | UtilityIndex():
            if not plan.technical:
                yield "The method weighs quality, so it needs a rated or numeric criterion."
        case Monetised(value_per_point=values):
            known = {each.name for each in plan.technical}
            yield from (
                f"{name} is no rated or numeric criterion." for name in values if name not in known
            )
        case _:
            pass
    least = plan.technical_minimum
    if least is not None and not (0 <= least <= PERCENT and plan.technical):
        yield "The technical minimum is 0 to 100 percent, and needs a rated or numeric criterion."
    if not 0 < plan.spread_flagged <= 1:
        yield "The spread that is flagged is above 0 and at most 1."


def _unfit_ties(plan: Plan) -> Iterator[str]:
    for rule in plan.ties:
        if (rule.by is TieBreak.CRITERION) != (rule.criterion is not None):
            yield "A tie rule names a criterion if its points decide, and only then."
        elif rule.criterion is not None and plan.criterion(rule.criterion) is None:
            yield f"{rule.criterion} is no criterion of the plan."


def _unlike(plan: Plan, stated: tuple[Criterion, ...]) -> Iterator[str]:
    """Compare with the criteria as published: alike but for scales and formulas, in any order."""
    planned = {each.name: (each.kind, Fraction(each.weight), each.covers) for each in plan.criteria}
    published = {
        each.name: (each.kind, Fraction(each.weight or 0), each.covers or CostCovered.ALL)
        for each in stated
    }
    for name in sorted(planned.keys() | published.keys()):
        if planned.get(name) != published.get(name):
            yield f"{name}: the plan and the RFP's criteria differ."
