"""Bid: a keep-alive connection for each bidder, its next offer once the last is answered."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from benchmarks.harness import processor
from benchmarks.harness.auctions import Bidder, path_of
from benchmarks.harness.client import Connection, connect, post
from benchmarks.harness.ground import Running

PLACED: Final = 201

DESK_S: Final = 30.0
DESK_PAUSE_S: Final = 0.05

STEPS_MAX: Final = 9
"""Offers go down by one to nine steps, so that the lead changes as it does among people."""


@dataclass(slots=True)
class Round:
    """What a stretch of bidding found: answers that came in time, and what they cost."""

    seconds: float = 0.0
    answered: int = 0
    cpu_s_each: float = 0.0
    waited_share: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


async def bid(
    running: Running, auction_id: UUID, bidders: Sequence[Bidder], *, seconds: float
) -> Round:
    """Let every bidder bid for `seconds`.

    An answer that comes later is not counted, but its cost is. Every answer must be 201.

    Raises:
        AssertionError: An offer was refused; the figures would mean nothing.
    """
    connections = [await connect(running.port) for _ in bidders]
    found, path, luck = Round(seconds=seconds), path_of(auction_id), random.Random(1)
    cpu_before_s, waited_before_s = processor.cpu_s(running.pid), processor.waited_s(running.pid)
    end_s = time.perf_counter() + seconds

    async def bid_on(number: int) -> None:
        bidder, connection = bidders[number], connections[number]
        while (asked_s := time.perf_counter()) < end_s:
            body = bidder.next_body(luck.randint(1, STEPS_MAX))
            key = f"offer-{bidder.offers}"
            answer = await connection.ask(post(path, token=bidder.token, key=key, body=body))
            answered_s = time.perf_counter()
            found.statuses[answer.status] += 1
            assert answer.status == PLACED, answer
            if answered_s <= end_s:
                found.answered += 1
                found.latencies_s.append(answered_s - asked_s)

    async with asyncio.TaskGroup() as group:
        for number in range(len(bidders)):
            group.create_task(bid_on(number))
    found.cpu_s_each = (processor.cpu_s(running.pid) - cpu_before_s) / found.statuses.total()
    found.waited_share = (processor.waited_s(running.pid) - waited_before_s) / seconds
    for connection in connections:
        connection.close()
    return found


async def until_placed(connection: Connection, request: bytes) -> bytes:
    """Ask until the answer is 201, as a client does while a desk is on its way; return its body.

    Raises:
        TimeoutError: It was not within `DESK_S`.
    """
    async with asyncio.timeout(DESK_S):
        while True:
            answer = await connection.ask(request)
            if answer.status == PLACED:
                return answer.body
            await asyncio.sleep(DESK_PAUSE_S)
