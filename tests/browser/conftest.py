"""Put the live pages before a real browser, on a twin of the auctions service that tests script."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, Protocol

import pytest
from aiohttp import web
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright

from services.auctions.answers import AuctionAnswer, auction_answer
from services.auctions.api.streams import TicketAnswer, TicketBody
from services.auctions.domain.formats.format import Exposure, Progress
from services.auctions.domain.picture import Picture, seen_by
from services.auctions.domain.ruleset import (
    FormatName,
    Rules,
    Show,
    ShowRank,
    StepAgainst,
    TickerRules,
    TurnRules,
)
from services.auctions.domain.terms import Entrant, RecentOffer, Status, Terms
from services.auctions.pages import pages
from services.auctions.ports import AuctionUnknown, Ticket
from services.auctions.usecases import TicketInvalid, audience_for
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.clock import FixedClock
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId, new_id
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Kind, Refusal
from shared.idempotency import MemoryIdempotencyStore
from shared.web import Api, Call, build_app
from shared.web.fields import PageAnswer

CHROMIUM: Final = Path("/usr/bin/chromium")

CHROMIUM_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""A browser that runs as root, draws without a card, and speaks to nobody but the test."""

DESK: Final[ViewportSize] = {"width": 1280, "height": 900}

NOW: Final = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
"""The service's time; no machine that runs this shows it, so the pages cannot go by their own."""

USD: Final = Currency("USD")
BUYER: Final = PartyId(new_id())
VENDORS: Final = {alias: PartyId(new_id()) for alias in ("Alpha", "Bravo", "Charlie")}

RULES: Final = Rules(
    step_e4=500,
    step_against=StepAgainst.OWN,
    soft_close_window=timedelta(seconds=30),
    soft_close_extension=timedelta(seconds=30),
    extensions_max=20,
    show_rank=ShowRank.ALL,
    show_lead=Show.ALWAYS,
)
SEALED: Final = replace(RULES, show_rank=ShowRank.OWN, show_lead=Show.NEVER)
"""Rules that show a watcher nothing but that the auction runs."""
FALLING: Final = replace(
    SEALED,
    format=FormatName.JAPANESE,
    extensions_max=0,
    ticker=TickerRules(200_000, 5_000, timedelta(seconds=30)),
)
"""A price that falls from 20.00 by 0.50 every half minute."""
SECOND_PRICE: Final = replace(SEALED, format=FormatName.VICKREY, extensions_max=0)
TURNS: Final = replace(
    RULES,
    format=FormatName.ROUNDS,
    extensions_max=0,
    turns=TurnRules(3, timedelta(minutes=2), timedelta(minutes=1)),
)

OBSERVER: Final = "observer"

PRINCIPALS: Final = {
    name: Principal(party, role, scopes_of(role), name, NOW + timedelta(hours=1), subject=name)
    for name, party, role in (
        (OBSERVER, None, Role.OBSERVER),
        ("buyer", BUYER, Role.BUYER),
        ("bravo", VENDORS["Bravo"], Role.VENDOR),
    )
}
"""Who calls, by the token that it brings."""


def e4(text: str) -> int:
    """Ten-thousandths of a price."""
    return UnitPrice.parse(text, USD).e4


def offers(*told: tuple[str, str]) -> tuple[RecentOffer, ...]:
    """Offers of (alias, price), oldest first, one a minute, the last a minute before `NOW`."""
    return tuple(
        RecentOffer(index + 2, alias, e4(price), NOW - timedelta(minutes=len(told) - index))
        for index, (alias, price) in enumerate(told)
    )


def ranked(*told: tuple[str, str]) -> tuple[tuple[str, int, int], ...]:
    """A ranking of (alias, price), best first; each has to beat its own price by 0.05."""
    return tuple((alias, e4(price), e4(price) - 500) for alias, price in told)


