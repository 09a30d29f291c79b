"""Measure winner determination: generated purchases, each solved to proof in a process of its own.

`python -m benchmarks.winners` solves twenty purchases of 50 lots, 20 vendors, 10 districts, with
tiers, packages and limits, from fixed seeds, and one of 200 lots, 50 vendors and 10 districts;
every district's share of a lot goes to one vendor. The time is that of a search from beginning to
end: the process's start, both stages, and the exact check. Beside it stands the processor's time,
which other load on the machine does not lengthen as much.
"""

import asyncio
import json
import random
import resource
import statistics
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Final

from services.bids.domain.winners.problem import (
    Bid,
    Granularity,
    Lot,
    Package,
    Problem,
    Share,
    Tier,
    TierMode,
    Vendor,
)
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.tasks import Answer, Task
from services.bids.domain.winners.written import rounded_up
from services.bids.solver.processes import SolverProcesses

SAVED: Final = Path("build/bench/winners.json")

INSTANCES: Final = 20
SECONDS: Final = 60
LARGE_SECONDS: Final = 300
DISTRICTS: Final = 10
BID_CHANCE: Final = 0.5
E4: Final = 10_000
GAP_PLACES: Final = 9


@dataclass(frozen=True, slots=True)
class Size:
    """How large a purchase is generated."""

    lots: int
    vendors: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One search: its time and what it came to."""

    seed: int
    seconds: float
    cpu_seconds: float
    answer: Answer


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    measured = [_solved(Size(50, 20), seed, SECONDS) for seed in range(INSTANCES)]
    large = _solved(Size(200, 50), 0, LARGE_SECONDS)
    times = [each.seconds for each in measured]
    figures: dict[str, object] = {
        "seconds_p50": round(statistics.median(times), 2),
        "seconds_max": round(max(times), 2),
        "cpu_seconds_p50": round(statistics.median(each.cpu_seconds for each in measured), 2),
        "cpu_seconds_max": round(max(each.cpu_seconds for each in measured), 2),
        "proven": sum(each.answer.is_proven for each in measured),
        "instances": len(measured),
        "ties_settled": sum(each.answer.ties_settled for each in measured),
        "large_seconds": round(large.seconds, 2),
        "large_gap": _gap(large.answer),
    }
    SAVED.parent.mkdir(parents=True, exist_ok=True)
    SAVED.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, figure in figures.items():
        print(f"{name:16} {figure!s:>10}")
    return figures


def _solved(size: Size, seed: int, seconds: int) -> Measured:
    task = replace(generate(size, seed), seconds=seconds)
    began, worked = perf_counter(), _children_s()
    answer = asyncio.run(SolverProcesses().solve(task))
    measured = Measured(seed, perf_counter() - began, _children_s() - worked, answer)
    print(
        f"{size.lots:4} lots  seed {seed:2}  {measured.seconds:7.2f} s"
        f"  cpu {measured.cpu_seconds:7.2f} s  {answer.status:10}"
        f"  gap {_gap(answer)}"
    )
    return measured


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _gap(answer: Answer) -> str:
    """Write the gap as a share of the cost, rounded up; "0" is a proof."""
    if answer.gap is None or answer.costs is None:
        return "none"
    share = answer.gap / answer.costs.ranked
    return rounded_up(share, places=GAP_PLACES) if share else "0"


def generate(size: Size, seed: int) -> Task:
    """Generate a purchase: prices follow a lot's and a vendor's own level, with noise."""
    draw = random.Random(seed)
    districts = [f"d{number:02}" for number in range(DISTRICTS)]
    levels = {f"v{number:03}": draw.uniform(0.9, 1.1) for number in range(size.vendors)}
    bases = [draw.randint(2 * E4, 50 * E4) for _ in range(size.lots)]
    lots = tuple(_lot(draw, number, base, districts) for number, base in enumerate(bases))
    bids = tuple(
        _bid(draw, lot, vendor_id, base * level)
        for lot, base in zip(lots, bases, strict=True)
        for vendor_id, level in levels.items()
        if draw.random() < min(BID_CHANCE, 10 / size.vendors)
    )
    total = sum(lot.quantity for lot in lots)
    vendors = tuple(_vendor(draw, vendor_id, districts, total=total) for vendor_id in levels)
    packages = _packages(draw, lots, bases, levels)
    rules = _rules(draw, lots, size)
    problem = Problem(lots=lots, vendors=vendors, bids=bids, packages=packages)
    return Task(problem=problem, rules=rules, seed=str(seed), seconds=SECONDS)


def _lot(draw: random.Random, number: int, base: int, districts: list[str]) -> Lot:
    shares = tuple(
        Share(district_id=district, quantity=draw.randint(50, 2_000)) for district in districts
    )
    return Lot(
        id=f"l{number:03}",
        shares=shares,
        granularity=Granularity.DISTRICT,
        reserve=Fraction(int(base * 1.5), E4),
    )


def _vendor(draw: random.Random, vendor_id: str, districts: list[str], *, total: int) -> Vendor:
    served = None
    if draw.random() < 1 / 2:
        served = frozenset(draw.sample(districts, draw.randint(6, len(districts))))
    return Vendor(
        id=vendor_id,
        capacity=int(total * draw.uniform(0.1, 0.4)),
        minimum=1_000,
        participation_cost=Fraction(draw.randint(500, 5_000)),
        serves=served,
    )


def _bid(draw: random.Random, lot: Lot, vendor_id: str, level: float) -> Bid:
    """Price a lot in one to four tiers, each 1 to 4 % below the one before."""
    edges = sorted(draw.sample(range(1_000, lot.quantity, 100), draw.randint(0, 3)))
    price, tiers = level * draw.uniform(0.93, 1.07), []
    for lower, upper in zip(
        [1, *edges], [*(edge - 1 for edge in edges), lot.quantity], strict=True
    ):
        tiers.append(Tier(lower=lower, upper=upper, unit_price=Fraction(round(price), E4)))
        price *= draw.uniform(0.96, 0.99)
    is_graduated = draw.random() < 0.3
    return Bid(
        id=f"{lot.id}:{vendor_id}",
        vendor_id=vendor_id,
        lot_id=lot.id,
        tiers=tuple(tiers),
        mode=TierMode.GRADUATED if is_graduated else TierMode.ALL_UNITS,
        setup_cost=Fraction(draw.randint(0, 300)) if is_graduated else Fraction(0),
    )


def _packages(
    draw: random.Random, lots: tuple[Lot, ...], bases: list[int], levels: dict[str, float]
) -> tuple[Package, ...]:
    """Offer two to five lots whole, 4 to 12 % below the vendor's level; some exclude each other."""
    packages = []
    for number in range(len(lots) // 4):
        vendor_id = draw.choice(list(levels))
        chosen = draw.sample(range(len(lots)), draw.randint(2, 5))
        worth = sum(lots[index].quantity * bases[index] for index in chosen)
        price = worth * levels[vendor_id] * draw.uniform(0.88, 0.96)
        packages.append(
            Package(
                id=f"p{number:03}",
                vendor_id=vendor_id,
                lot_ids=frozenset(lots[index].id for index in chosen),
                price=Fraction(round(price / E4 * 100), 100),
                either="one" if draw.random() < 1 / 3 else None,
            )
        )
    return tuple(packages)


def _rules(draw: random.Random, lots: tuple[Lot, ...], size: Size) -> tuple[Rule, ...]:
    """At most three winners a lot; on a tenth of the lots at least two, none above 70 %."""
    rules = [
        Rule(id="winners", kind=RuleKind.MOST_WINNERS, amount=Fraction(size.vendors * 4 // 5)),
    ]
    for lot in lots:
        most = Rule(
            id=f"most:{lot.id}", kind=RuleKind.MOST_WINNERS, amount=Fraction(3), lot_id=lot.id
        )
        rules.append(most)
        if draw.random() < 1 / 10:
            share, least = Fraction(7, 10), Fraction(2)
            rules += [
                Rule(
                    id=f"share:{lot.id}", kind=RuleKind.LARGEST_SHARE, amount=share, lot_id=lot.id
                ),
                Rule(id=f"two:{lot.id}", kind=RuleKind.FEWEST_WINNERS, amount=least, lot_id=lot.id),
            ]
    return tuple(rules)


if __name__ == "__main__":
    main()
