"""What each viewer is shown of an auction: the matrix of visibility, format by format."""

from dataclasses import replace
from fractions import Fraction

import pytest

from services.auctions.domain.picture import audience_of, own_of, picture_of, seen_by
from services.auctions.domain.rules import ShowLead, ShowRank
from services.auctions.domain.ruleset import FormatName, Scoring, Show, StepAgainst
from services.auctions.domain.scores import Handicap
from services.auctions.domain.seen import Seen
from shared.domain.ids import PartyId
from tests.unit.auction_room import (
    ANN,
    BOB,
    BUYER,
    CAT,
    CLOSES,
    HIDDEN,
    OPENS,
    RULES,
    STRANGER,
    VICKREY,
    Room,
    e4,
    minutes,
    room,
    ticker,
    turns,
)


def seen(live: Room, party: PartyId | None, *, is_auditor: bool = False) -> Seen:
    picture = picture_of(live.state)
    return seen_by(picture, audience_of(picture.terms, party, is_auditor=is_auditor))


def test_a_vendor_is_shown_its_own_rank_and_nobody_elses() -> None:
    live = room(HIDDEN)
    live.offer(BOB, "9.9999")

    shown = seen(live, CAT)

    assert shown.own is not None
    assert (shown.own.rank, shown.own.unit_price, shown.own.price_to_beat) == (3, "12.00", "11.95")
    assert (shown.lead_price, shown.lead_alias, shown.ranks, shown.recent) == (None, None, (), ())
    assert "9.9999" not in repr(shown)


def test_the_lead_price_is_shown_without_its_bidder_where_ranks_are_hidden() -> None:
    live = room()
    live.offer(BOB, "9.5")

    shown = seen(live, STRANGER)

    assert (shown.lead_price, shown.lead_alias, shown.ranks, shown.recent) == ("9.50", None, (), ())


def test_all_ranks_are_shown_without_prices_where_the_rules_say_so() -> None:
    live = room(replace(RULES, show_rank=ShowRank.ALL))

    rows = [(row.alias, row.rank, row.unit_price) for row in seen(live, None).ranks]

    assert rows == [("Bidder 1", 1, None), ("Bidder 2", 2, None), ("Bidder 3", 3, None)]


@pytest.mark.parametrize(("party", "is_auditor"), [(BUYER, False), (STRANGER, True)])
def test_the_buyer_and_an_auditor_see_everything(party: PartyId, *, is_auditor: bool) -> None:
    live = room(HIDDEN)
    live.offer(CAT, "9")

    shown = seen(live, party, is_auditor=is_auditor)

    assert [row.unit_price for row in shown.ranks] == ["9.00", "10.00", "11.00"]
    assert [offer.alias for offer in shown.recent] == ["Bidder 3"]
    assert (shown.lead_price, shown.lead_alias, shown.bidders) == ("9.00", "Bidder 3", 3)


def test_after_the_close_everyone_sees_the_whole_ranking_by_alias() -> None:
    live = room(HIDDEN)
    live.wait(CLOSES)

    shown = seen(live, None)

    assert [row.unit_price for row in shown.ranks] == ["10.00", "11.00", "12.00"]
    assert (shown.outcome, shown.winner, shown.contract_price) == ("won", "Bidder 1", "10.00")


# The matrix ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("show", "fresh", "after_offer", "observer"),
    [
        (Show.ALWAYS, True, True, True),
        (Show.AFTER_FIRST_OFFER, False, True, False),
        (Show.NEVER, False, False, False),
    ],
)
@pytest.mark.parametrize("what", ["lead", "all ranks", "bidders", "all prices", "own rank"])
def test_each_thing_is_shown_when_its_rule_says(
    what: str, show: Show, *, fresh: bool, after_offer: bool, observer: bool
) -> None:
    rules = {
        "lead": replace(HIDDEN, show_lead=show),
        "all ranks": replace(HIDDEN, show_all_ranks=show),
        "bidders": replace(HIDDEN, show_bidders=show),
        "all prices": replace(HIDDEN, show_prices=show),
        "own rank": replace(HIDDEN, show_own_rank=show),
    }[what]
    live = room(rules)
    live.offer(ANN, "9")
    live.offer(CAT, "9.5")

    told = [told_of(what, seen(live, party)) for party in (BOB, CAT, None)]

    assert told == [fresh, after_offer, observer and what != "own rank"]


