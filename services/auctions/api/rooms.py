"""What the routes call; the composition root fills it."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from services.auctions import usecases
from services.auctions.checkpoint import Notary
from services.auctions.live import Broadcast
from services.auctions.ports import Auctions
from shared.clock import Clock
from shared.domain.ids import AuctionId
from shared.web import Call


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything that a route may need."""

    auctions: Auctions
    clock: Clock
    broadcast: Broadcast
    notary: Notary
    propose: usecases.ProposeAuction
    practise: usecases.Practise
    ask: usecases.AskDesk
    find: usecases.FindPicture
    show: usecases.ShowAuction
    read_log: usecases.ReadLog
    issue_ticket: usecases.IssueTicket
    use_ticket: usecases.UseTicket


ROOMS: Final = web.AppKey("rooms", Rooms)


def auction_in(call: Call[Any]) -> AuctionId:
    """Read which auction the path names."""
    return AuctionId(call.id("auction_id"))
