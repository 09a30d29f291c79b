"""A tiny service on the HTTP edge, for the tests that ask it over real connections."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from pydantic import Field, field_validator

from shared.auth import Principal, Role
from shared.clock import FixedClock
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal
from shared.web import Api, Call, Limits, Page, Reply
from shared.web.fields import (
    AnswerModel,
    CurrencyText,
    Instant,
    Label,
    PageAnswer,
    PriceText,
    QuantityText,
    RequestModel,
)

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
VENDOR = PartyId(UUID("01890000-0000-7000-8000-00000000000a"))
RIVAL = PartyId(UUID("01890000-0000-7000-8000-00000000000b"))
LOT = "01890000-0000-7000-8000-0000000000aa"
CANARY = "canary-7391"
JSON = "application/json"
VENDOR_TOKEN = "vendor"


class OfferTooHigh(Refusal):
    """The offer is not below the best one."""

    kind = Kind.CONFLICT
    code = "offer_too_high"


class AuctionBusy(Refusal):
    """The auction is busy."""

    kind = Kind.UNAVAILABLE
    code = "auction_busy"


class English(RequestModel):
    format: Literal["english"]
    step: PriceText


class Dutch(RequestModel):
    format: Literal["dutch"]
    rounds: Annotated[int, Field(ge=1, le=20)]


class PlaceOffer(RequestModel):
    price: PriceText
    currency: CurrencyText
    quantity: QuantityText
    note: Label | None = None
    valid_until: Instant | None = None
    lots: Annotated[tuple[UUID, ...], Field(max_length=3)] = ()
    tiers: dict[str, int] | None = None
    rules: Annotated[English | Dutch, Field(discriminator="format")] | None = None
    reference: str | None = None

    @field_validator("reference")
    @classmethod
    def _careless(cls, value: str | None) -> str | None:
        if value is not None and CANARY in value:
            sentence = f"{value} is not a reference"
            raise ValueError(sentence)
        return value


class OfferAnswer(AnswerModel):
    offer_id: UUID
    price: str
    runs: int
    received_at: datetime | None = None


@dataclass
class House:
    """What the tiny service's handlers share: what they shall do, and what they did."""

    runs: int = 0
    refuse: Refusal | None = None
    fail: Exception | None = None
    ids: list[UUID] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    proceed: asyncio.Event | None = None


HOUSE: Final = web.AppKey("house", House)

api = Api("tiny", title="Tiny", version="1")


async def place(call: Call[PlaceOffer]) -> OfferAnswer:
    house = call.of(HOUSE)
    house.runs += 1
    house.ids.append(call.new_id)
    house.started.set()
    if house.proceed is not None:
        await house.proceed.wait()
    if house.fail is not None:
        raise house.fail
    if house.refuse is not None:
        raise house.refuse
    return OfferAnswer(offer_id=call.new_id, price=call.body.price, runs=house.runs)


@api.post(
    "/v1/lots/{lot_id}/offers",
    scope="offer:write",
    body=PlaceOffer,
    answer=OfferAnswer,
    summary="Place an offer",
    refusals=(OfferTooHigh,),
    creates=True,
    body_limit=2_000,
)
async def place_offer(call: Call[PlaceOffer]) -> Reply[OfferAnswer]:
    call.id("lot_id")
    return Reply(await place(call), headers={"ETag": '"1"', "Location": "/v1/here"})


@api.post(
    "/v1/lots/{lot_id}/bids",
    scope="offer:write",
    body=PlaceOffer,
    answer=OfferAnswer,
    summary="File a bid",
    creates=True,
    compare_bodies=False,
)
async def file_bid(call: Call[PlaceOffer]) -> OfferAnswer:
    return await place(call)


@api.get(
    "/v1/offers",
    scope="auction:read",
    answer=PageAnswer[str],
    summary="List offers",
    paged=True,
    query={"lot": "One lot."},
)
async def list_offers(call: Call[None]) -> PageAnswer[str]:
    page: Page = call.page()
    return PageAnswer[str](items=[call.query("lot") or str(page.limit)], next_after=page.after)


