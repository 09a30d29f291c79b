"""Measure many auctions: a thousand live at one process, one offer a second at each.

`python -m benchmarks.many_auctions` bids by the clock, not by the answers: every offer has its
instant, and its latency counts from there, so that a stall is not hidden by a client that waited.
Sixty-four vendors bid; each auction is bid for by two of them in turn.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID, uuid4

import uvloop

from benchmarks.harness import figures, processor
from benchmarks.harness.auctions import STEP_E4, Auctioneer, Bidder, bidders_of, path_of
from benchmarks.harness.client import connect, post
from benchmarks.harness.figures import MS_PER_S, Target, quantile
from benchmarks.harness.ground import AUCTIONS, Ground, Running, ground, issuer_ready
from benchmarks.harness.load import PLACED, until_placed

AUCTIONS_LIVE: Final = 1_000
CONNECTIONS: Final = 64
WARM_S: Final = 5
SECONDS: Final = 20

TARGETS: Final = (Target("p99_ms", 100.0),)


@dataclass(frozen=True, slots=True)
class Due:
    """One offer that is to be sent `after_s` from the start, at an auction."""

    after_s: float
    auction_id: UUID
    bidder: Bidder


@dataclass(slots=True)
class Found:
    """What was measured after the warm-up."""

    latencies_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    cpu_share: float = 0.0
    waited_share: float = 0.0
    rss_mib: float = 0.0


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    with ground() as where:
        found = uvloop.run(_measure(where))
    measured = {
        "p99_ms": round(quantile(found.latencies_s, 0.99) * MS_PER_S, 2),
        "rss_mib": round(found.rss_mib, 1),
        "cpu_share": round(found.cpu_share, 3),
    }
    notes = [
        ("machine", str(processor.machine())),
        ("offers", f"{len(found.latencies_s):,} in {SECONDS} s at {AUCTIONS_LIVE:,} auctions"),
        ("p50 ms", f"{quantile(found.latencies_s, 0.5) * MS_PER_S:.1f}"),
        ("slowest ms", f"{max(found.latencies_s) * MS_PER_S:.0f}"),
        ("service kept from its processor by others", f"{found.waited_share:.0%}"),
        ("client late by ms, p99", f"{quantile(found.late_s, 0.99) * MS_PER_S:.1f}"),
    ]
    return figures.report("many_auctions", measured, TARGETS, notes)


async def _measure(where: Ground) -> Found:
    await where.migrate("auctions")
    await issuer_ready(where)
    vendors = [uuid4() for _ in range(CONNECTIONS)]
    tokens = await where.tokens(vendors)
    fields = [
        (vendors[n % CONNECTIONS], vendors[(n + 1) % CONNECTIONS]) for n in range(AUCTIONS_LIVE)
    ]
    async with where.pool() as pool:
        ids = await Auctioneer(pool).schedule(fields)
    running = await where.start(AUCTIONS, name="auctions")
    lanes = _lanes(ids, bidders_of(tokens))
    await _await_desks(running, lanes)
    return await _bid(running, lanes)


def _lanes(ids: Sequence[UUID], bidders: Sequence[Bidder]) -> list[list[Due]]:
    """Plan each connection's offers: at each auction one a second, its two vendors in turn."""
    lanes: list[list[Due]] = [[] for _ in bidders]
    for number, auction_id in enumerate(ids):
        pair = [(number + turn) % len(bidders) for turn in (0, 1)]
        own = [replace(bidders[lane]) for lane in pair]
        for second in range(WARM_S + SECONDS):
            turn = second % len(pair)
            after_s = second + number / len(ids)
            lanes[pair[turn]].append(Due(after_s, auction_id, own[turn]))
    for lane in lanes:
        lane.sort(key=lambda due: due.after_s)
    return lanes


async def _await_desks(running: Running, lanes: Sequence[Sequence[Due]]) -> None:
    """Place one offer at every auction."""
    connection = await connect(running.port)
    first = {due.auction_id: due.bidder for lane in lanes for due in lane}
    for auction_id, bidder in first.items():
        body = bidder.next_body(STEP_E4)
        request = post(path_of(auction_id), token=bidder.token, key="first", body=body)
        await until_placed(connection, request)
    connection.close()


async def _bid(running: Running, lanes: Sequence[Sequence[Due]]) -> Found:
    found, began_s = Found(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(_bid_on(running, lane, began_s, found))
        await asyncio.sleep(WARM_S)
        cpu_before_s = processor.cpu_s(running.pid)
        waited_before_s = processor.waited_s(running.pid)
        await asyncio.sleep(SECONDS)
        found.cpu_share = (processor.cpu_s(running.pid) - cpu_before_s) / SECONDS
        found.waited_share = (processor.waited_s(running.pid) - waited_before_s) / SECONDS
        found.rss_mib = processor.rss_mib(running.pid)
    assert set(found.statuses) == {PLACED}, found.statuses
    return found


async def _bid_on(running: Running, lane: Sequence[Due], began_s: float, found: Found) -> None:
    connection = await connect(running.port)
    for due in lane:
        due_s = began_s + due.after_s
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        body = due.bidder.next_body(STEP_E4)
        key = f"offer-{due.bidder.offers}"
        request = post(path_of(due.auction_id), token=due.bidder.token, key=key, body=body)
        late_s = time.perf_counter() - due_s
        answer = await connection.ask(request)
        found.statuses[answer.status] += 1
        if due.after_s >= WARM_S:
            found.latencies_s.append(time.perf_counter() - due_s)
            found.late_s.append(late_s)
    connection.close()


if __name__ == "__main__":
    main()
