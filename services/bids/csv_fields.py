"""Read the fields of a CSV file of requirements, each kind in one way.

A spreadsheet writes its numbers as its owner's country does: `1,234.5`, `1.234,5`, `1 234,5`. Which
it is, a whole column decides: the one way in which all its numbers can be read. Where two ways can
read them all and give other numbers (a column of nothing but `1,200`), nothing is guessed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from services.bids.domain.requirements import TERM_MONTHS_MAX, TEXT_MAX, Category, Commitment
from shared.domain.money import Currency, UnitPrice, parse_quantity
from shared.domain.refusals import Kind, Refusal

ECHO_MAX: Final = 40
"""How many characters of a field a reason repeats."""

REPLACEMENT: Final = "\ufffd"
"""Stands for a control character that a reason would repeat."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTHS: Final = re.compile(r"\d{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Notation:
    """A way to write numbers: what stands before decimals, and what may part thousands."""

    decimal_sign: str
    group_sign: str

    def plain(self, field: str) -> str | None:
        """Write a number in plain digits with a point; None when it is not in this notation."""
        if not self._pattern.fullmatch(field):
            return None
        return field.replace(self.group_sign, "").replace(self.decimal_sign, ".")

    @property
    def _pattern(self) -> re.Pattern[str]:
        return _PATTERNS[self]


NOTATIONS: Final = tuple(
    Notation(decimal_sign, group_sign)
    for decimal_sign, group_signs in ((".", ", '"), (",", ". '"))
    for group_sign in group_signs
)
"""Decimal points with thousands parted by commas, spaces or apostrophes; commas likewise."""

_PATTERNS: Final = {
    each: re.compile(
        # A number that is parted begins with 1 to 3 digits, of which the first is no 0.
        rf"(\d+|[1-9]\d{{0,2}}({re.escape(each.group_sign)}\d{{3}})+)"
        rf"({re.escape(each.decimal_sign)}\d+)?",
        re.ASCII,
    )
    for each in NOTATIONS
}

_SPACES: Final = re.compile("[\u00a0\u2009\u202f]")
"""The spaces that spreadsheets put between thousands: no-break, thin, narrow no-break."""

_NUMBER: Final = re.compile(r"\d[\d., ']*", re.ASCII)
"""What could be a number in some notation; anything else is no matter of notation."""

_PLAIN: Final = re.compile(r"\d+(\.\d{1,2}|\.\d{4,})?|0\.\d+", re.ASCII)
"""Plain digits with a point that nobody could take for a thousands separator."""

DECIMAL_SIGNS: Final = {"point": ".", "comma": ","}
"""What a file may be said to write before decimals."""


class DecimalSignUnknown(Refusal):
    """The file is said to write decimals in a way that no notation has."""

    kind = Kind.INVALID
    code = "decimal_sign_unknown"

    def __init__(self) -> None:
        """Say which there are."""
        super().__init__(f"Decimals are written with a {' or a '.join(DECIMAL_SIGNS)}.")


def notations_of(decimal: str | None) -> tuple[Notation, ...]:
    """Find the notations that a file may use; `decimal` names its sign, None leaves it open.

    Raises:
        DecimalSignUnknown: No notation has the sign.
    """
    if decimal is None:
        return NOTATIONS
    if decimal not in DECIMAL_SIGNS:
        raise DecimalSignUnknown
    return tuple(each for each in NOTATIONS if each.decimal_sign == DECIMAL_SIGNS[decimal])


class NumberColumn:
    """The numbers of one column, and the notations in which most of them can be read."""

    def __init__(
        self, fields: Iterable[str], notations: Sequence[Notation], *, is_shown: bool
    ) -> None:
        """Look at all fields of the column; a reason repeats one only where it `is_shown`."""
        numbers = {number for field in fields if _NUMBER.fullmatch(number := _spaced(field))}
        self._fitting = _read_by_most(numbers, notations)
        self._has_points = all(each.decimal_sign == "." for each in self._fitting)
        self._is_shown = is_shown

    def plain(self, field: str) -> str:
        """Write a field in plain digits with a point; what is no number stays as it is.

        Raises:
            FieldUnfit: It is written otherwise than the column, or could be two numbers.
        """
        if self._has_points and _PLAIN.fullmatch(field):
            return field
        number = _spaced(field)
        read = {each.plain(number) for each in self._fitting}
        plain = {each for each in read if each is not None}
        shown = quoted(field) if self._is_shown else "The number"
        if len({Decimal(each) for each in plain}) > 1:
            reason = (
                f"{shown} can be read with a decimal point or with a thousands separator, and the"
                " column does not tell which; say decimal=point or decimal=comma with the file."
            )
            raise FieldUnfit(reason)
        if None in read and any(each.plain(number) for each in NOTATIONS):
            reason = f"{shown} is not written like the other numbers of the column."
            raise FieldUnfit(reason)
        return min(plain, default=field)


def _read_by_most(numbers: Iterable[str], notations: Sequence[Notation]) -> Sequence[Notation]:
    """Find the notations that read the most of a column's numbers."""
    doubtful = [number for number in numbers if not number.isdecimal()]
    counts = Counter(each for number in doubtful for each in notations if each.plain(number))
    most = max(counts.values(), default=0)
    return [each for each in notations if counts[each] == most]


def _spaced(field: str) -> str:
    return _SPACES.sub(" ", field)


class FieldUnfit(Exception):  # noqa: N818 - a fact about a field
    """A field cannot be read; `reason` says why."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


def read_label(field: str) -> str:
    """Read a text that must be there, on one line.

    Raises:
        FieldUnfit: It cannot be read.
    """
    if not field:
        reason = "The field is empty."
        raise FieldUnfit(reason)
    return read_area(field)


def read_area(field: str) -> str:
    """Read a text on one line, which may be empty.

    Raises:
        FieldUnfit: It cannot be read.
    """
    if len(field) > TEXT_MAX:
        reason = f"The field is longer than {TEXT_MAX} characters."
        raise FieldUnfit(reason)
    if _CONTROL.search(field):
        reason = "The field holds a line break or a control character."
        raise FieldUnfit(reason)
    return field


def read_category(field: str) -> Category:
    """Read what is bought.

    Raises:
        FieldUnfit: It cannot be read.
    """
    try:
        return Category(field)
    except ValueError:
        reason = f"{quoted(field)} is none of {', '.join(Category)}."
        raise FieldUnfit(reason) from None


def read_commitment(field: str) -> Commitment:
    """Read whether the quantity is firm.

    Raises:
        FieldUnfit: It cannot be read.
    """
    try:
        return Commitment(field)
    except ValueError:
        reason = f"{quoted(field)} is neither firm nor estimate."
        raise FieldUnfit(reason) from None


def read_quantity(field: str) -> Decimal:
    """Read a quantity in plain digits.

    Raises:
        FieldUnfit: It cannot be read.
    """
    try:
        return parse_quantity(field)
    except Refusal as refusal:
        reason = f"{quoted(field)} is no quantity. {refusal.sentence}"
        raise FieldUnfit(reason) from None


def read_need_by(field: str) -> date:
    """Read a day as ISO 8601 writes it, with dashes.

    Raises:
        FieldUnfit: It cannot be read.
    """
    try:
        if _DATE.fullmatch(field):
            return date.fromisoformat(field)
    except ValueError:
        pass  # A day that is in no calendar, such as 30 February.
    reason = f"{quoted(field)} is no date; write 2027-07-01."
    raise FieldUnfit(reason)


def read_term_months(field: str) -> int:
    """Read a whole number of months.

    Raises:
        FieldUnfit: It cannot be read.
    """
    if not _MONTHS.fullmatch(field) or int(field) > TERM_MONTHS_MAX:
        reason = f"{quoted(field)} is no whole number of months from 0 to {TERM_MONTHS_MAX}."
        raise FieldUnfit(reason)
    return int(field)


def read_baseline(field: str, currency: Currency) -> UnitPrice | None:
    """Read a unit price; an empty field is None. The reason never repeats what was sent.

    Raises:
        FieldUnfit: It cannot be read.
    """
    try:
        return UnitPrice.parse(field, currency) if field else None
    except Refusal as refusal:
        raise FieldUnfit(refusal.sentence) from None


def quoted(field: str) -> str:
    """Repeat a field in a sentence, short, and without what would not print."""
    shown = field if len(field) <= ECHO_MAX else field[: ECHO_MAX - 1] + "…"
    return f"«{_CONTROL.sub(REPLACEMENT, shown)}»"
