"""Run HiGHS on a program: one thread, no gap, the same way each time.

Only here are numbers floats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

import highspy

from services.bids.domain.winners.tasks import EngineName
from services.bids.solver.engine import Aim, Ending, Run
from services.bids.solver.program import Number, Program, Terms

GUESS_GAP: Final = 3e-5
"""A guess ends within this share of its own bound: nearer would cost as much as the proof."""

PROBING: Final = 1 << 15
ENUMERATION: Final = 1 << 16
"""Two of HiGHS's rules of presolving, as the bits of `presolve_rule_off`."""

OPTIONS: Final[Mapping[str, bool | int | float]] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.0,
}

AIMED: Final[Mapping[Aim, Mapping[str, bool | int | float]]] = {
    Aim.SOLVE: {},
    Aim.RELAX: {},
    Aim.GUESS: {"mip_rel_gap": GUESS_GAP},
    # Searches within the search for better awards took two thirds of a proof's time. What probing
    # and enumeration find out is known already of a program from which dear columns were left out.
    Aim.PROVE: {
        "presolve_rule_off": PROBING | ENUMERATION,
        "mip_heuristic_effort": 0.0,
        "mip_heuristic_run_feasibility_jump": False,
        "mip_heuristic_run_rens": False,
        "mip_heuristic_run_rins": False,
        "mip_heuristic_run_root_reduced_cost": False,
    },
}


class HighsEngine:
    """The engine of programs that are nearly whole when relaxed."""

    name = EngineName.HIGHS
    relaxes = True

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
        """Minimise the costs over a program; `Aim.RELAX` tells reduced costs and rows' duals."""
        highs = highspy.Highs()  # type: ignore[no-untyped-call]
        limits = {"time_limit": max(seconds, 0.0), "objective_bound": cutoff}
        for name, value in {**OPTIONS, **AIMED[aim], **limits}.items():
            highs.setOptionValue(name, value)
        kept = [column for column, upper in enumerate(program.uppers) if upper]
        highs.passModel(_lp(program, costs, kept, is_relaxed=aim is Aim.RELAX))
        if start is not None:
            solution = highspy.HighsSolution()
            solution.col_value = [start[column] for column in kept]
            highs.setSolution(solution)
        highs.run()
        return _within(_read(highs, is_relaxed=aim is Aim.RELAX), kept, program, cutoff)


def _within(found: Run, kept: Sequence[int], program: Program, cutoff: float) -> Run:
    """Put back the columns that were left out, and claim nothing beyond the cutoff."""
    if found.ending is Ending.OPTIMAL and found.objective > cutoff:
        # HiGHS may come upon an award beyond the cutoff, and then calls it optimal.
        return Run(Ending.INFEASIBLE, None, math.inf)
    size = len(program.uppers)
    return replace(
        found,
        # What lies beyond the cutoff was never searched, so no bound may claim it.
        bound=min(found.bound, cutoff) if found.ending is not Ending.INFEASIBLE else found.bound,
        values=_spread(found.values, kept, size),
        reduced_costs=_spread(found.reduced_costs, kept, size),
    )


def _spread(values: Sequence[float] | None, kept: Sequence[int], size: int) -> list[float] | None:
    if values is None:
        return None
    spread = [0.0] * size
    for column, value in zip(kept, values, strict=True):
        spread[column] = value
    return spread


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
    if status in {statuses.kTimeLimit, statuses.kSolutionLimit, statuses.kIterationLimit}:
        return Run(Ending.OUT_OF_TIME, values, -math.inf if is_relaxed else bound, objective)
    sentence = f"HiGHS ended with {status}"
    raise ArithmeticError(sentence)


def _lp(
    program: Program, costs: Sequence[Number], kept: Sequence[int], *, is_relaxed: bool
) -> highspy.HighsLp:
    """Write the columns that may be above 0, and all rows."""
    places = {column: place for place, column in enumerate(kept)}
    rows: list[Terms] = [
        [(places[column], value) for column, value in terms if column in places]
        for terms in program.rows
    ]
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(kept), len(rows)
    lp.col_cost_ = [float(costs[column]) for column in kept]
    lp.col_lower_ = [0.0] * lp.num_col_
    lp.col_upper_ = [float(program.uppers[column]) for column in kept]
    lp.row_lower_ = [_bound(least, -highspy.kHighsInf) for least, _ in program.bounds]
    lp.row_upper_ = [_bound(most, highspy.kHighsInf) for _, most in program.bounds]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = [0, *accumulate(len(terms) for terms in rows)]
    lp.a_matrix_.index_ = [column for terms in rows for column, _ in terms]
    lp.a_matrix_.value_ = [float(value) for terms in rows for _, value in terms]
    if not is_relaxed:
        whole, part = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
        lp.integrality_ = [whole if program.are_whole[column] else part for column in kept]
    return lp


def _bound(value: Number | None, unbound: float) -> float:
    return unbound if value is None else float(value)
