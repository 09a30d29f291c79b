"""Hold notify's routes to their answers and refusals, and its consumer to what it hears."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from services.notify.api import DELIVERIES, ENDPOINTS, api
from services.notify.consumer import handlers
from services.notify.domain.addresses import AddressRules
from services.notify.domain.endpoints import EndpointUnknown
from services.notify.domain.signing import secret_key
from services.notify.ports import SendingLimits
from services.notify.sender.loop import Sender
from services.notify.sender.post import open_poster
from services.notify.store.deliveries import PostgresDeliveries
from services.notify.store.endpoints import PostgresEndpoints
from services.notify.store.queue import PostgresQueue
from services.notify.store.vault import Vault
from services.notify.usecases import Deliveries, Endpoints, QueueEvent
from shared import db
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.bus import NatsBus
from shared.clock import FixedClock
from shared.db import Pool
from shared.domain.facts import Event
from shared.domain.ids import EventId, PartyId, new_id
from shared.events.bids import LotClosed
from shared.events.envelope import Envelope
from shared.idempotency import MemoryIdempotencyStore
from shared.inbox import Inbox
from shared.journal import Journal
from shared.web import build_app

NOON: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
URL: Final = "https://district.example.org/hooks"
DEAD: Final = "http://127.0.0.1:9/hooks"
MEMBER: Final = PartyId(UUID("01890000-0000-7000-8000-00000000000a"))
VENDOR: Final = PartyId(UUID("01890000-0000-7000-8000-00000000000b"))
NOBODY_S: Final = "01890000-0000-7000-8000-0000000000ff"


def principal(party_id: PartyId | None, role: Role) -> Principal:
    return Principal(party_id, role, scopes_of(role), "token-1", NOON, subject="somebody")


MEMBER_TOKEN: Final = "member"
TOKENS: Final = {
    MEMBER_TOKEN: principal(MEMBER, Role.MEMBER),
    "vendor": principal(VENDOR, Role.VENDOR),
    "auditor": principal(None, Role.AUDITOR),
}


@dataclass(slots=True)
class Service:
    """Notify's routes on a real database, and the knobs of a test."""

    client: TestClient[web.Request, web.Application]
    pool: Pool
    clock: FixedClock
    queue_event: QueueEvent
    sender: Sender

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = MEMBER_TOKEN,
        **headers: str,
    ) -> ClientResponse:
        sent = {"Authorization": f"Bearer {token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = None
        if body is not None:
            raw, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        return await self.client.request(method, path, data=raw, headers=sent)

    async def register(self, url: str = URL, *types: str, **options: str) -> dict[str, Any]:
        wish = {"url": url, "event_types": list(types or ["lot.closed.v1"])}
        answer = await self.ask("POST", "/v1/endpoints", wish, **options)
        assert answer.status == 201, await answer.text()
        registered: dict[str, Any] = await answer.json()
        return registered

    async def exhausted(self) -> tuple[str, str]:
        """Bring a delivery to its end; return its endpoint's id and its own."""
        endpoint = await self.register(DEAD)
        await self.queue_event(lot_closed())
        await self.sender.step()
        page = await (await self.ask("GET", f"/v1/endpoints/{endpoint['id']}/deliveries")).json()
        (delivery,) = page["items"]
        assert delivery["status"] == "exhausted"
        return endpoint["id"], delivery["id"]


@pytest.fixture
async def service(notify_database: Pool) -> AsyncIterator[Service]:
    clock, journal, vault = FixedClock(NOON), Journal("notify"), Vault(bytes(32))
    rules = AddressRules(is_loopback_allowed=True)
    deliveries = PostgresDeliveries(notify_database, journal)
    endpoints = PostgresEndpoints(notify_database, vault, journal, per_party_max=3)
    app = build_app(
        api,
        verifier=FixedVerifier(TOKENS),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={},
    )
    app[ENDPOINTS] = Endpoints(endpoints, clock, rules)
    app[DELIVERIES] = Deliveries(deliveries, clock)
    async with (
        open_poster(rules, user_agent="commonlot/test", timeout_s=1.0) as poster,
        TestClient(TestServer(app, access_log=None, handler_cancellation=True)) as client,
    ):
        queue = PostgresQueue(notify_database, vault, journal)
        limits = SendingLimits(schedule_s=())
        sender = Sender(queue, poster, clock, limits, jitter=lambda: 0.5)
        yield Service(client, notify_database, clock, QueueEvent(deliveries, clock), sender)


def lot_closed() -> Envelope[Event]:
    event = LotClosed(lot_id=UUID(int=1), rfp_id=UUID(int=2), buyer_id=UUID(int=3), bids=3)
    return Envelope(EventId(new_id()), "/commonlot/bids", "lot/1", NOON, 3, event)


async def refused(answer: ClientResponse, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(await answer.read())
    assert (answer.status, problem["code"]) == (status, code)
    return problem


async def test_registered_endpoint_shows_its_secret_once(service: Service) -> None:
    registered = await service.register(URL, "lot.opened.v1", "award.made.v1", "lot.opened.v1")

    secret = registered.pop("secret")
    assert len(secret_key(secret)) == 32
    assert registered == {
        "id": registered["id"],
        "url": URL,
        "event_types": ["award.made.v1", "lot.opened.v1"],
        "description": None,
        "status": "enabled",
        "disabled_because": None,
        "registered_at": "2027-03-01T12:00:00Z",
    }
    shown = await service.ask("GET", f"/v1/endpoints/{registered['id']}")
    assert await shown.json() == registered
    listed = await service.ask("GET", "/v1/endpoints")
    assert (await listed.json())["items"] == [registered]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://district.example.org/", "url_not_https"),
        ("https://user@district.example.org/", "url_with_user"),
        ("https://district.example.org:25/", "url_port_closed"),
        ("https://[::ffff:7f00:1]/", "url_not_public"),
        ("https://169.254.169.254/", "url_not_public"),
        ("https://0x7f000001/", "url_malformed"),
    ],
)
async def test_url_that_leads_elsewhere_is_refused(service: Service, url: str, code: str) -> None:
    wish = {"url": url, "event_types": ["lot.closed.v1"]}

    await refused(await service.ask("POST", "/v1/endpoints", wish), 422, code)


