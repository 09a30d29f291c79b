"""Write commands, facts and pictures as JSON, and read them back: for tables and for replicas."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter

from services.auctions.domain import commands, facts
from services.auctions.domain.auction import Terms
from services.auctions.domain.commands import Command
from services.auctions.domain.picture import After, Picture
from services.auctions.draft import Done
from services.auctions.ports import Written
from shared.domain.canonical import instant, plain
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId
from shared.domain.refusals import Refusal

FACTS: Final[Mapping[str, type[Fact]]] = {
    found.TYPE: found
    for found in vars(facts).values()
    if isinstance(found, type) and issubclass(found, Fact) and found is not Fact
}
"""Every fact of an auction's log by its type."""

COMMANDS: Final[Mapping[str, type[Command]]] = {
    name: found
    for name, found in vars(commands).items()
    if isinstance(found, type) and issubclass(found, Command) and found is not Command
}
"""Every command that can be asked of a desk, by its name."""

Said = TypeVar("Said", bound=Fact)


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Said]):
    """What is read of a log entry's text; the rest stands in columns beside it."""

    data: Said


def read_fact(fact_type: str, entry: str) -> Fact:
    """Read the fact out of a log entry's canonical text."""
    return _entry_reader(fact_type).validate_json(entry).data


def command_document(command: Command) -> dict[str, Any]:
    """Write a command as JSON data."""
    (fields,) = _command_adapter(type(command).__name__).dump_python((command,), mode="json")
    return {"name": type(command).__name__, "fields": fields}


def read_command(document: Mapping[str, Any]) -> Command:
    """Read a command back.

    Raises:
        ValueError: It is none that this version knows, or it lacks something.
    """
    name = document["name"]
    if name not in COMMANDS:
        sentence = f"{name} is no command of this version"
        raise ValueError(sentence)
    (command,) = _command_adapter(name).validate_json(json.dumps([document["fields"]]))
    return command


def picture_document(picture: Picture) -> dict[str, Any]:
    """Write a picture as JSON data, without its terms: who reads it knows them."""
    document: dict[str, Any] = _PICTURES.dump_python(picture, mode="json", exclude={"terms"})
    return document


def read_picture(document: Mapping[str, Any], terms: Terms) -> Picture:
    """Read a picture back.

    Raises:
        ValueError: It is not a picture of this version.
    """
    return _PICTURES.validate_python({**document, "terms": terms})


def done_document(done: Done) -> dict[str, Any]:
    """Write a desk's answer as JSON data."""
    written = done.written
    return {
        "sequence": written.sequence,
        "hash": written.hash.hex(),
        "at": instant(written.at),
        "type": written.fact.TYPE,
        "fact": plain(written.fact),
        "after": _AFTERS.dump_python(done.after, mode="json"),
    }


def read_done(document: Mapping[str, Any], auction_id: AuctionId) -> Done:
    """Read a desk's answer back.

    Raises:
        ValueError: It is not an answer of this version.
    """
    fact = _fact_reader(document["type"]).validate_python(document["fact"])
    written = Written(
        document["sequence"],
        bytes.fromhex(document["hash"]),
        datetime.fromisoformat(document["at"]),
        fact,
    )
    return Done(auction_id, written, _AFTERS.validate_python(document["after"]))


def refusal_document(refusal: Refusal) -> dict[str, Any]:
    """Write a refusal as JSON data."""
    return {
        "code": refusal.code,
        "sentence": refusal.sentence,
        "details": dict(refusal.details),
        "retry_after_s": refusal.retry_after_s,
    }


def read_refusal(document: Mapping[str, Any]) -> Refusal | None:
    """Read a refusal back as the rule that it was; None where this version knows no such rule."""
    rule = _rules().get(document["code"])
    if rule is None:
        return None
    refusal = rule.__new__(rule)
    # A rule may have a sentence of its own; what was said is what is said again.
    Refusal.__init__(
        refusal,
        document["sentence"],
        details=document["details"],
        retry_after_s=document["retry_after_s"],
    )
    return refusal


@cache
def _rules() -> Mapping[str, type[Refusal]]:
    """List the rules of this service and of the house by their codes."""
    return {
        rule.code: rule
        for rule in _descendants(Refusal)
        if rule.__module__.startswith(("services.", "shared.")) and hasattr(rule, "code")
    }


def _descendants(rule: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in rule.__subclasses__():
        yield child
        yield from _descendants(child)


_PICTURES: Final = TypeAdapter(Picture)
_AFTERS: Final = TypeAdapter(After)


@cache
def _command_adapter(name: str) -> TypeAdapter[tuple[Command]]:
    # A dataclass of the domain has no place for the way in which its salts are written.
    config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    kind: Any = COMMANDS[name]
    return TypeAdapter(tuple[kind], config=config)


@cache
def _fact_reader(fact_type: str) -> TypeAdapter[Fact]:
    return TypeAdapter(FACTS[fact_type])


@cache
def _entry_reader(fact_type: str) -> TypeAdapter[_Entry[Fact]]:
    kind: Any = FACTS[fact_type]
    return TypeAdapter(_Entry[kind])
