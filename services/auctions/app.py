"""Put the auctions service together: the only file that knows what fills which port."""

import gc
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from services.auctions import usecases
from services.auctions.api import ROOMS, Rooms, api
from services.auctions.checkpoint import Notary
from services.auctions.consumer import handlers
from services.auctions.domain.picture import Moment
from services.auctions.follow import Follower
from services.auctions.forward import Porter
from services.auctions.gallery import Gallery
from services.auctions.hall import Hall, HallRules
from services.auctions.line import SealedLine
from services.auctions.live import Broadcast
from services.auctions.pages import pages
from services.auctions.ports import CloseMoved
from services.auctions.practice import PracticeRoom
from services.auctions.settings import AuctionsSettings
from services.auctions.store import AuctionStore
from shared import house
from shared.house import House
from shared.receipts import load_signing_key
from shared.vault import Vault, key_of

COLLECTOR_THRESHOLDS: Final = (20_000, 20, 50)
"""The young objects of some 300 offers that wait; Python's own default is 700."""


async def main() -> None:
    """Run the service until it is told to stop."""
    settings = AuctionsSettings.load()
    async with house.open_house(settings, service="auctions") as opened:
        await _run(opened, settings)


@dataclass(slots=True)
class _Staff:
    """What runs beside the routes."""

    auctions: AuctionStore
    broadcast: Broadcast
    hall: Hall
    follower: Follower
    porter: Porter
    gallery: Gallery
    notary: Notary
    practice: PracticeRoom
    find: usecases.FindPicture
    ask: usecases.AskDesk
    lots: usecases.MoveLots


def _staff(opened: House, settings: AuctionsSettings) -> _Staff:
    vault_key = key_of(settings.vault_key.get_secret_value())
    vault, line = Vault(vault_key), SealedLine(opened.bus, vault_key)
    auctions = AuctionStore(opened.pool, opened.journal, vault)
    broadcast = Broadcast(opened.clock)
    follower = Follower(auctions)

    def show(moment: Moment) -> None:
        broadcast.show(moment)
        gallery.show(moment)

    def move(extended: CloseMoved) -> None:
        lots.note(extended)

    hall = Hall(
        auctions,
        opened.clock,
        holder=opened.holder,
        rules=HallRules(settings.lease_s, settings.outage_s),
        show=show,
        moved=move,
    )
    gallery = Gallery(
        line,
        hall,
        follower,
        name=opened.holder,
        watched=broadcast.watched,
        show=broadcast.show,
    )
    porter = Porter(line, hall)
    practice = PracticeRoom(hall, opened.clock)
    find = usecases.FindPicture(hall, follower, practice)
    ask = usecases.AskDesk(auctions, hall, porter, find)
    lots = usecases.MoveLots(auctions, find, ask)
    notary = Notary(auctions, opened.clock, load_signing_key(settings.checkpoint_seed()))
    return _Staff(
        auctions, broadcast, hall, follower, porter, gallery, notary, practice, find, ask, lots
    )


def spare_the_collector() -> None:
    """Let Python's cycle collector look less often, and no more at what stands when work begins.

    What an offer holds lives until its commit, so that the collector went through it again and
    again: a tenth of the processor, and pauses of a fifth of a second where it looked at all.
    """
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


async def _run(opened: House, settings: AuctionsSettings) -> None:
    staff = _staff(opened, settings)
    auctions = staff.auctions
    find = staff.find
    rooms = Rooms(
        auctions=auctions,
        clock=opened.clock,
        broadcast=staff.broadcast,
        notary=staff.notary,
        propose=usecases.ProposeAuction(auctions, opened.clock),
        practise=usecases.Practise(staff.practice, opened.clock),
        ask=staff.ask,
        find=find,
        show=usecases.ShowAuction(find),
        read_log=usecases.ReadLog(auctions, find),
        issue_ticket=usecases.IssueTicket(auctions, opened.clock),
        use_ticket=usecases.UseTicket(auctions, opened.clock),
    )

    def fill(app: web.Application) -> None:
        app[ROOMS] = rooms

    api.include(pages())
    spare_the_collector()
    await house.run(
        opened,
        api,
        fill=fill,
        handlers=handlers(
            usecases.ScheduleAuction(auctions, opened.clock),
            usecases.CancelAuctionsOfRfp(auctions),
        ),
        loops=[
            staff.hall.run,
            staff.broadcast.run,
            staff.porter.run,
            staff.gallery.run,
            staff.notary.run,
            staff.lots.run,
        ],
        on_shutdown=[staff.broadcast.end],
    )
