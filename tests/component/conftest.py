"""Serve the tiny service of the HTTP edge to the tests of this folder."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from shared.auth import FixedVerifier
from shared.clock import FixedClock
from shared.idempotency import MemoryIdempotencyStore
from shared.web import build_app
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
