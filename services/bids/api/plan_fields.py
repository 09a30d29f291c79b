"""Read and write plans of scoring over HTTP."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, WithJsonSchema

from services.bids.domain.scoring.candidates import CostRule
from services.bids.domain.scoring.formulas import (
    BelowCeiling,
    BetweenBids,
    LinearPenalty,
    LowestOverThis,
    PriceFormula,
)
from services.bids.domain.scoring.panels import Panel
from services.bids.domain.scoring.plan import (
    EARLIEST_FIRST,
    SCALE_DEFAULT,
    HighestValue,
    LowestCost,
    Method,
    Monetised,
    Plan,
    QualityPerPrice,
    Rollup,
    ScoredCriterion,
    TieBreak,
    TieRule,
    UtilityIndex,
    WeighedPoints,
)
from services.bids.domain.terms import CRITERIA_MAX, CostCovered, CriterionKind
from services.bids.ports.scoring import Method as StatedMethod
from shared.domain.canonical import plain
from shared.domain.ids import PartyId
from shared.web.fields import AnswerModel, Label, RequestModel

PANELS_MAX: Final = 20
EVALUATORS_MAX: Final = 50
NUMBERS_MAX: Final = 50

ExactNumber = Annotated[
    Decimal,
    Field(max_digits=15, decimal_places=4),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^-?\d{1,11}(\.\d{1,4})?$"},
                {"type": "integer", "minimum": 1 - 10**11, "maximum": 10**11 - 1},
            ],
            "examples": ["7.5"],
        },
        mode="validation",
    ),
]
"""A mark, a weight or a share: kept exactly, on whatever scale it is."""


class ScoredCriterionBody(RequestModel):
    """One criterion with its scale, or with its formula where it weighs a price."""

    name: Label
    kind: CriterionKind
    weight: ExactNumber = Decimal(0)
    worst: ExactNumber = Decimal(0)
    best: ExactNumber = SCALE_DEFAULT
    minimum: ExactNumber | None = None
    formula: (
        Literal["lowest_over_this", "linear_penalty", "between_bids", "below_ceiling"] | None
    ) = None
    ceiling: ExactNumber = Decimal(0)
    floor: ExactNumber = Decimal(0)
    covers: CostCovered = CostCovered.ALL

    def criterion(self) -> ScoredCriterion:
        """Turn it into what the domain knows."""
        return ScoredCriterion(
            name=self.name,
            kind=self.kind,
            weight=self.weight,
            worst=self.worst,
            best=self.best,
            minimum=self.minimum,
            formula=self._formula(),
            covers=self.covers,
        )

    def _formula(self) -> PriceFormula | None:
        match self.formula:
            case "lowest_over_this":
                return LowestOverThis()
            case "linear_penalty":
                return LinearPenalty()
            case "between_bids":
                return BetweenBids()
            case "below_ceiling":
                return BelowCeiling(self.ceiling, self.floor)
            case None:
                return None


class TieRuleBody(RequestModel):
    """One rule for equals."""

    by: TieBreak
    criterion: Label | None = None


class PanelBody(RequestModel):
    """Evaluators who judge the same criteria."""

    name: Label
    criteria: Annotated[list[Label], Field(min_length=1, max_length=CRITERIA_MAX)]
    evaluator_ids: Annotated[list[UUID], Field(min_length=1, max_length=EVALUATORS_MAX)]


class StateScoring(RequestModel):
    """How bids are scored and by whom.

    `value_per_point` belongs to `monetised`, `quality_over_price` to `utility_index`. `added` names
    answers that are costs, `features_max` answers that are shares of a coefficient.
    Without `ties` equals go by the earlier receipt.
    """

    method: Literal[
        "weighed_points",
        "lowest_cost",
        "highest_value",
        "monetised",
        "quality_per_price",
        "utility_index",
    ] = "weighed_points"
    value_per_point: Annotated[
        dict[Label, ExactNumber], Field(max_length=NUMBERS_MAX, default_factory=dict)
    ]
    quality_over_price: Annotated[ExactNumber, Field(ge=0)] = Decimal(1)
    criteria: Annotated[
        list[ScoredCriterionBody], Field(max_length=CRITERIA_MAX, default_factory=list)
    ]
    added: Annotated[list[Label], Field(max_length=NUMBERS_MAX, default_factory=list)]
    rate_per_day: ExactNumber | None = None
    features_max: Annotated[
        dict[Label, ExactNumber], Field(max_length=NUMBERS_MAX, default_factory=dict)
    ]
    technical_minimum: ExactNumber | None = None
    ties: Annotated[list[TieRuleBody], Field(max_length=NUMBERS_MAX, default_factory=list)]
    rollup: Rollup = Rollup.MEAN
    spread_flagged: ExactNumber = Decimal("0.2")
    panels: Annotated[list[PanelBody], Field(max_length=PANELS_MAX, default_factory=list)]

    def plan(self) -> Plan:
        """Turn it into what the domain knows."""
        return Plan(
            method=self._method(),
            criteria=tuple(each.criterion() for each in self.criteria),
            cost=CostRule(
                added=tuple(self.added),
                rate_per_day=self.rate_per_day,
                features_max=self.features_max,
            ),
            technical_minimum=self.technical_minimum,
            ties=tuple(TieRule(each.by, each.criterion) for each in self.ties) or EARLIEST_FIRST,
            rollup=self.rollup,
            spread_flagged=self.spread_flagged,
        )

    def scoring_panels(self) -> tuple[Panel, ...]:
        """Turn the panels into what the domain knows."""
        return tuple(
            Panel(
                name=each.name,
                criteria=frozenset(each.criteria),
                evaluator_ids=frozenset(map(PartyId, each.evaluator_ids)),
            )
            for each in self.panels
        )

    def _method(self) -> Method:
        methods: dict[str, Method] = {
            "weighed_points": WeighedPoints(),
            "lowest_cost": LowestCost(),
            "highest_value": HighestValue(),
            "monetised": Monetised(self.value_per_point),
            "quality_per_price": QualityPerPrice(),
            "utility_index": UtilityIndex(self.quality_over_price),
        }
        return methods[self.method]


class PanelAnswer(AnswerModel):
    """Evaluators who judge the same criteria."""

    name: str
    criteria: list[str]
    evaluator_ids: list[UUID]


class MethodAnswer(AnswerModel):
    """How an RFP is scored, and by whom; numbers are decimal strings."""

    plan: dict[str, Any]
    panels: list[PanelAnswer]


def method_answer(stated: StatedMethod) -> MethodAnswer:
    """Render a plan as it is kept."""
    plan = plain(stated.plan)
    assert isinstance(plan, dict)
    panels = [
        PanelAnswer(
            name=panel.name,
            criteria=sorted(panel.criteria),
            evaluator_ids=sorted(panel.evaluator_ids),
        )
        for panel in stated.panels
    ]
    return MethodAnswer(plan=plan, panels=panels)
