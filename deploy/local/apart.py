"""Wait for a condition, and run a coroutine from synchronous code, whatever loop runs there."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from shared.domain.refusals import Kind, Refusal

Answer = TypeVar("Answer")

POLL_S: Final = 0.05


class NeverReady(Refusal):
    """A child did not become ready in time."""

    kind = Kind.UNAVAILABLE
    code = "never_ready"


def run_apart(work: Callable[[], Coroutine[object, object, Answer]]) -> Answer:
    """Run a coroutine in a thread and loop of its own, and wait for its answer."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


async def until(name: str, is_ready: Callable[[], Awaitable[bool]], *, timeout_s: float) -> None:
    """Ask again and again until `name` is ready.

    Raises:
        NeverReady: It was not within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while not await is_ready():
        if time.monotonic() > deadline:
            sentence = f"{name} was not ready within {timeout_s:g} seconds."
            raise NeverReady(sentence, details={"child": name})
        await asyncio.sleep(POLL_S)
