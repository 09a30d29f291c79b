"""Search for the cheapest award, check it exactly, settle ties, and say why where there is none."""

import math
from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from fractions import Fraction
from time import monotonic
from typing import Final

from services.bids.domain.winners.award import Award, Left, Line, Outcome
from services.bids.domain.winners.check import violations
from services.bids.domain.winners.conflicts import relaxed_rules, smallest_conflict
from services.bids.domain.winners.fit import require_fit
from services.bids.domain.winners.problem import ordered
from services.bids.domain.winners.rules import conditions_of, rule_name
from services.bids.domain.winners.tasks import WEIGHT_MAX, Answer, Conflict, Status, Task, weigher
from services.bids.solver.bounds import write_rules
from services.bids.solver.engine import Ending, Run, Scale, run, scale_of
from services.bids.solver.model import Model
from services.bids.solver.narrow import Relaxation, relax
from services.bids.solver.program import Number, Program

HALF: Final = 0.5

NARROW_FROM: Final = 3_000
"""From so many columns a program is made smaller before it is searched."""

DISTANCES: Final = (1e-6, 1e-5, 3e-5, 1e-4, 1e-3, 1e-2)
"""How far above the relaxation an award is looked for, as shares of its cost, one after another."""


NEAR_SHARE: Final = 0.7
"""How much of the time left a search near the relaxation gets; the rest is for any award."""


class OutOfTime(Exception):  # noqa: N818 - a fact about a search
    """A search for a reason did not end in its time."""


@dataclass(frozen=True, slots=True)
class Found:
    """An award that keeps every rule, with the run that found it."""

    award: Award
    cost: Fraction
    values: Sequence[float]


def solve(task: Task) -> Answer:
    """Find the cheapest award that keeps all rules that can be kept.

    Raises:
        ProblemUnfit: The problem or a rule cannot mean anything.
    """
    require_fit(task.problem, task.rules)
    rules = tuple(sorted(task.rules, key=lambda rule: rule.id))
    settled = replace(task, problem=ordered(task.problem), rules=rules)
    deadline = monotonic() + task.seconds
    answer = _cheapest(settled, deadline)
    if answer.status is not Status.INFEASIBLE:
        return answer
    try:
        return _relaxed(settled, deadline)
    except OutOfTime:
        return Answer(status=Status.INFEASIBLE)


def _cheapest(task: Task, deadline: float) -> Answer:
    for has_whole_steps in (False, True):
        model = Model(task.problem, task.rules, has_whole_steps=has_whole_steps)
        write_rules(model, task.rules)
        scale = scale_of(model.program.costs)
        costs = [cost / scale.unit for cost in model.program.costs]
        relaxation = None
        if len(costs) > NARROW_FROM:
            relaxation = relax(model, costs, deadline)
        first = _first(model, costs, relaxation, deadline)
        if first.ending is Ending.INFEASIBLE:
            return Answer(status=Status.INFEASIBLE)
        if first.values is None:
            return Answer(status=Status.OUT_OF_TIME, bound=scale.bound(first.bound))
        found = _found(task, model, first.values)
        if found is not None:
            search = _Search(found, first, scale, costs, relaxation, deadline)
            return _settled(task, model, search)
    sentence = "what the solver proposed breaks a rule even in whole steps"
    raise ArithmeticError(sentence)


def _first(
    model: Model, costs: Sequence[Number], relaxation: Relaxation | None, deadline: float
) -> Run:
    """Search for the cheapest award: near the relaxation first, then farther and farther from it.

    What is found within a distance is the cheapest of all: no award that is as cheap has any of the
    columns that were left out.
    """
    if relaxation is None:
        return run(model.program, costs, seconds=deadline - monotonic())
    bound = -math.inf
    for distance in DISTANCES:
        most = relaxation.objective + distance * abs(relaxation.objective) + 1
        seconds = (deadline - monotonic()) * NEAR_SHARE
        found = run(relaxation.narrowed(most), costs, seconds=seconds, cutoff=most)
        if found.ending is Ending.OPTIMAL:
            return found
        bound = max(bound, most if found.ending is Ending.INFEASIBLE else found.bound)
        if found.ending is Ending.OUT_OF_TIME:
            break
    last = run(model.program, costs, seconds=deadline - monotonic())
    return last if last.ending is Ending.INFEASIBLE else replace(last, bound=max(bound, last.bound))