def picture(*, title: str = "Laptops", rules: Rules = RULES, **changes: object) -> Picture:
    """A live auction in which Alpha leads at 10.00, five minutes before its close."""
    terms = Terms(
        id=AuctionId(new_id()),
        lot_id=LotId(new_id()),
        rfp_id=RfpId(new_id()),
        buyer_id=BUYER,
        title=title,
        unit="device",
        quantity=Decimal(4200),
        currency=USD,
        opens_at=NOW - timedelta(minutes=25),
        closes_at=NOW + timedelta(minutes=5),
        rules=rules,
        entrants=tuple(Entrant(party, alias, e4("20")) for alias, party in VENDORS.items()),
    )
    plain = Picture(
        terms=terms,
        sequence=3,
        status=Status.LIVE,
        closes_at=terms.closes_at,
        extensions=0,
        offers=2,
        ranking=ranked(("Alpha", "10"), ("Bravo", "10.50"), ("Charlie", "12.3456")),
        recent=offers(("Bravo", "10.50"), ("Alpha", "10")),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # each test names real fields


def beaten(before: Picture, alias: str, price: str, **changes: object) -> Picture:
    """The picture after one more offer, which takes the lead."""
    sequence = before.sequence + 1
    others = tuple(row for row in before.ranking if row[0] != alias)
    return replace(
        before,
        sequence=sequence,
        offers=before.offers + 1,
        ranking=(*ranked((alias, price)), *others),
        recent=(*before.recent, RecentOffer(sequence, alias, e4(price), NOW)),
        **changes,  # type: ignore[arg-type]  # each test names real fields
    )


def levelled(
    level: str, *, still_in: tuple[str, ...] = tuple(VENDORS), accepted: tuple[str, ...] = ()
) -> Picture:
    """An auction whose price has fallen to a level that runs for twenty seconds more."""
    runs = Progress(
        NOW + timedelta(seconds=20), e4(level), frozenset(still_in), frozenset(accepted)
    )
    return picture(
        rules=FALLING, exposure=Exposure.LEVEL, progress=runs, ranking=(), recent=(), offers=0
    )


def turning(turn_of: str | None, **changes: object) -> Picture:
    """An auction in its second round, in a turn or a pause that lasts ninety seconds more."""
    runs = Progress(NOW + timedelta(seconds=90), round=2, turn_of=turn_of)
    return picture(**({"rules": TURNS, "progress": runs} | changes))  # type: ignore[arg-type]  # each test names real fields


class ServiceAway(Refusal):
    """The service cannot answer now."""

    kind = Kind.UNAVAILABLE
    code = "service_away"


@dataclass(eq=False)
class Stream:
    """One stream that a browser holds open."""

    request: web.Request
    response: web.StreamResponse
    ticket: Ticket


@dataclass
class AuctionsTwin:
    """What the service would tell: pictures as each audience may see them, one-use tickets."""

    clock: FixedClock
    origin: str = ""
    pictures: dict[AuctionId, Picture] = field(default_factory=dict)
    practices: set[AuctionId] = field(default_factory=set)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    streams: list[Stream] = field(default_factory=list)
    opened: int = 0
    refused: int = 0
    asked_while_away: int = 0
    is_away: bool = False
    principals: dict[str, Principal] = field(default_factory=lambda: dict(PRINCIPALS))

    async def show(self, picture: Picture) -> None:
        """Make a picture the newest of its auction, and send it to all who watch it."""
        self.pictures[picture.terms.id] = picture
        for stream in self.streams:
            if stream.ticket.auction_id in {None, picture.terms.id}:
                await self.send(stream, picture)

    async def send(self, stream: Stream, picture: Picture) -> None:
        """Write one picture to one stream."""
        data = self.answer(picture, stream.ticket).model_dump_json()
        text = f"id: {picture.sequence}\nevent: picture\ndata: {data}\n\n"
        await stream.response.write(text.encode())

    def answer(self, picture: Picture, caller: Principal | Ticket) -> AuctionAnswer:
        """A picture as the caller may see it."""
        seen = seen_by(picture, audience_for(picture.terms, caller))
        is_practice = picture.terms.id in self.practices
        return auction_answer(picture, seen, now=self.clock.now(), is_practice=is_practice)

    async def beat(self) -> None:
        """Tell the time to all."""
        told = f'event: time\ndata: {{"server_time":"{self.clock.now().isoformat()}"}}\n\n'
        for stream in self.streams:
            await stream.response.write(told.encode())

    def cut(self) -> None:
        """Break every stream, as a server does that is killed."""
        for stream in self.streams:
            if stream.request.transport is not None:
                stream.request.transport.abort()

    def issue(self, caller: Principal, auction_id: AuctionId | None) -> str:
        """Make a ticket."""
        text = new_id().hex
        lifetime = timedelta(seconds=30)
        self.tickets[text] = Ticket(
            caller.party_id, caller.role, auction_id, self.clock.now() + lifetime
        )
        return text

    def take(self, text: str | None, auction_id: AuctionId | None) -> Ticket:
        """Use a ticket up."""
        ticket = self.tickets.pop(text or "", None)
        if ticket is None or ticket.auction_id != auction_id:
            self.refused += 1
            sentence = "The stream ticket is not valid. Ask for a new one."
            raise TicketInvalid(sentence)
        return ticket

    async def serve(self, call: Call[None], auction_id: AuctionId | None) -> web.StreamResponse:
        """Hold one stream open until it is cut or its browser goes."""
        ticket = self.take(call.query("ticket"), auction_id)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(call.request)
        # A page that left reconnecting to its browser would come back at once, with an old ticket.
        await response.write(b"retry: 10\n\n")
        stream = Stream(call.request, response, ticket)
        for one in self.pictures.values():
            if auction_id in {None, one.terms.id}:
                await self.send(stream, one)
        self.streams.append(stream)
        self.opened += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.streams.remove(stream)
        return response


def _api_of(twin: AuctionsTwin) -> Api:
    api = Api("auctions", title="Auctions", version="1")
    _add_tickets(api, twin)
    _add_streams(api, twin)

    @api.get(
        "/v1/auctions",
        scope="auction:read",
        answer=PageAnswer[AuctionAnswer],
        summary="",
        query={"status": ""},
        paged=True,
    )
    async def list_auctions(call: Call[None]) -> PageAnswer[AuctionAnswer]:
        status = call.query("status")
        found = [one for one in twin.pictures.values() if one.status == status]
        return PageAnswer(items=[twin.answer(one, call.caller) for one in found])

    api.include(pages())
    return api


def _add_tickets(api: Api, twin: AuctionsTwin) -> None:
    @api.post(
        "/v1/stream-tickets",
        scope="auction:read",
        body=TicketBody,
        answer=TicketAnswer,
        status=201,
        summary="",
    )
    async def issue(call: Call[TicketBody]) -> TicketAnswer:
        if twin.is_away:
            twin.asked_while_away += 1
            sentence = "Away."
            raise ServiceAway(sentence)
        asked = call.body.auction_id
        auction_id = AuctionId(asked) if asked else None
        if auction_id is not None and auction_id not in twin.pictures:
            raise AuctionUnknown
        ticket = twin.issue(call.caller, auction_id)
        return TicketAnswer(ticket=ticket, expires_at=twin.tickets[ticket].expires_at)


def _add_streams(api: Api, twin: AuctionsTwin) -> None:
    query = {"ticket": ""}

    @api.get(
        "/v1/auctions/{auction_id}/stream",
        scope=None,
        answer=None,
        answer_type="text/event-stream",
        summary="",
        query=query,
    )
    async def stream(call: Call[None]) -> web.StreamResponse:
        return await twin.serve(call, AuctionId(call.id("auction_id")))

    @api.get(
        "/v1/board/stream",
        scope=None,
        answer=None,
        answer_type="text/event-stream",
        summary="",
        query=query,
    )
    async def stream_board(call: Call[None]) -> web.StreamResponse:
        return await twin.serve(call, None)


class ScriptedVerifier:
    """Know the tokens that the twin knows at the moment, so that a test can take one back."""

    def __init__(self, twin: AuctionsTwin) -> None:
        self._twin = twin

    async def verify(self, token: str) -> Principal:
        """Tell whom a token speaks for."""
        return await FixedVerifier(self._twin.principals).verify(token)


@pytest.fixture
async def twin() -> AsyncIterator[AuctionsTwin]:
    """A twin of the auctions service, listening."""
    clock = FixedClock(NOW)
    twin = AuctionsTwin(clock)
    app = build_app(
        _api_of(twin),
        verifier=ScriptedVerifier(twin),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={},
    )
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    twin.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield twin
    twin.cut()
    await runner.cleanup()


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Headless Chromium with a new, empty profile."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; install Debian's package chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(CHROMIUM_FLAGS)
        )
        yield browser
        await browser.close()


