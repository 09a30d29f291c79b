"""Reading what can be pooled: every field, in parts, and whatever happens meanwhile."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest

from services.bids.domain.pooling import Candidate, Like, PoolMember
from services.bids.ports.purchase import Selection
from services.bids.store import candidates
from services.bids.store.candidates import collector_paused, let_go, read_candidates
from shared import db
from shared.auth import Role
from shared.db import Connection, Pool
from shared.domain.ids import PartyId, RequirementId, RfpId
from shared.domain.money import Currency
from tests.component.bids_counter import Counter, csv_file, csv_row, open_counter

DRAFT = RfpId(UUID(int=1))
MILK = Like("goods", "50131701", "Whole milk", "half pint", 12)


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        yield counter


async def state(counter: Counter, reference: str, count: int, **changes: str) -> None:
    if reference not in counter.ids:
        await counter.register(Role.MEMBER, reference)
    rows = [csv_row(reference, f"{reference}-{number}", **changes) for number in range(count)]
    path = "/v1/requirements/import?currency=USD"
    answer = await counter.ask("POST", path, data=csv_file(*rows))
    assert answer.status == 201, answer.body


async def read(pool: Pool) -> list[Candidate]:
    async with db.transaction(pool) as connection:
        return await read_candidates(connection, DRAFT, Selection())


async def test_a_candidate_is_what_its_member_stated(counter: Counter) -> None:
    await state(
        counter,
        "CARROW",
        1,
        quantity="0.125",
        commitment="estimate",
        need_by="2027-09-30",
        delivery_area="North",
    )
    path = f"/v1/parties/{counter.ids['CARROW']}/member"
    await counter.ask("PUT", path, json={"kind": "district", "hazard_zone": "river"})

    found = await read(counter.pool)

    kept = await counter.pool.fetchrow(
        "SELECT requirement.id, party.id AS member_id, party.name FROM requirement JOIN party"
        " ON party.id = requirement.member_id"
    )
    assert kept is not None
    member_id = PartyId(kept["member_id"])
    assert found == [
        Candidate(
            requirement_id=RequirementId(kept["id"]),
            member_id=member_id,
            quantity=Decimal("0.125"),
            member=PoolMember(
                id=member_id, reference="CARROW", name=kept["name"], hazard_zone="river"
            ),
            like=MILK,
            reference="CARROW-0",
            need_by=date(2027, 9, 30),
            delivery_area="North",
            currency=Currency("USD"),
            is_firm=False,
            is_engaged=False,
        )
    ]
    assert type(found[0]) is Candidate
    assert type(found[0].like) is Like


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 5])
async def test_what_is_read_in_parts_is_read_whole(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(candidates, "READ_AT_ONCE", at_once)
    await state(counter, "CARROW", 3, quantity="100")
    await state(counter, "DUNMERE", 1, quantity="20", item_code="50131702")

    found = await read(counter.pool)

    assert sorted((each.reference, each.like.item_code, str(each.quantity)) for each in found) == [
        ("CARROW-0", "50131701", "100"),
        ("CARROW-1", "50131701", "100"),
        ("CARROW-2", "50131701", "100"),
        ("DUNMERE-0", "50131702", "20"),
    ]


async def test_whoever_gives_up_leaves_the_connection_free(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "READ_AT_ONCE", 1)
    await state(counter, "CARROW", 6)
    given_up = 0

    for turns in range(60):
        async with db.transaction(counter.pool) as connection:
            reading = asyncio.create_task(read_candidates(connection, DRAFT, Selection()))
            for _ in range(turns):
                await asyncio.sleep(0)
            given_up += reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    assert given_up > 1


class Interrupted:
    """A connection on which something happens after its first statement."""

    def __init__(self, connection: Connection, happen: Callable[[], Awaitable[None]]) -> None:
        self._connection = connection
        self._happen: Callable[[], Awaitable[None]] | None = happen

    async def cursor(self, *asked: Any) -> Any:
        return await self._then(await self._connection.cursor(*asked))

    async def fetch(self, *asked: Any) -> Any:
        return await self._then(await self._connection.fetch(*asked))

    async def _then(self, answer: Any) -> Any:
        happen, self._happen = self._happen, None
        if happen is not None:
            await happen()
        return answer


async def test_a_member_that_registers_meanwhile_does_not_stop_the_reading(
    counter: Counter,
) -> None:
    await state(counter, "CARROW", 1)

    async with db.transaction(counter.pool) as connection:
        interrupted = Interrupted(connection, lambda: state(counter, "DUNMERE", 1))
        found = await read_candidates(cast("Connection", interrupted), DRAFT, Selection())

    assert [each.reference for each in found] == ["CARROW-0"]
    assert len(await read(counter.pool)) == 2


def test_the_collector_works_again_after_a_failure() -> None:
    with suppress(ZeroDivisionError), collector_paused():
        paused = not gc.isenabled()
        _ = 1 / 0

    assert paused
    assert gc.isenabled()


def test_what_was_made_while_the_collector_paused_is_not_looked_through() -> None:
    looked: list[str] = []

    def watch(phase: str, _info: dict[str, int]) -> None:
        looked.append(phase)

    gc.callbacks.append(watch)
    try:
        with collector_paused():
            made = [[number] for number in range(10_000)]
        made.append([])
    finally:
        gc.callbacks.remove(watch)

    assert looked == []


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_everything_is_let_go_of(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(candidates, "READ_AT_ONCE", 2)
    held = cast("list[Candidate]", list(range(count)))

    let_go(held)

    assert held == []
