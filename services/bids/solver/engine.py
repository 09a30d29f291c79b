"""Say what a search engine is asked and what it tells; the engines themselves are apart.

HiGHS and CP-SAT cannot live in one process, so nothing here imports either: a process loads the
one that it was started for. What comes back is a proposal and a bound; both are checked elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final, Protocol

from services.bids.domain.winners.tasks import EngineName
from services.bids.solver.program import Number, Program

UNITS_MAX: Final = 2**41
"""Objectives are counted in units that keep their sum below this: floats tell such units apart."""

SLACK_UNITS: Final = Fraction(1, 100)
SLACK_SHARE: Final = Fraction(1, 2**44)
"""By how much an engine's bound is lowered before it is believed: far above the rounding of double
arithmetic at its size, and far below one unit."""

COUNTED_COSTS: Final = 1_000
"""The largest so many costs make the sum that is held against `UNITS_MAX`: more are never paid."""


class BeyondRange(ArithmeticError):  # noqa: N818 - a fact about a program
    """A program's numbers are more than an engine counts exactly; another engine is to take it."""


class Ending(StrEnum):
    """How a run ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    OUT_OF_TIME = "out_of_time"


class Aim(StrEnum):
    """What a run is for.

    `prove` expects to find nothing, or one award, below its cutoff, and spends no time on guesses;
    `guess` ends with any good award; `relax` lets whole columns be parts.
    """

    SOLVE = "solve"
    PROVE = "prove"
    GUESS = "guess"
    RELAX = "relax"


@dataclass(frozen=True, slots=True)
class Scale:
    """The unit in which an objective is counted; exact when every cost is whole in it."""

    unit: Fraction
    is_exact: bool

    def counted(self, costs: Sequence[Fraction]) -> list[Number]:
        """Count costs in this unit."""
        if not self.is_exact:
            return [cost / self.unit for cost in costs]
        above, below = self.unit.denominator, self.unit.numerator
        return [cost.numerator * above // (cost.denominator * below) for cost in costs]

    def bound(self, found: float) -> Fraction | None:
        """Round a bound the safe way; None where there is none."""
        if not math.isfinite(found):
            return None
        if isinstance(found, int):
            return found * self.unit
        safe = Fraction(found) - abs(Fraction(found)) * SLACK_SHARE - SLACK_UNITS
        return (math.ceil(safe) if self.is_exact else safe) * self.unit


@dataclass(frozen=True, slots=True)
class Run:
    """What a run found: values by column if any, the objective's bound, in its scale's units.

    A bound that is a whole number is exact as it stands.
    """

    ending: Ending
    values: Sequence[float] | None
    bound: float
    objective: float = math.inf
    reduced_costs: Sequence[float] | None = None
    row_duals: Sequence[float] | None = None


class Engine(Protocol):
    """Minimise costs over a program, the same way each time."""

    @property
    def name(self) -> EngineName:
        """Name the engine in answers."""
        ...

    @property
    def relaxes(self) -> bool:
        """Whether `Aim.RELAX` is understood; without it, all columns are whole."""
        ...

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
        """Minimise the costs (in units of their scale) over a program.

        What costs more than `cutoff` is not looked for: the run then ends as infeasible. `start`
        is a solution that is known.

        Raises:
            BeyondRange: The engine cannot count the program exactly.
        """
        ...


def load(name: EngineName) -> Engine:
    """Load an engine into this process, which must hold no other.

    On import the two end each other with an undefined symbol. Source: google/or-tools issue 5246.
    """
    if name is EngineName.CP_SAT:
        from services.bids.solver.cpsat import CpSatEngine  # noqa: PLC0415 - only where it was chosen

        return CpSatEngine()
    from services.bids.solver.highs import HighsEngine  # noqa: PLC0415 - likewise

    return HighsEngine()


def scale_of(costs: Sequence[Fraction]) -> Scale:
    """Choose the largest unit in which all costs are whole, or a coarser one where that is tiny."""
    stated = [cost for cost in costs if cost]
    if not stated:
        return Scale(Fraction(1), is_exact=True)
    below = math.lcm(*(cost.denominator for cost in stated))
    whole = [cost.numerator * (below // cost.denominator) for cost in stated]
    above = math.gcd(*whole)
    largest = sum(sorted(map(abs, whole), reverse=True)[:COUNTED_COSTS]) // above
    unit, is_exact = Fraction(above, below), True
    while largest > UNITS_MAX:
        unit, largest, is_exact = unit * 2, largest // 2, False
    return Scale(unit, is_exact=is_exact)
