"""A hall on the real record: leases, takeovers, outages, a record that is away, exact timers."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from statistics import median
from typing import Final
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.local.postgres import PostgresServer
from services.auctions.desk import QUEUE_MAX, Desk
from services.auctions.domain.auction import Status
from services.auctions.domain.commands import SetProxy
from services.auctions.hall import Hall, HallRules
from services.auctions.ports import DeskElsewhere, Loaded
from services.auctions.store import AuctionStore
from shared import db
from shared.clock import FixedClock, SystemClock
from shared.db import Pool
from shared.domain.ids import AuctionId, new_id
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import AuctionRequested
from shared.journal import Journal
from shared.vault import SecretUnreadable, Vault
from tests.chaos.proxy import Link, Proxy, proxy_to
from tests.component.auctions_room import (
    LEASE_S,
    NOW,
    OUTAGE_S,
    VENDORS,
    let_leases_run_out,
    make_hall,
    offer,
    request,
    scheduled,
    seated,
    usd,
)
from tests.conftest import service_settings
from tests.patience import PATIENCE_S, until

TIMER_S_MAX: Final = 0.05
HELD_UP_S_MAX: Final = 0.5
"""A busy machine may hold the whole process up for so long, now and then."""

SHORT_LEASE_S: Final = 0.6
REFUSED_S_MAX: Final = 5.0
LIMIT: Final = "7.77"
SALT: Final = b"0123456789abcdef"


async def test_a_hall_that_closes_hands_its_desks_over_at_once(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    leaving = make_hall(auctions, standing_clock)
    first = await seated(leaving, auction_id)
    under_way = asyncio.create_task(offer(first, VENDORS[0], usd("9.90"), key="last"))
    await asyncio.sleep(0)

    await leaving.close()
    second = await seated(hall, auction_id)

    # What had been taken was written, and the successor knows it.
    placed = await under_way
    assert (await offer(second, VENDORS[0], usd("9.90"), key="last")).written == placed.written
    assert second.picture.sequence == placed.written.sequence


async def test_a_lease_that_stands_keeps_others_out(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    await seated(hall, auction_id)
    other = make_hall(auctions, standing_clock)

    await other.step()

    assert other.desk(auction_id) is None
    await other.close()


async def test_a_desk_that_slept_past_its_lease_writes_nothing(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)
    await offer(desk, VENDORS[0], usd("9.90"), key=None)
    desk.hold(time.monotonic())

    with pytest.raises(DeskElsewhere):
        await offer(desk, VENDORS[1], usd("9.80"), key=None)

    assert not desk.is_open
    assert len(await auctions.log(auction_id, after=0, limit=10)) == 3


async def test_a_hall_whose_lease_ran_out_does_not_renew_it(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)
    await let_leases_run_out(auctions_database)

    await hall.renew()

    assert not desk.is_open


async def test_after_an_outage_the_bidders_get_their_time_back(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    await opened(hall, auction_id)
    away_s = OUTAGE_S + 60.0
    await let_leases_run_out(auctions_database, ago_s=away_s)
    standing_clock.advance(timedelta(hours=1, seconds=10))
    successor = make_hall(auctions, standing_clock)

    await seated(successor, auction_id)
    # It is past the first close, and yet nothing was closed: the time comes first.
    await until_logged(auctions, auction_id, count=3)

    rows = await auctions.log(auction_id, after=2, limit=10)
    closes_at = (await auctions.calendar(auction_id)).closes_at
    assert [row.type for row in rows] == ["auction.time_given_back"]
    # Nobody had renewed the lease for its own length when it ran out.
    given = closes_at - (NOW + timedelta(hours=1))
    assert away_s + LEASE_S <= given.total_seconds() < away_s + LEASE_S + 10
    await successor.close()


async def test_a_short_absence_moves_nothing(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    await opened(hall, auction_id)
    await let_leases_run_out(auctions_database, ago_s=OUTAGE_S - LEASE_S - 5)
    successor = make_hall(auctions, standing_clock)

    placed = await offer(await seated(successor, auction_id), VENDORS[0], usd("9.90"), key=None)

    assert placed.written.sequence == 3
    assert (await auctions.calendar(auction_id)).closes_at == NOW + timedelta(hours=1)
    await successor.close()


async def test_an_opening_that_nobody_saw_is_made_good(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    standing_clock.advance(timedelta(hours=2))

    await seated(hall, auction_id)
    await until_logged(auctions, auction_id, count=3)

    rows = await auctions.log(auction_id, after=1, limit=10)
    assert [row.type for row in rows] == ["auction.time_given_back", "auction.opened"]
    assert (await auctions.calendar(auction_id)).closes_at == NOW + timedelta(hours=3)


async def test_a_log_that_cannot_be_folded_keeps_no_other_from_its_desk(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, postgres_server_: PostgresServer
) -> None:
    spoilt = await scheduled(auctions, standing_clock)
    good = await scheduled(auctions, standing_clock)
    await as_owner(postgres_server_, f"auction_log SET type = 'unheard.of' {of(spoilt)}")

    await hall.step()

    assert hall.desk(spoilt) is None
    assert hall.desk(good) is not None


# Secrets -----------------------------------------------------------------------------------------


async def test_a_secret_is_kept_sealed_beside_its_row_and_folded_again(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(auctions, standing_clock, with_proxies())
    desk = await seated(hall, auction_id)

    done = await desk.do(proxy(), key=None)

    kept = await auctions_database.fetchrow("SELECT sequence, name, sealed FROM auction_secret")
    assert kept is not None
    assert kept["sequence"] == done.written.sequence
    assert LIMIT.encode() not in kept["sealed"]
    rows = await auctions.log(auction_id, after=0, limit=10)
    assert not any(LIMIT in row.entry for row in rows)
    folded = (await auctions.load(auction_id)).auction
    assert folded.proxies["Bidder 1"].limit_e4 == usd(LIMIT).e4


async def test_a_secret_moved_to_another_row_is_not_opened(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, postgres_server_: PostgresServer
) -> None:
    auction_id = await scheduled(auctions, standing_clock, with_proxies())
    desk = await seated(hall, auction_id)
    await desk.do(proxy(), key=None)
    await as_owner(postgres_server_, f"auction_secret SET sequence = 2 {of(auction_id)}")

    with pytest.raises(SecretUnreadable):
        await auctions.load(auction_id)


def with_proxies() -> AuctionRequested:
    return request(rules=replace(request().rules, proxies=True))


def proxy() -> SetProxy:
    return SetProxy(party_id=VENDORS[0], limit=usd(LIMIT), decrement=usd("0.10"), salt=SALT)


# A record that is away ---------------------------------------------------------------------------


@asynccontextmanager
async def behind_proxy(
    server: PostgresServer,
) -> AsyncIterator[tuple[AuctionStore, Proxy]]:
    """A record whose link can be cut."""
    settings = service_settings(server, "nats://127.0.0.1:1", service="auctions")
    async with proxy_to(server.service_url("auctions")) as (link, url):
        through = settings.model_copy(update={"database_url": SecretStr(url)})
        pool = await db.open_pool(through, service="auctions")
        yield AuctionStore(pool, Journal("auctions"), Vault(bytes(range(32)))), link
        pool.terminate()


# The driver leaves a connection to the collector that is reset while it greets the server.
@pytest.mark.filterwarnings("ignore:.*Connection.__del__:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("how", [Link.RESET, Link.SILENT])
async def test_ten_thousand_offers_at_a_desk_cut_from_its_record_are_refused_at_once(
    auctions: AuctionStore, postgres_server_: PostgresServer, how: Link
) -> None:
    clock = SystemClock()
    auction_id = await scheduled(auctions, clock, soon(clock))
    async with behind_proxy(postgres_server_) as (cut, link):
        hall = make_hall(cut, clock)
        keeper = asyncio.create_task(hall.run())
        desk = await until_desk(hall, auction_id)
        await offer(desk, VENDORS[0], usd("9.90"), key="before")
        await link.set(how)
        rss_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        began_at = time.monotonic()
        outcomes = await asyncio.gather(
            *(offer(desk, VENDORS[1], usd("9.00"), key=f"{n}") for n in range(10_000)),
            return_exceptions=True,
        )
        took_s = time.monotonic() - began_at
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss_before

        await link.set(Link.WHOLE)
        again = await until_desk(hall, auction_id)
        placed = await offer(again, VENDORS[1], usd("9.00"), key="0")
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)

    refusals = [one for one in outcomes if isinstance(one, Refusal)]
    assert len(refusals) == 10_000
    assert {(one.kind, one.retry_after_s) for one in refusals} == {(Kind.UNAVAILABLE, 1)}
    assert {one.code for one in refusals[QUEUE_MAX:]} == {"desk_busy"}
    assert took_s < REFUSED_S_MAX
    assert grown_kib < 64 * 1024
    rows = await auctions.log(auction_id, after=0, limit=20)
    assert sum(row.vendor_id == VENDORS[1] for row in rows) == 1
    assert rows[-1].sequence == placed.written.sequence


@pytest.mark.usefixtures("auctions_database")
async def test_a_hall_without_record_says_so_without_asking_it(
    postgres_server_: PostgresServer,
) -> None:
    clock = SystemClock()
    async with behind_proxy(postgres_server_) as (cut, link):
        hall = make_hall(cut, clock)
        keeper = asyncio.create_task(hall.run())
        await asyncio.sleep(0)
        was_cut_off = hall.is_cut_off

        await link.set(Link.SILENT)
        await until_true(lambda: hall.is_cut_off)
        await link.set(Link.WHOLE)
        await until_true(lambda: not hall.is_cut_off)
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)

    assert not was_cut_off


# Time --------------------------------------------------------------------------------------------


async def test_auctions_open_and_close_within_fifty_milliseconds_of_their_time(
    auctions: AuctionStore,
) -> None:
    clock = SystemClock()
    times = {}
    began_at = clock.now()
    for number in range(20):
        opens_at = began_at + timedelta(seconds=1, milliseconds=37 * number)
        closes_at = opens_at + timedelta(seconds=1)
        event = request(opens_at=opens_at, closes_at=closes_at)
        times[await scheduled(auctions, clock, event)] = (opens_at, closes_at)
    hall = make_hall(auctions, clock)
    keeper = asyncio.create_task(hall.run())

    for auction_id in times:
        await until_status(auctions, auction_id, Status.CLOSED)
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)

    late_s = []
    for auction_id, due in times.items():
        rows = await auctions.log(auction_id, after=1, limit=10)
        assert [row.type for row in rows] == ["auction.opened", "auction.closed"]
        late_s += [(row.at - at).total_seconds() for row, at in zip(rows, due, strict=True)]
    assert min(late_s) >= 0
    assert median(late_s) < TIMER_S_MAX
    assert max(late_s) < HELD_UP_S_MAX


async def test_many_desks_are_renewed_in_one_statement(
    auctions: AuctionStore, standing_clock: FixedClock
) -> None:
    asked: list[int] = []

    class Counting(AuctionStore):
        async def renew(
            self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
        ) -> frozenset[AuctionId]:
            asked.append(len(ids))
            return await super().renew(ids, holder=holder, lease_s=lease_s)

    for _ in range(30):
        await scheduled(auctions, standing_clock)
    hall = make_hall(Counting(auctions._pool, auctions._journal, auctions._vault), standing_clock)
    await hall.step()
    asked.clear()

    await hall.step()

    assert len(hall.seated) == 30
    assert asked == [30]
    await hall.close()


# Waiting -----------------------------------------------------------------------------------------


def soon(clock: SystemClock) -> AuctionRequested:
    """An auction that is open now, for an hour of real time."""
    now = clock.now()
    return request(opens_at=now, closes_at=now + timedelta(hours=1))


def of(auction_id: AuctionId) -> str:
    return f"WHERE auction_id = '{auction_id}'"


async def as_owner(server: PostgresServer, change: str) -> None:
    """Change what the service's own role may not."""
    owner = await asyncpg.connect(server.url)
    try:
        await owner.execute(f"UPDATE auctions.{change}")
    finally:
        await owner.close()


