"""Turn a vendor's price into the score that ranks it, exactly.

Every score is `slope * price + offset`. Over one common denominator all scores of an auction are
whole numbers, so that ranking compares integers and no rounding can make or break a tie.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Self

from shared.domain.money import PRICE_SCALE


@dataclass(frozen=True, slots=True)
class Handicap:
    """What is done to one vendor's price before it is ranked; nobody else is told.

    The score of a price, in the currency's units, is `slope * price + offset`.
    """

    slope: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)

    @classmethod
    def factored(cls, multiplier: Fraction, addend: Fraction, bonus: Fraction) -> Self:
        """Rank by `(1 + multiplier)(price + addend) + bonus`."""
        slope = 1 + multiplier
        return cls(slope, slope * addend + bonus)

    @classmethod
    def coefficient(cls, taken: Sequence[Fraction], maxima: Sequence[Fraction]) -> Self:
        """Rank by `price ÷ K`, where `K = 1 + Σ taken ÷ (1 - Σ maxima)`.

        Source: the coefficient of openprocurement's multi-criteria auctions.
        """
        return cls(1 / coefficient(taken, maxima))

    def score_of(self, price: Fraction) -> Fraction:
        """Score a price given in the currency's units."""
        return self.slope * price + self.offset

    def __str__(self) -> str:
        """Write it in the one form that is committed to: `6/5,2`."""
        return f"{self.slope},{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote."""
        slope, offset = text.split(",")
        return cls(Fraction(slope), Fraction(offset))


def coefficient(taken: Sequence[Fraction], maxima: Sequence[Fraction]) -> Fraction:
    """Compute `K` of the features taken, out of what each feature could give at most."""
    return 1 + sum(taken, Fraction(0)) / (1 - sum(maxima, Fraction(0)))


class Scale(NamedTuple):
    """A handicap in whole numbers: the score of a price in ten-thousandths."""

    factor: int = 1
    offset: int = 0

    def score(self, price_e4: int) -> int:
        """Score a price."""
        return self.factor * price_e4 + self.offset

    def price_at(self, score: int) -> int:
        """Tell the highest price whose score is at most `score`."""
        return (score - self.offset) // self.factor


PLAIN: Scale = Scale()


def scales_of(handicaps: Sequence[Handicap | None]) -> list[Scale]:
    """Bring handicaps to one common denominator, so that their scores compare."""
    known = [handicap or Handicap() for handicap in handicaps]
    offsets = [handicap.offset * PRICE_SCALE for handicap in known]
    whole = math.lcm(
        *(handicap.slope.denominator for handicap in known),
        *(offset.denominator for offset in offsets),
    )
    return [
        Scale(int(handicap.slope * whole), int(offset * whole))
        for handicap, offset in zip(known, offsets, strict=True)
    ]
