"""Measure growth: what an offer costs when its auction's log is long.

`python -m benchmarks.growth` gives auctions a past of a hundred, ten thousand and a hundred
thousand offers, lets one service take them over, and bids at each in turn in short rounds. The cost
is the service's own processor time per offer: it is less at the mercy of the machine's other work
than a latency is. Each round at a hundred is on a fresh auction, so that it stays short.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

import uvloop

from benchmarks.harness import figures, processor
from benchmarks.harness.auctions import STEP_E4, Auctioneer, Bidder, bidders_of, path_of
from benchmarks.harness.client import connect, post
from benchmarks.harness.figures import MS_PER_S, US_PER_S, Target, quantile, spread
from benchmarks.harness.ground import AUCTIONS, Ground, Running, ground, issuer_ready
from benchmarks.harness.load import Round, bid, until_placed

BIDDERS: Final = 32
CYCLES: Final = 9
ROUND_S: Final = 1.0

SHORT: Final = 100
MIDDLE: Final = 10_000
LONG: Final = 100_000

TARGETS: Final = (Target("cost_ratio_1e4", 1.3), Target("cost_ratio_1e5", 1.3))


@dataclass(frozen=True, slots=True)
class Stand:
    """An auction with a past, and those who bid there."""

    auction_id: UUID
    bidders: Sequence[Bidder]


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    with ground() as where:
        rounds = uvloop.run(_measure(where))
    measured = {
        "cost_ratio_1e4": round(_ratio(rounds[MIDDLE], rounds[SHORT]), 3),
        "cost_ratio_1e5": round(_ratio(rounds[LONG], rounds[SHORT]), 3),
    }
    return figures.report("growth", measured, TARGETS, _notes(rounds))


def _notes(rounds: Mapping[int, Sequence[Round]]) -> list[tuple[str, str]]:
    notes = [("machine", str(processor.machine()))]
    for size, each in rounds.items():
        costs_us = [one.cpu_s_each * US_PER_S for one in each]
        p50_ms = statistics.median(quantile(one.latencies_s, 0.5) for one in each) * MS_PER_S
        text = f"CPU µs each {spread(costs_us)}, p50 {p50_ms:.1f} ms"
        notes.append((f"behind {size:,} offers", text))
    return notes


async def _measure(where: Ground) -> dict[int, list[Round]]:
    await where.migrate("auctions")
    await issuer_ready(where)
    stands = await _stands(where)
    running = await where.start(AUCTIONS, name="auctions")
    for each in stands.values():
        for stand in each:
            await _await_desk(running, stand)
    warm = stands[SHORT].pop()
    await bid(running, warm.auction_id, warm.bidders, seconds=ROUND_S)
    rounds: dict[int, list[Round]] = {size: [] for size in stands}
    for cycle in range(CYCLES):
        for size, each in stands.items():
            stand = each[cycle % len(each)]
            rounds[size].append(
                await bid(running, stand.auction_id, stand.bidders, seconds=ROUND_S)
            )
    return rounds


async def _stands(where: Ground) -> dict[int, list[Stand]]:
    """Lay the pasts: one auction of each long one, and a short one for each cycle and to warm."""
    vendors = [uuid4() for _ in range(BIDDERS)]
    tokens = await where.tokens(vendors)
    sizes = [LONG, MIDDLE, *([SHORT] * (CYCLES + 1))]
    stands: dict[int, list[Stand]] = {SHORT: [], MIDDLE: [], LONG: []}
    async with where.pool() as pool:
        auctioneer = Auctioneer(pool)
        ids = await auctioneer.schedule([vendors] * len(sizes))
        for auction_id, size in zip(ids, sizes, strict=True):
            stand = Stand(auction_id, bidders_of(tokens))
            await auctioneer.lay_past(auction_id, stand.bidders, size)
            stands[size].append(stand)
    return stands


async def _await_desk(running: Running, stand: Stand) -> None:
    connection, bidder = await connect(running.port), stand.bidders[0]
    body = bidder.next_body(STEP_E4)
    request = post(path_of(stand.auction_id), token=bidder.token, key="first", body=body)
    await until_placed(connection, request)
    connection.close()


def _ratio(longer: Sequence[Round], short: Sequence[Round]) -> float:
    """Compare neighbours in time, and take the middle."""
    pairs = zip(longer, short, strict=True)
    return statistics.median(one.cpu_s_each / other.cpu_s_each for one, other in pairs)


if __name__ == "__main__":
    main()
