"""Two replicas on one record: commands are carried to the desk, pictures to those who watch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import pytest

from services.auctions import follow
from services.auctions.answers import offer_answer
from services.auctions.desk import Desk
from services.auctions.domain.auction import (
    Auction,
    AuctionNotOpen,
    AuctionOver,
    OfferTooHigh,
    VendorNotAdmitted,
)
from services.auctions.domain.commands import PlaceOffer
from services.auctions.domain.picture import Moment, Picture
from services.auctions.follow import Follower
from services.auctions.forward import Porter
from services.auctions.gallery import Gallery, Watched
from services.auctions.hall import Hall
from services.auctions.line import SealedLine
from services.auctions.ports import AuctionUnknown, DeskElsewhere, Loaded
from services.auctions.practice import PracticeRoom
from services.auctions.store import AuctionStore
from services.auctions.usecases import AskDesk, FindPicture
from shared.bus import BusUnavailable, NatsBus, StreamShape
from shared.clock import Clock, FixedClock
from shared.domain.ids import AuctionId, PartyId, new_id
from tests.component.auctions_room import (
    VENDORS,
    make_hall,
    offer,
    request,
    scheduled,
    seated,
    usd,
)
from tests.conftest import STREAM_BYTES_MAX
from tests.patience import until

VAULT_KEY: Final = bytes(range(32))


class Replica:
    """One process's part of the service, as the composition root puts it together."""

    def __init__(
        self, auctions: AuctionStore, bus: NatsBus, clock: Clock, *, vault_key: bytes = VAULT_KEY
    ) -> None:
        self.auctions = auctions
        self.bus = bus
        self.line = line = SealedLine(bus, vault_key)
        self.hall = make_hall(auctions, clock, self.show)
        self.follower = Follower(auctions)
        self.porter = Porter(line, self.hall)
        self.watched = Watched(frozenset(), is_all=False)
        self.shown: list[Picture] = []
        self.gallery = Gallery(
            line,
            self.hall,
            self.follower,
            name=new_id(),
            watched=lambda: self.watched,
            show=self.shown.append,
        )
        find = FindPicture(self.hall, self.follower, PracticeRoom(self.hall, clock))
        self.ask = AskDesk(auctions, self.hall, self.porter, find)

    def show(self, moment: Moment) -> None:
        self.gallery.show(moment)


@asynccontextmanager
async def at_work(replica: Replica) -> AsyncIterator[Replica]:
    """Run a replica's carriers while the block runs."""
    tasks = [asyncio.create_task(loop()) for loop in (replica.porter.run, replica.gallery.run)]
    try:
        yield replica
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await replica.hall.close()


@pytest.fixture
async def owner(
    auctions: AuctionStore, standing_clock: FixedClock, bus: NatsBus
) -> AsyncIterator[Replica]:
    async with at_work(Replica(auctions, bus, standing_clock)) as replica:
        yield replica


@pytest.fixture
async def other(
    auctions: AuctionStore, standing_clock: FixedClock, nats_url: str, namespace: str
) -> AsyncIterator[Replica]:
    shape = StreamShape(namespace, bytes_max=STREAM_BYTES_MAX, replicas=1)
    line = NatsBus(nats_url, name="other", shape=shape)
    async with at_work(Replica(auctions, line, standing_clock)) as replica:
        yield replica
    await line.close()


def an_offer(vendor: PartyId, price: str) -> PlaceOffer:
    return PlaceOffer(party_id=vendor, price=usd(price))


async def reached(owner: Replica, auction_id: AuctionId) -> Desk:
    """Seat the desk at the owner, and wait until it listens there."""
    desk = await seated(owner.hall, auction_id)

    async def listens() -> bool:
        return auction_id in owner.porter._ears

    await until(listens)
    await settled(owner)
    return desk


async def unreached(owner: Replica, auction_id: AuctionId) -> None:
    """Wait until nobody listens where the desk was."""

    async def is_silent() -> bool:
        return auction_id not in owner.porter._ears

    await until(is_silent)
    await settled(owner)


async def settled(replica: Replica) -> None:
    """Wait until the server knows where a replica listens, and where no longer."""
    assert replica.bus._client is not None
    await replica.bus._client.flush()


