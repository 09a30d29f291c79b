"""Registering parties by a file, over HTTP and real tables: all, or none."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import pytest

from shared.auth import Role
from shared.db import Pool
from shared.domain.ids import PartyId, new_id
from tests.component.bids_counter import Answer, Counter, open_counter

SHA: Final = "ab" * 32
HEADER: Final = (
    "kind,reference,name,area,member_kind,enrolment,hazard_zone,category_one_percent,"
    "category_two_percent,authority_kind,authority_sha256,authority_signed_on"
)
MEMBER: Final = (
    f"member,CARROW,Carrow ISD,North,district,580,river,80,,letter_of_agency,{SHA},2027-01-15"
)
AGENCY: Final = "member,ESC-7,Region 7,North,educational_service_agency,,,,,,,"
VENDOR: Final = "vendor,DELL,Dell,,,,,,,,,"


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        yield counter


async def import_rows(counter: Counter, *rows: str, key: str | None = None) -> Answer:
    headers = {"Idempotency-Key": key or str(new_id())}
    data = "\r\n".join((HEADER, *rows)).encode()
    return await counter.ask("POST", "/v1/parties/import", data=data, headers=headers)


async def listed(counter: Counter) -> dict[str, str]:
    answer = await counter.ask("GET", "/v1/parties")
    return {party["reference"]: party["id"] for party in answer.body["items"]}


async def test_a_file_registers_parties_with_all_that_is_known_of_them(counter: Counter) -> None:
    answer = await import_rows(counter, MEMBER, AGENCY, VENDOR)

    assert (answer.status, answer.body["rows"]) == (201, 3)
    ids = await listed(counter)
    assert ids.keys() == {"CARROW", "ESC-7", "DELL"}
    record = (await counter.ask("GET", f"/v1/parties/{ids['CARROW']}")).body
    assert record["member"] == {
        "kind": "district",
        "enrolment": 580,
        "hazard_zone": "river",
        "category_one_percent": 80,
        "category_two_percent": None,
    }
    (authority,) = record["authorities"]
    assert (authority["document_sha256"], authority["signed_on"]) == (SHA, "2027-01-15")
    assert await counter.chain(ids["CARROW"]) == [
        "party.registered",
        "member.profiled",
        "member.authority_recorded",
    ]
    assert await counter.chain(ids["DELL"]) == ["party.registered"]
    assert await counter.chain(answer.body["id"]) == ["parties.imported"]


async def test_where_a_row_is_wrong_no_party_is_registered(counter: Counter) -> None:
    await counter.register(Role.VENDOR, "DELL")

    answer = await import_rows(counter, MEMBER, VENDOR, AGENCY.replace("ESC-7", ""))

    assert (answer.status, answer.body["code"]) == (422, "csv_rows_invalid")
    errors = answer.body["errors"]
    assert [(one["line"], one["column"]) for one in errors] == [(3, "reference"), (4, "reference")]
    assert (await listed(counter)).keys() == {"DELL"}


async def test_an_import_that_is_repeated_under_its_key_registers_once(counter: Counter) -> None:
    first = await import_rows(counter, MEMBER, key="districts")

    again = await import_rows(counter, MEMBER, key="districts")

    assert (again.status, again.body) == (201, first.body)
    assert len(await listed(counter)) == 1


async def test_an_import_whose_answer_was_lost_is_counted_and_not_done_again(
    counter: Counter,
) -> None:
    first = await import_rows(counter, MEMBER, AGENCY)
    import_id, actor = UUID(first.body["id"]), PartyId(new_id())

    again = await counter.registrations.import_csv(b"", import_id=import_id, actor=actor)

    assert again == 2
