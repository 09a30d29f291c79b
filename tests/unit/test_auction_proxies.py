"""Proxies: one against a rival, two against each other, and on the factored price."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auctions.domain import facts
from services.auctions.domain.commands import CancelProxy
from services.auctions.domain.refused import (
    LimitTooHigh,
    OfferTooLow,
    ProxiesNotAllowed,
    ProxyUnknown,
)
from services.auctions.domain.rules import StepAgainst
from services.auctions.domain.scores import Handicap
from services.auctions.domain.secrecy import opens
from services.auctions.domain.soft_close import close_after
from shared.domain.canonical import canonical
from shared.domain.money import UnitPrice
from tests.unit.auction_room import ANN, BOB, CAT, CLOSES, INSTANT, RULES, USD, Room, room

PROXIES = replace(RULES, proxies=True, step_e4=500_000, step_against=StepAgainst.LEAD)
"""A step of 50 against the lead."""

LEVELS = ("3500", "3450", "3600")


def offers(told: tuple[object, ...]) -> list[tuple[str, str, bool | None]]:
    return [
        (fact.alias, fact.price, fact.by_proxy)
        for fact in told
        if isinstance(fact, facts.OfferPlaced)
    ]


def live_room() -> Room:
    return room(PROXIES, LEVELS)


def test_a_beaten_proxy_offers_its_decrement_below_the_rival() -> None:
    live = room(PROXIES, ("3500", "3550", "3600"))
    live.proxy(ANN, "3200", "100")

    told = live.offer(BOB, "3400")

    assert offers(told) == [("Bidder 2", "3400.00", None), ("Bidder 1", "3300.00", True)]


def test_a_proxy_that_is_set_while_beaten_answers_at_once() -> None:
    assert offers(live_room().proxy(ANN, "3200", "100")) == [("Bidder 1", "3350.00", True)]


def test_a_proxy_that_leads_waits() -> None:
    live = live_room()

    assert offers(live.proxy(BOB, "3200", "100")) == []
    assert offers(live.offer(ANN, "3400")) == [
        ("Bidder 1", "3400.00", None),
        ("Bidder 2", "3300.00", True),
    ]


@pytest.mark.parametrize(("rival", "answer"), [("3250", "3200.00"), ("3249.99", None)])
def test_a_proxy_goes_to_its_limit_where_that_beats_by_the_step(
    rival: str, answer: str | None
) -> None:
    live = room(PROXIES, ("3500", "3550", "3600"))
    live.proxy(ANN, "3200", "100")

    answers = offers(live.offer(BOB, rival))[1:]

    assert answers == ([] if answer is None else [("Bidder 1", answer, True)])


def test_a_proxy_never_goes_by_less_than_the_step() -> None:
    assert offers(live_room().proxy(ANN, "3200", "1")) == [("Bidder 1", "3400.00", True)]


def test_two_proxies_settle_at_once_below_the_limit_of_the_weaker() -> None:
    live = live_room()
    live.proxy(ANN, "3200", "100")

    told = live.proxy(CAT, "3000", "60")

    assert offers(told) == [("Bidder 1", "3200.00", True), ("Bidder 3", "3140.00", True)]


def test_the_stronger_goes_to_its_limit_where_its_decrement_would_go_below() -> None:
    live = live_room()
    live.proxy(ANN, "3200", "100")

    assert offers(live.proxy(CAT, "3140", "100"))[-1] == ("Bidder 3", "3140.00", True)


@pytest.mark.parametrize("later", ["3200", "3150.01"])
def test_equal_limits_and_those_within_a_step_keep_the_earlier(later: str) -> None:
    live = live_room()
    live.proxy(ANN, "3200", "100")

    told = live.proxy(CAT, later, "100")

    assert offers(told) == [("Bidder 1", "3200.00", True)]
    assert live.state.lead().alias == "Bidder 1"


def test_three_proxies_leave_the_last_word_to_the_strongest() -> None:
    live = live_room()
    live.proxy(BOB, "3300", "50")
    live.proxy(ANN, "3100", "50")

    told = live.proxy(CAT, "2000", "50")

    assert offers(told) == [("Bidder 1", "3100.00", True), ("Bidder 3", "3050.00", True)]
    assert live.price(BOB) == "3300.00"


def test_a_replaced_proxy_has_its_new_limit_and_a_cancelled_one_none() -> None:
    live = live_room()
    live.proxy(ANN, "3000", "100")
    live.proxy(ANN, "3340", "100")
    live.offer(BOB, "3300")
    assert live.price(ANN) == "3350.00"
    live.proxy(ANN, "2000", "100")
    live.do(CancelProxy(party_id=ANN))

    assert len(live.offer(BOB, "3100")) == 1
    with pytest.raises(ProxyUnknown):
        live.do(CancelProxy(party_id=ANN))


def test_a_limit_that_could_never_be_offered_is_refused() -> None:
    live = live_room()

    with pytest.raises(LimitTooHigh):
        live.proxy(ANN, "3500", "100")
    with pytest.raises(OfferTooLow):
        live.proxy(ANN, "0", "100")
    with pytest.raises(OfferTooLow):
        live.proxy(ANN, "3000", "0")
    with pytest.raises(ProxiesNotAllowed):
        room().proxy(ANN, "5", "1")


def test_the_log_holds_no_limit_and_the_secret_opens_its_commitment() -> None:
    live = live_room()

    told = live.proxy(BOB, "3111.11", "100")

    fact = told[0]
    assert isinstance(fact, facts.ProxySet)
    assert "3111" not in canonical(fact)
    secret = live.log[-1][3]
    assert secret is not None
    assert "3111" not in repr(secret) + repr(live.state.proxies)
    assert opens(fact.limit_commitment, b"3111.11", secret.salt)


def test_proxies_settle_on_the_factored_price() -> None:
    handicaps = (Handicap.factored(Fraction(0), Fraction(0), Fraction(200)), None, None)
    live = room(PROXIES, LEVELS, handicaps=handicaps)
    live.proxy(CAT, "3100", "100")

    told = live.proxy(ANN, "2950", "100")

    # At its limit Ann scores 3150; Cat answers 100 below that, in its own price.
    assert offers(told) == [("Bidder 1", "2950.00", True), ("Bidder 3", "3100.00", True)]


def test_offers_of_one_instant_extend_the_close_once() -> None:
    live = live_room()
    live.proxy(ANN, "3200", "100")

    told = live.offer(BOB, "3300", CLOSES - INSTANT)

    extended = [fact for fact in told if isinstance(fact, facts.Extended)]
    assert len(extended) == 1
    assert live.state.extensions == 1
    assert close_after(live.state, rank=1, at=CLOSES - INSTANT * 2) == live.state.closes_at


# Against bidding it out ------------------------------------------------------------------------


def bid_out(limits: dict[str, int], decrement: int, best: int) -> tuple[str, int]:
    """Let two proxies bid in turn until one has to give up."""
    leader = ""
    while True:
        able = [one for one in limits if one != leader and limits[one] < best]
        if not able:
            return leader, best
        leader = able[0]
        best = max(best - decrement, limits[leader])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=2, max_size=3), st.integers(1, 40))
def test_the_lowest_limit_leads_within_a_decrement_of_the_second(
    limits: list[int], decrement: int
) -> None:
    rules = replace(RULES, proxies=True, step_e4=1, step_against=StepAgainst.LEAD)
    live = room(rules, ("0.05", "0.05", "0.05"))
    for vendor, limit in zip((ANN, BOB, CAT), limits, strict=False):
        live.proxy(vendor, str(UnitPrice(limit, USD)), str(UnitPrice(decrement, USD)))

    lowest, second = sorted(limits)[:2]
    lead = live.state.lead()

    assert max(lowest, second - decrement) <= lead.price_e4 <= second
    holders = {alias: one.limit_e4 for alias, one in live.state.proxies.items()}
    assert lead.alias == min(alias for alias, limit in holders.items() if limit == lowest)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 40))
def test_two_proxies_end_where_bidding_in_turn_would_lead(
    first: int, second: int, decrement: int
) -> None:
    rules = replace(RULES, proxies=True, step_e4=1, step_against=StepAgainst.LEAD)
    live = room(rules, ("0.05", "0.05", "0.05"))
    live.proxy(ANN, str(UnitPrice(first, USD)), str(UnitPrice(decrement, USD)))
    live.proxy(BOB, str(UnitPrice(second, USD)), str(UnitPrice(decrement, USD)))

    winner, bid_down_to = bid_out({"Bidder 2": second, "Bidder 1": first}, decrement, 500)
    lead = live.state.lead()

    # Bidding in turn ends within one decrement, on whoever's turn the weaker one's limit is met.
    assert abs(lead.price_e4 - bid_down_to) <= decrement
    assert lead.alias == winner or abs(first - second) < decrement
