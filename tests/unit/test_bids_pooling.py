"""Pooling: what makes one lot, what is left out, and that nothing is lost."""

import random
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.pooling import (
    CANDIDATES_MAX,
    TITLE_MAX,
    Candidate,
    LeftOut,
    LeftOutReason,
    PoolBy,
    PoolTerms,
    RequirementsTooMany,
    RequirementUnknown,
    pool,
    require_poolable,
)
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import QUANTITY_MAX, Currency

USD: Final = Currency("USD")
CLOSES_ON: Final = date(2027, 5, 1)


def terms(by: PoolBy, **changes: Any) -> PoolTerms:
    return PoolTerms(**{"by": by, "currency": USD, "closes_on": CLOSES_ON, **changes})


def candidate(number: int, **changes: Any) -> Candidate:
    """Need `number` of member `number`: a hundred cartons of milk in Franklin county."""
    stated: dict[str, Any] = {
        "requirement_id": RequirementId(UUID(int=number)),
        "member_id": PartyId(UUID(int=1_000 + number)),
        "member_reference": f"M{number:03d}",
        "member_name": f"District {number}",
        "reference": f"M{number:03d}-MILK",
        "category": "goods",
        "item_code": "50131701",
        "specification": "Whole milk, half pint",
        "unit": "half pint",
        "quantity": Decimal(100),
        "need_by": date(2027, 8, 1),
        "term_months": 12,
        "delivery_area": "Franklin county",
        "currency": USD,
    }
    return Candidate(**{**stated, **changes})


def test_like_requirements_make_one_lot_with_the_exact_sum() -> None:
    candidates = [
        candidate(1, quantity=Decimal("0.1")),
        candidate(2, quantity=Decimal("0.2")),
        candidate(3, quantity=Decimal("299.7")),
    ]

    pooled = pool(candidates, terms(PoolBy.ITEM))

    (lot,) = pooled.lots
    assert lot.quantity == Decimal(300)
    assert f"{lot.quantity:f}" == "300"
    assert [share.quantity for share in lot.shares] == [
        Decimal("0.1"),
        Decimal("0.2"),
        Decimal("299.7"),
    ]
    assert pooled.left_out == ()


@pytest.mark.parametrize(
    "difference",
    [
        {"category": "training"},
        {"item_code": "50131702"},
        {"specification": "Skimmed milk, half pint"},
        {"unit": "pint"},
        {"term_months": 24},
    ],
)
@pytest.mark.parametrize("by", [PoolBy.ITEM, PoolBy.AREA])
def test_requirements_that_are_not_alike_make_two_lots(
    difference: dict[str, Any], by: PoolBy
) -> None:
    pooled = pool([candidate(1), candidate(2, **difference)], terms(by))

    assert len(pooled.lots) == 2


def test_areas_share_a_lot_by_item_and_have_their_own_by_area() -> None:
    candidates = [candidate(1), candidate(2, delivery_area="Adams county")]

    by_item = pool(candidates, terms(PoolBy.ITEM))
    by_area = pool(candidates, terms(PoolBy.AREA))

    assert [(lot.title, lot.delivery_area) for lot in by_item.lots] == [
        ("Whole milk, half pint", "")
    ]
    assert [(lot.title, lot.delivery_area) for lot in by_area.lots] == [
        ("Whole milk, half pint · Adams county", "Adams county"),
        ("Whole milk, half pint · Franklin county", "Franklin county"),
    ]


def test_alone_every_requirement_is_a_lot_named_after_its_member() -> None:
    pooled = pool([candidate(2), candidate(1)], terms(PoolBy.ALONE))

    assert [lot.title for lot in pooled.lots] == [
        "Whole milk, half pint · District 1",
        "Whole milk, half pint · District 2",
    ]
    assert [len(lot.shares) for lot in pooled.lots] == [1, 1]


def test_lots_of_one_title_say_what_tells_them_apart() -> None:
    by_item = pool([candidate(1), candidate(2, term_months=24)], terms(PoolBy.ITEM))
    again = candidate(3, member_name="District 1", reference="M003-SECOND")
    alone = pool([candidate(1), again], terms(PoolBy.ALONE))

    assert [lot.title for lot in by_item.lots] == [
        "Whole milk, half pint · 50131701, half pint, 12 months",
        "Whole milk, half pint · 50131701, half pint, 24 months",
    ]
    assert [lot.title for lot in alone.lots] == [
        "Whole milk, half pint · District 1 · M001-MILK",
        "Whole milk, half pint · District 1 · M003-SECOND",
    ]


