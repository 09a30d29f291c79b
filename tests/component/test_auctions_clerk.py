"""Many desks' commits in one statement, on the real record: each keeps its own fence."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

import pytest

from services.auctions.desk import Desk
from services.auctions.draft import Done
from services.auctions.hall import Hall
from services.auctions.ports import DeskElsewhere
from services.auctions.store import AuctionStore, lease_name
from services.auctions.store.clerk import WRITERS_MAX, Filed
from shared import journal
from shared.clock import FixedClock
from shared.db import DatabaseUnavailable, Pool
from shared.domain.ids import AuctionId
from shared.journal import Journal
from shared.vault import Vault
from tests.component.auctions_room import (
    VENDORS,
    make_hall,
    offer,
    scheduled,
    seated,
    usd,
)
from tests.patience import until

DESKS: Final = WRITERS_MAX + 3
"""One desk for each writer to be busy with, and three whose commits wait together."""

HALTED: Final = WRITERS_MAX + 1
"""The desk in the middle of those three."""


class Gated(AuctionStore):
    """A record whose statements wait at a gate, and which knows how many batches each held."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, Journal("auctions"), Vault(bytes(range(32))))
        self.gate = asyncio.Event()
        self.gate.set()
        self.groups: list[int] = []
        self.is_cut_after = False

    async def _write(self, group: Sequence[Filed]) -> Collection[int]:
        self.groups.append(len(group))
        await self.gate.wait()
        stood = await super()._write(group)
        if self.is_cut_after and len(group) > 1:
            raise DatabaseUnavailable
        return stood


class Market:
    """Some auctions at one process, whose commits can be made to wait for one another."""

    def __init__(self, record: Gated, hall: Hall, ids: Sequence[AuctionId]) -> None:
        self.record = record
        self.hall = hall
        self.ids = ids

    async def seat(self, auction_id: AuctionId) -> Desk:
        return await seated(self.hall, auction_id)

    async def offers(self) -> list["asyncio.Task[Done]"]:
        """Place an offer at each auction: all but the writers' own wait for the gate together."""
        self.record.gate.clear()
        self.record.groups.clear()
        tasks = []
        for auction_id in self.ids:
            desk = self.hall.desk(auction_id)
            assert desk is not None
            placing = offer(desk, VENDORS[0], usd("9.00"), key="one")
            tasks.append(asyncio.create_task(placing))
            await self._settle()
        return tasks

    async def open(self, tasks: Sequence["asyncio.Task[Done]"]) -> list[Done | BaseException]:
        self.record.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def log_of(self, auction_id: AuctionId) -> list[tuple[int, str, bytes]]:
        rows = await self.record.log(auction_id, after=0, limit=10)
        return [(row.sequence, row.entry, row.hash) for row in rows]

    async def _settle(self) -> None:
        """Let the desk decide, and file its commit."""
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def market(auctions_database: Pool, standing_clock: FixedClock) -> AsyncIterator[Market]:
    record = Gated(auctions_database)
    hall = make_hall(record, standing_clock)
    ids = [await scheduled(record, standing_clock) for _ in range(DESKS)]
    await hall.step()

    async def are_open() -> bool:
        return all([await record.log(one, after=1, limit=1) for one in ids])

    await until(are_open)
    yield Market(record, hall, ids)
    record.gate.set()
    await hall.close()


async def test_commits_that_wait_together_are_one_statement(market: Market) -> None:
    tasks = await market.offers()

    answers = await market.open(tasks)

    assert market.record.groups == [1] * WRITERS_MAX + [3]
    for auction_id, answer in zip(market.ids, answers, strict=True):
        assert isinstance(answer, Done)
        log = await market.log_of(auction_id)
        assert (log[-1][0], log[-1][2]) == (answer.written.sequence, answer.written.hash)
        assert (len(log), journal.first_broken(log)) == (3, None)


async def test_a_desk_that_lost_its_lease_writes_nothing_and_the_others_do(
    market: Market, auctions_database: Pool
) -> None:
    tasks = await market.offers()
    lost = market.ids[HALTED]
    await auctions_database.execute(
        "UPDATE lease SET token = token + 1 WHERE name = $1", lease_name(lost)
    )

    answers = await market.open(tasks)

    assert market.record.groups[-1] == 3
    assert [isinstance(one, DeskElsewhere) for one in answers] == _only(HALTED)
    assert [len(await market.log_of(one)) for one in market.ids] == [
        2 if one == lost else 3 for one in market.ids
    ]
    told = await auctions_database.fetchval(
        "SELECT count(*) FROM outbox WHERE aggregate_id = $1 AND type LIKE '%lead_changed%'", lost
    )
    assert told == 0


async def test_a_sequence_that_is_taken_costs_only_the_desk_that_wanted_it(
    market: Market, auctions_database: Pool
) -> None:
    tasks = await market.offers()
    lost = market.ids[HALTED]
    await auctions_database.execute(
        "INSERT INTO auction_log (auction_id, sequence, type, at, entry, hash)"
        " SELECT auction_id, sequence + 1, type, at, entry, hash FROM auction_log"
        " WHERE auction_id = $1 AND sequence = 2",
        lost,
    )

    answers = await market.open(tasks)

    assert market.record.groups[WRITERS_MAX] == 3
    assert [isinstance(one, DeskElsewhere) for one in answers] == _only(HALTED)
    for auction_id in set(market.ids) - {lost}:
        log = await market.log_of(auction_id)
        assert (len(log), journal.first_broken(log)) == (3, None)


async def test_what_is_in_doubt_together_is_found_by_each_one_again(market: Market) -> None:
    tasks = await market.offers()
    market.record.is_cut_after = True

    answers = await market.open(tasks)
    market.record.is_cut_after = False

    doubted = market.ids[WRITERS_MAX:]
    assert [isinstance(one, DeskElsewhere) for one in answers] == [False] * WRITERS_MAX + [True] * 3
    for auction_id in doubted:
        desk = await market.seat(auction_id)
        again = await offer(desk, VENDORS[0], usd("9.00"), key="one")
        assert again.written.sequence == 3
        assert len(await market.log_of(auction_id)) == 3


async def test_an_offer_whose_caller_left_is_written_with_the_others(market: Market) -> None:
    tasks = await market.offers()
    tasks[HALTED].cancel()

    await market.open(tasks)
    desk = await market.seat(market.ids[HALTED])
    again = await offer(desk, VENDORS[0], usd("9.00"), key="one")

    assert again.written.sequence == 3
    assert [len(await market.log_of(one)) for one in market.ids] == [3] * DESKS


async def test_commits_and_renewals_of_the_same_leases_never_wait_in_a_circle(
    market: Market,
) -> None:
    desks = [await market.seat(auction_id) for auction_id in market.ids]

    async def bid(desk: Desk) -> None:
        for cents in range(900, 800, -5):
            await offer(desk, VENDORS[0], usd(f"{cents / 100:.2f}"), key=None)

    async def renew() -> None:
        while True:
            await market.hall.renew()

    renewing = asyncio.create_task(renew())
    await asyncio.gather(*map(bid, desks))
    renewing.cancel()

    assert all(desk.is_open for desk in desks)


def _only(place: int) -> list[bool]:
    return [number == place for number in range(DESKS)]
