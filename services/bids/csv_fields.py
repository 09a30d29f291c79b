"""Read the fields of a CSV file of requirements, each kind in one way."""

import re
from datetime import date
from decimal import Decimal
from typing import Final

from services.bids.domain.requirements import TERM_MONTHS_MAX, TEXT_MAX, Category, Commitment
from shared.domain.money import Currency, UnitPrice, parse_quantity
from shared.domain.refusals import Refusal

ECHO_MAX: Final = 40
"""How many characters of a field a reason repeats."""

REPLACEMENT: Final = "\ufffd"
"""Stands for a control character that a reason would repeat."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTHS: Final = re.compile(r"\d{1,3}", re.ASCII)


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
