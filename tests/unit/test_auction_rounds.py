"""Rounds of turns: the worst first, each turn secret until it ends; and what no format knows."""

from dataclasses import replace
from datetime import datetime

import pytest

from services.auctions.domain import facts
from services.auctions.domain.auction import OfferTooHigh, Status
from services.auctions.domain.commands import LeaveAuction, SetProxy, WithdrawOffer
from services.auctions.domain.picture import Own, own_of, picture_of
from services.auctions.domain.refused import (
    CommandNotInFormat,
    NothingToWithdraw,
    NotYourTurn,
    ProxiesNotAllowed,
)
from services.auctions.domain.rules import Rules
from services.auctions.domain.ruleset import FormatName
from tests.unit.auction_room import (
    ANN,
    CAT,
    INSTANT,
    OPENS,
    RULES,
    SALT,
    VICKREY,
    Room,
    e4,
    minutes,
    room,
    ticker,
    turns,
    usd,
)

FALLING = ticker(FormatName.JAPANESE, "10", "1")
RISING = replace(ticker(FormatName.DUTCH, "50", "10"), ceiling_e4=e4("150"))


def closed(live: Room) -> facts.Closed:
    fact = live.state.closed
    assert fact is not None
    return fact


def turns_told(live: Room) -> list[tuple[str, datetime]]:
    return [
        (fact.alias, fact.ends_at)
        for _, fact, _, _ in live.log
        if isinstance(fact, facts.TurnBegan)
    ]


def test_in_each_round_the_worst_speaks_first_and_of_equals_the_later() -> None:
    live = room(turns(1), ("10", "12", "10"))

    live.wait(OPENS + minutes(3))

    assert [alias for alias, _ in turns_told(live)] == ["Bidder 2", "Bidder 3", "Bidder 1"]
    assert turns_told(live)[-1][1] == OPENS + minutes(3)
    assert live.state.status is Status.CLOSED


def test_turns_and_pauses_follow_each_other_exactly() -> None:
    live = room(turns(2))

    live.wait(OPENS + minutes(7) - INSTANT)

    assert [ends_at for _, ends_at in turns_told(live)] == [
        OPENS + minutes(count) for count in (1, 2, 3, 5, 6, 7)
    ]
    assert live.state.closed is None
    live.wait(OPENS + minutes(7))
    assert closed(live).winner == "Bidder 1"


def test_an_offer_in_a_turn_is_secret_until_the_turn_ends_and_then_stands() -> None:
    live = room(turns(1))

    (sealed,) = live.offer(CAT, "9")

    assert "9.00" not in repr(sealed)
    assert live.price(CAT) == "12.00"
    ended = live.wait(OPENS + minutes(1))[0]
    assert ended == facts.TurnEnded(alias="Bidder 3", offer=5, price="9.00", salt=SALT.hex())
    assert live.price(CAT) == "9.00"


def test_an_offer_may_be_changed_and_withdrawn_within_its_turn() -> None:
    live = room(turns(1))
    with pytest.raises(NothingToWithdraw):
        live.do(WithdrawOffer(party_id=CAT))
    live.offer(CAT, "9")
    live.offer(CAT, "11.95")
    live.do(WithdrawOffer(party_id=CAT))
    live.offer(CAT, "11")

    live.wait(OPENS + minutes(1))

    assert live.price(CAT) == "11.00"


def test_a_withdrawn_offer_leaves_the_vendor_where_it_stood() -> None:
    live = room(turns(1))
    live.offer(CAT, "9")
    live.do(WithdrawOffer(party_id=CAT))

    ended = live.wait(OPENS + minutes(1))[0]

    assert ended == facts.TurnEnded(alias="Bidder 3")
    assert live.price(CAT) == "12.00"


def test_nobody_offers_out_of_turn_or_above_its_own_price_less_the_step() -> None:
    live = room(turns(2))

    with pytest.raises(NotYourTurn):
        live.offer(ANN, "9")
    with pytest.raises(OfferTooHigh):
        live.offer(CAT, "11.9501")
    live.offer(CAT, "11.95")
    with pytest.raises(NotYourTurn):
        live.offer(CAT, "11", OPENS + minutes(1))
    live.wait(OPENS + minutes(3))
    with pytest.raises(NotYourTurn):
        live.offer(CAT, "11", OPENS + minutes(3))


def test_the_next_round_follows_the_ranking_that_the_last_one_led_to() -> None:
    live = room(turns(2))
    live.offer(CAT, "9")

    live.wait(OPENS + minutes(6))

    assert [alias for alias, _ in turns_told(live)][3:] == ["Bidder 2", "Bidder 1", "Bidder 3"]


def test_a_pending_offer_is_shown_to_its_own_vendor_alone() -> None:
    live = room(turns(1))
    live.offer(CAT, "9")

    picture = picture_of(live.state)

    assert own_of(picture, "Bidder 3") == Own(
        "Bidder 3", 3, "12.00", "11.95", sealed_price="9.00", is_turn=True
    )
    assert own_of(picture, "Bidder 1") == Own("Bidder 1", 1, "10.00", "9.95", is_turn=False)


@pytest.mark.parametrize("rules", [VICKREY, FALLING, RISING, turns(1)])
def test_only_open_auctions_know_proxies(rules: Rules) -> None:
    command = SetProxy(party_id=ANN, limit=usd("1"), decrement=usd("1"), salt=SALT)

    with pytest.raises(ProxiesNotAllowed):
        room(rules).do(command)


@pytest.mark.parametrize("rules", [VICKREY, RULES, turns(1)])
def test_only_a_falling_ticker_is_left(rules: Rules) -> None:
    with pytest.raises(CommandNotInFormat):
        room(rules).do(LeaveAuction(party_id=ANN))
