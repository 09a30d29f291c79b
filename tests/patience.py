"""Wait for a condition, for a bounded time, and measure time on a busy machine."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

PATIENCE_S: Final = 30.0
"""So long may pass before a condition holds, on however busy a machine."""

BUSY_S_MAX: Final = 20.0
"""What a quiet machine does in a second or three may take so long on however busy a one."""

PAUSE_S: Final = 0.01


async def until(condition: Callable[[], Awaitable[bool]], *, timeout_s: float = PATIENCE_S) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: It did not hold in time.
    """
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(PAUSE_S)


@dataclass
class Took:
    """What a block took."""

    own_s: float = 0.0
    """Processor time of this process, which no other process on the machine can lengthen."""
    wall_s: float = 0.0


@contextmanager
def timed() -> Iterator[Took]:
    """Measure a block."""
    took, own_s, wall_s = Took(), time.process_time(), time.monotonic()
    yield took
    took.own_s, took.wall_s = time.process_time() - own_s, time.monotonic() - wall_s
