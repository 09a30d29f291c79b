"""Read exact shares, percentages, and signed amounts from decimal strings."""

import re
from fractions import Fraction
from typing import Final

from shared.domain.refusals import Kind, Refusal

_SIGNED_TEXT: Final = re.compile(r"-?\d{1,7}(\.\d{1,6})?", re.ASCII)


class FractionMalformed(Refusal):
    """The text is not a decimal that can be kept exactly, or not within its bounds."""

    kind = Kind.INVALID
    code = "fraction_malformed"


def signed_of(text: str) -> Fraction:
    """Read a decimal with at most six decimals, negative or not.

    Raises:
        FractionMalformed: Not plain digits.
    """
    if not _SIGNED_TEXT.fullmatch(text):
        sentence = "A share is a decimal string with at most six decimals."
        raise FractionMalformed(sentence)
    return Fraction(text)


def percent_of(text: str) -> Fraction:
    """Read a percentage of 0 or more, in percent.

    Raises:
        FractionMalformed: Not plain digits, or negative.
    """
    percent = signed_of(text)
    if percent < 0:
        sentence = "A percentage is not negative."
        raise FractionMalformed(sentence)
    return percent


def share_of(text: str) -> Fraction:
    """Read a share from 0 to below 1.

    Raises:
        FractionMalformed: Anything else.
    """
    share = signed_of(text)
    if not 0 <= share < 1:
        sentence = "A share is from 0 to below 1."
        raise FractionMalformed(sentence)
    return share
