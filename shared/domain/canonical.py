"""Write data in the one form that is hashed and signed.

The form is JSON as of RFC 8785 (JCS) for the values that the house uses: no floats, whole numbers
below 2**53, ASCII keys. Everything richer is written as text first, the same way on every machine.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring
from typing import Any, Final
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
    text = value.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{text.removesuffix('+00:00')}Z"


def canonical(value: object) -> str:
    """Write a value of the domain as canonical JSON text.

    It is the text of `plain(value)`, its members in the order of their names. What most entries are
    made of is written without a detour through `plain`, because a live auction waits for it.

    Raises:
        TypeError: The value has no single written form.
    """
    kind: type[Any] = type(value)
    write = _WRITERS.get(kind)
    if write is not None:
        return write(value)
    members = _MEMBERS[kind]
    if members is None:
        return _ENCODER.encode(plain(value))
    texts = [
        f"{label}{canonical(member)}"
        for name, label in members
        if (member := getattr(value, name)) is not None
    ]
    return f"{{{','.join(texts)}}}"


class _Members(dict[type, tuple[tuple[str, str], ...] | None]):
    """Know each dataclass's members in their order, with their labels; None for other types."""

    def __missing__(self, kind: type) -> tuple[tuple[str, str], ...] | None:
        members = None
        if dataclasses.is_dataclass(kind) and not issubclass(kind, _WRITTEN_OTHERWISE):
            names = sorted(field.name for field in dataclasses.fields(kind))
            members = tuple((name, f"{encode_basestring(name)}:") for name in names)
        self[kind] = members
        return members


_MEMBERS: Final = _Members()

_WRITTEN_OTHERWISE: Final = (UnitPrice, Money, Enum, Mapping)
"""What is not written by its members, even where it is a dataclass."""


def _write_mapping(value: dict[object, object]) -> str:
    members = {str(key): member for key, member in value.items()}
    texts = [f"{encode_basestring(name)}:{canonical(members[name])}" for name in sorted(members)]
    return f"{{{','.join(texts)}}}"


def _write_sequence(value: list[object] | tuple[object, ...]) -> str:
    return f"[{','.join([canonical(member) for member in value])}]"


def _write_instant(value: datetime) -> str:
    return f'"{instant(value)}"' if value.tzinfo is not None else _ENCODER.encode(plain(value))


def _write_whole_number(value: int) -> str:
    return str(value if abs(value) <= WHOLE_NUMBER_MAX else plain(value))


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)

_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = {
    str: encode_basestring,
    int: _write_whole_number,
    UUID: lambda value: f'"{value}"',
    datetime: _write_instant,
    dict: _write_mapping,
    list: _write_sequence,
    tuple: _write_sequence,
}
"""How the exact types are written that most entries are made of."""


def digest(text: str) -> bytes:
    """Hash canonical text with SHA-256: 32 bytes."""
    return hashlib.sha256(text.encode()).digest()
