"""State what became true: facts for the audit chain, and the decisions that make them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

State = TypeVar("State")


class Audience(StrEnum):
    """Who may be sent an event outside the house. Internal events can never be delivered."""

    INTERNAL = "internal"
    PUBLIC = "public"
    MEMBER = "member"
    VENDOR = "vendor"
    BUYER = "buyer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that became true of one aggregate; it is written to that aggregate's chain."""

    TYPE: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Fact):
    """A fact that is also told to the other services, in the published language."""

    AUDIENCE: ClassVar[Audience] = Audience.INTERNAL


@dataclass(frozen=True, slots=True)
class Decision(Generic[State]):
    """What a command does: the aggregate's new state, and the facts that say so, in order."""

    state: State
    facts: tuple[Fact, ...] = ()
