"""Solve a problem that is written down in a file, and print the answer as JSON."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Final

from services.bids.domain.winners.award import Award, Outcome
from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.tasks import Answer, EngineName, Status, Task
from services.bids.domain.winners.written import amount_text
from services.bids.ports.winners import SearchFailed
from services.bids.solver.problem_file import FORM, SEED, task_of
from services.bids.solver.processes import SolverProcesses

AUTO: Final = "auto"

ENDS: Final = """\
The answer: status (optimal is proven, best_found is within its gap, infeasible says which
conditions conflict, out_of_time), engine, costs, bound, gap, lines, packages, left, relaxed,
conflict. Quantities are in units. Ends with 0 for an award, 1 for none, 2 for a file that is unfit
or engines that disagree.
"""


def main() -> int:
    """Solve the named file."""
    asked = _parser().parse_args()
    try:
        text = Path(asked.file).read_text(encoding="utf-8")
        task = task_of(text, seed=asked.seed, seconds=asked.seconds)
        answer = asyncio.run(_answered(task, asked.engine, is_checked=asked.check))
    except (OSError, ProblemUnfit, SearchFailed) as refusal:
        _complain(refusal)
        return 2
    if answer is None:
        _complain("The two engines prove different optima; believe neither.")
        return 2
    sys.stdout.write(json.dumps(told(task, answer), indent=2) + "\n")
    return 0 if answer.award is not None else 1


def told(task: Task, answer: Answer) -> Mapping[str, object]:
    """Tell an answer in the words and units of its file, amounts as exact texts."""
    costs, conflict = answer.costs, answer.conflict
    return {
        "status": answer.status,
        "engine": answer.engine,
        "cost": None if costs is None else amount_text(costs.ranked),
        "paid": None if costs is None else amount_text(costs.paid),
        "bound": None if answer.bound is None else amount_text(answer.bound),
        "gap": None if answer.gap is None else amount_text(answer.gap),
        "ties_settled": answer.ties_settled,
        **({} if answer.award is None else _award(task, answer.award)),
        "relaxed": list(answer.relaxed),
        "conflict": None if conflict is None else list(conflict.sentences),
    }


def _award(task: Task, award: Award) -> Mapping[str, object]:
    outcome, steps = Outcome(task.problem, award), task.problem.steps_per_unit
    spend = sorted(outcome.spend.items())
    return {
        "spend": {vendor_id: amount_text(paid) for vendor_id, paid in spend},
        "lines": [
            {
                "lot": line.lot_id,
                "district": line.district_id or None,
                "vendor": outcome.bids[line.bid_id].vendor_id,
                "bid": line.bid_id,
                "quantity": amount_text(Fraction(line.quantity, steps)),
            }
            for line in award.lines
        ],
        "packages": [
            {
                "package": package.id,
                "vendor": package.vendor_id,
                "lots": sorted(package.lot_ids),
                "price": amount_text(package.price),
            }
            for package in outcome.packages
        ],
        "left": [
            {
                "lot": each.lot_id,
                "district": each.district_id or None,
                "quantity": amount_text(Fraction(each.quantity, steps)),
            }
            for each in award.left
        ],
    }


async def _answered(task: Task, engine: str, *, is_checked: bool) -> Answer | None:
    """Search, and search again by the other engine if asked; None where both prove otherwise."""
    name = None if engine == AUTO else EngineName(engine)
    answer = await SolverProcesses(engine_name=name).solve(task)
    if not is_checked:
        return answer
    other = next(each for each in EngineName if each is not answer.engine)
    second = await SolverProcesses(engine_name=other).solve(task)
    if second.engine is answer.engine:
        _complain("The other engine cannot count this problem exactly.")
    return answer if agree(answer, second) else None


def agree(one: Answer, other: Answer) -> bool:
    """Whether two answers can both be true: neither's award is below the other's bound."""
    if Status.INFEASIBLE in {one.status, other.status}:
        return one.costs is None and other.costs is None
    return not any(
        mine.costs is not None and its.bound is not None and mine.costs.ranked < its.bound
        for mine, its in ((one, other), (other, one))
    )


def _complain(sentence: object) -> None:
    sys.stderr.write(f"{sentence}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.bids.solver",
        description=__doc__,
        epilog=f"{FORM}\n{ENDS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", help="the problem file")
    parser.add_argument(
        "--engine",
        choices=[AUTO, *EngineName],
        default=AUTO,
        help="auto (default): CP-SAT where dense packages dominate, else HiGHS",
    )
    parser.add_argument("--check", action="store_true", help="let the other engine search too")
    parser.add_argument("--seconds", type=int, default=60, help="the search's limit (60)")
    parser.add_argument("--seed", default=SEED, help="what settles awards that cost the same")
    return parser


if __name__ == "__main__":
    sys.exit(main())
