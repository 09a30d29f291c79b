"""Answer HTTP: parse, one use case, render."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web

from services.auctions import usecases
from services.auctions.answers import (
    AuctionAnswer,
    OfferAnswer,
    StandingAnswer,
    auction_answer,
    offer_answer,
    standing_answer,
)
from services.auctions.domain.auction import (
    AuctionNotOpen,
    AuctionOver,
    CurrencyWrong,
    OfferTooHigh,
    Status,
    VendorNotAdmitted,
)
from services.auctions.domain.commands import PlaceOffer
from services.auctions.domain.picture import audience_of, seen_by
from services.auctions.live import Broadcast, WatchersTooMany
from services.auctions.ports import Auctions, AuctionUnknown, DeskBusy, DeskElsewhere
from services.auctions.usecases import LogNotPublic, TicketInvalid
from shared.clock import Clock
from shared.domain.ids import AuctionId
from shared.domain.money import UnitPrice
from shared.domain.refusals import Kind, Refusal
from shared.operate import LINKS_MAX, ChainAnswer, SequenceMalformed, after_of, chain_answer
from shared.web import Api, Call
from shared.web.fields import AnswerModel, CurrencyText, PageAnswer, PriceText, RequestModel


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the routes call; the composition root fills it."""

    auctions: Auctions
    clock: Clock
    broadcast: Broadcast
    ask: usecases.AskDesk
    find: usecases.FindPicture
    show: usecases.ShowAuction
    read_log: usecases.ReadLog
    issue_ticket: usecases.IssueTicket
    use_ticket: usecases.UseTicket


ROOMS: Final = web.AppKey("rooms", Rooms)

api = Api("auctions", title="Commonlot auctions", version="1")


class StatusUnknown(Refusal):
    """The status asked for is not one that an auction can have."""

    kind = Kind.MALFORMED
    code = "status_unknown"


class PlaceOfferBody(RequestModel):
    """One price, for the auction's whole quantity, per unit."""

    unit_price: PriceText
    currency: CurrencyText


class TicketBody(RequestModel):
    """Which auction to watch; none is the board."""

    auction_id: UUID | None = None


class TicketAnswer(AnswerModel):
    """A ticket that opens one stream, once, soon."""

    ticket: str
    expires_at: str


@api.get(
    "/v1/auctions",
    scope="auction:read",
    answer=PageAnswer[AuctionAnswer],
    summary="List auctions",
    query={"status": "Only those that are scheduled, live, closed or cancelled."},
    paged=True,
    refusals=(StatusUnknown,),
)
async def list_auctions(call: Call[None]) -> PageAnswer[AuctionAnswer]:
    """List auctions by id, each as far as the caller may see it."""
    rooms, page, status = call.of(ROOMS), call.page(), _status_of(call.query("status"))
    ids = await rooms.auctions.list(after=page.after, status=status, limit=page.limit)
    answers = []
    for auction_id in ids:
        picture, seen = await rooms.show(auction_id, call.caller)
        answers.append(auction_answer(picture, seen, now=rooms.clock.now()))
    return PageAnswer(items=answers, next_after=ids[-1] if len(ids) == page.limit else None)


@api.get(
    "/v1/auctions/{auction_id}",
    scope="auction:read",
    answer=AuctionAnswer,
    summary="Read an auction",
    refusals=(AuctionUnknown,),
)
async def read_auction(call: Call[None]) -> AuctionAnswer:
    """Return the rules and the committed state, as far as the caller may see it."""
    rooms = call.of(ROOMS)
    picture, seen = await rooms.show(AuctionId(call.id("auction_id")), call.caller)
    return auction_answer(picture, seen, now=rooms.clock.now())


@api.get(
    "/v1/auctions/{auction_id}/standing",
    scope="offer:write",
    answer=StandingAnswer,
    summary="Read your own standing",
    refusals=(AuctionUnknown, VendorNotAdmitted),
)
async def read_standing(call: Call[None]) -> StandingAnswer:
    """Return the calling vendor's rank, its price, and the price that it has to beat."""
    rooms, vendor_id = call.of(ROOMS), call.caller_party
    picture = await rooms.find(AuctionId(call.id("auction_id")))
    seen = seen_by(picture, audience_of(picture.terms, vendor_id, is_auditor=False))
    if seen.own is None:
        sentence = "This auction is open only to the vendors that were qualified for it."
        raise VendorNotAdmitted(sentence)
    return standing_answer(picture, seen, seen.own, now=rooms.clock.now())


