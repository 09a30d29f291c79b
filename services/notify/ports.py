"""What the use cases and the sender need of the outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.notify.domain.deliveries import SCHEDULE_S, Delivery, Outcome
from services.notify.domain.endpoints import Endpoint
from shared.domain.facts import Decision, Event, Fact
from shared.domain.ids import DeliveryId, EndpointId, EventId, PartyId
from shared.events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing key; what prints it does not show it."""

    key: bytes

    def __repr__(self) -> str:
        """Hide the key."""
        return "Secret(…)"


@dataclass(frozen=True, slots=True)
class Registration:
    """Under which Idempotency-Key an endpoint is registered, and the hash of what was asked."""

    key: str | None
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP try of a delivery, as it is kept."""

    delivery_id: DeliveryId
    number: int
    at: datetime
    latency_ms: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An enabled endpoint for which deliveries wait: whose it is, where it is, its key."""

    endpoint_id: EndpointId
    party_id: PartyId
    url: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries that are ours to send until `until`, with the bodies of their events."""

    token: UUID
    until: datetime
    deliveries: Sequence[Delivery]
    bodies: Mapping[EventId, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What came of one claimed delivery: the attempt, the state it leads to, and its facts."""

    token: UUID
    attempt: Attempt
    delivery: Delivery
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One signed request."""

    url: str
    secret: Secret
    event_id: EventId
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingLimits:
    """The bounds of sending; the service's settings fill them.

    `claim_s` must outlast an attempt and its recording: what is claimed longer is sent again.
    """

    concurrency_max: int = 500
    """Attempts in the air in all."""

    per_endpoint_max: int = 16
    """Attempts in the air to one endpoint."""

    claim_batch_max: int = 256
    """Deliveries taken at once."""

    claim_s: float = 60.0
    """For how long they are ours."""

    poll_s: float = 0.2
    """The pause when nothing waits."""

    schedule_s: tuple[float, ...] = SCHEDULE_S
    """The pauses between attempts."""


class EndpointStore(Protocol):
    """Keeps endpoints. Raises, from every method: `DatabaseUnavailable`."""

    async def create(
        self, decision: Decision[Endpoint], secret: Secret, registration: Registration
    ) -> tuple[Endpoint, Secret]:
        """Store a new endpoint, or find the one that stands under its id or key.

        Raises:
            EndpointsTooMany: The party has as many as it may have.
            RegistrationKeyReused: Something else was registered under the key.
        """

    async def update(
        self,
        endpoint_id: EndpointId,
        party_id: PartyId,
        decide: Callable[[Endpoint], Decision[Endpoint]],
        *,
        at: datetime,
    ) -> Endpoint:
        """Change the party's endpoint under its lock.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """

    async def read(self, endpoint_id: EndpointId, party_id: PartyId) -> Endpoint:
        """Return the party's endpoint.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """

    async def page(
        self, party_id: PartyId, *, after: UUID | None, limit: int
    ) -> Sequence[Endpoint]:
        """List the party's endpoints behind `after`, in the order of their ids."""


class DeliveryStore(Protocol):
    """Keeps deliveries and attempts. Raises, from every method: `DatabaseUnavailable`."""

    async def queue(
        self, envelope: Envelope[Event], party_id: PartyId | None, *, at: datetime
    ) -> int:
        """Queue an event, once, for the endpoints that want it; return how many those are.

        `party_id` narrows them to one party's.
        """

    async def page(
        self,
        endpoint_id: EndpointId,
        party_id: PartyId,
        *,
        after: UUID | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """List an endpoint's deliveries behind `after`, in the order of their ids.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """

    async def attempts(self, delivery_id: DeliveryId, party_id: PartyId) -> Sequence[Attempt]:
        """List a delivery's latest attempts, oldest first.

        Raises:
            DeliveryUnknown: The party has no such delivery.
        """

    async def update(
        self,
        delivery_id: DeliveryId,
        party_id: PartyId,
        decide: Callable[[Delivery], Decision[Delivery]],
        *,
        at: datetime,
    ) -> Delivery:
        """Change the party's delivery under its lock.

        Raises:
            DeliveryUnknown: The party has no such delivery.
        """


class DeliveryQueue(Protocol):
    """Hands out due deliveries, and takes their outcomes back.

    Raises, from every method: `DatabaseUnavailable`.
    """

    async def targets(self, *, after: EndpointId | None, limit: int) -> Sequence[Target]:
        """List enabled endpoints for which anything waits, behind `after`, by id."""

    async def claim(
        self, quotas: Mapping[EndpointId, int], *, limit: int, now: datetime, claim_s: float
    ) -> Claim:
        """Take due deliveries, at most `limit`, and of each endpoint at most its quota."""

    async def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> int:
        """Record outcomes in one transaction; return how many were still ours to record.

        An endpoint whose receiver is gone is disabled.
        """


class Poster(Protocol):
    """Posts to receivers outside."""

    async def post(self, post: Post) -> Outcome:
        """Sign and send; whatever the receiver does is an outcome, never an exception."""
