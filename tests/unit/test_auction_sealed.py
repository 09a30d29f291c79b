"""Sealed second prices: one offer each, nothing shown, the second price paid."""

from dataclasses import replace
from fractions import Fraction

import pytest

from services.auctions.domain import facts
from services.auctions.domain.auction import OfferTooHigh
from services.auctions.domain.commands import PlaceOffer
from services.auctions.domain.refused import (
    OfferTooLow,
)
from services.auctions.domain.ruleset import OneBidder
from services.auctions.domain.scores import Handicap
from shared.domain.ids import PartyId
from tests.unit.auction_room import (
    ANN,
    BOB,
    CAT,
    CLOSES,
    VICKREY,
    Room,
    e4,
    room,
    usd,
)


def closed(live: Room) -> facts.Closed:
    fact = live.state.closed
    assert fact is not None
    return fact


def sealed_at(live: Room, *offers: tuple[PartyId, str]) -> facts.Closed:
    for vendor, price in offers:
        live.offer(vendor, price)
    live.wait(CLOSES)
    return closed(live)


def test_the_lowest_sealed_offer_wins_and_is_paid_the_second() -> None:
    end = sealed_at(room(VICKREY), (CAT, "95"), (ANN, "70"), (BOB, "80"))

    assert (end.winner, end.price, end.outcome) == ("Bidder 1", "80.00", "won")
    assert [(one.alias, one.price) for one in end.ranking] == [
        ("Bidder 1", "70.00"),
        ("Bidder 2", "80.00"),
        ("Bidder 3", "95.00"),
    ]


def test_a_sealed_offer_is_replaced_by_a_later_one_even_a_higher_one() -> None:
    end = sealed_at(room(VICKREY), (ANN, "70"), (BOB, "80"), (ANN, "90"))

    assert (end.winner, end.price) == ("Bidder 2", "90.00")
    assert len(end.revealed) == 2


def test_equal_sealed_offers_go_to_the_earlier_at_their_own_price() -> None:
    end = sealed_at(room(VICKREY), (BOB, "70"), (ANN, "70"))

    assert (end.winner, end.price) == ("Bidder 2", "70.00")


@pytest.mark.parametrize(
    ("reserve", "ceiling", "price"),
    [("90", "100", "90.00"), (None, "100", "100.00"), (None, None, "70.00"), ("70", None, "70.00")],
)
def test_alone_a_sealed_offer_is_paid_the_reserve_or_the_ceiling(
    reserve: str | None, ceiling: str | None, price: str
) -> None:
    rules = replace(
        VICKREY,
        one_bidder=OneBidder.REASONABLENESS,
        ceiling_e4=None if ceiling is None else e4(ceiling),
    )
    reserve_e4 = None if reserve is None else e4(reserve)

    end = sealed_at(room(rules, reserve_e4=reserve_e4), (ANN, "70"))

    assert (end.winner, end.price, end.outcome) == ("Bidder 1", price, "reasonableness")


def test_the_second_score_is_turned_back_into_a_price_by_the_winners_own_factor() -> None:
    handicaps = (Handicap.factored(Fraction(0), Fraction(0), Fraction(2)), None, None)

    end = sealed_at(room(VICKREY, handicaps=handicaps), (ANN, "70"), (BOB, "80"))

    assert (end.winner, end.price) == ("Bidder 1", "78.00")


def test_a_sealed_offer_may_neither_be_nothing_nor_above_the_ceiling() -> None:
    live = room(replace(VICKREY, ceiling_e4=e4("9")))

    with pytest.raises(OfferTooHigh):
        live.offer(ANN, "9.0001")
    with pytest.raises(OfferTooLow):
        live.offer(ANN, "0")
    assert live.offer(ANN, "9")


def test_a_sealed_offer_without_salt_is_a_defect() -> None:
    with pytest.raises(ValueError, match="salt"):
        room(VICKREY).do(PlaceOffer(party_id=ANN, price=usd("9")))
