"""Make a large program small before it is searched, without losing any award that could win.

The relaxation's reduced costs say what a column adds at least to any award that uses it. A column
that adds more than what lies between the relaxation and a known award is in no better award. Two
things make that difference small. Each lot is solved alone under the prices that the relaxation
puts on what lots share: by what it costs there more than the relaxation sees, every award costs
more. And a tier is used from its least quantity on, so that its switch adds what the cheapest
parts of that quantity add. Source: Geoffrion 1974, Lagrangean relaxation; Dantzig, Fulkerson and
Johnson 1954, fixing by reduced costs.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from time import monotonic
from typing import Final, NamedTuple

from services.bids.solver.engine import Aim, Ending, Run
from services.bids.solver.hunt import Hunt
from services.bids.solver.model import Model, TierColumns
from services.bids.solver.program import Number, Program, Terms

SIDE_BY_SIDE: Final = 2
"""How many lots are searched at a time."""

LOT_SECONDS: Final = 2.0
"""How long one lot alone is searched; the bound it has by then holds too."""

ROWS_MIN: Final = 8
"""A lot of fewer rows of its own has nothing that the relaxation does not see."""

PARTED: Final = 1e-6
"""A whole column whose value is farther than this from a whole number is in parts."""

MARGIN_SHARE: Final = 1e-7
MARGIN_UNITS: Final = 1.0
"""By how much a lot's bound is lowered, and what a column adds must exceed what it is held against,
before either is believed: above what floats of that size may be wrong by."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A program and a bound of its cost, with what its columns add to that bound at least.

    `objective` is the relaxation's with what all lots cost more alone; `reduced` are its reduced
    costs; `lifts` say by column what of the objective is its own lot's surplus, which an award that
    uses the column need not pay twice.
    """

    program: Program
    tiers: Sequence[TierColumns]
    objective: float
    reduced: Sequence[float]
    lifts: Sequence[float]

    def reach(self, distance: float) -> float:
        """Tell what an award costs at most that is so far away, as a share of the cost."""
        return self.objective + distance * abs(self.objective) + 1

    def narrowed(self, most: float) -> Program:
        """Copy the program without the columns of which no award up to `most` has any."""
        gap = max(most - self.objective, 0.0)
        limit = gap + MARGIN_UNITS + abs(most) * MARGIN_SHARE / 100
        copy = self.program.copied()
        for column, added in enumerate(self.reduced):
            if copy.are_whole[column] and added > limit + self.lifts[column]:
                copy.uppers[column] = 0
        for tier in self.tiers:
            while dear := self._dear(tier, copy, limit + self.lifts[tier.switch]):
                for column in dear:
                    copy.uppers[column] = 0
        copy.drop_idle_rows()
        return copy

    def _dear(self, tier: TierColumns, program: Program, limit: float) -> list[int]:
        """List columns of a tier that add more than the limit, by what else must go with them."""
        parts = sorted(self._part(program, column, steps) for column, steps in tier.parts)
        left = [part for part in parts if part.steps]
        switch = max(self.reduced[tier.switch], 0.0)
        is_off = not program.uppers[tier.switch]
        if is_off or switch + _least_added(left, tier.least) > limit:
            return [part.column for part in left] + ([] if is_off else [tier.switch])
        return [
            part.column
            for part in left
            if part.is_whole and switch + part.added + _least_added_with(part, left, tier) > limit
        ]

    def _part(self, program: Program, column: int, steps: Number) -> "_Part":
        upper = program.uppers[column]
        added, most = max(self.reduced[column], 0.0) * upper, float(steps) * upper
        is_whole = program.are_whole[column] and upper == 1
        return _Part(added / most if most else 0.0, added, most, column, is_whole)


class _Part(NamedTuple):
    """A column of a tier: what it adds a step and in all, and the steps that it stands for."""

    rate: float
    added: float
    steps: float
    column: int
    is_whole: bool


def _least_added_with(part: _Part, parts: Sequence[_Part], tier: TierColumns) -> float:
    others = [other for other in parts if other is not part]
    return _least_added(others, tier.least - part.steps)


def _least_added(parts: Sequence[_Part], steps: float) -> float:
    """Add up the cheapest parts that make so many steps, the last in part; infinite without."""
    added = 0.0
    for part in parts:
        if steps <= part.steps:
            return added + part.rate * max(steps, 0.0)
        added += part.added
        steps -= part.steps
    return added if steps <= 0 else math.inf


def relax(hunt: Hunt) -> Relaxation | None:
    """Relax a model, and solve lots alone; None where it cannot be, or not in time."""
    program = hunt.model.program
    relaxed = hunt.run(program, aim=Aim.RELAX)
    if relaxed.ending is not Ending.OPTIMAL or relaxed.reduced_costs is None:
        return None
    lifts = [0.0] * len(relaxed.reduced_costs)
    objective = relaxed.objective
    for own, lift in _surpluses(hunt, program, relaxed):
        objective += lift
        for column in own:
            lifts[column] = lift
    return Relaxation(program, hunt.model.tiers, objective, relaxed.reduced_costs, lifts)


def _surpluses(hunt: Hunt, program: Program, relaxed: Run) -> Iterator[tuple[set[int], float]]:
    """Tell for lots, by their own columns, what they cost alone above what the relaxation sees.

    A lot whose columns the relaxation has whole costs alone just what is seen, and is passed over.
    """
    values, duals = relaxed.values or [], relaxed.row_duals or []
    parted = {column for column, value in enumerate(values) if abs(value - round(value)) > PARTED}
    lots = _columns_of_lots(hunt.model)
    inside = _rows_inside(program, lots)
    spread = _spread(program, hunt.costs, duals, set().union(*inside))
    wanted = [
        (lot, lot_rows)
        for lot, lot_rows in zip(lots, inside, strict=True)
        if len(lot_rows) >= ROWS_MIN and not parted.isdisjoint(set().union(*lot))
    ]
    priced = [_prices(program, lot, lot_rows, (spread, duals)) for lot, lot_rows in wanted]

    def alone(place: int) -> float | None:
        return _alone(hunt, program, priced[place], wanted[place][1])

    # Engines let go of the interpreter, so that two lots are searched at the same time.
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        bounds = list(threads.map(alone, range(len(wanted))))
    for (lot, _), prices, bound in zip(wanted, priced, bounds, strict=True):
        seen = sum(price * values[column] for column, price in prices.items())
        if bound is not None:
            yield lot[0], max(bound - abs(bound) * MARGIN_SHARE - MARGIN_UNITS - seen, 0.0)


def _prices(
    program: Program,
    lot: tuple[set[int], set[int]],
    rows: set[int],
    known: tuple[Sequence[float], Sequence[float]],
) -> dict[int, float]:
    """Price a lot's columns: its own at what they cost, packages at what the lot's rows say."""
    spread, duals = known
    own, shared = lot
    prices = {column: spread[column] for column in own}
    for row in rows:
        for column, value in program.rows[row]:
            if column in shared:
                prices[column] = prices.get(column, 0.0) + duals[row] * float(value)
    return prices


def _spread(
    program: Program,
    costs: Sequence[Number],
    duals: Sequence[float],
    inside: set[int],
) -> list[float]:
    """Take from each column's cost what rows that lots share are worth."""
    spread = [float(cost) for cost in costs]
    for row, terms in enumerate(program.rows):
        if row not in inside and duals[row]:
            for column, value in terms:
                spread[column] -= duals[row] * float(value)
    return spread


