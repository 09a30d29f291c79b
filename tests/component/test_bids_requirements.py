"""Parties and requirements over HTTP and real tables: who may state what, and the import."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.bids.usecases.requirements import Stater
from shared.auth import Role
from shared.db import Pool
from shared.domain.ids import new_id
from shared.domain.money import Currency
from tests.component.bids_counter import (
    BUYER,
    NOW,
    Counter,
    csv_file,
    csv_row,
    key_text,
    open_counter,
)
from tests.patience import BUSY_S_MAX, timed

IMPORT = "/v1/requirements/import?currency=USD"


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        yield counter


def stated(**changes: Any) -> dict[str, Any]:
    return {
        "reference": "CARROW-1",
        "category": "goods",
        "item_code": "LAPTOP-14",
        "specification": "Laptop 14 in",
        "unit": "each",
        "quantity": "2.50",
        "commitment": "firm",
        "need_by": "2027-07-01",
        "term_months": 36,
        "currency": "USD",
        **changes,
    }


async def count_requirements(counter: Counter) -> int:
    count: int = await counter.pool.fetchval("SELECT count(*) FROM requirement")
    return count


async def test_a_registered_party_is_listed_and_on_its_chain(counter: Counter) -> None:
    party_id = await counter.register(Role.MEMBER, "CARROW", area="North Shore")

    listed = await counter.ask("GET", "/v1/parties?kind=member", by="auditor")
    vendors = await counter.ask("GET", "/v1/parties?kind=vendor")

    assert listed.body["items"] == [
        {
            "id": party_id,
            "kind": "member",
            "reference": "CARROW",
            "name": "CARROW name",
            "area": "North Shore",
        }
    ]
    assert vendors.body["items"] == []
    assert await counter.chain(party_id) == ["party.registered"]


async def test_a_reference_is_taken_once_for_each_kind(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    await counter.register(Role.VENDOR, "CARROW")

    again = await counter.ask(
        "POST", "/v1/parties", json={"kind": "member", "reference": "CARROW", "name": "Other"}
    )

    assert (again.status, again.body["code"]) == (409, "party_registered")


async def test_a_buyer_is_not_registered(counter: Counter) -> None:
    answer = await counter.ask(
        "POST", "/v1/parties", json={"kind": "buyer", "reference": "B", "name": "Buyer"}
    )

    assert (answer.status, answer.body["code"]) == (422, "party_kind_unknown")


async def test_a_buyer_names_itself_and_may_call_itself_otherwise(counter: Counter) -> None:
    first = {"reference": "NORTH", "name": "Northern Cooperative"}
    second = {"reference": "NORTH", "name": "Northern Purchasing Cooperative"}

    named = await counter.ask("PUT", "/v1/buyer", json=first)
    again = await counter.ask("PUT", "/v1/buyer", json=first)
    renamed = await counter.ask("PUT", "/v1/buyer", json=second)

    assert (named.body["kind"], again.body) == ("buyer", named.body)
    assert (renamed.body["id"], renamed.body["name"]) == (named.body["id"], second["name"])
    assert await counter.chain(named.body["id"]) == ["party.registered", "party.renamed"]


async def test_a_custodians_new_key_takes_the_place_of_the_old(counter: Counter) -> None:
    custodian_id = await counter.register_custodian("KEEPER")
    second = key_text(bytes([9]) + bytes(31))

    answer = await counter.ask("PUT", "/v1/custodian-key", by="KEEPER", json={"public_key": second})

    assert answer.body == {"custodian_id": custodian_id, "public_key": second}
    assert await counter.chain(custodian_id) == [
        "party.registered",
        "custodian_key.registered",
        "custodian_key.registered",
    ]


async def test_a_key_to_which_nothing_can_be_sealed_is_refused(counter: Counter) -> None:
    await counter.register(Role.CUSTODIAN, "KEEPER")

    answer = await counter.ask(
        "PUT", "/v1/custodian-key", by="KEEPER", json={"public_key": key_text(bytes(32))}
    )

    assert (answer.status, answer.body["code"]) == (422, "key_malformed")


async def test_a_member_states_its_own_need(counter: Counter) -> None:
    member_id = await counter.register(Role.MEMBER, "CARROW", area="North Shore")

    answer = await counter.ask(
        "POST",
        "/v1/requirements",
        by="CARROW",
        json=stated(baseline_unit_price="384.5"),
    )

    assert answer.status == 201
    assert answer.body == {
        "id": answer.body["id"],
        "member_id": member_id,
        "reference": "CARROW-1",
        "category": "goods",
        "item_code": "LAPTOP-14",
        "specification": "Laptop 14 in",
        "unit": "each",
        "quantity": "2.5",
        "commitment": "firm",
        "need_by": "2027-07-01",
        "term_months": 36,
        "delivery_area": "North Shore",
        "currency": "USD",
        "baseline_unit_price": "384.50",
    }
    assert await counter.chain(answer.body["id"]) == ["requirement.stated"]


async def test_a_member_cannot_state_for_another(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    other_id = await counter.register(Role.MEMBER, "DUNMERE")

    answer = await counter.ask(
        "POST", "/v1/requirements", by="CARROW", json=stated(member_id=other_id)
    )

    assert (answer.status, answer.body["code"]) == (403, "requirement_not_own")


async def test_a_buyer_states_for_members_only(counter: Counter) -> None:
    member_id = await counter.register(Role.MEMBER, "CARROW")
    vendor_id = await counter.register(Role.VENDOR, "TARNWICK")

    good = await counter.ask("POST", "/v1/requirements", json=stated(member_id=member_id))
    nobody = await counter.ask("POST", "/v1/requirements", json=stated())
    vendor = await counter.ask("POST", "/v1/requirements", json=stated(member_id=vendor_id))

    assert good.status == 201
    assert (nobody.status, nobody.body["code"]) == (422, "member_missing")
    assert (vendor.status, vendor.body["code"]) == (422, "member_unknown")


async def test_a_members_reference_is_taken_once(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    await counter.ask("POST", "/v1/requirements", by="CARROW", json=stated())

    again = await counter.ask("POST", "/v1/requirements", by="CARROW", json=stated())

    assert (again.status, again.body["code"]) == (409, "requirement_reference_taken")


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 2.5},
        {"quantity": "0"},
        {"term_months": 601},
        {"term_months": "12"},
        {"need_by": 1_700_000_000},
        {"need_by": "2027-02-30"},
        {"category": "groceries"},
        {"baseline_unit_price": "1.23456"},
        {"currency": "XXX"},
        {"reference": ""},
    ],
)
async def test_a_need_that_cannot_be_kept_exactly_is_refused(
    counter: Counter, change: dict[str, Any]
) -> None:
    await counter.register(Role.MEMBER, "CARROW")

    answer = await counter.ask("POST", "/v1/requirements", by="CARROW", json=stated(**change))

    assert (answer.status, answer.body["code"]) == (422, "body_invalid")


async def test_a_member_lists_its_own_needs_and_a_buyer_all(counter: Counter) -> None:
    for reference in ("CARROW", "DUNMERE"):
        await counter.register(Role.MEMBER, reference)
        await counter.ask("POST", "/v1/requirements", by=reference, json=stated())

    own = await counter.ask("GET", "/v1/requirements", by="CARROW")
    first = await counter.ask("GET", "/v1/requirements?limit=1")
    second = await counter.ask("GET", f"/v1/requirements?limit=1&after={first.body['next_after']}")

    assert [item["member_id"] for item in own.body["items"]] == [counter.ids["CARROW"]]
    assert [item["member_id"] for item in first.body["items"] + second.body["items"]] == [
        counter.ids["CARROW"],
        counter.ids["DUNMERE"],
    ]


async def test_an_import_states_every_row(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW", area="North Shore")
    await counter.register(Role.MEMBER, "DUNMERE", area="River Valley")
    file = csv_file(csv_row("CARROW", "C-1"), csv_row("DUNMERE", "D-1", delivery_area="Depot"))

    answer = await counter.ask("POST", IMPORT, data=file)

    assert (answer.status, answer.body["rows"]) == (201, 2)
    listed = await counter.ask("GET", "/v1/requirements")
    assert [(item["reference"], item["delivery_area"]) for item in listed.body["items"]] == [
        ("C-1", "North Shore"),
        ("D-1", "Depot"),
    ]
    assert await counter.chain(answer.body["id"]) == ["requirements.imported"]


async def test_an_import_with_a_wrong_row_stores_nothing(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    await counter.ask("POST", IMPORT, data=csv_file(csv_row("CARROW", "TAKEN")))
    file = csv_file(
        csv_row("CARROW", "C-1"),
        csv_row("CARROW", "TAKEN"),
        csv_row("NOBODY\x00", "N-1"),
        csv_row("CARROW", "C-2", quantity="many"),
        csv_row("CARROW", "C-1"),
        csv_row("NOBODY", "N-1"),
    )

    answer = await counter.ask("POST", IMPORT, data=file)

    assert (answer.status, answer.body["code"]) == (422, "csv_rows_invalid")
    assert [(error["line"], error["column"]) for error in answer.body["errors"]] == [
        (3, "reference"),
        (4, "member_reference"),
        (5, "quantity"),
        (6, "reference"),
        (7, "member_reference"),
    ]
    assert answer.body["error_count"] == 5
    assert await count_requirements(counter) == 1


async def test_a_member_imports_its_own_rows_only(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    await counter.register(Role.MEMBER, "DUNMERE")

    foreign = await counter.ask(
        "POST", IMPORT, by="CARROW", data=csv_file(csv_row("DUNMERE", "D-1"))
    )
    own = await counter.ask("POST", IMPORT, by="CARROW", data=csv_file(csv_row("CARROW", "C-1")))

    assert (foreign.status, foreign.body["code"]) == (422, "csv_rows_invalid")
    assert own.status == 201


@pytest.mark.parametrize("query", ["", "?currency=XXX"])
async def test_an_import_needs_a_currency_that_is_counted_in(counter: Counter, query: str) -> None:
    answer = await counter.ask("POST", f"/v1/requirements/import{query}", data=csv_file())

    assert (answer.status, answer.body["code"]) == (422, "currency_unknown")


async def test_an_import_without_the_header_is_refused(counter: Counter) -> None:
    answer = await counter.ask("POST", IMPORT, data=b"name,quantity\nA,1\n")

    assert (answer.status, answer.body["code"]) == (422, "csv_header_invalid")


async def test_an_import_that_is_repeated_under_its_key_changes_nothing(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    file = csv_file(csv_row("CARROW", "C-1"))
    key = {"Idempotency-Key": "import-1"}

    first = await counter.ask("POST", IMPORT, data=file, headers=key)
    again = await counter.ask("POST", IMPORT, data=file, headers=key)

    assert first.body == again.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await count_requirements(counter) == 1


async def test_an_import_whose_answer_was_lost_is_found_by_its_id(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    file = csv_file(csv_row("CARROW", "C-1"), csv_row("CARROW", "C-2"))
    stater, import_id = Stater(actor=BUYER, own=None), new_id()

    counts = [
        await counter.requirements.import_csv(
            file, Currency("USD"), import_id=import_id, stater=stater
        )
        for _ in range(2)
    ]

    assert counts == [2, 2]
    assert await counter.chain(str(import_id)) == ["requirements.imported"]


async def test_two_imports_of_one_file_at_once_store_it_once(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    file = csv_file(*(csv_row("CARROW", f"C-{number}") for number in range(50)))

    answers = await asyncio.gather(
        counter.ask("POST", IMPORT, data=file), counter.ask("POST", IMPORT, data=file)
    )

    assert min(answer.status for answer in answers) == 201
    assert {answer.body["code"] for answer in answers if answer.status != 201} <= {
        "csv_rows_invalid",
        "requirement_reference_taken",
    }
    assert await count_requirements(counter) == 50


async def test_the_largest_import_takes_at_most_three_seconds(counter: Counter) -> None:
    references = [f"M{number}" for number in range(20)]
    for reference in references:
        await counter.register(Role.MEMBER, reference)
    rows = [
        csv_row(reference, f"{reference}-{line}") for line in range(500) for reference in references
    ]

    with timed() as took:
        answer = await counter.ask("POST", IMPORT, data=csv_file(*rows))

    assert (answer.status, answer.body["rows"]) == (201, 10_000)
    assert await count_requirements(counter) == 10_000
    assert took.own_s <= 3
    assert took.wall_s <= BUSY_S_MAX


async def test_what_is_registered_bears_the_clocks_instant(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")

    assert await counter.pool.fetchval("SELECT registered_at FROM party") == NOW
