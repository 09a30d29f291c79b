"""Put the auctions service together: the only file that knows what fills which port."""

from aiohttp import web

from services.auctions import usecases
from services.auctions.api import ROOMS, Rooms, api
from services.auctions.consumer import handlers
from services.auctions.hall import Hall
from services.auctions.live import Broadcast
from services.auctions.pages import pages
from services.auctions.settings import AuctionsSettings
from services.auctions.store import AuctionStore
from shared import house
from shared.house import House


async def main() -> None:
    """Run the service until it is told to stop."""
    settings = AuctionsSettings.load()
    async with house.open_house(settings, service="auctions") as opened:
        await _run(opened)


async def _run(opened: House) -> None:
    auctions = AuctionStore(opened.pool, opened.journal)
    broadcast = Broadcast(opened.clock)
    hall = Hall(
        auctions,
        opened.clock,
        holder=opened.holder,
        lease_s=opened.settings.lease_s,
        show=broadcast.show,
    )
    find = usecases.FindPicture(auctions, hall)
    rooms = Rooms(
        auctions=auctions,
        clock=opened.clock,
        broadcast=broadcast,
        ask=usecases.AskDesk(auctions, hall),
        find=find,
        show=usecases.ShowAuction(find),
        read_log=usecases.ReadLog(auctions, find),
        issue_ticket=usecases.IssueTicket(auctions, opened.clock),
        use_ticket=usecases.UseTicket(auctions, opened.clock),
    )

    def fill(app: web.Application) -> None:
        app[ROOMS] = rooms

    api.include(pages())
    await house.run(
        opened,
        api,
        fill=fill,
        handlers=handlers(
            usecases.ScheduleAuction(auctions, opened.clock),
            usecases.CancelAuctionsOfRfp(auctions),
        ),
        loops=[hall.run, broadcast.run],
        on_shutdown=[broadcast.end],
    )