@dataclass(frozen=True, slots=True)
class _Search:
    """An award that was found, and what is needed to search on from it."""

    found: Found
    first: Run
    scale: Scale
    costs: Sequence[Number]
    relaxation: Relaxation | None
    deadline: float


def _settled(task: Task, model: Model, search: _Search) -> Answer:
    """State the answer, by the seed's choice among optimal awards where it is proven optimal."""
    found = search.found
    bound = search.scale.bound(search.first.bound)
    gap = None if bound is None else max(found.cost - bound, Fraction(0))
    is_proven = gap is not None and (gap == 0 or gap < task.problem.money_step)
    chosen = _by_weight(task, model, search) if is_proven else None
    award = found.award if chosen is None else chosen.award
    return Answer(
        status=Status.OPTIMAL if is_proven else Status.BEST_FOUND,
        award=award,
        costs=Outcome(task.problem, award).costs(),
        bound=None if bound is None else min(bound, found.cost),
        gap=gap,
        ties_settled=chosen is not None,
    )


def _by_weight(task: Task, model: Model, search: _Search) -> Found | None:
    """Among the awards that cost the same, find the one of least weight; None if time runs out.

    First any other one is looked for, by cost, which is fast where there is none. Only then is
    weight what is minimised.
    """
    weights = _weights(task, model)
    units = search.found.cost / search.scale.unit
    most = units + Fraction(1, 2 if search.scale.is_exact else 1_000)
    narrowed = _narrowed(model, search, most)
    found = search.found
    other = narrowed.copied()
    _exclude(other, found, weights)
    second = run(other, search.costs, seconds=search.deadline - monotonic(), cutoff=float(most))
    if second.ending is Ending.INFEASIBLE:
        return found
    third = run(narrowed, weights, seconds=search.deadline - monotonic(), start=second.values)
    if third.ending is not Ending.OPTIMAL or third.values is None:
        return None
    lightest = _found(task, model, third.values)
    return lightest if lightest is not None and lightest.cost == found.cost else None


def _exclude(program: Program, found: Found, weights: Sequence[int]) -> None:
    """Ask for an award that assigns otherwise; where cells are parted, for a lighter one."""
    weighed = [column for column, weight in enumerate(weights) if weight]
    if all(program.are_whole[column] for column in weighed):
        chosen = [column for column in weighed if found.values[column] > HALF]
        program.row([(column, 1) for column in chosen], most=len(chosen) - 1)
        return
    weight = sum(weights[column] * found.values[column] for column in weighed)
    program.row(
        [(column, weights[column]) for column in weighed], most=math.floor(weight + HALF) - 1
    )


def _narrowed(model: Model, search: _Search, most: Fraction) -> Program:
    """Copy a program, bounded to `most`, without the columns that then must be 0."""
    relaxation = search.relaxation or relax(model, search.costs, search.deadline)
    base = model.program.copied() if relaxation is None else relaxation.narrowed(float(most))
    terms = [(column, cost) for column, cost in enumerate(search.costs) if cost]
    base.row(terms, most=most)
    return base


def _weights(task: Task, model: Model) -> list[int]:
    """Weigh each part and package by its offer's own draw; what is left weighs most."""
    weight = weigher(task.seed)
    weights = [0] * len(model.program.costs)
    for key, column in model.program.keys.items():
        match key:
            case ("part", int(index), str(bid_id), _):
                cell = model.cells[index]
                weights[column] = weight(f"{bid_id}\n{cell.lot_id}\n{cell.district_id or ''}")
            case ("package", str(package_id)):
                weights[column] = weight(package_id)
            case ("left", *_):
                weights[column] = WEIGHT_MAX + 1
    return weights


