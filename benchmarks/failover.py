"""Measure failover: the owner of a long auction is killed while vendors bid.

`python -m benchmarks.failover` gives an auction a past of fifty thousand offers and starts two
replicas. Once the desk works, its owner is killed (SIGKILL) under load. Vendors do what any client
should: after an error, a 503 or silence they send the same offer under the same Idempotency-Key,
turning from one replica to the other. Afterwards the log in the database is held against what was
acknowledged: each acknowledged offer must be there once, at its sequence, with its hash.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

import uvloop

from benchmarks.harness import figures, processor
from benchmarks.harness.auctions import STEP_E4, Auctioneer, Bidder, bidders_of, path_of
from benchmarks.harness.client import Answer, Connection, connect, post
from benchmarks.harness.figures import Target
from benchmarks.harness.ground import AUCTIONS, Ground, Running, ground, issuer_ready
from benchmarks.harness.load import PLACED, until_placed
from shared.db import Pool

BIDDERS: Final = 20
PAST: Final = 50_000
BEFORE_S: Final = 5.0
AFTER_S: Final = 15.0

LEASE_S: Final = 3
ANSWER_S: Final = 2.0
"""How long a client waits before it asks the other replica."""

RETRY_S: Final = 0.05

TARGETS: Final = (
    Target("seconds_to_accept", LEASE_S + 1.0),
    Target("lost", 0),
    Target("duplicated", 0),
)


_LOGGED: Final = """-- benchmarks.read_offers
SELECT sequence, hash, vendor_id, idempotency_key, entry FROM auction_log
WHERE auction_id = $1 AND type = 'offer.placed' ORDER BY sequence
"""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An offer that was answered with 201, and when."""

    vendor_id: UUID
    key: str
    price: str
    sequence: int
    hash: str
    at_s: float
    port: int


