"""Run HiGHS on a program: one thread, no gap, the same way each time.

Only here are numbers floats. What comes back is a proposal and a bound; both are checked elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import reduce
from itertools import accumulate
from typing import Final

import highspy

from services.bids.solver.program import Number, Program

UNITS_MAX: Final = 2**41
"""Objectives are counted in units that keep their sum below this: floats tell such units apart."""

SLACK_UNITS: Final = Fraction(1, 100)
SLACK_SHARE: Final = Fraction(1, 2**44)
"""By how much the solver's bound is lowered before it is believed: far above the rounding of double
arithmetic at its size, and far below one unit."""


class Ending(StrEnum):
    """How a run ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    OUT_OF_TIME = "out_of_time"


@dataclass(frozen=True, slots=True)
class Scale:
    """The unit in which an objective is counted; exact when every cost is whole in it."""

    unit: Fraction
    is_exact: bool

    def bound(self, found: float) -> Fraction | None:
        """Round a bound the safe way; None where there is none."""
        if not math.isfinite(found):
            return None
        safe = Fraction(found) - abs(Fraction(found)) * SLACK_SHARE - SLACK_UNITS
        return (math.ceil(safe) if self.is_exact else safe) * self.unit


@dataclass(frozen=True, slots=True)
class Run:
    """What a run found: values by column if any, the objective's bound, in its scale's units."""

    ending: Ending
    values: Sequence[float] | None
    bound: float
    objective: float = math.inf
    reduced_costs: Sequence[float] | None = None
    row_duals: Sequence[float] | None = None


def scale_of(costs: Sequence[Fraction]) -> Scale:
    """Choose the largest unit in which all costs are whole, or a coarser one where that is tiny."""
    stated = [cost for cost in costs if cost]
    if not stated:
        return Scale(Fraction(1), is_exact=True)
    unit = reduce(_common_unit, stated, Fraction(0))
    largest = sum(sorted((abs(cost) for cost in stated), reverse=True)[:1000], Fraction(0))
    is_exact = True
    while largest / unit > UNITS_MAX:
        unit, is_exact = unit * 2, False
    return Scale(unit, is_exact=is_exact)


def run(
    program: Program,
    costs: Sequence[Number],
    *,
    seconds: float,
    is_relaxed: bool = False,
    cutoff: float = math.inf,
    start: Sequence[float] | None = None,
) -> Run:
    """Minimise the costs (in units of their scale) over a program.

    `is_relaxed` lets whole columns be parts, and tells reduced costs. What costs more than `cutoff`
    is not looked for: the run then ends as infeasible.
    """
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": 0.0,
        "time_limit": max(seconds, 0.0),
        "objective_bound": cutoff,
    }.items():
        highs.setOptionValue(name, value)
    highs.passModel(_lp(program, costs, is_relaxed=is_relaxed))
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = list(start)
        highs.setSolution(solution)
    highs.run()
    found = _read(highs, is_relaxed=is_relaxed)
    if found.ending is Ending.OPTIMAL and found.objective > cutoff:
        # HiGHS may come upon an award beyond the cutoff, and then calls it optimal.
        return Run(Ending.INFEASIBLE, None, math.inf)
    if found.bound > cutoff:
        # What lies beyond the cutoff was never searched, so no bound may claim it.
        return replace(found, bound=cutoff)
    return found


def _read(highs: highspy.Highs, *, is_relaxed: bool) -> Run:
    status, info = highs.getModelStatus(), highs.getInfo()
    statuses = highspy.HighsModelStatus
    if status in {statuses.kInfeasible, statuses.kUnboundedOrInfeasible, statuses.kObjectiveBound}:
        return Run(Ending.INFEASIBLE, None, math.inf)
    if status == statuses.kModelEmpty:
        return Run(Ending.OPTIMAL, [], 0.0, 0.0)
    solution = highs.getSolution()
    has_values = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = list(solution.col_value) if has_values else None
    objective = info.objective_function_value
    bound = objective if is_relaxed else info.mip_dual_bound
    if status == statuses.kOptimal:
        if is_relaxed:
            duals, row_duals = list(solution.col_dual), list(solution.row_dual)
            return Run(Ending.OPTIMAL, values, bound, objective, duals, row_duals)
        return Run(Ending.OPTIMAL, values, bound, objective)
    if status == statuses.kTimeLimit:
        return Run(Ending.OUT_OF_TIME, values, -math.inf if is_relaxed else bound, objective)
    sentence = f"HiGHS ended with {status}"
    raise ArithmeticError(sentence)


def _lp(program: Program, costs: Sequence[Number], *, is_relaxed: bool) -> highspy.HighsLp:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(program.costs), len(program.rows)
    lp.col_cost_ = [float(cost) for cost in costs]
    lp.col_lower_ = [0.0] * lp.num_col_
    lp.col_upper_ = [float(upper) for upper in program.uppers]
    lp.row_lower_ = [_bound(least, -highspy.kHighsInf) for least, _ in program.bounds]
    lp.row_upper_ = [_bound(most, highspy.kHighsInf) for _, most in program.bounds]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = [0, *accumulate(len(terms) for terms in program.rows)]
    lp.a_matrix_.index_ = [column for terms in program.rows for column, _ in terms]
    lp.a_matrix_.value_ = [float(value) for terms in program.rows for _, value in terms]
    if not is_relaxed:
        whole, part = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
        lp.integrality_ = [whole if is_whole else part for is_whole in program.are_whole]
    return lp


def _bound(value: Number | None, unbound: float) -> float:
    return unbound if value is None else float(value)


def _common_unit(one: Fraction, other: Fraction) -> Fraction:
    """Find the largest unit of which both are multiples."""
    denominator = math.lcm(one.denominator, other.denominator)
    numerator = math.gcd(
        one.numerator * (denominator // one.denominator),
        other.numerator * (denominator // other.denominator),
    )
    return Fraction(numerator, denominator)