@api.put(
    "/v1/lots/{lot_id}",
    scope="offer:write",
    body=Dutch,
    answer=OfferAnswer,
    summary="Change a lot",
    versioned=True,
)
async def change_lot(call: Call[Dutch]) -> OfferAnswer:
    version = call.expected_version()
    return OfferAnswer(offer_id=call.new_id, price="0.00", runs=-1 if version is None else version)


@api.get("/v1/odd", scope=None, answer=None, summary="Ask for what was not declared")
async def ask_oddly(call: Call[None]) -> None:
    call.query(call.request.query["name"])


@api.post(
    "/v1/requirements", scope=None, answer=None, summary="Import", media_type="text/csv", status=200
)
async def import_lines(call: Call[None]) -> web.Response:
    return web.json_response({"bytes": len(call.raw), "received_at": str(call.received_at)})


@api.post(
    "/v1/drawings",
    scope=None,
    answer=None,
    summary="Put a drawing",
    media_type="application/octet-stream",
    status=200,
    body_limit=1_000,
    body_deadline_s=0.1,
    streamed=True,
)
async def put_drawing(call: Call[None]) -> web.Response:
    return web.json_response({"bytes": sum([len(piece) async for piece in call.pieces])})


@api.post("/v1/lots/{lot_id}/close", scope="offer:write", answer=None, summary="Close a lot")
async def close_lot(call: Call[None]) -> None:
    assert call.caller_party == VENDOR


@api.get("/v1/stream", scope=None, answer=None, summary="Watch", answer_type="text/event-stream")
async def watch(call: Call[None]) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await stream.prepare(call.request)
    await stream.write(b"data: 1\n\n")
    return stream


def principal(party_id: PartyId | None, *scopes: str) -> Principal:
    role = Role.VENDOR if party_id else Role.OPERATOR
    return Principal(party_id, role, frozenset(scopes), "token-1", NOW, subject="somebody")


TOKENS: Final = {
    "vendor": principal(VENDOR, "offer:write", "auction:read"),
    "rival": principal(RIVAL, "offer:write"),
    "reader": principal(VENDOR, "auction:read"),
    "nobody": principal(None, "offer:write"),
}

Ask = Callable[..., Any]


@dataclass
class Service:
    """A running service, its client, and the knobs of a test."""

    client: TestClient[web.Request, web.Application]
    house: House
    clock: FixedClock
    checks: dict[str, bool]

    async def post(
        self, path: str, body: object, *, token: str = VENDOR_TOKEN, **headers: str
    ) -> ClientResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": JSON, "Authorization": f"Bearer {token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, data=raw, headers=sent)

    async def offer(self, body: object = None, **options: str) -> ClientResponse:
        return await self.post(
            f"/v1/lots/{LOT}/offers", offer() if body is None else body, **options
        )

    async def bid(self, body: object = None, **options: str) -> ClientResponse:
        return await self.post(f"/v1/lots/{LOT}/bids", offer() if body is None else body, **options)

    async def change(self, headers: dict[str, str]) -> ClientResponse:
        sent = {"Content-Type": JSON, "Authorization": f"Bearer {VENDOR_TOKEN}", **headers}
        body = json.dumps({"format": "dutch", "rounds": 1}).encode()
        return await self.client.put(f"/v1/lots/{LOT}", data=body, headers=sent)

    async def get(self, path: str, token: str = VENDOR_TOKEN) -> ClientResponse:
        return await self.client.get(path, headers={"Authorization": f"Bearer {token}"})


def offer(**changes: object) -> dict[str, object]:
    return {"price": "12.50", "currency": "USD", "quantity": "2.5", **changes}


class OutsideAway(Exception):  # noqa: N818 - the twin of a driver's own error
    """The tiny service's database is away."""


LIMITS: Final = Limits(body_deadline_s=0.2, requests_per_s=1, requests_burst=100)


async def refused(answer: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this problem, whole, and give its members."""
    assert answer.content_type == "application/problem+json"
    members: dict[str, Any] = json.loads(await answer.read())
    assert (answer.status, members["code"]) == (status, code)
    assert members["status"] == status
    assert members["type"] == f"urn:commonlot:problem:{code}"
    assert members["instance"] == answer.headers["X-Request-Id"]
    assert members["title"]
    assert members["detail"]
    return members
