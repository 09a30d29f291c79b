"""The import of requirements: what a file may look like, and how its faults are told."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from services.bids.csv_fields import ECHO_MAX, DecimalSignUnknown
from services.bids.csv_import import (
    COLUMNS,
    ROWS_MAX,
    Known,
    Sheet,
    check,
    read_sheet,
    requirements_of,
)
from services.bids.csv_tables import LISTED_MAX, CsvHeaderInvalid, CsvRowsInvalid, RowError
from services.bids.domain.parties import Party, PartyKind
from services.bids.domain.requirements import Category, Commitment
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import Currency, CurrencyUnknown, UnitPrice

USD: Final = Currency("USD")
NOW: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
HEADER: Final = (
    "member_reference,category,item_code,specification,unit,quantity,commitment,need_by,"
    "term_months,delivery_area,baseline_unit_price,reference"
)
GOOD: Final = {
    "member_reference": "CARROW",
    "category": "goods",
    "item_code": "LAPTOP-14",
    "specification": "Laptop 14 in",
    "unit": "each",
    "quantity": "2.5",
    "commitment": "firm",
    "need_by": "2027-07-01",
    "term_months": "36",
    "delivery_area": "North",
    "baseline_unit_price": "384.5",
    "reference": "CARROW-1",
}
CARROW: Final = Party(
    id=PartyId(UUID(int=1)),
    kind=PartyKind.MEMBER,
    reference="CARROW",
    name="Carrow Lake",
    area="North Shore",
    registered_at=NOW,
)


def line(**changes: str) -> str:
    return ",".join({**GOOD, **changes}.values())


def file(*lines: str, end: str = "\n") -> bytes:
    return "".join(each + end for each in (HEADER, *lines)).encode()


def known(**changes: Any) -> Known:
    return Known(**{"members": {"CARROW": CARROW}, "taken": frozenset(), "own": None, **changes})


def errors_of(sheet: Sheet, knowledge: Known) -> list[dict[str, Any]]:
    with pytest.raises(CsvRowsInvalid) as refused:
        check(sheet, knowledge)
    errors = refused.value.details["errors"]
    assert isinstance(errors, list)
    return errors


def test_the_header_names_the_columns_of_the_contract() -> None:
    assert ",".join(COLUMNS) == HEADER


def test_a_row_becomes_a_requirement_of_its_member() -> None:
    sheet = read_sheet(file(line()), USD)
    check(sheet, known())

    (made,) = requirements_of(
        sheet,
        {"CARROW": CARROW},
        import_id=UUID(int=9),
        stated_at=NOW,
        mint=lambda: RequirementId(UUID(int=5)),
    )

    assert made.id == UUID(int=5)
    assert made.import_id == UUID(int=9)
    assert made.member_id == CARROW.id
    assert made.reference == "CARROW-1"
    assert made.category is Category.GOODS
    assert made.quantity == Decimal("2.5")
    assert made.commitment is Commitment.FIRM
    assert made.need_by == date(2027, 7, 1)
    assert made.term_months == 36
    assert made.delivery_area == "North"
    assert made.baseline == UnitPrice(3_845_000, USD)


def test_an_empty_area_is_the_members_own_and_an_empty_baseline_is_unknown() -> None:
    sheet = read_sheet(file(line(delivery_area="", baseline_unit_price="")), USD)

    (made,) = requirements_of(
        sheet,
        {"CARROW": CARROW},
        import_id=UUID(int=9),
        stated_at=NOW,
        mint=lambda: RequirementId(UUID(int=5)),
    )

    assert made.delivery_area == "North Shore"
    assert made.baseline is None


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + file(line()),
        file(line(), end="\r\n"),
        file(line(), end="\r"),
        file(line()).replace(b",", b";"),
        file(line()).rstrip(b"\n"),
        file("", line(), ""),
        file(" , ".join(GOOD.values())),
        file(",".join(f'"{value}"' for value in GOOD.values())),
    ],
    ids=["bom", "crlf", "cr", "semicolons", "no last end", "empty lines", "spaces", "quotes"],
)
def test_a_file_may_look_like_this(raw: bytes) -> None:
    sheet = read_sheet(raw, USD)

    assert sheet.errors == ()
    assert [(row.key.reference, row.unit, row.quantity) for row in sheet.rows] == [
        ("CARROW-1", "each", Decimal("2.5"))
    ]


def test_a_quoted_field_may_hold_the_delimiter_and_quotes() -> None:
    sheet = read_sheet(file(line(specification='"Laptop, 14"" screen"')), USD)

    assert sheet.errors == ()
    assert sheet.rows[0].specification == 'Laptop, 14" screen'


def test_columns_may_come_in_another_order() -> None:
    turned = dict(reversed(GOOD.items()))
    raw = f"{','.join(turned)}\n{','.join(turned.values())}\n".encode()

    assert read_sheet(raw, USD) == read_sheet(file(line()), USD)


@pytest.mark.parametrize(
    "header",
    [
        "",
        HEADER.removesuffix(",reference"),
        HEADER.replace("unit,", "unti,"),
        HEADER + ",reference",
        HEADER + ",remarks",
    ],
)
def test_another_header_is_refused(header: str) -> None:
    with pytest.raises(CsvHeaderInvalid):
        read_sheet(f"{header}\n{line()}\n".encode(), USD)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("member_reference", ""),
        ("category", "groceries"),
        ("category", ""),
        ("item_code", ""),
        ("item_code", "x" * 201),
        ("specification", '"two\nlines"'),
        ("unit", "ea\x00ch"),
        ("quantity", "0"),
        ("quantity", "-1"),
        ("quantity", "1.0005"),
        ("quantity", "1e3"),
        ("quantity", "1 00"),
        ("quantity", "12..5"),
        ("quantity", "٣"),
        ("quantity", "1000000000.001"),
        ("commitment", "Firm"),
        ("need_by", "01/07/2027"),
        ("need_by", "20270701"),
        ("need_by", "2027-02-30"),
        ("term_months", "-1"),
        ("term_months", "12.0"),
        ("term_months", "601"),
        ("delivery_area", "x" * 201),
        ("baseline_unit_price", "12.34567"),
        ("baseline_unit_price", "$12"),
        ("baseline_unit_price", "10000000"),
        ("reference", ""),
    ],
)
def test_a_field_that_cannot_be_read_is_told_with_line_and_column(column: str, field: str) -> None:
    sheet = read_sheet(file(line(reference="CARROW-0"), line(**{column: field})), USD)

    assert [(error.line, error.column) for error in sheet.errors] == [(3, column)]
    assert [row.key.reference for row in sheet.rows] == ["CARROW-0"]


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("quantity", "0.001"),
        ("quantity", "1000000000"),
        ("term_months", "0"),
        ("term_months", "600"),
        ("item_code", "x" * 200),
        ("specification", "Café\u00a0au lait ½"),
        ("baseline_unit_price", "0"),
        ("baseline_unit_price", "9999999.9999"),
        ("need_by", "2028-02-29"),
    ],
)
def test_a_field_at_its_edge_is_read(column: str, field: str) -> None:
    assert read_sheet(file(line(**{column: field})), USD).errors == ()


def quantities(*fields: str, decimal: str | None = None) -> list[Decimal]:
    """Read a column of quantities from a file of semicolons that Excel might have written."""
    rows = [
        line(quantity="#", baseline_unit_price="", reference=f"R{number}")
        for number in range(len(fields))
    ]
    text = file(*rows, end="\r\n").decode().replace(",", ";")
    for field in fields:
        text = text.replace("#", field, 1)
    sheet = read_sheet(b"\xef\xbb\xbf" + text.encode(), USD, decimal=decimal)
    assert {error.column for error in sheet.errors} <= {"quantity"}
    if sheet.errors:
        raise AssertionError([error.reason for error in sheet.errors])
    return [row.quantity for row in sheet.rows]


def reasons(*fields: str) -> list[str]:
    with pytest.raises(AssertionError) as refused:
        quantities(*fields)
    listed: list[str] = refused.value.args[0]
    return listed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["1,200", "2,500.5"], ["1200", "2500.5"]),
        (["1.200", "2.500,5"], ["1200", "2500.5"]),
        (["1 200", "2 500"], ["1200", "2500"]),
        (["1\u202f200", "2\u00a0500,5"], ["1200", "2500.5"]),
        (["1'200", "12.5"], ["1200", "12.5"]),
        (["1,200", "1,200,300"], ["1200", "1200300"]),
        (["1.200", "0.5"], ["1.2", "0.5"]),
        (["1,200", "0,5"], ["1.2", "0.5"]),
        (["1.200", "12.5"], ["1.2", "12.5"]),
        (["1,200", "3.5"], ["1200", "3.5"]),
        (["0.125"], ["0.125"]),
        (["1200", "3"], ["1200", "3"]),
    ],
)
def test_a_column_tells_how_its_numbers_are_written(fields: list[str], expected: list[str]) -> None:
    assert quantities(*fields) == [Decimal(each) for each in expected]


@pytest.mark.parametrize("fields", [["1,200"], ["1.200"], ["1,200", "7"], ["1.200", "2.300"]])
def test_a_column_that_could_be_read_in_two_ways_is_never_guessed(fields: list[str]) -> None:
    told = reasons(*fields)

    assert all("decimal=point or decimal=comma" in reason for reason in told)
    assert len(told) == sum(not field.isdecimal() for field in fields)


@pytest.mark.parametrize(
    ("decimal", "field", "expected"),
    [("point", "1,200", "1200"), ("comma", "1,200", "1.2"), ("comma", "1.200", "1200")],
)
def test_who_says_the_decimal_sign_is_understood(decimal: str, field: str, expected: str) -> None:
    assert quantities(field, decimal=decimal) == [Decimal(expected)]


def test_a_decimal_sign_that_is_none_is_refused() -> None:
    with pytest.raises(DecimalSignUnknown):
        read_sheet(file(line()), USD, decimal="dot")


def test_a_number_that_is_written_unlike_its_column_is_told() -> None:
    told = reasons("1,200.5", "1,300.5", "1.400,5")

    assert told == ["«1.400,5» is not written like the other numbers of the column."]


def test_a_column_that_is_written_in_two_ways_alike_often_is_refused_whole() -> None:
    assert len(reasons("1,200.5", "1.400,5")) == 2


def test_a_price_that_is_unlike_its_column_is_not_repeated() -> None:
    rows = [
        line(baseline_unit_price=price, reference=f"R{number}")
        for number, price in enumerate(["1.5", "2.5", '"98,7"'])
    ]

    (error,) = read_sheet(file(*rows), USD).errors

    assert (error.line, error.column) == (4, "baseline_unit_price")
    assert "98" not in error.reason


def test_every_fault_of_a_row_is_told() -> None:
    sheet = read_sheet(file(line(category="x", quantity="y", need_by="z")), USD)

    assert [error.column for error in sheet.errors] == ["category", "quantity", "need_by"]


def test_a_row_with_a_field_too_few_is_told() -> None:
    sheet = read_sheet(file(line().removesuffix(",CARROW-1"), line()), USD)

    assert sheet.errors == (RowError(2, None, "The row has 11 fields; the header has 12."),)


def test_the_line_of_a_row_is_where_it_begins() -> None:
    two_lines = line(specification='"two\nlines"')

    sheet = read_sheet(file(two_lines, line(quantity="0")), USD)

    assert [error.line for error in sheet.errors] == [2, 4]


@pytest.mark.parametrize(
    ("raw", "line_number"),
    [
        (file(line(), line()) + b"caf\xe9\n", 4),
        (file(line(), line(unit='"each')), 3),
        (file(line(), line(unit='"ea"ch')), 3),
        (file(line(), line(unit="x" * 200_000)), 3),
    ],
    ids=["not utf-8", "open quote", "text behind a quote", "endless field"],
)
def test_a_file_that_breaks_off_is_refused_with_the_line(raw: bytes, line_number: int) -> None:
    with pytest.raises(CsvRowsInvalid) as refused:
        read_sheet(raw, USD)

    errors = refused.value.details["errors"]
    assert isinstance(errors, list)
    assert [(error["line"], error["column"]) for error in errors] == [(line_number, None)]


def test_a_file_without_rows_is_refused() -> None:
    assert errors_of(read_sheet(file(), USD), known()) == [
        {"line": 1, "column": None, "reason": "There is no row below the header."}
    ]


def test_the_most_rows_pass_and_one_more_is_refused() -> None:
    rows = [line(reference=f"R{number}") for number in range(ROWS_MAX)]
    check(read_sheet(file(*rows), USD), known())

    with pytest.raises(CsvRowsInvalid):
        read_sheet(file(*rows, line()), USD)


def test_an_unknown_member_is_told() -> None:
    errors = errors_of(read_sheet(file(line(member_reference="CARROT")), USD), known())

    assert errors == [
        {
            "line": 2,
            "column": "member_reference",
            "reason": "No member is registered as «CARROT».",
        }
    ]


def test_a_member_may_import_its_own_rows_only_and_learns_nothing_of_others() -> None:
    other = Party(
        id=PartyId(UUID(int=2)),
        kind=PartyKind.MEMBER,
        reference="DUNMERE",
        name="Dunmere",
        area="",
        registered_at=NOW,
    )
    knowledge = known(members={"CARROW": CARROW, "DUNMERE": other}, own=CARROW.id)
    rows = [line(), line(member_reference="DUNMERE"), line(member_reference="NOWHERE")]

    errors = errors_of(read_sheet(file(*rows), USD), knowledge)

    assert [(error["line"], error["reason"]) for error in errors] == [
        (3, "You may import your own requirements only."),
        (4, "You may import your own requirements only."),
    ]
    check(read_sheet(file(line()), USD), knowledge)


def test_an_agency_imports_the_rows_of_members_that_authorised_it() -> None:
    agency = PartyId(UUID(int=7))
    authorised = known(own=agency, acts_for=frozenset({CARROW.id}))

    check(read_sheet(file(line()), USD), authorised)

    assert errors_of(read_sheet(file(line()), USD), known(own=agency)) != []


def test_a_reference_that_stands_twice_is_told_with_the_first_line() -> None:
    errors = errors_of(read_sheet(file(line(), line()), USD), known())

    assert errors == [
        {
            "line": 3,
            "column": "reference",
            "reason": "The member has this reference on line 2 already.",
        }
    ]


def test_a_reference_that_is_taken_is_told() -> None:
    knowledge = known(taken=frozenset({(CARROW.id, "CARROW-1")}))

    errors = errors_of(read_sheet(file(line(), line(reference="CARROW-2")), USD), knowledge)

    assert [(error["line"], error["column"]) for error in errors] == [(2, "reference")]


def test_errors_of_all_kinds_come_by_line_and_are_counted_beyond_the_list() -> None:
    rows = [line(reference=f"R{number}", quantity="0") for number in range(LISTED_MAX)]
    sheet = read_sheet(file(line(member_reference="NOBODY"), *rows), USD)

    with pytest.raises(CsvRowsInvalid) as refused:
        check(sheet, known())

    errors = refused.value.details["errors"]
    assert isinstance(errors, list)
    assert len(errors) == LISTED_MAX
    assert [error["line"] for error in errors[:2]] == [2, 3]
    assert refused.value.details["error_count"] == LISTED_MAX + 1


@pytest.mark.parametrize("column", ["category", "commitment", "quantity", "need_by"])
def test_a_reason_repeats_little_of_a_long_field(column: str) -> None:
    long_field = "q" * 150

    (error,) = read_sheet(file(line(**{column: long_field})), USD).errors

    assert "q" * (ECHO_MAX - 1) in error.reason
    assert "q" * ECHO_MAX not in error.reason


def test_a_price_is_never_repeated() -> None:
    (error,) = read_sheet(file(line(baseline_unit_price="987.654321")), USD).errors

    assert "987" not in error.reason


def test_a_currency_that_is_not_counted_in_is_refused() -> None:
    with pytest.raises(CurrencyUnknown):
        read_sheet(file(line()), Currency("XXX"))
