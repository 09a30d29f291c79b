"""Make a large program small before it is searched, without losing any award that could win.

The relaxation's reduced costs say what a column adds at least to any award that uses it. A column
that adds more than what lies between the relaxation and a known award is in no better award. To
make that difference small, each lot is solved alone under the prices that the relaxation puts on
what lots share, and its cost there becomes a row. Source: Geoffrion 1974, Lagrangean relaxation;
Dantzig, Fulkerson and Johnson 1954, fixing by reduced costs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from time import monotonic
from typing import Final

from services.bids.solver.engine import Aim, Ending, Run
from services.bids.solver.hunt import Hunt
from services.bids.solver.model import Model
from services.bids.solver.program import Number, Program, Terms

ROUNDS: Final = 1
"""How often lots are priced; a second round was measured to gain nothing."""

LOT_SECONDS: Final = 2.0
"""How long one lot alone is searched; the bound it has by then holds too."""

ROWS_MIN: Final = 8
"""A lot of fewer rows of its own has nothing that the relaxation does not see."""

PARTED: Final = 1e-6
"""A whole column whose value is farther than this from a whole number is in parts."""

MARGIN_SHARE: Final = 1e-7
MARGIN_UNITS: Final = 1.0
"""By how much a lot's bound is lowered, and a column's reduced cost must exceed what it is held
against, before either is believed: above what floats of that size may be wrong by."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A program, and what its relaxation came to with a row for each lot.

    The lots' rows serve to leave columns out. In a search they would only hide, behind one flat
    face, which way is cheaper.
    """

    program: Program
    objective: float
    reduced: Sequence[float]

    def reach(self, distance: float) -> float:
        """Tell what an award costs at most that is so far away, as a share of the cost."""
        return self.objective + distance * abs(self.objective) + 1

    def narrowed(self, most: float) -> Program:
        """Copy the program without the columns of which no award up to `most` has any."""
        gap = max(most - self.objective, 0.0)
        limit = gap + MARGIN_UNITS + abs(most) * MARGIN_SHARE / 100
        copy = self.program.copied()
        for column, reduced in enumerate(self.reduced):
            if copy.are_whole[column] and reduced > limit:
                copy.uppers[column] = 0
        return copy


def relax(hunt: Hunt) -> Relaxation | None:
    """Relax a model, with rows from each lot alone; None where it cannot be, or not in time."""
    model, program = hunt.model, hunt.model.program.copied()
    relaxed = hunt.run(program, aim=Aim.RELAX)
    lots = _columns_of_lots(model)
    for _ in range(ROUNDS if len(lots) > 1 else 0):
        if relaxed.ending is not Ending.OPTIMAL:
            return None
        if not _price_lots(hunt, program, relaxed, lots):
            break
        relaxed = hunt.run(program, aim=Aim.RELAX)
    if relaxed.ending is not Ending.OPTIMAL or relaxed.reduced_costs is None:
        return None
    return Relaxation(model.program, relaxed.objective, relaxed.reduced_costs)


def _price_lots(
    hunt: Hunt, program: Program, relaxed: Run, lots: Sequence[tuple[set[int], set[int]]]
) -> int:
    """Add a row for each lot that costs more alone than the relaxation sees; tell how many.

    A lot whose columns the relaxation has whole costs alone just what is seen, and is passed over.
    """
    values, duals = relaxed.values or [], relaxed.row_duals or []
    parted = {column for column, value in enumerate(values) if abs(value - round(value)) > PARTED}
    inside = _rows_inside(program, lots)
    spread = _spread(program, hunt.costs, duals, set().union(*inside))
    added = 0
    for lot, lot_rows in zip(lots, inside, strict=True):
        if len(lot_rows) < ROWS_MIN or parted.isdisjoint(set().union(*lot)):
            continue
        if monotonic() > hunt.deadline:
            break
        prices = _prices(program, lot, lot_rows, (spread, duals))
        bound = _alone(hunt, program, prices, lot_rows)
        reached = sum(price * values[column] for column, price in prices.items())
        if bound is not None and bound > reached + MARGIN_UNITS:
            _add_row(program, prices, bound)
            added += 1
    return added


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


def _add_row(program: Program, prices: dict[int, float], bound: float) -> None:
    """Let a lot cost what it costs alone at least, less the margin of floats."""
    largest = max(abs(price) for price in prices.values())
    least = Fraction(bound - abs(bound) * MARGIN_SHARE - MARGIN_UNITS) / Fraction(largest)
    terms: Terms = [(column, Fraction(price / largest)) for column, price in prices.items()]
    program.row(terms, least=least)


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
    """Search one lot alone; return the bound of its cost."""
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
    found = hunt.engine.run(alone, costs, seconds=LOT_SECONDS)
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
