"""Share costs in a process of its own, bounded in time and memory.

Exact fractions over every group of members keep a processor busy for seconds, and a thread that
does that can neither be stopped nor leaves the others their turn. The process tells each rule as
soon as it is through, so that what takes too long costs none of the others. Costs that are shared
for one answer, as those of a report's lots, are shared in one process.
"""

import asyncio
import pickle
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any, BinaryIO, Final

from services.bids.domain.sharing.beside import (
    Charged,
    Shared,
    SharingTask,
    share_in_turn,
    told_left_out,
)

SECONDS: Final = 8.0
"""The time for one answer: somebody waits for it, and the clients wait for ten."""

MEMORY_BYTES: Final = 1024**3
"""Address space of one process; the widest game that is weighed takes a tenth of it."""

CHUNK_BYTES: Final = 64 * 1024


class SharingProcesses:
    """Share in child processes, a few at once; the port `Sharers`."""

    def __init__(self, *, at_once: int = 2, seconds: float = SECONDS) -> None:
        """Allow so many at once, each for so long, waiting for its turn included."""
        self._turn = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def share(self, tasks: Sequence[SharingTask]) -> list[list[Shared]]:
        """Share each cost by each rule that comes to an end in time; the others are left out."""
        if not tasks:
            return []
        told = bytearray()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds), self._turn:
                await _collect(tasks, told)
        found: list[list[Shared]] = [[] for _ in tasks]
        for place, outcome in _whole_ones(bytes(told)):
            found[place].append(outcome)
        return [self._filled(task, own) for task, own in zip(tasks, found, strict=True)]

    def _filled(self, task: SharingTask, found: list[Shared]) -> list[Shared]:
        done = {each.rule for each in found if not isinstance(each, Charged)}
        missing = [rule for rule in task.rules if rule not in done]
        return [*found, *told_left_out(missing, seconds=self._seconds)]


def answer(asked: BinaryIO, told: BinaryIO) -> None:
    """Read some tasks, and write what each rule comes to as soon as it is known."""
    tasks = pickle.load(asked)  # noqa: S301 - written by the service that started this process
    for outcome in share_in_turn(tasks):
        pickle.dump(outcome, told)
        told.flush()


async def _collect(tasks: Sequence[SharingTask], told: bytearray) -> None:
    """Let a process share, and gather what it writes until its end, or until the caller's."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.bids.solver.sharing",
        str(MEMORY_BYTES),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        assert process.stdin is not None, "it was asked for"
        assert process.stdout is not None, "it was asked for"
        process.stdin.write(pickle.dumps(tuple(tasks)))
        process.stdin.close()
        while chunk := await process.stdout.read(CHUNK_BYTES):
            told += chunk
    finally:
        await _end(process)


def _whole_ones(told: bytes) -> list[tuple[int, Shared]]:
    """Read what was written whole; what a process that was killed had begun is left."""
    found: list[tuple[int, Shared]] = []
    stream = BytesIO(told)
    with suppress(EOFError, pickle.UnpicklingError):
        while True:
            outcome: Any = pickle.load(stream)  # noqa: S301 - written by the process started here
            found.append(outcome)
    return found


async def _end(process: Process) -> None:
    """Kill a process that still runs, and wait until it is gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


if __name__ == "__main__":
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer(sys.stdin.buffer, sys.stdout.buffer)
