"""A moment that is kept of each commit: drawn late, it is what it was, and answers from it."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Final

import pytest

from services.auctions.answers import AuctionAnswer, OfferAnswer, auction_answer, offer_answer
from services.auctions.domain.auction import due
from services.auctions.domain.commands import CancelAuction
from services.auctions.domain.facts import OfferPlaced
from services.auctions.domain.picture import (
    SEES_PUBLIC,
    After,
    Moment,
    after_of,
    audience_of,
    own_of,
    picture_of,
    seen_by,
)
from services.auctions.domain.ruleset import FormatName, Rules, Scoring, Show, ShowLead, StepAgainst
from services.auctions.domain.scores import Handicap
from services.auctions.draft import Done
from services.auctions.ports import Written
from tests.unit.auction_room import (
    ANN,
    BOB,
    BUYER,
    CAT,
    CLOSES,
    HIDDEN,
    OPENS,
    RULES,
    VICKREY,
    Room,
    room,
    ticker,
    turns,
    usd,
)

THREE_ON_TOP: Final = Handicap.factored(Fraction(0), Fraction(0), Fraction(3))
SCORED: Final = replace(
    RULES, score=Scoring.FACTORED, step_against=StepAgainst.LEAD, show_lead=ShowLead.ALWAYS
)


def test_what_an_auction_does_after_a_moment_shows_in_no_picture_of_it() -> None:
    live = room()
    live.offer(BOB, "9.90")
    expected = picture_of(live.state)
    moment = Moment.of(live.state)

    live.offer(CAT, "9.80")
    live.wait(CLOSES)

    assert moment.picture == expected
    assert moment.picture.ranking[0][:2] == ("Bidder 2", 99_000)
    assert moment.after("Bidder 1") == after_of(expected, "Bidder 1")


def test_sealed_offers_made_after_a_moment_show_in_no_picture_of_it() -> None:
    live = room(VICKREY)
    live.offer(ANN, "7.70")
    moment = Moment.of(live.state)

    live.offer(BOB, "6.60")
    live.offer(ANN, "5.50")

    assert moment.picture.sealed == {"Bidder 1": 77_000}


def test_who_accepts_a_level_after_a_moment_shows_in_no_picture_of_it() -> None:
    live = room(ticker(FormatName.JAPANESE, "10", "1"))
    live.accept(ANN, "10")
    moment = Moment.of(live.state)

    live.accept(CAT, "10")

    assert moment.picture.progress is not None
    assert moment.picture.progress.accepted == {"Bidder 1"}


def test_a_picture_is_drawn_once() -> None:
    moment = Moment.of(room().state)

    assert moment.picture is moment.picture


@pytest.mark.parametrize("show", [ShowLead.ALWAYS, ShowLead.NEVER])
@pytest.mark.parametrize(
    "rules",
    [
        RULES,
        HIDDEN,
        SCORED,
        replace(RULES, show_own_rank=Show.AFTER_FIRST_OFFER),
        VICKREY,
        ticker(FormatName.JAPANESE, "10", "1"),
        turns(2),
    ],
)
def test_an_answer_tells_what_the_picture_shows_the_vendor(rules: Rules, show: ShowLead) -> None:
    rules = replace(rules, show_lead=show)
    first = THREE_ON_TOP if rules.score is Scoring.FACTORED else None
    live = room(rules, handicaps=(first, None, None))
    moment = Moment.of(live.state)
    alias = audience_of(moment.terms, BOB, is_auditor=False)

    after = moment.after(alias)

    seen, own = seen_by(moment.picture, alias), own_of(moment.picture, alias)
    assert own is not None
    assert after == after_of(moment.picture, alias)
    assert after.price_to_beat == own.price_to_beat
    assert after.sees_rank == (own.rank is not None)
    assert after.sees_lead == (seen.lead_price is not None) or not moment.picture.ranking
    assert after.own_lead in {None, seen.lead_price}


def test_an_answer_to_no_vendor_tells_no_price() -> None:
    moment = Moment.of(room().state)

    for audience in (audience_of(moment.terms, BUYER, is_auditor=False), "public"):
        assert moment.after(audience) == After(moment.sketch.status, CLOSES)
        assert after_of(moment.picture, audience) == After(moment.sketch.status, CLOSES)


def test_where_scores_count_the_answer_tells_the_lead_as_the_vendors_own_price() -> None:
    live = room(replace(SCORED, step_against=StepAgainst.OWN), handicaps=(THREE_ON_TOP, None, None))
    live.offer(BOB, "7.77")

    answer = _answered(live, "9.50")

    # Bidder 2 stands at 7.77; beside "what would lead at your own price", it would tell +3.00.
    assert answer.lead_price == "4.77"
    assert "7.77" not in answer.model_dump_json()


def test_where_prices_count_the_answer_tells_the_lead_as_of_the_offer() -> None:
    live = room()
    live.offer(BOB, "7.77")

    answer = _answered(live, "9.50")

    assert answer.lead_price == "7.77"


def _answered(live: Room, price: str) -> OfferAnswer:
    (fact,) = live.offer(ANN, price)
    assert isinstance(fact, OfferPlaced)
    written = Written(live.state.sequence, bytes(32), OPENS, fact)
    after = Moment.of(live.state).after(written.audience)
    return offer_answer(Done(live.state.terms.id, written, after), usd(price))


# How it ended ------------------------------------------------------------------------------------


def test_a_live_auction_has_not_ended() -> None:
    answer = _read(room())

    assert (answer.status, answer.ended_at, answer.cancel_reason) == ("live", None, None)


def test_a_closed_auction_tells_the_instant_at_which_it_was_closed() -> None:
    live = room()
    late = CLOSES + timedelta(milliseconds=3)
    live.fold(due(live.state, at=late), late)

    answer = _read(live)

    assert (answer.status, answer.closes_at, answer.ended_at) == ("closed", CLOSES, late)
    assert answer.cancel_reason is None


def test_a_cancelled_auction_tells_when_and_why() -> None:
    live = room()
    at = OPENS + timedelta(seconds=90)
    live.do(CancelAuction(party_id=BUYER, reason="The grant fell through."), at)

    answer = _read(live)

    assert (answer.status, answer.ended_at) == ("cancelled", at)
    assert answer.cancel_reason == "The grant fell through."


def _read(live: Room) -> AuctionAnswer:
    """What anybody reads of it."""
    picture = picture_of(live.state)
    return auction_answer(picture, seen_by(picture, SEES_PUBLIC), now=CLOSES)
