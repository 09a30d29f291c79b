"""Wrap an event for the bus: CloudEvents 1.0 in its JSON form.

`id` is the idempotency key from end to end (it becomes `Nats-Msg-Id` and `webhook-id`);
`sequence` is the position in the aggregate's chain, by which consumers order.
Source: CloudEvents 1.0.2, sections 3 and 3.1 (JSON format), and its `sequence` extension.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from shared.domain.canonical import canonical
from shared.domain.facts import Event
from shared.domain.ids import EventId
from shared.events.catalogue import BY_TYPE

Told = TypeVar("Told", bound=Event)

SEQUENCE_DIGITS: Final = 12
"""The sequence is compared as text (its extension says so), hence padded."""


class EnvelopeMalformed(Exception):  # noqa: N818 - a fact about a message
    """The message is not an event of the published language; it will never become one."""


class TypeUnheard(Exception):  # noqa: N818 - a fact about a message
    """The message is of a type that this code does not know: a newer publisher's, perhaps."""


@dataclass(frozen=True, slots=True)
class Envelope(Generic[Told]):
    """An event on its way: who tells it (`source`), of what (`subject`), when, and which one."""

    id: EventId
    source: str
    subject: str
    time: datetime
    sequence: int
    event: Told

    @property
    def type(self) -> str:
        """Name the event's type with its version."""
        return self.event.TYPE

    def to_json(self) -> str:
        """Write canonical JSON; the text that is stored is the text that is sent."""
        return canonical(
            {
                "data": self.event,
                "datacontenttype": "application/json",
                "id": self.id,
                "sequence": f"{self.sequence:0{SEQUENCE_DIGITS}d}",
                "source": self.source,
                "specversion": "1.0",
                "subject": self.subject,
                "time": self.time,
                "type": self.type,
            }
        )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The attributes around the data, before its type is known."""

    specversion: Literal["1.0"]
    id: UUID
    source: str
    subject: str
    time: AwareDatetime
    sequence: str
    type: str


_FRAME: Final = TypeAdapter(_Frame)


def read(text: str | bytes) -> Envelope[Event]:
    """Read an envelope; members that this code does not know are ignored.

    Raises:
        EnvelopeMalformed: Not CloudEvents JSON, or the data does not fit its type.
        TypeUnheard: The type is not in the catalogue.
    """
    try:
        document = json.loads(text)
        frame = _FRAME.validate_python(document)
        event_class = BY_TYPE.get(frame.type)
        if event_class is None:
            raise TypeUnheard(frame.type)
        event = adapter_of(event_class.TYPE).validate_python(document["data"])
        sequence = int(frame.sequence)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        # The cause is cut off: a validation error prints its input, and an input may be a secret.
        raise EnvelopeMalformed(type(error).__name__) from None
    return Envelope(EventId(frame.id), frame.source, frame.subject, frame.time, sequence, event)


def fingerprint(body: bytes) -> bytes:
    """Name a message that has no readable id by its content: 16 bytes."""
    return hashlib.sha256(body).digest()[:16]


@cache
def adapter_of(event_type: str) -> TypeAdapter[Event]:
    """Build the reader of one event type, once.

    Raises:
        KeyError: The type is not in the catalogue.
    """
    return TypeAdapter(BY_TYPE[event_type])
