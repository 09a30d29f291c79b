"""Search once: a task on standard input, its outcome on standard output, and the process ends."""

import resource
import sys

from services.bids.domain.winners.tasks import EngineName
from services.bids.solver.processes import answer_once

if __name__ == "__main__":
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer_once(sys.stdin.buffer, sys.stdout.buffer, engine_name=EngineName(sys.argv[2]))
