"""Factored prices and coefficients, exact, and what they do to ranks and prices to beat."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auctions.domain import facts
from services.auctions.domain.auction import OfferTooHigh
from services.auctions.domain.proposal import handicap_of
from services.auctions.domain.rules import ShowLead, StepAgainst
from services.auctions.domain.ruleset import Scoring
from services.auctions.domain.scores import Handicap, coefficient, scales_of
from shared.events.bids import PriceFactor, QualifiedVendor
from tests.unit.auction_room import ANN, BOB, CLOSES, RULES, Room, request, room

SCORED = replace(RULES, score=Scoring.FACTORED, show_lead=ShowLead.NEVER)
TWO_ON_TOP = Handicap.factored(Fraction(0), Fraction(0), Fraction(2))


@pytest.mark.parametrize(
    ("percent", "addend", "bonus", "score"),
    [
        ("20", "0", "2", "14.00"),
        ("5", "2", "0", "12.60"),
        ("8", "3", "0", "14.04"),
        ("-3", "0", "0", "9.70"),
    ],
)
def test_a_bid_of_10_has_its_factored_price(
    percent: str, addend: str, bonus: str, score: str
) -> None:
    factor = PriceFactor(percent=percent, addend=addend, bonus=bonus)
    vendor = QualifiedVendor(vendor_id=ANN, alias="Bidder 1", factor=factor)

    handicap = handicap_of(request({"score": "factored"}).rules, vendor)

    assert handicap is not None
    assert handicap.score_of(Fraction(10)) == Fraction(score)


def test_the_coefficient_of_features_is_19_sixteenths() -> None:
    taken = [Fraction("0.10"), Fraction("0.05")]
    maxima = [Fraction("0.15"), Fraction("0.05")]

    assert coefficient(taken, maxima) == Fraction(19, 16)
    assert Handicap.coefficient(taken, maxima).score_of(Fraction(19)) == 16


def test_a_handicap_is_written_in_one_form_and_read_back() -> None:
    handicap = Handicap.factored(Fraction(1, 5), Fraction(1, 3), Fraction(-2))

    assert str(handicap) == "6/5,-8/5"
    assert Handicap.parse(str(handicap)) == handicap


def test_ranks_go_by_the_score_and_prices_by_what_was_offered() -> None:
    live = room(SCORED, ("10", "11", "13"), handicaps=(TWO_ON_TOP, None, None))

    assert live.aliases() == ["Bidder 2", "Bidder 1", "Bidder 3"]
    live.wait(CLOSES)
    closed = live.state.closed
    assert closed is not None
    assert (closed.winner, closed.price) == ("Bidder 2", "11.00")
    assert [one.price for one in closed.ranking] == ["11.00", "10.00", "13.00"]


def test_each_vendor_has_its_own_price_to_beat() -> None:
    rules = replace(SCORED, step_against=StepAgainst.LEAD)
    live = room(rules, ("10", "11", "13"), handicaps=(TWO_ON_TOP, None, None))

    assert str(live.state.price_to_beat("Bidder 1")) == "8.95"
    assert str(live.state.price_to_beat("Bidder 3")) == "10.95"
    with pytest.raises(OfferTooHigh):
        live.offer(ANN, "8.9501")
    (offer,) = live.offer(ANN, "8.95")
    assert isinstance(offer, facts.OfferPlaced)
    assert (offer.rank, offer.lead) == (1, "8.95")


def test_a_third_is_kept_exactly() -> None:
    third = Handicap.coefficient([Fraction(1, 2)], [Fraction(3, 4)])
    live = room(SCORED, ("9", "3.0001", "20"), handicaps=(third, None, None))

    assert third.slope == Fraction(1, 3)
    assert live.aliases() == ["Bidder 1", "Bidder 2", "Bidder 3"]
    assert str(live.state.price_to_beat("Bidder 2")) == "2.9501"


def test_equal_scores_of_unequal_prices_keep_the_earlier() -> None:
    live = Room(room(SCORED, ("10", "12.5", "20"), handicaps=(TWO_ON_TOP, None, None)).state)

    live.offer(BOB, "12")

    assert live.aliases() == ["Bidder 1", "Bidder 2", "Bidder 3"]


@given(
    st.lists(
        st.tuples(
            st.fractions(Fraction(1, 2), 2, max_denominator=50),
            st.fractions(-3, 3, max_denominator=50),
            st.integers(1, 10**8),
        ),
        min_size=2,
        max_size=6,
    )
)
def test_whole_scores_order_like_exact_ones(told: list[tuple[Fraction, Fraction, int]]) -> None:
    handicaps = [Handicap(slope, offset) for slope, offset, _ in told]
    exact = [
        handicap.score_of(Fraction(price, 10_000))
        for handicap, (_, _, price) in zip(handicaps, told, strict=True)
    ]

    scales = scales_of(handicaps)

    whole = [scale.score(price) for scale, (_, _, price) in zip(scales, told, strict=True)]
    for one, whole_one in zip(exact, whole, strict=True):
        for other, whole_other in zip(exact, whole, strict=True):
            assert (one < other) == (whole_one < whole_other)
    for scale, handicap, (_, _, price) in zip(scales, handicaps, told, strict=True):
        found = scale.price_at(whole[0])
        assert handicap.score_of(Fraction(found, 10_000)) <= exact[0]
        assert handicap.score_of(Fraction(found + 1, 10_000)) > exact[0]
        assert price <= 10**8
