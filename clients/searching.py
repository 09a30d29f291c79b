"""Search the scenarios of an award bundle again, by the solver's own command, offline.

The solver is asked as anybody asks it, in a process of its own: a client needs it for nothing else,
and what it loads, and how much memory it takes, is not the client's.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from services.bids.domain.replay.bundle import AwardBundle
from services.bids.domain.replay.proving import Question, Searched, questions_of

COMMAND: Final = (sys.executable, "-m", "services.bids.solver.again")

GRACE_S: Final = 30
"""How much longer than its own limit a search may take: its start, and the writing of the model."""

Command = tuple[str, ...]
Say = Callable[[str], None]


def search_again(
    bundle: AwardBundle, *, seconds: int, say: Say, command: Command
) -> Mapping[UUID, Searched]:
    """Ask the solver about every scenario that has a result, each search for so many seconds."""
    found: dict[UUID, Searched] = {}
    for question in questions_of(bundle):
        say(f"searching again: {question.name}")
        found[question.scenario_id] = _searched(question, seconds, command)
    return found


def _searched(question: Question, seconds: int, command: Command) -> Searched:
    limit_s = question.searches * (seconds + GRACE_S)
    try:
        done = subprocess.run(  # noqa: S603 - our own command; the task goes in by its input
            [*command, "--seconds", str(seconds)],
            input=question.task,
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return Searched(failure=f"The search did not end within {limit_s} seconds.")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return Searched(failure=lines[-1] if lines else "The search ended without an answer.")
    return Searched(result=done.stdout)
