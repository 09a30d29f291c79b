"""A deadline that is moved in the very instant at which it is closed: one wins, never both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import pytest

from services.bids.domain.amendments import NewAddendum, RfpNotPublished
from services.bids.store.amendments import PostgresAmendmentStore
from services.bids.store.profiles import read_profiles
from services.bids.usecases.amendments import Amending
from shared.clock import FixedClock
from shared.db import Pool
from shared.domain.ids import new_id
from shared.journal import Journal
from tests.component.bids_purchase import CLOSES_AT, GRACE, MICROSECOND, Purchase, publish
from tests.patience import PATIENCE_S

LATER = CLOSES_AT + timedelta(days=1)
CLOSER = "bids.lock_opening"
BUYER = "bids.hold_openings_of_rfp"

HOLD = "SELECT id FROM opening WHERE id = $1 FOR UPDATE"

WAITING = """-- tests.count_waiting
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ $1
"""

STATE = """-- tests.read_state_of_purchase
SELECT opening.status AS opening, rfp.status AS rfp, lot.status AS lot, opening.closes_at,
    rfp.closes_at AS rfp_closes_at
FROM opening JOIN rfp ON rfp.id = opening.rfp_id JOIN lot ON lot.rfp_id = rfp.id
"""

Result = TypeVar("Result")


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    return await publish(bids_database)


@asynccontextmanager
async def held(purchase: Purchase) -> AsyncIterator[None]:
    """Hold the opening, so that those who want it queue in the order of their coming."""
    async with purchase.pool.acquire() as connection, connection.transaction():
        await connection.execute(HOLD, purchase.opening_id)
        yield


async def queued(purchase: Purchase, act: Awaitable[Result], query: str) -> asyncio.Task[Result]:
    """Begin an act, and return once it waits for the opening."""
    task = asyncio.ensure_future(act)
    async with asyncio.timeout(PATIENCE_S):
        while not await purchase.pool.fetchval(WAITING, rf"^-- {query}\s"):  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)
    return task


async def amend(purchase: Purchase) -> None:
    """Move the deadline by a day, a microsecond before it comes."""
    amending = Amending(
        PostgresAmendmentStore(purchase.pool, Journal("bids")),
        clock=FixedClock(CLOSES_AT - MICROSECOND),
        policies=read_profiles(),
    )
    addendum = NewAddendum(id=new_id(), is_substantial=False, text="A day more.", closes_at=LATER)
    await amending.amend(purchase.rfp_id, addendum, buyer_id=purchase.buyer_id)


async def state_of(purchase: Purchase) -> dict[str, object]:
    row = await purchase.pool.fetchrow(STATE)
    assert row is not None
    return dict(row)


async def test_addendum_that_has_the_gate_first_keeps_it_open(purchase: Purchase) -> None:
    async with held(purchase):
        amending = await queued(purchase, amend(purchase), BUYER)
        closing = await queued(purchase, purchase.closer.step(CLOSES_AT + GRACE), CLOSER)

    await amending
    assert await closing == 0
    assert await state_of(purchase) == {
        "opening": "sealed",
        "rfp": "published",
        "lot": "open",
        "closes_at": LATER,
        "rfp_closes_at": LATER,
    }
    assert await purchase.types_of(purchase.opening_id) == ["opening.deadline_moved"]


async def test_closer_that_has_the_gate_first_refuses_the_addendum(purchase: Purchase) -> None:
    async with held(purchase):
        closing = await queued(purchase, purchase.closer.step(CLOSES_AT + GRACE), CLOSER)
        amending = await queued(purchase, amend(purchase), BUYER)

    assert await closing == 1
    with pytest.raises(RfpNotPublished):
        await amending
    assert await state_of(purchase) == {
        "opening": "closed",
        "rfp": "closed",
        "lot": "closed",
        "closes_at": CLOSES_AT,
        "rfp_closes_at": CLOSES_AT,
    }
    assert await purchase.types_of(purchase.opening_id) == ["opening.closed"]


async def test_deadline_that_was_moved_closes_when_it_comes(purchase: Purchase) -> None:
    await amend(purchase)

    assert await purchase.closer.step(LATER + GRACE - MICROSECOND) == 0
    assert await purchase.closer.step(LATER + GRACE) == 1
