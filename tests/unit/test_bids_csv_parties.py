"""The import of parties: what a file may look like, and how its faults are told."""

from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from services.bids.csv_parties import COLUMNS, ROWS_MAX, Sheet, check, read_sheet
from services.bids.csv_tables import CsvHeaderInvalid, CsvRowsInvalid
from services.bids.domain.membership import AuthorityKind, MemberKind
from services.bids.domain.parties import PartyKind
from services.bids.domain.registration import decide_registration
from shared.domain.ids import new_id

NOW: Final = datetime(2027, 3, 1, 12, tzinfo=UTC)
SHA: Final = "ab" * 32
MEMBER: Final = {
    "kind": "member",
    "reference": "001902",
    "name": "Cayuga ISD",
    "area": "Region 7",
    "member_kind": "district",
    "enrolment": "580",
    "hazard_zone": "Anderson",
    "category_one_percent": "80",
    "category_two_percent": "",
    "authority_kind": "board_resolution",
    "authority_sha256": SHA,
    "authority_signed_on": "2027-01-15",
}
VENDOR: Final = dict.fromkeys(MEMBER, "") | {"kind": "vendor", "reference": "V1", "name": "Dell"}


def sheet(*rows: dict[str, str]) -> Sheet:
    header = rows[0]
    lines = [",".join(header), *(",".join(row[name] for name in header) for row in rows)]
    return read_sheet("\n".join(lines).encode(), mint=new_id, registered_at=NOW)


def told(read: Sheet) -> list[tuple[int, str | None]]:
    return [(error.line, error.column) for error in read.errors]


def test_a_members_row_tells_all_that_is_known_of_it() -> None:
    (_, row), (_, plain) = sheet(MEMBER, VENDOR).rows

    assert row.profile is not None
    assert row.authority is not None
    assert (row.party.kind, row.party.area) == (PartyKind.MEMBER, "Region 7")
    assert row.party.id == row.profile.member_id == row.authority.member_id
    assert (row.profile.kind, row.profile.enrolment) == (MemberKind.DISTRICT, 580)
    assert (row.profile.category_one_percent, row.profile.category_two_percent) == (80, None)
    assert row.authority.kind is AuthorityKind.BOARD_RESOLUTION
    assert row.authority.signed_on == date(2027, 1, 15)
    assert (plain.profile, plain.authority) == (None, None)


def test_a_registration_is_written_as_if_it_were_done_one_by_one() -> None:
    decisions = [decide_registration(row) for _, row in sheet(MEMBER, VENDOR).rows]

    facts = [[fact.TYPE for fact in decision.facts] for decision in decisions]

    assert facts == [
        ["party.registered", "member.profiled", "member.authority_recorded"],
        ["party.registered"],
    ]


def test_columns_that_belong_to_members_may_be_left_out() -> None:
    needed = {name: MEMBER[name] for name in COLUMNS.needed}

    read = sheet(needed)

    assert not read.errors
    assert [row.profile for _, row in read.rows] == [None]


@pytest.mark.parametrize(
    ("changed", "columns"),
    [
        ({"kind": "buyer"}, ["kind"]),
        ({"reference": ""}, ["reference"]),
        ({"name": "x" * 201}, ["name"]),
        ({"member_kind": ""}, ["member_kind"]),
        ({"member_kind": "school"}, ["member_kind"]),
        ({"enrolment": "10000001"}, ["enrolment"]),
        ({"enrolment": "-1"}, ["enrolment"]),
        ({"category_one_percent": "101"}, ["category_one_percent"]),
        ({"authority_kind": ""}, ["authority_kind"]),
        ({"authority_sha256": SHA[:-1]}, ["authority_sha256"]),
        ({"authority_signed_on": "15.1.2027"}, ["authority_signed_on"]),
        ({"kind": "", "name": "", "enrolment": "many"}, ["kind", "name", "enrolment"]),
    ],
)
def test_every_fault_of_a_row_is_told_with_its_column(
    changed: dict[str, str], columns: list[str]
) -> None:
    read = sheet(VENDOR, MEMBER | changed)

    assert told(read) == [(3, column) for column in columns]
    assert [row.party.reference for _, row in read.rows] == ["V1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"enrolment": "10000000"},
        {"enrolment": "0"},
        {"category_one_percent": "100"},
        {"name": "x" * 200},
        dict.fromkeys(("authority_kind", "authority_sha256", "authority_signed_on"), ""),
    ],
)
def test_what_is_just_allowed_is_read(changed: dict[str, str]) -> None:
    assert told(sheet(MEMBER | changed)) == []


def test_only_a_member_has_what_members_have() -> None:
    read = sheet(VENDOR | {"hazard_zone": "river"})

    assert (2, "hazard_zone") in told(read)
    assert not read.rows


def test_two_parties_of_one_kind_do_not_share_a_reference() -> None:
    read = sheet(VENDOR, MEMBER | {"reference": "V1"}, VENDOR)

    with pytest.raises(CsvRowsInvalid) as refused:
        check(read, set())

    errors: Any = refused.value.details["errors"]
    assert [(error["line"], error["column"]) for error in errors] == [(4, "reference")]


def test_a_reference_that_is_registered_is_taken_for_its_kind_alone() -> None:
    read = sheet(VENDOR)

    check(read, {(PartyKind.MEMBER, "V1")})
    with pytest.raises(CsvRowsInvalid):
        check(read, {(PartyKind.VENDOR, "V1")})


@pytest.mark.parametrize(
    "header",
    ["kind,reference,name", "kind,reference,name,area,colour", "kind,reference,name,area,area"],
)
def test_a_header_with_other_columns_is_refused(header: str) -> None:
    with pytest.raises(CsvHeaderInvalid):
        read_sheet(f"{header}\n".encode(), mint=new_id, registered_at=NOW)


def test_a_file_without_rows_is_refused() -> None:
    read = read_sheet(b"kind,reference,name,area\n", mint=new_id, registered_at=NOW)

    assert told(read) == [(1, None)]


def test_a_file_has_at_most_so_many_rows() -> None:
    rows = [VENDOR | {"reference": f"V{number}"} for number in range(ROWS_MAX + 1)]

    assert len(sheet(*rows[:-1]).rows) == ROWS_MAX
    with pytest.raises(CsvRowsInvalid):
        sheet(*rows)
