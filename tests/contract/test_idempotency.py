"""What every idempotency store promises: the twin in memory and the one in PostgreSQL alike."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.clock import FixedClock
from shared.db import Pool
from shared.idempotency import (
    Claim,
    IdempotencyKeyReused,
    IdempotencyKeyRunning,
    IdempotencyStore,
    MemoryIdempotencyStore,
    PostgresIdempotencyStore,
    Started,
    StoredAnswer,
)

Make = Callable[[timedelta], IdempotencyStore]

CLAIM = Claim(party="party-a", key="key-1", route="POST /v1/rfps", body_sha256=b"\x01" * 32)
ANSWER = StoredAnswer(
    status=201, body=b'{"id":"1"}', media_type="application/json", headers=(("ETag", '"1"'),)
)
LONG = timedelta(minutes=1)
NONE = timedelta(0)


@pytest.fixture
def memory() -> Make:
    clock = FixedClock(datetime(2027, 3, 1, 12, 0, tzinfo=UTC))
    return lambda running_for: MemoryIdempotencyStore(clock, running_for=running_for)


@pytest.fixture
def postgres(bids_database: Pool) -> Make:
    return lambda running_for: PostgresIdempotencyStore(bids_database, running_for=running_for)


@pytest.fixture(params=["memory", "postgres"])
def idempotency_store(request: pytest.FixtureRequest) -> Make:
    """Make a store whose rows run for the time that is given."""
    make: Make = request.getfixturevalue(request.param)
    return make


async def begun(store: IdempotencyStore, claim: Claim = CLAIM) -> Started:
    started = await store.begin(claim)
    assert isinstance(started, Started)
    return started


async def test_first_sight_of_a_key_gets_leave_to_run_and_an_id(idempotency_store: Make) -> None:
    started = await begun(idempotency_store(LONG))

    assert isinstance(started.resource_id, UUID)
    assert started.resource_id.version == 7
    assert started.claim == CLAIM


async def test_second_sight_while_running_is_told_so(idempotency_store: Make) -> None:
    store = idempotency_store(LONG)
    await begun(store)

    with pytest.raises(IdempotencyKeyRunning) as refused:
        await store.begin(CLAIM)

    assert refused.value.retry_after_s == 1


async def test_second_sight_after_the_end_gets_the_answer_as_it_was(
    idempotency_store: Make,
) -> None:
    store = idempotency_store(LONG)
    await store.finish(await begun(store), ANSWER)

    assert await store.begin(CLAIM) == ANSWER


@pytest.mark.parametrize("is_finished", [True, False])
@pytest.mark.parametrize(
    "another",
    [
        Claim("party-a", "key-1", "POST /v1/rfps", b"\x02" * 32),
        Claim("party-a", "key-1", "POST /v1/rfps", None),
        Claim("party-a", "key-1", "POST /v1/lots", b"\x01" * 32),
    ],
    ids=["body", "no body", "route"],
)
async def test_key_for_another_request_is_refused(
    idempotency_store: Make, another: Claim, *, is_finished: bool
) -> None:
    store = idempotency_store(LONG)
    started = await begun(store)
    if is_finished:
        await store.finish(started, ANSWER)

    with pytest.raises(IdempotencyKeyReused):
        await store.begin(another)


@pytest.mark.parametrize(
    "another",
    [
        Claim("party-b", "key-1", "POST /v1/rfps", b"\x01" * 32),
        Claim("party-a", "key-2", "POST /v1/rfps", b"\x01" * 32),
    ],
    ids=["party", "key"],
)
async def test_another_party_or_key_is_its_own(idempotency_store: Make, another: Claim) -> None:
    store = idempotency_store(LONG)
    first = await begun(store)

    second = await begun(store, another)

    assert second.resource_id != first.resource_id


async def test_body_that_is_not_compared_is_known_by_its_key_alone(
    idempotency_store: Make,
) -> None:
    store = idempotency_store(LONG)
    sealed = Claim("party-a", "key-1", "POST /v1/lots/1/bids", None)
    await store.finish(await begun(store, sealed), ANSWER)

    assert await store.begin(sealed) == ANSWER


async def test_row_of_a_process_that_died_is_taken_over_with_the_same_id(
    idempotency_store: Make,
) -> None:
    store = idempotency_store(NONE)
    died = await begun(store)

    taken_over = await begun(store)

    assert taken_over.resource_id == died.resource_id
    assert taken_over.started_at > died.started_at


async def test_another_body_cannot_take_over_the_row_of_a_process_that_died(
    idempotency_store: Make,
) -> None:
    store = idempotency_store(NONE)
    await begun(store)

    with pytest.raises(IdempotencyKeyReused):
        await store.begin(Claim("party-a", "key-1", "POST /v1/rfps", b"\x02" * 32))


async def test_one_that_was_taken_over_from_ends_without_effect(idempotency_store: Make) -> None:
    store = idempotency_store(NONE)
    slow = await begun(store)
    taker = await begun(store)

    await store.finish(slow, StoredAnswer(409, b"late", "application/json"))
    await store.release(slow)
    await store.finish(taker, ANSWER)

    assert await store.begin(CLAIM) == ANSWER


async def test_first_answer_stands(idempotency_store: Make) -> None:
    store = idempotency_store(LONG)
    started = await begun(store)
    await store.finish(started, ANSWER)

    await store.finish(started, StoredAnswer(409, b"second", "application/json"))

    assert await store.begin(CLAIM) == ANSWER


async def test_released_row_runs_again_at_once_with_the_same_id(idempotency_store: Make) -> None:
    store = idempotency_store(LONG)
    first = await begun(store)

    await store.release(first)

    assert (await begun(store)).resource_id == first.resource_id


async def test_answer_is_not_lost_by_a_late_release(idempotency_store: Make) -> None:
    store = idempotency_store(LONG)
    started = await begun(store)
    await store.finish(started, ANSWER)

    await store.release(started)

    assert await store.begin(CLAIM) == ANSWER


async def test_of_many_at_once_one_runs(idempotency_store: Make) -> None:
    store = idempotency_store(LONG)

    seen = await asyncio.gather(*(store.begin(CLAIM) for _ in range(8)), return_exceptions=True)

    assert sum(isinstance(one, Started) for one in seen) == 1
    assert sum(isinstance(one, IdempotencyKeyRunning) for one in seen) == 7


async def test_sweep_deletes_what_is_old_and_leaves_what_is_not(idempotency_store: Make) -> None:
    store = idempotency_store(LONG)
    await store.finish(await begun(store), ANSWER)

    swept_young = await store.sweep(timedelta(hours=48))
    swept_old = await store.sweep(NONE)

    assert (swept_young, swept_old) == (0, 1)
    assert isinstance(await store.begin(CLAIM), Started)
