"""A whole purchase through the public doors: from two needs to two signed webhooks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from clients.custodian import open_rfp
from clients.errors import Problem
from clients.http import Document
from deploy.local.stack import RunningStack
from shared.bus import PUBLISHERS, NatsBus, StreamShape, stream_name
from shared.clock import SystemClock
from tests.patience import until
from tests.system.conftest import People


@dataclass
class Receiver:
    """A district's own system: it verifies what it gets by an independent library."""

    url: str
    secrets: list[str] = field(default_factory=list)
    got: list[Document] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        for secret in self.secrets:
            try:
                event = Webhook(secret).verify(body, dict(request.headers))
            except Exception:  # noqa: BLE001, S112 - another member's secret
                continue
            self.got.append(event)
            self.ids.append(request.headers["webhook-id"])
            return web.Response(status=204)
        return web.Response(status=401)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver("")
    app = web.Application()
    app.router.add_post("/hooks", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hooks"
    yield receiver
    await runner.cleanup()


async def opened_lot(people: People, prices: tuple[str, str]) -> Document:
    """Publish a lot, let both vendors bid, and open the bids."""
    rfp, lot = await people.published_lot(closes_in_s=3)
    for vendor, price in zip(people.vendors, prices, strict=True):
        await vendor.bids.file_bid(lot["id"], unit_price=price, currency="USD")
    await until(partial(_is_past_sealed, people, rfp["id"]))
    await open_rfp(people.custodian.bids, rfp["id"], people.custodian_key)
    return lot


async def _is_past_sealed(people: People, rfp_id: str) -> bool:
    opening = await people.buyer.bids.opening(rfp_id)
    return bool(opening["status"] != "sealed")


async def _is_awarded(people: People, lot_id: str) -> bool:
    (award,) = await people.buyer.awards.of_lot(lot_id)
    return bool(award["status"] == "made")


async def test_a_purchase_ends_in_one_verified_webhook_per_member(
    people: People, receiver: Receiver
) -> None:
    for member in people.members:
        endpoint = await member.notify.create_endpoint(receiver.url, ["award.line_made.v1"])
        receiver.secrets.append(endpoint["secret"])
    lot = await opened_lot(people, ("400.00", "410.00"))

    await people.buyer.awards.intend(lot["id"])
    await until(partial(_is_awarded, people, lot["id"]))

    async def has_both() -> bool:
        return len(receiver.got) >= 2

    await until(has_both)
    lines = {event["data"]["member_id"]: event["data"] for event in receiver.got}
    assert set(lines) == set(people.member_ids)
    assert len(set(receiver.ids)) == len(receiver.ids) == 2
    for line in lines.values():
        assert (line["quantity"], line["unit_price"], line["total"]) == (
            "300",
            "400.00",
            "120000.00",
        )
    (award,) = await people.buyer.awards.of_lot(lot["id"])
    assert (award["vendor_id"], award["total"]) == (people.vendor_ids[0], "240000.00")


async def test_a_live_auction_decides_the_award(people: People) -> None:
    lot = await opened_lot(people, ("400.00", "410.00"))
    opens_at = SystemClock().now() + timedelta(seconds=1)
    await people.buyer.bids.request_auction(
        lot["id"],
        opens_at=opens_at,
        closes_at=opens_at + timedelta(seconds=3),
        rules={
            "step": "1.00",
            "step_against": "own",
            "soft_close_window_s": 0,
            "soft_close_extension_s": 0,
            "extensions_max": 0,
            "show_rank": "own",
            "show_lead": "always",
        },
    )
    with pytest.raises(Problem) as early:
        await people.buyer.awards.intend(lot["id"])
    auction = await _auction_of(people, lot["id"])

    answer = await people.vendors[1].auctions.offer(
        auction["id"], unit_price="390.00", currency="USD"
    )
    await until(partial(_is_evaluated, people, lot["id"]))
    award = await people.buyer.awards.intend(lot["id"])

    assert early.value.code == "lot_not_evaluated"
    assert (answer["rank"], answer["lead_price"]) == (1, "390.00")
    assert (award["vendor_id"], award["unit_price"]) == (people.vendor_ids[1], "390.00")


async def _auction_of(people: People, lot_id: str) -> Document:
    """Wait until the lot's auction is live."""
    found: list[Document] = []

    async def is_live() -> bool:
        found[:] = [
            one
            async for one in people.buyer.auctions.auctions()
            if one["lot_id"] == lot_id and one["status"] == "live"
        ]
        return bool(found)

    await until(is_live)
    return found[0]


async def _is_evaluated(people: People, lot_id: str) -> bool:
    lot = await people.buyer.bids.lot(lot_id)
    return bool(lot["status"] == "evaluated")


async def test_when_every_stream_is_deleted_the_purchase_goes_on(
    stack: RunningStack, people: People, receiver: Receiver
) -> None:
    endpoint = await people.members[0].notify.create_endpoint(receiver.url, ["award.line_made.v1"])
    receiver.secrets.append(endpoint["secret"])
    lot = await opened_lot(people, ("400.00", "410.00"))
    shape = StreamShape("commonlot", bytes_max=1024**3, replicas=1)
    bus = NatsBus(stack.facts.nats_url, name="fault", shape=shape)
    jetstream = await bus._jetstream()
    for publisher in PUBLISHERS:
        await jetstream.delete_stream(stream_name("commonlot", publisher))
    await bus.close()

    await people.buyer.awards.intend(lot["id"])

    async def has_it() -> bool:
        return len(receiver.got) >= 1

    await until(has_it, timeout_s=30)
    await asyncio.sleep(0)
    assert len(set(receiver.ids)) == 1


async def test_a_scenario_finds_the_cheapest_award_and_says_that_it_is_proven(
    people: People,
) -> None:
    lot = await opened_lot(people, ("400.00", "410.00"))
    caller = people.buyer.bids._caller
    path = f"/v1/rfps/{lot['rfp_id']}/scenarios"
    saved = await caller.post(path, {"name": "No rules"})

    async def is_solved() -> bool:
        found = await caller.get(f"{path}/{saved['id']}")
        return bool(found["status"] != "waiting")

    await until(is_solved, timeout_s=60)
    found = await caller.get(f"{path}/{saved['id']}")

    assert found["status"] == "solved", found
    result = found["result"]
    assert (result["paid"], result["is_proven"]) == ("240000", True), result
