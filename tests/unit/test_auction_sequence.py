"""Lots that are held together: how they are laid out, and which of them an extension moves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.auctions.domain.ruleset import CloseScope, LotOrder
from services.auctions.domain.sequence import Extension, LotTimes, moved, planned
from tests.unit.auction_room import RULES

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STAGGERED = replace(RULES, lots=LotOrder.STAGGERED)
LOTS = [
    LotTimes(UUID(int=place), place, TEN - 30 * MINUTE, TEN + place * MINUTE) for place in (1, 2, 3)
]
SERIAL_LOTS = [
    LotTimes(UUID(int=place), place, TEN + (place - 1) * MINUTE, TEN + place * MINUTE)
    for place in (1, 2, 3)
]
SECOND_BY_TWO = Extension(UUID(int=2), TEN + 2 * MINUTE, TEN + 4 * MINUTE)


def closes(lots: list[LotTimes]) -> list[tuple[int, str]]:
    return [(lot.position, f"{lot.closes_at:%H:%M}") for lot in lots]


def test_staggered_lots_close_at_10_01_10_02_and_10_03() -> None:
    times = planned(3, order=LotOrder.STAGGERED, opens_at=TEN, runs_for=MINUTE, gap=MINUTE)

    assert [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in times] == [
        "10:00-10:01",
        "10:00-10:02",
        "10:00-10:03",
    ]


@pytest.mark.parametrize(
    ("order", "second"), [(LotOrder.SERIAL, "10:03-10:04"), (LotOrder.PARALLEL, "10:00-10:01")]
)
def test_serial_lots_follow_each_other_and_parallel_ones_run_together(
    order: LotOrder, second: str
) -> None:
    times = planned(2, order=order, opens_at=TEN, runs_for=MINUTE, gap=2 * MINUTE)

    assert "{:%H:%M}-{:%H:%M}".format(*times[1]) == second


def test_one_lot_extended_does_not_move_the_others() -> None:
    assert moved(LOTS, SECOND_BY_TWO, STAGGERED) == []


def test_an_extension_moves_the_lots_behind_it_where_the_rules_say_so() -> None:
    rules = replace(STAGGERED, extension_moves_next=True)

    assert closes(moved(LOTS, SECOND_BY_TWO, rules)) == [(3, "10:05")]


def test_an_extension_of_all_lots_moves_every_other() -> None:
    rules = replace(STAGGERED, soft_close_scope=CloseScope.ALL)

    assert closes(moved(LOTS, SECOND_BY_TWO, rules)) == [(1, "10:03"), (3, "10:05")]


def test_a_serial_lot_behind_moves_with_its_opening() -> None:
    rules = replace(RULES, lots=LotOrder.SERIAL, extension_moves_next=True)

    (third,) = moved(SERIAL_LOTS, SECOND_BY_TWO, rules)

    assert (third.opens_at, third.closes_at) == (TEN + 4 * MINUTE, TEN + 5 * MINUTE)