@dataclass
class Visit:
    """One tab: where it is, what it asked for, and what it complained of."""

    page: Page
    twin: AuctionsTwin
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open_auction(self, shown: Picture, *, token: str = OBSERVER) -> None:
        """Open the page of an auction, signed in by the address."""
        self.twin.pictures.setdefault(shown.terms.id, shown)
        await self.page.goto(f"{self.twin.origin}/auctions/{shown.terms.id}#token={token}")

    async def open_board(self, *, token: str = OBSERVER) -> None:
        """Open the board, signed in by the address."""
        await self.page.goto(f"{self.twin.origin}/#token={token}")

    @property
    def defects(self) -> list[str]:
        """Complaints about the page itself; that the service was away is told as well."""
        return [one for one in self.complaints if not one.startswith("Failed to load resource")]


class Opens(Protocol):
    """Open one tab, on a device of this kind."""

    async def __call__(
        self,
        *,
        viewport: ViewportSize = DESK,
        color_scheme: Literal["light", "dark"] = "light",
        reduced_motion: Literal["reduce", "no-preference"] = "no-preference",
    ) -> Visit:
        """Return the tab, empty."""
        ...


@pytest.fixture
async def open_tab(chromium: Browser, twin: AuctionsTwin) -> AsyncIterator[Opens]:
    """Open tabs; at the end no page may have complained of itself."""
    visits: list[Visit] = []

    async def open_one(
        *,
        viewport: ViewportSize = DESK,
        color_scheme: Literal["light", "dark"] = "light",
        reduced_motion: Literal["reduce", "no-preference"] = "no-preference",
    ) -> Visit:
        context = await chromium.new_context(
            locale="en-US",
            timezone_id="America/New_York",
            viewport=viewport,
            color_scheme=color_scheme,
            reduced_motion=reduced_motion,
        )
        visit = Visit(await context.new_page(), twin)
        visits.append(visit)
        visit.page.on("request", lambda request: visit.addresses.append(request.url))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("console", lambda message: _note(visit, message))
        return visit

    yield open_one
    for visit in visits:
        await visit.page.context.close()
    assert [visit.defects for visit in visits] == [[] for _ in visits]


def _note(visit: Visit, message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        visit.complaints.append(message.text)


@pytest.fixture
async def tab(open_tab: Opens) -> Visit:
    """One tab on a desk."""
    return await open_tab()
