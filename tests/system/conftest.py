"""Run the whole stack once for all system tests, and give each the people of a purchase."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest

from clients.client import Client
from clients.custodian import public_text
from clients.http import Document, Http
from clients.services import LocalStack
from deploy.local.places import temporary_data_folder
from deploy.local.stack import RunningStack, running_stack
from shared.clock import SystemClock
from shared.domain.ids import new_id
from shared.sealing import generate_key_pair

ENVIRONMENT: Final = {
    "COMMONLOT_FILING_DEADLINE_S": "1",
    "COMMONLOT_INTAKE_GRACE_S": "1.2",
    "COMMONLOT_WEBHOOK_SCHEDULE_S": "[0.2, 0.2, 0.5, 1]",
}


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    with temporary_data_folder() as folder, running_stack(folder, ENVIRONMENT) as running:
        yield running


@pytest.fixture(scope="session")
def local(stack: RunningStack) -> LocalStack:
    return LocalStack.read(stack.facts.data)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http() as opened:
        yield opened


@dataclass(frozen=True)
class People:
    """A buyer, a custodian with its key, two vendors and two members, registered anew."""

    buyer: Client
    custodian: Client
    custodian_id: str
    custodian_key: bytes
    vendors: tuple[Client, ...]
    vendor_ids: tuple[str, ...]
    members: tuple[Client, ...]
    member_ids: tuple[str, ...]
    tokens: dict[str, str]

    async def draft(self, *, closes_in_s: float = 60.0, standstill_s: int = 1) -> Document:
        """Draft an RFP whose one lot pools one requirement of each member."""
        mark = new_id().hex[-12:]
        for index, member_id in enumerate(self.member_ids):
            await self.buyer.bids.state_requirement(
                requirement(member_id, reference=f"{mark}-{index}", item_code=mark)
            )
        rfp = await self.buyer.bids.draft_rfp(
            title="Laptops",
            currency="USD",
            custodian_id=self.custodian_id,
            closes_at=SystemClock().now() + timedelta(seconds=closes_in_s),
            standstill_s=standstill_s,
        )
        references = [f"{mark}-{index}" for index in range(len(self.member_ids))]
        await self.buyer.bids.pool(rfp["id"], by="item", references=references)
        return rfp

    async def published_lot(self, *, closes_in_s: float = 60.0) -> tuple[Document, Document]:
        """Publish such an RFP; return it with its lot."""
        rfp = await self.draft(closes_in_s=closes_in_s)
        await self.buyer.bids.publish(rfp["id"])
        (lot,) = [lot async for lot in self.buyer.bids.lots(rfp["id"])]
        return rfp, lot


def requirement(member_id: str | None, **changes: object) -> Document:
    """A valid requirement of 300 laptops; a test changes one thing."""
    return {
        "member_id": member_id,
        "reference": new_id().hex,
        "category": "goods",
        "item_code": "43211503",
        "specification": "laptop, 14 inch",
        "unit": "each",
        "quantity": "300",
        "commitment": "firm",
        "need_by": str(date(2030, 1, 1)),
        "term_months": 12,
        "currency": "USD",
    } | changes


@pytest.fixture
async def people(local: LocalStack, http: Http) -> People:
    return await gather(local, http)


async def gather(local: LocalStack, http: Http) -> People:
    """Register the people of a purchase, and get a token for each."""
    tokens: dict[str, str] = {}

    async def client(name: str, role: str, party_id: str | None) -> Client:
        tokens[name] = await local.token(http, role=role, party_id=party_id)
        return Client(local.services, tokens[name], http)

    buyer = await client("buyer", "buyer", str(uuid4()))

    async def registered(kind: str, name: str) -> str:
        reference = f"{name}-{new_id().hex[-12:]}"
        answer = await buyer.bids.register_party(kind, reference=reference, name=name)  # type: ignore[arg-type]  # the kinds are fixed below
        return str(answer["id"])

    custodian_id = await registered("custodian", "custodian")
    vendor_ids = tuple([await registered("vendor", f"vendor-{n}") for n in range(2)])
    member_ids = tuple([await registered("member", f"member-{n}") for n in range(2)])
    custodian = await client("custodian", "custodian", custodian_id)
    pair = generate_key_pair()
    await custodian.bids.register_custodian_key(public_text(pair.private))
    for role in ("auditor", "observer", "operator"):
        await client(role, role, None)
    return People(
        buyer=buyer,
        custodian=custodian,
        custodian_id=custodian_id,
        custodian_key=pair.private,
        vendors=tuple(
            [await client(f"vendor-{n}", "vendor", one) for n, one in enumerate(vendor_ids)]
        ),
        vendor_ids=vendor_ids,
        members=tuple(
            [await client(f"member-{n}", "member", one) for n, one in enumerate(member_ids)]
        ),
        member_ids=member_ids,
        tokens=tokens,
    )


async def until_instant(instant: str) -> None:
    """Sleep until just after an instant that a service has named."""
    left = datetime.fromisoformat(instant) - datetime.now(UTC)  # noqa: TID251 - real time passes here
    await asyncio.sleep(max(left.total_seconds(), 0) + 0.01)
