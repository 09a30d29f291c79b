"""Write data in the one form that is hashed and signed.

The form is JSON as of RFC 8785 (JCS) for the values that the house uses: no floats, whole numbers
below 2**53, ASCII keys. Everything richer is written as text first, the same way on every machine.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Final
from uuid import UUID

from shared.domain.money import Money, UnitPrice

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

WHOLE_NUMBER_MAX: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps. Source: RFC 7493 section 2.2."""


def plain(value: object) -> Json:
    """Turn a value of the domain into plain JSON data.

    Dataclasses become objects without their absent (`None`) members; instants become RFC 3339 in
    UTC with microseconds; decimals, prices and totals become decimal strings.

    Raises:
        TypeError: The value has no single written form (a float, a naive instant, a big number).
    """
    match value:
        case Enum():
            return str(value.value)
        case None | bool() | str():
            return value
        case int() if abs(value) <= WHOLE_NUMBER_MAX:
            return value
        case Decimal() | UUID() | UnitPrice() | Money():
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        case datetime() if value.tzinfo is not None:
            return instant(value)
    return _plain_container(value)


def _plain_container(value: object) -> Json:
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(member) for name, member in members if member is not None}
    sentence = f"{type(value).__name__} has no canonical form"
    raise TypeError(sentence)


def instant(value: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC, always with six decimals of a second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(value: object) -> str:
    """Write a value of the domain as canonical JSON text."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def digest(text: str) -> bytes:
    """Hash canonical text with SHA-256: 32 bytes."""
    return hashlib.sha256(text.encode()).digest()
