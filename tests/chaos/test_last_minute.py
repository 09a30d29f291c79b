"""The last minute before a deadline: 200 vendors at three replicas, and kill -9 in between."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clients.custodian import bytes_of
from services.bids.domain.openings import OpeningStatus
from shared.clock import SystemClock
from shared.db import Pool
from shared.domain.money import UnitPrice
from shared.receipts import Receipt, verify_receipt
from tests.chaos.bids_replicas import BidsReplica, bids_pool_of, replicas_of
from tests.chaos.conftest import Ground, nap
from tests.component.bids_purchase import USD, Purchase, publish
from tests.patience import until

VENDORS: Final = 200
REPLICAS: Final = 3
RUSH: Final = timedelta(seconds=4)
AFTERWARDS: Final = timedelta(seconds=1.5)
KILLS_BEFORE_S: Final = (2.0, 0.25)
"""How long before the deadline a replica dies, each time another one."""

RECEIPTED_MIN: Final = VENDORS // 10
"""So many vendors at least get a receipt in the rush, on however busy a machine."""

ATTEMPT_S: Final = 3.0
CREATED: Final = 201
SERVER_ERROR: Final = 500

pytestmark = pytest.mark.timeout(180)

_MOVE: Final = "UPDATE {table} SET closes_at = $1"

_VERSIONS: Final = """-- tests.read_versions
SELECT bid.vendor_id, version.bid_id, version.version, version.received_at, version.receipt
FROM bid_version AS version JOIN bid ON bid.id = version.bid_id
WHERE bid.lot_id = ANY($1)
"""

_OPENED: Final = """-- tests.read_opened
SELECT bid_id, vendor_id, version, price_e4, failure FROM unsealed_bid
WHERE lot_id = ANY($1)
"""


@pytest.fixture
async def bids_pool(ground: Ground) -> AsyncIterator[Pool]:
    async with bids_pool_of(ground) as pool:
        yield pool


@dataclass
class Act:
    """One filing under one key: when it was first sent, and how it ended."""

    vendor_id: UUID
    price_e4: int
    sent_at: datetime
    receipt: Receipt | None = None
    codes: list[str] = field(default_factory=list)


@dataclass
class Rush:
    """Everything that vendors did, and what they were told."""

    purchase: Purchase
    urls: list[str]
    closes_at: datetime
    key: Ed25519PublicKey
    clock: SystemClock = field(default_factory=SystemClock)
    acts: list[Act] = field(default_factory=list)

    async def bid(self, vendor_id: UUID, token: str, seed: int) -> None:
        """File and replace until after the deadline, each filing until there is an answer."""
        dice = random.Random(seed)
        timeout = aiohttp.ClientTimeout(total=ATTEMPT_S)
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            await nap(dice.uniform(0, 1))
            while self.clock.now() < self.closes_at + AFTERWARDS:
                act = Act(vendor_id, dice.randrange(10_000, 10_000_000), self.clock.now())
                self.acts.append(act)
                await self._until_answered(session, act, f"{seed}-{len(self.acts)}", dice)
                await nap(dice.uniform(0.2, 1.2))

    async def _until_answered(
        self, session: aiohttp.ClientSession, act: Act, key: str, dice: random.Random
    ) -> None:
        path = f"/v1/lots/{self.purchase.lots[0]}/bids"
        body = {"unit_price": str(UnitPrice(act.price_e4, USD)), "currency": "USD"}
        while self.clock.now() < self.closes_at + 4 * AFTERWARDS:
            try:
                async with session.post(
                    dice.choice(self.urls) + path, json=body, headers={"Idempotency-Key": key}
                ) as answer:
                    said: Any = await answer.json()
            except (aiohttp.ClientError, TimeoutError, ValueError):
                act.codes.append("cut")
                await nap(0.1)
                continue
            if answer.status == CREATED:
                act.receipt = verify_receipt(said["receipt"], self.key)
                return
            act.codes.append(said["code"])
            if answer.status < SERVER_ERROR and said["code"] != "idempotency_key_running":
                return
            await nap(0.1)


async def test_last_minute_loses_no_receipted_bid_and_lets_no_late_one_in(
    ground: Ground, bids_pool: Pool
) -> None:
    async with replicas_of(ground, "lastminute", replicas=REPLICAS) as replicas:
        purchase = await publish(bids_pool, vendors=VENDORS)
        tokens = [await ground.token(vendor_id) for vendor_id in purchase.vendors]
        rush = await _begin(purchase, replicas)
        rushing = asyncio.gather(
            *(
                rush.bid(vendor_id, token, seed)
                for seed, (vendor_id, token) in enumerate(
                    zip(purchase.vendors, tokens, strict=True)
                )
            )
        )
        for victim, before_s in enumerate(KILLS_BEFORE_S):
            left = rush.closes_at - timedelta(seconds=before_s) - rush.clock.now()
            await nap(max(left.total_seconds(), 0))
            replicas[victim].child.kill()
            replicas[victim].child.start()
        await rushing

        await until(lambda: _is(purchase, OpeningStatus.CLOSED), timeout_s=30)
        await until(lambda: _shows_key(purchase), timeout_s=30)
        listed = (await purchase.custody.opening_of(purchase.rfp_id)).sealed_bids
        await purchase.submit()
        await until(lambda: _is(purchase, OpeningStatus.UNSEALED), timeout_s=30)

    await _check_versions(rush)
    await _check_opening(rush, {entry.bid_id: entry.version for entry in listed})
    _check_answers(rush)


async def _begin(purchase: Purchase, replicas: list[BidsReplica]) -> Rush:
    closes_at = SystemClock().now() + RUSH + timedelta(seconds=1)
    for table in ("rfp", "opening"):
        await purchase.pool.execute(_MOVE.format(table=table), closes_at)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{replicas[0].url}/v1/receipt-keys") as answer,
    ):
        (jwk,) = (await answer.json())["keys"]
    key = Ed25519PublicKey.from_public_bytes(bytes_of(jwk["x"]))
    return Rush(purchase, [replica.url for replica in replicas], closes_at, key)


async def _is(purchase: Purchase, status: OpeningStatus) -> bool:
    return (await purchase.custody.opening_of(purchase.rfp_id)).opening.status is status


async def _shows_key(purchase: Purchase) -> bool:
    """Wait for an opener; one that was killed may have shown a key that nobody holds."""
    async with purchase.pool.acquire() as connection:
        held = await connection.fetchval(
            "SELECT until > clock_timestamp() FROM lease WHERE name = 'opener'"
        )
    opening = (await purchase.custody.opening_of(purchase.rfp_id)).opening
    return bool(held) and opening.opener_key is not None


async def _check_versions(rush: Rush) -> None:
    rows = await rush.purchase.pool.fetch(_VERSIONS, rush.purchase.lots)
    kept = {(row["bid_id"], row["version"]): row for row in rows}

    assert rows
    assert all(row["received_at"] < rush.closes_at for row in rows)
    for act in rush.acts:
        if act.receipt is not None:
            row = kept[act.receipt.bid_id, act.receipt.version]
            assert row["vendor_id"] == act.vendor_id
            assert verify_receipt(row["receipt"], rush.key) == act.receipt


async def _check_opening(rush: Rush, listed: dict[Any, int]) -> None:
    """Every receipted bid is in the opening, at that version or a later one, with its price."""
    rows = {
        row["bid_id"]: row for row in await rush.purchase.pool.fetch(_OPENED, rush.purchase.lots)
    }
    prices = {
        (act.receipt.bid_id, act.receipt.version): act.price_e4
        for act in rush.acts
        if act.receipt is not None
    }

    assert rows.keys() == listed.keys()
    for bid_id, version in prices:
        assert listed[bid_id] >= version
    for bid_id, row in rows.items():
        assert row["failure"] is None
        assert row["version"] == listed[bid_id]
        # A version that nobody was told of is one whose answer was lost.
        assert row["price_e4"] == prices.get((bid_id, row["version"]), row["price_e4"])


def _check_answers(rush: Rush) -> None:
    """Nobody was left without an answer, and both sides of the deadline were seen."""
    received = [act for act in rush.acts if act.receipt is not None]
    late = [act for act in rush.acts if act.sent_at >= rush.closes_at]
    unreceipted = [act for act in rush.acts if act.receipt is None]

    assert len({act.vendor_id for act in received}) >= RECEIPTED_MIN
    assert late
    assert all(act.receipt is None for act in late)
    assert all(act.codes for act in unreceipted)
    for act in unreceipted:
        if act.sent_at < rush.closes_at:
            assert set(act.codes) <= {
                "cut",
                "bid_late",
                "filing_too_slow",
                "database_unavailable",
                "idempotency_key_running",
                "too_many_requests",
                "overloaded",
            }, act.codes
    assert any("cut" in act.codes for act in rush.acts)
    assert any(act.receipt and "cut" in act.codes for act in rush.acts)
