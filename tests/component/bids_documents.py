"""Open a counter that keeps documents in a real folder, beside a published purchase."""

import hashlib
import io
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.bids.api.bids import SEALED_BIDDING
from services.bids.api.bids import routes as bid_routes
from services.bids.api.disclosures import CLAIMING, DISCLOSING
from services.bids.api.disclosures import routes as disclosure_routes
from services.bids.api.documents import DOCUMENTS, routes
from services.bids.api.rfps import RFPS
from services.bids.api.rfps import routes as rfp_routes
from services.bids.ports.documents import Objects
from services.bids.store.archives import ZipArchive
from services.bids.store.claims import ClaimStore
from services.bids.store.disclosures import DisclosureStore
from services.bids.store.documents import DocumentStore
from services.bids.store.objects import FolderObjects
from services.bids.store.profiles import read_profiles
from services.bids.store.rfps import PostgresRfpStore
from services.bids.usecases.disclosures import Claiming, Disclosing
from services.bids.usecases.documents import Documents
from services.bids.usecases.rfps import Rfps
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.document_seal import new_key, sealed_pieces
from shared.domain.bid_content import NONCE_BYTES, BidContent, one_price
from shared.domain.bid_documents import Claim, Document, SealedCopy
from shared.domain.ids import PartyId, new_id
from shared.domain.money import UnitPrice
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.web import Api, build_app
from tests.component.bids_purchase import OPENED_AT, USD, Purchase

PDF = "application/pdf"
ANNA, CORA = PartyId(new_id()), PartyId(new_id())
"""Two evaluators."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: bytes
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Sealed:
    """A vendor's document: what its bid tells of it, and the sealed copy."""

    document: Document
    copy: bytes = field(repr=False)


@dataclass
class Counter:
    """Ask as one of the purchase's parties: `buyer`, `rival buyer`, `vendor 0`, `member`, …."""

    purchase: Purchase
    documents: Documents
    folder: Path
    client: Any
    app: web.Application

    async def ask(self, method: str, path: str, *, by: str, **sent: Any) -> Answer:
        headers = {"Authorization": f"Bearer {by}", **sent.pop("headers", {})}
        async with self.client.request(method, path, headers=headers, **sent) as response:
            content = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            body = await response.json() if is_json else None
            return Answer(response.status, content, response.headers, body)

    async def put(self, content: bytes, *, by: str, **said: str) -> Answer:
        """Put a document, by default under the digest that it has."""
        query = {"sha256": digest(content), **said}
        headers = {"Content-Type": "application/octet-stream"}
        return await self.ask(
            "POST", "/v1/documents", by=by, params=query, data=io.BytesIO(content), headers=headers
        )

    async def attach(self, content: bytes, *, by: str = "buyer", **said: str) -> Answer:
        """Put a document of the purchase's solicitation."""
        rfp_id = str(self.purchase.rfp_id)
        return await self.put(
            content,
            by=by,
            **{
                "purpose": "solicitation",
                "rfp_id": rfp_id,
                "name": "terms.pdf",
                "media_type": PDF,
                **said,
            },
        )

    async def fetch(self, sha256: str, *, by: str) -> Answer:
        return await self.ask("GET", f"/v1/documents/{sha256}", by=by)

    async def file_with(
        self,
        *documents: Document,
        price: str = "0.30",
        vendor: int = 0,
        claims: tuple[Claim, ...] = (),
    ) -> None:
        """File a bid that lists documents."""
        content = BidContent(
            currency=USD,
            nonce=secrets.token_bytes(NONCE_BYTES),
            pricing=one_price(UnitPrice.parse(price, USD)),
            documents=documents,
            claims=claims,
        )
        await self.purchase.bidding.file(self.purchase.act(vendor=vendor), content)

    def kept(self) -> list[str]:
        """List every file in the folder."""
        return sorted(
            str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()
        )


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sealed(content: bytes, *, name: str = "drawing.pdf") -> Sealed:
    """Seal a document as its vendor does."""
    key = new_key()
    copy = b"".join(sealed_pieces([content], key))
    told = SealedCopy(digest(copy), len(copy), key.hex())
    return Sealed(Document(name, digest(content), len(content), PDF, told), copy)


@asynccontextmanager
async def open_counter(
    purchase: Purchase, folder: Path, *, objects: Objects | None = None
) -> AsyncIterator[Counter]:
    journal = Journal("bids")
    documents = Documents(
        DocumentStore(purchase.pool, journal),
        objects or FolderObjects(folder),
        clock=purchase.clock,
    )
    api = Api("bids", title="Bids", version="1")
    for part in (routes, rfp_routes, bid_routes, disclosure_routes):
        api.include(part)
    app = build_app(
        api,
        verifier=FixedVerifier(_tokens(purchase)),
        clock=purchase.clock,
        idempotency=MemoryIdempotencyStore(purchase.clock),
        checks={},
    )
    app[DOCUMENTS] = documents
    policies = read_profiles()
    app[CLAIMING] = Claiming(
        ClaimStore(purchase.pool, journal), policies=policies, clock=purchase.clock
    )
    app[DISCLOSING] = Disclosing(
        DisclosureStore(purchase.pool, journal),
        documents,
        ZipArchive(),
        policies=policies,
        clock=purchase.clock,
    )
    app[SEALED_BIDDING] = purchase.bidding
    app[RFPS] = Rfps(
        PostgresRfpStore(purchase.pool, journal), clock=purchase.clock, policies=policies
    )
    async with TestClient(TestServer(app, access_log=None)) as client:
        yield Counter(purchase, documents, folder, client, app)


def _tokens(purchase: Purchase) -> dict[str, Principal]:
    rival = PartyId(new_id())
    parties = {
        "buyer": (Role.BUYER, purchase.buyer_id),
        "rival buyer": (Role.BUYER, rival),
        "member": (Role.MEMBER, purchase.members[0]),
        "other member": (Role.MEMBER, purchase.members[1]),
        "auditor": (Role.AUDITOR, None),
        "observer": (Role.OBSERVER, None),
        "anna": (Role.EVALUATOR, ANNA),
        "cora": (Role.EVALUATOR, CORA),
        "guest": (Role.EVALUATOR, PartyId(new_id())),
        **{
            f"vendor {place}": (Role.VENDOR, vendor_id)
            for place, vendor_id in enumerate(purchase.vendors)
        },
    }
    return {
        name: Principal(
            party_id, role, scopes_of(role), f"{name}-token", OPENED_AT + timedelta(days=99)
        )
        for name, (role, party_id) in parties.items()
    }
