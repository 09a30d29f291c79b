"""Say what is asked of a solver, and what comes back: an answer that was checked exactly."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from services.bids.domain.winners.award import Award, Costs
from services.bids.domain.winners.problem import Problem
from services.bids.domain.winners.rules import Rule

WEIGHT_MAX: Final = 2**20
"""Weights are drawn up to here: among n offers two optimal awards weigh the same with a chance of
at most n in a million. Source: Mulmuley, Vazirani and Vazirani 1987, the isolation lemma."""


class Status(StrEnum):
    """What a search came to.

    `best_found` ended by time with an award that is within its gap; `out_of_time` without one.
    """

    OPTIMAL = "optimal"
    BEST_FOUND = "best_found"
    INFEASIBLE = "infeasible"
    OUT_OF_TIME = "out_of_time"


class EngineName(StrEnum):
    """Which solver searched: HiGHS by relaxation, or CP-SAT by clauses and whole numbers."""

    HIGHS = "highs"
    CP_SAT = "cp_sat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A problem with its rules, the seed that settles ties, and how long the search may take."""

    problem: Problem
    rules: tuple[Rule, ...] = ()
    seed: str = ""
    seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUpTask:
    """Ask for the cheapest award in which a lot's winners win none of it."""

    task: Task
    lot_id: str
    winners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipTask:
    """Ask by how much a vendor's unit price on a lot must change to flip whether it wins there.

    Rules that bound money are kept at the changed price.
    """

    task: Task
    vendor_id: str
    lot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Conditions that cannot all hold, though they could if any one of them were left out."""

    names: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found. Without an award there are no costs and no bound.

    No award costs less than `bound`, in the solver's arithmetic rounded the safe way; `gap` is
    exactly what lies between it and the award's cost. `relaxed` names the rules that gave way.
    `ties_settled` says that the seed's weights chose among optimal awards. `engine` searched, and
    proved what is proven.
    """

    status: Status
    award: Award | None = None
    costs: Costs | None = None
    bound: Fraction | None = None
    gap: Fraction | None = None
    relaxed: tuple[str, ...] = ()
    conflict: Conflict | None = None
    ties_settled: bool = False
    engine: EngineName | None = None

    @property
    def is_proven(self) -> bool:
        """Whether no award is cheaper by a sum that counts."""
        return self.status is Status.OPTIMAL


def weigher(seed: str) -> Callable[[str], int]:
    """Draw weights from a seed: from 1 to `WEIGHT_MAX`, each from the offer's name alone."""

    def weight(name: str) -> int:
        drawn = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
        return 1 + int.from_bytes(drawn[:8], "big") % WEIGHT_MAX

    return weight
