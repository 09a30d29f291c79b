"""The search: published optima, exhaustive search, order, ties, conflicts, prices that flip."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
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
from services.bids.domain.winners.sensitivity import moved_price
from services.bids.domain.winners.tasks import FlipTask, RunnerUpTask, Status, Task
from services.bids.solver import engine, search
from services.bids.solver.inquiries import flip, runner_up
from services.bids.solver.program import Program
from services.bids.solver.search import solve

PUBLISHED: Final = (
    "bracken_mccormick_bid",
    "packages_scp41",
    "packages_scp51",
    "single_award_p1",
    "single_award_p6",
    "split_award_cap71",
)


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


# Published problems --------------------------------------------------------------------------


def published(told: dict[str, Any]) -> Problem:
    """Put a published problem into the model's words, as its `about` says."""
    steps = 100 if told.get("tier_mode") == "graduated" else 1
    is_split = "may be split" in told["about"]
    granularity = Granularity.SPLIT if is_split else Granularity.WHOLE
    lots = tuple(
        Lot(
            id=each["id"],
            shares=(Share(district_id="d", quantity=int(Fraction(each["quantity"]) * steps)),),
            granularity=granularity,
        )
        for each in told["lots"]
    )
    offers = [*told.get("bids", []), *told.get("packages", [])]
    vendors = {each["vendor"]: Vendor(id=each["vendor"]) for each in offers}
    for each in told.get("vendors", []):
        vendors[each["id"]] = Vendor(
            id=each["id"],
            capacity=int(each["capacity"]),
            participation_cost=Fraction(each["participation_cost"]),
        )
    quantities = {each.id: each.quantity for each in lots}
    return Problem(
        lots=lots,
        vendors=tuple(vendors.values()),
        bids=(*_tiered(told, steps), *_whole_lot(told, quantities)),
        packages=tuple(
            Package(
                id=f"p{place}",
                vendor_id=each["vendor"],
                lot_ids=frozenset(each["lots"]),
                price=Fraction(each["price"]),
            )
            for place, each in enumerate(told.get("packages", []))
        ),
        free_disposal="free disposal" in told["about"],
        steps_per_unit=steps,
    )


def _tiered(told: dict[str, Any], steps: int) -> Iterator[Bid]:
    for place, each in enumerate(told.get("bids", [])):
        tiers = tuple(
            Tier(
                lower=int(Fraction(tier["from"]) * steps),
                upper=int(Fraction(tier["to"]) * steps),
                unit_price=Fraction(tier["unit_price"]),
            )
            for tier in each["tiers"]
        )
        yield Bid(
            id=f"b{place}",
            vendor_id=each["vendor"],
            lot_id=each["lot"],
            tiers=tiers,
            mode=TierMode.GRADUATED,
            setup_cost=Fraction(each["setup_cost"]),
        )


def _whole_lot(told: dict[str, Any], quantities: dict[str, int]) -> Iterator[Bid]:
    for place, each in enumerate(told.get("lot_prices", [])):
        quantity = quantities[each["lot"]]
        price = Fraction(each["price"]) / quantity
        tier = Tier(lower=0, upper=quantity, unit_price=price)
        yield Bid(id=f"l{place}", vendor_id=each["vendor"], lot_id=each["lot"], tiers=(tier,))


@pytest.mark.realdata
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_optimum_is_found_and_proven(name: str, real_data: Path) -> None:
    told = json.loads((real_data / "winners" / f"{name}.json").read_text())

    answer = solve(Task(problem=published(told), seed="seed"))

    assert answer.costs is not None
    assert answer.costs.ranked == Fraction(told["optimum"])
    assert answer.is_proven
    assert answer.gap == 0


@pytest.mark.realdata
def test_published_award_of_the_split_lot_is_found(real_data: Path) -> None:
    told = json.loads((real_data / "winners" / "bracken_mccormick_bid.json").read_text())

    answer = solve(Task(problem=published(told)))

    assert answer.award is not None
    quantities = [line.quantity for line in answer.award.lines]
    assert quantities == [3_300_000, 16_560_000, 4_100_048]


