"""Flagging abnormally low prices, at both sides of either rule's edge."""

from fractions import Fraction
from uuid import UUID

import pytest

from services.bids.domain.scoring.low import LowRule, OfferedPrice, low_flags
from shared.domain.ids import BidId

A, B, C = (BidId(UUID(int=number)) for number in range(1, 4))

OFFERS_LOW_BY_BOTH = ((1100, 500), (1000, 1000), (1200, 1100))
OFFERS_LOW_BY_THE_FIRST = ((600, 600), (1000, Fraction(85714, 100)), (1000, 850))


@pytest.mark.parametrize(
    ("offers", "rules"),
    [
        (OFFERS_LOW_BY_BOTH, [LowRule.BELOW_OTHERS_MEAN, LowRule.BELOW_NEXT_PRICE]),
        (OFFERS_LOW_BY_THE_FIRST, [LowRule.BELOW_OTHERS_MEAN]),
    ],
)
def test_abnormally_low_price_is_flagged(
    offers: tuple[tuple[int | Fraction, int | Fraction], ...], rules: list[LowRule]
) -> None:
    listed = [
        OfferedPrice(bid_id, Fraction(initial), Fraction(final))
        for bid_id, (initial, final) in zip((A, B, C), offers, strict=True)
    ]

    flags = low_flags(listed)

    assert [(flag.bid_id, flag.rule) for flag in flags] == [(A, rule) for rule in rules]


@pytest.mark.parametrize(("final", "is_low"), [("60", True), ("60.01", False)])
def test_low_by_the_mean_begins_at_forty_percent_below(final: str, is_low: bool) -> None:  # noqa: FBT001 - a parameter
    offers = [
        OfferedPrice(A, Fraction(100), Fraction(final)),
        OfferedPrice(B, Fraction(100), Fraction(70)),
    ]

    rules = [flag.rule for flag in low_flags(offers)]

    assert (LowRule.BELOW_OTHERS_MEAN in rules) is is_low


@pytest.mark.parametrize(("final", "is_low"), [("70", True), ("70.01", False)])
def test_low_by_the_next_begins_at_thirty_percent_below(final: str, is_low: bool) -> None:  # noqa: FBT001 - a parameter
    offers = [
        OfferedPrice(A, Fraction(100), Fraction(final)),
        OfferedPrice(B, Fraction(100), Fraction(100)),
    ]

    rules = [flag.rule for flag in low_flags(offers)]

    assert (LowRule.BELOW_NEXT_PRICE in rules) is is_low


def test_a_lone_price_is_never_low() -> None:
    assert low_flags([OfferedPrice(A, Fraction(100), Fraction(1))]) == ()
