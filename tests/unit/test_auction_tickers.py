"""Falling and rising tickers: levels, who is out, who wins, and what is paid."""

from dataclasses import replace

import pytest

from services.auctions.domain import facts
from services.auctions.domain.auction import AuctionOver, Status
from services.auctions.domain.commands import LeaveAuction
from services.auctions.domain.refused import (
    LevelAccepted,
    LevelPassed,
    VendorOut,
)
from services.auctions.domain.ruleset import FormatName, TickerPrice, TieRanking
from tests.unit.auction_room import (
    ANN,
    BOB,
    CAT,
    INSTANT,
    OPENS,
    Room,
    e4,
    minutes,
    room,
    ticker,
)

FALLING = ticker(FormatName.JAPANESE, "10", "1")
RISING = replace(ticker(FormatName.DUTCH, "50", "10"), ceiling_e4=e4("150"))


def closed(live: Room) -> facts.Closed:
    fact = live.state.closed
    assert fact is not None
    return fact


def level(live: Room) -> facts.LevelBegan:
    began = [fact for _, fact, _, _ in live.log if isinstance(fact, facts.LevelBegan)]
    return began[-1]


# Dutch -----------------------------------------------------------------------------------------


def test_a_rising_ticker_from_50_by_10_every_3_minutes_reaches_150_after_30_minutes() -> None:
    assert RISING.ticker is not None
    rules = replace(RISING, ticker=replace(RISING.ticker, period=minutes(3)))
    live = room(rules, closes_at=OPENS + minutes(60))

    live.wait(OPENS + minutes(30) - INSTANT)
    before = level(live).price
    live.wait(OPENS + minutes(30))

    assert (before, level(live).price) == ("140.00", "150.00")


def test_the_first_acceptance_wins_at_the_level_and_ends_a_rising_ticker() -> None:
    live = room(RISING)

    told = live.accept(CAT, "70", OPENS + minutes(2))

    assert told[0] == facts.LevelAccepted(alias="Bidder 3", price="70.00")
    assert (closed(live).winner, closed(live).price, closed(live).outcome) == (
        "Bidder 3",
        "70.00",
        "won",
    )
    with pytest.raises(AuctionOver):
        live.accept(ANN, "70", OPENS + minutes(2))


def test_a_level_is_accepted_until_just_before_it_ends() -> None:
    live = room(RISING)

    with pytest.raises(LevelPassed) as caught:
        live.accept(ANN, "50", OPENS + minutes(1))
    assert caught.value.details == {"level": "60.00"}
    assert room(RISING).accept(ANN, "50", OPENS + minutes(1) - INSTANT)


def test_a_rising_ticker_that_nobody_accepts_ends_past_its_ceiling_without_a_winner() -> None:
    live = room(RISING, closes_at=OPENS + minutes(60))

    live.wait(OPENS + minutes(11))

    assert level(live).price == "150.00"
    assert (closed(live).outcome, closed(live).winner) == ("no_offer", None)


# Japanese --------------------------------------------------------------------------------------


def test_who_lets_a_level_pass_is_out_and_the_last_one_wins_at_its_own_level() -> None:
    live = room(FALLING)
    for vendor in (ANN, BOB, CAT):
        live.accept(vendor, "10")
    live.accept(ANN, "9", OPENS + minutes(1))
    live.accept(BOB, "9", OPENS + minutes(1))

    live.accept(BOB, "8", OPENS + minutes(2))
    with pytest.raises(VendorOut):
        live.accept(CAT, "8", OPENS + minutes(2))
    live.wait(OPENS + minutes(3))

    assert [(one.alias, one.rank, one.price) for one in closed(live).ranking] == [
        ("Bidder 2", 1, "8.00"),
        ("Bidder 1", 2, "9.00"),
        ("Bidder 3", 3, "10.00"),
    ]
    assert (closed(live).winner, closed(live).price) == ("Bidder 2", "8.00")


def test_the_last_one_may_be_paid_the_level_of_the_runner_up() -> None:
    live = room(ticker(FormatName.JAPANESE, "10", "1", price=TickerPrice.RUNNER_UP))
    live.accept(ANN, "10")
    live.accept(BOB, "10")
    live.accept(BOB, "9", OPENS + minutes(1))

    live.wait(OPENS + minutes(2))

    assert (closed(live).winner, closed(live).price) == ("Bidder 2", "10.00")


@pytest.mark.parametrize(
    ("ranking", "ranks"),
    [
        (TieRanking.EARLIEST, [1, 2]),
        (TieRanking.EQUAL_BEST, [1, 1]),
        (TieRanking.EQUAL_WORST, [2, 2]),
    ],
)
def test_the_last_who_leave_together_tie_at_the_level_before(
    ranking: TieRanking, ranks: list[int]
) -> None:
    live = room(replace(FALLING, tie_ranking=ranking))
    live.accept(CAT, "10")
    live.accept(ANN, "10")

    live.wait(OPENS + minutes(2))

    assert [(one.alias, one.rank, one.price) for one in closed(live).ranking] == [
        ("Bidder 3", ranks[0], "10.00"),
        ("Bidder 1", ranks[1], "10.00"),
    ]
    assert closed(live).winner == "Bidder 3"


def test_leaving_is_for_good_and_accepting_binds_until_the_level_ends() -> None:
    live = room(FALLING)
    live.do(LeaveAuction(party_id=ANN))
    live.accept(BOB, "10")

    with pytest.raises(VendorOut):
        live.accept(ANN, "10")
    with pytest.raises(LevelAccepted):
        live.do(LeaveAuction(party_id=BOB))
    with pytest.raises(LevelAccepted):
        live.accept(BOB, "10")


def test_a_falling_ticker_that_nobody_accepts_has_no_winner() -> None:
    live = room(FALLING)

    live.wait(OPENS + minutes(1))

    assert closed(live).outcome == "no_offer"


def test_a_ticker_ends_at_the_close_whatever_its_level() -> None:
    live = room(FALLING, closes_at=OPENS + minutes(1.5))
    for at in (OPENS, OPENS + minutes(1)):
        for vendor in (ANN, BOB):
            live.accept(vendor, str(10 - (at - OPENS) // minutes(1)), at)

    live.wait(OPENS + minutes(1.5))

    assert live.state.status is Status.CLOSED
    assert closed(live).ranking[0].price == "9.00"
