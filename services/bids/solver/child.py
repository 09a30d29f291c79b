"""Search once: a task on standard input, its outcome on standard output, and the process ends.

Little is imported, because somebody waits from the start.
"""

import pickle
import resource
import sys
from typing import BinaryIO, cast

from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.tasks import EngineName, FlipTask, RunnerUpTask, Task
from services.bids.solver.engine import BeyondRange
from services.bids.solver.inquiries import flip, runner_up
from services.bids.solver.outcomes import Beyond, Unfit
from services.bids.solver.search import solve


def answer_once(asked: BinaryIO, told: BinaryIO, *, engine_name: EngineName) -> None:
    """Read one task, search, and write what came of it; a refusal travels as its reasons."""
    task = pickle.load(asked)  # noqa: S301 - written by the service that started this process
    outcome: object
    try:
        match task:
            case Task():
                outcome = solve(task, engine_name=engine_name)
            case RunnerUpTask():
                outcome = runner_up(task, engine_name=engine_name)
            case FlipTask():
                outcome = flip(task, engine_name=engine_name)
            case _:
                outcome = None
    except ProblemUnfit as refusal:
        outcome = Unfit(list(cast("list[str]", refusal.details["reasons"])))
    except BeyondRange:
        outcome = Beyond()
    told.write(pickle.dumps(outcome))
    told.flush()


if __name__ == "__main__":
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer_once(sys.stdin.buffer, sys.stdout.buffer, engine_name=EngineName(sys.argv[2]))
