"""Open the bids service's counter for a test: its routes over real tables, and known tokens."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.bids.api import amendments, drafts, invitations, profiles, questions
from services.bids.api.amendments import AMENDING
from services.bids.api.cases import CASES
from services.bids.api.cases import routes as case_routes
from services.bids.api.drafts import DRAFTING
from services.bids.api.invitations import INVITATIONS
from services.bids.api.membership import MEMBERSHIP
from services.bids.api.membership import routes as membership_routes
from services.bids.api.parties import PARTIES
from services.bids.api.parties import routes as party_routes
from services.bids.api.pools import POOLS
from services.bids.api.pools import routes as pool_routes
from services.bids.api.profiles import POLICIES
from services.bids.api.questions import QUESTIONS
from services.bids.api.registrations import REGISTRATIONS
from services.bids.api.registrations import routes as registration_routes
from services.bids.api.requirements import REQUIREMENTS
from services.bids.api.requirements import routes as requirement_routes
from services.bids.api.rfps import RFPS
from services.bids.api.rfps import routes as rfp_routes
from services.bids.api.volumes import POOLED_LOTS
from services.bids.api.volumes import routes as volume_routes
from services.bids.store.amendments import PostgresAmendmentStore
from services.bids.store.drafts import PostgresDraftStore
from services.bids.store.invitations import PostgresInvitationStore
from services.bids.store.membership import PostgresMembershipStore
from services.bids.store.parties import PostgresPartyStore
from services.bids.store.pooled_lots import PostgresPooledLotStore
from services.bids.store.pools import PostgresPoolStore
from services.bids.store.profiles import read_profiles
from services.bids.store.questions import PostgresQuestionStore
from services.bids.store.registrations import PostgresRegistrationStore
from services.bids.store.requirements import PostgresRequirementStore
from services.bids.store.rfps import PostgresRfpStore
from services.bids.usecases.amendments import Amending
from services.bids.usecases.cases import Cases
from services.bids.usecases.drafts import Drafting
from services.bids.usecases.invitations import Invitations
from services.bids.usecases.membership import Membership
from services.bids.usecases.parties import Parties
from services.bids.usecases.pools import PooledLots, Pools
from services.bids.usecases.questions import Questions
from services.bids.usecases.registrations import Registrations
from services.bids.usecases.requirements import Requirements
from services.bids.usecases.rfps import Rfps
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.clock import FixedClock
from shared.db import Pool
from shared.domain.ids import PartyId
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.sealing import KeyPair, generate_key_pair
from shared.web import Api, build_app

POOLING: Final = (registration_routes, membership_routes, pool_routes, volume_routes, case_routes)

SOLICITATION: Final = (
    amendments.routes,
    drafts.routes,
    invitations.routes,
    profiles.routes,
    questions.routes,
)

NOW: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
BUYER: Final = PartyId(UUID("01890000-0000-7000-8000-00000000000b"))
RIVAL_BUYER: Final = PartyId(UUID("01890000-0000-7000-8000-00000000000c"))

CSV_HEADER: Final = (
    "member_reference,category,item_code,specification,unit,quantity,commitment,need_by,"
    "term_months,delivery_area,baseline_unit_price,reference"
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


@dataclass
class Counter:
    """Ask the service as somebody; whoever was registered here has a token of its reference."""

    pool: Pool
    clock: FixedClock
    client: Any
    tokens: dict[str, Principal]
    requirements: Requirements
    registrations: Registrations
    rfps: Rfps
    ids: dict[str, str] = field(default_factory=dict)
    keys: dict[str, KeyPair] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        by: str = "buyer",
        json: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {by}", **(headers or {})}
        if data is not None:
            sent["Content-Type"] = "text/csv"
        async with self.client.request(
            method, path, json=json, data=data, headers=sent
        ) as response:
            return Answer(response.status, await response.json(), response.headers)

    async def register(self, kind: Role, reference: str, *, area: str | None = None) -> str:
        answer = await self.ask(
            "POST",
            "/v1/parties",
            json={"kind": kind, "reference": reference, "name": f"{reference} name", "area": area},
        )
        assert answer.status == 201, answer.body
        party_id = answer.body["id"]
        self.tokens[reference] = principal(kind, PartyId(UUID(party_id)))
        self.ids[reference] = party_id
        return str(party_id)

    async def register_custodian(self, reference: str) -> str:
        party_id = await self.register(Role.CUSTODIAN, reference)
        pair = self.keys[reference] = generate_key_pair()
        answer = await self.ask(
            "PUT", "/v1/custodian-key", by=reference, json={"public_key": key_text(pair.public)}
        )
        assert answer.status == 200, answer.body
        return party_id

    async def chain(self, aggregate_id: str) -> list[str]:
        """The types on an aggregate's chain, in order."""
        rows = await self.pool.fetch(
            "SELECT type FROM audit WHERE aggregate_id = $1 ORDER BY sequence", UUID(aggregate_id)
        )
        return [row["type"] for row in rows]

    async def told(self) -> list[str]:
        """The types of the events that wait to be sent, in order."""
        rows = await self.pool.fetch("SELECT type FROM outbox ORDER BY id")
        return [row["type"] for row in rows]


