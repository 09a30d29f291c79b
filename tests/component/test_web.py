"""The HTTP edge at work: answers, refusals, probes, log lines, over real connections."""

import asyncio
import json
from uuid import UUID

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer, unused_port
from structlog.testing import capture_logs

from shared.auth import FixedVerifier, TokenVerifier
from shared.clock import FixedClock
from shared.idempotency import MemoryIdempotencyStore
from shared.web import Api, build_app, serve
from tests.component.web_service import (
    CANARY,
    LIMITS,
    LOT,
    NOW,
    VENDOR,
    OfferTooHigh,
    OutsideAway,
    Service,
    api,
    close_lot,
    offer,
    refused,
)
from tests.patience import PATIENCE_S


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


async def answered(session: ClientSession, address: str) -> int:
    """Ask until a server listens, for five seconds at most."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with session.get(address) as answer:
                    return answer.status
            except OSError:
                await asyncio.sleep(0)
