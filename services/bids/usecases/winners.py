"""Save scenarios, solve them apart from the service, compare them, choose one, ask what if."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from typing import Final
from uuid import UUID

from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.fit import ProblemUnfit, require_fit
from services.bids.domain.winners.offers import Terms, problem_of
from services.bids.domain.winners.problem import Problem
from services.bids.domain.winners.rules import Rule
from services.bids.domain.winners.scenarios import (
    Choosing,
    Result,
    RuleCost,
    Scenario,
    Standing,
    compared,
    decide_chosen,
    decide_failed,
    decide_saved,
    decide_solved,
)
from services.bids.domain.winners.sensitivity import Flip
from services.bids.domain.winners.tasks import Answer, FlipTask, RunnerUpTask, Status, Task
from services.bids.ports.winners import Scenarios, SearchFailed, Solver, Viewer
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.ids import PartyId, RfpId

RULE_COSTS_MAX: Final = 20
"""For so many rules, at most, the cost of each is searched for; each is one more search."""

CLAIM: Final = timedelta(minutes=30)
"""How long a scenario is one process's to solve; after that its process is taken to be dead."""

INQUIRY_S: Final = 20
"""How long each search of a question takes that somebody waits for."""

COMPARED_MAX: Final = 100
"""How many scenarios of an RFP are put beside each other."""

EACH: Final = "each"
"""Joins a rule that holds in each lot with the lot: `split:each:0190…`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a buyer asks of a scenario. Rules in `each_lot` are written out for every lot."""

    scenario_id: UUID
    rfp_id: RfpId
    name: str
    terms: Terms
    rules: tuple[Rule, ...]
    each_lot: frozenset[str]
    seconds: int


class Winners:
    """Find out who should win, under as many sets of rules as the buyer likes."""

    def __init__(self, scenarios: Scenarios, solver: Solver, *, clock: Clock) -> None:
        """Use a store of scenarios and a solver."""
        self._scenarios = scenarios
        self._solver = solver
        self._clock = clock

    async def save(self, wish: Wish, *, buyer_id: PartyId) -> Scenario:
        """Write a scenario down, to be solved; a repetition finds the one that stands.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            LotNotEvaluated: No lot's bids are opened and still to be decided.
            ProblemUnfit: A rule cannot mean anything.
        """
        opened = await self._scenarios.opened(wish.rfp_id, buyer_id=buyer_id)
        problem = problem_of(opened.needs, opened.offers, wish.terms)
        rules = written_out(wish, problem)
        require_fit(problem, rules)
        scenario = Scenario(
            id=wish.scenario_id,
            rfp_id=wish.rfp_id,
            name=wish.name,
            rules=rules,
            problem=problem,
            seed=opened.seed,
            seconds=wish.seconds,
            made_at=self._clock.now(),
        )
        return await self._scenarios.add(decide_saved(scenario), actor=str(buyer_id))

    async def find(self, scenario_id: UUID, *, rfp_id: RfpId, viewer: Principal) -> Scenario:
        """Read a scenario.

        Raises:
            ScenarioUnknown: No such scenario, or another buyer's.
        """
        return await self._scenarios.find(scenario_id, rfp_id=rfp_id, viewer=_viewer(viewer))

    async def page(
        self, rfp_id: RfpId, *, viewer: Principal, after: UUID | None, limit: int
    ) -> list[Scenario]:
        """Read an RFP's scenarios by id.

        Raises:
            RfpUnknown: No such RFP, or another buyer's.
        """
        return await self._scenarios.page(rfp_id, viewer=_viewer(viewer), after=after, limit=limit)

    async def compare(self, rfp_id: RfpId, *, viewer: Principal) -> tuple[Standing, ...]:
        """Put an RFP's scenarios beside each other, the cheapest first.

        Raises:
            RfpUnknown: No such RFP, or another buyer's.
        """
        listed = await self.page(rfp_id, viewer=viewer, after=None, limit=COMPARED_MAX)
        return compared(listed)

    async def choose(self, scenario_id: UUID, choosing: Choosing, *, rfp_id: RfpId) -> Scenario:
        """Choose a scenario of the buyer's own, in place of one chosen before.

        Raises:
            ScenarioUnknown: No such scenario of this buyer.
            ScenarioWithoutAward: There is nothing to choose.
            ScenarioUnproven: Its award is not proven optimal, and that was not accepted.
        """
        now = self._clock.now()
        return await self._scenarios.choose(
            scenario_id,
            partial(decide_chosen, choosing=choosing, now=now),
            rfp_id=rfp_id,
            buyer_id=choosing.buyer_id,
            at=now,
        )

    async def runner_up(
        self, scenario_id: UUID, lot_id: str, *, rfp_id: RfpId, viewer: Principal
    ) -> tuple[Scenario, Answer]:
        """Find the cheapest award in which the lot's winners win none of it.

        Raises:
            ScenarioUnknown: No such scenario, or another buyer's.
            ScenarioWithoutAward: It has no award to compare with.
            ProblemUnfit: The scenario has no such lot.
            SearchFailed: The search died or took too long.
        """
        scenario = await self.find(scenario_id, rfp_id=rfp_id, viewer=viewer)
        outcome = Outcome(scenario.problem, scenario.award)
        _require_lot(scenario.problem, lot_id)
        asked = RunnerUpTask(
            task=replace(scenario.kept_task, seconds=INQUIRY_S),
            lot_id=lot_id,
            winners=tuple(sorted(outcome.winners_of(lot_id))),
        )
        return scenario, await self._solver.runner_up(asked)

    async def flip(
        self, scenario_id: UUID, place: tuple[str, str], *, rfp_id: RfpId, viewer: Principal
    ) -> tuple[Scenario, Flip | None]:
        """Find by how much a vendor's unit price on a lot (`place`) must change to flip it.

        Raises:
            ScenarioUnknown: No such scenario, or another buyer's.
            ScenarioWithoutAward: It has no award to compare with.
            ProblemUnfit: The scenario has no such lot or vendor.
            SearchFailed: A search died, took too long, or was not proven in its time.
        """
        vendor_id, lot_id = place
        scenario = await self.find(scenario_id, rfp_id=rfp_id, viewer=viewer)
        _ = scenario.award
        _require_lot(scenario.problem, lot_id)
        if vendor_id not in {vendor.id for vendor in scenario.problem.vendors}:
            raise ProblemUnfit(["The vendor has no bid in the scenario."])
        task = replace(scenario.kept_task, seconds=INQUIRY_S)
        asked = FlipTask(task=task, vendor_id=vendor_id, lot_id=lot_id)
        return scenario, await self._solver.flip(asked)


