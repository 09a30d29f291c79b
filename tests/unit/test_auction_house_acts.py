"""What the house does to an auction's times, and how it ends alone or above a reserve."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.auctions.domain.auction import (
    AuctionNotOpen,
    Status,
    decide,
    due,
)
from services.auctions.domain.commands import (
    GiveBack,
    MoveClose,
    Step,
)
from services.auctions.domain.refused import (
    CloseNotMoved,
    CommandNotInFormat,
)
from services.auctions.domain.rules import Rules
from services.auctions.domain.ruleset import FormatName, OneBidder
from tests.unit.auction_room import (
    ANN,
    BOB,
    BUYER,
    CAT,
    CLOSES,
    INSTANT,
    OPENS,
    RULES,
    Room,
    auction,
    e4,
    minutes,
    room,
    ticker,
    turns,
)


def test_time_for_which_nobody_wrote_is_given_back() -> None:
    live = room()
    back = GiveBack(party_id=BUYER, away=minutes(7))

    live.fold(decide_raw(live, back, CLOSES + minutes(2)), CLOSES + minutes(2))

    assert live.state.closes_at == CLOSES + minutes(7)
    live.offer(ANN, "9", CLOSES + minutes(2))


def decide_raw(live: Room, command: GiveBack, at: datetime) -> tuple[Step, ...]:
    """Decide before what time has brought about, as a desk does that takes over."""
    return decide(live.state, command, at=at)


def test_no_more_time_is_given_back_than_has_run_since_the_opening() -> None:
    live = Room(auction())
    back = GiveBack(party_id=BUYER, away=minutes(30))

    with pytest.raises(AuctionNotOpen):
        decide_raw(live, back, OPENS)
    live.fold(decide_raw(live, back, OPENS + minutes(3)), OPENS + minutes(3))

    assert (live.state.opens_at, live.state.closes_at) == (OPENS + minutes(3), CLOSES + minutes(3))


@pytest.mark.parametrize("rules", [ticker(FormatName.JAPANESE, "10", "1"), turns(1)])
def test_levels_and_turns_begin_after_an_opening_that_nobody_saw(rules: Rules) -> None:
    live = Room(auction(rules))
    at = OPENS + minutes(5)
    live.fold(due(live.state, at=at), at)

    live.fold(decide_raw(live, GiveBack(party_id=BUYER, away=minutes(4.9)), at), at)
    live.wait(at + minutes(1) - INSTANT)

    assert live.state.format.due_at(live.state) == at + minutes(1)
    assert live.state.closes_at == CLOSES + minutes(5)


def test_an_outage_voids_the_level_under_way_and_lets_it_run_anew() -> None:
    live = room(ticker(FormatName.JAPANESE, "10", "1"))
    for vendor in (ANN, BOB):
        live.accept(vendor, "10")
    live.accept(ANN, "9", OPENS + minutes(1))
    at = OPENS + minutes(5)

    live.fold(decide_raw(live, GiveBack(party_id=BUYER, away=minutes(3)), at), at)

    assert live.price(ANN) == "10.00"
    live.accept(ANN, "9", at + minutes(1) - INSTANT)
    assert live.wait(at + minutes(1))


def test_an_outage_gives_a_turn_its_rest_back() -> None:
    live = room(turns(1))
    live.offer(CAT, "9", OPENS + timedelta(seconds=30))
    at = OPENS + minutes(5)

    live.fold(decide_raw(live, GiveBack(party_id=BUYER, away=minutes(4.5)), at), at)

    live.offer(CAT, "8", at + timedelta(seconds=30) - INSTANT)


def test_a_lots_times_move_with_anothers_once() -> None:
    live = room()
    command = MoveClose(party_id=BUYER, closes_at=CLOSES + minutes(1), reason="lot 1")

    live.do(command)

    assert live.state.closes_at == CLOSES + minutes(1)
    with pytest.raises(CloseNotMoved):
        live.do(command)
    with pytest.raises(CommandNotInFormat):
        room(turns(1)).do(command)


def test_a_lot_that_has_not_opened_moves_as_a_whole() -> None:
    live = Room(auction(replace(RULES, hard_stop=minutes(0))))
    command = MoveClose(
        party_id=BUYER, closes_at=CLOSES + minutes(5), opens_at=OPENS + minutes(5), reason="lot 1"
    )

    live.do(command, OPENS - minutes(1))
    live.wait(CLOSES + minutes(5) - INSTANT)

    assert live.state.status is Status.LIVE
    assert live.state.opens_at == OPENS + minutes(5)
    assert live.state.hard_stop_at == CLOSES + minutes(5)


# Fewest bidders and reserves -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one_bidder", "status", "outcome"),
    [
        (OneBidder.CANCEL, Status.CANCELLED, None),
        (OneBidder.REASONABLENESS, Status.CLOSED, "reasonableness"),
    ],
)
def test_one_vendor_alone_at_the_close_ends_as_the_rules_say(
    one_bidder: OneBidder, status: Status, outcome: str | None
) -> None:
    live = room(replace(RULES, one_bidder=one_bidder), (None, None, "9"))

    live.wait(CLOSES)

    assert live.state.status is status
    assert (live.state.closed.outcome if live.state.closed else None) == outcome


@pytest.mark.parametrize(
    ("reserve", "met", "winner"), [("10", True, "Bidder 1"), ("9.9999", False, None)]
)
def test_the_close_says_whether_the_reserve_was_met(
    reserve: str, winner: str | None, *, met: bool
) -> None:
    live = room(reserve_e4=e4(reserve))

    live.wait(CLOSES)

    assert live.state.closed is not None
    assert (live.state.closed.reserve_met, live.state.closed.winner) == (met, winner)
