"""Read award scenarios from requests, and render them."""

from datetime import datetime
from fractions import Fraction
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.offers import Terms
from services.bids.domain.winners.problem import Granularity
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.scenarios import (
    SHARE_PLACES,
    Scenario,
    ScenarioStatus,
    Standing,
    digest_text,
)
from services.bids.domain.winners.sensitivity import Flip
from services.bids.domain.winners.serial import written
from services.bids.domain.winners.tasks import Answer, EngineName, Status
from services.bids.domain.winners.written import amount_text, rounded_up
from shared.web.fields import AnswerModel, Label, Prose, RequestModel

SECONDS_MAX: Final = 300
RULES_MAX: Final = 100
MAPPED_MAX: Final = 5_000
PRIORITY_MAX: Final = 1_000
GAP_PLACES: Final = 12

Exact = Annotated[str, StringConstraints(pattern=r"^\d{1,15}(\.\d{1,6})?$")]
"""A number of 0 or more as a decimal string."""

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,60}$")]


class RuleBody(RequestModel):
    """One rule. `amount` is a count, a share from 0 to 1, money or a score, as the kind says.

    `each_lot` writes it out for every lot. Without `priority` it is mandatory; of the others the
    higher number gives way first.
    """

    id: RuleId
    kind: RuleKind
    amount: Exact = "0"
    lot_id: UUID | None = None
    vendor_id: UUID | None = None
    each_lot: bool = False
    priority: Annotated[int, Field(ge=0, le=PRIORITY_MAX)] | None = None


Amounts = Annotated[dict[UUID, Exact], Field(max_length=MAPPED_MAX)]


class SaveScenario(RequestModel):
    """How lots may be awarded, and the buyer's rules.

    `reserves` are unit prices by lot at which the buyer rather buys nothing; `factors` by vendor
    multiply costs in the comparison alone; `scores` by bid are held against minimum scores.
    """

    name: Label
    granularity: Granularity = Granularity.WHOLE
    takes_alternates: bool = False
    participation_cost: Exact = "0"
    reserves: Amounts = Field(default_factory=dict)
    incumbents: Annotated[dict[UUID, UUID], Field(max_length=MAPPED_MAX)] = Field(
        default_factory=dict
    )
    switching_costs: Amounts = Field(default_factory=dict)
    factors: Amounts = Field(default_factory=dict)
    scores: Amounts = Field(default_factory=dict)
    rules: Annotated[list[RuleBody], Field(max_length=RULES_MAX)] = Field(default_factory=list)
    seconds: Annotated[int, Field(ge=1, le=SECONDS_MAX)] = 60


class ChooseScenario(RequestModel):
    """Why this scenario, and whether knowing that its award is not proven optimal."""

    reason: Prose
    accepts_unproven: bool = False


class AwardedLine(AnswerModel):
    """What one vendor supplies of a lot; `member_id` is null where the lot goes whole."""

    lot_id: str
    member_id: str | None
    vendor_id: str
    bid_id: str
    quantity: str


class AwardedPackage(AnswerModel):
    """A package that wins whole."""

    package_id: str
    vendor_id: str
    lot_ids: list[str]
    price: str


class UnawardedLine(AnswerModel):
    """What is not awarded, because its reserve is cheaper."""

    lot_id: str
    member_id: str | None
    quantity: str


class RuleCostAnswer(AnswerModel):
    """What a rule costs against the best award without it; null where that was not proven."""

    rule_id: str
    cost: str | None


class ResultAnswer(AnswerModel):
    """What the search came to. Sums are exact decimals, or fractions where there is no decimal.

    `ranked` is what awards are compared by, `paid` what vendors get. `gap` is by how much a better
    award could still be cheaper, as a share of `ranked`, rounded up; 0 is a proof. `engine` is
    which solver searched; the answer was checked without it.
    """

    status: Status
    is_proven: bool
    engine: EngineName | None
    ranked: str | None
    paid: str | None
    gap: str | None
    over_best: str | None
    ties_settled: bool
    relaxed: list[str]
    conflict: list[str]
    lines: list[AwardedLine]
    packages: list[AwardedPackage]
    unawarded: list[UnawardedLine]
    rule_costs: list[RuleCostAnswer]


