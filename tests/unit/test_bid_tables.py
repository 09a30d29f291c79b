"""Bids by spreadsheet: what is read, and each wrong cell by line and column."""

from decimal import Decimal
from uuid import UUID

import pytest

from services.bids.domain.bid_tables import LOTS_MAX, ROWS_MAX, BidTableInvalid, read_table
from shared.domain.bid_content import Answer, Pricing, Tier, TiersApply, one_price
from shared.domain.ids import LotId
from shared.domain.money import Currency, UnitPrice

USD = Currency("USD")
LOTS = {number: LotId(UUID(int=number)) for number in (1, 2, 3)}


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def read(table: str | bytes, apply: TiersApply = TiersApply.ALL_UNITS) -> dict[int, Pricing]:
    raw = table if isinstance(table, bytes) else table.encode()
    return {priced.lot_id.int: priced.pricing for priced in read_table(raw, LOTS, USD, apply=apply)}


def errors(table: str | bytes) -> list[tuple[object, object]]:
    with pytest.raises(BidTableInvalid) as refused:
        read(table)
    listed = refused.value.details["errors"]
    assert isinstance(listed, list)
    assert refused.value.details["error_count"] == len(listed)
    return [(error["line"], error["column"]) for error in listed]


@pytest.mark.parametrize(
    "table",
    [
        "lot_number,unit_price\n1,2.50\n3,0.1234\n",
        "\ufefflot_number;unit_price\r\n1;2.50\r\n3;0.1234\r\n",
        'unit_price,lot_number\n"2.50",1\n\n0.1234 , 3\n',
        "Lot_Number,Unit_Price,from_quantity\n1,2.50,\n3,0.1234,",
    ],
)
def test_each_priced_lot_is_one_bid(table: str) -> None:
    assert read(table) == {1: one_price(price("2.50")), 3: one_price(price("0.1234"))}


def test_several_rows_of_a_lot_are_its_tiers_in_order() -> None:
    table = "lot_number,from_quantity,unit_price\n2,11,17\n2,1,20\n2,21,15\n"

    tiers = tuple(
        Tier(Decimal(start), price(text)) for start, text in ((1, "20"), (11, "17"), (21, "15"))
    )
    assert read(table, TiersApply.GRADUATED) == {2: Pricing(tiers, TiersApply.GRADUATED)}


def test_columns_answer_and_attest_what_the_rfp_names() -> None:
    table = (
        "lot_number;unit_price;from_quantity;Answer:Uptime; attest: no_gifts\n"
        "1;2.50;1;99.9;yes\n"
        "1;2.40;100;;\n"
        "2;3;;;YES\n"
        "3;4;;98;\n"
    )

    bids = read_table(table.encode(), LOTS, USD, apply=TiersApply.ALL_UNITS)

    assert [(bid.lot_id.int, bid.answers, bid.attestations) for bid in bids] == [
        (1, (Answer("Uptime", "99.9"),), ("no_gifts",)),
        (2, (), ("no_gifts",)),
        (3, (Answer("Uptime", "98"),), ()),
    ]


@pytest.mark.parametrize(
    ("row", "column"),
    [("1,2.40,100,98,\n", "answer:Uptime"), ("1,2.40,100,,no\n", "attest:no_gifts")],
)
def test_what_a_lots_rows_say_differently_or_deny_is_listed(row: str, column: str) -> None:
    table = "lot_number,unit_price,from_quantity,answer:Uptime,attest:no_gifts\n1,2.50,1,99,\n"

    assert errors(table + row) == [(3, column)]


def test_every_wrong_cell_is_listed_with_line_and_column() -> None:
    table = "lot_number,from_quantity,unit_price\n9,x,y\n1,,2\n\n2,,-1\n"

    assert errors(table) == [
        (2, "lot_number"),
        (2, "from_quantity"),
        (2, "unit_price"),
        (5, "unit_price"),
    ]


def test_no_refusal_repeats_a_price() -> None:
    with pytest.raises(BidTableInvalid) as refused:
        read("lot_number,unit_price\n1,7391.48264\n")

    assert "7391" not in f"{refused.value.sentence}{refused.value.details}"


@pytest.mark.parametrize(
    "table",
    [
        "lot_number,from_quantity,unit_price\n1,,2\n1,5,1\n",
        "lot_number,from_quantity,unit_price\n1,5,2\n1,5,1\n",
    ],
)
def test_tiers_that_say_no_or_the_same_quantity_are_wrong(table: str) -> None:
    assert [column for _, column in errors(table)] == ["from_quantity"]


@pytest.mark.parametrize(
    "table",
    [
        b"",
        b"\xff\xfe",
        b"lot_number,unit_price\n",
        b"lot,price\n1,2\n",
        b"lot_number,unit_price,unit_price\n1,2,3\n",
        b"lot_number,unit_price,note\n1,2,3\n",
        b'lot_number,unit_price\n1,"2\n',
        b"lot_number,unit_price\n" + b"1,2\n" * (ROWS_MAX + 1),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(table: bytes) -> None:
    assert [column for _, column in errors(table)] == [None]


def test_more_lots_than_are_filed_at_once_are_refused() -> None:
    lots = {number: LotId(UUID(int=number)) for number in range(1, LOTS_MAX + 2)}
    rows = "".join(f"{number},1\n" for number in lots)

    with pytest.raises(BidTableInvalid):
        read_table(f"lot_number,unit_price\n{rows}".encode(), lots, USD, apply=TiersApply.ALL_UNITS)
