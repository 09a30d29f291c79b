"""Summing and sorting fractions: nothing is lost, however close two values lie."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.scoring.exactly import reaches, sorted_exactly, weighed_sum

CLOSE = st.integers(-5, 5).map(lambda steps: 1 + Fraction(steps, 10**40))
"""Values that no float and no first sixty-four binary digits tell apart."""

VALUES = st.lists(st.one_of(st.fractions(), CLOSE), max_size=12)
TERMS = st.lists(st.tuples(st.fractions(), st.fractions()), max_size=6)


def test_values_that_differ_in_the_fortieth_decimal_are_told_apart() -> None:
    lesser, greater = Fraction(1), 1 + Fraction(1, 10**40)

    assert sorted_exactly([greater, lesser], lambda value: value) == [lesser, greater]
    assert sorted_exactly([lesser, greater], lambda value: value, is_falling=True) == [
        greater,
        lesser,
    ]


@given(VALUES)
def test_order_is_that_of_the_fractions_themselves(values: list[Fraction]) -> None:
    pairs = list(enumerate(values))

    rising = sorted_exactly(pairs, lambda pair: pair[1])
    falling = sorted_exactly(pairs, lambda pair: pair[1], is_falling=True)

    assert rising == sorted(pairs, key=lambda pair: pair[1])
    assert falling == sorted(pairs, key=lambda pair: pair[1], reverse=True)


@given(st.fractions(), TERMS)
def test_sum_is_that_of_the_fractions_themselves(
    base: Fraction, terms: list[tuple[Fraction, Fraction]]
) -> None:
    by_hand = base + sum(weight * part for weight, part in terms)

    assert weighed_sum(base, terms) == by_hand
    assert reaches(by_hand - base, terms)
    assert not reaches(by_hand - base + Fraction(1, 10**40), terms)