async def test_type_that_never_leaves_the_house_is_refused(service: Service) -> None:
    wish = {"url": URL, "event_types": ["lot.closed.v1", "auction.closed.v1"]}

    answer = await service.ask("POST", "/v1/endpoints", wish)

    problem = await refused(answer, 422, "event_type_not_deliverable")
    assert problem["refused"] == ["auction.closed.v1"]
    assert "award.line_made.v1" in problem["deliverable"]


@pytest.mark.parametrize(
    "body",
    [
        {"url": URL},
        {"url": URL, "event_types": []},
        {"url": URL, "event_types": ["lot.closed.v1"], "party_id": str(VENDOR)},
        {"url": URL, "event_types": ["lot.closed.v1"], "description": ""},
    ],
)
async def test_unfit_body_is_refused(service: Service, body: dict[str, object]) -> None:
    await refused(await service.ask("POST", "/v1/endpoints", body), 422, "body_invalid")


async def test_one_endpoint_too_many_is_refused(service: Service) -> None:
    for _ in range(3):
        await service.register()

    wish = {"url": URL, "event_types": ["lot.closed.v1"]}
    await refused(await service.ask("POST", "/v1/endpoints", wish), 409, "endpoints_too_many")


async def test_same_key_gets_the_same_endpoint_and_nothing_else(service: Service) -> None:
    first = await service.register(Idempotency_Key="key-1")
    again = await service.register(Idempotency_Key="key-1")

    assert first == again
    other = {"url": f"{URL}/2", "event_types": ["lot.closed.v1"]}
    answer = await service.ask("POST", "/v1/endpoints", other, Idempotency_Key="key-1")
    await refused(answer, 422, "idempotency_key_reused")


async def test_secret_stands_nowhere_in_the_database(service: Service) -> None:
    registered = await service.register(Idempotency_Key="key-1")
    key = secret_key(registered["secret"])

    tables = ("endpoint", "audit", "outbox", "idempotency", "inbox")
    async with db.reading(service.pool) as connection:
        for table in tables:
            rows = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - our own words
            kept = repr([tuple(row) for row in rows])
            assert registered["secret"] not in kept
            assert repr(key)[2:-1] not in kept


async def test_endpoint_is_disabled_and_enabled(service: Service) -> None:
    path = f"/v1/endpoints/{(await service.register())['id']}"

    disabled = await (await service.ask("POST", f"{path}/disable")).json()
    again = await (await service.ask("POST", f"{path}/disable")).json()
    enabled = await (await service.ask("POST", f"{path}/enable")).json()

    assert (disabled["status"], disabled["disabled_because"]) == (
        "disabled",
        "disabled by its owner",
    )
    assert again == disabled
    assert (enabled["status"], enabled["disabled_because"]) == ("enabled", None)