async def test_an_answer_is_the_same_wherever_it_was_asked(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    await reached(owner, auction_id)

    carried = await other.ask(auction_id, an_offer(VENDORS[1], "9.90"), key="a")
    local = await owner.ask(auction_id, an_offer(VENDORS[1], "9.90"), key="a")

    assert carried.written == local.written
    assert offer_answer(carried, usd("9.90")) == offer_answer(local, usd("9.90"))
    assert len(await owner.auctions.log(auction_id, after=2, limit=10)) == 1


async def test_a_refusal_is_the_same_wherever_it_was_asked(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    await reached(owner, auction_id)

    with pytest.raises(OfferTooHigh) as carried:
        await other.ask(auction_id, an_offer(VENDORS[0], "9.96"), key=None)
    with pytest.raises(OfferTooHigh) as local:
        await owner.ask(auction_id, an_offer(VENDORS[0], "9.96"), key=None)
    with pytest.raises(VendorNotAdmitted):
        await other.ask(auction_id, an_offer(PartyId(new_id()), "9.00"), key=None)

    assert carried.value.sentence == local.value.sentence
    assert carried.value.details == local.value.details
    assert carried.value.retry_after_s == local.value.retry_after_s


async def test_many_commands_are_carried_side_by_side(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    await reached(owner, auction_id)

    carried = await asyncio.gather(
        *(
            other.ask(auction_id, an_offer(VENDORS[2], f"{9 - n / 100:.2f}"), key=f"{n}")
            for n in range(0, 500, 5)
        )
    )

    assert [one.written.sequence for one in carried] == list(range(3, 103))


async def test_without_a_desk_anywhere_the_calendar_answers(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    now = standing_clock.now()
    early = await scheduled(
        owner.auctions,
        standing_clock,
        request(opens_at=now + timedelta(hours=1), closes_at=now + timedelta(hours=2)),
    )

    with pytest.raises(AuctionNotOpen):
        await other.ask(early, an_offer(VENDORS[0], "9.00"), key=None)
    with pytest.raises(AuctionUnknown):
        await other.ask(AuctionId(new_id()), an_offer(VENDORS[0], "9.00"), key=None)


async def test_an_offer_in_doubt_is_found_in_the_log_after_the_auction_is_over(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    desk = await reached(owner, auction_id)
    placed = await offer(desk, VENDORS[0], usd("9.00"), key="doubt")
    standing_clock.advance(timedelta(hours=2))
    with pytest.raises(AuctionOver):
        await offer(desk, VENDORS[1], usd("8.00"), key="late")
    await owner.hall.step()
    await unreached(owner, auction_id)

    again = await other.ask(auction_id, an_offer(VENDORS[0], "9.00"), key="doubt")
    with pytest.raises(AuctionOver):
        await other.ask(auction_id, an_offer(VENDORS[1], "8.00"), key="late")

    assert again.written == placed.written


async def test_without_talk_the_owner_goes_on_and_others_say_503(
    auctions: AuctionStore, standing_clock: FixedClock
) -> None:
    shape = StreamShape("alone", bytes_max=STREAM_BYTES_MAX, replicas=1)
    line = NatsBus("nats://127.0.0.1:1", name="alone", shape=shape)
    owner = Replica(auctions, line, standing_clock)
    other = Replica(auctions, line, standing_clock)
    auction_id = await scheduled(auctions, standing_clock)
    await seated(owner.hall, auction_id)

    with pytest.raises(DeskElsewhere):
        await other.ask(auction_id, an_offer(VENDORS[0], "9.90"), key="a")
    placed = await owner.ask(auction_id, an_offer(VENDORS[0], "9.90"), key="a")

    assert placed.written.sequence == 3
    await owner.hall.close()


# Pictures ----------------------------------------------------------------------------------------


async def test_who_watches_at_another_replica_sees_each_change(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    desk = await reached(owner, auction_id)
    other.watched = Watched(frozenset({auction_id}), is_all=False)
    await until_shown(other, 2)

    placed = await offer(desk, VENDORS[1], usd("9.90"), key=None)
    await until_shown(other, placed.written.sequence)

    assert other.shown[-1].ranking == list(desk.picture.ranking)
    assert other.shown[-1].terms == desk.picture.terms
    assert owner.shown == []


async def test_the_board_at_another_replica_sees_all_auctions(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    auction_ids = [await scheduled(owner.auctions, standing_clock) for _ in range(3)]
    other.watched = Watched(frozenset(), is_all=True)

    await owner.hall.step()

    async def all_are_shown() -> bool:
        return {one.terms.id for one in other.shown} == set(auction_ids)

    await until(all_are_shown)


async def test_what_nobody_watches_is_told_to_nobody(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    told: list[str] = []
    auction_id = await scheduled(owner.auctions, standing_clock)
    desk = await reached(owner, auction_id)
    await other.line.listen("picture.*", lambda spoken: told.append(spoken.subject))

    await offer(desk, VENDORS[1], usd("9.90"), key=None)

    assert owner.gallery._news == {}
    assert told == []


async def test_pictures_are_told_at_most_once_a_step(
    owner: Replica, other: Replica, standing_clock: FixedClock
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    desk = await reached(owner, auction_id)
    other.watched = Watched(frozenset({auction_id}), is_all=False)
    await until_shown(other, 2)
    other.shown.clear()

    for n in range(100):
        await offer(desk, VENDORS[1], usd(f"{9 - n * 0.05:.2f}"), key=None)
    await until_shown(other, 102)

    # A hundred commits in well under a second; each reader of the last one is right.
    assert len(other.shown) < 20


async def test_without_talk_watchers_are_shown_the_record(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    shape = StreamShape("alone", bytes_max=STREAM_BYTES_MAX, replicas=1)
    line = NatsBus("nats://127.0.0.1:1", name="alone", shape=shape)
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)
    placed = await offer(desk, VENDORS[1], usd("9.90"), key=None)
    alone = Replica(auctions, line, standing_clock)
    alone.watched = Watched(frozenset({auction_id}), is_all=False)

    async with at_work(alone):
        await until_shown(alone, placed.written.sequence)


# Reading -----------------------------------------------------------------------------------------


async def test_many_readers_of_an_auction_elsewhere_cost_one_reading(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[str] = []

    class Counting(AuctionStore):
        async def load(self, auction_id: AuctionId, *, onto: Loaded | None = None) -> Loaded:
            readings.append("load")
            return await super().load(auction_id, onto=onto)

        async def catch_up(self, auction: Auction) -> None:
            readings.append("catch up")
            await super().catch_up(auction)

    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)
    follower = Follower(Counting(auctions._pool, auctions._journal, auctions._vault))

    await asyncio.gather(*(follower.picture(auction_id) for _ in range(50)))
    placed = await offer(desk, VENDORS[0], usd("9.00"), key=None)
    monkeypatch.setattr(follow, "FRESH_S", 0.0)
    newest = await follower.picture(auction_id)

    assert readings == ["load", "catch up"]
    assert newest.sequence == placed.written.sequence
    assert list(newest.ranking) == list(desk.picture.ranking)


async def test_a_follower_forgets_what_was_asked_for_longest_ago(
    auctions: AuctionStore, standing_clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "FOLLOWED_MAX", 2)
    follower = Follower(auctions)
    first, second, third = [await scheduled(auctions, standing_clock) for _ in range(3)]

    for auction_id in (first, second, first, third):
        await follower.picture(auction_id)

    assert set(follower._followed) == {first, third}


# Talk --------------------------------------------------------------------------------------------


async def test_talk_without_a_connection_fails_at_once() -> None:
    shape = StreamShape("alone", bytes_max=STREAM_BYTES_MAX, replicas=1)
    line = NatsBus("nats://127.0.0.1:1", name="alone", shape=shape)

    with pytest.raises(BusUnavailable):
        await line.tell("desk.x", b"")
    with pytest.raises(BusUnavailable):
        await line.ask("desk.x", b"", timeout_s=1.0)


async def until_shown(replica: Replica, sequence: int) -> None:
    async def has_come() -> bool:
        return bool(replica.shown) and replica.shown[-1].sequence >= sequence

    await until(has_come)
