"""Lots that are held together: one that is extended moves the others, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from services.auctions.desk import Desk
from services.auctions.domain.commands import ExtendAuction
from services.auctions.follow import Follower
from services.auctions.forward import Porter
from services.auctions.hall import Hall, HallRules
from services.auctions.ports import CloseMoved
from services.auctions.practice import PracticeRoom
from services.auctions.store import AuctionStore
from services.auctions.usecases import AskDesk, FindPicture, MoveLots
from shared.bus import NatsBus
from shared.clock import FixedClock
from shared.db import Pool
from shared.domain.ids import AuctionId, new_id
from tests.component.auctions_room import (
    LEASE_S,
    NOW,
    OUTAGE_S,
    VENDORS,
    let_leases_run_out,
    offer,
    request,
    scheduled,
    usd,
)
from tests.patience import until

CLOSES: dict[int, timedelta] = {
    1: timedelta(minutes=1),
    2: timedelta(minutes=2),
    3: timedelta(minutes=3),
}
TWO_MINUTES = timedelta(minutes=2)


class Lots:
    """A hall that moves lots, as the composition root puts it together."""

    def __init__(self, auctions: AuctionStore, line: NatsBus, clock: FixedClock) -> None:
        self.auctions = auctions
        self.noted: list[CloseMoved] = []
        self.is_dying = False
        self.hall = Hall(
            auctions,
            clock,
            holder=new_id(),
            rules=HallRules(LEASE_S, OUTAGE_S),
            show=lambda _: None,
            moved=self.note,
        )
        follower = Follower(auctions)
        find = FindPicture(self.hall, follower, PracticeRoom(self.hall, clock))
        ask = AskDesk(auctions, self.hall, Porter(line, self.hall), find)
        self.mover = MoveLots(auctions, find, ask)

    def note(self, extended: CloseMoved) -> None:
        self.noted.append(extended)
        if not self.is_dying:
            self.mover.note(extended)

    def desk(self, auction_id: AuctionId) -> Desk:
        desk = self.hall.desk(auction_id)
        assert desk is not None
        return desk

    async def closes(self, auction_ids: list[AuctionId]) -> list[timedelta]:
        """Tell the closes, counted from the opening of the first lot."""
        return [(await self.auctions.calendar(one)).closes_at - NOW for one in auction_ids]


@asynccontextmanager
async def moving(lots: Lots) -> AsyncIterator[Lots]:
    task = asyncio.create_task(lots.mover.run())
    try:
        await lots.hall.step()
        yield lots
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await lots.hall.close()


async def staggered(
    auctions: AuctionStore, clock: FixedClock, *, moves_next: bool
) -> list[AuctionId]:
    """Schedule three lots that close one after another, a minute apart."""
    rules = replace(request().rules, lots="staggered", extension_moves_next=moves_next)
    group_id, buyer_id = new_id(), new_id()
    return [
        await scheduled(
            auctions,
            clock,
            request(
                rules=rules,
                buyer_id=buyer_id,
                closes_at=NOW + closes,
                group_id=group_id,
                position=position,
            ),
        )
        for position, closes in CLOSES.items()
    ]


async def test_an_extended_lot_moves_those_behind_it(
    auctions: AuctionStore, standing_clock: FixedClock, bus: NatsBus
) -> None:
    lots = await staggered(auctions, standing_clock, moves_next=True)

    async with moving(Lots(auctions, bus, standing_clock)) as room:
        # Within the last two minutes of the second lot alone.
        await offer(room.desk(lots[1]), VENDORS[0], usd("9.00"), key=None)
        await until_closes(room, lots[2:], [CLOSES[3] + TWO_MINUTES])

        closes = await room.closes(lots)

    assert closes == [CLOSES[1], CLOSES[2] + TWO_MINUTES, CLOSES[3] + TWO_MINUTES]


async def test_an_extended_lot_moves_no_other_where_the_rules_say_so(
    auctions: AuctionStore, standing_clock: FixedClock, bus: NatsBus
) -> None:
    lots = await staggered(auctions, standing_clock, moves_next=False)

    async with moving(Lots(auctions, bus, standing_clock)) as room:
        await offer(room.desk(lots[1]), VENDORS[0], usd("9.00"), key=None)
        await until_idle(room)

        closes = await room.closes(lots)

    assert closes == [CLOSES[1], CLOSES[2] + TWO_MINUTES, CLOSES[3]]


async def test_what_a_dead_desk_left_undone_is_done_once_by_its_successor(
    auctions: AuctionStore, standing_clock: FixedClock, bus: NatsBus, auctions_database: Pool
) -> None:
    lots = await staggered(auctions, standing_clock, moves_next=True)
    async with moving(Lots(auctions, bus, standing_clock)) as dying:
        dying.is_dying = True
        desk = dying.desk(lots[0])
        extend = ExtendAuction(
            party_id=desk.picture.terms.buyer_id, closes_at=NOW + TWO_MINUTES, reason="late"
        )
        await desk.do(extend, key=None)
    await let_leases_run_out(auctions_database, ago_s=0.0)

    for _ in range(2):
        async with moving(Lots(auctions, bus, standing_clock)) as successor:
            await until_closes(successor, lots[2:], [CLOSES[3] + timedelta(minutes=1)])
            await until_idle(successor)
            closes = await successor.closes(lots)

        assert len(successor.noted) == 1
        assert closes == [TWO_MINUTES, timedelta(minutes=3), timedelta(minutes=4)]


async def until_closes(room: Lots, lots: list[AuctionId], wanted: list[timedelta]) -> None:
    async def have_come() -> bool:
        return await room.closes(lots) == wanted

    await until(have_come)


async def until_idle(room: Lots) -> None:
    async def is_idle() -> bool:
        return not room.mover._waiting

    await until(is_idle)
