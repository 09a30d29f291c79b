"""What may be taken over soon is folded before, and what is written meanwhile is not missed."""

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg
import pytest

from services.auctions import ahead
from services.auctions.ahead import Foresight
from services.auctions.hall import Hall
from services.auctions.store import AuctionStore, lease_name
from services.auctions.store import logs as store_logs
from shared.clock import FixedClock
from shared.db import Pool
from shared.domain.ids import AuctionId, new_id
from shared.journal import Journal
from shared.vault import Vault
from tests.component.auctions_room import (
    LEASE_S,
    VENDORS,
    let_leases_run_out,
    make_hall,
    offer,
    scheduled,
    seated,
    usd,
)

EDGE_S: Final = LEASE_S * ahead.FALTERS_AT


class Reading(AuctionStore):
    """A record that knows behind which sequences its pages began."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, Journal("auctions"), Vault(bytes(range(32))))
        self.read: list[int] = []

    async def _page(self, auction_id: AuctionId, after: int) -> Sequence[asyncpg.Record]:
        self.read.append(after)
        return await super()._page(auction_id, after)


@pytest.fixture
def reading(auctions_database: Pool) -> Reading:
    return Reading(auctions_database)


async def leave_of_lease(pool: Pool, auction_id: AuctionId, left_s: float) -> None:
    await pool.execute(
        "UPDATE lease SET until = clock_timestamp() + make_interval(secs => $2) WHERE name = $1",
        lease_name(auction_id),
        left_s,
    )


async def test_a_takeover_folds_only_what_was_written_since_the_lease_faltered(
    reading: Reading, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(reading, standing_clock)
    owner = await seated(hall, auction_id)
    await offer(owner, VENDORS[0], usd("9.90"), key="before")
    await leave_of_lease(auctions_database, auction_id, EDGE_S - 1.0)
    other = make_hall(reading, standing_clock)
    await other._foresight.step()
    await other._foresight._folding[auction_id].task
    meanwhile = await offer(owner, VENDORS[1], usd("9.80"), key="meanwhile")
    await let_leases_run_out(auctions_database)
    reading.read.clear()

    successor = await seated(other, auction_id)

    assert reading.read == [3]
    assert [row[:2] for row in successor.picture.ranking[:2]] == [
        ("Bidder 2", 98_000),
        ("Bidder 1", 99_000),
    ]
    again = await offer(successor, VENDORS[1], usd("9.80"), key="meanwhile")
    assert again.written == meanwhile.written
    await other.close()


async def test_a_lease_that_is_renewed_in_time_is_left_alone(
    reading: Reading, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(reading, standing_clock)
    await seated(hall, auction_id)
    foresight = Foresight(reading, holder=new_id(), lease_s=LEASE_S)
    reading.read.clear()

    await leave_of_lease(auctions_database, auction_id, EDGE_S + 1.0)
    await foresight.step()

    assert reading.read == []
    foresight.close()


async def test_a_process_folds_nothing_of_its_own_ahead(
    reading: Reading, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(reading, standing_clock)
    await seated(hall, auction_id)
    await leave_of_lease(auctions_database, auction_id, EDGE_S - 1.0)

    own = await reading.faltering(holder=hall._holder, within_s=EDGE_S, limit=10)
    others = await reading.faltering(holder=new_id(), within_s=EDGE_S, limit=10)

    assert (own, others) == ([], [auction_id])


async def test_what_was_renewed_after_all_is_forgotten(
    reading: Reading, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(reading, standing_clock)
    await seated(hall, auction_id)
    await leave_of_lease(auctions_database, auction_id, EDGE_S - 1.0)
    foresight = Foresight(reading, holder=new_id(), lease_s=LEASE_S)
    await foresight.step()
    folding = foresight._folding[auction_id]
    await folding.task
    await hall.renew()
    foresight._folding[auction_id] = ahead._Folding(folding.task, kept_until=0.0)

    await foresight.step()

    assert foresight._folding == {}


async def test_a_takeover_waits_for_the_fold_that_is_under_way(
    reading: Reading, standing_clock: FixedClock, hall: Hall, auctions_database: Pool
) -> None:
    auction_id = await scheduled(reading, standing_clock)
    desk = await seated(hall, auction_id)
    await offer(desk, VENDORS[0], usd("9.90"), key=None)
    await leave_of_lease(auctions_database, auction_id, EDGE_S - 1.0)
    foresight = Foresight(reading, holder=new_id(), lease_s=LEASE_S)
    reading.read.clear()
    await foresight.step()

    loaded = await foresight.load(auction_id)

    assert reading.read == [0, 3]
    assert loaded.head.sequence == 3


@pytest.mark.parametrize("offers", [0, 1, 2, 3])
async def test_a_log_of_whole_pages_is_folded_to_its_end(
    reading: Reading,
    standing_clock: FixedClock,
    hall: Hall,
    monkeypatch: pytest.MonkeyPatch,
    offers: int,
) -> None:
    monkeypatch.setattr(store_logs, "PAGE", 2)
    auction_id = await scheduled(reading, standing_clock)
    desk = await seated(hall, auction_id)
    await asyncio.sleep(0)
    for number in range(offers):
        await offer(desk, VENDORS[0], usd(f"9.{50 - 5 * number}"), key=f"{number}")

    loaded = await reading.load(auction_id)

    assert loaded.head.sequence == len(await reading.log(auction_id, after=0, limit=10))
    assert sum(map(len, loaded.keys.values())) == offers
