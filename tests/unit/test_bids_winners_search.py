"""The search: published optima, exhaustive search, order, ties, conflicts, prices that flip."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.bids.domain.winners.award import Award, Left, Outcome
from services.bids.domain.winners.problem import (
    Bid,
    Granularity,
    Package,
    Tier,
    Vendor,
)
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.sensitivity import moved_price
from services.bids.domain.winners.tasks import FlipTask, RunnerUpTask, Status, Task
from services.bids.solver import engine, highs, near, search
from services.bids.solver.hunt import Found, Hunt
from services.bids.solver.inquiries import flip, runner_up
from services.bids.solver.problem_file import task_of
from services.bids.solver.program import Program
from services.bids.solver.search import solve
from tests.unit.purchases import THREE, bid, exhaustive, lot, problem, small_tasks

PUBLISHED: Final = (
    "bracken_mccormick_bid",
    "packages_scp41",
    "packages_scp51",
    "single_award_p1",
    "single_award_p6",
    "split_award_cap71",
)


# Published problems --------------------------------------------------------------------------


@pytest.mark.realdata
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_optimum_is_found_and_proven(name: str, real_data: Path) -> None:
    text = (real_data / "winners" / f"{name}.json").read_text()

    answer = solve(task_of(text))

    assert answer.costs is not None
    assert answer.costs.ranked == Fraction(json.loads(text)["optimum"])
    assert answer.is_proven
    assert answer.gap == 0


@pytest.mark.realdata
def test_published_award_of_the_split_lot_is_found(real_data: Path) -> None:
    task = task_of((real_data / "winners" / "bracken_mccormick_bid.json").read_text())

    answer = solve(task)

    assert answer.award is not None
    quantities = [line.quantity / task.problem.steps_per_unit for line in answer.award.lines]
    assert quantities == [33_000, 165_600, 41_000.48]


# Exhaustive search ---------------------------------------------------------------------------


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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(task=small_tasks())
def test_search_near_the_relaxation_equals_exhaustive_search(
    monkeypatch: pytest.MonkeyPatch, task: Task
) -> None:
    monkeypatch.setattr(search, "NARROW_FROM", 0)
    best = exhaustive(task)

    answer = solve(task)

    assert (None if answer.costs is None else answer.costs.ranked) == best
    monkeypatch.undo()
    assert answer == solve(task)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(task=small_tasks())
def test_dearest_guess_is_not_believed(monkeypatch: pytest.MonkeyPatch, task: Task) -> None:
    monkeypatch.setattr(search, "NARROW_FROM", 0)
    monkeypatch.setattr(near, "DISTANCES", (1e9,))
    monkeypatch.setattr(near, "_guess", _dearest)
    best = exhaustive(task)

    answer = solve(task)

    assert (None if answer.costs is None else answer.costs.ranked) == best


def _dearest(hunt: Hunt, *_: object) -> Found | None:
    dearest = [-cost for cost in hunt.costs]
    return hunt.read(hunt.engine.run(hunt.model.program, dearest, seconds=10))


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
    monkeypatch.setattr(highs, "_read", lambda *_, **__: stopped)
    program = Program()
    program.column("one")

    found = highs.HighsEngine().run(program, [1], seconds=1.0, cutoff=5.0)

    assert (found.ending, found.bound) == (engine.Ending.OUT_OF_TIME, 5.0)
