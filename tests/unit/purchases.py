"""Purchases to award: small ones to build on, drawn ones, and every award that one could have."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from services.bids.domain.winners.award import Award, Left, Line, Outcome
from services.bids.domain.winners.check import violations
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
    cells_of,
)
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.tasks import Task


def lot(lot_id: str, *quantities: int, **changes: Any) -> Lot:
    shares = tuple(
        Share(district_id=f"d{place}", quantity=quantity)
        for place, quantity in enumerate(quantities)
    )
    return Lot(id=lot_id, shares=shares, **{"granularity": Granularity.DISTRICT, **changes})


def bid(vendor_id: str, lot_id: str, price: str) -> Bid:
    tier = Tier(lower=1, upper=10_000, unit_price=Fraction(price))
    return Bid(id=f"{lot_id}:{vendor_id}", vendor_id=vendor_id, lot_id=lot_id, tiers=(tier,))


def problem(*bids: Bid, lots: tuple[Lot, ...], **changes: Any) -> Problem:
    vendors = tuple(Vendor(id=name) for name in sorted({each.vendor_id for each in bids}))
    return Problem(**{"lots": lots, "vendors": vendors, "bids": bids, **changes})


THREE = problem(
    bid("ann", "milk", "2"),
    bid("bob", "milk", "2.1"),
    bid("cid", "milk", "2.3"),
    lots=(lot("milk", 100, 50),),
)


@st.composite
def small_tasks(draw: st.DrawFn) -> Task:
    """Draw a purchase of two lots, two districts and three vendors, with everything that binds."""
    quantities = st.integers(1, 9)
    lots = tuple(
        lot(
            name,
            draw(quantities),
            draw(quantities),
            granularity=draw(st.sampled_from([Granularity.WHOLE, Granularity.DISTRICT])),
            reserve=draw(st.sampled_from([None, Fraction(9)])),
            incumbent_id=draw(st.sampled_from([None, "a"])),
            switching_cost=Fraction(draw(st.integers(0, 5))),
        )
        for name in ("l0", "l1")
    )
    vendors = tuple(
        Vendor(
            id=name,
            capacity=draw(st.sampled_from([None, 10, 20])),
            minimum=draw(st.sampled_from([0, 4])),
            participation_cost=Fraction(draw(st.integers(0, 9))),
            serves=draw(st.sampled_from([None, frozenset({"d0"})])),
        )
        for name in "abc"
    )
    bids = tuple(drawn for each in lots for name in "abc" for drawn in draw(_offers(each.id, name)))
    packages = draw(st.lists(_packages(), max_size=2, unique_by=lambda each: each.id))
    rules = draw(st.lists(_rules(), max_size=2, unique_by=lambda rule: rule.kind))
    drawn_problem = Problem(lots=lots, vendors=vendors, bids=bids, packages=tuple(packages))
    return Task(problem=drawn_problem, rules=tuple(rules), seed=str(draw(st.integers(0, 3))))


@st.composite
def _offers(draw: st.DrawFn, lot_id: str, vendor_id: str) -> list[Bid]:
    """Draw none, one bid, or two alternates, in one tier or two."""
    bids = []
    for place in range(draw(st.integers(0, 2))):
        edge, price = draw(st.integers(2, 9)), draw(st.integers(1, 6))
        tiers = (
            Tier(lower=1, upper=edge, unit_price=Fraction(price)),
            Tier(lower=edge + 1, upper=40, unit_price=Fraction(price, 2)),
        )
        offered = Bid(
            id=f"{lot_id}{vendor_id}{place}",
            vendor_id=vendor_id,
            lot_id=lot_id,
            tiers=tiers[: draw(st.integers(1, 2))],
            mode=draw(st.sampled_from(list(TierMode))),
            setup_cost=Fraction(draw(st.integers(0, 4))),
            factor=draw(st.sampled_from([Fraction(1), Fraction(4, 5)])),
            score=Fraction(draw(st.integers(1, 3))),
        )
        bids.append(offered)
    return bids


@st.composite
def _packages(draw: st.DrawFn) -> Package:
    name = draw(st.sampled_from(["p", "q"]))
    return Package(
        id=name,
        vendor_id=draw(st.sampled_from("abc")),
        lot_ids=draw(st.sampled_from([frozenset({"l0"}), frozenset({"l0", "l1"})])),
        price=Fraction(draw(st.integers(1, 60))),
        either=draw(st.sampled_from([None, "one"])),
        score=Fraction(2),
    )


@st.composite
def _rules(draw: st.DrawFn) -> Rule:
    kind, amount, lot_id, vendor_id = draw(
        st.sampled_from(
            [
                (RuleKind.MOST_WINNERS, Fraction(1), None, None),
                (RuleKind.MOST_WINNERS, Fraction(1), "l0", None),
                (RuleKind.FEWEST_WINNERS, Fraction(2), "l1", None),
                (RuleKind.FEWEST_WINNERS, Fraction(2), None, None),
                (RuleKind.LARGEST_SHARE, Fraction(3, 5), "l0", None),
                (RuleKind.LARGEST_SHARE, Fraction(1, 2), None, "a"),
                (RuleKind.SMALLEST_SHARE, Fraction(2, 5), "l1", None),
                (RuleKind.SMALLEST_SHARE, Fraction(2, 5), None, None),
                (RuleKind.BUDGET, Fraction(50), None, None),
                (RuleKind.BUDGET, Fraction(30), "l0", None),
                (RuleKind.MINIMUM_SPEND, Fraction(12), None, None),
                (RuleKind.MINIMUM_SCORE, Fraction(2), None, None),
                (RuleKind.BARRED, Fraction(0), "l0", "b"),
                (RuleKind.REQUIRED, Fraction(0), None, "c"),
                (RuleKind.ALL_AWARDED, Fraction(0), "l0", None),
            ]
        )
    )
    return Rule(id=kind, kind=kind, amount=amount, lot_id=lot_id, vendor_id=vendor_id)


def exhaustive(task: Task) -> Fraction | None:
    """Try every award; return the least cost of those that the exact check lets pass."""
    costs = [
        Outcome(task.problem, award).costs().ranked
        for award in _every_award(task.problem)
        if not violations(task.problem, task.rules, award)
    ]
    return min(costs, default=None)


def _every_award(stated: Problem) -> Iterator[Award]:
    names = [package.id for package in stated.packages]
    for count in range(len(names) + 1):
        for chosen in itertools.combinations(names, count):
            taken = [each.lot_ids for each in stated.packages if each.id in chosen]
            covered: frozenset[str] = frozenset().union(*taken)
            if sum(map(len, taken)) == len(covered):
                yield from _every_rest(stated, chosen, covered)


def _every_rest(
    stated: Problem, chosen: tuple[str, ...], covered: frozenset[str]
) -> Iterator[Award]:
    cells = [cell for each in stated.lots if each.id not in covered for cell in cells_of(each)]
    choices = [
        [None, *(each.id for each in stated.bids if each.lot_id == cell.lot_id)] for cell in cells
    ]
    for picked in itertools.product(*choices):
        pairs = list(zip(cells, picked, strict=True))
        yield Award(
            lines=tuple(
                Line(cell.lot_id, cell.district_id, bid_id, cell.quantity)
                for cell, bid_id in pairs
                if bid_id is not None
            ),
            package_ids=chosen,
            left=tuple(
                Left(cell.lot_id, cell.district_id, cell.quantity)
                for cell, bid_id in pairs
                if bid_id is None
            ),
        )
