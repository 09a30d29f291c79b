"""A desk on the real record: order, group commits, fencing, takeover, and what a fault leaves."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from services.auctions.domain.auction import AuctionOver, OfferTooHigh, Status
from services.auctions.domain.facts import OfferPlaced
from services.auctions.domain.log import Batch
from services.auctions.hall import Hall
from services.auctions.ports import DeskElsewhere
from services.auctions.store import AuctionStore
from services.auctions.usecases import CancelAuctionsOfRfp, ScheduleAuction
from shared import journal
from shared.clock import FixedClock
from shared.db import DatabaseUnavailable, Pool
from shared.domain.ids import AuctionId, EventId, new_id
from shared.events.bids import RfpCancelled
from shared.events.envelope import Envelope
from tests.component.auctions_room import (
    NOW,
    VENDORS,
    heard,
    let_leases_run_out,
    make_hall,
    offer,
    request,
    scheduled,
    seated,
    usd,
)
from tests.patience import until


async def test_an_acknowledged_offer_stands_in_the_log_with_its_hash(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)

    placed = await offer(desk, VENDORS[1], usd("9.90"), key="a")

    rows = await auctions.log(auction_id, after=0, limit=10)
    assert [row.type for row in rows] == ["auction.proposed", "auction.opened", "offer.placed"]
    assert (rows[2].sequence, rows[2].hash) == (placed.written.sequence, placed.written.hash)
    assert isinstance(placed.written.fact, OfferPlaced)
    assert placed.written.fact.rank == 1
    assert desk.picture.ranking[0] == ("Bidder 2", 99_000, 98_500)
    assert journal.first_broken([(row.sequence, row.entry, row.hash) for row in rows]) is None


async def test_the_same_key_gets_the_same_answer_and_one_row(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)

    together = await asyncio.gather(
        *(offer(desk, VENDORS[0], usd("9.00"), key="same") for _ in range(5))
    )
    later = await offer(desk, VENDORS[0], usd("9.00"), key="same")

    assert {one.written for one in (*together, later)} == {later.written}
    assert len(await auctions.log(auction_id, after=2, limit=10)) == 1


async def test_offers_that_wait_together_are_committed_together(
    auctions: AuctionStore, standing_clock: FixedClock
) -> None:
    commits: list[int] = []

    class Counting(AuctionStore):
        async def commit(self, batch: Batch, *, token: int) -> None:
            commits.append(len(batch.rows))
            await super().commit(batch, token=token)

    counting = Counting(auctions._pool, auctions._journal, auctions._vault)
    hall = make_hall(counting, standing_clock)
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)
    await offer(desk, VENDORS[0], usd("9.90"), key=None)
    commits.clear()

    await asyncio.gather(
        *(
            offer(desk, VENDORS[1], usd(f"{Decimal(900 - 10 * n) / 100}"), key=None)
            for n in range(20)
        )
    )

    assert commits == [20]
    await hall.close()


async def test_an_offer_at_the_closing_instant_is_refused_and_one_before_it_stands(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(
        auctions,
        standing_clock,
        request(rules=replace(request().rules, extensions_max=0)),
    )
    desk = await seated(hall, auction_id)
    standing_clock.advance(timedelta(hours=1) - timedelta(microseconds=1))

    in_time = await offer(desk, VENDORS[0], usd("9.00"), key=None)
    standing_clock.advance(timedelta(microseconds=1))
    with pytest.raises(AuctionOver):
        await offer(desk, VENDORS[1], usd("8.00"), key=None)

    assert in_time.written.at == NOW + timedelta(hours=1) - timedelta(microseconds=1)
    rows = await auctions.log(auction_id, after=0, limit=10)
    assert [row.type for row in rows][-1] == "auction.closed"
    assert (await auctions.calendar(auction_id)).status is Status.CLOSED


async def test_a_refused_offer_leaves_no_trace(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)

    with pytest.raises(OfferTooHigh) as refused:
        await offer(desk, VENDORS[0], usd("9.96"), key="high")
    placed = await offer(desk, VENDORS[0], usd("9.95"), key="high")

    assert refused.value.details == {"price_to_beat": "9.95"}
    assert placed.written.sequence == 3


async def test_a_desk_whose_lease_was_taken_over_writes_nothing_more(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    asleep = await seated(hall, auction_id)
    await offer(asleep, VENDORS[0], usd("9.90"), key=None)
    await let_leases_run_out(auctions_database)
    other_hall = make_hall(auctions, standing_clock)
    awake = await seated(other_hall, auction_id)
    await offer(awake, VENDORS[1], usd("9.80"), key=None)

    with pytest.raises(DeskElsewhere):
        await offer(asleep, VENDORS[2], usd("9.70"), key=None)

    placed = await offer(awake, VENDORS[2], usd("9.60"), key=None)
    rows = await auctions.log(auction_id, after=0, limit=10)
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5]
    assert rows[-1].hash == placed.written.hash
    assert journal.first_broken([(row.sequence, row.entry, row.hash) for row in rows]) is None
    await other_hall.close()


async def test_a_desk_is_fenced_where_its_successor_has_written_nothing_yet(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    asleep = await seated(hall, auction_id)
    await offer(asleep, VENDORS[0], usd("9.90"), key=None)
    await let_leases_run_out(auctions_database)
    other_hall = make_hall(auctions, standing_clock)
    await seated(other_hall, auction_id)

    # The next place in the log is free: nothing but the token keeps the sleeper from it.
    with pytest.raises(DeskElsewhere):
        await offer(asleep, VENDORS[2], usd("9.70"), key=None)

    assert len(await auctions.log(auction_id, after=0, limit=10)) == 3
    await other_hall.close()


async def test_a_takeover_remembers_keys_and_standings(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    first = await seated(hall, auction_id)
    placed = await offer(first, VENDORS[1], usd("9.90"), key="mine")
    await let_leases_run_out(auctions_database)
    other_hall = make_hall(auctions, standing_clock)

    second = await seated(other_hall, auction_id)
    again = await offer(second, VENDORS[1], usd("9.90"), key="mine")

    assert again.written == placed.written
    assert second.picture.ranking[0][:2] == ("Bidder 2", 99_000)
    await other_hall.close()


async def test_a_commit_in_doubt_answers_503_and_ends_the_desk(
    auctions: AuctionStore, standing_clock: FixedClock
) -> None:
    class Failing(AuctionStore):
        fails = False

        async def commit(self, batch: Batch, *, token: int) -> None:
            await super().commit(batch, token=token)
            if self.fails:
                raise DatabaseUnavailable

    failing = Failing(auctions._pool, auctions._journal, auctions._vault)
    hall = make_hall(failing, standing_clock)
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)
    failing.fails = True

    with pytest.raises(DeskElsewhere):
        await offer(desk, VENDORS[0], usd("9.00"), key="doubt")
    failing.fails = False
    await hall.step()
    retried = await offer(await seated(hall, auction_id), VENDORS[0], usd("9.00"), key="doubt")

    # The offer had been written, so the retry finds it; it is not counted twice.
    assert retried.written.sequence == 3
    assert len(await auctions.log(auction_id, after=2, limit=10)) == 1
    await hall.close()


async def test_a_cancelled_solicitation_cancels_its_auction_and_refuses_later_requests(
    auctions: AuctionStore, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    event = request()
    auction_id = await scheduled(auctions, standing_clock, event)
    await seated(hall, auction_id)
    cancelled = RfpCancelled(
        rfp_id=event.rfp_id, buyer_id=event.buyer_id, lot_ids=(event.lot_id,), reason="no funds"
    )

    await CancelAuctionsOfRfp(auctions)(
        Envelope(EventId(new_id()), "/commonlot/bids", "rfp/x", NOW, 2, cancelled)
    )
    await hall.step()
    await until_status(auctions, auction_id, Status.CANCELLED)
    await ScheduleAuction(auctions, standing_clock)(heard(request(rfp_id=event.rfp_id)))

    told = await auctions_database.fetch("SELECT type FROM outbox ORDER BY id")
    assert [row["type"] for row in told] == [
        "auction.scheduled.v1",
        "auction.opened.v1",
        "auction.cancelled.v1",
        "auction.refused.v1",
    ]


async def test_a_request_heard_twice_makes_one_auction(
    auctions: AuctionStore, standing_clock: FixedClock
) -> None:
    envelope = heard(request())

    await ScheduleAuction(auctions, standing_clock)(envelope)
    await ScheduleAuction(auctions, standing_clock)(envelope)

    assert len(await auctions.list(after=None, status=None, limit=10)) == 1


async def test_watchers_are_shown_only_what_is_committed(
    auctions: AuctionStore, standing_clock: FixedClock
) -> None:
    shown: list[int] = []
    gate = asyncio.Event()

    class Slow(AuctionStore):
        async def commit(self, batch: Batch, *, token: int) -> None:
            await gate.wait()
            await super().commit(batch, token=token)

    slow = Slow(auctions._pool, auctions._journal, auctions._vault)
    hall = make_hall(slow, standing_clock, lambda moment: shown.append(moment.sequence))
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)

    waiting = asyncio.create_task(offer(desk, VENDORS[0], usd("9.00"), key=None))
    await asyncio.sleep(0)
    before = (list(shown), desk.picture.ranking[0][1])
    gate.set()
    await waiting

    assert before == ([1], 100_000)
    assert desk.picture.ranking[0][1] == 90_000
    await hall.close()


async def until_status(auctions: AuctionStore, auction_id: AuctionId, wanted: Status) -> None:
    async def has_come() -> bool:
        return (await auctions.calendar(auction_id)).status is wanted

    await until(has_come)
