"""Two engines: which one a purchase is given to, and that both find the same award."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from services.bids.domain.winners.problem import Granularity, Package, Problem, Vendor
from services.bids.domain.winners.tasks import Answer, EngineName, Status, Task
from services.bids.ports.winners import SearchFailed
from services.bids.solver.choice import PACKAGES_MIN, engine_for
from services.bids.solver.engine import BeyondRange
from services.bids.solver.problem_file import task_of
from services.bids.solver.processes import SolverProcesses
from services.bids.solver.search import solve
from tests.unit.purchases import THREE, bid, exhaustive, lot, problem, small_tasks

SolveByCpSat = Callable[[Task], Answer]

LOTS = tuple(lot(f"l{number}", 1, granularity=Granularity.WHOLE) for number in range(4))
"""Four lots: packages of one lot in common on average are dense."""


@pytest.fixture(scope="module")
def solve_by_cp_sat() -> Iterator[SolveByCpSat]:
    """Lend a process that holds CP-SAT, beside this one, which holds HiGHS."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        yield lambda task: pool.submit(solve, task, engine_name=EngineName.CP_SAT).result()


def packaged(*, packages: int, size: int) -> Problem:
    """Offer packages of so many lots each, all with the first lot and the ones that follow it."""
    vendors = (Vendor(id="ann"),)
    names = [each.id for each in LOTS]
    offered = tuple(
        Package(
            id=f"p{number}",
            vendor_id="ann",
            lot_ids=frozenset(names[(number + step) % len(names)] for step in range(size)),
            price=Fraction(10 + number),
        )
        for number in range(packages)
    )
    return problem(lots=LOTS, vendors=vendors, packages=offered)


DENSE = packaged(packages=PACKAGES_MIN, size=2)


# The choice ----------------------------------------------------------------------------------


def test_dense_packages_go_to_cp_sat() -> None:
    assert engine_for(DENSE) is EngineName.CP_SAT


@pytest.mark.parametrize(
    "stated",
    [
        packaged(packages=PACKAGES_MIN - 1, size=2),
        packaged(packages=PACKAGES_MIN, size=1),
        replace(DENSE, free_disposal=True),
        replace(DENSE, bids=tuple(bid(f"v{n}", "l0", "1") for n in range(PACKAGES_MIN + 1))),
        replace(DENSE, lots=(replace(LOTS[0], granularity=Granularity.SPLIT), *LOTS[1:])),
        THREE,
    ],
)
def test_everything_else_goes_to_highs(stated: Problem) -> None:
    assert engine_for(stated) is EngineName.HIGHS


async def test_answer_says_which_engine_searched() -> None:
    dense = await SolverProcesses().solve(Task(problem=DENSE, seconds=20))
    plain = await SolverProcesses().solve(Task(problem=THREE, seconds=20))

    assert (dense.status, dense.engine) == (Status.OPTIMAL, EngineName.CP_SAT)
    assert (plain.status, plain.engine) == (Status.OPTIMAL, EngineName.HIGHS)


async def test_killed_engine_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    spawn = asyncio.create_subprocess_exec

    async def kill_at_once(*command: str, **options: Any) -> asyncio.subprocess.Process:
        process = await spawn(*command, **options)
        process.kill()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", kill_at_once)

    with pytest.raises(SearchFailed):
        await SolverProcesses(engine_name=EngineName.CP_SAT).solve(Task(problem=DENSE))


# What both prove -----------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(task=small_tasks())
def test_cp_sat_equals_exhaustive_search(solve_by_cp_sat: SolveByCpSat, task: Task) -> None:
    best = exhaustive(task)

    answer = solve_by_cp_sat(task)

    assert (None if answer.costs is None else answer.costs.ranked) == best
    assert answer.status is (Status.INFEASIBLE if best is None else Status.OPTIMAL)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(task=small_tasks())
def test_both_engines_choose_the_same_award(solve_by_cp_sat: SolveByCpSat, task: Task) -> None:
    by_highs, by_cp_sat = solve(task), solve_by_cp_sat(task)

    assert replace(by_cp_sat, engine=EngineName.HIGHS) == by_highs


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name",
    [
        "bracken_mccormick_bid",
        "packages_scp41",
        "packages_scp51",
        "single_award_p1",
        "single_award_p6",
        "split_award_cap71",
    ],
)
def test_cp_sat_never_contradicts_a_published_optimum(
    solve_by_cp_sat: SolveByCpSat, real_data: Path, name: str
) -> None:
    text = (real_data / "winners" / f"{name}.json").read_text()
    optimum = Fraction(json.loads(text)["optimum"])

    answer = solve_by_cp_sat(task_of(text, seconds=12))

    assert answer.costs is not None
    assert answer.bound is not None
    assert answer.bound <= optimum <= answer.costs.ranked
    assert not answer.is_proven or answer.costs.ranked == optimum


# What CP-SAT cannot count --------------------------------------------------------------------


def beyond_range() -> Task:
    """Price so high, and beside it so finely, that no 64 bits hold the sum of all costs."""
    high, fine = bid("ann", "milk", f"{10**15}"), bid("bob", "milk", f"1.{'0' * 15}1")
    return Task(problem=problem(high, fine, lots=(lot("milk", 100, 50),)), seconds=20)


def test_cp_sat_refuses_what_it_cannot_count(solve_by_cp_sat: SolveByCpSat) -> None:
    with pytest.raises(BeyondRange):
        solve_by_cp_sat(beyond_range())


async def test_highs_takes_what_cp_sat_cannot_count() -> None:
    answer = await SolverProcesses(engine_name=EngineName.CP_SAT).solve(beyond_range())

    assert answer.engine is EngineName.HIGHS
    assert answer.award is not None
