"""Type what crosses the HTTP edge: amounts as text, aware instants, short labels.

A validator here answers with `unfit`, whose sentence reaches the caller. The text of any other
error raised while a body is validated never does, because it could quote what was sent.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, LiteralString, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from shared.domain.money import Currency, UnitPrice, digits_of, parse_quantity
from shared.domain.refusals import Refusal

OWN_ERROR: Final = "commonlot_"
"""Begins the error types whose sentence is ours, and so is safe to show."""


def unfit(code: LiteralString, sentence: LiteralString) -> PydanticCustomError:
    """Build the error that a validator raises, with a fixed sentence for the caller."""
    error_type: Any = f"{OWN_ERROR}{code}"
    return PydanticCustomError(error_type, sentence)


class RequestModel(BaseModel):
    """What a caller sends: unknown members are refused, and what was read never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AnswerModel(BaseModel):
    """What a caller is told."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


Item = TypeVar("Item")


class PageAnswer(AnswerModel, Generic[Item]):
    """One page of a list, in the order of its ids."""

    items: list[Item]
    next_after: UUID | None = Field(
        default=None, description="Send it as `after` for the next page; null on the last one."
    )


def _price_text(value: object) -> str:
    if not isinstance(value, str):
        raise unfit(
            code="price_type", sentence='Write a price as a decimal string, such as "12.50".'
        )
    try:
        # Digits and decimals are the same in every currency, so any will do for the reading.
        UnitPrice.parse(value, Currency("USD"))
    except Refusal:
        sentence: Final = "A unit price is a decimal string with at most four decimals."
        raise unfit(code="price", sentence=sentence) from None
    return value


def _quantity(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return parse_quantity(f"{value:f}")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        sentence: Final = 'Write a quantity as a decimal string, such as "2.5", or a whole number.'
        raise unfit(code="quantity_type", sentence=sentence)
    try:
        return parse_quantity(str(value))
    except Refusal:
        sentence_of_value: Final = "A quantity is a decimal above 0 with at most three decimals."
        raise unfit(code="quantity", sentence=sentence_of_value) from None


def _currency(value: str) -> Currency:
    try:
        digits_of(Currency(value))
    except Refusal:
        raise unfit(
            code="currency", sentence="The currency is not one that is counted in here."
        ) from None
    return Currency(value)


_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
"""RFC 3339 section 5.6: a date, a time to the second at least, and an offset."""


def _instant_text(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return value
    sentence: Final = 'Write an RFC 3339 instant with its offset, such as "2027-03-01T12:00:00Z".'
    raise unfit(code="instant", sentence=sentence)


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _without_controls(value: str) -> str:
    if _CONTROL.search(value):
        raise unfit(
            code="controls", sentence="Control characters and line breaks are not allowed here."
        )
    if value != value.strip():
        raise unfit(code="spaces", sentence="Leave out the spaces at the ends.")
    return value


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise unfit(code="nul", sentence="The character NUL is not allowed.")
    return value


def _schema(kind: str, *, description: str, **keywords: object) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, "description": description, **keywords})


PriceText = Annotated[
    str,
    BeforeValidator(_price_text),
    _schema(
        "string",
        description="A unit price: a decimal string with at most four decimals.",
        pattern=r"^\d{1,7}(\.\d{1,4})?$",
        examples=["12.50"],
    ),
]
"""A unit price, 0 or more, below ten million; kept as the text that was sent."""

QuantityText = Annotated[
    Decimal,
    BeforeValidator(_quantity),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d{1,10}(\.\d{1,3})?$"},
                {"type": "integer", "minimum": 1, "maximum": 10**9},
            ],
            "description": "A quantity above 0: a decimal string with at most three decimals, "
            "or a whole number.",
            "examples": ["2.5"],
        },
        mode="validation",
    ),
    WithJsonSchema(
        {"type": "string", "description": "A quantity: a decimal string.", "examples": ["2.5"]},
        mode="serialization",
    ),
]
"""A quantity above 0 with at most three decimals; read as a `Decimal`, answered as text."""

CurrencyText = Annotated[
    Currency,
    AfterValidator(_currency),
    _schema("string", description="A currency of ISO 4217.", examples=["USD"]),
]
"""A currency in which the house counts."""

Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant_text),
    AfterValidator(_in_utc),
    _schema(
        "string",
        description="An instant of RFC 3339, with its offset.",
        format="date-time",
        examples=["2027-03-01T12:00:00Z"],
    ),
]
"""An instant with its offset; read as aware UTC."""

Label = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_without_controls)
]
"""A name or a title of 1 to 200 characters on one line."""

Prose = Annotated[
    str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_without_nul)
]
"""A text of several lines: 1 to 10,000 characters."""