def _found(task: Task, model: Model, values: Sequence[float]) -> Found | None:
    """Read an award out of a run, and check it; None where it breaks a rule."""
    award = award_of(model, values)
    if violations(task.problem, task.rules, award):
        return None
    return Found(award, Outcome(task.problem, award).costs().ranked, values)


def award_of(model: Model, values: Sequence[float]) -> Award:
    """Read an award out of the columns' values, in whole steps; parts still make their cells."""
    parts: dict[int, list[tuple[str | None, float]]] = defaultdict(list)
    packages = []
    for key, column in model.program.keys.items():
        match key:
            case ("part", int(index), str(bid_id), _):
                size = 1 if model.program.uppers[column] > 1 else model.cells[index].quantity
                parts[index].append((bid_id, values[column] * size))
            case ("left", int(index)):
                parts[index].append((None, values[column] * model.cells[index].quantity))
            case ("package", str(package_id)) if values[column] > HALF:
                packages.append(package_id)
    lines: list[Line] = []
    left: list[Left] = []
    for index, given in parts.items():
        cell = model.cells[index]
        for name, quantity in _whole_steps(given, is_divisible=cell.is_divisible).items():
            if name is None:
                left.append(Left(cell.lot_id, cell.district_id, quantity))
            else:
                lines.append(Line(cell.lot_id, cell.district_id, name, quantity))
    return Award(
        lines=tuple(sorted(lines, key=_place)),
        package_ids=tuple(sorted(packages)),
        left=tuple(sorted(left, key=_place)),
    )


def _whole_steps(
    given: list[tuple[str | None, float]], *, is_divisible: bool
) -> dict[str | None, int]:
    """Round parts to whole steps that sum to what their sum rounds to."""
    sums: dict[str | None, float] = defaultdict(float)
    for bid_id, quantity in given:
        sums[bid_id] += quantity
    steps = {bid_id: round(quantity) for bid_id, quantity in sums.items()}
    if is_divisible and steps:
        largest = max(steps, key=lambda bid_id: (steps[bid_id], bid_id or ""))
        steps[largest] += round(sum(sums.values())) - sum(steps.values())
    return {bid_id: quantity for bid_id, quantity in steps.items() if quantity > 0}


def _place(part: Line | Left) -> tuple[str, ...]:
    bid_id = part.bid_id if isinstance(part, Line) else ""
    return (part.lot_id, part.district_id or "", bid_id)


def _relaxed(task: Task, deadline: float) -> Answer:
    """Let rules give way in their order, or say which conditions conflict where that is no help."""

    def can_hold(names: AbstractSet[str]) -> bool:
        return _can_hold(task, names, deadline)

    spoken = conditions_of(task.problem, task.rules)
    soft = {rule_name(rule) for rule in task.rules if rule.priority is not None}
    always = spoken.keys() - soft
    if not soft or not can_hold(always):
        names = smallest_conflict(sorted(always), can_hold)
        sentences = tuple(spoken[name] for name in names)
        return Answer(status=Status.INFEASIBLE, conflict=Conflict(names=names, sentences=sentences))
    relaxed = relaxed_rules(task.rules, always, can_hold)
    kept = tuple(rule for rule in task.rules if rule.id not in relaxed)
    return replace(_cheapest(replace(task, rules=kept), deadline), relaxed=relaxed)


def _can_hold(task: Task, names: AbstractSet[str], deadline: float) -> bool:
    """Tell whether any award keeps the named conditions."""
    model = Model(task.problem, task.rules, names=names)
    write_rules(model, task.rules)
    ended = run(model.program, [0] * len(model.program.costs), seconds=deadline - monotonic())
    if ended.ending is Ending.OUT_OF_TIME and ended.values is None:
        raise OutOfTime
    return ended.ending is not Ending.INFEASIBLE