def told_of(what: str, shown: Seen) -> bool:
    return {
        "lead": shown.lead_price is not None,
        "all ranks": bool(shown.ranks),
        "bidders": shown.bidders is not None,
        "all prices": any(offer.alias == "Bidder 1" for offer in shown.recent),
        "own rank": shown.own is not None and shown.own.rank is not None,
    }[what]


def test_public_prices_stand_beside_the_ranks() -> None:
    live = room(replace(RULES, show_rank=ShowRank.ALL, show_prices=Show.ALWAYS))

    assert [row.unit_price for row in seen(live, None).ranks] == ["10.00", "11.00", "12.00"]


def test_the_saving_against_the_budget_is_for_the_buyer_alone() -> None:
    live = room(budget_e4=e4("10.5"))

    assert seen(live, BUYER).saving == "500.00"
    assert seen(live, ANN).saving is None
    live.wait(CLOSES)
    assert seen(live, ANN).saving is None


# Scores ----------------------------------------------------------------------------------------


def test_where_scores_count_each_vendor_sees_the_lead_as_its_own_price() -> None:
    handicaps = (Handicap.factored(Fraction(0), Fraction(0), Fraction(3)), None, None)
    rules = replace(
        RULES,
        score=Scoring.FACTORED,
        step_against=StepAgainst.LEAD,
        show_lead=ShowLead.ALWAYS,
    )
    live = room(rules, handicaps=handicaps)

    lead_of = {party: seen(live, party).lead_price for party in (ANN, BOB, BUYER, None)}

    assert lead_of == {ANN: "8.00", BOB: "11.00", BUYER: "11.00", None: None}


# Formats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", [BUYER, BOB, None])
def test_of_sealed_offers_nobody_sees_another_before_the_close(party: PartyId | None) -> None:
    live = room(replace(VICKREY, show_bidders=Show.ALWAYS))
    live.offer(ANN, "7.7777")

    shown = seen(live, party)

    assert "7.7777" not in repr(shown)
    assert (shown.ranks, shown.lead_price, shown.recent) == ((), None, ())
    assert shown.offers == (1 if party == BUYER else 0)


def test_a_vendor_sees_its_own_sealed_offer() -> None:
    live = room(VICKREY)
    live.offer(ANN, "7.7777")

    own = seen(live, ANN).own

    assert own is not None
    assert (own.sealed_price, own.rank, own.unit_price) == ("7.7777", None, None)


def test_of_a_ticker_vendors_see_the_level_and_themselves() -> None:
    live = room(replace(ticker(FormatName.JAPANESE, "10", "1"), show_bidders=Show.ALWAYS))
    live.accept(ANN, "10")
    live.accept(CAT, "10")
    live.wait(OPENS + minutes(1))
    live.accept(ANN, "9", OPENS + minutes(1))

    shown = seen(live, BOB)
    own = own_of(picture_of(live.state), "Bidder 1")

    assert shown.progress is not None
    assert (shown.progress.level, shown.bidders) == ("9.00", 2)
    assert (shown.ranks, shown.lead_price, shown.recent) == ((), None, ())
    assert shown.own is not None
    assert (shown.own.still_in, shown.own.accepted) == (False, False)
    assert own is not None
    assert (own.still_in, own.accepted, own.rank) == (True, True, None)
    assert [row.alias for row in seen(live, BUYER).ranks] == ["Bidder 1", "Bidder 3"]


@pytest.mark.parametrize(
    ("party", "turn_of", "is_turn"),
    [(CAT, "Bidder 3", True), (BOB, None, False), (BUYER, "Bidder 3", None)],
)
def test_whose_turn_it_is_tells_a_rank_and_only_who_may_know_it_is_told(
    party: PartyId, turn_of: str | None, *, is_turn: bool | None
) -> None:
    shown = seen(room(turns()), party)

    assert shown.progress is not None
    assert (shown.progress.round, shown.progress.turn_of) == (1, turn_of)
    assert (shown.own.is_turn if shown.own else None) is is_turn


def test_a_vendor_without_a_price_has_none_and_nothing_to_beat_without_a_ceiling() -> None:
    live = room(HIDDEN, (None, "11", "12"))

    own = seen(live, ANN).own

    assert own is not None
    assert (own.rank, own.unit_price, own.price_to_beat) == (None, None, None)
