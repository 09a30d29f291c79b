"""Write a bundle in its one form, and read it again: whatever is more, less or other is refused.

The form is the house's canonical JSON; an exact value is written as a fraction's text.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from functools import cache
from types import UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from services.bids.domain.replay.bundle import FORMAT, AwardBundle
from shared.domain.canonical import Json, canonical, plain

BUNDLE_BYTES_MAX: Final = 256 * 1024**2
"""A purchase of thousands of lots fits; what is longer is refused before it is parsed."""

Told = TypeVar("Told")


class BundleMalformed(Exception):  # noqa: N818 - a fact about a file
    """The file is not an award bundle in its one written form."""


def write_bundle(bundle: AwardBundle) -> str:
    """Write a bundle as canonical JSON."""
    return canonical(written(bundle))


def read_bundle(text: str) -> AwardBundle:
    """Read what `write_bundle` wrote.

    Raises:
        BundleMalformed: Not such text.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        sentence = "This is not JSON."
        raise BundleMalformed(sentence) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        sentence = f"This is not an award bundle of the format {FORMAT}."
        raise BundleMalformed(sentence)
    return read(AwardBundle, document)


def read(kind: type[Told], document: object) -> Told:
    """Read a value of a kind from plain JSON data.

    Raises:
        BundleMalformed: A member is missing, unknown, or of another kind.
    """
    told: Told = _value(kind, document, "the bundle")
    return told


def written(value: object) -> Json:
    """Turn a value of the domain into plain JSON data, exact values as fractions' text."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): written(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [written(member) for member in value]
    if is_dataclass(value) and not isinstance(value, type):
        members = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: written(member) for name, member in members if member is not None}
    return plain(value)


def _value(kind: Any, told: Any, place: str) -> Any:
    kind = getattr(kind, "__supertype__", kind)
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return _one_of(get_args(kind), told, place)
    if origin is Literal:
        return _literal(get_args(kind), told, place)
    if origin is tuple:
        return _members(get_args(kind), told, place)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(get_args(kind), told, place)
    if is_dataclass(kind):
        return _dataclass(kind, told, place)
    return told if kind is Any else _single(kind, told, place)


_WRITTEN_AS_TEXT: Final = (UUID, Decimal, Fraction, StrEnum)


def _single(kind: Any, told: Any, place: str) -> Any:
    """Read one value; a whole number is no truth value, and the other way round."""
    if kind in {str, int, bool}:
        if type(told) is not kind:
            _refuse(place)
        return told
    if not isinstance(told, str):
        _refuse(place)
    try:
        if kind in {datetime, date}:
            return kind.fromisoformat(told)
        if issubclass(kind, _WRITTEN_AS_TEXT):
            return kind(told)
        if issubclass(kind, IntEnum):
            # An enumeration is written by its value as text, be that a number.
            return {str(each.value): each for each in kind}[told]
    except (ValueError, ArithmeticError, KeyError):
        pass
    return _refuse(place)


def _one_of(kinds: tuple[Any, ...], told: Any, place: str) -> Any:
    """Read one of several kinds: absent or not, or dataclasses told apart by their `kind`."""
    if told is None:
        return None if type(None) in kinds else _refuse(place)
    inner = [each for each in kinds if each is not type(None)]
    if len(inner) == 1:
        return _value(inner[0], told, place)
    named = told.get("kind") if isinstance(told, dict) else None
    fitting = [each for each in inner if _hints(each).get("kind") == Literal[named]]
    return _value(fitting[0], told, place) if fitting else _refuse(place)


def _literal(values: tuple[Any, ...], told: Any, place: str) -> Any:
    return told if told in values else _refuse(place)


def _members(kinds: tuple[Any, ...], told: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(told, list):
        _refuse(place)
    if len(kinds) == 2 and kinds[1] is Ellipsis:  # noqa: PLR2004 - `tuple[X, ...]`
        return tuple(
            _value(kinds[0], member, f"{place}[{index}]") for index, member in enumerate(told)
        )
    if len(kinds) != len(told):
        _refuse(place)
    return tuple(_value(kind, member, place) for kind, member in zip(kinds, told, strict=True))


def _mapping(kinds: tuple[Any, ...], told: Any, place: str) -> dict[Any, Any]:
    if not isinstance(told, dict):
        _refuse(place)
    return {
        _value(kinds[0], key, place): _value(kinds[1], member, f"{place}.{key}")
        for key, member in told.items()
    }


def _dataclass(kind: Any, told: Any, place: str) -> Any:
    if not isinstance(told, dict):
        _refuse(place)
    hints = _hints(kind)
    unknown = sorted(told.keys() - hints.keys())
    if unknown:
        _refuse(f"{place}.{unknown[0]}")
    given = {}
    for each in fields(kind):
        if each.name in told:
            given[each.name] = _value(hints[each.name], told[each.name], f"{place}.{each.name}")
        elif _is_required(each):
            if type(None) not in get_args(hints[each.name]):
                _refuse(f"{place}.{each.name}")
            given[each.name] = None
    return kind(**given)


def _is_required(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _refuse(place: str) -> Any:
    sentence = f"{place} is not as the format has it."
    raise BundleMalformed(sentence)