def key_text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def principal(role: Role, party_id: PartyId | None) -> Principal:
    return Principal(party_id, role, scopes_of(role), f"{role}-token", NOW + timedelta(days=99))


@asynccontextmanager
async def open_counter(pool: Pool) -> AsyncIterator[Counter]:
    clock = FixedClock(NOW)
    tokens = {
        "buyer": principal(Role.BUYER, BUYER),
        "rival buyer": principal(Role.BUYER, RIVAL_BUYER),
        "observer": principal(Role.OBSERVER, None),
        "auditor": principal(Role.AUDITOR, None),
    }
    journal = Journal("bids")
    parties = PostgresPartyStore(pool, journal)
    requirements = PostgresRequirementStore(pool, journal)
    api = Api("bids", title="Bids", version="1")
    for part in (party_routes, requirement_routes, rfp_routes, *POOLING, *SOLICITATION):
        api.include(part)
    app = build_app(
        api,
        verifier=FixedVerifier(tokens),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={},
    )
    app[PARTIES] = Parties(parties, clock=clock)
    app[REQUIREMENTS] = Requirements(requirements, parties, clock=clock)
    fill_pooling(app, pool, clock)
    fill_solicitation(app, pool, clock)
    async with TestClient(TestServer(app, access_log=None)) as client:
        yield Counter(pool, clock, client, tokens, app[REQUIREMENTS], app[REGISTRATIONS], app[RFPS])


def fill_pooling(app: web.Application, pool: Pool, clock: FixedClock) -> None:
    """Fill what knows members and vendors, pools requirements, and makes business cases."""
    journal, lots = Journal("bids"), PostgresPooledLotStore(pool)
    app[REGISTRATIONS] = Registrations(PostgresRegistrationStore(pool, journal), clock=clock)
    app[MEMBERSHIP] = Membership(PostgresMembershipStore(pool, journal), clock=clock)
    app[POOLS] = Pools(PostgresPoolStore(pool, journal), read_profiles(), clock=clock)
    app[POOLED_LOTS] = PooledLots(lots)
    app[CASES] = Cases(lots)


def fill_solicitation(app: web.Application, pool: Pool, clock: FixedClock) -> None:
    """Fill what drafts, publishes, amends and explains an RFP."""
    journal, policies = Journal("bids"), read_profiles()
    parties = PostgresPartyStore(pool, journal)
    app[POLICIES] = policies
    app[RFPS] = Rfps(PostgresRfpStore(pool, journal), clock=clock, policies=policies)
    app[DRAFTING] = Drafting(
        PostgresDraftStore(pool, journal), parties, clock=clock, policies=policies
    )
    app[AMENDING] = Amending(PostgresAmendmentStore(pool, journal), clock=clock, policies=policies)
    app[QUESTIONS] = Questions(PostgresQuestionStore(pool, journal), clock=clock)
    app[INVITATIONS] = Invitations(
        PostgresInvitationStore(pool, journal), clock=clock, policies=policies
    )


def csv_row(member: str, reference: str, **changes: str) -> str:
    fields = {
        "member_reference": member,
        "category": "goods",
        "item_code": "50131701",
        "specification": "Whole milk",
        "unit": "half pint",
        "quantity": "100",
        "commitment": "firm",
        "need_by": "2027-08-01",
        "term_months": "12",
        "delivery_area": "",
        "baseline_unit_price": "0.21",
        "reference": reference,
    }
    return ",".join({**fields, **changes}.values())


def csv_file(*rows: str) -> bytes:
    return "\n".join((CSV_HEADER, *rows, "")).encode()
