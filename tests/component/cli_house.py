"""A small service before which the command line is tried: it answers what a test puts there."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from clients.cli import cli
from shared.domain.ids import BidId, LotId, OpeningId, PartyId
from shared.receipts import Receipt, ReceiptAction, generate_signing_key, key_id_of, sign_receipt
from shared.sealing import generate_key_pair

RFP = "01890000-0000-7000-8000-000000000001"
LOT = LotId(UUID("01890000-0000-7000-8000-000000000002"))
VENDOR = PartyId(UUID("01890000-0000-7000-8000-000000000003"))
OPENING = OpeningId(UUID("01890000-0000-7000-8000-000000000004"))
BID = BidId(UUID("01890000-0000-7000-8000-000000000005"))
SALT = bytes(16)


@dataclass
class House:
    """A service that answers what was put there for it, and remembers what it was asked."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    tokens: set[str | None] = field(default_factory=set)
    opening: Any = field(default_factory=generate_key_pair)
    signing: Any = field(default_factory=generate_signing_key)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        place = f"{request.method} {request.path}"
        content = await request.read()
        is_json = request.content_type == "application/json" and content
        self.asked[place] = json.loads(content) if is_json else content.decode()
        self.asked[f"{place} query"] = dict(request.query)
        self.tokens.add(request.headers.get("Authorization"))
        refusal = (404, {"code": "unasked", "detail": f"Nobody put {place} here."})
        status, answer = self.answers.get(place, refusal)
        return web.json_response(answer(self) if callable(answer) else answer, status=status)

    def says(self, place: str, answer: Any, *, status: int = 200) -> None:
        self.answers[place] = (status, answer)

    def lists(self, place: str, *items: Any) -> None:
        self.says(place, {"items": list(items), "next_after": None})

    async def run(self, *words: str) -> Result:
        sent = ("--url", self.url, "--token", "a-token")
        return await asyncio.to_thread(CliRunner().invoke, cli, [*words, *sent])

    def receipt(self, action: ReceiptAction, sealed: bytes | None) -> dict[str, Any]:
        digest = None if sealed is None else sha256(sealed).hexdigest()
        receipt = Receipt(
            opening_id=OPENING,
            lot_id=LOT,
            bid_id=BID,
            version=1,
            action=action,
            sealed_sha256=digest,
            received_at=datetime(2027, 3, 1, 11, tzinfo=UTC),
            log_index=0,
            log_hash="00" * 32,
        )
        return {"receipt": sign_receipt(receipt, self.signing, key_id_of(self.public))}

    @property
    def public(self) -> Any:
        return self.signing.public_key()


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    house = House()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", house.handle)
    async with TestServer(app) as server:
        house.url = str(server.make_url("")).rstrip("/")
        yield house
