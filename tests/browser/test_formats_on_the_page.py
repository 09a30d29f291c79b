"""Each format of an auction, and each way it can end, on its live page."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from playwright.async_api import expect

from services.auctions.domain import facts
from services.auctions.domain.formats.format import Exposure
from services.auctions.domain.picture import Picture
from services.auctions.domain.ruleset import (
    Band,
    CloseBase,
    Scoring,
    Show,
    ShowRank,
    StepMode,
    Ties,
)
from services.auctions.domain.terms import Status
from tests.browser.conftest import (
    FALLING,
    NOW,
    RULES,
    SEALED,
    SECOND_PRICE,
    TURNS,
    AuctionsTwin,
    Opens,
    Visit,
    e4,
    levelled,
    picture,
    turning,
)

pytestmark = pytest.mark.browser

REASON: Final = "A vendor asked what counts as a device"


def ended(outcome: str, *, price: str | None = None, **changes: object) -> Picture:
    """An auction that closed with an outcome; Alpha won where there is a price."""
    winner = None if price is None else "Alpha"
    closed = facts.Closed(ranking=(), outcome=outcome, winner=winner, price=price)
    return replace(picture(), status=Status.CLOSED, closed=closed, **changes)  # type: ignore[arg-type]  # each test names real fields


def budgeted(shown: Picture, budget: str) -> Picture:
    """The same, where the buyer reckoned with a price per unit."""
    return replace(shown, terms=replace(shown.terms, budget_e4=e4(budget)))


def sealed() -> Picture:
    """An auction in which Alpha and Bravo have sealed an offer each."""
    offered = {"Alpha": e4("9.11"), "Bravo": e4("9.22")}
    return picture(
        rules=SECOND_PRICE,
        exposure=Exposure.NOTHING,
        ranking=(),
        recent=(),
        sealed=offered,
    )


async def test_paused_auction_says_why_and_its_clock_stands(tab: Visit) -> None:
    await tab.open_auction(picture(status=Status.PAUSED, pause_reason=REASON))

    await expect(tab.page.locator("#status")).to_have_text("Paused")
    await expect(tab.page.locator("#pause")).to_have_text(f"Paused by the buyer: {REASON}")
    await expect(tab.page.locator("#time-left")).to_have_text("Stands still")
    await expect(tab.page.locator("#time-note")).to_have_text(
        "The clock stands until the buyer resumes."
    )


async def test_pause_counts_down_to_its_set_end_and_goes(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture(
        status=Status.PAUSED, pause_reason=REASON, resumes_at=NOW + timedelta(minutes=3)
    )
    await tab.open_auction(shown)
    await expect(tab.page.locator("#time-label")).to_have_text("Resumes in")
    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^(3:00|2:5\d)$"))

    await twin.show(
        replace(shown, sequence=4, status=Status.LIVE, resumes_at=None, pause_reason=None)
    )

    await expect(tab.page.locator("#time-label")).to_have_text("Time left")
    await expect(tab.page.locator("#pause")).to_be_hidden()
    await expect(tab.page.locator("#announcements")).to_have_text("The auction is live.")


async def test_level_of_a_falling_price_stands_large_with_its_end(tab: Visit) -> None:
    await tab.open_auction(levelled("18.5"), token="bravo")

    await expect(tab.page.locator("#lead-label")).to_have_text("Price level")
    await expect(tab.page.locator("#lead-price")).to_have_text("$18.50")
    await expect(tab.page.locator("#lead-note")).to_contain_text("falls by $0.50 every 30 s")
    await expect(tab.page.locator("#time-label")).to_have_text("Level ends in")
    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^0:(20|1\d)$"))
    await expect(tab.page.locator("#own-rank")).to_have_text("Still in")
    await expect(tab.page.locator("#rules")).to_contain_text(
        "The price begins at $20.00 and falls by $0.50 every 30 s."
    )
    await expect(tab.page.locator("#to-beat-pair")).to_be_hidden()


@pytest.mark.parametrize(
    ("still_in", "accepted", "said"),
    [
        pytest.param(("Alpha", "Bravo"), ("Bravo",), "Accepted", id="accepted"),
        pytest.param(("Alpha", "Charlie"), ("Alpha",), "Out", id="out"),
    ],
)
async def test_vendor_is_told_where_a_level_leaves_it(
    tab: Visit, still_in: tuple[str, ...], accepted: tuple[str, ...], said: str
) -> None:
    await tab.open_auction(levelled("18", still_in=still_in, accepted=accepted), token="bravo")

    await expect(tab.page.locator("#own-rank")).to_have_text(said)
    assert not re.search(r"Alpha|Charlie", await tab.page.content())


async def test_turn_is_told_with_its_round_and_its_end(tab: Visit) -> None:
    await tab.open_auction(turning("Charlie"))

    await expect(tab.page.locator("#time-label")).to_have_text("Turn ends in")
    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^1:(30|2\d)$"))
    await expect(tab.page.locator("#time-note")).to_have_text("Round 2 of 3 · Charlie\u2019s turn")


async def test_vendor_is_told_its_own_turn_and_what_it_has_sealed_in_it(
    tab: Visit, twin: AuctionsTwin
) -> None:
    shown = turning("Charlie")
    await tab.open_auction(shown, token="bravo")
    await expect(tab.page.locator("#own-rank")).to_have_text("Rank 2")

    await twin.show(replace(turning("Bravo", sealed={"Bravo": e4("9.33")}), terms=shown.terms))

    await expect(tab.page.locator("#own-rank")).to_have_text("Your turn")
    await expect(tab.page.locator("#own-place")).to_have_text("2")
    await expect(tab.page.locator("#own-sealed")).to_have_text("$9.33")
    await expect(tab.page.locator("#time-label")).to_have_text("Your turn ends in")
    await expect(tab.page.locator("#announcements")).to_have_text("It is your turn.")


async def test_pause_between_rounds_is_nobodys_turn(tab: Visit) -> None:
    await tab.open_auction(turning(None))

    await expect(tab.page.locator("#time-label")).to_have_text("Next round in")
    await expect(tab.page.locator("#time-note")).to_have_text("Round 2 of 3 · pause")


async def test_turn_that_the_rules_hide_is_not_taken_for_a_pause(tab: Visit) -> None:
    shown = turning("Charlie", rules=replace(TURNS, show_rank=ShowRank.OWN))

    await tab.open_auction(shown)

    await expect(tab.page.locator("#time-label")).to_have_text("Turn or pause ends in")
    await expect(tab.page.locator("#time-note")).to_contain_text("whose turn it is is not shown")
    assert "Charlie" not in await tab.page.content()


@pytest.mark.parametrize("token", ["observer", "buyer", "bravo"])
async def test_sealed_auction_shows_nothing_of_others(tab: Visit, token: str) -> None:
    await tab.open_auction(sealed(), token=token)

    await expect(tab.page.locator("#lead-price")).to_have_text("Sealed")
    await expect(tab.page.locator("#ranks-note")).to_have_text(
        "The offers are sealed: nobody ranks before the close."
    )
    await expect(tab.page.locator("#recent-note")).to_have_text(
        "Offers are sealed for all, the buyer too, until the close."
    )
    assert not re.search(r"9\.11|Alpha", await tab.page.content())


async def test_sealed_offers_are_counted_for_no_watcher(tab: Visit) -> None:
    await tab.open_auction(sealed())

    await expect(tab.page.locator("#offers")).to_have_text("Not shown")
    await expect(tab.page.locator("#offers-note")).to_have_text("until the auction is over")
    assert "9.22" not in await tab.page.content()


async def test_vendor_sees_its_own_sealed_offer(tab: Visit) -> None:
    await tab.open_auction(sealed(), token="bravo")

    await expect(tab.page.locator("#own-rank")).to_have_text("Offer sealed")
    await expect(tab.page.locator("#own-sealed")).to_have_text("$9.22")
    await expect(tab.page.locator("#own-price-pair")).to_be_hidden()


async def test_outcome_names_the_contract_price_and_the_saving(tab: Visit) -> None:
    await tab.open_auction(budgeted(ended("won", price="10.40"), "11"), token="buyer")

    await expect(tab.page.locator("#lead-label")).to_have_text("Contract price")
    await expect(tab.page.locator("#lead-price")).to_have_text("$10.40")
    await expect(tab.page.locator("#lead-note")).to_have_text(
        "Won by Alpha, which had offered $10.00 · per unit (device)"
    )
    # 4,200 devices at 1.00 below the budget, by the best price.
    await expect(tab.page.locator("#saving")).to_have_text(
        "$4,200.00 saved against the budget for the whole lot"
    )


async def test_price_above_the_budget_is_told_without_a_sign(tab: Visit) -> None:
    await tab.open_auction(budgeted(picture(), "9.50"), token="buyer")

    await expect(tab.page.locator("#saving")).to_have_text(
        "$2,100.00 over the budget for the whole lot so far"
    )


async def test_saving_is_told_to_the_buyer_alone(tab: Visit) -> None:
    await tab.open_auction(budgeted(ended("won", price="10"), "11"))

    await expect(tab.page.locator("#lead-note")).to_have_text("Won by Alpha · per unit (device)")
    await expect(tab.page.locator("#saving")).to_be_hidden()


@pytest.mark.parametrize(
    ("shown", "figure", "note"),
    [
        pytest.param(
            ended("reserve_not_met"),
            "Reserve not met",
            "The best price, $10.00, is above the reserve.",
            id="reserve",
        ),
        pytest.param(
            ended("no_offer", ranking=(), recent=(), offers=0),
            "No offer",
            "Nobody had offered when it closed.",
            id="no_offer",
        ),
        pytest.param(
            ended("reasonableness", price="10"),
            "$10.00",
            "Alpha stood alone: its price is to be judged · per unit (device)",
            id="alone",
        ),
    ],
)
async def test_end_without_a_contract_is_told(
    tab: Visit, shown: Picture, figure: str, note: str
) -> None:
    await tab.open_auction(shown)

    await expect(tab.page.locator("#lead-price")).to_have_text(figure)
    await expect(tab.page.locator("#lead-note")).to_have_text(note)


async def test_close_that_came_early_is_told_with_its_instant(tab: Visit) -> None:
    ended_at = NOW - timedelta(minutes=2)
    await tab.open_auction(picture(rules=FALLING, status=Status.CLOSED, ended_at=ended_at))

    await expect(tab.page.locator("#time-label")).to_have_text("Closed")
    await expect(tab.page.locator("#time-left")).to_have_text("9:58:00 AM")


async def test_weighed_lead_is_told_as_the_vendors_own_price(tab: Visit) -> None:
    weighed = replace(RULES, score=Scoring.FACTORED)

    await tab.open_auction(picture(rules=weighed, lead_for={"Bravo": e4("10.10")}), token="bravo")

    await expect(tab.page.locator("#lead-price")).to_have_text("$10.10")
    await expect(tab.page.locator("#lead-note")).to_contain_text("as you would have to offer it")


async def test_end_is_announced_with_its_outcome(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture()
    await tab.open_auction(shown)
    await expect(tab.page.locator("#lead-price")).to_have_text("$10.00")

    await twin.show(replace(ended("won", price="10"), terms=shown.terms, sequence=4))

    await expect(tab.page.locator("#announcements")).to_have_text(
        "The auction is closed. Alpha won at $10.00."
    )


async def test_practice_wears_its_badge(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture()
    twin.practices.add(shown.terms.id)

    await tab.open_auction(shown)

    await expect(tab.page.locator("#practice")).to_have_text("Practice: nothing here binds")
    await expect(tab.page.locator("#practice")).to_be_visible()


async def test_auction_that_counts_wears_no_badge(tab: Visit) -> None:
    await tab.open_auction(picture())

    await expect(tab.page.locator("#title")).to_be_visible()
    await expect(tab.page.locator("#practice")).to_be_hidden()


async def test_vendor_without_a_rank_or_a_price_is_told_so(tab: Visit) -> None:
    shown = picture(ranking=(), recent=(), offers=0, waiting=(("Bravo", e4("15")),))

    await tab.open_auction(shown, token="bravo")

    await expect(tab.page.locator("#own-rank")).to_have_text("No rank yet")
    await expect(tab.page.locator("#own-price-pair")).to_be_hidden()
    await expect(tab.page.locator("#to-beat")).to_have_text("$15.00 or less")
    await expect(tab.page.locator("#lead-price")).to_have_text("No offer yet")


async def test_rank_that_the_rules_hide_is_not_shown_to_its_own_vendor(tab: Visit) -> None:
    hidden = replace(SEALED, show_own_rank=Show.NEVER)

    await tab.open_auction(picture(rules=hidden), token="bravo")

    await expect(tab.page.locator("#own-rank")).to_have_text("Rank not shown")
    await expect(tab.page.locator("#own-price")).to_have_text("$10.50")


SENTENCES: Final = {
    "bands": (
        {"bands": (Band(e4("100"), e4("1")), Band(e4("50"), e4("0.5")))},
        "The step depends on that price: $1.00 above $100.00, $0.50 above $50.00, and $0.05 else.",
    ),
    "free": ({"step_mode": StepMode.FREE}, "each must be below the vendor\u2019s own last price."),
    "receipt": (
        {
            "soft_close_base": CloseBase.RECEIPT,
            "soft_close_rank": 3,
            "hard_stop": timedelta(minutes=10),
        },
        (
            "An offer in the last 30 s that takes rank 3 or better moves the close to 30 s after "
            "the offer, if that is later, at most 20 times. It never moves past 10 min after the "
            "first close."
        ),
    ),
    "ties": (
        {"ties": Ties.NONE_AMONG_FIRST, "ties_first": 3},
        "No offer may tie with another vendor\u2019s within the best 3 ranks.",
    ),
    "proxies": ({"proxies": True}, "Vendors may let the house bid for them"),
    "score": (
        {"score": Scoring.FACTORED},
        "Prices are weighed before they are ranked; each vendor sees its own price to beat.",
    ),
    "ceiling": ({"ceiling_e4": e4("20")}, "No offer may be above $20.00."),
    "after": (
        {"show_lead": Show.AFTER_FIRST_OFFER},
        "The lead price is shown to a vendor after its first offer.",
    ),
    "never": ({"show_lead": Show.NEVER}, "The lead price is not shown."),
}


@pytest.mark.parametrize(
    ("changes", "sentence"), [pytest.param(*one, id=name) for name, one in SENTENCES.items()]
)
async def test_rule_stands_in_plain_words(
    tab: Visit, changes: dict[str, object], sentence: str
) -> None:
    rules = replace(RULES, **changes)  # type: ignore[arg-type]  # each case names real fields

    await tab.open_auction(picture(rules=rules))

    await expect(tab.page.locator("#rules")).to_contain_text(sentence)


async def test_board_tells_levels_pauses_and_ends(tab: Visit, twin: AuctionsTwin) -> None:
    falling = levelled("18.5")
    halted = picture(status=Status.PAUSED)
    won = ended("won", price="10.40")
    twin.pictures.update({one.terms.id: one for one in (falling, halted, won)})

    await tab.open_board()

    await expect(tab.page.locator("#live [data-part=lead]")).to_have_text("$18.50")
    await expect(tab.page.locator("#live [data-part=time-label]")).to_have_text("Level ends in")
    await expect(tab.page.locator("#paused [data-part=time]")).to_have_text("Stands still")
    await expect(tab.page.locator("#over [data-part=lead-label]")).to_have_text("Contract price")
    await expect(tab.page.locator("#over [data-part=lead]")).to_have_text("$10.40")


async def test_phone_holds_every_format(open_tab: Opens) -> None:
    tab = await open_tab(viewport={"width": 360, "height": 740})

    for shown in (levelled("18.5"), turning("Bravo"), sealed()):
        await tab.open_auction(shown, token="bravo")
        await expect(tab.page.locator("#own-rank")).to_be_visible()
        assert await tab.page.evaluate("document.documentElement.scrollWidth") == 360
