"""Idempotency keys at the HTTP edge: the same key, the same answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.component.web_service import (
    JSON,
    LOT,
    VENDOR,
    AuctionBusy,
    OfferTooHigh,
    Service,
    offer,
    refused,
)
from tests.patience import PATIENCE_S


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


async def until_not(status: int, service: Service) -> AsyncIterator[int]:
    """Repeat an offer until its key is free, for five seconds at most."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await service.offer(Idempotency_Key="k1")
            yield answer.status
            if answer.status != status:
                return
