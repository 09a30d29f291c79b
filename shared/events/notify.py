"""What the notify service tells: deliveries that were given up."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.domain.facts import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryExhausted(Event):
    """Every attempt of a delivery failed; it waits among the dead letters for a replay."""

    TYPE: ClassVar[str] = "delivery.exhausted.v1"

    delivery_id: UUID
    endpoint_id: UUID
    party_id: UUID
    event_type: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDisabled(Event):
    """An endpoint gets nothing more until its owner enables it again."""

    TYPE: ClassVar[str] = "endpoint.disabled.v1"

    endpoint_id: UUID
    party_id: UUID
    reason: str
