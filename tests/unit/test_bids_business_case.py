"""The business case: alone against together, net of discounts, and when the answer is no."""

from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.business_case import (
    Advice,
    Curve,
    CurveInvalid,
    ElasticCurve,
    LotNeed,
    MemberNeed,
    Tier,
    TierCurve,
    break_even,
    make_case,
)
from services.bids.domain.erate import consortium_percent, net_cost
from shared.domain.ids import PartyId
from shared.domain.money import Currency, Money, UnitPrice

USD: Final = Currency("USD")


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def tiers(*steps: tuple[str, str]) -> TierCurve:
    return TierCurve(tuple(Tier(Decimal(start), price(text)) for start, text in steps))


VOLUME: Final = tiers(("1", "10"), ("1000", "9"), ("5000", "8"), ("10000", "7.50"))


def need(number: int, quantity: str, **more: int | Money | None) -> MemberNeed:
    percent, paid_today = more.get("percent"), more.get("paid_today")
    assert percent is None or isinstance(percent, int)
    assert paid_today is None or isinstance(paid_today, Money)
    return MemberNeed(
        member_id=PartyId(UUID(int=number)),
        asked=Decimal(quantity),
        quantity_alone=Decimal(quantity),
        percent=percent,
        paid_today=paid_today,
    )


def lot(curve: Curve, *members: MemberNeed) -> LotNeed:
    quantity = sum((member.asked for member in members), Decimal(0))
    return LotNeed(number=1, quantity=quantity, curve=curve, members=members)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([90, 90, 50], 77),
        ([90, 40], 65),
        ([90, 89], 90),
        ([90, 90, 88], 89),
        ([20], 20),
        ([90, None, 40], 65),
        ([None], None),
        ([], None),
    ],
)
def test_a_consortiums_rate_is_the_mean_rounded_half_up(
    rates: list[int | None], expected: int | None
) -> None:
    assert consortium_percent(rates) == expected


def test_a_lower_price_at_a_lower_discount_can_cost_more() -> None:
    assert net_cost(Money(100_000, USD), 90) == Money(10_000, USD)
    assert net_cost(Money(50_000, USD), 70) == Money(15_000, USD)


def test_a_net_cost_is_rounded_once_half_even() -> None:
    assert net_cost(Money(25, USD), 90) == Money(2, USD)
    assert net_cost(Money(35, USD), 90) == Money(4, USD)
    assert net_cost(Money(35, USD), None) == Money(35, USD)


def test_tiers_pool_to_the_tier_of_the_whole() -> None:
    case = make_case(
        [lot(VOLUME, need(1, "400"), need(2, "1600"), need(3, "3000"), need(4, "6000"))],
        Money(0, USD),
    )

    assert [str(each.alone.cost) for each in case.members] == [
        "4000.00",
        "14400.00",
        "27000.00",
        "48000.00",
    ]
    assert [str(each.saving) for each in case.members] == [
        "1000.00",
        "2400.00",
        "4500.00",
        "3000.00",
    ]
    assert str(case.together.cost) == "82500.00"
    assert case.advice is Advice.JOIN


def test_a_member_with_a_high_discount_is_told_not_to_join() -> None:
    rich = need(1, "100", percent=90, paid_today=Money(100_000, USD))
    others = (need(2, "100", percent=60), need(3, "100", percent=60))

    case = make_case([lot(tiers(("1", "9"), ("200", "5")), rich, *others)], Money(0, USD))

    first = case.members[0]
    assert (str(first.alone.net), str(first.together.net)) == ("100.00", "150.00")
    assert first.advice is Advice.DONT_JOIN
    assert [each.advice for each in case.members[1:]] == [Advice.JOIN, Advice.JOIN]
    assert case.lots[0].percent == 70


def test_who_saves_nothing_is_told_not_to_join() -> None:
    case = make_case([lot(tiers(("1", "9")), need(1, "10"), need(2, "10"))], Money(0, USD))

    assert {each.advice for each in case.members} == {Advice.DONT_JOIN}
    assert case.lots[0].break_even is None


def test_the_running_cost_falls_by_what_is_spent_and_gets_no_discount() -> None:
    case = make_case(
        [lot(VOLUME, need(1, "1", percent=50), need(2, "2", percent=50))], Money(1_000, USD)
    )

    assert [str(each.running_cost) for each in case.members] == ["3.33", "6.67"]
    assert [str(each.together.net) for each in case.members] == ["8.33", "16.67"]


@pytest.mark.parametrize(("running_cost", "expected"), [("0", "1000"), ("500", "1000")])
def test_pooling_breaks_even_where_the_saving_covers_its_cost(
    running_cost: str, expected: str
) -> None:
    # Alone a unit costs 10; from 1,000 up it costs 9, so that 1,000 units save 1,000.
    found = break_even(
        VOLUME,
        quantity=Decimal(500),
        alone=Money(500_000, USD),
        running_cost=Money(int(running_cost) * 100, USD),
    )

    assert found == Decimal(expected)


@pytest.mark.parametrize(
    ("running_cost", "expected"), [("1000", "1000"), ("1000.01", "1000.01"), ("4100", "4100")]
)
def test_break_even_is_exact_to_the_thousandth(running_cost: str, expected: str) -> None:
    minor = int(Decimal(running_cost) * 100)

    found = break_even(
        VOLUME, quantity=Decimal(1), alone=Money(1_000, USD), running_cost=Money(minor, USD)
    )

    assert found == Decimal(expected)


def test_an_elastic_price_falls_with_volume_as_measured() -> None:
    # 100 x 20 ** -0.013: 96.18 by any pocket calculator, a volume effect of 3.8 %.
    curve = ElasticCurve(price("100"), Decimal(1), Decimal("0.013"))

    assert str(curve.price_at(Decimal(20))) == "96.1804"
    assert str(curve.price_at(Decimal(1))) == "100.00"


def test_an_elasticity_of_one_half_halves_the_price_at_four_times_the_volume() -> None:
    curve = ElasticCurve(price("8"), Decimal(10), Decimal("0.5"))

    assert str(curve.price_at(Decimal(40))) == "4.00"
    assert str(curve.price_at(Decimal("2.5"))) == "16.00"


@pytest.mark.parametrize(
    "steps", [[], [("5", "9"), ("5", "8")], [("5", "9"), ("4", "8")], [("1", "8"), ("2", "9")]]
)
def test_tiers_that_are_no_curve_are_refused(steps: list[tuple[str, str]]) -> None:
    with pytest.raises(CurveInvalid):
        tiers(*steps)


@pytest.mark.parametrize(("quantity", "elasticity"), [("0", "0.1"), ("1", "1.1"), ("1", "-0.1")])
def test_an_elastic_curve_that_is_none_is_refused(quantity: str, elasticity: str) -> None:
    with pytest.raises(CurveInvalid):
        ElasticCurve(price("1"), Decimal(quantity), Decimal(elasticity))


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 90)), min_size=1, max_size=8),
    st.integers(0, 10**7),
)
def test_the_members_sum_to_the_whole(parts: list[tuple[int, int]], running_minor: int) -> None:
    members = [
        need(number, str(Decimal(part) / 1000), percent=percent)
        for number, (part, percent) in enumerate(parts)
    ]

    case = make_case([lot(VOLUME, *members)], Money(running_minor, USD))

    (only,) = case.lots
    assert sum(each.running_cost.minor for each in case.members) == running_minor
    assert case.together.cost.minor == only.together.minor + running_minor
    assert case.saving.minor == sum(each.saving.minor for each in case.members)