@dataclass(slots=True)
class History:
    """What the vendors know; an answer that was on its way at the kill is still its owner's."""

    owner_port: int
    killed_s: float = 0.0
    acknowledged: list[Acknowledged] = field(default_factory=list)
    in_doubt: Counter[str] = field(default_factory=Counter)

    @property
    def seconds_to_accept(self) -> float:
        """How long after the kill the first offer was acknowledged by the survivor."""
        return min(self._after_kill().values())

    @property
    def seconds_to_serve_all(self) -> float:
        """How long after the kill the last of the vendors had an offer acknowledged there."""
        return max(self._after_kill().values())

    def _after_kill(self) -> dict[UUID, float]:
        """Tell each vendor's first acknowledgement by the survivor, in seconds after the kill."""
        first: dict[UUID, float] = {}
        for one in self.acknowledged:
            if one.port != self.owner_port:
                first.setdefault(one.vendor_id, one.at_s - self.killed_s)
        return first


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the log says of the history."""

    lost: int
    duplicated: int


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    with ground() as where:
        history, verdict = uvloop.run(_measure(where))
    measured = {
        "seconds_to_accept": round(history.seconds_to_accept, 2),
        "acknowledged": len(history.acknowledged),
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
    }
    doubts = ", ".join(f"{count} {what}" for what, count in sorted(history.in_doubt.items()))
    notes = [
        ("machine", str(processor.machine())),
        ("lease", f"{LEASE_S} s, behind {PAST:,} offers"),
        ("seconds until every vendor was served", f"{history.seconds_to_serve_all:.2f}"),
        ("asked again after", doubts),
    ]
    return figures.report("failover", measured, TARGETS, notes)


async def _measure(where: Ground) -> tuple[History, Verdict]:
    await where.migrate("auctions")
    await issuer_ready(where)
    vendors = [uuid4() for _ in range(BIDDERS)]
    bidders = bidders_of(await where.tokens(vendors))
    async with where.pool() as pool:
        auctioneer = Auctioneer(pool)
        [auction_id] = await auctioneer.schedule([vendors])
        await auctioneer.lay_past(auction_id, bidders, PAST)
        environment = {"COMMONLOT_LEASE_S": str(LEASE_S)}
        owner = await where.start(AUCTIONS, name="auctions", environment=environment)
        await _await_desk(owner, auction_id, bidders[0])
        other = await where.start(AUCTIONS, name="auctions-2", environment=environment)
        history = await _bid_through_death(owner, other, auction_id, bidders)
        return history, await _verdict(pool, auction_id, history)


async def _await_desk(owner: Running, auction_id: UUID, bidder: Bidder) -> None:
    """See that the first replica holds the desk: only there does an offer succeed."""
    connection = await connect(owner.port)
    body = bidder.next_body(STEP_E4)
    request = post(path_of(auction_id), token=bidder.token, key="first", body=body)
    await until_placed(connection, request)
    connection.close()


async def _bid_through_death(
    owner: Running, other: Running, auction_id: UUID, bidders: Sequence[Bidder]
) -> History:
    history, ending = History(owner.port), asyncio.Event()
    ports = [owner.port, other.port]
    async with asyncio.TaskGroup() as group:
        for bidder in bidders:
            vendor = Vendor(bidder, auction_id, ports, history)
            group.create_task(vendor.bid_until(ending))
        await asyncio.sleep(BEFORE_S)
        history.killed_s = time.perf_counter()
        owner.kill()
        await asyncio.sleep(AFTER_S)
        ending.set()
    return history


class Vendor:
    """A vendor's program: one offer after another, each until it is acknowledged."""

    def __init__(
        self, bidder: Bidder, auction_id: UUID, ports: Sequence[int], history: History
    ) -> None:
        """Begin at the first port."""
        self._bidder = bidder
        self._path = path_of(auction_id)
        self._ports = ports
        self._history = history
        self._turn = 0
        self._connection: Connection | None = None

    async def bid_until(self, ending: asyncio.Event) -> None:
        """Bid until told to end; the last offer is seen through."""
        while not ending.is_set():
            body = self._bidder.next_body(STEP_E4)
            key = f"offer-{self._bidder.offers}"
            request = post(self._path, token=self._bidder.token, key=key, body=body)
            price = json.loads(body)["unit_price"]
            placed = json.loads(await self._until_acknowledged(request))
            acknowledged = Acknowledged(
                vendor_id=self._bidder.vendor_id,
                key=key,
                price=price,
                sequence=placed["seq"],
                hash=placed["hash"],
                at_s=time.perf_counter(),
                port=self._port,
            )
            self._history.acknowledged.append(acknowledged)
        if self._connection is not None:
            self._connection.close()

    async def _until_acknowledged(self, request: bytes) -> bytes:
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._ask(request)
            except (OSError, TimeoutError) as error:
                self._turn_away(type(error).__name__)
            else:
                if answer.status == PLACED:
                    return answer.body
                assert answer.status == 503, answer
                self._turn_away("503")
            await asyncio.sleep(RETRY_S)

    async def _ask(self, request: bytes) -> Answer:
        if self._connection is None:
            self._connection = await connect(self._port)
        return await self._connection.ask(request)

    @property
    def _port(self) -> int:
        """The replica that is asked now."""
        return self._ports[self._turn % len(self._ports)]

    def _turn_away(self, why: str) -> None:
        """Hang up, and ask the other replica next."""
        self._history.in_doubt[why] += 1
        self._turn += 1
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def _verdict(pool: Pool, auction_id: UUID, history: History) -> Verdict:
    """Hold the log against what was acknowledged.

    Lost: acknowledged, but not in the log at its sequence with its hash, key and price.
    Duplicated: offers that stand in the log more than once, by vendor and price; each vendor's
    prices all differ.
    """
    async with pool.acquire() as connection:
        rows = await connection.fetch(_LOGGED, auction_id)
    logged = {}
    prices: Counter[tuple[UUID, str]] = Counter()
    for row in rows:
        price = json.loads(row["entry"])["data"]["price"]
        prices[row["vendor_id"], price] += 1
        logged[row["sequence"]] = row["hash"].hex(), row["vendor_id"], row["idempotency_key"], price
    lost = sum(
        logged.get(one.sequence) != (one.hash, one.vendor_id, one.key, one.price)
        for one in history.acknowledged
    )
    return Verdict(lost=lost, duplicated=sum(count - 1 for count in prices.values()))


if __name__ == "__main__":
    main()