class ScenarioAnswer(AnswerModel):
    """A scenario; `result` is null until it is solved. `seed` settles ties among optimal awards."""

    id: UUID
    rfp_id: UUID
    name: str
    status: ScenarioStatus
    made_at: datetime
    solved_at: datetime | None
    seed: str
    problem_sha256: str
    chosen_at: datetime | None
    chosen_reason: str | None
    result: ResultAnswer | None


class StandingAnswer(AnswerModel):
    """A scenario beside others; shares are of what is paid, by vendor."""

    scenario_id: UUID
    name: str
    is_proven: bool
    ranked: str
    paid: str
    over_best: str | None
    winners: int
    shares: dict[str, str]
    is_chosen: bool


class ComparisonAnswer(AnswerModel):
    """An RFP's scenarios that have an award, the cheapest first."""

    items: list[StandingAnswer]


class RunnerUpAnswer(AnswerModel):
    """The cheapest award in which a lot's winners win none of it, and what it would cost more."""

    winners: list[str]
    runners_up: list[str]
    more: str | None
    reason: str
    result: ResultAnswer


class FlipAnswer(AnswerModel):
    """By exactly how much a vendor's unit price on a lot must change to draw level.

    Any further, and it wins where it lost (a negative change) or loses where it won. Null where no
    price does.
    """

    change: str | None
    sentence: str


def terms_of(body: SaveScenario) -> Terms:
    """Read what a scenario lays down beside its rules."""
    return Terms(
        granularity=body.granularity,
        takes_alternates=body.takes_alternates,
        participation_cost=Fraction(body.participation_cost),
        reserves=_amounts(body.reserves),
        incumbents={str(lot_id): str(vendor) for lot_id, vendor in body.incumbents.items()},
        switching_costs=_amounts(body.switching_costs),
        factors=_amounts(body.factors),
        scores=_amounts(body.scores),
    )


def _amounts(listed: dict[UUID, str]) -> dict[str, Fraction]:
    return {str(key): Fraction(amount) for key, amount in listed.items()}


def rule_of(body: RuleBody) -> Rule:
    """Read one rule."""
    return Rule(
        id=body.id,
        kind=body.kind,
        amount=Fraction(body.amount),
        lot_id=None if body.lot_id is None else str(body.lot_id),
        vendor_id=None if body.vendor_id is None else str(body.vendor_id),
        priority=body.priority,
    )


def scenario_answer(scenario: Scenario) -> ScenarioAnswer:
    """Render a scenario, with its result once it is solved."""
    result = scenario.result
    shown = None
    if result is not None:
        costs = {each.rule_id: each.cost for each in result.rule_costs}
        shown = _result(scenario, result.answer, best=result.best, rule_costs=costs)
    return ScenarioAnswer(
        id=scenario.id,
        rfp_id=scenario.rfp_id,
        name=scenario.name,
        status=scenario.status,
        made_at=scenario.made_at,
        solved_at=scenario.solved_at,
        seed=scenario.seed,
        problem_sha256=digest_text(written(scenario.problem)),
        chosen_at=scenario.chosen_at,
        chosen_reason=scenario.chosen_reason,
        result=shown,
    )


def _result(
    scenario: Scenario,
    answer: Answer,
    *,
    best: Fraction | None = None,
    rule_costs: dict[str, Fraction | None] | None = None,
) -> ResultAnswer:
    ranked = None if answer.costs is None else answer.costs.ranked
    lines, packages, unawarded = _parts(scenario, answer)
    return ResultAnswer(
        status=answer.status,
        is_proven=answer.is_proven,
        engine=answer.engine,
        ranked=_text(ranked),
        paid=None if answer.costs is None else amount_text(answer.costs.paid),
        gap=_gap(answer),
        over_best=None if ranked is None or best is None else amount_text(ranked - best),
        ties_settled=answer.ties_settled,
        relaxed=list(answer.relaxed),
        conflict=[] if answer.conflict is None else list(answer.conflict.sentences),
        lines=lines,
        packages=packages,
        unawarded=unawarded,
        rule_costs=[
            RuleCostAnswer(rule_id=rule_id, cost=_text(cost))
            for rule_id, cost in (rule_costs or {}).items()
        ],
    )


