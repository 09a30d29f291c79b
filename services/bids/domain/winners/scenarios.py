"""Save what awards would be under different rules, compare them, and choose one with a reason."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.winners.award import Award, Outcome
from services.bids.domain.winners.problem import Problem
from services.bids.domain.winners.rules import Rule
from services.bids.domain.winners.serial import read, written
from services.bids.domain.winners.tasks import Answer, Status, Task
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId, RfpId
from shared.domain.refusals import Kind, Refusal

ATTEMPTS_MAX: Final = 3
"""How often a search is begun again when its process dies; what dies three times dies of itself."""

SHARE_PLACES: Final = 6
"""Decimals of a share as it is shown."""


class ScenarioStatus(StrEnum):
    """How far a scenario has come; only a solved one has a result."""

    WAITING = "waiting"
    SOLVED = "solved"
    FAILED = "failed"


class ScenarioUnknown(Refusal):
    """There is no such scenario, or none that the caller may see."""

    kind = Kind.NOT_FOUND
    code = "scenario_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such scenario.")


class ScenarioWithoutAward(Refusal):
    """The scenario has no award: its search is not over, or no award keeps its rules."""

    kind = Kind.CONFLICT
    code = "scenario_without_award"


class ScenarioUnproven(Refusal):
    """The scenario's award is not proven optimal; choosing it needs to be said in the request."""

    kind = Kind.CONFLICT
    code = "scenario_unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCost:
    """What a rule costs: this award's cost less the best without the rule; None: not proven."""

    rule_id: str
    cost: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a scenario's searches came to. `best` is the cost of the best award without any rule."""

    answer: Answer
    best: Fraction | None = None
    rule_costs: tuple[RuleCost, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A buyer's rules over one problem, and what came of them.

    The problem is kept as it stood, so that the scenario can be solved again by anybody. A rule
    that holds in each lot is written out for every lot.
    """

    id: UUID
    rfp_id: RfpId
    name: str
    rules: tuple[Rule, ...]
    problem: Problem
    seed: str
    seconds: int
    made_at: datetime
    status: ScenarioStatus = ScenarioStatus.WAITING
    result: Result | None = None
    solved_at: datetime | None = None
    chosen_at: datetime | None = None
    chosen_reason: str | None = None
    attempts: int = 0

    @property
    def task(self) -> Task:
        """What is asked of the solver."""
        return Task(problem=self.problem, rules=self.rules, seed=self.seed, seconds=self.seconds)

    @property
    def kept_task(self) -> Task:
        """What is asked about the award that was found: its rules, less those that gave way."""
        relaxed = self.result.answer.relaxed if self.result else ()
        kept = tuple(replace(rule, priority=None) for rule in self.rules if rule.id not in relaxed)
        return replace(self.task, rules=kept)

    @property
    def award(self) -> Award:
        """The award that was found.

        Raises:
            ScenarioWithoutAward: There is none.
        """
        if self.result is None or self.result.answer.award is None:
            sentence = "The scenario has no award that could be looked into or chosen."
            raise ScenarioWithoutAward(sentence)
        return self.result.answer.award


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSaved(Fact):
    """A scenario was written down, before it was solved."""

    TYPE: ClassVar[str] = "scenario.saved"

    scenario_id: UUID
    rfp_id: RfpId
    name: str
    problem_sha256: str
    rules_sha256: str
    seed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSolved(Fact):
    """A search ended; the digest is of its whole result."""

    TYPE: ClassVar[str] = "scenario.solved"

    scenario_id: UUID
    status: Status
    result_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFailed(Fact):
    """The search died as often as it was begun."""

    TYPE: ClassVar[str] = "scenario.failed"

    scenario_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioChosen(Fact):
    """The buyer chose a scenario, in place of an earlier one where there was one."""

    TYPE: ClassVar[str] = "scenario.chosen"

    scenario_id: UUID
    buyer_id: PartyId
    reason: str
    instead_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A scenario beside others: exact sums, and shares of what is paid by vendor."""

    scenario: Scenario
    ranked: Fraction
    paid: Fraction
    over_best: Fraction | None
    shares: Mapping[str, Fraction]


def decide_saved(scenario: Scenario) -> Decision[Scenario]:
    """Write a scenario down."""
    fact = ScenarioSaved(
        scenario_id=scenario.id,
        rfp_id=scenario.rfp_id,
        name=scenario.name,
        problem_sha256=digest_text(written(scenario.problem)),
        rules_sha256=digest_text(written(scenario.rules)),
        seed=scenario.seed,
    )
    return Decision(scenario, (fact,))


def decide_solved(scenario: Scenario, result: Result, *, now: datetime) -> Decision[Scenario]:
    """Keep a search's result; one that is there already stays."""
    if scenario.status is not ScenarioStatus.WAITING:
        return Decision(scenario)
    solved = replace(scenario, status=ScenarioStatus.SOLVED, result=result, solved_at=now)
    fact = ScenarioSolved(
        scenario_id=scenario.id,
        status=result.answer.status,
        result_sha256=digest_text(written(result)),
    )
    return Decision(solved, (fact,))


def decide_failed(scenario: Scenario) -> Decision[Scenario]:
    """Give a search up once it died often enough; before that it waits for the next attempt."""
    if scenario.status is not ScenarioStatus.WAITING or scenario.attempts < ATTEMPTS_MAX:
        return Decision(scenario)
    failed = replace(scenario, status=ScenarioStatus.FAILED)
    return Decision(failed, (ScenarioFailed(scenario_id=scenario.id),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """Who chooses, why, and whether knowing that nothing is proven."""

    buyer_id: PartyId
    reason: str
    accepts_unproven: bool = False


def decide_chosen(
    scenario: Scenario, chosen: Scenario | None, choosing: Choosing, *, now: datetime
) -> Decision[Scenario]:
    """Choose a scenario in place of the one chosen before; the same again changes nothing.

    Raises:
        ScenarioWithoutAward: There is nothing to choose.
        ScenarioUnproven: The award is not proven optimal, and that was not accepted.
    """
    _ = scenario.award
    is_proven = scenario.result is not None and scenario.result.answer.is_proven
    if not is_proven and not choosing.accepts_unproven:
        sentence = "The award is not proven optimal. Say that you accept that, or search longer."
        raise ScenarioUnproven(sentence)
    if chosen is not None and chosen.id == scenario.id:
        return Decision(scenario)
    now_chosen = replace(scenario, chosen_at=now, chosen_reason=choosing.reason)
    fact = ScenarioChosen(
        scenario_id=scenario.id,
        buyer_id=choosing.buyer_id,
        reason=choosing.reason,
        instead_of=None if chosen is None else chosen.id,
    )
    return Decision(now_chosen, (fact,))


def compared(scenarios: Sequence[Scenario]) -> tuple[Standing, ...]:
    """Put scenarios that have an award beside each other, the cheapest first."""
    standings = [
        _standing(scenario)
        for scenario in scenarios
        if scenario.result is not None and scenario.result.answer.award is not None
    ]
    return tuple(sorted(standings, key=lambda each: (each.ranked, each.scenario.id)))


def read_result(text: str) -> Result:
    """Read a result as it was written."""
    return read(Result, text)


def digest_text(text: str) -> str:
    """Hash text with SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _standing(scenario: Scenario) -> Standing:
    outcome = Outcome(scenario.problem, scenario.award)
    costs = outcome.costs()
    spent = sum(outcome.spend.values(), Fraction(0))
    best = scenario.result.best if scenario.result else None
    return Standing(
        scenario=scenario,
        ranked=costs.ranked,
        paid=costs.paid,
        over_best=None if best is None else costs.ranked - best,
        shares={vendor: spend / spent for vendor, spend in sorted(outcome.spend.items()) if spent},
    )
