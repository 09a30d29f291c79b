"""Steps, ceilings, decimals and ties of open offers, at both sides of each edge."""

from dataclasses import replace
from fractions import Fraction

import pytest

from services.auctions.domain import facts
from services.auctions.domain.refused import (
    OfferNotMultiple,
    OfferTied,
    OfferTooHigh,
    OfferTooLow,
    PriceTooFine,
)
from services.auctions.domain.rules import StepAgainst, read_rules
from services.auctions.domain.ruleset import StepMode, TieRanking, Ties
from services.auctions.domain.steps import step_below
from shared.domain.money import UnitPrice
from shared.events.bids import StepBand
from tests.unit.auction_room import ANN, BOB, CAT, RULES, USD, e4, request, room

LEAD = replace(RULES, step_against=StepAgainst.LEAD)
BANDS = {
    "step_kind": "bands",
    "step": "30",
    "step_bands": (
        StepBand(above="1000", step="200"),
        StepBand(above="800", step="70"),
        StepBand(above="700", step="50"),
    ),
}


def text(price_e4: int) -> str:
    return str(UnitPrice(price_e4, USD))


@pytest.mark.parametrize(
    ("reference", "step"),
    [
        ("1500", "200"),
        ("1000.0001", "200"),
        ("1000", "70"),
        ("800.0001", "70"),
        ("800", "50"),
        ("700.0001", "50"),
        ("700", "30"),
        ("1", "30"),
    ],
)
def test_the_step_of_a_price_comes_from_its_band(reference: str, step: str) -> None:
    rules = read_rules(request(BANDS).rules, USD)

    assert step_below(rules, e4(reference)) == e4(step)


def test_a_percentage_is_rounded_so_that_it_is_beaten_in_full() -> None:
    live = room(replace(RULES, step_e4=0, step_percent=Fraction(3)), ("10.0001", "11", "12"))

    assert text(live.state.price_to_beat("Bidder 1").e4) == "9.70"
    with pytest.raises(OfferTooHigh):
        live.offer(ANN, "9.7001")
    live.offer(ANN, "9.70")
    assert 10.0001 * 97 < 9.7001 * 100


def test_a_percentage_comes_to_the_least_step_at_least() -> None:
    rules = replace(RULES, step_e4=0, step_percent=Fraction(1), step_min_e4=e4("0.5"))

    assert step_below(rules, e4("10")) == e4("0.5")
    assert step_below(rules, e4("60")) == e4("0.6")


def test_the_largest_step_guards_against_a_slip_of_the_decimal_point() -> None:
    live = room(replace(RULES, step_max_e4=e4("2")))

    with pytest.raises(OfferTooLow) as caught:
        live.offer(ANN, "7.9999")
    assert caught.value.details == {"lowest": "8.00"}
    live.offer(ANN, "8")


@pytest.mark.parametrize("price", ["9.95", "9.50", "0.05"])
def test_exact_multiples_of_the_step_below_the_reference_are_taken(price: str) -> None:
    live = room(replace(LEAD, step_mode=StepMode.MULTIPLE))

    assert live.offer(CAT, price)


@pytest.mark.parametrize("price", ["9.94", "9.9499", "0.01"])
def test_what_is_no_multiple_of_the_step_is_refused(price: str) -> None:
    live = room(replace(LEAD, step_mode=StepMode.MULTIPLE))

    with pytest.raises(OfferNotMultiple):
        live.offer(CAT, price)


def test_where_the_step_is_free_anything_lower_will_do() -> None:
    live = room(replace(LEAD, step_mode=StepMode.FREE))

    with pytest.raises(OfferTooHigh):
        live.offer(CAT, "10")
    live.offer(CAT, "9.9999")


def test_no_offer_is_above_the_ceiling_even_where_the_opening_price_is() -> None:
    live = room(replace(RULES, ceiling_e4=e4("9.5")))

    assert text(live.state.price_to_beat("Bidder 3").e4) == "9.50"
    with pytest.raises(OfferTooHigh):
        live.offer(CAT, "9.5001")
    live.offer(CAT, "9.5")


def test_multiples_below_a_ceiling_stay_on_the_grid_of_their_reference() -> None:
    live = room(replace(RULES, step_mode=StepMode.MULTIPLE, ceiling_e4=e4("9.52")))

    assert text(live.state.price_to_beat("Bidder 3").e4) == "9.50"


def test_a_vendor_without_an_opening_price_may_begin_at_the_ceiling() -> None:
    live = room(replace(RULES, ceiling_e4=e4("20")), (None, "11", "12"))

    with pytest.raises(OfferTooHigh):
        live.offer(ANN, "20.0001")
    live.offer(ANN, "20")
    assert live.aliases() == ["Bidder 2", "Bidder 3", "Bidder 1"]


def test_a_price_with_more_decimals_than_allowed_is_refused() -> None:
    live = room(replace(RULES, decimals=2), ("10.0055", "11", "12"))

    assert text(live.state.price_to_beat("Bidder 1").e4) == "9.95"
    with pytest.raises(PriceTooFine):
        live.offer(ANN, "9.945")
    live.offer(ANN, "9.95")


# Ties ------------------------------------------------------------------------------------------


def test_a_tie_is_refused_where_none_is_allowed() -> None:
    live = room(replace(RULES, ties=Ties.NONE))

    with pytest.raises(OfferTied):
        live.offer(CAT, "11")
    live.offer(CAT, "10.9999")


def test_the_price_to_beat_does_not_tie_where_none_is_allowed() -> None:
    live = room(replace(RULES, ties=Ties.NONE), ("10.90", "10.95", "11"))

    assert text(live.state.price_to_beat("Bidder 3").e4) == "10.9499"


def test_ties_may_be_excluded_among_the_first_ranks_alone() -> None:
    live = room(replace(RULES, ties=Ties.NONE_AMONG_FIRST, ties_first=1))

    with pytest.raises(OfferTied):
        live.offer(CAT, "10")
    live.offer(CAT, "11")
    assert live.aliases() == ["Bidder 1", "Bidder 2", "Bidder 3"]


@pytest.mark.parametrize(
    ("ranking", "ranks"),
    [
        (TieRanking.EARLIEST, [1, 2, 3]),
        (TieRanking.EQUAL_BEST, [1, 1, 3]),
        (TieRanking.EQUAL_WORST, [2, 2, 3]),
    ],
)
def test_equal_prices_rank_as_the_rules_say(ranking: TieRanking, ranks: list[int]) -> None:
    live = room(replace(RULES, tie_ranking=ranking))

    (offer,) = live.offer(BOB, "10")

    board = live.state.board
    assert board.ranks() == ranks
    assert [board.rank_of(alias) for alias in live.aliases()] == ranks
    assert isinstance(offer, facts.OfferPlaced)
    assert offer.rank == ranks[1]
    assert live.state.lead().alias == "Bidder 1"
