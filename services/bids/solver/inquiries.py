"""Ask more of a problem than its cheapest award: the runner-up, and what would flip a winner."""

from dataclasses import replace
from fractions import Fraction

from services.bids.domain.winners.award import Award
from services.bids.domain.winners.problem import Problem
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.sensitivity import Flip, flipping_change
from services.bids.domain.winners.tasks import (
    Answer,
    EngineName,
    FlipTask,
    RunnerUpTask,
    Status,
    Task,
)
from services.bids.solver.search import solve


def runner_up(asked: RunnerUpTask, *, engine_name: EngineName = EngineName.HIGHS) -> Answer:
    """Find the cheapest award in which none of a lot's winners wins any of it."""
    barred = tuple(_rule(RuleKind.BARRED, winner, asked.lot_id) for winner in asked.winners)
    return solve(_with(asked.task, barred), engine_name=engine_name)


def flip(asked: FlipTask, *, engine_name: EngineName = EngineName.HIGHS) -> Flip | None:
    """Find by how much a vendor's unit price on a lot must change to flip it; None: no price does.

    Raises:
        TimeoutError: A search on the way was not proven in its time.
    """
    barred = _rule(RuleKind.BARRED, asked.vendor_id, asked.lot_id)
    without = solve(_with(asked.task, (barred,)), engine_name=engine_name)
    if without.status is Status.INFEASIBLE:
        return None
    cost = _proven_cost(without)
    required = _rule(RuleKind.REQUIRED, asked.vendor_id, asked.lot_id)

    def cheapest_with(problem: Problem) -> Award | None:
        with_vendor = _with(replace(asked.task, problem=problem), (required,))
        answer = solve(with_vendor, engine_name=engine_name)
        if answer.status is Status.INFEASIBLE:
            return None
        _proven_cost(answer)
        return answer.award

    return flipping_change(
        asked.task.problem,
        vendor_id=asked.vendor_id,
        lot_id=asked.lot_id,
        cost_without=cost,
        cheapest_with=cheapest_with,
    )


def _with(task: Task, rules: tuple[Rule, ...]) -> Task:
    return replace(task, rules=(*task.rules, *rules))


def _rule(kind: RuleKind, vendor_id: str, lot_id: str) -> Rule:
    return Rule(id=f"{kind}:{vendor_id}:{lot_id}", kind=kind, vendor_id=vendor_id, lot_id=lot_id)


def _proven_cost(answer: Answer) -> Fraction:
    if answer.status is not Status.OPTIMAL or answer.costs is None:
        sentence = "a search on the way was not proven in its time"
        raise TimeoutError(sentence)
    return answer.costs.ranked