class ScenarioSolving:
    """Solve what waits: a loop's step that holds no transaction while a search runs."""

    def __init__(self, scenarios: Scenarios, solver: Solver, *, clock: Clock) -> None:
        """Use a store of scenarios and a solver."""
        self._scenarios = scenarios
        self._solver = solver
        self._clock = clock

    async def step(self, now: datetime) -> int:
        """Solve the scenario that waits longest; return how many were solved.

        A process that dies leaves its scenario waiting, and another begins it again.
        """
        scenario = await self._scenarios.claim(now, now + CLAIM)
        if scenario is None:
            return 0
        try:
            result = await result_of(scenario.task, self._solver)
        except SearchFailed:
            await self._scenarios.save(scenario.id, decide_failed, at=self._clock.now())
            return 0
        at = self._clock.now()
        await self._scenarios.save(
            scenario.id, partial(decide_solved, result=result, now=at), at=at
        )
        return 1


async def result_of(task: Task, solver: Solver) -> Result:
    """Search for an award, for the cheapest without any rule, and for what each rule costs.

    Raises:
        ProblemUnfit: The problem or a rule cannot mean anything.
        SearchFailed: A search died, or took too long.
    """
    answer = await solver.solve(task)
    if answer.costs is None:
        return Result(answer=answer)
    if not task.rules:
        return Result(answer=answer, best=answer.costs.ranked if answer.is_proven else None)
    mandatory = replace(task, rules=tuple(replace(rule, priority=None) for rule in task.rules))
    best = await solver.solve(replace(mandatory, rules=()))
    costs = [
        RuleCost(rule_id=name, cost=await _cost_of(mandatory, name, answer, solver))
        for name in _names(mandatory.rules)[:RULE_COSTS_MAX]
    ]
    return Result(answer=answer, best=_proven(best), rule_costs=tuple(costs))


async def _cost_of(task: Task, name: str, answer: Answer, solver: Solver) -> Fraction | None:
    """Tell what the award costs more than the best without a rule; None where not proven."""
    without = tuple(rule for rule in task.rules if name_of(rule) != name)
    cost = _proven(await solver.solve(replace(task, rules=without)))
    proven = _proven(answer)
    return None if cost is None or proven is None else proven - cost


def written_out(wish: Wish, problem: Problem) -> tuple[Rule, ...]:
    """Write rules that hold in each lot out, one for every lot."""
    return tuple(
        replaced
        for rule in wish.rules
        for replaced in (
            (replace(rule, id=f"{rule.id}:{EACH}:{lot.id}", lot_id=lot.id) for lot in problem.lots)
            if rule.id in wish.each_lot
            else (rule,)
        )
    )


def name_of(rule: Rule) -> str:
    """Tell a rule's name as the buyer gave it."""
    return rule.id.partition(f":{EACH}:")[0]


def _names(rules: tuple[Rule, ...]) -> list[str]:
    return sorted({name_of(rule) for rule in rules})


def _proven(answer: Answer) -> Fraction | None:
    is_proven = answer.status is Status.OPTIMAL and answer.costs is not None
    return answer.costs.ranked if is_proven and answer.costs is not None else None


def _require_lot(problem: Problem, lot_id: str) -> None:
    if lot_id not in {lot.id for lot in problem.lots}:
        raise ProblemUnfit(["The scenario has no such lot."])


def _viewer(viewer: Principal) -> Viewer:
    return Viewer(viewer.party_id, is_auditor=viewer.role is Role.AUDITOR)
