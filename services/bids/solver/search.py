"""Search for the cheapest award, check it exactly, settle ties, and say why where there is none."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from fractions import Fraction
from time import monotonic
from typing import Final

from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.conflicts import relaxed_rules, smallest_conflict
from services.bids.domain.winners.fit import require_fit
from services.bids.domain.winners.problem import ordered
from services.bids.domain.winners.rules import conditions_of, rule_name
from services.bids.domain.winners.tasks import Answer, Conflict, EngineName, Status, Task
from services.bids.solver.bounds import write_rules
from services.bids.solver.engine import Ending, Engine, load, scale_of
from services.bids.solver.hunt import Found, Hunt
from services.bids.solver.model import Model
from services.bids.solver.narrow import Relaxation, relax
from services.bids.solver.near import Cheapest, cheapest_near
from services.bids.solver.ties import chosen_by_weight

NARROW_FROM: Final = 3_000
"""From so many columns a program is made smaller before it is searched."""


class OutOfTime(Exception):  # noqa: N818 - a fact about a search
    """A search for a reason did not end in its time."""


def solve(task: Task, *, engine_name: EngineName = EngineName.HIGHS) -> Answer:
    """Find the cheapest award that keeps all rules that can be kept.

    Raises:
        BeyondRange: The engine cannot count the problem exactly.
        ProblemUnfit: The problem or a rule cannot mean anything.
    """
    require_fit(task.problem, task.rules)
    engine = load(engine_name)
    rules = tuple(sorted(task.rules, key=lambda rule: rule.id))
    settled = replace(task, problem=ordered(task.problem), rules=rules)
    deadline = monotonic() + task.seconds
    answer = _cheapest(settled, engine, deadline)
    if answer.status is Status.INFEASIBLE:
        try:
            answer = _relaxed(settled, engine, deadline)
        except OutOfTime:
            answer = Answer(status=Status.INFEASIBLE)
    return replace(answer, engine=engine.name)


def _cheapest(task: Task, engine: Engine, deadline: float) -> Answer:
    for has_whole_steps in (False, True) if engine.relaxes else (True,):
        hunt = _hunt(task, engine, deadline, has_whole_steps=has_whole_steps)
        relaxation = None
        if len(hunt.costs) > NARROW_FROM and engine.relaxes:
            relaxation = relax(hunt)
        if relaxation is None:
            cheapest = Cheapest(hunt.run(hunt.model.program))
        else:
            cheapest = cheapest_near(hunt, relaxation)
        if cheapest.run.ending is Ending.INFEASIBLE:
            return Answer(status=Status.INFEASIBLE)
        if cheapest.run.values is None:
            bound = hunt.scale.bound(cheapest.run.bound)
            return Answer(status=Status.OUT_OF_TIME, bound=bound)
        found = hunt.read(cheapest.run)
        if found is not None:
            return _settled(hunt, cheapest, found, relaxation)
    sentence = "what the solver proposed breaks a rule even in whole steps"
    raise ArithmeticError(sentence)


def _hunt(task: Task, engine: Engine, deadline: float, *, has_whole_steps: bool) -> Hunt:
    model = Model(task.problem, task.rules, has_whole_steps=has_whole_steps)
    write_rules(model, task.rules)
    scale = scale_of(model.program.costs)
    return Hunt(
        task=task,
        model=model,
        scale=scale,
        costs=scale.counted(model.program.costs),
        engine=engine,
        deadline=deadline,
    )


def _settled(hunt: Hunt, cheapest: Cheapest, found: Found, relaxation: Relaxation | None) -> Answer:
    """State the answer, by the seed's choice among optimal awards where it is proven optimal."""
    problem = hunt.task.problem
    bound = hunt.scale.bound(cheapest.run.bound)
    gap = None if bound is None else max(found.cost - bound, Fraction(0))
    is_proven = gap is not None and (gap == 0 or gap < problem.money_step)
    chosen = found if is_proven and cheapest.is_only else None
    if is_proven and chosen is None:
        if relaxation is None and hunt.engine.relaxes:
            relaxation = relax(hunt)
        chosen = chosen_by_weight(hunt, found, relaxation)
    award = found.award if chosen is None else chosen.award
    return Answer(
        status=Status.OPTIMAL if is_proven else Status.BEST_FOUND,
        award=award,
        costs=Outcome(problem, award).costs(),
        bound=None if bound is None else min(bound, found.cost),
        gap=gap,
        ties_settled=chosen is not None,
    )


def _relaxed(task: Task, engine: Engine, deadline: float) -> Answer:
    """Let rules give way in their order, or say which conditions conflict where that is no help."""

    def can_hold(names: AbstractSet[str]) -> bool:
        return _can_hold(task, names, engine, deadline)

    spoken = conditions_of(task.problem, task.rules)
    soft = {rule_name(rule) for rule in task.rules if rule.priority is not None}
    always = spoken.keys() - soft
    if not soft or not can_hold(always):
        names = smallest_conflict(sorted(always), can_hold)
        sentences = tuple(spoken[name] for name in names)
        return Answer(status=Status.INFEASIBLE, conflict=Conflict(names=names, sentences=sentences))
    relaxed = relaxed_rules(task.rules, always, can_hold)
    kept = tuple(rule for rule in task.rules if rule.id not in relaxed)
    return replace(_cheapest(replace(task, rules=kept), engine, deadline), relaxed=relaxed)


def _can_hold(task: Task, names: AbstractSet[str], engine: Engine, deadline: float) -> bool:
    """Tell whether any award keeps the named conditions."""
    model = Model(task.problem, task.rules, names=names, has_whole_steps=not engine.relaxes)
    write_rules(model, task.rules)
    costs = [0] * len(model.program.costs)
    ended = engine.run(model.program, costs, seconds=deadline - monotonic())
    if ended.ending is Ending.OUT_OF_TIME and ended.values is None:
        raise OutOfTime
    return ended.ending is not Ending.INFEASIBLE
