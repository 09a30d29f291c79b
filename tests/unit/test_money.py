"""Prices, totals and splits: exact, at every edge."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.money import (
    AmountMalformed,
    Currency,
    CurrencyUnknown,
    Money,
    UnitPrice,
    largest_remainder,
    parse_quantity,
    total,
)

USD = Currency("USD")
JPY = Currency("JPY")
WIDE = Context(prec=60)


@pytest.mark.parametrize(
    ("text", "e4", "written"),
    [
        ("0", 0, "0.00"),
        ("0.1234", 1234, "0.1234"),
        ("0.125", 1250, "0.125"),
        ("12", 120_000, "12.00"),
        ("12.5", 125_000, "12.50"),
        ("9999999.9999", 99_999_999_999, "9999999.9999"),
    ],
)
def test_a_price_is_read_exactly_and_written_with_two_to_four_decimals(
    text: str, e4: int, written: str
) -> None:
    price = UnitPrice.parse(text, USD)

    assert price.e4 == e4
    assert str(price) == written


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.", ".5", "1.23456", "10000000", "1e3", "NaN", " 1", "1 ", "\u0661"]
)
def test_what_is_no_plain_decimal_of_four_places_is_no_price(text: str) -> None:
    with pytest.raises(AmountMalformed):
        UnitPrice.parse(text, USD)


def test_a_currency_that_is_not_counted_in_is_refused() -> None:
    with pytest.raises(CurrencyUnknown):
        UnitPrice.parse("1", Currency("XAU"))


@pytest.mark.parametrize(
    ("price", "quantity", "currency", "written"),
    [
        ("0.005", "1", USD, "0.00"),  # half a cent goes to the even cent, down
        ("0.015", "1", USD, "0.02"),  # and up
        ("0.0249", "1", USD, "0.02"),
        ("0.0251", "1", USD, "0.03"),
        ("0.1321", "3617460", USD, "477866.47"),
        ("0.5", "1", JPY, "0"),
        ("1.5", "1", JPY, "2"),
        ("52000", "0.2", USD, "10400.00"),
        ("9999999.9999", "1000000000", USD, "9999999999900000.00"),
    ],
)
def test_a_total_is_rounded_once_half_even(
    price: str, quantity: str, currency: Currency, written: str
) -> None:
    assert str(total(UnitPrice.parse(price, currency), Decimal(quantity))) == written


@given(st.integers(0, 10**11 - 1), st.integers(1, 10**12))
def test_a_total_equals_the_decimal_product(e4: int, thousandths: int) -> None:
    quantity = Decimal(thousandths).scaleb(-3)

    counted = total(UnitPrice(e4, USD), quantity)

    # An independent way with more digits than any product here has.
    with_all_digits = WIDE.multiply(Decimal(e4).scaleb(-4), quantity).quantize(
        Decimal("0.01"), ROUND_HALF_EVEN, context=WIDE
    )
    assert Decimal(counted.minor).scaleb(-2) == with_all_digits


@pytest.mark.parametrize("text", ["0", "0.0", "-3", "1.2345", "1000000000.001", "12345678901", "x"])
def test_a_quantity_is_above_zero_and_bounded(text: str) -> None:
    with pytest.raises(AmountMalformed):
        parse_quantity(text)


def test_the_largest_quantity_is_a_thousand_million() -> None:
    assert parse_quantity("1000000000") == Decimal(10**9)


def test_a_difference_is_written_with_its_sign() -> None:
    assert str(Money(-1230, USD)) == "-12.30"


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (10, [0, 1], [0, 10]),
        (0, [3, 4], [0, 0]),
        (7, [5, 3, 2], [4, 2, 1]),
        # Hamilton's own worked case: quotas 3.5, 2.1, 1.4 of 7
        (7, [50, 30, 20], [4, 2, 1]),
    ],
)
def test_a_split_gives_what_is_left_to_the_largest_remainders(
    whole: int, weights: list[int], parts: list[int]
) -> None:
    assert largest_remainder(whole, weights) == parts


@given(
    st.integers(0, 10**15),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any),
)
def test_the_parts_of_a_split_sum_to_the_whole_and_stay_within_one_of_their_quota(
    whole: int, weights: list[int]
) -> None:
    parts = largest_remainder(whole, weights)

    assert sum(parts) == whole
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part * sum(weights) - whole * weight + sum(weights) <= 2 * sum(weights)
