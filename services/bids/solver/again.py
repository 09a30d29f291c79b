"""Search again for a task that was published: JSON on standard input, its result on the output.

    python -m services.bids.solver.again < task.json

The task is a scenario's problem, rules and seed as the award bundle has them. What comes out is
what the service keeps of a scenario: the award, what the cheapest without any rule costs, and what
each rule does. The same task gives the same award. Nobody is asked, and nothing is written.
"""

import argparse
import asyncio
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import Final

from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.serial import read, written
from services.bids.domain.winners.tasks import EngineName, Task
from services.bids.ports.winners import SearchFailed
from services.bids.solver.choice import engine_for
from services.bids.solver.processes import SolverProcesses
from services.bids.usecases.winners import result_of

PACKAGES: Final = {EngineName.HIGHS: "highspy", EngineName.CP_SAT: "ortools"}
"""What must be installed for an engine to run."""


def main() -> int:
    """Search once; end with 0 for a result, 2 where there is none."""
    asked = _parser().parse_args()
    try:
        task = replace(read(Task, sys.stdin.read()), seconds=asked.seconds)
        engine = engine_for(task.problem)
        if find_spec(PACKAGES[engine]) is None:
            return _complain(f"{PACKAGES[engine]} is not installed here, and it is what searches.")
        result = asyncio.run(result_of(task, SolverProcesses()))
    except (ProblemUnfit, SearchFailed) as refusal:
        return _complain(str(refusal))
    except (ValueError, TypeError, KeyError):
        return _complain("This is no task in its one written form.")
    sys.stdout.write(written(result))
    return 0


def _complain(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.bids.solver.again",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=int, default=60, help="each search's limit (60)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
