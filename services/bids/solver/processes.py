"""Run each search in a process of its own, bounded in time and memory, that may be killed any time.

A search that dies leaves nothing behind: its answer is one message at its end, and what the service
knows changes only when that message has come whole.
"""

import asyncio
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Any, Final, cast

from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.sensitivity import Flip
from services.bids.domain.winners.tasks import Answer, EngineName, FlipTask, RunnerUpTask, Task
from services.bids.ports.winners import SearchFailed
from services.bids.solver.choice import engine_for
from services.bids.solver.outcomes import Beyond, Unfit

MEMORY_BYTES: Final = 4 * 1024**3
"""Address space of one search; a purchase of 200 lots and 50 vendors takes a tenth of it."""

GRACE_S: Final = 15.0
"""How much longer than its own limit a search may take before it is killed: its start, the writing
of the model and the check."""

FLIP_SEARCHES: Final = 8
"""How many searches' time the search for a flipping price gets together."""


class SolverProcesses:
    """Search in child processes, a few at once; the port `Solver`."""

    def __init__(
        self,
        *,
        at_once: int = 2,
        memory_bytes: int = MEMORY_BYTES,
        engine_name: EngineName | None = None,
    ) -> None:
        """Allow so many searches at once, each within so much memory.

        Without a name, the problem chooses the engine; what CP-SAT cannot count HiGHS searches.
        """
        self._turn = asyncio.Semaphore(at_once)
        self._memory_bytes = memory_bytes
        self._engine_name = engine_name

    async def solve(self, task: Task) -> Answer:
        """Find the cheapest award.

        Raises:
            ProblemUnfit: The problem or a rule cannot mean anything.
            SearchFailed: The process died, or took too long.
        """
        return cast("Answer", await self._search(task, seconds=task.seconds))

    async def runner_up(self, asked: RunnerUpTask) -> Answer:
        """Find the cheapest award in which a lot's winners win none of it.

        Raises:
            SearchFailed: The process died, or took too long.
        """
        return cast("Answer", await self._search(asked, seconds=asked.task.seconds))

    async def flip(self, asked: FlipTask) -> Flip | None:
        """Find by how much a vendor's price must change to flip a lot.

        Raises:
            SearchFailed: The process died, or took too long.
        """
        seconds = asked.task.seconds * FLIP_SEARCHES
        return cast("Flip | None", await self._search(asked, seconds=seconds))

    async def _search(self, asked: Task | RunnerUpTask | FlipTask, *, seconds: float) -> object:
        task = asked if isinstance(asked, Task) else asked.task
        engine_name = self._engine_name or engine_for(task.problem)
        async with self._turn:
            outcome = await self._answered(asked, engine_name, seconds)
            if isinstance(outcome, Beyond):
                outcome = await self._answered(asked, EngineName.HIGHS, seconds)
        return outcome

    async def _answered(
        self, asked: Task | RunnerUpTask | FlipTask, engine_name: EngineName, seconds: float
    ) -> object:
        """Let one process search, and end it whatever happens."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.bids.solver.child",
            str(self._memory_bytes),
            engine_name.value,
            stdin=PIPE,
            stdout=PIPE,
        )
        try:
            async with asyncio.timeout(seconds + GRACE_S):
                written, _ = await process.communicate(pickle.dumps(asked))
        except TimeoutError:
            sentence = "The search took too long and was ended."
            raise SearchFailed(sentence) from None
        finally:
            await _end(process)
        return _outcome(process.returncode, written)


def _outcome(returncode: int | None, written: bytes) -> object:
    if returncode != 0:
        sentence = "The search ended before it had an answer."
        raise SearchFailed(sentence)
    outcome: Any = pickle.loads(written)  # noqa: S301 - written by the process that was started here
    if isinstance(outcome, Unfit):
        raise ProblemUnfit(outcome.reasons)
    return outcome


async def _end(process: Process) -> None:
    """Kill a process that still runs, and wait until it is gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
