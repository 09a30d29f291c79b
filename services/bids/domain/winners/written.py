"""Write exact numbers for people: a decimal where there is one, a fraction where there is none."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

_DIGITS_MAX: Final = 30


def amount_text(amount: Fraction) -> str:
    """Write an exact number: `12.5` or `1/3`."""
    twos = fives = 0
    rest = amount.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > _DIGITS_MAX:
        return str(amount)
    whole = amount.numerator * 10**places // amount.denominator
    return _text(whole, places)


def percent_text(share: Fraction) -> str:
    """Write a share as percent, exactly: `60 %`."""
    return f"{amount_text(share * 100)} %"


def rounded_up(amount: Fraction, *, places: int) -> str:
    """Write a number of 0 or more rounded up, so that it never looks better than it is."""
    scaled = -(-amount.numerator * 10**places // amount.denominator)
    return _text(scaled, places)


def _text(whole: int, places: int) -> str:
    digits = Decimal(whole).as_tuple()
    return f"{Decimal((digits.sign, digits.digits, -places)):f}"
