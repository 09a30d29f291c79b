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
    Basis,
    Candidate,
    LeftOut,
    LeftOutReason,
    Like,
    PoolBy,
    PoolingRules,
    PoolMember,
    PoolTerms,
    RequirementsTooMany,
    RequirementUnknown,
    pool,
    require_poolable,
)
from services.bids.domain.pooling.needs import SENTENCES
from services.bids.domain.pooling.rules import SessionTerms
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import QUANTITY_MAX, Currency

USD: Final = Currency("USD")
CLOSES_ON: Final = date(2027, 5, 1)
SOLICITED_ON: Final = date(2027, 3, 1)


def terms(by: PoolBy, **changes: Any) -> PoolTerms:
    stated: dict[str, Any] = {
        "by": by,
        "currency": USD,
        "closes_on": CLOSES_ON,
        "solicited_on": SOLICITED_ON,
        "allows_late_joiners": True,
    }
    return PoolTerms(**{**stated, **changes})


def candidate(number: int, **changes: Any) -> Candidate:
    """Need `number` of member `number`: a hundred cartons of milk in Franklin county."""
    stated: dict[str, Any] = {
        "id": PartyId(UUID(int=1_000 + number)),
        "member_reference": f"M{number:03d}",
        "member_name": f"District {number}",
        "authority_on": None,
        "category": "goods",
        "item_code": "50131701",
        "specification": "Whole milk, half pint",
        "unit": "half pint",
        "term_months": 12,
        **changes,
    }
    member = PoolMember(
        id=stated.pop("id"),
        reference=stated.pop("member_reference"),
        name=stated.pop("member_name"),
        authority_on=stated.pop("authority_on"),
    )
    words = ("category", "item_code", "specification", "unit", "term_months")
    like = Like(*(stated.pop(word) for word in words))
    of_its_own: dict[str, Any] = {
        "requirement_id": RequirementId(UUID(int=number)),
        "reference": f"M{number:03d}-MILK",
        "quantity": Decimal(100),
        "need_by": date(2027, 8, 1),
        "delivery_area": "Franklin county",
        "currency": USD,
    }
    return Candidate(member_id=member.id, member=member, like=like, **{**of_its_own, **stated})


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
    engaged = candidate(1, is_engaged=True)

    pooled = pool([engaged], terms(PoolBy.ITEM))

    assert pooled.lots == ()
    assert pooled.left_out == (LeftOut(engaged.requirement_id, LeftOutReason.IN_ANOTHER_RFP),)


@pytest.mark.parametrize(
    ("signed_on", "reason"),
    [
        (None, LeftOutReason.AUTHORITY_MISSING),
        (date(2027, 3, 2), LeftOutReason.AUTHORITY_TOO_LATE),
    ],
)
def test_a_member_without_earlier_authority_takes_part_only_where_joining_late_is_allowed(
    signed_on: date | None, reason: LeftOutReason
) -> None:
    late = candidate(1, authority_on=signed_on)

    strict = pool([late], terms(PoolBy.ITEM, allows_late_joiners=False))
    lenient = pool([late], terms(PoolBy.ITEM, allows_late_joiners=True))

    assert strict.left_out == (LeftOut(late.requirement_id, reason),)
    assert lenient.left_out == ()


def test_authority_of_the_day_of_pooling_is_early_enough() -> None:
    member = candidate(1, authority_on=SOLICITED_ON)

    assert pool([member], terms(PoolBy.ITEM, allows_late_joiners=False)).left_out == ()


def test_every_reason_has_its_sentence() -> None:
    assert set(SENTENCES) == set(LeftOutReason)


def test_attendees_that_are_not_whole_are_left_out_where_sessions_are_counted() -> None:
    half = candidate(1, category="training", quantity=Decimal("1.5"))

    plain = pool([half], terms(PoolBy.ITEM))
    grouped = pool([half], terms(PoolBy.ITEM, rules=PoolingRules(training=SessionTerms(20))))

    assert plain.left_out == ()
    assert grouped.left_out == (LeftOut(half.requirement_id, LeftOutReason.QUANTITY_NOT_WHOLE),)


def test_a_lot_of_sessions_is_counted_in_sessions_and_keeps_its_attendees() -> None:
    candidates = [
        candidate(number, category="training", unit="attendee", quantity=Decimal(heads))
        for number, heads in enumerate((50, 45))
    ]

    pooled = pool(candidates, terms(PoolBy.ITEM, rules=PoolingRules(training=SessionTerms(20))))

    (lot,), (volume,) = pooled.lots, pooled.volumes
    assert (lot.quantity, lot.unit) == (Decimal(5), "session")
    assert [share.quantity for share in lot.shares] == [Decimal(50), Decimal(45)]
    assert (volume.demand, volume.basis) == (Decimal(95), Basis.ATTENDANCE)


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
