"""Fees, margins and E-rate support: exact, capped, and always adding up."""

from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.erate import ErateCategory
from services.bids.domain.fees import (
    Attribution,
    Billed,
    Charge,
    EligibleLine,
    FeeTermsUnfit,
    Percentage,
    PerOrder,
    eligible_part,
    fees_of,
    resell,
    shared_percent,
    support,
)
from shared.domain.ids import PartyId
from shared.domain.money import Currency, Money

USD: Final = Currency("USD")


def usd(text: str) -> Money:
    return Money(int(Decimal(text).scaleb(2)), USD)


def percent(text: str, cap: str | None = None) -> Percentage:
    return Percentage(Decimal(text), None if cap is None else usd(cap))


def billed(total: str, tax: str = "0", shipping: str = "0", orders: int = 1) -> Billed:
    return Billed(total=usd(total), tax=usd(tax), shipping=usd(shipping), orders=orders)


def line(
    number: int, total: str, eligible: str | None = None, rate: int | None = None
) -> EligibleLine:
    return EligibleLine(
        member_id=PartyId(UUID(int=number)),
        total=usd(total),
        eligible=usd(total if eligible is None else eligible),
        percent=rate,
    )


def texts(amounts: list[Money]) -> list[str]:
    return [str(amount) for amount in amounts]


# Fees -----------------------------------------------------------------------------------------


def test_a_percentage_is_taken_net_of_tax_and_shipping() -> None:
    """A quarter percent of 10,000 is 25, whatever tax and freight came on top."""
    fees = fees_of(percent("0.25"), [billed("10950", tax="800", shipping="150")])

    assert texts(fees) == ["25.00"]


def test_a_fee_is_rounded_half_even_at_its_line() -> None:
    """One percent of these is 0.005, 0.015 and 0.0151."""
    fees = fees_of(percent("1"), [billed("0.50"), billed("1.50"), billed("1.51")])

    assert texts(fees) == ["0.00", "0.02", "0.02"]


@pytest.mark.parametrize(
    ("cap", "fees"),
    [
        ("30.00", ["10.00", "20.00"]),
        ("29.99", ["10.00", "19.99"]),
        ("0", ["0.00", "0.00"]),
        (None, ["10.00", "20.00"]),
    ],
)
def test_a_cap_holds_for_all_lines_together(cap: str | None, fees: list[str]) -> None:
    assert texts(fees_of(percent("1", cap), [billed("1000"), billed("2000")])) == fees


def test_a_flat_fee_counts_orders() -> None:
    fees = fees_of(PerOrder(usd("400")), [billed("90000", orders=2), billed("1", orders=0)])

    assert texts(fees) == ["800.00", "0.00"]


