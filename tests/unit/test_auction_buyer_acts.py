"""What the buyer does to a running auction, each act with its reason."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.auctions.domain import facts
from services.auctions.domain.auction import (
    AuctionOver,
    OfferTooHigh,
    Status,
)
from services.auctions.domain.commands import (
    BuyerAct,
    CancelAuction,
    ExtendAuction,
    PauseAuction,
    PlaceSurrogate,
    ResumeAuction,
    VoidOffer,
)
from services.auctions.domain.refused import (
    AuctionNotPaused,
    AuctionPaused,
    BuyerOnly,
    CloseNotMoved,
    OfferUnknown,
    ResumptionPast,
)
from services.auctions.domain.rules import Rules, StepAgainst
from services.auctions.domain.ruleset import FormatName
from shared.domain.ids import PartyId
from tests.unit.auction_room import (
    ANN,
    BOB,
    BUYER,
    CAT,
    CLOSES,
    INSTANT,
    OPENS,
    RULES,
    SALT,
    VICKREY,
    Room,
    minutes,
    room,
    ticker,
    turns,
    usd,
)

PAUSE = PauseAuction(party_id=BUYER, reason="a question")
RESUME = ResumeAuction(party_id=BUYER, reason="answered")


def void(live: Room, offer: int, at: datetime = OPENS) -> tuple[object, ...]:
    return live.do(VoidOffer(party_id=BUYER, offer=offer, reason="a slip"), at)


@pytest.mark.parametrize(
    "command",
    [
        PAUSE,
        RESUME,
        ExtendAuction(party_id=BUYER, closes_at=CLOSES + minutes(1), reason="x"),
        VoidOffer(party_id=BUYER, offer=3, reason="x"),
        PlaceSurrogate(party_id=BUYER, vendor_id=ANN, price=usd("9"), reason="x"),
        CancelAuction(party_id=BUYER, reason="x"),
    ],
)
def test_only_the_buyer_acts_for_the_buyer(command: BuyerAct) -> None:
    with pytest.raises(BuyerOnly):
        room().do(replace(command, party_id=ANN))


# Pause and resume ------------------------------------------------------------------------------


def test_a_pause_keeps_the_time_that_is_left() -> None:
    live = room()
    live.do(PAUSE, OPENS + minutes(4))

    with pytest.raises(AuctionPaused):
        live.offer(ANN, "9", OPENS + minutes(5))
    assert live.wait(CLOSES + minutes(1)) == ()
    live.do(RESUME, OPENS + minutes(34))

    assert live.state.closes_at == OPENS + minutes(40)
    live.offer(ANN, "9", OPENS + minutes(40) - INSTANT)
    assert live.state.status is Status.LIVE


def test_an_auction_may_be_resumed_at_an_instant_to_come() -> None:
    live = room()
    live.do(PAUSE, OPENS + minutes(4))
    with pytest.raises(ResumptionPast):
        live.do(replace(RESUME, resumes_at=OPENS + minutes(5)), OPENS + minutes(5))
    live.do(replace(RESUME, resumes_at=OPENS + minutes(9)), OPENS + minutes(5))

    with pytest.raises(AuctionPaused):
        live.offer(ANN, "9", OPENS + minutes(9) - INSTANT)
    live.offer(ANN, "9", OPENS + minutes(9))

    assert live.state.closes_at == CLOSES + minutes(5)


def test_what_is_not_paused_is_not_resumed_and_what_is_paused_is_not_paused_again() -> None:
    live = room()

    with pytest.raises(AuctionNotPaused):
        live.do(RESUME)
    live.do(PAUSE)
    with pytest.raises(AuctionPaused):
        live.do(PAUSE)


def test_the_hard_stop_moves_with_a_pause() -> None:
    live = room(replace(RULES, hard_stop=minutes(1), soft_close_extension=minutes(9)))
    live.do(PAUSE, OPENS)
    live.do(RESUME, OPENS + minutes(5))

    live.offer(ANN, "9", CLOSES + minutes(5) - INSTANT)

    assert live.state.closes_at == CLOSES + minutes(6)


def test_a_pause_keeps_the_rest_of_a_turn_and_of_a_level() -> None:
    speaking = room(turns(1))
    falling = room(ticker(FormatName.JAPANESE, "10", "1"))
    for live in (speaking, falling):
        live.do(PAUSE, OPENS + timedelta(seconds=45))
        live.do(RESUME, OPENS + minutes(30))

    ends_at = OPENS + minutes(30) + timedelta(seconds=15)

    assert speaking.offer(CAT, "9", ends_at - INSTANT)
    assert falling.accept(CAT, "10", ends_at - INSTANT)


# Extend, void, surrogate, cancel ---------------------------------------------------------------


def test_the_buyer_may_move_the_close_to_a_later_instant_alone() -> None:
    live = room(replace(RULES, hard_stop=minutes(5)))

    for refused in (CLOSES, CLOSES + minutes(5) + INSTANT):
        with pytest.raises(CloseNotMoved):
            live.do(ExtendAuction(party_id=BUYER, closes_at=refused, reason="x"))
    live.do(ExtendAuction(party_id=BUYER, closes_at=CLOSES + minutes(5), reason="x"))

    assert live.state.closes_at == CLOSES + minutes(5)
    assert live.state.extensions == 0


def test_a_voided_offer_is_as_if_it_had_never_been() -> None:
    live = room()
    live.offer(CAT, "9.5")
    live.offer(CAT, "9")
    live.offer(BOB, "9.2")

    void(live, 4)

    assert live.aliases() == ["Bidder 2", "Bidder 3", "Bidder 1"]
    assert live.price(CAT) == "9.50"
    void(live, 3)
    assert live.price(CAT) == "12.00"
    assert (live.state.offers, [one.sequence for one in live.state.recent]) == (1, [5])
    assert isinstance(live.log[2][1], facts.OfferPlaced)


@pytest.mark.parametrize("offer", [2, 4, -1, 99])
def test_what_is_no_offer_that_counts_cannot_be_voided(offer: int) -> None:
    live = room()
    live.offer(CAT, "9.5")

    with pytest.raises(OfferUnknown):
        void(live, offer)


def test_an_offer_is_voided_once() -> None:
    live = room()
    live.offer(CAT, "9.5")
    void(live, 3)

    with pytest.raises(OfferUnknown):
        void(live, 3)


def test_proxies_answer_to_what_a_voided_offer_leaves() -> None:
    rules = replace(RULES, proxies=True, step_against=StepAgainst.LEAD)
    live = room(rules, ("10", "10.5", "11"))
    live.offer(BOB, "9.8")
    live.offer(CAT, "1")
    live.proxy(ANN, "8", "0.1")

    told = void(live, 4)

    assert isinstance(told[0], facts.OfferVoided)
    assert live.price(ANN) == "9.70"
    assert live.price(CAT) == "11.00"


def test_the_proxy_of_a_voided_offer_goes_with_it() -> None:
    rules = replace(RULES, proxies=True, step_against=StepAgainst.LEAD)
    live = room(rules, ("10", "10.5", "11"))
    live.proxy(CAT, "8", "0.1")

    void(live, 4)

    assert live.state.proxies == {}
    assert live.price(CAT) == "11.00"


def test_a_voided_sealed_offer_may_be_made_anew() -> None:
    live = room(VICKREY)
    live.offer(ANN, "9")
    live.offer(BOB, "10")
    void(live, 3)
    live.offer(ANN, "11")

    live.wait(CLOSES)

    assert live.state.closed is not None
    assert live.state.closed.winner == "Bidder 2"
    with pytest.raises(AuctionOver):
        void(live, 4)


def test_a_pending_offer_of_a_turn_may_be_voided() -> None:
    live = room(turns(1))
    live.offer(CAT, "9")
    void(live, 5)

    live.wait(OPENS + minutes(1))

    assert live.price(CAT) == "12.00"


def test_a_surrogate_offer_keeps_the_rules_and_says_why() -> None:
    live = room()
    command = PlaceSurrogate(party_id=BUYER, vendor_id=BOB, price=usd("9"), reason="line down")

    (offer,) = live.do(command)

    assert isinstance(offer, facts.OfferPlaced)
    assert (offer.alias, offer.surrogate_reason) == ("Bidder 2", "line down")
    with pytest.raises(OfferTooHigh):
        live.do(command)


@pytest.mark.parametrize(
    ("rules", "vendor", "price", "fact"),
    [
        (VICKREY, ANN, "9", facts.OfferSealed),
        (turns(1), CAT, "9", facts.OfferSealed),
        (ticker(FormatName.JAPANESE, "10", "1"), ANN, "10", facts.LevelAccepted),
    ],
)
def test_a_surrogate_offer_is_placed_in_every_format(
    rules: Rules, vendor: PartyId, price: str, fact: type
) -> None:
    live = room(rules)

    (told, *_) = live.do(
        PlaceSurrogate(
            party_id=BUYER,
            vendor_id=vendor,
            price=usd(price),
            salt=SALT,
            reason="line down",
        )
    )

    assert isinstance(told, fact)
