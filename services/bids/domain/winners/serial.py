"""Write problems, rules and answers as canonical JSON, and read them again: the same, exactly.

A fraction is written as its text (`5/2`), a set as a sorted list. What is written is what a digest
is taken of, and what anybody solves again from a published bundle.
"""

import json
from dataclasses import fields, is_dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from shared.domain.canonical import Json, canonical

Told = TypeVar("Told")


def written(value: object) -> str:
    """Write a value of this package as canonical JSON."""
    return canonical(_plain(value))


def read(kind: type[Told], text: str) -> Told:
    """Read what `written` wrote of a value of this kind.

    Raises:
        TypeError: A member is missing that has no default.
        ValueError: Not such text.
    """
    told: Told = _value(kind, json.loads(text))
    return told


def _plain(value: object) -> Json:
    match value:
        case StrEnum():
            return str(value.value)
        case Fraction():
            return str(value)
        case frozenset():
            return [*sorted(str(member) for member in value)]
        case tuple():
            return [_plain(member) for member in value]
        case None | bool() | int() | str():
            return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    sentence = f"{type(value).__name__} is not written here"
    raise TypeError(sentence)


def _value(kind: Any, told: Any) -> Any:
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        inner = next(each for each in get_args(kind) if each is not type(None))
        return None if told is None else _value(inner, told)
    if origin is tuple:
        return _members(get_args(kind), told)
    if origin is frozenset:
        return frozenset(told)
    if isinstance(kind, type) and is_dataclass(kind):
        stated = {name: each for name, each in _hints(kind).items() if name in told}
        return kind(**{name: _value(each, told[name]) for name, each in stated.items()})
    return kind(told) if isinstance(kind, type) and issubclass(kind, Fraction | StrEnum) else told


def _members(kinds: tuple[Any, ...], told: list[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:  # noqa: PLR2004 - `tuple[X, ...]`
        return tuple(_value(kinds[0], member) for member in told)
    return tuple(_value(kind, member) for kind, member in zip(kinds, told, strict=True))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
