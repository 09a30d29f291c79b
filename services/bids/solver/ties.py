"""Settle which of several awards that cost the same is chosen: by weights drawn from the seed.

Others are looked for by cost, one after another, which is fast where there are few. Only where
there are many, or where shares are parted, is weight what is minimised.
"""

from collections import defaultdict
from time import monotonic
from typing import Final

from services.bids.domain.winners.tasks import WEIGHT_MAX, weigher
from services.bids.solver.engine import Aim, Ending
from services.bids.solver.hunt import HALF, Found, Hunt
from services.bids.solver.narrow import Relaxation
from services.bids.solver.program import Program, Terms

LISTED_MAX: Final = 3
"""So many other awards that cost the same are listed one by one before weight is minimised: one
more search by cost is far faster than one by weight."""


def chosen_by_weight(hunt: Hunt, found: Found, relaxation: Relaxation | None) -> Found | None:
    """Among the awards that cost what `found` does, find the lightest; None if time runs out."""
    most = hunt.ceiling(found)
    narrowed = hunt.model.program if relaxation is None else relaxation.narrowed(float(most))
    others = narrowed.copied()
    known = [found]
    while len(known) <= LISTED_MAX and exclude(hunt, others, known[-1]):
        run = hunt.run(others, aim=Aim.PROVE, cutoff=float(most))
        if run.ending is Ending.INFEASIBLE:
            return min(known, key=lambda each: _weight(hunt, each))
        other = hunt.read(run)
        if other is None or other.cost != found.cost:
            break
        known.append(other)
    return _lightest(hunt, narrowed, known[-1])


def _lightest(hunt: Hunt, narrowed: Program, found: Found) -> Found | None:
    """Minimise weight among the awards that cost as little as the one that was found."""
    as_cheap = narrowed.copied()
    terms: Terms = [(column, cost) for column, cost in enumerate(hunt.costs) if cost]
    as_cheap.row(terms, most=hunt.ceiling(found))
    run = hunt.engine.run(
        as_cheap, weights_of(hunt), seconds=hunt.deadline - monotonic(), start=found.values
    )
    lightest = hunt.read(run) if run.ending is Ending.OPTIMAL else None
    return lightest if lightest is not None and lightest.cost == found.cost else None


def exclude(hunt: Hunt, program: Program, found: Found) -> bool:
    """Ask for an award that assigns otherwise; False, and nothing, where shares are parted."""
    columns, count = _chosen(hunt, found)
    if any(not program.are_whole[column] or program.uppers[column] > 1 for column in columns):
        return False
    program.row([(column, 1) for column in columns], most=count - 1)
    return True


def _chosen(hunt: Hunt, found: Found) -> tuple[list[int], int]:
    """List the columns that say what is awarded, and how many of them are 1.

    At an edge of graduated tiers either tier's columns say the same award, so both are listed.
    """
    places: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for key, column in hunt.model.program.keys.items():
        if key[0] in {"part", "package", "left"}:
            places[key[:3]].append(column)
    on = [columns for columns in places.values() if any(found.values[c] > HALF for c in columns)]
    return [column for columns in on for column in columns], len(on)


def _weight(hunt: Hunt, found: Found) -> int:
    """Weigh an award whose cells are not parted."""
    weights = weights_of(hunt)
    return sum(weight for weight, value in zip(weights, found.values, strict=True) if value > HALF)


def weights_of(hunt: Hunt) -> list[int]:
    """Weigh each part and package by its offer's own draw; what is left weighs most."""
    weight = weigher(hunt.task.seed)
    model = hunt.model
    weights = [0] * len(model.program.costs)
    for key, column in model.program.keys.items():
        match key:
            case ("part", int(index), str(bid_id), _):
                cell = model.cells[index]
                weights[column] = weight(f"{bid_id}\n{cell.lot_id}\n{cell.district_id or ''}")
            case ("package", str(package_id)):
                weights[column] = weight(package_id)
            case ("left", *_):
                weights[column] = WEIGHT_MAX + 1
    return weights
