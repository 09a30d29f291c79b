"""Awards need PostgreSQL alone: made while the broker is away, and told when it is back."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import aiohttp
import nats
import pytest

from deploy.local.apart import until as until_ready
from deploy.local.nats import has_jetstream, nats_url
from shared.auth import Role
from shared.db import Pool
from tests.chaos.bids_replicas import bids_pool_of, replicas_of
from tests.chaos.conftest import READY_S, Ground
from tests.component.bids_purchase import Purchase, publish
from tests.patience import until

NAMESPACE: Final = "brokerless"
CREATED: Final = 201

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def bids_pool(ground: Ground) -> AsyncIterator[Pool]:
    async with bids_pool_of(ground) as pool:
        yield pool


async def test_award_is_made_without_a_broker_and_told_when_it_is_back(
    ground: Ground, bids_pool: Pool
) -> None:
    purchase = await publish(bids_pool, standstill=timedelta(0))
    for vendor, price in enumerate(("0.30", "0.25", "0.28")):
        await purchase.file(price, vendor=vendor)
    await purchase.open_bids()
    token = await ground.token(purchase.buyer_id, role=Role.BUYER)
    async with replicas_of(ground, NAMESPACE, replicas=1) as (replica,):
        ground.nats.kill()
        try:
            status, award = await _intend(replica.url, token, purchase)
            await until(lambda: _is_awarded(purchase), timeout_s=30)
            waiting = await _waiting(purchase)
        finally:
            ground.nats.start()
            url = nats_url(ground.folder, ground.settings)
            await until_ready("nats", lambda: has_jetstream(url), timeout_s=READY_S)
        await until(lambda: _is_told(purchase), timeout_s=30)
        told = await _told(ground)

    assert (status, award["total"], award["vendor_name"]) == (CREATED, "105.00", "Dairy 2")
    assert {"award.intended.v1", "award.made.v1", "award.line_made.v1"} <= waiting
    mine = [each for each in told if each["data"].get("lot_id") == str(purchase.lots[0])]
    members = [each["data"]["member_id"] for each in mine if each["type"] == "award.line_made.v1"]
    assert sorted(members) == sorted(map(str, purchase.members))
    assert [each["type"] for each in mine].count("award.made.v1") == 1


async def _intend(url: str, token: str, purchase: Purchase) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    path = f"{url}/v1/lots/{purchase.lots[0]}/intent"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(path, json={}) as answer,
    ):
        return answer.status, await answer.json()


async def _is_awarded(purchase: Purchase) -> bool:
    return await purchase.status_of_lot() == "awarded"


async def _waiting(purchase: Purchase) -> set[str]:
    rows = await purchase.pool.fetch(
        "SELECT type FROM outbox WHERE aggregate_id = $1 AND published_at IS NULL",
        purchase.lots[0],
    )
    return {row["type"] for row in rows}


async def _is_told(purchase: Purchase) -> bool:
    return not await _waiting(purchase)


async def _told(ground: Ground) -> list[dict[str, Any]]:
    """Read every event that the stream holds."""
    client = await nats.connect(nats_url(ground.folder, ground.settings))
    try:
        jetstream = client.jetstream()
        stream = await jetstream.find_stream_name_by_subject(f"{NAMESPACE}.bids.award.made.v1")
        state = (await jetstream.stream_info(stream)).state
        found = [
            await jetstream.get_msg(stream, sequence)
            for sequence in range(state.first_seq, state.last_seq + 1)
        ]
        return [json.loads(message.data or b"{}") for message in found]
    finally:
        await client.close()