def test_a_title_keeps_its_place_however_long_the_specification_is() -> None:
    longest = candidate(1, specification="s" * 200, delivery_area="Franklin county")

    (lot,) = pool([longest], terms(PoolBy.AREA)).lots

    assert len(lot.title) == TITLE_MAX
    assert lot.title.endswith("… · Franklin county")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"currency": Currency("EUR")}, LeftOutReason.CURRENCY_DIFFERS),
        ({"need_by": date(2027, 4, 30)}, LeftOutReason.NEEDED_BEFORE_CLOSE),
    ],
)
def test_what_does_not_fit_the_rfp_is_left_out_with_its_reason(
    change: dict[str, Any], reason: LeftOutReason
) -> None:
    misfit = candidate(1, **change)

    pooled = pool([misfit, candidate(2)], terms(PoolBy.ITEM))

    assert pooled.left_out == (LeftOut(misfit.requirement_id, reason),)
    assert [lot.quantity for lot in pooled.lots] == [Decimal(100)]


def test_a_need_on_the_closing_day_is_pooled() -> None:
    pooled = pool([candidate(1, need_by=CLOSES_ON)], terms(PoolBy.ITEM))

    assert pooled.left_out == ()


def test_a_requirement_in_another_rfp_is_left_out() -> None:
    engaged = candidate(1)
    asked = terms(PoolBy.ITEM, engaged={engaged.requirement_id})

    pooled = pool([engaged], asked)

    assert pooled.lots == ()
    assert pooled.left_out == (LeftOut(engaged.requirement_id, LeftOutReason.IN_ANOTHER_RFP),)


def test_a_lot_holds_the_largest_quantity_and_not_a_thousandth_more() -> None:
    candidates = [
        candidate(1, quantity=QUANTITY_MAX - 1),
        candidate(2, quantity=Decimal("1.001")),
        candidate(3, quantity=Decimal(1)),
    ]

    pooled = pool(candidates, terms(PoolBy.ITEM))

    assert [lot.quantity for lot in pooled.lots] == [QUANTITY_MAX]
    assert pooled.left_out == (LeftOut(RequirementId(UUID(int=2)), LeftOutReason.LOT_FULL),)


@st.composite
def candidate_lists(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(0, 25))
    return [
        candidate(
            number,
            member_reference=f"M{draw(st.integers(0, 5))}",
            specification=draw(st.sampled_from(["Milk", "Juice"])),
            delivery_area=draw(st.sampled_from(["", "Adams", "Franklin"])),
            term_months=draw(st.sampled_from([0, 12])),
            currency=draw(st.sampled_from([USD, Currency("EUR")])),
            quantity=Decimal(draw(st.integers(1, 10**9))) / 1000,
        )
        for number in range(count)
    ]


@given(candidate_lists(), st.sampled_from(PoolBy))
def test_every_requirement_is_in_one_share_or_left_out(
    candidates: list[Candidate], by: PoolBy
) -> None:
    pooled = pool(candidates, terms(by))

    shares = [share for lot in pooled.lots for share in lot.shares]
    placed = [share.requirement_id for share in shares]
    left_out = [each.requirement_id for each in pooled.left_out]
    quantities = {each.requirement_id: each.quantity for each in candidates}
    assert sorted(placed + left_out) == sorted(quantities)
    assert all(share.quantity == quantities[share.requirement_id] for share in shares)
    assert sum(lot.quantity for lot in pooled.lots) == sum(share.quantity for share in shares)


@given(candidate_lists(), st.sampled_from(PoolBy), st.randoms(use_true_random=False))
def test_the_order_of_the_requirements_changes_nothing(
    candidates: list[Candidate], by: PoolBy, dice: random.Random
) -> None:
    shuffled = dice.sample(candidates, len(candidates))

    assert pool(shuffled, terms(by)) == pool(candidates, terms(by))


def test_a_reference_that_names_nothing_is_refused_by_name() -> None:
    with pytest.raises(RequirementUnknown) as refused:
        require_poolable([candidate(1)], {"M001-MILK", "M002-MILK"})

    assert refused.value.details["references"] == ["M002-MILK"]


def test_references_that_all_name_something_pass() -> None:
    require_poolable([candidate(1), candidate(2)], {"M001-MILK", "M002-MILK"})


def test_one_requirement_too_many_is_refused() -> None:
    one = candidate(1)
    require_poolable([one] * CANDIDATES_MAX, None)

    with pytest.raises(RequirementsTooMany):
        require_poolable([one] * (CANDIDATES_MAX + 1), None)
