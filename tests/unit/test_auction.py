"""One English reverse auction: its course, its step, its close."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.auctions.domain import facts
from services.auctions.domain.auction import (
    AuctionNotOpen,
    AuctionOver,
    CurrencyWrong,
    OfferTooHigh,
    VendorNotAdmitted,
    decide,
    due,
    due_at,
)
from services.auctions.domain.commands import AcceptLevel, CancelAuction, PlaceOffer, Step
from services.auctions.domain.refused import CommandNotInFormat, OfferTooLow
from services.auctions.domain.rules import StepAgainst
from services.auctions.domain.ruleset import CloseBase
from shared.domain.money import Currency, UnitPrice
from tests.unit.auction_room import (
    ANN,
    BOB,
    BUYER,
    CAT,
    CLOSES,
    INSTANT,
    OPENS,
    RULES,
    STRANGER,
    auction,
    minutes,
    room,
    usd,
)

HALF_HOUR = replace(
    RULES, soft_close_window=minutes(30), soft_close_extension=minutes(30), extensions_max=9
)


def test_an_offer_that_keeps_the_step_stands_and_one_above_it_does_not() -> None:
    live = room()

    live.offer(CAT, "11.95")

    with pytest.raises(OfferTooHigh):
        live.offer(CAT, "11.9001")
    assert live.price(CAT) == "11.95"


@pytest.mark.parametrize(
    ("against", "to_beat"),
    [(StepAgainst.OWN, "11.95"), (StepAgainst.LEAD, "9.95"), (StepAgainst.BOTH, "9.95")],
)
def test_the_step_counts_against_what_the_rules_name(against: StepAgainst, to_beat: str) -> None:
    live = room(replace(RULES, step_against=against))

    assert str(live.state.price_to_beat("Bidder 3")) == to_beat
    with pytest.raises(OfferTooHigh) as caught:
        live.offer(CAT, str(UnitPrice(usd(to_beat).e4 + 1, usd(to_beat).currency)))
    assert caught.value.details == {"price_to_beat": to_beat}
    assert live.offer(CAT, to_beat)


def test_equal_prices_rank_by_who_stood_there_first() -> None:
    live = room()

    (offer,) = live.offer(BOB, "10.00")

    assert live.aliases() == ["Bidder 1", "Bidder 2", "Bidder 3"]
    assert offer == facts.OfferPlaced(
        alias="Bidder 2", price="10.00", rank=2, lead="10.00", closes_at=CLOSES
    )


def test_equal_opening_prices_rank_by_the_order_of_the_entrants() -> None:
    assert room(RULES, ("10", "10", "10")).aliases() == ["Bidder 1", "Bidder 2", "Bidder 3"]


def test_an_auction_takes_offers_from_its_opening_to_just_before_its_close() -> None:
    live = room(replace(RULES, extensions_max=0))

    live.offer(ANN, "9", OPENS)
    live.offer(ANN, "8", CLOSES - INSTANT)
    with pytest.raises(AuctionOver):
        live.offer(ANN, "7", CLOSES)


def test_no_offer_is_taken_before_the_opening() -> None:
    command = PlaceOffer(party_id=ANN, price=usd("9"))

    with pytest.raises(AuctionNotOpen):
        decide(auction(), command, at=OPENS - INSTANT)


def test_time_alone_opens_and_closes_an_auction() -> None:
    state = auction()

    assert due_at(state) == OPENS
    assert due(state, at=OPENS - INSTANT) == ()
    assert due(state, at=OPENS) == (Step(facts.Opened()),)
    state.apply(facts.Opened(), sequence=2, at=OPENS)
    assert due_at(state) == CLOSES
    assert due(state, at=CLOSES - INSTANT) == ()
    closed = due(state, at=CLOSES)[0].fact
    assert closed == facts.Closed(
        ranking=(
            facts.Place(alias="Bidder 1", rank=1, price="10.00"),
            facts.Place(alias="Bidder 2", rank=2, price="11.00"),
            facts.Place(alias="Bidder 3", rank=3, price="12.00"),
        ),
        outcome="won",
        winner="Bidder 1",
        price="10.00",
    )
    state.apply(closed, sequence=3, at=CLOSES)
    assert due_at(state) is None
    assert due(state, at=CLOSES) == ()


def test_a_stranger_and_another_currency_are_refused() -> None:
    with pytest.raises(VendorNotAdmitted):
        room().offer(STRANGER, "1")
    with pytest.raises(CurrencyWrong):
        room().do(PlaceOffer(party_id=ANN, price=UnitPrice(1, Currency("EUR"))))


def test_an_offer_of_nothing_is_refused() -> None:
    with pytest.raises(OfferTooLow):
        room().offer(ANN, "0")


def test_where_no_step_is_left_every_offer_is_too_high() -> None:
    with pytest.raises(OfferTooHigh):
        room(RULES, ("0.05", "11", "12")).offer(ANN, "0.0001")


def test_a_cancelled_auction_takes_no_offer_and_stays_cancelled() -> None:
    live = room()
    live.do(CancelAuction(party_id=BUYER, reason="no funds"))

    with pytest.raises(AuctionOver):
        live.offer(ANN, "9")
    with pytest.raises(AuctionOver):
        live.do(CancelAuction(party_id=BUYER, reason="again"))
    assert due(live.state, at=CLOSES) == ()
    assert due_at(live.state) is None


def test_an_english_auction_has_no_levels_to_accept() -> None:
    with pytest.raises(CommandNotInFormat):
        room().do(AcceptLevel(party_id=ANN, price=usd("9")))


# The soft close --------------------------------------------------------------------------------


def test_a_late_offer_moves_the_close_by_the_extension_and_one_before_the_window_does_not() -> None:
    live = room()
    window_begins = CLOSES - timedelta(seconds=30)

    early = live.offer(ANN, "9", window_begins - INSTANT)
    late = live.offer(ANN, "8", window_begins)

    assert len(early) == 1
    assert late[1] == facts.Extended(closes_at=CLOSES + timedelta(seconds=60))
    assert live.state.closes_at == CLOSES + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("base", "closes_at"),
    [(CloseBase.CLOSE, CLOSES + minutes(30)), (CloseBase.RECEIPT, OPENS + minutes(7 + 30))],
)
def test_an_extension_counts_from_the_close_that_stands_or_from_the_offer(
    base: CloseBase, closes_at: object
) -> None:
    live = room(replace(HALF_HOUR, soft_close_base=base))

    live.offer(ANN, "9", OPENS + minutes(7))

    assert live.state.closes_at == closes_at


def test_an_extension_from_receipt_never_moves_the_close_to_an_earlier_instant() -> None:
    rules = replace(
        RULES, soft_close_base=CloseBase.RECEIPT, soft_close_extension=timedelta(seconds=10)
    )
    live = room(rules)

    early = live.offer(ANN, "9", CLOSES - timedelta(seconds=20))
    late = live.offer(ANN, "8", CLOSES - timedelta(seconds=9))

    assert len(early) == 1
    assert late[1] == facts.Extended(closes_at=CLOSES + timedelta(seconds=1))


def test_the_close_moves_at_most_as_often_as_the_rules_say() -> None:
    live = room()

    for price in ("9", "8", "7", "6"):
        live.offer(ANN, price, live.state.closes_at - timedelta(seconds=1))

    assert live.state.extensions == 2
    assert live.state.closes_at == CLOSES + timedelta(seconds=120)


@pytest.mark.parametrize(("price", "facts_told"), [("9.95", 2), ("10.00", 1)])
def test_only_an_offer_of_a_rank_that_triggers_moves_the_close(price: str, facts_told: int) -> None:
    live = room(replace(RULES, soft_close_rank=1))

    assert len(live.offer(BOB, price, CLOSES - INSTANT)) == facts_told


def test_no_extension_goes_past_the_hard_stop() -> None:
    live = room(replace(HALF_HOUR, hard_stop=minutes(40)))

    live.offer(ANN, "9", OPENS + minutes(5))
    live.offer(ANN, "8", CLOSES + minutes(20))
    last = live.offer(ANN, "7", CLOSES + minutes(39))

    assert live.state.closes_at == CLOSES + minutes(40)
    assert len(last) == 1