def _parts(
    scenario: Scenario, answer: Answer
) -> tuple[list[AwardedLine], list[AwardedPackage], list[UnawardedLine]]:
    if answer.award is None:
        return [], [], []
    outcome, steps = Outcome(scenario.problem, answer.award), scenario.problem.steps_per_unit
    lines = [
        AwardedLine(
            lot_id=line.lot_id,
            member_id=line.district_id,
            vendor_id=outcome.bids[line.bid_id].vendor_id,
            bid_id=line.bid_id,
            quantity=amount_text(Fraction(line.quantity, steps)),
        )
        for line in answer.award.lines
    ]
    packages = [
        AwardedPackage(
            package_id=package.id,
            vendor_id=package.vendor_id,
            lot_ids=sorted(package.lot_ids),
            price=amount_text(package.price),
        )
        for package in outcome.packages
    ]
    unawarded = [
        UnawardedLine(
            lot_id=left.lot_id,
            member_id=left.district_id,
            quantity=amount_text(Fraction(left.quantity, steps)),
        )
        for left in answer.award.left
    ]
    return lines, packages, unawarded


def _gap(answer: Answer) -> str | None:
    if answer.gap is None or answer.costs is None:
        return None
    if answer.gap == 0 or answer.costs.ranked == 0:
        return "0"
    return rounded_up(answer.gap / abs(answer.costs.ranked), places=GAP_PLACES)


def standing_answer(standing: Standing) -> StandingAnswer:
    """Render where a scenario stands among the others."""
    result = standing.scenario.result
    return StandingAnswer(
        scenario_id=standing.scenario.id,
        name=standing.scenario.name,
        is_proven=result is not None and result.answer.is_proven,
        ranked=amount_text(standing.ranked),
        paid=amount_text(standing.paid),
        over_best=_text(standing.over_best),
        winners=len(standing.shares),
        shares={
            vendor: rounded_up(share, places=SHARE_PLACES)
            for vendor, share in standing.shares.items()
        },
        is_chosen=standing.scenario.chosen_at is not None,
    )


def runner_up_answer(scenario: Scenario, answer: Answer, lot_id: str) -> RunnerUpAnswer:
    """Render what a lot's runner-up would have cost, and why it is not the winner."""
    winners = sorted(Outcome(scenario.problem, scenario.award).winners_of(lot_id))
    if answer.award is None or answer.costs is None:
        sentence = "Without the winners of this lot, no award keeps all rules."
        if answer.status is not Status.INFEASIBLE:
            sentence = "The search for the runner-up found no award in its time."
        return RunnerUpAnswer(
            winners=winners,
            runners_up=[],
            more=None,
            reason=sentence,
            result=_result(scenario, answer),
        )
    base = Outcome(scenario.problem, scenario.award).costs().ranked
    more = amount_text(answer.costs.ranked - base)
    runners_up = sorted(Outcome(scenario.problem, answer.award).winners_of(lot_id))
    return RunnerUpAnswer(
        winners=winners,
        runners_up=runners_up,
        more=more,
        reason=f"The best award without the winners of this lot costs {more} more in all.",
        result=_result(scenario, answer),
    )


def flip_answer(flip: Flip | None) -> FlipAnswer:
    """Render the smallest change of a price that flips the winner."""
    if flip is None:
        return FlipAnswer(change=None, sentence="No unit price of this vendor changes who wins.")
    if flip.change < 0:
        sentence = f"Below a unit price lower by {amount_text(-flip.change)} the vendor wins."
    else:
        sentence = f"Above a unit price higher by {amount_text(flip.change)} the vendor loses."
    return FlipAnswer(change=amount_text(flip.change), sentence=sentence)


def _text(amount: Fraction | None) -> str | None:
    return None if amount is None else amount_text(amount)