async def test_deleted_endpoint_is_unknown(service: Service) -> None:
    path = f"/v1/endpoints/{(await service.register())['id']}"

    assert (await service.ask("DELETE", path)).status == 204

    await refused(await service.ask("GET", path), 404, "endpoint_unknown")
    await refused(await service.ask("DELETE", path), 404, "endpoint_unknown")


async def test_exhausted_delivery_shows_why_and_is_replayed(service: Service) -> None:
    endpoint_id, delivery_id = await service.exhausted()

    attempts = await (await service.ask("GET", f"/v1/deliveries/{delivery_id}/attempts")).json()
    service.clock.advance(timedelta(minutes=1))
    replayed = await service.ask("POST", f"/v1/deliveries/{delivery_id}/replay")

    (attempt,) = attempts["items"]
    assert attempt.pop("latency_ms") >= 0
    assert attempt == {
        "number": 1,
        "at": "2027-03-01T12:00:00Z",
        "status_code": None,
        "error": "connection_failed",
        "answer": "",
    }
    assert replayed.status == 202
    shown = await replayed.json()
    assert (shown["status"], shown["attempts"]) == ("pending", 1)
    assert shown["next_attempt_at"] == "2027-03-01T12:01:00Z"
    again = await service.ask("POST", f"/v1/deliveries/{delivery_id}/replay")
    await refused(again, 409, "delivery_pending")
    page = await (await service.ask("GET", f"/v1/endpoints/{endpoint_id}/deliveries")).json()
    assert page["items"] == [shown]


async def test_lists_are_paged(service: Service) -> None:
    ids = [(await service.register())["id"] for _ in range(3)]

    first = await (await service.ask("GET", "/v1/endpoints?limit=2")).json()
    rest = await service.ask("GET", f"/v1/endpoints?limit=2&after={first['items'][-1]['id']}")

    assert [item["id"] for item in first["items"]] == ids[:2]
    assert [item["id"] for item in (await rest.json())["items"]] == ids[2:]


ROUTES_OF_ENDPOINTS: Final = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/enable"),
    ("POST", "/disable"),
    ("GET", "/deliveries"),
]


@pytest.mark.parametrize(("method", "rest"), ROUTES_OF_ENDPOINTS)
async def test_another_party_s_endpoint_is_unknown(
    service: Service, method: str, rest: str
) -> None:
    path = f"/v1/endpoints/{(await service.register())['id']}{rest}"

    await refused(await service.ask(method, path, token="vendor"), 404, "endpoint_unknown")
    own = await service.ask(method, path)
    assert own.status in {200, 204}


@pytest.mark.parametrize(("method", "rest"), [("GET", "/attempts"), ("POST", "/replay")])
async def test_another_party_s_delivery_is_unknown(
    service: Service, method: str, rest: str
) -> None:
    _, delivery_id = await service.exhausted()

    for token, path in (
        ("vendor", f"/v1/deliveries/{delivery_id}{rest}"),
        ("member", f"/v1/deliveries/{NOBODY_S}{rest}"),
    ):
        await refused(await service.ask(method, path, token=token), 404, "delivery_unknown")


async def test_role_without_endpoints_is_refused(service: Service) -> None:
    await refused(await service.ask("GET", "/v1/endpoints", token="auditor"), 403, "scope_missing")


async def test_event_on_the_bus_is_queued_once(
    service: Service, notify_database: Pool, bus: NatsBus
) -> None:
    await service.register()
    envelope = lot_closed()
    table = handlers(service.queue_event)
    inbox = Inbox(notify_database, bus, service="notify", handlers=table)
    body = envelope.to_json().encode()

    for attempt in ("first", "second"):
        await bus.publish(f"bids.{envelope.type}", body, message_id=f"{envelope.id}-{attempt}")
    heard = 0
    while heard < 2:
        heard += await inbox.step("bids")

    async with db.reading(notify_database) as connection:
        rows = await connection.fetch("SELECT event_id FROM delivery")
        sent = await connection.fetchval("SELECT body FROM event_body")
    assert [row["event_id"] for row in rows] == [envelope.id]
    assert sent == envelope.to_json()


async def test_key_of_a_deleted_endpoint_finds_nothing(service: Service) -> None:
    registered = await service.register(Idempotency_Key="key-1")
    await service.ask("DELETE", f"/v1/endpoints/{registered['id']}")
    wish = {"url": URL, "event_types": ["lot.closed.v1"]}

    answer = await service.ask("POST", "/v1/endpoints", wish, Idempotency_Key="key-1")

    await refused(answer, 404, EndpointUnknown.code)