def _alone(hunt: Hunt, program: Program, prices: dict[int, float], rows: set[int]) -> float | None:
    """Search one lot alone; return the bound of its cost, None where there is no time for it."""
    seconds = min(LOT_SECONDS, hunt.deadline - monotonic())
    if seconds <= 0:
        return None
    columns = sorted(prices)
    places = {column: place for place, column in enumerate(columns)}
    alone = Program()
    for column in columns:
        alone.column(column, upper=program.uppers[column], is_whole=program.are_whole[column])
    for row in sorted(rows):
        least, most = program.bounds[row]
        terms: Terms = [(places[column], value) for column, value in program.rows[row]]
        alone.row(terms, least=least, most=most)
    costs = [Fraction(prices[column]) for column in columns]
    found = hunt.engine.run(alone, costs, seconds=seconds, aim=Aim.PROVE)
    return found.bound if found.ending is not Ending.INFEASIBLE else None


def _rows_inside(program: Program, lots: Sequence[tuple[set[int], set[int]]]) -> list[set[int]]:
    """List for each lot the rows that hold nothing but its own columns and its packages'."""
    homes = {column: number for number, (own, _) in enumerate(lots) for column in own}
    inside: list[set[int]] = [set() for _ in lots]
    for row, terms in enumerate(program.rows):
        places = {homes.get(column) for column, _ in terms}
        lot = next((place for place in places if place is not None), None)
        if lot is None or not places <= {lot, None}:
            continue
        _, shared = lots[lot]
        if all(column in shared for column, _ in terms if column not in homes):
            inside[lot].add(row)
    return inside


def _columns_of_lots(model: Model) -> list[tuple[set[int], set[int]]]:
    """List each lot's own columns, and those of packages that it shares with other lots."""
    own: dict[str, set[int]] = defaultdict(set)
    shared: dict[str, set[int]] = defaultdict(set)
    for lot_id, column in _places(model):
        own[lot_id].add(column)
    for (_, lot_id), columns in model.packaged.items():
        shared[lot_id].update(columns)
    return [(own[lot_id], shared[lot_id]) for lot_id in sorted(own)]


def _places(model: Model) -> Iterator[tuple[str, int]]:
    bids = {bid.id: bid.lot_id for bid in model.problem.bids}
    for key, column in model.program.keys.items():
        match key:
            case ("part" | "left", int(index), *_):
                yield model.cells[index].lot_id, column
            case ("switch", str(bid_id), _):
                yield bids[bid_id], column
            case ("switching" | "empty", str(lot_id)) | ("win", str(_), str(lot_id)):
                yield lot_id, column