# Exhaustive search ---------------------------------------------------------------------------


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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_tasks())
def test_search_equals_exhaustive_search(task: Task) -> None:
    best = exhaustive(task)

    answer = solve(task)

    assert (None if answer.costs is None else answer.costs.ranked) == best
    assert answer.status is (Status.INFEASIBLE if best is None else Status.OPTIMAL)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_tasks(), st.randoms(use_true_random=False))
def test_order_of_input_changes_nothing(task: Task, shuffled: Any) -> None:
    stated = task.problem
    turned = replace(
        stated,
        lots=tuple(
            replace(each, shares=tuple(shuffled.sample(each.shares, len(each.shares))))
            for each in shuffled.sample(stated.lots, len(stated.lots))
        ),
        vendors=tuple(shuffled.sample(stated.vendors, len(stated.vendors))),
        bids=tuple(shuffled.sample(stated.bids, len(stated.bids))),
        packages=tuple(shuffled.sample(stated.packages, len(stated.packages))),
    )

    assert solve(replace(task, problem=turned, rules=task.rules[::-1])) == solve(task)


def test_narrowed_search_finds_what_the_whole_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule(id="two", kind=RuleKind.FEWEST_WINNERS, amount=Fraction(2), lot_id="l3")
    bids = [
        bid(name, f"l{n}", str(2 + (n * 7 + ord(name)) % 5)) for n in range(6) for name in "abcd"
    ]
    stated = problem(*bids, lots=tuple(lot(f"l{n}", 10 + n, 20, 7) for n in range(6)))
    task = Task(problem=stated, rules=(rule,), seed="s")
    whole = solve(task)
    monkeypatch.setattr(search, "NARROW_FROM", 0)

    assert solve(task) == whole


# Ties ----------------------------------------------------------------------------------------


def test_tie_is_settled_by_the_seed_and_by_nothing_else() -> None:
    stated = problem(
        bid("ann", "milk", "2"), bid("bob", "milk", "2"), lots=(lot("milk", 10, 20, 30, 40),)
    )
    awards = {seed: solve(Task(problem=stated, seed=str(seed))) for seed in range(8)}

    assert all(answer.ties_settled for answer in awards.values())
    assert len({answer.award for answer in awards.values()}) > 1
    assert {answer.costs.ranked for answer in awards.values() if answer.costs} == {200}
    assert solve(Task(problem=stated, seed="3")) == awards[3]


# Conflicts and relaxation --------------------------------------------------------------------


def test_smallest_set_of_conflicting_rules_is_said_in_words() -> None:
    rules = (
        Rule(id="one", kind=RuleKind.MOST_WINNERS, amount=Fraction(1), lot_id="milk"),
        Rule(id="share", kind=RuleKind.LARGEST_SHARE, amount=Fraction(7, 10), lot_id="milk"),
        Rule(id="budget", kind=RuleKind.BUDGET, amount=Fraction(10_000)),
    )

    answer = solve(Task(problem=THREE, rules=rules))

    assert answer.status is Status.INFEASIBLE
    assert answer.conflict is not None
    assert answer.conflict.sentences == (
        "Lot milk is awarded whole.",
        "At most 1 vendors win in lot milk.",
        "Each winner has at most 70 % in lot milk.",
    )


def test_soft_rules_give_way_and_are_named() -> None:
    rules = (
        Rule(id="one", kind=RuleKind.MOST_WINNERS, amount=Fraction(1), lot_id="milk", priority=2),
        Rule(
            id="share",
            kind=RuleKind.LARGEST_SHARE,
            amount=Fraction(7, 10),
            lot_id="milk",
            priority=1,
        ),
    )

    answer = solve(Task(problem=THREE, rules=rules))

    assert answer.relaxed == ("one",)
    assert answer.costs is not None
    assert answer.costs.ranked == 200 + 105


