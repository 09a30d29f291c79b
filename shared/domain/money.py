"""Count money exactly: unit prices in ten-thousandths, totals in minor units, never a float.

A unit price has at most four decimals. A total is rounded once, half-even, where an award line is
made. A sum that is split is split by largest remainder, so that the parts always make the whole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, NewType, Self

from shared.domain.refusals import Kind, Refusal

Currency = NewType("Currency", str)

PRICE_SCALE: Final = 10_000
"""Ten-thousandths of the currency's unit: four decimals, as milk and bandwidth are priced."""

PRICE_DECIMALS: Final = 4
"""As many as `PRICE_SCALE` has zeros."""

QUANTITY_SCALE: Final = 1_000
"""Thousandths of a unit: fractions of a shared post are pooled to three decimals."""

QUANTITY_MAX: Final = Decimal(10**9)
"""A thousand million units; with a price below ten million, a total fits a signed 64-bit column."""

MINOR_DIGITS: Final = {
    Currency("CAD"): 2,
    Currency("EUR"): 2,
    Currency("GBP"): 2,
    Currency("JPY"): 0,
    Currency("UAH"): 2,
    Currency("USD"): 2,
}
"""Digits of the minor unit. Source: ISO 4217, list one."""

_PRICE_TEXT: Final = re.compile(r"\d{1,7}(\.\d{1,4})?", re.ASCII)
_QUANTITY_TEXT: Final = re.compile(r"\d{1,10}(\.\d{1,3})?", re.ASCII)


class AmountMalformed(Refusal):
    """The text is not a decimal amount that can be kept exactly."""

    kind = Kind.INVALID
    code = "amount_malformed"


class CurrencyUnknown(Refusal):
    """The currency is not one that the house counts in."""

    kind = Kind.INVALID
    code = "currency_unknown"


class CurrencyWrong(Refusal):
    """The amount is in another currency than what it is offered for."""

    kind = Kind.INVALID
    code = "currency_wrong"


@dataclass(frozen=True, slots=True, order=True)
class UnitPrice:
    """One unit's price: `e4` ten-thousandths of `currency`'s unit, 0 or more."""

    e4: int
    currency: Currency

    @classmethod
    def parse(cls, text: str, currency: Currency) -> Self:
        """Read a decimal string such as `0.1234`.

        Raises:
            AmountMalformed: Not plain digits with at most four decimals, or ten million or more.
            CurrencyUnknown: No minor unit is known for the currency.
        """
        digits_of(currency)
        if not _PRICE_TEXT.fullmatch(text):
            sentence = "A unit price is a decimal string with at most four decimals."
            raise AmountMalformed(sentence)
        whole, _, decimals = text.partition(".")
        return cls(int(whole + decimals.ljust(PRICE_DECIMALS, "0")), currency)

    def __str__(self) -> str:
        """Write the shortest decimal that has at least two decimals: `0.125`, `12.00`."""
        whole, fraction = divmod(self.e4, PRICE_SCALE)
        decimals = f"{fraction:04d}".rstrip("0").ljust(2, "0")
        return f"{whole}.{decimals}"


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """A total: `minor` units of `currency`, negative where it is a difference."""

    minor: int
    currency: Currency

    def __str__(self) -> str:
        """Write a decimal with the currency's own number of digits: `-12.30`."""
        digits = digits_of(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"


def digits_of(currency: Currency) -> int:
    """Tell how many digits the currency's minor unit has.

    Raises:
        CurrencyUnknown: The house does not count in that currency.
    """
    try:
        return MINOR_DIGITS[currency]
    except KeyError:
        sentence = f"The currency must be one of {', '.join(sorted(MINOR_DIGITS))}."
        raise CurrencyUnknown(sentence) from None


def parse_quantity(text: str) -> Decimal:
    """Read a quantity above 0 with at most three decimals.

    Raises:
        AmountMalformed: Not plain digits, not above 0, or above a thousand million.
    """
    if not _QUANTITY_TEXT.fullmatch(text) or not 0 < Decimal(text) <= QUANTITY_MAX:
        sentence = "A quantity is a decimal above 0 with at most three decimals."
        raise AmountMalformed(sentence)
    return Decimal(text)


def total(price: UnitPrice, quantity: Decimal) -> Money:
    """Multiply a unit price by a quantity and round once, half-even, to the minor unit."""
    thousandths = int(quantity.scaleb(3))
    exact = Fraction(price.e4 * thousandths, PRICE_SCALE * QUANTITY_SCALE)
    return Money(round(exact * 10 ** digits_of(price.currency)), price.currency)


def largest_remainder(whole: int, weights: Sequence[int]) -> list[int]:
    """Split `whole` in proportion to `weights`; the parts sum to `whole` exactly.

    Each part is its quota rounded down; what is left goes, one each, to the largest remainders,
    the earlier position first among equals. `whole` is 0 or more; weights are 0 or more and not
    all 0. Source: Hamilton's method of apportionment.
    """
    weight_sum = sum(weights)
    quotas = [divmod(whole * weight, weight_sum) for weight in weights]
    parts = [quotient for quotient, _ in quotas]
    by_remainder = sorted(range(len(weights)), key=lambda index: -quotas[index][1])
    for index in by_remainder[: whole - sum(parts)]:
        parts[index] += 1
    return parts
