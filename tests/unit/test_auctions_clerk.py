"""The clerk, who writes what many desks decided: when it writes, and what it tells whom."""

import asyncio
from collections.abc import Collection, Sequence
from typing import cast

from services.auctions.domain.log import Batch
from services.auctions.store.clerk import Clerk, Filed


async def test_next_batch_of_a_desk_is_sent_before_those_who_asked_are_answered() -> None:
    course = list[str]()
    answered = asyncio.Event()

    async def write(group: Sequence[Filed]) -> Collection[int]:
        course.append(f"batch of {group[0].token}")
        await asyncio.sleep(0)
        return {1}

    def answer() -> None:
        course.append("answer")
        answered.set()

    clerk, batch = Clerk(write), cast("Batch", object())

    await clerk.file(batch, 1)
    asyncio.get_running_loop().call_soon(answer)
    await clerk.file(batch, 2)
    await answered.wait()

    assert course == ["batch of 1", "batch of 2", "answer"]
