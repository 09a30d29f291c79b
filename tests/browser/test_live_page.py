"""The live pages in a browser: true, quiet about what is hidden, and back after every fault."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import ViewportSize, expect

from services.auctions.domain.picture import Picture
from services.auctions.domain.terms import Status
from shared.domain.ids import new_id
from tests.browser.conftest import (
    DESK,
    NOW,
    SEALED,
    AuctionsTwin,
    Opens,
    Visit,
    beaten,
    picture,
)
from tests.patience import until

pytestmark = pytest.mark.browser

PHONE: Final[ViewportSize] = {"width": 360, "height": 740}

CONTRAST_AA: Final = 4.5
"""Source: WCAG 2.2, success criterion 1.4.3."""

CONTRASTS: Final = """
selectors => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const channel = value => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ([red, green, blue]) =>
    0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return selectors.map(selector => {
    const element = document.querySelector(selector);
    const [ink, paper] = [parse(getComputedStyle(element).color), behind(element)].map(luminance);
    const [light, dark] = ink > paper ? [ink, paper] : [paper, ink];
    return [selector, (light + 0.05) / (dark + 0.05)];
  });
}
"""
"""The contrast of each element's text with what is behind it. Source: WCAG 2.2, its definitions."""

SKEWED_CLOCK: Final = """
const RealDate = Date;
const skew = 3600 * 1000 * 37;
globalThis.Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(RealDate.now() + skew); }
  static now() { return RealDate.now() + skew; }
};
"""

HEARD: Final = """
globalThis.heard = [];
addEventListener("DOMContentLoaded", () => {
  const region = document.getElementById("announcements");
  new MutationObserver(() => globalThis.heard.push(region.textContent))
    .observe(region, { childList: true, characterData: true, subtree: true });
});
"""


async def heard(tab: Visit) -> list[str]:
    """Everything that a screen reader was given to say, with plain spaces."""
    said: list[str] = await tab.page.evaluate("globalThis.heard")
    return [" ".join(one.split()) for one in said]