async def opened(hall: Hall, auction_id: AuctionId) -> Desk:
    """Seat a desk, see it open its auction, and have it die."""
    desk = await seated(hall, auction_id)

    async def is_live() -> bool:
        return desk.picture.status is Status.LIVE

    await until(is_live)
    desk.leave()
    return desk


async def until_desk(hall: Hall, auction_id: AuctionId, *, timeout_s: float = PATIENCE_S) -> Desk:
    await until_true(lambda: hall.desk(auction_id) is not None, timeout_s=timeout_s)
    desk = hall.desk(auction_id)
    assert desk is not None
    return desk


async def until_true(holds: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
    async def has_come() -> bool:
        return holds()

    await until(has_come, timeout_s=timeout_s)


async def until_logged(auctions: AuctionStore, auction_id: AuctionId, *, count: int) -> None:
    async def has_come() -> bool:
        return len(await auctions.log(auction_id, after=0, limit=count)) == count

    await until(has_come)


async def until_status(auctions: AuctionStore, auction_id: AuctionId, wanted: Status) -> None:
    async def has_come() -> bool:
        return (await auctions.calendar(auction_id)).status is wanted

    await until(has_come)


async def test_a_fold_that_outlasts_the_lease_still_seats_its_desk(
    auctions: AuctionStore, standing_clock: FixedClock
) -> None:
    class SlowlyFolded(AuctionStore):
        async def load(self, auction_id: AuctionId, *, onto: Loaded | None = None) -> Loaded:
            loaded = await super().load(auction_id, onto=onto)
            await asyncio.sleep(2.5 * SHORT_LEASE_S)
            return loaded

    slow = SlowlyFolded(auctions._pool, auctions._journal, auctions._vault)
    auction_id = await scheduled(auctions, standing_clock)
    hall = Hall(
        slow,
        standing_clock,
        holder=new_id(),
        rules=HallRules(SHORT_LEASE_S, OUTAGE_S),
        show=lambda _picture: None,
    )
    running = asyncio.create_task(hall.run())

    async def is_seated() -> bool:
        return hall.desk(auction_id) is not None

    await until(is_seated)
    desk = hall.desk(auction_id)
    assert desk is not None
    await asyncio.sleep(1.5 * SHORT_LEASE_S)
    placed = await offer(desk, VENDORS[0], usd("9.90"), key=None)

    assert hall.desk(auction_id) is desk
    assert placed.written.sequence == 3
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
