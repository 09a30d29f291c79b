"""The HTTP edge at work: a tiny service on it, asked over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer, unused_port
from pydantic import Field, field_validator
from structlog.testing import capture_logs

from shared.auth import FixedVerifier, Principal, Role, TokenVerifier
from shared.clock import FixedClock
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal
from shared.idempotency import MemoryIdempotencyStore
from shared.web import Api, Call, Limits, Page, Reply, build_app, serve
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


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[Service]:
    clock, house, state = FixedClock(NOW), House(), {"database": True, "broker": True}

    def check(name: str) -> Callable[[], Any]:
        async def passes() -> bool:
            if name == "broker" and not state[name]:
                raise ConnectionError(name)
            return state[name]

        return passes

    app = build_app(
        api,
        verifier=FixedVerifier(TOKENS),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={name: check(name) for name in state},
        limits=LIMITS,
        outages=(OutsideAway,),
    )
    app[HOUSE] = house
    async with TestClient(TestServer(app, access_log=None, handler_cancellation=True)) as client:
        yield Service(client, house, clock, state)


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


class TestAnswers:
    async def test_good_request_is_answered_with_its_status_and_headers(
        self, service: Service
    ) -> None:
        answer = await service.offer()

        assert answer.status == 201
        assert answer.headers["ETag"] == '"1"'
        assert await answer.json() == {
            "offer_id": str(service.house.ids[0]),
            "price": "12.50",
            "runs": 1,
            "received_at": None,
        }

    async def test_route_without_an_answer_says_204(self, service: Service) -> None:
        answer = await service.post(f"/v1/lots/{LOT}/close", b"")

        assert (answer.status, await answer.read()) == (204, b"")

    async def test_body_of_another_type_reaches_the_handler_as_it_is(
        self, service: Service
    ) -> None:
        answer = await service.post("/v1/requirements", b"a;b\n", Content_Type="text/csv")

        assert await answer.json() == {"bytes": 4, "received_at": str(NOW)}

    async def test_every_answer_carries_careful_headers(self, service: Service) -> None:
        for path in ("/v1/offers", "/v1/stream", "/nowhere", "/livez", "/docs"):
            answer = await service.get(path)

            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Request-Id"]
            assert "Python" not in answer.headers["Server"]

    async def test_request_id_of_the_caller_is_kept(self, service: Service) -> None:
        answer = await service.offer(X_Request_Id="desk-7.1_a")

        assert answer.headers["X-Request-Id"] == "desk-7.1_a"

    @pytest.mark.parametrize("given", ["", "x" * 65, "two words", "<b>"])
    async def test_request_id_that_is_not_short_and_plain_is_replaced(
        self, service: Service, given: str
    ) -> None:
        answer = await service.offer(X_Request_Id=given)

        assert UUID(answer.headers["X-Request-Id"]).version == 7

    @pytest.mark.parametrize(
        ("query", "limit", "after"),
        [("", "50", None), ("?limit=1", "1", None), (f"?limit=200&after={LOT}", "200", LOT)],
    )
    async def test_page_is_read(
        self, service: Service, query: str, limit: str, after: str | None
    ) -> None:
        answer = await service.get(f"/v1/offers{query}")

        assert await answer.json() == {"items": [limit], "next_after": after}

    async def test_declared_query_parameter_is_read(self, service: Service) -> None:
        answer = await service.get("/v1/offers?lot=seven&lot=eight")

        assert (await answer.json())["items"] == ["seven"]

    @pytest.mark.parametrize(("given", "version"), [('"7"', 7), ("*", -1), (None, -1)])
    async def test_version_that_is_meant_is_read(
        self, service: Service, given: str | None, version: int
    ) -> None:
        answer = await service.change({} if given is None else {"If-Match": given})

        assert (await answer.json())["runs"] == version


class TestRefusals:
    @pytest.mark.parametrize("given", ["7", 'W/"7"', '"x"', '"1", "2"', '""'])
    async def test_version_that_is_no_etag_of_ours_is_refused(
        self, service: Service, given: str
    ) -> None:
        await refused(await service.change({"If-Match": given}), 400, "if_match_malformed")

    async def test_undeclared_query_parameter_is_a_defect_of_the_route(
        self, service: Service
    ) -> None:
        await refused(await service.get("/v1/odd?name=limit"), 500, "internal")

    async def test_unknown_route_and_wrong_method_are_problems(self, service: Service) -> None:
        await refused(await service.get("/v1/nowhere"), 404, "route_unknown")
        answer = await service.get(f"/v1/lots/{LOT}/offers")

        await refused(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST"

    @pytest.mark.parametrize("text", ["7", LOT[:-1], LOT + "0", LOT.replace("-", ""), "%20"])
    async def test_malformed_id_is_refused(self, service: Service, text: str) -> None:
        answer = await service.post(f"/v1/lots/{text}/offers", offer())

        await refused(answer, 400, "id_malformed")

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=201", "limit=ten", "limit=1e1", "limit=", "after=7", "after="]
    )
    async def test_malformed_page_is_refused(self, service: Service, query: str) -> None:
        await refused(await service.get(f"/v1/offers?{query}"), 400, "page_malformed")

    async def test_missing_and_wrong_token_are_told_apart_and_ask_for_one(
        self, service: Service
    ) -> None:
        without = await service.client.post(f"/v1/lots/{LOT}/offers", data=b"{}")
        wrong = await service.offer(token="forged")

        await refused(without, 401, "token_missing")
        await refused(wrong, 401, "token_invalid")
        assert without.headers["WWW-Authenticate"] == wrong.headers["WWW-Authenticate"] == "Bearer"

    async def test_missing_scope_is_named(self, service: Service) -> None:
        members = await refused(await service.offer(token="reader"), 403, "scope_missing")

        assert members["scope"] == "offer:write"

    async def test_act_of_a_party_is_refused_to_a_caller_without_one(
        self, service: Service
    ) -> None:
        answer = await service.post(f"/v1/lots/{LOT}/close", b"", token="nobody")

        await refused(answer, 403, "party_missing")

    async def test_refusal_of_a_rule_carries_its_details_and_its_pause(
        self, service: Service
    ) -> None:
        service.house.refuse = OfferTooHigh(
            "The best is 12.00.", details={"best": "12.00", "code": "spoof"}, retry_after_s=3
        )

        answer = await service.offer()

        members = await refused(answer, 409, "offer_too_high")
        assert (members["detail"], members["best"]) == ("The best is 12.00.", "12.00")
        assert answer.headers["Retry-After"] == "3"

    async def test_defect_is_a_bare_500_and_logged_whole(self, service: Service) -> None:
        service.house.fail = KeyError(CANARY)

        with capture_logs() as lines:
            answer = await service.offer()

        members = await refused(answer, 500, "internal")
        assert CANARY not in json.dumps(members)
        assert "KeyError" not in json.dumps(members)
        (line,) = [line for line in lines if line["event"] == "defect"]
        assert line["exc_info"]
        assert line["log_level"] == "error"

    async def test_outage_is_a_503_that_says_when_to_return(self, service: Service) -> None:
        service.house.fail = OutsideAway(CANARY)

        answer = await service.offer()

        members = await refused(answer, 503, "outside_unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert CANARY not in json.dumps(members)

    async def test_caller_that_asks_too_often_is_told_to_wait_and_others_are_not(
        self, service: Service
    ) -> None:
        answers = [await service.get("/v1/offers") for _ in range(LIMITS.requests_burst + 30)]

        statuses = [answer.status for answer in answers]
        assert set(statuses[: LIMITS.requests_burst]) == {200}
        first_refused = answers[statuses.index(429)]
        await refused(first_refused, 429, "rate_exceeded")
        assert first_refused.headers["Retry-After"] == "1"
        assert (await service.offer(token="rival")).status == 201


class TestBodies:
    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"surprise": 1}, ""),
            ({"price": 12.5}, "/price"),
            ({"price": 12}, "/price"),
            ({"price": "-1"}, "/price"),
            ({"price": "1.23456"}, "/price"),
            ({"price": "1e3"}, "/price"),
            ({"price": None}, "/price"),
            ({"currency": "XXX"}, "/currency"),
            ({"quantity": -1}, "/quantity"),
            ({"quantity": "-1"}, "/quantity"),
            ({"quantity": 0}, "/quantity"),
            ({"quantity": 2.5}, "/quantity"),
            ({"quantity": 2e0}, "/quantity"),
            ({"quantity": True}, "/quantity"),
            ({"quantity": "1.2345"}, "/quantity"),
            ({"note": ""}, "/note"),
            ({"note": "x" * 201}, "/note"),
            ({"note": "two\nlines"}, "/note"),
            ({"note": "nul\x00"}, "/note"),
            ({"note": " padded"}, "/note"),
            ({"valid_until": "2027-03-01T12:00:00"}, "/valid_until"),
            ({"valid_until": "2027-03-01"}, "/valid_until"),
            ({"valid_until": 1_803_902_400}, "/valid_until"),
            ({"lots": ["x"]}, "/lots/0"),
            ({"lots": [LOT] * 4}, "/lots"),
            ({"tiers": {CANARY: "x"}}, "/tiers/*"),
            ({"rules": {"format": CANARY}}, "/rules"),
            ({"rules": {"format": "dutch", "rounds": 21}}, "/rules/rounds"),
            ({"rules": {"format": "dutch"}}, "/rules/rounds"),
            ({"reference": "a~b/c\x00"}, "/reference"),
        ],
    )
    async def test_wrong_member_is_pointed_at_with_a_reason(
        self, service: Service, changes: dict[str, object], pointer: str
    ) -> None:
        answer = await service.offer(offer(**changes))

        members = await refused(answer, 422, "body_invalid")
        assert [fault["pointer"] for fault in members["errors"]] == [pointer]
        assert members["errors"][0]["reason"]
        assert service.house.runs == 0

    async def test_missing_member_is_pointed_at(self, service: Service) -> None:
        answer = await service.offer({"price": "1", "currency": "USD"})

        members = await refused(answer, 422, "body_invalid")
        assert members["errors"] == [{"pointer": "/quantity", "reason": "This member is required."}]

    async def test_float_is_told_to_be_written_as_a_string(self, service: Service) -> None:
        members = await refused(await service.offer(offer(price=12.5)), 422, "body_invalid")

        assert "as a string" in members["errors"][0]["reason"]

    @pytest.mark.parametrize(
        "changes",
        [
            {CANARY: 1},
            {"price": CANARY},
            {"currency": CANARY},
            {"quantity": CANARY},
            {"note": CANARY + "\n"},
            {"valid_until": CANARY},
            {"lots": [CANARY]},
            {"lots": CANARY},
            {"tiers": {CANARY: CANARY}},
            {"rules": {"format": CANARY}},
            {"rules": CANARY},
            {"rules": {"format": "english", "step": CANARY, CANARY: CANARY}},
            {"reference": CANARY},
        ],
    )
    async def test_nothing_that_was_sent_is_in_the_refusal_or_the_log(
        self, service: Service, changes: dict[str, object]
    ) -> None:
        with capture_logs() as lines:
            answer = await service.offer(offer(**changes))

        await refused(answer, 422, "body_invalid")
        assert CANARY not in await answer.text()
        assert CANARY not in repr(lines)

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"[1,]",
            b'{"price":"1","price":"2","currency":"USD","quantity":"1"}',
            b'{"rules":{"format":"dutch","format":"dutch"}}',
            b'{"quantity":NaN}',
            b'{"quantity":-Infinity}',
            b"\xff\xfe{}",
            b"\xef\xbb\xbf{}",
            b'{"note":"\\ud800","price":"1","currency":"USD","quantity":"1"}',
            b'{"lots":' + b"[" * 900 + b"]" * 900 + b"}",
        ],
    )
    async def test_text_that_is_not_one_json_value_is_refused(
        self, service: Service, raw: bytes
    ) -> None:
        await refused(await service.offer(raw), 400, "json_malformed")

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content_Type": "text/plain"},
            {"Content_Type": "application/x-www-form-urlencoded"},
            {"Content_Type": "application/json; charset=latin-1"},
            {"Content_Encoding": "x-odd"},
        ],
    )
    async def test_body_of_another_type_or_coding_is_refused(
        self, service: Service, headers: dict[str, str]
    ) -> None:
        answer = await service.offer(**headers)

        await refused(answer, 415, "media_type_unsupported")

    @pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8"])
    async def test_json_may_be_named_in_any_case_and_with_its_charset(
        self, service: Service, kind: str
    ) -> None:
        assert (await service.offer(Content_Type=kind)).status == 201

    @pytest.mark.parametrize(("spare", "status"), [(0, 201), (1, 413)])
    @pytest.mark.parametrize("is_chunked", [False, True])
    async def test_body_may_be_as_long_as_its_limit(
        self, service: Service, *, spare: int, status: int, is_chunked: bool
    ) -> None:
        text = json.dumps(offer()).encode()
        body = text + b" " * (2_000 - len(text) + spare)

        async def chunks() -> AsyncIterator[bytes]:
            yield body[:1_500]
            yield body[1_500:]

        answer = await service.client.post(
            f"/v1/lots/{LOT}/offers",
            data=chunks() if is_chunked else body,
            headers={"Content-Type": JSON, "Authorization": "Bearer vendor"},
        )

        assert answer.status == status
        if status == 413:
            members = await refused(answer, 413, "body_too_large")
            assert members["limit_bytes"] == 2_000

    async def test_body_that_dawdles_is_refused(self, service: Service) -> None:
        never = asyncio.Event()

        async def dawdle() -> AsyncIterator[bytes]:
            yield b"{"
            await never.wait()

        answer = await service.client.post(
            f"/v1/lots/{LOT}/offers",
            data=dawdle(),
            headers={"Content-Type": JSON, "Authorization": "Bearer vendor"},
        )

        await refused(answer, 408, "body_too_slow")

    async def test_route_that_takes_no_body_refuses_one(self, service: Service) -> None:
        path = f"/v1/lots/{LOT}/close"

        empty = await service.post(path, {})

        assert empty.status == 204
        await refused(await service.post(path, {"reason": "x"}), 422, "body_invalid")


class TestIdempotency:
    async def test_repeated_request_gets_the_same_answer_once_run(self, service: Service) -> None:
        first = await service.offer(Idempotency_Key="k1")
        second = await service.offer(Idempotency_Key="k1")

        assert (first.status, second.status) == (201, 201)
        assert await second.read() == await first.read()
        assert "Idempotency-Replayed" not in first.headers
        assert second.headers["Idempotency-Replayed"] == "true"
        assert second.headers["ETag"] == '"1"'
        assert second.headers["Location"] == "/v1/here"
        assert second.content_type == JSON
        assert service.house.runs == 1

    async def test_request_without_a_key_runs_each_time(self, service: Service) -> None:
        await service.offer()
        await service.offer()

        assert service.house.runs == 2
        assert len(set(service.house.ids)) == 2

    @pytest.mark.parametrize("change", ["body", "lot", "route", "query"])
    async def test_key_for_another_request_is_refused(self, service: Service, change: str) -> None:
        await service.offer(Idempotency_Key="k1")
        path = {
            "body": f"/v1/lots/{LOT}/offers",
            "lot": f"/v1/lots/{VENDOR}/offers",
            "route": f"/v1/lots/{LOT}/bids",
            "query": f"/v1/lots/{LOT}/offers?dry=1",
        }[change]
        body = offer(price="13") if change == "body" else offer()

        answer = await service.post(path, body, Idempotency_Key="k1")

        await refused(answer, 422, "idempotency_key_reused")
        assert service.house.runs == 1

    async def test_key_belongs_to_its_party(self, service: Service) -> None:
        await service.offer(Idempotency_Key="k1")

        answer = await service.offer(Idempotency_Key="k1", token="rival")

        assert "Idempotency-Replayed" not in answer.headers
        assert service.house.runs == 2

    async def test_key_whose_request_is_running_is_told_to_wait(self, service: Service) -> None:
        service.house.proceed = asyncio.Event()
        running = asyncio.create_task(service.offer(Idempotency_Key="k1"))
        await asyncio.wait_for(service.house.started.wait(), 5)

        answer = await service.offer(Idempotency_Key="k1")
        service.house.proceed.set()

        await refused(answer, 409, "idempotency_key_running")
        assert answer.headers["Retry-After"] == "1"
        assert (await running).status == 201

    async def test_key_left_running_by_a_process_that_died_is_taken_over_with_its_id(
        self, service: Service
    ) -> None:
        service.house.proceed = asyncio.Event()
        stuck = asyncio.create_task(service.offer(Idempotency_Key="k1"))
        await asyncio.wait_for(service.house.started.wait(), 5)
        stuck_until, service.house.proceed = service.house.proceed, None
        service.clock.advance(timedelta(minutes=1))

        taken_over = await service.offer(Idempotency_Key="k1")
        stuck_until.set()
        await stuck

        assert taken_over.status == 201
        assert len(set(service.house.ids)) == 1
        assert service.house.runs == 2

    async def test_caller_that_left_may_repeat_at_once_under_the_same_id(
        self, service: Service
    ) -> None:
        service.house.proceed = asyncio.Event()
        left = asyncio.create_task(service.offer(Idempotency_Key="k1"))
        await asyncio.wait_for(service.house.started.wait(), 5)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        service.house.proceed.set()

        statuses = [status async for status in until_not(409, service)]

        assert statuses[-1] == 201
        assert len(set(service.house.ids)) == 1

    async def test_refusal_is_kept_like_an_answer(self, service: Service) -> None:
        service.house.refuse = OfferTooHigh("The best is 12.00.")
        first = await service.offer(Idempotency_Key="k1")
        service.house.refuse = None

        second = await service.offer(Idempotency_Key="k1")

        assert second.status == 409
        assert await second.read() == await first.read()
        assert second.content_type == "application/problem+json"
        assert service.house.runs == 1

    @pytest.mark.parametrize(
        "passing",
        [AuctionBusy("Busy."), OfferTooHigh("Soon.", retry_after_s=1), KeyError("defect")],
        ids=["unavailable", "retry after", "defect"],
    )
    async def test_what_may_pass_is_not_kept_and_the_id_stays(
        self, service: Service, passing: Exception
    ) -> None:
        service.house.fail = passing
        first = await service.offer(Idempotency_Key="k1")
        service.house.fail = None

        second = await service.offer(Idempotency_Key="k1")

        assert first.status >= 409
        assert second.status == 201
        assert "Idempotency-Replayed" not in second.headers
        assert len(set(service.house.ids)) == 1

    async def test_body_that_was_not_taken_leaves_its_key_free(self, service: Service) -> None:
        wrong = await service.offer(offer(price="x"), Idempotency_Key="k1")

        right = await service.offer(Idempotency_Key="k1")

        assert (wrong.status, right.status) == (422, 201)

    @pytest.mark.parametrize(("key", "status"), [("k" * 128, 201), ("k" * 129, 400), ("", 400)])
    async def test_key_is_1_to_128_characters(
        self, service: Service, key: str, status: int
    ) -> None:
        answer = await service.offer(Idempotency_Key=key)

        assert answer.status == status

    async def test_sealed_bid_is_replayed_without_comparing_bodies_and_says_so(
        self, service: Service
    ) -> None:
        first = await service.bid(Idempotency_Key="k1")

        second = await service.bid(offer(price="99"), Idempotency_Key="k1")

        assert await second.read() == await first.read()
        assert second.headers["Idempotency-Bodies-Compared"] == "false"
        assert service.house.runs == 1

    async def test_refusal_of_a_sealed_bid_is_not_kept(self, service: Service) -> None:
        service.house.refuse = OfferTooHigh("Above the ceiling.")
        await service.bid(Idempotency_Key="k1")
        service.house.refuse = None

        corrected = await service.bid(offer(price="9"), Idempotency_Key="k1")

        assert corrected.status == 201


class TestLog:
    async def test_one_line_tells_of_a_request_and_nothing_private(self, service: Service) -> None:
        with capture_logs() as lines:
            await service.post(f"/v1/lots/{LOT}/offers?secret={CANARY}", offer(note=CANARY))

        (line,) = [line for line in lines if line["event"] == "request"]
        assert line.pop("duration_ms") >= 0
        assert line == {
            "event": "request",
            "log_level": "info",
            "method": "POST",
            "route": "/v1/lots/{lot_id}/offers",
            "status": 201,
            "party_id": str(VENDOR),
            "code": None,
        }
        assert CANARY not in repr(lines)

    async def test_refusal_is_told_by_its_code(self, service: Service) -> None:
        with capture_logs() as lines:
            await service.get(f"/{CANARY}", token=CANARY)

        (line,) = lines
        assert (line["route"], line["code"], line["status"]) == ("unknown", "route_unknown", 404)
        assert CANARY not in repr(lines)

    async def test_probes_are_quiet(self, service: Service) -> None:
        with capture_logs() as lines:
            await service.get("/livez")

        assert [line["log_level"] for line in lines] == ["debug"]


class TestProbes:
    async def test_alive_whatever_the_checks_say(self, service: Service) -> None:
        service.checks.update(database=False, broker=False)

        assert (await service.get("/livez")).status == 200

    async def test_ready_when_all_checks_pass(self, service: Service) -> None:
        assert (await service.get("/readyz")).status == 200

    @pytest.mark.parametrize("failing", [["database"], ["broker"], ["database", "broker"]])
    async def test_not_ready_names_what_fails(self, service: Service, failing: list[str]) -> None:
        service.checks.update(dict.fromkeys(failing, False))

        answer = await service.get("/readyz")

        assert answer.status == 503
        assert (await answer.json())["failing"] == failing

    async def test_metrics_count_requests_by_pattern(self, service: Service) -> None:
        await service.offer()

        text = await (await service.get("/metrics")).text()

        assert (
            'commonlot_http_requests_total{method="POST",route="/v1/lots/{lot_id}/offers",'
            'status="201"}'
        ) in text
        assert LOT not in text
        assert "commonlot_http_request_seconds_bucket" in text


async def test_service_answers_until_it_is_stopped() -> None:
    clock, stop, port = FixedClock(NOW), asyncio.Event(), unused_port()
    app = build_app(
        Api("bare", title="Bare", version="1"),
        verifier=FixedVerifier({}),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={},
    )
    serving = asyncio.create_task(serve(app, "127.0.0.1", port, stop=stop, grace_s=1))

    async with ClientSession() as session:
        status = await answered(session, f"http://127.0.0.1:{port}/livez")
        stop.set()
        await asyncio.wait_for(serving, 5)

    assert status == 200


async def test_service_with_its_real_verifier_refuses_while_the_issuer_is_away() -> None:
    clock, issuer = FixedClock(NOW), f"http://127.0.0.1:{unused_port()}"
    app = build_app(
        api,
        verifier=TokenVerifier(issuer, "commonlot", clock=clock),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={},
    )
    # {"typ":"at+jwt","kid":"a","alg":"EdDSA"} . {} . nothing
    token = "eyJ0eXAiOiJhdCtqd3QiLCJraWQiOiJhIiwiYWxnIjoiRWREU0EifQ.e30."

    async with TestClient(TestServer(app, access_log=None)) as client:
        answer = await client.get("/v1/offers", headers={"Authorization": f"Bearer {token}"})
        wrong = await client.get("/v1/offers", headers={"Authorization": "Bearer a.b.c"})

        await refused(answer, 503, "issuer_unavailable")
        await refused(wrong, 401, "token_invalid")


def test_route_that_creates_needs_a_scope() -> None:
    bare = Api("bare", title="Bare", version="1")

    with pytest.raises(ValueError, match="needs a scope"):
        bare.post("/v1/things", scope=None, answer=None, summary="Make", creates=True)(close_lot)


def test_route_is_declared_once() -> None:
    bare = Api("bare", title="Bare", version="1")
    bare.include(api)

    with pytest.raises(ValueError, match="declared twice"):
        bare.include(api)


async def until_not(status: int, service: Service) -> AsyncIterator[int]:
    """Repeat an offer until its key is free, for five seconds at most."""
    async with asyncio.timeout(5):
        while True:
            answer = await service.offer(Idempotency_Key="k1")
            yield answer.status
            if answer.status != status:
                return


async def answered(session: ClientSession, address: str) -> int:
    """Ask until a server listens, for five seconds at most."""
    async with asyncio.timeout(5):
        while True:
            try:
                async with session.get(address) as answer:
                    return answer.status
            except OSError:
                await asyncio.sleep(0)
