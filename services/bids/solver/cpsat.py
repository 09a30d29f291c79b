"""Run CP-SAT on a program: one worker, whole numbers all through, the same way each time.

Every column must be whole, and every sum must stay within 62 bits; what does not is refused, and
HiGHS takes it. Bounds are exact. OR-Tools is loaded when a search runs, not when this file is read:
a process that holds HiGHS may read it, but not run it.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from services.bids.domain.winners.tasks import EngineName
from services.bids.solver.engine import Aim, BeyondRange, Ending, Run
from services.bids.solver.program import Number, Program, Terms

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

SUM_MAX: Final = 2**62
"""A row or an objective whose terms could sum to more is refused: CP-SAT counts in 64 bits."""


class CpSatEngine:
    """The engine of packages: what is taken whole or not at all, and leaves nothing to relax."""

    name = EngineName.CP_SAT
    relaxes = False

    def run(
        self,
        program: Program,
        costs: Sequence[Number],
        *,
        seconds: float,
        aim: Aim = Aim.SOLVE,
        cutoff: float = math.inf,
        start: Sequence[float] | None = None,
    ) -> Run:
        """Minimise the costs over a program of whole columns; the aim changes nothing.

        Raises:
            BeyondRange: A column is not whole, a cost is not whole in its unit, or a sum too large.
        """
        from ortools.sat.python import cp_model  # noqa: PLC0415 - never where HiGHS is

        del aim
        if not all(program.are_whole):
            sentence = "CP-SAT knows no parts"
            raise BeyondRange(sentence)
        model = cp_model.CpModel()
        columns = [
            model.new_int_var(0, upper, str(column)) for column, upper in enumerate(program.uppers)
        ]
        for terms, bounds in zip(program.rows, program.bounds, strict=True):
            _add_row(model, columns, (terms, program.uppers), bounds)
        counted = [_whole(cost) for cost in costs]
        _require_range(list(enumerate(counted)), program.uppers)
        objective = cp_model.LinearExpr.weighted_sum(columns, counted)
        if math.isfinite(cutoff):
            model.add(objective <= math.floor(cutoff))
        model.minimize(objective)
        for column, value in zip(columns, start or (), strict=False):
            model.add_hint(column, round(value))
        return _solved(model, (columns, counted), max(seconds, 0.0))


def _solved(
    model: "cp_model.CpModel",
    minimised: "tuple[Sequence[cp_model.IntVar], Sequence[int]]",
    seconds: float,
) -> Run:
    from ortools.sat.python import cp_model  # noqa: PLC0415 - never where HiGHS is

    columns, costs = minimised
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return Run(Ending.INFEASIBLE, None, math.inf)
    if status == cp_model.UNKNOWN:
        return Run(Ending.OUT_OF_TIME, None, -math.inf)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        sentence = f"CP-SAT ended with {solver.status_name(status)}"
        raise ArithmeticError(sentence)
    values = [solver.value(column) for column in columns]
    # CP-SAT tells its objective as a float; the sum is exact.
    objective = sum(cost * value for cost, value in zip(costs, values, strict=True))
    if status == cp_model.OPTIMAL:
        return Run(Ending.OPTIMAL, values, objective, objective)
    return Run(Ending.OUT_OF_TIME, values, solver.best_objective_bound, objective)


def _add_row(
    model: "cp_model.CpModel",
    columns: "Sequence[cp_model.IntVar]",
    held: tuple[Terms, Sequence[int]],
    bounds: tuple[Number | None, Number | None],
) -> None:
    """Add a row, in the smallest whole numbers that say the same."""
    from ortools.sat.python import cp_model  # noqa: PLC0415 - never where HiGHS is

    terms, uppers = held
    stated = [Fraction(value) for _, value in terms]
    stated += [Fraction(bound) for bound in bounds if bound is not None]
    below = math.lcm(*(value.denominator for value in stated))
    whole = [(column, int(value * below)) for column, value in terms]
    _require_range(whole, uppers)
    total = cp_model.LinearExpr.weighted_sum(
        [columns[column] for column, _ in whole], [value for _, value in whole]
    )
    least, most = bounds
    if least is not None:
        model.add(total >= math.ceil(least * below))
    if most is not None:
        model.add(total <= math.floor(most * below))


def _require_range(terms: Sequence[tuple[int, int]], uppers: Sequence[int]) -> None:
    if sum(abs(value) * uppers[column] for column, value in terms) > SUM_MAX:
        sentence = "a sum is beyond what CP-SAT counts"
        raise BeyondRange(sentence)


def _whole(cost: Number) -> int:
    if cost != int(cost):
        sentence = "a cost is not whole in its unit"
        raise BeyondRange(sentence)
    return int(cost)
