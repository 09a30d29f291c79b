"""Add and sort fractions without losing anything, at the speed that whole numbers allow.

A fraction that is added to another is reduced each time; a sum here is reduced once. Sorting
compares the whole parts of 2**64 times the values, which settles nearly all, and only what they
leave alike by the fractions themselves. Both are exact.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final, TypeVar

Item = TypeVar("Item")

SHIFT: Final = 64
"""Binary digits after the point that are compared first; any number would give the same order."""


def weighed_sum(base: Fraction, terms: Iterable[tuple[Fraction, Fraction]]) -> Fraction:
    """Compute base + sum of weight x part."""
    return Fraction(*_unreduced(base, terms))


def reaches(least: Fraction, terms: Iterable[tuple[Fraction, Fraction]]) -> bool:
    """Tell whether the sum of weight x part is at least so much."""
    return _unreduced(-least, terms)[0] >= 0


def sorted_exactly(
    items: Iterable[Item], value: Callable[[Item], Fraction], *, is_falling: bool = False
) -> list[Item]:
    """Sort by an exact value; equals keep the order in which they came."""
    keyed = [(_floor(value(item)), item) for item in items]
    keyed.sort(key=_first, reverse=is_falling)
    ordered = [item for _, item in keyed]
    start = 0
    for end in range(1, len(keyed) + 1):
        if end == len(keyed) or keyed[end][0] != keyed[start][0]:
            if end - start > 1:
                ordered[start:end] = sorted(ordered[start:end], key=value, reverse=is_falling)
            start = end
    return ordered


def _unreduced(base: Fraction, terms: Iterable[tuple[Fraction, Fraction]]) -> tuple[int, int]:
    """Compute base + sum of weight x part as a numerator over a denominator above 0."""
    numerator, denominator = base.as_integer_ratio()
    for weight, part in terms:
        (one, over_one), (other, over_other) = weight.as_integer_ratio(), part.as_integer_ratio()
        over = over_one * over_other
        if over == 1:
            numerator += one * other * denominator
        else:
            numerator = numerator * over + one * other * denominator
            denominator *= over
    return numerator, denominator


def _first(pair: tuple[int, Item]) -> int:
    return pair[0]


def _floor(value: Fraction) -> int:
    numerator, denominator = value.as_integer_ratio()
    return (numerator << SHIFT) // denominator
