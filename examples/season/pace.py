"""Do many things with bounded haste, and wait for others with bounded patience."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

AT_ONCE: Final = 16
"""How many calls are under way at once: they keep two cores busy without queueing for long."""

POLL_S: Final = 0.2


class Stalled(Exception):  # noqa: N818 - a fact about the run
    """Something that had to happen did not, in good time."""


async def for_each(
    items: Iterable[Item], act: Callable[[Item], Awaitable[None]], *, at_once: int = AT_ONCE
) -> None:
    """Act on every item, at most `at_once` at a time; the first failure ends all."""
    queue = iter(items)

    async def work() -> None:
        for item in queue:
            await act(item)

    workers = [asyncio.create_task(work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def until(
    look: Callable[[], Awaitable[Found | None]],
    *,
    awaited: str,
    timeout_s: float,
    poll_s: float = POLL_S,
) -> Found:
    """Look again and again until there is something to return.

    Raises:
        Stalled: `awaited`, a noun phrase, did not come within `timeout_s`.
    """
    ends_at_s = time.monotonic() + timeout_s
    while (found := await look()) is None:
        if time.monotonic() > ends_at_s:
            sentence = f"Waited {timeout_s:.0f} s in vain for {awaited}."
            raise Stalled(sentence)
        await asyncio.sleep(poll_s)
    return found
