"""Bodies at the HTTP edge: read within limits, parsed strictly, never echoed."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.component.web_service import (
    CANARY,
    JSON,
    LOT,
    Service,
    offer,
    refused,
)

BYTES = {"Content-Type": "application/octet-stream"}


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

    @pytest.mark.parametrize(("length", "status"), [(0, 200), (1_000, 200), (1_001, 413)])
    @pytest.mark.parametrize("is_chunked", [False, True])
    async def test_streamed_body_may_be_as_long_as_its_limit(
        self, service: Service, *, length: int, status: int, is_chunked: bool
    ) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield bytes(length // 2)
            yield bytes(length - length // 2)

        answer = await service.client.post(
            "/v1/drawings", data=chunks() if is_chunked else bytes(length), headers=BYTES
        )

        assert answer.status == status
        if status == 413:
            await refused(answer, 413, "body_too_large")
        else:
            assert await answer.json() == {"bytes": length}

    async def test_streamed_body_has_a_deadline_of_its_own(self, service: Service) -> None:
        never = asyncio.Event()

        async def dawdle() -> AsyncIterator[bytes]:
            yield b"{"
            await never.wait()

        answer = await service.client.post("/v1/drawings", data=dawdle(), headers=BYTES)

        members = await refused(answer, 408, "body_too_slow")
        assert "0.1 seconds" in members["detail"]

    async def test_streamed_body_of_another_type_is_refused(self, service: Service) -> None:
        answer = await service.client.post("/v1/drawings", json={})

        await refused(answer, 415, "media_type_unsupported")

    async def test_route_that_takes_no_body_refuses_one(self, service: Service) -> None:
        path = f"/v1/lots/{LOT}/close"

        empty = await service.post(path, {})

        assert empty.status == 204
        await refused(await service.post(path, {"reason": "x"}), 422, "body_invalid")
