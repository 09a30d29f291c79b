"""Measure one hot auction: durable, ranked, hash-chained offers a second over HTTP.

`python -m benchmarks.hot_auction` runs three services side by side on one database with fsync on,
and bids at each in turn in short rounds, so that noise meets all three alike: the auctions service;
a bare handler (the same house, no desk), which says what HTTP itself costs; and one transaction per
offer under a row lock, which is the usual way. 64 vendors bid, each on a connection of its own.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

import uvloop

from benchmarks.harness import figures, processor
from benchmarks.harness.auctions import (
    LIFE,
    OPENING_E4,
    STEP_E4,
    Auctioneer,
    Bidder,
    bidders_of,
    path_of,
)
from benchmarks.harness.bare import SCHEMA
from benchmarks.harness.client import connect, post
from benchmarks.harness.figures import MS_PER_S, US_PER_S, Target, quantile, spread
from benchmarks.harness.ground import AUCTIONS, Ground, Running, ground, issuer_ready
from benchmarks.harness.load import Round, bid, until_placed
from benchmarks.rows.store import RowAuction, insert_auction, make_tables
from shared.clock import SystemClock
from shared.domain.ids import new_id
from shared.journal import GENESIS

CONNECTIONS: Final = 64
CYCLES: Final = 7
ROUND_S: Final = 2.0
WARM_S: Final = 1.0

OURS: Final = "offers"
BARE: Final = "bare"
ROWS: Final = "row lock"
CEILING: Final = "client's ceiling"

TARGETS: Final = (
    Target("ratio_bare", 0.60, is_least=True),
    Target("ratio_row_lock", 8.0, is_least=True),
    Target("p99_ms", 25.0),
)


@dataclass(frozen=True, slots=True)
class Stand:
    """One of the services that are compared, its auction, and those who bid there."""

    name: str
    running: Running
    auction_id: UUID
    bidders: Sequence[Bidder]


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    with ground() as where:
        rounds = uvloop.run(_measure(where))
    ours, bare, rows = rounds[OURS], rounds[BARE], rounds[ROWS]
    latencies_s = [one for each in ours for one in each.latencies_s]
    measured = {
        "offers_per_s": round(_per_s(ours), 1),
        "bare_per_s": round(_per_s(bare), 1),
        "row_lock_per_s": round(_per_s(rows), 1),
        "ratio_bare": round(_ratio(ours, bare), 3),
        "ratio_row_lock": round(_ratio(ours, rows), 2),
        "p50_ms": round(quantile(latencies_s, 0.50) * MS_PER_S, 2),
        "p99_ms": round(quantile(latencies_s, 0.99) * MS_PER_S, 2),
    }
    return figures.report("hot_auction", measured, TARGETS, _notes(rounds))


def _notes(rounds: Mapping[str, Sequence[Round]]) -> list[tuple[str, str]]:
    p99s_ms = [quantile(one.latencies_s, 0.99) * MS_PER_S for one in rounds[OURS]]
    spreads = [(f"{name} /s", spread([one.per_s for one in each])) for name, each in rounds.items()]
    costs = ", ".join(
        f"{name} {statistics.median(one.cpu_s_each for one in each) * US_PER_S:.0f}"
        for name, each in rounds.items()
    )
    kept = ", ".join(
        f"{name} {statistics.median(one.waited_share for one in each):.0%}"
        for name, each in rounds.items()
    )
    return [
        ("machine", str(processor.machine())),
        *spreads,
        ("p99 ms", spread(p99s_ms, digits=1)),
        ("service's CPU µs each", costs),
        ("service kept from its processor by others", kept),
    ]


async def _measure(where: Ground) -> dict[str, list[Round]]:
    await where.migrate("auctions", SCHEMA)
    await issuer_ready(where)
    vendors = [uuid4() for _ in range(CONNECTIONS)]
    tokens = await where.tokens(vendors)
    async with where.pool() as pool:
        [auction_id] = await Auctioneer(pool).schedule([vendors])
    ours = Stand(OURS, await where.start(AUCTIONS, name="auctions"), auction_id, bidders_of(tokens))
    answer_bytes = await _answer_bytes(ours)
    stands = [
        ours,
        await _bare(where, bidders_of(tokens), answer_bytes),
        await _rows(where, bidders_of(tokens)),
        await _ceiling(where, bidders_of(tokens)),
    ]
    for stand in stands:
        await _round(stand, WARM_S)
    rounds: dict[str, list[Round]] = defaultdict(list)
    for _ in range(CYCLES):
        for stand in stands:
            rounds[stand.name].append(await _round(stand, ROUND_S))
    return rounds


async def _round(stand: Stand, seconds: float) -> Round:
    return await bid(stand.running, stand.auction_id, stand.bidders, seconds=seconds)


async def _answer_bytes(stand: Stand) -> int:
    """Place one offer, once the desk is there, and tell how long a good answer is."""
    bidder, connection = stand.bidders[0], await connect(stand.running.port)
    body = bidder.next_body(STEP_E4)
    request = post(path_of(stand.auction_id), token=bidder.token, key="first", body=body)
    answer = await until_placed(connection, request)
    connection.close()
    return len(answer)


async def _bare(where: Ground, bidders: Sequence[Bidder], answer_bytes: int) -> Stand:
    environment = {
        "COMMONLOT_ANSWER_BYTES": str(answer_bytes),
        "COMMONLOT_BUS_NAMESPACE": "bare",
    }
    running = await where.start(
        "benchmarks.harness.bare", name="bare", schema=SCHEMA, environment=environment
    )
    return Stand(BARE, running, uuid4(), bidders)


async def _rows(where: Ground, bidders: Sequence[Bidder]) -> Stand:
    await make_tables(where.postgres.url, SCHEMA)
    await where.migrate(SCHEMA)  # it grants the new tables to the role
    now = SystemClock().now()
    auction = RowAuction(
        id=new_id(),
        step_e4=STEP_E4,
        opens_at=now,
        closes_at=now + LIFE,
        sequence=0,
        hash=GENESIS,
        vendor_ids=[one.vendor_id for one in bidders],
        aliases=[f"V{number:02d}" for number, _ in enumerate(bidders, start=1)],
        prices_e4=[OPENING_E4 for _ in bidders],
    )
    async with where.pool(SCHEMA) as pool:
        await insert_auction(pool, auction)
    environment = {"COMMONLOT_BUS_NAMESPACE": "rows"}
    running = await where.start(
        "benchmarks.rows", name="rows", schema=SCHEMA, environment=environment
    )
    return Stand(ROWS, running, auction.id, bidders)


async def _ceiling(where: Ground, bidders: Sequence[Bidder]) -> Stand:
    running = await where.start_plain("benchmarks.harness.ceiling", name="ceiling")
    return Stand(CEILING, running, uuid4(), bidders)


def _per_s(rounds: Sequence[Round]) -> float:
    return statistics.median(one.per_s for one in rounds)


def _ratio(ours: Sequence[Round], theirs: Sequence[Round]) -> float:
    """Compare neighbours in time, and take the middle."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(mine.per_s / other.per_s for mine, other in pairs)


if __name__ == "__main__":
    main()
