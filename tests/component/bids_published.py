"""Ask for what is reckoned and published of awards, over real tables, as somebody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from services.bids.api import award_course, awards, open_data, savings, scoring, sharings
from services.bids.solver.sharing import SharingProcesses
from services.bids.store.awards import AwardStore
from services.bids.store.open_data import OpenDataStore
from services.bids.store.pool_rules import PoolRuleStore
from services.bids.store.profiles import read_profiles
from services.bids.store.savings import SavingsStore
from services.bids.store.scoring import ScoringStore
from services.bids.usecases.open_data import OpenData
from services.bids.usecases.savings import SavingsReporting
from services.bids.usecases.scoring import Scoring
from services.bids.usecases.sharings import LotSharing
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.domain.bid_content import NONCE_BYTES, BidContent, Pricing, Tier, TiersApply
from shared.domain.ids import PartyId, new_id
from shared.domain.money import UnitPrice
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.web import Api, build_app
from tests.component.bids_purchase import USD, Purchase

Steps = tuple[tuple[str, str], ...]
"""From which quantity up a unit costs how much."""


@dataclass
class Desk:
    """Ask the service as somebody, and let time pass."""

    purchase: Purchase
    client: Any

    async def ask(
        self, method: str, path: str, *, by: str = "buyer", json: object = None
    ) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {by}"}
        if method == "POST":
            sent["Idempotency-Key"] = str(new_id())
        async with self.client.request(method, f"/v1{path}", json=json, headers=sent) as response:
            return response.status, await response.json()

    async def get(self, path: str, *, by: str = "buyer") -> Any:
        status, answer = await self.ask("GET", path, by=by)
        assert status == 200, answer
        return answer

    async def act(self, path: str, json: object = None) -> Any:
        status, answer = await self.ask("POST", path, json=json)
        assert status < 300, answer
        return answer

    def lot(self, place: int = 0) -> str:
        return f"/lots/{self.purchase.lots[place]}"

    @property
    def rfp(self) -> str:
        return f"/rfps/{self.purchase.rfp_id}"

    async def pass_time(self, passed: timedelta) -> int:
        self.purchase.clock.advance(passed)
        return await self.purchase.keeper.step(self.purchase.clock.now())


@asynccontextmanager
async def open_desk(
    purchase: Purchase, *, sharers: SharingProcesses | None = None
) -> AsyncIterator[Desk]:
    """Serve the routes to the buyer, an auditor, every vendor and member, and to strangers."""
    parties = {
        "buyer": (Role.BUYER, purchase.buyer_id),
        "rival": (Role.BUYER, PartyId(new_id())),
        "auditor": (Role.AUDITOR, None),
        "observer": (Role.OBSERVER, None),
        "stranger": (Role.MEMBER, PartyId(new_id())),
        **{f"vendor {place}": (Role.VENDOR, one) for place, one in enumerate(purchase.vendors)},
        **{f"member {place}": (Role.MEMBER, one) for place, one in enumerate(purchase.members)},
    }
    api = Api("bids", title="Bids", version="1")
    for part in (awards, award_course, scoring, sharings, savings, open_data):
        api.include(part.routes)
    app = build_app(
        api,
        verifier=FixedVerifier({name: _principal(name, *each) for name, each in parties.items()}),
        clock=purchase.clock,
        idempotency=MemoryIdempotencyStore(purchase.clock),
        checks={},
    )
    journal = Journal("bids")
    store = AwardStore(purchase.pool, journal)
    rules = PoolRuleStore(purchase.pool)
    app[awards.AWARDING] = purchase.awarding
    app[award_course.AWARD_COURSE] = purchase.course
    app[scoring.SCORING] = Scoring(ScoringStore(purchase.pool, journal), clock=purchase.clock)
    app[sharings.SHARINGS] = LotSharing(store, rules, sharers or SharingProcesses(seconds=60))
    app[savings.SAVINGS] = SavingsReporting(SavingsStore(purchase.pool))
    app[open_data.OPEN_DATA] = OpenData(
        OpenDataStore(purchase.pool), policies=read_profiles(), ocid_prefix="ocds-local0"
    )
    async with TestClient(TestServer(app, access_log=None)) as client:
        yield Desk(purchase, client)


async def file_tiers(
    purchase: Purchase,
    steps: Steps,
    *,
    vendor: int = 0,
    lot: int = 0,
    apply: TiersApply = TiersApply.ALL_UNITS,
) -> None:
    """File a bid in tiers."""
    tiers = tuple(Tier(Decimal(first), UnitPrice.parse(each, USD)) for first, each in steps)
    content = BidContent(currency=USD, nonce=bytes(NONCE_BYTES), pricing=Pricing(tiers, apply))
    await purchase.bidding.file(purchase.act(vendor=vendor, lot=lot), content)


def _principal(subject: str, role: Role, party_id: PartyId | None) -> Principal:
    return Principal(
        party_id=party_id,
        role=role,
        scopes=scopes_of(role),
        token_id=f"{subject}-token",
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        subject=subject,
    )
