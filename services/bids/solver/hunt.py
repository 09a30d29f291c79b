"""Hold a problem written out, with what and until when it is searched; read awards out of it."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from time import monotonic
from typing import Final

from services.bids.domain.winners.award import Award, Left, Line, Outcome
from services.bids.domain.winners.check import violations
from services.bids.domain.winners.tasks import Task
from services.bids.solver.engine import Aim, Engine, Run, Scale
from services.bids.solver.model import Model
from services.bids.solver.program import Number, Program

HALF: Final = 0.5

COARSE: Final = 1_000
"""Where costs are not whole in their unit, awards that differ by less than a unit's so-manieth are
taken to cost the same; the exact check then says whether they do."""


@dataclass(frozen=True, slots=True)
class Found:
    """An award that keeps every rule, its exact cost, and the columns' values that say it."""

    award: Award
    cost: Fraction
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """A problem written out, and with what and until when it is searched."""

    task: Task
    model: Model
    scale: Scale
    costs: Sequence[Number]
    engine: Engine
    deadline: float

    def run(
        self,
        program: Program,
        *,
        aim: Aim = Aim.SOLVE,
        cutoff: float = math.inf,
        share: float = 1.0,
    ) -> Run:
        """Minimise the award's cost over a program, in a share of the time that is left."""
        seconds = (self.deadline - monotonic()) * share
        return self.engine.run(program, self.costs, seconds=seconds, aim=aim, cutoff=cutoff)

    def read(self, run: Run) -> Found | None:
        """Read an award out of a run and check it; None where none keeps every rule."""
        if run.values is None:
            return None
        award = award_of(self.model, run.values)
        if violations(self.task.problem, self.task.rules, award):
            return None
        return Found(award, Outcome(self.task.problem, award).costs().ranked, run.values)

    def ceiling(self, found: Found) -> Fraction:
        """Tell what an award as cheap as this one costs at most, in units."""
        units = found.cost / self.scale.unit
        return units + Fraction(1, 2 if self.scale.is_exact else COARSE)


def award_of(model: Model, values: Sequence[float]) -> Award:
    """Read an award out of the columns' values, in whole steps; parts still make their cells."""
    parts: dict[int, list[tuple[str | None, float]]] = defaultdict(list)
    packages = []
    for key, column in model.program.keys.items():
        match key:
            case ("part", int(index), str(bid_id), _):
                size = 1 if model.program.uppers[column] > 1 else model.cells[index].quantity
                parts[index].append((bid_id, values[column] * size))
            case ("left", int(index)):
                size = 1 if model.program.uppers[column] > 1 else model.cells[index].quantity
                parts[index].append((None, values[column] * size))
            case ("package", str(package_id)) if values[column] > HALF:
                packages.append(package_id)
    lines: list[Line] = []
    left: list[Left] = []
    for index, given in parts.items():
        cell = model.cells[index]
        for name, quantity in _whole_steps(given, is_divisible=cell.is_divisible).items():
            if name is None:
                left.append(Left(cell.lot_id, cell.district_id, quantity))
            else:
                lines.append(Line(cell.lot_id, cell.district_id, name, quantity))
    return Award(
        lines=tuple(sorted(lines, key=_place)),
        package_ids=tuple(sorted(packages)),
        left=tuple(sorted(left, key=_place)),
    )


def _whole_steps(
    given: list[tuple[str | None, float]], *, is_divisible: bool
) -> dict[str | None, int]:
    """Round parts to whole steps that sum to what their sum rounds to."""
    sums: dict[str | None, float] = defaultdict(float)
    for bid_id, quantity in given:
        sums[bid_id] += quantity
    steps = {bid_id: round(quantity) for bid_id, quantity in sums.items()}
    if is_divisible and steps:
        largest = max(steps, key=lambda bid_id: (steps[bid_id], bid_id or ""))
        steps[largest] += round(sum(sums.values())) - sum(steps.values())
    return {bid_id: quantity for bid_id, quantity in steps.items() if quantity > 0}


def _place(part: Line | Left) -> tuple[str, ...]:
    bid_id = part.bid_id if isinstance(part, Line) else ""
    return (part.lot_id, part.district_id or "", bid_id)
