"""Serve the tests of this folder: the HTTP edge's tiny service, and rooms for live auctions."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from services.auctions.hall import Hall
from services.auctions.store import AuctionStore
from shared.auth import FixedVerifier
from shared.clock import FixedClock
from shared.db import Pool
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.vault import Vault
from shared.web import build_app
from tests.component import auctions_room
from tests.component.web_service import (
    HOUSE,
    LIMITS,
    NOW,
    TOKENS,
    House,
    OutsideAway,
    Service,
    api,
)


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[Service]:
    clock, house, state = FixedClock(NOW), House(), {"database": True, "broker": True}

    def check(name: str) -> Callable[[], Any]:
        async def passes() -> bool:
            if name == "broker" and not state[name]:
                raise ConnectionError(name)
            return state[name]

        return passes

    app = build_app(
        api,
        verifier=FixedVerifier(TOKENS),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={name: check(name) for name in state},
        limits=LIMITS,
        outages=(OutsideAway,),
    )
    app[HOUSE] = house
    async with TestClient(TestServer(app, access_log=None, handler_cancellation=True)) as client:
        yield Service(client, house, clock, state)


@pytest.fixture
def standing_clock() -> FixedClock:
    return FixedClock(auctions_room.NOW)


@pytest.fixture
def auctions(auctions_database: Pool) -> AuctionStore:
    return AuctionStore(auctions_database, Journal("auctions"), Vault(bytes(range(32))))


@pytest.fixture
async def hall(auctions: AuctionStore, standing_clock: FixedClock) -> AsyncIterator[Hall]:
    hall = auctions_room.make_hall(auctions, standing_clock)
    yield hall
    await hall.close()
