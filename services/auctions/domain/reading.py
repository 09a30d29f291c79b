"""Read facts back from the canonical text of log entries, by nothing but the facts' own types."""

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, get_args, get_origin, get_type_hints

from services.auctions.domain import facts
from shared.domain.facts import Fact

Reader = Callable[[Any], Any]

BY_TYPE: Final[Mapping[str, type[Fact]]] = {
    found.TYPE: found
    for found in vars(facts).values()
    if isinstance(found, type) and issubclass(found, Fact) and found is not Fact
}
"""Every fact that an auction's log may hold."""


class EntryMalformed(Exception):  # noqa: N818 - a fact about a text
    """The text is not an entry of an auction's log."""


@dataclass(frozen=True, slots=True)
class Read:
    """One entry, read."""

    sequence: int
    at: datetime
    fact: Fact


def read_entry(text: str) -> Read:
    """Read an entry's text.

    Raises:
        EntryMalformed: It is not JSON, or not of the form of its type.
    """
    try:
        entry = json.loads(text)
        kind: Any = BY_TYPE[entry["type"]]
        fact = _reader(kind)(entry["data"])
        at = datetime.fromisoformat(entry["at"])
        return Read(int(entry["sequence"]), at, fact)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EntryMalformed(type(error).__name__) from None


@cache
def _reader(kind: Any) -> Reader:
    """Make the reader of a type, once."""
    if kind is datetime:
        return datetime.fromisoformat
    if dataclasses.is_dataclass(kind):
        return _object_reader(kind)
    if get_origin(kind) is tuple:
        read = _reader(get_args(kind)[0])
        return lambda told: tuple(read(one) for one in told)
    if isinstance(kind, types.UnionType):
        read = _reader(next(one for one in get_args(kind) if one is not types.NoneType))
        return lambda told: None if told is None else read(told)
    return lambda told: _checked(kind, told)


def _object_reader(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    readers: Mapping[str, Reader] = {
        one.name: _reader(hints[one.name]) for one in dataclasses.fields(kind)
    }

    def read(told: Mapping[str, Any]) -> Any:
        return kind(**{name: readers[name](value) for name, value in told.items()})

    return read


def _checked(kind: type, told: object) -> object:
    if type(told) is not kind:
        sentence = f"not a {kind.__name__}"
        raise TypeError(sentence)
    return told
