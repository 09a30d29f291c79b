"""The awards' report in a browser: readable on a phone and on paper, and quiet."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, ViewportSize

from services.bids.api.report_pages import SECURITY_POLICY, page_of
from services.bids.domain.replay.reading import read_bundle
from services.bids.domain.report.whole import report_of, sharing_tasks
from services.bids.domain.sharing.beside import share_beside
from tests.browser.conftest import DESK
from tests.browser.test_live_page import CONTRAST_AA, CONTRASTS

pytestmark = pytest.mark.browser

PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
A4: Final[ViewportSize] = {"width": 688, "height": 1000}
"""What is left of a page of A4 between its margins, in CSS pixels."""

BUNDLE: Final = Path(__file__).resolve().parents[1] / "golden" / "awards" / "coop-award-1.json"

WIDER_THAN_THE_WINDOW: Final = """
() => [...document.querySelectorAll("body *")]
  .filter(each => each.getBoundingClientRect().right > window.innerWidth + 1)
  .map(each => each.tagName + ": " + each.textContent.slice(0, 40))
"""

TABLES: Final = """
() => [...document.querySelectorAll("table")].map(table => [
  table.querySelector("caption")?.textContent ?? "",
  getComputedStyle(table.tHead).display,
  [...table.querySelectorAll("thead th")].every(cell => cell.scope === "col"),
])
"""

BARS: Final = """
() => [...document.querySelectorAll("figure.plot")].map(figure => [
  figure.querySelector("figcaption").textContent,
  new Set([...figure.querySelectorAll("svg")].map(one => one.getBoundingClientRect().width)).size,
])
"""
"""Each plot, and how many widths its bars' grounds have."""


@dataclass
class Shown:
    """The report in one tab, and what it asked for and complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Show = Callable[[ViewportSize], Any]


@pytest.fixture
async def show(chromium: Browser) -> AsyncIterator[Show]:
    bundle = read_bundle(BUNDLE.read_text(encoding="utf-8"))
    tasks = sharing_tasks(bundle)
    reckoned = {lot_id: list(share_beside(task)) for lot_id, task in tasks.items()}
    text = page_of(report_of(bundle, reckoned=reckoned))

    async def answer(_request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": SECURITY_POLICY}
        return web.Response(text=text, content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/report.html", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pages: list[Page] = []

    async def one(viewport: ViewportSize) -> Shown:
        shown = Shown(await chromium.new_page(viewport=viewport))
        pages.append(shown.page)
        shown.page.on("request", lambda request: shown.asked.append(request.url))
        shown.page.on("console", lambda message: shown.complaints.append(message.text))
        shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        await shown.page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/report.html")
        return shown

    yield one
    for page in pages:
        await page.close()
    await runner.cleanup()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_report_fits_its_window_and_loads_nothing(show: Show, viewport: ViewportSize) -> None:
    shown = await show(viewport)

    assert await shown.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert await shown.page.evaluate(WIDER_THAN_THE_WINDOW) == []
    assert shown.complaints == []
    assert [url.rpartition("/")[2] for url in shown.asked] == ["report.html"]


async def test_bars_of_a_plot_stand_on_grounds_of_one_width(show: Show) -> None:
    shown = await show(DESK)

    plots = await shown.page.evaluate(BARS)

    assert len(plots) == 10
    assert [caption for caption, widths in plots if widths != 1] == []


async def test_tables_are_named_and_their_heads_stand_on_every_printed_page(show: Show) -> None:
    shown = await show(DESK)

    await shown.page.emulate_media(media="print")
    tables = await shown.page.evaluate(TABLES)

    assert len(tables) > 10
    assert [one for one in tables if not one[0]] == []
    assert {(display, is_scoped) for _, display, is_scoped in tables} == {
        ("table-header-group", True)
    }


async def test_each_lot_begins_on_a_printed_page_of_its_own(show: Show) -> None:
    shown = await show(DESK)

    await shown.page.emulate_media(media="print")
    breaks = await shown.page.evaluate(
        "[...document.querySelectorAll('.lot')].map(one => getComputedStyle(one).breakBefore)"
    )
    printed = await shown.page.pdf(format="A4")

    assert breaks == ["page"] * 5
    assert printed.startswith(b"%PDF-")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_text_stands_out_from_what_is_behind_it(show: Show, viewport: ViewportSize) -> None:
    shown = await show(viewport)
    selectors = [
        "h1",
        "h2",
        ".eyebrow",
        "dt",
        "caption",
        "p.outcome",
        "p .more",
        ".winner td",
        ".winner .low",
        ".pays-more td",
        ".pays-more .more",
        ".plot figcaption",
        ".told",
        "pre code",
        "td a, th a",
    ]

    contrasts = await shown.page.evaluate(CONTRASTS, selectors)

    assert [one for one in contrasts if one[1] < CONTRAST_AA] == []


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_sharing_fits_a_phone_and_paper(show: Show, viewport: ViewportSize) -> None:
    shown = await show(viewport)
    await shown.page.emulate_media(media="screen" if viewport is PHONE else "print")
    if viewport is DESK:
        await shown.page.set_viewport_size(A4)

    text = await shown.page.inner_text("#lot-3")
    width = await shown.page.evaluate("document.documentElement.scrollWidth")

    assert "most of all District 3 and District 4 together, by 3.34 USD." in text
    assert width <= (viewport if viewport is PHONE else A4)["width"]


async def test_who_pays_more_is_told_as_plainly_as_who_pays_less(show: Show) -> None:
    shown = await show(DESK)

    text = await shown.page.inner_text("#lot-1")

    assert "2 of 4 members pay less than today, 26.00\u00a0USD in all." in text
    assert "1 pays more than today, 3.60\u00a0USD in all." in text
    assert "pays 3.60\u00a0USD more" in text
    assert "An earlier award to Dairy 1 was withdrawn: The licence lapsed in May." in text
    assert "Next is the bid of Dairy 3 at 79, 7.5556 below (8.73 %)." in text
