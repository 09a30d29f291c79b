"""Routes by which browsers watch: tickets, and the streams that they open."""

from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from services.auctions.api.rooms import ROOMS, auction_in
from services.auctions.live import WatchersTooMany
from services.auctions.ports import AuctionUnknown
from services.auctions.usecases import TicketInvalid
from shared.domain.ids import AuctionId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, RequestModel

routes = Api("auctions", title="", version="")

BOARD_MAX: Final = 50
"""Auctions that the board shows when it opens; those that change later join it."""

STREAM_TYPE: Final = "text/event-stream"


class TicketBody(RequestModel):
    """Which auction to watch; none is the board."""

    auction_id: UUID | None = None


class TicketAnswer(AnswerModel):
    """A ticket that opens one stream, once, soon."""

    ticket: str
    expires_at: datetime


@routes.post(
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
    return TicketAnswer(ticket=text, expires_at=ticket.expires_at)


@routes.get(
    "/v1/auctions/{auction_id}/stream",
    scope=None,
    answer=None,
    answer_type=STREAM_TYPE,
    summary="Watch an auction",
    query={"ticket": "A stream ticket for this auction."},
    refusals=(AuctionUnknown, TicketInvalid, WatchersTooMany),
)
async def stream_auction(call: Call[None]) -> web.StreamResponse:
    """Stream pictures (Server-Sent Events): the newest at once, then each change."""
    rooms, auction_id = call.of(ROOMS), auction_in(call)
    ticket = await rooms.use_ticket(call.query("ticket") or "", auction_id)
    return await rooms.broadcast.watch(call.request, ticket, [await rooms.find(auction_id)])


@routes.get(
    "/v1/board/stream",
    scope=None,
    answer=None,
    answer_type=STREAM_TYPE,
    summary="Watch all auctions",
    query={"ticket": "A stream ticket for the board."},
    refusals=(TicketInvalid, WatchersTooMany),
)
async def stream_board(call: Call[None]) -> web.StreamResponse:
    """Stream pictures of all auctions: the newest fifty at once, then each change."""
    rooms = call.of(ROOMS)
    ticket = await rooms.use_ticket(call.query("ticket") or "", None)
    ids = await rooms.auctions.newest(limit=BOARD_MAX)
    pictures = [await rooms.find(auction_id) for auction_id in ids]
    return await rooms.broadcast.watch(call.request, ticket, pictures)