def test_no_award_costs_its_reserve() -> None:
    stated = replace(THREE, lots=(lot("milk", 100, 50, reserve=Fraction("1.9")),))

    answer = solve(Task(problem=stated))

    assert answer.award == Award(left=(Left("milk", "d0", 100), Left("milk", "d1", 50)))
    assert answer.costs is not None
    assert answer.costs.ranked == 285
    assert answer.costs.paid == 0


def test_split_lot_parts_a_share_to_the_unit() -> None:
    vendors = (Vendor(id="ann", capacity=60), Vendor(id="bob", capacity=70), Vendor(id="cid"))
    stated = replace(
        THREE, lots=(lot("milk", 100, 50, granularity=Granularity.SPLIT),), vendors=vendors
    )

    answer = solve(Task(problem=stated))

    assert answer.costs is not None
    assert answer.costs.ranked == 120 + 147 + 46
    assert answer.is_proven


def test_free_disposal_lets_packages_overlap() -> None:
    packages = tuple(
        Package(id=f"p{place}", vendor_id="ann", lot_ids=frozenset(lots), price=Fraction(5))
        for place, lots in enumerate((("a", "b"), ("b", "c")))
    )
    stated = problem(
        lots=(lot("a", 1), lot("b", 1), lot("c", 1)),
        vendors=(Vendor(id="ann"),),
        packages=packages,
    )

    assert solve(Task(problem=stated)).status is Status.INFEASIBLE
    covered = solve(Task(problem=replace(stated, free_disposal=True)))
    assert covered.costs is not None
    assert covered.costs.ranked == 10


# What if -------------------------------------------------------------------------------------


def test_runner_up_costs_what_the_best_without_the_winner_costs() -> None:
    answer = runner_up(RunnerUpTask(task=Task(problem=THREE), lot_id="milk", winners=("ann",)))

    assert answer.costs is not None
    assert answer.costs.ranked == 315


@pytest.mark.parametrize(("vendor", "change"), [("ann", "0.1"), ("bob", "-0.1"), ("cid", "-0.3")])
def test_price_that_flips_is_exact(vendor: str, change: str) -> None:
    found = flip(FlipTask(task=Task(problem=THREE), vendor_id=vendor, lot_id="milk"))

    assert found is not None
    assert found.change == Fraction(change)


def test_smallest_change_flips_and_a_smaller_one_does_not() -> None:
    tiers = (
        Tier(lower=1, upper=99, unit_price=Fraction(3)),
        Tier(lower=100, upper=150, unit_price=Fraction("2.2")),
    )
    tiered = Bid(id="milk:dee", vendor_id="dee", lot_id="milk", tiers=tiers)
    stated = problem(*THREE.bids, tiered, lots=THREE.lots)

    found = flip(FlipTask(task=Task(problem=stated), vendor_id="dee", lot_id="milk"))

    assert found is not None
    assert found.change == Fraction("-0.2")
    for change, wins in ((found.change - Fraction(1, 10_000), True), (Fraction("-0.1999"), False)):
        moved = moved_price(stated, vendor_id="dee", lot_id="milk", change=change)
        answer = solve(Task(problem=moved))
        assert answer.award is not None
        assert ("dee" in Outcome(moved, answer.award).winners) is wins


def test_no_price_lets_a_barred_vendor_win() -> None:
    rule = Rule(id="r", kind=RuleKind.BARRED, vendor_id="bob")
    asked = FlipTask(task=Task(problem=THREE, rules=(rule,)), vendor_id="bob", lot_id="milk")

    assert flip(asked) is None


def test_a_search_cut_off_and_out_of_time_claims_no_bound_beyond_its_cutoff(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = engine.Run(engine.Ending.OUT_OF_TIME, [1.0], bound=9.0, objective=9.0)
    monkeypatch.setattr(engine, "_read", lambda *_, **__: stopped)

    found = engine.run(Program(), [], seconds=1.0, cutoff=5.0)

    assert (found.ending, found.bound) == (engine.Ending.OUT_OF_TIME, 5.0)