@pytest.mark.parametrize("text", ["-0.01", "100.01"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(FeeTermsUnfit):
        percent(text)


@pytest.mark.parametrize(("text", "fee"), [("0", "0.00"), ("100", "7.00")])
def test_nothing_and_everything_are_percentages(text: str, fee: str) -> None:
    assert texts(fees_of(percent(text), [billed("7")])) == [fee]


def test_amounts_below_nothing_are_refused() -> None:
    with pytest.raises(FeeTermsUnfit):
        percent("1", cap="-0.01")
    with pytest.raises(FeeTermsUnfit):
        PerOrder(usd("-0.01"))


def test_tax_and_shipping_may_be_all_of_a_line_but_no_more() -> None:
    assert texts(fees_of(percent("5"), [billed("10", tax="4", shipping="6")])) == ["0.00"]
    with pytest.raises(FeeTermsUnfit):
        billed("10", tax="4", shipping="6.01")


# Resale ---------------------------------------------------------------------------------------


def test_a_resold_line_shows_cost_margin_and_price() -> None:
    (resold,) = resell(percent("3"), [usd("1200")], [1])

    assert (str(resold.cost), str(resold.margin), str(resold.price)) == (
        "1200.00",
        "36.00",
        "1236.00",
    )


def test_a_margin_per_order_is_added_to_each_line() -> None:
    resold = resell(PerOrder(usd("15")), [usd("100"), usd("200")], [1, 3])

    assert texts([each.price for each in resold]) == ["115.00", "245.00"]


# E-rate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "allocated", "eligible"),
    [
        ("1000", "80", "800.00"),
        ("0.01", "50", "0.00"),
        ("0.03", "50", "0.02"),
        ("9", "100", "9.00"),
    ],
)
def test_the_eligible_part_is_rounded_half_even(total: str, allocated: str, eligible: str) -> None:
    assert str(eligible_part(usd(total), Decimal(allocated))) == eligible


def test_the_eligible_part_is_no_more_than_the_line() -> None:
    with pytest.raises(FeeTermsUnfit):
        eligible_part(usd("1"), Decimal("100.1"))
    with pytest.raises(FeeTermsUnfit):
        line(1, "100", eligible="100.01")


def test_only_the_eligible_part_is_discounted() -> None:
    """Of 1,000 there are 800 eligible: 90 percent of these are 720, and 280 are left to pay."""
    (supported,) = support([line(1, "1000", "800", rate=90)], ErateCategory.ONE)

    assert str(supported.support) == "720.00"
    assert str(supported.ineligible) == "200.00"
    assert str(supported.net) == "280.00"


def test_the_second_category_has_a_lower_highest_rate() -> None:
    (supported,) = support([line(1, "1000", rate=90)], ErateCategory.TWO)

    assert str(supported.net) == "150.00"


@pytest.mark.parametrize(("category", "shared"), [(ErateCategory.ONE, 77), (ErateCategory.TWO, 73)])
def test_members_share_the_mean_of_their_rates(category: ErateCategory, shared: int) -> None:
    """90, 90 and 50 give 76.7 in category one, and 85, 85 and 50 give 73.3 in two."""
    lines = [line(1, "1", rate=90), line(1, "5", rate=90), line(2, "1", rate=90)]

    assert shared_percent([*lines, line(3, "1", rate=50), line(4, "1")], category) == shared


def test_a_member_without_a_rate_pays_all_and_lowers_nobodys_rate() -> None:
    supported = support([line(1, "100", rate=80), line(2, "100")], ErateCategory.ONE)

    assert texts([each.net for each in supported]) == ["20.00", "100.00"]


def test_by_own_rates_the_same_support_favours_the_disadvantaged() -> None:
    """90 and 50 share 70: 1,400 of support, of which 90 parts in 140 are 900."""
    lines = [line(1, "1000", rate=90), line(2, "1000", rate=50)]

    shared = support(lines, ErateCategory.ONE)
    own = support(lines, ErateCategory.ONE, Attribution.OWN_RATES)

    assert texts([each.support for each in shared]) == ["700.00", "700.00"]
    assert texts([each.support for each in own]) == ["900.00", "500.00"]


def test_what_is_left_to_pay_is_rounded_half_even_at_its_line() -> None:
    """Of 0.05 a half is 0.025, which leaves 0.02 to pay."""
    (supported,) = support([line(1, "0.05", rate=50)], ErateCategory.ONE)

    assert (str(supported.net), str(supported.support)) == ("0.02", "0.03")


def test_no_member_is_supported_beyond_what_is_eligible() -> None:
    """90 and 20 share 55: of 605 the first would get 187.76 by its rate, for a line of 100."""
    lines = [line(1, "100", rate=90), line(2, "1000", rate=20)]

    own = support(lines, ErateCategory.ONE, Attribution.OWN_RATES)

    assert texts([each.support for each in own]) == ["100.00", "505.00"]


@pytest.mark.parametrize("rate", [-1, 101])
def test_a_rate_is_a_percentage(rate: int) -> None:
    with pytest.raises(FeeTermsUnfit):
        line(1, "1", rate=rate)


# Properties -----------------------------------------------------------------------------------

AMOUNTS: Final = st.lists(st.integers(0, 10**9), min_size=1, max_size=8)
PERCENTS: Final = st.decimals(0, 100, places=2)


@given(amounts=AMOUNTS, rate=PERCENTS, cap=st.none() | st.integers(0, 10**8))
def test_fees_are_those_of_each_line_up_to_the_cap(
    amounts: list[int], rate: Decimal, cap: int | None
) -> None:
    fee: Charge = Percentage(rate, None if cap is None else Money(cap, USD))
    lines = [Billed(total=Money(each, USD), tax=usd("0"), shipping=usd("0")) for each in amounts]

    fees = fees_of(fee, lines)

    by_line = [int((each * rate / 100).to_integral_value()) for each in amounts]
    whole = sum(by_line)
    if cap is None or whole <= cap:
        assert [each.minor for each in fees] == by_line
    else:
        assert sum(each.minor for each in fees) == cap


@given(
    lines=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 100), st.none() | st.integers(0, 90)),
        min_size=1,
        max_size=8,
    ),
    category=st.sampled_from(ErateCategory),
    attribution=st.sampled_from(Attribution),
)
def test_supported_lines_always_add_up(
    lines: list[tuple[int, int, int | None]], category: ErateCategory, attribution: Attribution
) -> None:
    stated = [
        EligibleLine(
            member_id=PartyId(UUID(int=number)),
            total=Money(total, USD),
            eligible=eligible_part(Money(total, USD), Decimal(allocated)),
            percent=rate,
        )
        for number, (total, allocated, rate) in enumerate(lines)
    ]

    parted = support(stated, category, attribution)
    by_shared_rate = support(stated, category)

    assert sum(each.support.minor for each in parted) == sum(
        each.support.minor for each in by_shared_rate
    )
    for each, own in zip(parted, stated, strict=True):
        assert each.total == own.total
        assert each.eligible.minor + each.ineligible.minor == each.total.minor
        assert each.support.minor + each.net.minor == each.total.minor
        assert 0 <= each.support.minor <= (0 if own.percent is None else each.eligible.minor)
