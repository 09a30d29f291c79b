"""The rules by which quantities add up, and the way back to the members."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bids.domain.pooling.needs import PoolMember
from services.bids.domain.pooling.portions import Asked, portions_of
from services.bids.domain.pooling.posts import pack
from services.bids.domain.pooling.rules import (
    Circuits,
    CoincidenceTerms,
    LargestNeedsTerms,
    PoolingRules,
    PoolingTermsInvalid,
    PostTerms,
    Rule,
    SessionTerms,
    Struck,
    Terms,
    quantity_of,
    reckon,
    terms_written,
)
from shared.domain.canonical import plain
from shared.domain.ids import PartyId
from shared.domain.money import Currency, UnitPrice

USD: Final = Currency("USD")


@dataclass(frozen=True, slots=True)
class Need:
    member: PoolMember
    quantity: Decimal
    is_firm: bool = True


def member(number: int, zone: str = "") -> PoolMember:
    return PoolMember(
        id=PartyId(UUID(int=number)), reference=f"M{number}", name=f"M{number}", hazard_zone=zone
    )


def needs(*quantities: str, zones: Sequence[str] = ()) -> list[Need]:
    """One need of each of as many members."""
    placed = itertools.zip_longest(quantities, zones, fillvalue="")
    return [
        Need(member(number, zone), Decimal(quantity))
        for number, (quantity, zone) in enumerate(placed, start=1)
    ]


def reckoned(terms: Terms, listed: Sequence[Need]) -> Decimal:
    return quantity_of(terms, listed)[0]


def thousandths(*parts: int) -> dict[PartyId, int]:
    return {PartyId(UUID(int=number)): part for number, part in enumerate(parts, start=1)}


@pytest.mark.parametrize("category", ["goods", "software", "network_security", "bandwidth"])
def test_without_terms_quantities_add_up_plainly(category: str) -> None:
    volume = reckon(category, needs("1.5", "2", "0.5"), PoolingRules())

    assert (volume.rule, volume.quantity, volume.demand) == (Rule.SUM, Decimal(4), Decimal(4))


@pytest.mark.parametrize(
    ("factor", "circuits", "expected"),
    [
        ("1", (), "5300"),
        ("0.6", (), "3180"),
        ("0.3333", (), "1766.49"),
        ("0.6", ("1000", "2500", "5000", "10000"), "5000"),
        ("0.6", ("3180",), "3180"),
        ("0.6", ("3179.999",), "6359.998"),
        ("1", ("100", "1000"), "6000"),
        ("0.9434", ("100", "1000"), "5100"),
    ],
)
def test_bandwidth_coincides_and_is_rounded_up_to_circuits(
    factor: str, circuits: tuple[str, ...], expected: str
) -> None:
    terms = CoincidenceTerms(Decimal(factor), tuple(Decimal(size) for size in circuits))

    assert reckoned(terms, needs("3000", "2300")) == Decimal(expected)


def test_the_circuits_that_carry_a_peak_are_told() -> None:
    terms = CoincidenceTerms(Decimal(1), (Decimal(100), Decimal(1000)))

    _, detail = quantity_of(terms, needs("2050"))

    assert detail == Circuits(((Decimal(1000), 2), (Decimal(100), 1)))


@pytest.mark.parametrize(
    ("zones", "simultaneous", "expected"),
    [
        ((), 1, 40),
        (("river", "river"), 1, 70),
        ((), 2, 70),
        (("river", "river"), 2, 90),
        ((), 9, 90),
        (("", "river", "river"), 1, 50),
    ],
)
def test_recovery_capacity_is_the_largest_simultaneous_need(
    zones: tuple[str, ...], simultaneous: int, expected: int
) -> None:
    listed = needs("40", "30", "20", zones=zones)

    assert reckoned(LargestNeedsTerms(simultaneous), listed) == expected


def test_two_requirements_of_one_member_are_one_need() -> None:
    one = member(1)
    listed = [Need(one, Decimal(25)), Need(one, Decimal(20)), Need(member(2), Decimal(40))]

    quantity, detail = quantity_of(LargestNeedsTerms(1), listed)

    assert quantity == 45
    assert detail == Struck((("", (one.id,), Decimal(45)),))


@pytest.mark.parametrize(("heads", "expected"), [(95, 5), (100, 5), (101, 6), (1, 1)])
def test_attendees_share_sessions(heads: int, expected: int) -> None:
    assert reckoned(SessionTerms(20), needs(str(heads))) == expected


@pytest.mark.parametrize(("members_per_post", "posts"), [(3, 2), (2, 3), (1, 5), (5, 2)])
def test_fractions_of_posts_are_packed_into_whole_ones(members_per_post: int, posts: int) -> None:
    packing = pack(thousandths(200, 300, 500, 600, 400), members_per_post=members_per_post)

    assert len(packing.posts) == posts
    assert packing.is_proven
    assert packing.spare == posts * 1000 - 2000


def test_a_member_that_needs_more_than_a_post_has_whole_ones_for_itself() -> None:
    packing = pack(thousandths(2300, 700), members_per_post=2)

    assert sorted(post.filled for post in packing.posts) == [1000, 1000, 1000]
    assert [len(post.members) for post in packing.posts] == [1, 1, 2]


def test_a_packing_that_is_not_proven_says_how_many_posts_there_are_at_least() -> None:
    dice = random.Random(4)
    parts = [dice.choice([250, 333, 500]) for _ in range(400)]

    packing = pack(thousandths(*parts), members_per_post=3)

    assert -(-sum(parts) // 1000) <= packing.at_least <= len(packing.posts)
    assert packing.is_proven == (packing.at_least == len(packing.posts))


def fewest(parts: Sequence[int], most: int) -> int:
    """Try every way to part the members into posts: slow, and plainly right."""
    best = len(parts)

    def place(at: int, bins: list[list[int]]) -> None:
        nonlocal best
        if len(bins) >= best:
            return
        if at == len(parts):
            best = len(bins)
            return
        for each in bins:
            if len(each) < most and sum(each) + parts[at] <= 1000:
                each.append(parts[at])
                place(at + 1, bins)
                each.pop()
        place(at + 1, [*bins, [parts[at]]])

    place(0, [])
    return best


@given(
    st.lists(st.integers(1, 999) | st.sampled_from([100, 250, 400, 500]), min_size=1, max_size=7),
    st.integers(1, 4),
)
@settings(deadline=None)
def test_no_packing_has_fewer_posts(parts: list[int], most: int) -> None:
    packing = pack(thousandths(*parts), members_per_post=most)

    assert packing.is_proven
    assert len(packing.posts) == fewest(parts, most)
    assert all(post.filled <= 1000 and len(post.members) <= most for post in packing.posts)
    served = [pair for post in packing.posts for pair in post.members]
    assert sorted(served) == sorted(thousandths(*parts).items())


ALL_TERMS: Final[tuple[Terms, ...]] = (
    None,
    CoincidenceTerms(Decimal("0.7"), (Decimal(10), Decimal(50))),
    CoincidenceTerms(Decimal("0.65")),
    LargestNeedsTerms(2),
    SessionTerms(7),
    PostTerms(3),
)


@st.composite
def need_lists(draw: st.DrawFn) -> list[Need]:
    parts = st.tuples(st.integers(1, 6), st.integers(1, 3000), st.booleans())
    drawn = draw(st.lists(parts, min_size=1, max_size=8))
    zones = ["", "", "river", "river", "fault", ""]
    return [
        Need(member(number, zones[number - 1]), Decimal(part) / 1000, is_firm)
        for number, part, is_firm in drawn
    ]


@pytest.mark.parametrize("terms", ALL_TERMS)
@given(listed=need_lists(), dice=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_more_need_is_never_less_quantity_and_order_changes_nothing(
    terms: Terms, listed: list[Need], dice: random.Random
) -> None:
    whole = quantity_of(terms, listed)

    assert quantity_of(terms, dice.sample(listed, len(listed))) == whole
    assert reckoned(terms, listed[:-1]) <= whole[0]


@pytest.mark.parametrize("terms", ALL_TERMS)
def test_terms_are_read_back_as_they_were_written(terms: Terms) -> None:
    written: Any = plain(terms or {})
    rule = {
        type(None): Rule.SUM,
        CoincidenceTerms: Rule.COINCIDENCE,
        LargestNeedsTerms: Rule.LARGEST_NEEDS,
        SessionTerms: Rule.SESSIONS,
        PostTerms: Rule.POSTS,
    }[type(terms)]

    assert terms_written(rule, written) == terms


def test_firm_and_estimated_volume_are_told_apart() -> None:
    listed = [Need(member(1), Decimal(50)), Need(member(2), Decimal(45), is_firm=False)]

    volume = reckon("training", listed, PoolingRules(training=SessionTerms(20)))

    told = (volume.quantity, volume.firm, volume.estimated)
    assert told == (Decimal(5), Decimal(3), Decimal(2))


@pytest.mark.parametrize(
    "make",
    [
        lambda: CoincidenceTerms(Decimal(0)),
        lambda: CoincidenceTerms(Decimal("1.0001")),
        lambda: CoincidenceTerms(Decimal(1), (Decimal(0),)),
        lambda: LargestNeedsTerms(0),
        lambda: SessionTerms(0),
        lambda: PostTerms(0),
    ],
)
def test_terms_that_add_up_to_nothing_are_refused(make: Any) -> None:
    with pytest.raises(PoolingTermsInvalid):
        make()


def asked(*quantities: str) -> list[Asked]:
    return [
        Asked(PartyId(UUID(int=number)), Decimal(quantity))
        for number, quantity in enumerate(quantities, start=1)
    ]


def test_a_plain_lot_goes_back_as_it_was_asked_for() -> None:
    portions = portions_of(Decimal(5), UnitPrice.parse("0.125", USD), asked("1", "1", "3"))

    assert [portion.quantity for portion in portions] == [1, 1, 3]
    # Each is rounded by itself, half-even: 12.5, 12.5 and 37.5 cents.
    assert [str(portion.total) for portion in portions] == ["0.12", "0.12", "0.38"]


def test_sessions_are_paid_by_attendance_and_sum_to_the_whole() -> None:
    portions = portions_of(Decimal(5), UnitPrice.parse("1000", USD), asked("50", "30", "15"))

    assert [str(portion.total) for portion in portions] == ["2631.58", "1578.95", "789.47"]
    assert [str(portion.quantity) for portion in portions] == ["2.632", "1.579", "0.789"]
    assert [str(portion.asked) for portion in portions] == ["50", "30", "15"]


@given(
    st.integers(1, 10**9),
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 10**7)), min_size=1, max_size=12),
)
def test_portions_always_sum_to_the_whole(
    quantity_e3: int, price_e4: int, listed: list[tuple[int, int]]
) -> None:
    quantity = Decimal(quantity_e3) / 1000
    shares = [Asked(PartyId(UUID(int=who)), Decimal(part) / 1000) for who, part in listed]

    portions = portions_of(quantity, UnitPrice(price_e4, USD), shares)

    assert sum(portion.quantity for portion in portions) == quantity
    assert sum(portion.asked for portion in portions) == sum(share.quantity for share in shares)
    exact = Decimal(price_e4) * quantity / 100
    error = abs(sum(portion.total.minor for portion in portions) - exact)
    assert error <= Decimal(len(portions)) / 2
