"""Watch what a process costs, and give it a processor of its own; on Linux, as the servers are."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OWN: Final = 0
"""The processor of what is measured; everything else shares the rest."""

_NS_PER_S: Final = 1e9
_KIB_PER_MIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were measured on."""

    processors: int
    is_pinned: bool

    def __str__(self) -> str:
        """Say how the work was spread over the processors."""
        if not self.is_pinned:
            return "1 processor, shared by all"
        rest = self.processors - 1
        return f"service on a processor of its own; load, PostgreSQL and NATS on {rest} other"


def machine() -> Machine:
    """Look at the machine."""
    processors = len(_processors())
    return Machine(processors, processors > 1)


def give_own(pid: int) -> None:
    """Let a process that has just started run on the processor that is kept for it."""
    if machine().is_pinned:
        os.sched_setaffinity(pid, {OWN})


def take_rest() -> None:
    """Keep ourselves, and every child that is given no other place, off that processor."""
    if machine().is_pinned:
        os.sched_setaffinity(0, _processors() - {OWN})


def cpu_s(pid: int) -> float:
    """Read how long all threads of a process have run, in seconds, to the nanosecond."""
    return _scheduled_s(pid, 0)


def waited_s(pid: int) -> float:
    """Read how long a process's threads could have run, but others had the processor.

    On a quiet machine it is next to nothing; where it is not, other work was measured with ours.
    """
    return _scheduled_s(pid, 1)


def _scheduled_s(pid: int, place: int) -> float:
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[place]) for task in tasks) / _NS_PER_S


def rss_mib(pid: int) -> float:
    """Read how much memory a process holds, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / _KIB_PER_MIB


def _processors() -> set[int]:
    """All that this machine gives us, whatever we have taken since."""
    return set(range(os.cpu_count() or 1))
