"""Wait for a condition, for a bounded time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PAUSE_S: Final = 0.01


async def until(condition: Callable[[], Awaitable[bool]], *, timeout_s: float = 10.0) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: It did not hold in time.
    """
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(PAUSE_S)