async def test_new_lead_appears(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture()
    await tab.open_auction(shown)
    await expect(tab.page.locator("#lead-price")).to_have_text("$10.00")

    await twin.show(beaten(shown, "Charlie", "9.8765"))

    await expect(tab.page.locator("#lead-price")).to_have_text("$9.8765")
    await expect(tab.page.locator("#lead-note")).to_contain_text("Charlie leads")
    await expect(tab.page.locator("#offers")).to_have_text("3")
    await expect(tab.page.locator("#recent-rows tr").first).to_contain_text("Charlie$9.8765")
    await expect(tab.page.locator("#ranks-rows tr").first).to_have_text("1Charlie")


async def test_lot_and_rules_stand_in_plain_words(tab: Visit) -> None:
    await tab.open_auction(picture())

    await expect(tab.page.locator("#title")).to_have_text("Laptops")
    await expect(tab.page.locator("#lot")).to_have_text(re.compile("^4,200 . device$"))
    await expect(tab.page.locator("#rules")).to_contain_text(
        "Only lower offers count: each must be at least $0.05 below the vendor"
    )
    await expect(tab.page.locator("#rules")).to_contain_text(
        "An offer in the last 30 s moves the close by 30 s, at most 20 times."
    )


async def test_picture_older_than_the_one_shown_is_passed_over(
    tab: Visit, twin: AuctionsTwin
) -> None:
    shown = beaten(picture(), "Charlie", "9")
    await tab.open_auction(shown)
    await expect(tab.page.locator("#lead-price")).to_have_text("$9.00")

    await twin.show(replace(shown, sequence=shown.sequence - 1, offers=77))
    twin.clock.advance(timedelta(minutes=3))
    await twin.beat()

    # The beat came behind the old picture, so once it shows, that picture has been read.
    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^(2:00|1:5\d)$"))
    assert await tab.page.locator("#offers").inner_text() == "3"


async def test_time_left_follows_the_service_though_the_device_is_off(
    tab: Visit, twin: AuctionsTwin
) -> None:
    await tab.page.add_init_script(SKEWED_CLOCK)
    await tab.open_auction(picture())
    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^(5:00|4:5\d)$"))

    twin.clock.advance(timedelta(minutes=3))
    await twin.beat()

    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^(2:00|1:5\d)$"))


async def test_time_left_runs_between_messages(tab: Visit) -> None:
    await tab.page.clock.install()
    await tab.open_auction(picture())
    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^(5:00|4:5\d)$"))

    await tab.page.clock.run_for(20_000)

    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^4:(40|3\d)$"))


@pytest.mark.parametrize(
    ("left_s", "is_said"), [pytest.param(58, True, id="below"), pytest.param(75, False, id="above")]
)
async def test_last_minute_is_said_in_words(tab: Visit, *, left_s: int, is_said: bool) -> None:
    await tab.open_auction(picture(closes_at=NOW + timedelta(seconds=left_s)))

    note = tab.page.locator("#time-note")
    await expect(note).to_contain_text("closes")
    assert ("Last minute" in await note.inner_text()) is is_said


async def test_extension_is_counted(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture(closes_at=NOW + timedelta(seconds=20))
    await tab.open_auction(shown)
    await expect(tab.page.locator("#time-note")).to_contain_text("not extended")

    later = NOW + timedelta(seconds=50)
    await twin.show(beaten(shown, "Bravo", "9", extensions=2, closes_at=later))

    await expect(tab.page.locator("#time-note")).to_contain_text("10:00:50")
    await expect(tab.page.locator("#time-note")).to_contain_text("extended 2 times")


async def test_broken_stream_goes_on_with_a_new_ticket(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture()
    await tab.open_auction(shown)
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")

    twin.is_away = True
    twin.cut()
    await expect(tab.page.locator("#connection")).to_have_text(
        "Reconnecting, figures as of 10:00:00 AM"
    )
    await until(lambda: _is(twin.asked_while_away > 0))
    twin.pictures[shown.terms.id] = beaten(shown, "Bravo", "9.50")
    twin.is_away = False

    await expect(tab.page.locator("#connection")).to_have_text("Live connection")
    await expect(tab.page.locator("#lead-price")).to_have_text("$9.50")
    assert (twin.opened, twin.refused) == (2, 0)


async def test_silent_stream_is_given_up(tab: Visit, twin: AuctionsTwin) -> None:
    await tab.page.clock.install()
    await tab.open_auction(picture())
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")

    await tab.page.clock.run_for(20_000)
    assert twin.opened == 1
    await tab.page.clock.run_for(6_000)

    await until(lambda: _is(twin.opened == 2))
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")


async def test_prices_hidden_by_the_rules_never_reach_the_page(
    tab: Visit, twin: AuctionsTwin
) -> None:
    shown = picture(rules=SEALED)
    await tab.open_auction(shown)
    await expect(tab.page.locator("#offers")).to_have_text("2")

    await twin.show(beaten(shown, "Charlie", "9.8765"))

    await expect(tab.page.locator("#offers")).to_have_text("3")
    content = await tab.page.content()
    assert not re.search(r"10\.00|10\.50?|12\.3456|9\.8765|Alpha|Bravo|Charlie", content)
    await expect(tab.page.locator("#lead-price")).to_have_text("Not shown")
    await expect(tab.page.locator("#ranks-note")).to_have_text(
        "Ranks are shown only to their own vendor until the auction is over."
    )
    await expect(tab.page.locator("#recent-note")).to_have_text(
        "Individual offers are not shown until the auction is over."
    )
    await expect(tab.page.locator("#ranks")).to_be_hidden()


async def test_buyer_sees_what_the_rules_hide_from_others(tab: Visit) -> None:
    await tab.open_auction(picture(rules=SEALED), token="buyer")

    await expect(tab.page.locator("#lead-price")).to_have_text("$10.00")
    await expect(tab.page.locator("#ranks-rows tr").last).to_have_text("3Charlie$12.3456")
    await expect(tab.page.locator("#ranks-note")).to_be_hidden()


async def test_everything_is_shown_once_the_auction_is_over(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture(rules=SEALED)
    await tab.open_auction(shown)
    await expect(tab.page.locator("#lead-price")).to_have_text("Not shown")

    await twin.show(replace(shown, sequence=4, status=Status.CLOSED))

    await expect(tab.page.locator("#lead-label")).to_have_text("Final lead price")
    await expect(tab.page.locator("#lead-price")).to_have_text("$10.00")
    await expect(tab.page.locator("#ranks-rows tr")).to_have_text(
        ["1Alpha$10.00", "2Bravo$10.50", "3Charlie$12.3456"]
    )


async def test_cancelled_auction_says_so_and_runs_no_clock(tab: Visit) -> None:
    await tab.open_auction(picture(status=Status.CANCELLED, cancel_reason="no funds", ended_at=NOW))

    await expect(tab.page.locator("#status")).to_have_text("Cancelled")
    await expect(tab.page.locator("#pause")).to_have_text("Cancelled: no funds")
    await expect(tab.page.locator("#time-note")).to_contain_text("10:00")
    await expect(tab.page.locator("#time-label")).to_have_text("Was to close")
    await expect(tab.page.locator("#time-left")).to_have_text("10:05:00 AM")


async def test_scheduled_auction_counts_down_to_its_opening(tab: Visit) -> None:
    shown = picture(status=Status.SCHEDULED, offers=0, recent=())
    terms = replace(shown.terms, opens_at=NOW + timedelta(days=1, hours=2))

    await tab.open_auction(replace(shown, terms=terms))

    await expect(tab.page.locator("#time-label")).to_have_text("Opens in")
    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^1 d 0[12]:"))


async def test_vendor_finds_its_own_row_and_its_price_to_beat(tab: Visit) -> None:
    await tab.open_auction(picture(), token="bravo")

    await expect(tab.page.locator("#own-label")).to_have_text("Your standing as Bravo")
    await expect(tab.page.locator("#own-rank")).to_have_text("Rank 2")
    await expect(tab.page.locator("#to-beat")).to_have_text("$10.45 or less")
    await expect(tab.page.locator("#ranks-rows tr.is-own")).to_have_text("2Bravo (you)")
    await expect(tab.page.locator("#recent-rows tr.is-own")).to_contain_text("Bravo (you)$10.50")


async def test_vendor_sees_only_its_own_offers_where_others_are_hidden(tab: Visit) -> None:
    await tab.open_auction(picture(rules=SEALED), token="bravo")

    await expect(tab.page.locator("#recent-rows tr")).to_have_count(1)
    await expect(tab.page.locator("#recent-note")).to_have_text(
        "Only your own offers are shown until the auction is over."
    )
    assert not re.search(r"10\.00|12\.3456|Alpha|Charlie", await tab.page.content())


async def test_observer_has_no_standing(tab: Visit) -> None:
    await tab.open_auction(picture())

    await expect(tab.page.locator("#title")).to_be_visible()
    await expect(tab.page.locator("#own")).to_be_hidden()


async def test_price_that_cannot_be_beaten_is_said(tab: Visit) -> None:
    shown = picture(ranking=(("Alpha", 300, 0), ("Bravo", 500, 0), ("Charlie", 600, 100)))

    await tab.open_auction(shown, token="bravo")

    await expect(tab.page.locator("#to-beat")).to_have_text("no lower price possible")


async def test_chart_keeps_what_was_seen_and_says_it(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture()
    await tab.open_auction(shown)
    await expect(tab.page.locator("#chart circle")).to_have_count(2)

    # The service shows the last offers alone; those that the page saw before stay in its chart.
    after = beaten(shown, "Bravo", "9.75")
    await twin.show(replace(after, recent=after.recent[-1:]))

    await expect(tab.page.locator("#chart circle")).to_have_count(3)
    await expect(tab.page.locator("#chart-words")).to_have_text(
        "3 offers seen since 9:58:00 AM, from $10.50 to a lowest of $9.75."
    )


async def test_auction_without_an_offer_says_so(tab: Visit) -> None:
    await tab.open_auction(picture(offers=0, recent=()))

    await expect(tab.page.locator("#recent-note")).to_have_text("No offer yet.")
    await expect(tab.page.locator("#recent")).to_be_hidden()
    await expect(tab.page.locator("#chart")).to_be_hidden()


async def test_what_matters_is_announced(tab: Visit, twin: AuctionsTwin) -> None:
    await tab.page.add_init_script(HEARD)
    await tab.page.clock.install(time=NOW)
    shown = picture()
    await tab.open_auction(shown)
    await expect(tab.page.locator("#lead-price")).to_have_text("$10.00")
    await tab.page.clock.pause_at(NOW + timedelta(seconds=15))

    leads = beaten(shown, "Charlie", "9.50")
    await twin.show(leads)
    await expect(tab.page.locator("#offers")).to_have_text("3")
    beaten_again = beaten(leads, "Bravo", "9", extensions=1, closes_at=NOW + timedelta(minutes=6))
    await twin.show(beaten_again)
    await expect(tab.page.locator("#offers")).to_have_text("4")
    last = beaten(beaten_again, "Alpha", "8.90")
    await twin.show(replace(last, status=Status.CLOSED))
    await expect(tab.page.locator("#offers")).to_have_text("5")
    await tab.page.clock.run_for(3_500)
    assert len(await heard(tab)) == 1
    await tab.page.clock.run_for(1_000)

    first, rest = await heard(tab)
    assert first == "Charlie leads at $9.50."
    assert rest == (
        "The close moved to 10:06:00 AM; extended once. Alpha leads at $8.90. "
        "The auction is closed."
    )


async def test_passing_time_is_not_announced(tab: Visit, twin: AuctionsTwin) -> None:
    await tab.page.add_init_script(HEARD)
    await tab.page.clock.install()
    await tab.open_auction(picture())
    await expect(tab.page.locator("#lead-price")).to_have_text("$10.00")

    await twin.beat()
    await tab.page.clock.run_for(20_000)

    await expect(tab.page.locator("#time-left")).to_have_text(re.compile(r"^4:(40|3\d)$"))
    assert await heard(tab) == []


async def test_own_rank_is_announced_to_its_vendor(tab: Visit, twin: AuctionsTwin) -> None:
    await tab.page.add_init_script(HEARD)
    shown = picture(rules=SEALED)
    await tab.open_auction(shown, token="bravo")
    await expect(tab.page.locator("#own-rank")).to_have_text("Rank 2")

    await twin.show(beaten(shown, "Charlie", "9.50"))

    await expect(tab.page.locator("#announcements")).to_have_text("Your rank is now 3.")


async def test_board_shows_live_first_then_paused_then_scheduled_then_over(
    tab: Visit, twin: AuctionsTwin
) -> None:
    for shown in (
        picture(title="Ended", status=Status.CLOSED, closes_at=NOW - timedelta(hours=1)),
        picture(title="Just ended", status=Status.CANCELLED, closes_at=NOW - timedelta(minutes=1)),
        picture(title="To come", status=Status.SCHEDULED),
        picture(title="Halted", status=Status.PAUSED),
        picture(title="Closes late", closes_at=NOW + timedelta(minutes=9)),
        picture(title="Closes soon"),
    ):
        twin.pictures[shown.terms.id] = shown

    await tab.open_board()

    await expect(tab.page.locator(".card h3")).to_have_text(
        ["Closes soon", "Closes late", "Halted", "To come", "Just ended", "Ended"]
    )
    await expect(tab.page.locator(".group h2:visible")).to_have_text(
        ["Live 2", "Paused 1", "Scheduled 1", "Over 2"]
    )


async def test_board_follows_an_auction_to_its_close(tab: Visit, twin: AuctionsTwin) -> None:
    shown, other = picture(title="Moves"), picture(title="Stays")
    twin.pictures[other.terms.id] = other
    twin.pictures[shown.terms.id] = shown
    await tab.open_board()
    await expect(tab.page.locator("#live .card")).to_have_count(2)

    after = beaten(shown, "Charlie", "9.8765")
    await twin.show(replace(after, status=Status.CLOSED))

    await expect(tab.page.locator("#over .card h3")).to_have_text("Moves")
    await expect(tab.page.locator("#over [data-part=lead]")).to_have_text("$9.8765")
    await expect(tab.page.locator("#live .card h3")).to_have_text("Stays")


async def test_card_of_the_board_leads_to_its_auction(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture(title="Projectors")
    twin.pictures[shown.terms.id] = shown
    await tab.open_board()

    await tab.page.get_by_role("link", name="Projectors").click()

    await expect(tab.page.locator("#title")).to_have_text("Projectors")
    assert urlsplit(tab.page.url).path == f"/auctions/{shown.terms.id}"


async def test_board_keeps_hidden_leads_hidden(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture(rules=SEALED)
    twin.pictures[shown.terms.id] = shown

    await tab.open_board()

    await expect(tab.page.locator("[data-part=lead]")).to_have_text("Not shown")
    assert "$10" not in await tab.page.content()


async def test_empty_board_says_so_until_an_auction_comes(tab: Visit, twin: AuctionsTwin) -> None:
    await tab.open_board()
    await expect(tab.page.locator("#empty")).to_be_visible()

    await twin.show(picture(title="The first"))

    await expect(tab.page.locator(".card h3")).to_have_text("The first")
    await expect(tab.page.locator("#empty")).to_be_hidden()


async def test_token_leaves_the_address_and_stays_in_the_tab(tab: Visit) -> None:
    await tab.open_auction(picture())
    await expect(tab.page.locator("#title")).to_have_text("Laptops")
    assert "observer" not in tab.page.url
    assert "#" not in tab.page.url

    await tab.page.reload()

    await expect(tab.page.locator("#title")).to_have_text("Laptops")
    stored = await tab.page.evaluate("[localStorage.length, document.cookie]")
    assert stored == [0, ""]
    assert not [address for address in tab.addresses if "observer" in urlsplit(address).query]


async def test_new_token_in_the_address_signs_in_anew(tab: Visit) -> None:
    shown = picture()
    await tab.open_auction(shown)
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")

    await tab.page.evaluate("location.hash = 'token=bravo'")

    await expect(tab.page.locator("#own-rank")).to_have_text("Rank 2")
    assert "bravo" not in tab.page.url


async def test_pasted_token_signs_in(tab: Visit, twin: AuctionsTwin) -> None:
    shown = picture()
    twin.pictures[shown.terms.id] = shown
    await tab.page.goto(f"{twin.origin}/auctions/{shown.terms.id}")
    await expect(tab.page.locator("#connection")).to_have_text("Signed out")
    await expect(tab.page.locator("#sign-in")).to_contain_text("commonlot token --role observer")

    await tab.page.get_by_label("Access token").fill("  Bearer observer\n")
    await tab.page.keyboard.press("Enter")

    await expect(tab.page.locator("#title")).to_have_text("Laptops")
    await expect(tab.page.locator("#sign-in")).to_be_hidden()


async def test_pasted_text_that_is_no_token_is_refused_at_once(
    tab: Visit, twin: AuctionsTwin
) -> None:
    await tab.page.goto(twin.origin)

    await tab.page.get_by_label("Access token").fill("not a token")
    await tab.page.get_by_role("button", name="Watch").click()

    await expect(tab.page.get_by_role("alert")).to_contain_text("not a token")


async def test_token_that_is_not_valid_is_told(tab: Visit) -> None:
    await tab.open_auction(picture(), token="forged")

    await expect(tab.page.locator("#notice")).to_contain_text("not valid here")
    await expect(tab.page.locator("#sign-in")).to_be_visible()
    await expect(tab.page.locator("#content")).to_be_hidden()


async def test_token_that_ends_while_watching_signs_out(tab: Visit, twin: AuctionsTwin) -> None:
    await tab.open_auction(picture())
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")

    del twin.principals["observer"]
    twin.cut()

    await expect(tab.page.locator("#connection")).to_contain_text("Signed out, figures as of 10:00")
    await expect(tab.page.locator("#sign-in")).to_be_visible()
    assert await tab.page.evaluate("sessionStorage.length") == 0


async def test_signing_out_leaves_nothing_behind(tab: Visit) -> None:
    await tab.open_auction(picture())
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")

    await tab.page.get_by_role("button", name="Sign out").click()

    await expect(tab.page.locator("#connection")).to_have_text("Signed out")
    assert "$10.00" not in await tab.page.content()
    assert await tab.page.evaluate("sessionStorage.length") == 0


async def test_unknown_auction_is_told_and_not_asked_for_again(
    tab: Visit, twin: AuctionsTwin
) -> None:
    await tab.page.goto(f"{twin.origin}/auctions/{new_id()}#token=observer")

    await expect(tab.page.locator("#notice")).to_have_text("There is no such auction.")
    await expect(tab.page.locator("#connection")).to_have_text("Not connected")


async def test_markup_in_a_title_is_shown_as_text(tab: Visit, twin: AuctionsTwin) -> None:
    title = "<script>globalThis.hit = 1</script><img src=x onerror='globalThis.hit = 1'>"
    shown = picture(title=title)
    await tab.open_auction(shown)
    await expect(tab.page.locator("#title")).to_have_text(title)

    await tab.page.goto(twin.origin)

    await expect(tab.page.locator(".card h3")).to_have_text(title)
    assert await tab.page.evaluate("globalThis.hit") is None
    assert await tab.page.locator("main img, main script").count() == 0


def crowded() -> Picture:
    """An auction whose words are as long as they may be."""
    long = "Antidisestablishmentarianism" * 3
    return picture(
        title=f"{long} and {long}",
        ranking=((long, 99_999_999_999, 99_999_999_000), ("Bravo", 99_999_999_999, 1)),
        closes_at=NOW + timedelta(days=12, hours=3),
    )


@pytest.mark.parametrize("token", ["observer", "bravo"])
async def test_phone_never_scrolls_sideways(
    open_tab: Opens, twin: AuctionsTwin, token: str
) -> None:
    tab = await open_tab(viewport=PHONE)
    shown = crowded()
    width = "document.documentElement.scrollWidth"
    await tab.open_auction(shown, token=token)
    await expect(tab.page.locator("#lead-price")).to_have_text("$9,999,999.9999")
    assert await tab.page.evaluate(width) == PHONE["width"]

    await tab.page.goto(twin.origin)

    await expect(tab.page.locator(".card")).to_have_count(1)
    assert await tab.page.evaluate(width) == PHONE["width"]


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
async def test_long_price_stays_on_one_line(open_tab: Opens, viewport: ViewportSize) -> None:
    tab = await open_tab(viewport=viewport)

    await tab.open_auction(crowded(), token="bravo")

    figure = tab.page.locator("#lead-price")
    await expect(figure).to_have_text("$9,999,999.9999")
    lines = await figure.evaluate(
        "figure => { const range = document.createRange(); range.selectNodeContents(figure);"
        " return range.getClientRects().length; }"
    )
    assert lines == 1


async def test_form_fits_a_phone(open_tab: Opens, twin: AuctionsTwin) -> None:
    tab = await open_tab(viewport=PHONE)

    await tab.page.goto(twin.origin)

    await expect(tab.page.locator("#sign-in")).to_be_visible()
    assert await tab.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("left_s", [pytest.param(300, id="calm"), pytest.param(50, id="last")])
async def test_text_stands_out_from_its_ground(
    open_tab: Opens, scheme: Literal["light", "dark"], left_s: int
) -> None:
    tab = await open_tab(color_scheme=scheme, reduced_motion="reduce")
    await tab.open_auction(picture(closes_at=NOW + timedelta(seconds=left_s)), token="bravo")
    await expect(tab.page.locator("#own-rank")).to_be_visible()

    selectors = (
        *("#title", "#lead-price", "#lead-note", "#time-left", "#time-note", "#time-label"),
        *("#own-rank", "#own dt", "#own dd", "#status", "#connection", "#sign-out", "#lot"),
        *("#ranks th", "#ranks td", "#recent .is-own td", "#chart-words", "#rules li", "nav a"),
    )
    contrasts = await tab.page.evaluate(CONTRASTS, selectors)
    ground = await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert {name: ratio for name, ratio in contrasts if ratio < CONTRAST_AA} == {}
    is_dark = all(int(part) < 64 for part in re.findall(r"\d+", ground))
    assert is_dark is (scheme == "dark")


async def test_nothing_moves_for_who_asked_for_stillness(open_tab: Opens) -> None:
    animation = "getComputedStyle(document.querySelector('#lead-price')).animationName"
    still = await open_tab(reduced_motion="reduce")
    await still.open_auction(picture())
    await expect(still.page.locator("#lead-price.is-new")).to_be_visible()
    moving = await open_tab(reduced_motion="no-preference")
    await moving.open_auction(picture())
    await expect(moving.page.locator("#lead-price.is-new")).to_be_visible()

    assert await still.page.evaluate(animation) == "none"
    assert await moving.page.evaluate(animation) == "appear"


async def test_keyboard_reaches_everything_and_shows_where_it_is(tab: Visit) -> None:
    await tab.open_auction(picture())
    await expect(tab.page.locator("#title")).to_be_visible()

    stops = []
    for _ in range(6):
        await tab.page.keyboard.press("Tab")
        stops.append(
            await tab.page.evaluate(
                "[document.activeElement.textContent.trim() && (document.activeElement.id"
                " || document.activeElement.textContent),"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
        )

    names = ["Skip to the auction", "Commonlot", "All auctions", "sign-out", "ranks", "recent"]
    assert stops == [[name, "solid"] for name in names]


async def test_pages_complain_of_nothing_and_ask_nobody_else(
    tab: Visit, twin: AuctionsTwin
) -> None:
    shown = picture()
    await tab.open_auction(shown)
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")
    await twin.show(beaten(shown, "Charlie", "9"))
    await expect(tab.page.locator("#lead-price")).to_have_text("$9.00")
    await tab.page.goto(twin.origin)
    await expect(tab.page.locator("#connection")).to_have_text("Live connection")

    assert tab.complaints == []
    origins = {address for address in tab.addresses if not address.startswith("data:")}
    assert {f"{urlsplit(one).scheme}://{urlsplit(one).netloc}" for one in origins} == {twin.origin}


async def test_pages_let_nothing_run_that_stands_inside_them(
    tab: Visit, twin: AuctionsTwin
) -> None:
    answer = await tab.page.goto(twin.origin)
    assert answer is not None

    policy = answer.headers["content-security-policy"]
    markup = await answer.text()

    assert "script-src 'self'" in policy
    assert "unsafe" not in json.dumps(policy)
    assert not re.search(r"<style|style=|<script(?! type=\"module\" src=)| on\w+=", markup)


async def _is(truth: bool) -> bool:  # noqa: FBT001 - wraps a plain fact for `until`
    return truth
