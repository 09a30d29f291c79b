"""Programs made small: what a column adds, and with its tier; rows that say nothing."""

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings

from services.bids.domain.winners.tasks import Task
from services.bids.solver import narrow, search
from services.bids.solver.model import TierColumns
from services.bids.solver.narrow import Relaxation
from services.bids.solver.program import Program
from services.bids.solver.search import solve
from tests.unit.purchases import exhaustive, small_tasks

SWITCH, TEN, TWENTY = range(3)


@pytest.mark.parametrize(
    ("gap", "kept"),
    [
        pytest.param(440, set(), id="fifteen_units_add_450_at_least"),
        pytest.param(500, set(), id="ten_units_add_550_with_what_they_need_and_twenty_600"),
        pytest.param(560, set(), id="ten_alone_do_not_reach_fifteen"),
        pytest.param(610, {SWITCH, TEN, TWENTY}, id="all_may_be_used"),
    ],
)
def test_tier_is_left_out_whose_least_quantity_adds_too_much(gap: int, kept: set[int]) -> None:
    relaxation = _relaxation(added=(0, 400, 600), least=15)

    narrowed = relaxation.narrowed(10_000 + gap)

    assert _kept(narrowed) == kept


def test_part_is_left_out_that_adds_too_much_with_the_rest_of_its_tier() -> None:
    relaxation = _relaxation(added=(100, 400, 300), least=15)

    narrowed = relaxation.narrowed(10_500)

    assert _kept(narrowed) == {SWITCH, TWENTY}


def test_what_a_lot_costs_more_alone_is_not_asked_twice_of_its_columns() -> None:
    relaxation = _relaxation(added=(0, 400, 600), least=15, lift=200)

    assert _kept(relaxation.narrowed(10_410)) == {SWITCH, TEN, TWENTY}
    assert _kept(relaxation.narrowed(10_240)) == set()


def test_parts_of_divisible_shares_go_only_with_their_tier() -> None:
    relaxation = _relaxation(added=(0, 400, 600), least=15, are_parts_whole=False)

    assert _kept(relaxation.narrowed(10_460)) == {SWITCH, TEN, TWENTY}
    assert _kept(relaxation.narrowed(10_440)) == set()


def test_counted_steps_go_only_with_their_tier() -> None:
    relaxation = _relaxation(added=(0, 40, 30), least=15, steps=(10, 20))

    assert _kept(relaxation.narrowed(10_460)) == {SWITCH, TEN, TWENTY}
    assert _kept(relaxation.narrowed(10_440)) == set()


def test_rows_of_columns_that_are_left_out_go_with_them() -> None:
    relaxation = _relaxation(added=(0, 400, 600), least=15)
    relaxation.program.row([(TEN, 1), (SWITCH, -1)], most=0)

    assert len(relaxation.narrowed(10_610).rows) == 1
    assert relaxation.narrowed(10_440).rows == []


def test_rows_that_hold_whatever_is_left_of_them_are_left_out() -> None:
    program = Program()
    one, other = program.column("one"), program.column("other")
    program.row([(one, 1), (other, 1)], most=2)
    program.row([(one, 1), (other, 1)], most=1)
    program.row([(one, Fraction(1, 2)), (other, -1)], least=0)
    program.row([(one, 1)], least=1)
    program.row([], least=1)
    program.uppers[other] = 0

    program.drop_idle_rows()

    assert program.rows == [[(one, 1)], []]
    assert program.bounds == [(1, None), (1, None)]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(task=small_tasks())
def test_no_award_that_could_win_is_lost(monkeypatch: pytest.MonkeyPatch, task: Task) -> None:
    monkeypatch.setattr(search, "NARROW_FROM", 0)
    monkeypatch.setattr(narrow, "ROWS_MIN", 0)
    best = exhaustive(task)

    answer = solve(task)

    assert (None if answer.costs is None else answer.costs.ranked) == best


def _relaxation(
    *,
    added: tuple[float, float, float],
    least: int,
    lift: float = 0.0,
    are_parts_whole: bool = True,
    steps: tuple[int, int] = (1, 1),
) -> Relaxation:
    """Make a tier of two parts, of ten and of twenty units, in one step or counted."""
    program = Program()
    program.column("switch")
    ten, twenty = steps
    program.column("ten", upper=ten, is_whole=are_parts_whole)
    program.column("twenty", upper=twenty, is_whole=are_parts_whole)
    tier = TierColumns(SWITCH, [(TEN, 10 // ten), (TWENTY, 20 // twenty)], least)
    return Relaxation(program, [tier], objective=10_000, reduced=added, lifts=[lift] * 3)


def _kept(program: Program) -> set[int]:
    return {column for column, upper in enumerate(program.uppers) if upper}
