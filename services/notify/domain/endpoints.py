"""Keep where a party receives webhooks: registered, disabled, enabled again, deleted."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from urllib.parse import urlsplit

from shared.domain.facts import Decision, Fact
from shared.domain.ids import EndpointId, PartyId
from shared.domain.refusals import Kind, Refusal
from shared.events.catalogue import deliverable_types
from shared.events.notify import EndpointDisabled

BY_OWNER: Final = "disabled by its owner"
GONE: Final = "the receiver answered 410 Gone"


class EndpointUnknown(Refusal):
    """The party has no such endpoint."""

    kind = Kind.NOT_FOUND
    code = "endpoint_unknown"


class EndpointsTooMany(Refusal):
    """The party has as many endpoints as it may have."""

    kind = Kind.CONFLICT
    code = "endpoints_too_many"


class EventTypeNotDeliverable(Refusal):
    """The event type does not exist or never leaves the house."""

    kind = Kind.INVALID
    code = "event_type_not_deliverable"


class EndpointStatus(StrEnum):
    """Whether an endpoint gets what is queued for it; a deleted one gets nothing for ever."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRegistered(Fact):
    """A party may be sent events of these types. The URL's path is left out: it may be a secret."""

    TYPE: ClassVar[str] = "endpoint.registered"

    endpoint_id: EndpointId
    party_id: PartyId
    host: str
    event_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointEnabled(Fact):
    """An endpoint gets what was held for it, and what is to come."""

    TYPE: ClassVar[str] = "endpoint.enabled"

    endpoint_id: EndpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDeleted(Fact):
    """An endpoint is gone, and what was held for it will not be sent."""

    TYPE: ClassVar[str] = "endpoint.deleted"

    endpoint_id: EndpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a party receives webhooks, and of which types. Its secret is kept apart from it."""

    id: EndpointId
    party_id: PartyId
    url: str
    event_types: tuple[str, ...]
    description: str
    status: EndpointStatus
    registered_at: datetime
    disabled_because: str | None = None


def wanted_types(named: Iterable[str]) -> tuple[str, ...]:
    """Put the event types that an endpoint wants into order, each once.

    Raises:
        EventTypeNotDeliverable: One of them may not leave the house.
    """
    types = frozenset(named)
    others = types - deliverable_types()
    if others or not types:
        sentence = "Name event types that can be delivered; `deliverable` lists them."
        details = {"refused": sorted(others), "deliverable": sorted(deliverable_types())}
        raise EventTypeNotDeliverable(sentence, details=details)
    return tuple(sorted(types))


def decide_register(endpoint: Endpoint) -> Decision[Endpoint]:
    """Begin an endpoint's life."""
    fact = EndpointRegistered(
        endpoint_id=endpoint.id,
        party_id=endpoint.party_id,
        host=urlsplit(endpoint.url).hostname or "",
        event_types=endpoint.event_types,
    )
    return Decision(endpoint, (fact,))


def decide_enable(endpoint: Endpoint) -> Decision[Endpoint]:
    """Send again; enabling what is enabled changes nothing."""
    if endpoint.status is EndpointStatus.ENABLED:
        return Decision(endpoint)
    enabled = replace(endpoint, status=EndpointStatus.ENABLED, disabled_because=None)
    return Decision(enabled, (EndpointEnabled(endpoint_id=endpoint.id),))


def decide_disable(endpoint: Endpoint, *, because: str) -> Decision[Endpoint]:
    """Hold back what is queued; disabling what is disabled keeps its first reason."""
    if endpoint.status is not EndpointStatus.ENABLED:
        return Decision(endpoint)
    disabled = replace(endpoint, status=EndpointStatus.DISABLED, disabled_because=because)
    fact = EndpointDisabled(endpoint_id=endpoint.id, party_id=endpoint.party_id, reason=because)
    return Decision(disabled, (fact,))


def decide_delete(endpoint: Endpoint) -> Decision[Endpoint]:
    """End an endpoint's life; what it was sent stays on record."""
    deleted = replace(endpoint, status=EndpointStatus.DELETED)
    return Decision(deleted, (EndpointDeleted(endpoint_id=endpoint.id),))