@api.post(
    "/v1/auctions/{auction_id}/offers",
    scope="offer:write",
    body=PlaceOfferBody,
    answer=OfferAnswer,
    status=201,
    summary="Place an offer",
    keyed=True,
    refusals=(
        AuctionNotOpen,
        AuctionOver,
        AuctionUnknown,
        CurrencyWrong,
        DeskBusy,
        DeskElsewhere,
        OfferTooHigh,
        VendorNotAdmitted,
    ),
)
async def place_offer(call: Call[PlaceOfferBody]) -> OfferAnswer:
    """Answer once the offer is durable; under the same Idempotency-Key, the same answer."""
    rooms, auction_id = call.of(ROOMS), AuctionId(call.id("auction_id"))
    price = UnitPrice.parse(call.body.unit_price, call.body.currency)
    command = PlaceOffer(party_id=call.caller_party, price=price)
    done = await rooms.ask(auction_id, command, key=call.idempotency_key)
    return offer_answer(done)


@api.get(
    "/v1/auctions/{auction_id}/log",
    scope="auction:read",
    answer=ChainAnswer,
    summary="Read an auction's log",
    query={"after": "The sequence behind which to begin."},
    refusals=(AuctionUnknown, LogNotPublic, SequenceMalformed),
)
async def read_log(call: Call[None]) -> ChainAnswer:
    """Return up to 1,000 hash-chained entries: to all once the auction is over."""
    rows = await call.of(ROOMS).read_log(
        AuctionId(call.id("auction_id")),
        call.caller,
        after=after_of(call.query("after")),
        limit=LINKS_MAX,
    )
    return chain_answer([(row.sequence, row.entry, row.hash) for row in rows])


@api.post(
    "/v1/stream-tickets",
    scope="auction:read",
    body=TicketBody,
    answer=TicketAnswer,
    status=201,
    summary="Get a ticket for one stream",
    refusals=(AuctionUnknown,),
)
async def issue_ticket(call: Call[TicketBody]) -> TicketAnswer:
    """Return a ticket that opens one stream within 30 seconds, and no second one."""
    rooms = call.of(ROOMS)
    auction_id = AuctionId(call.body.auction_id) if call.body.auction_id else None
    if auction_id is not None:
        await rooms.find(auction_id)
    text, ticket = await rooms.issue_ticket(call.caller, auction_id)
    return TicketAnswer(ticket=text, expires_at=ticket.expires_at.isoformat())


@api.get(
    "/v1/auctions/{auction_id}/stream",
    scope=None,
    answer=None,
    answer_type="text/event-stream",
    summary="Watch an auction",
    query={"ticket": "A stream ticket for this auction."},
    refusals=(AuctionUnknown, TicketInvalid, WatchersTooMany),
)
async def stream_auction(call: Call[None]) -> web.StreamResponse:
    """Stream pictures (Server-Sent Events): the newest at once, then each change."""
    rooms, auction_id = call.of(ROOMS), AuctionId(call.id("auction_id"))
    ticket = await rooms.use_ticket(call.query("ticket") or "", auction_id)
    return await rooms.broadcast.watch(call.request, ticket, [await rooms.find(auction_id)])


@api.get(
    "/v1/board/stream",
    scope=None,
    answer=None,
    answer_type="text/event-stream",
    summary="Watch all auctions",
    query={"ticket": "A stream ticket for the board."},
    refusals=(TicketInvalid, WatchersTooMany),
)
async def stream_board(call: Call[None]) -> web.StreamResponse:
    """Stream pictures of all auctions: the newest fifty at once, then each change."""
    rooms = call.of(ROOMS)
    ticket = await rooms.use_ticket(call.query("ticket") or "", None)
    ids = await rooms.auctions.newest(limit=BOARD_MAX)
    return await rooms.broadcast.watch(
        call.request, ticket, [await rooms.find(auction_id) for auction_id in ids]
    )


BOARD_MAX: Final = 50
"""Auctions that the board shows when it opens; those that change later join it."""


def _status_of(text: str | None) -> Status | None:
    if text is None:
        return None
    try:
        return Status(text)
    except ValueError:
        sentence = f"A status is one of {', '.join(Status)}."
        raise StatusUnknown(sentence) from None
