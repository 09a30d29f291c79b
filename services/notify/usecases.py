"""Do what owners of endpoints ask for, and queue what the other services tell."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.notify.domain.addresses import AddressRules
from services.notify.domain.deliveries import (
    Delivery,
    Everyone,
    Nobody,
    OneParty,
    decide_replay,
    recipients_of,
)
from services.notify.domain.endpoints import (
    BY_OWNER,
    Endpoint,
    EndpointStatus,
    decide_delete,
    decide_disable,
    decide_enable,
    decide_register,
    wanted_types,
)
from services.notify.domain.signing import SECRET_BYTES
from services.notify.ports import (
    Attempt,
    DeliveryStore,
    EndpointStore,
    Registration,
    Secret,
)
from shared.clock import Clock
from shared.domain.canonical import canonical
from shared.domain.facts import Event
from shared.domain.ids import DeliveryId, EndpointId, PartyId
from shared.events.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a party asks for when it registers an endpoint."""

    url: str
    event_types: tuple[str, ...]
    description: str


class Endpoints:
    """Register endpoints and change them, each for its own party."""

    def __init__(self, store: EndpointStore, clock: Clock, addresses: AddressRules) -> None:
        """Let URLs lead where `addresses` allows."""
        self._store = store
        self._clock = clock
        self._addresses = addresses

    async def register(
        self, endpoint_id: EndpointId, party_id: PartyId, wish: Wish, *, key: str | None
    ) -> tuple[Endpoint, Secret]:
        """Register an endpoint with a new secret; the same `key` finds what stands under it.

        Raises:
            UrlMalformed, UrlNotHttps, UrlWithUser, UrlPortClosed, UrlNotPublic: The URL is bad.
            EventTypeNotDeliverable: One of the types may not leave the house.
            EndpointsTooMany: The party has as many endpoints as it may have.
            IdempotencyKeyReused: Something else was registered under the key.
        """
        endpoint = Endpoint(
            id=endpoint_id,
            party_id=party_id,
            url=self._addresses.judge(wish.url),
            event_types=wanted_types(wish.event_types),
            description=wish.description,
            status=EndpointStatus.ENABLED,
            registered_at=self._clock.now(),
        )
        registration = Registration(key, hashlib.sha256(canonical(wish).encode()).digest())
        secret = Secret(secrets.token_bytes(SECRET_BYTES))
        return await self._store.create(decide_register(endpoint), secret, registration)

    async def read(self, endpoint_id: EndpointId, party_id: PartyId) -> Endpoint:
        """Return the party's endpoint.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """
        return await self._store.read(endpoint_id, party_id)

    async def page(
        self, party_id: PartyId, *, after: UUID | None, limit: int
    ) -> Sequence[Endpoint]:
        """List the party's endpoints."""
        return await self._store.page(party_id, after=after, limit=limit)

    async def enable(self, endpoint_id: EndpointId, party_id: PartyId) -> Endpoint:
        """Send again, what was held back first.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """
        now = self._clock.now()
        return await self._store.update(endpoint_id, party_id, decide_enable, at=now)

    async def disable(self, endpoint_id: EndpointId, party_id: PartyId) -> Endpoint:
        """Hold back what is queued and what is to come.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """
        return await self._store.update(
            endpoint_id,
            party_id,
            lambda endpoint: decide_disable(endpoint, because=BY_OWNER),
            at=self._clock.now(),
        )

    async def delete(self, endpoint_id: EndpointId, party_id: PartyId) -> None:
        """End an endpoint and forget its secret.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """
        now = self._clock.now()
        await self._store.update(endpoint_id, party_id, decide_delete, at=now)


class Deliveries:
    """Show deliveries to the owners of their endpoints, and send one again."""

    def __init__(self, store: DeliveryStore, clock: Clock) -> None:
        """Take the store and the clock."""
        self._store = store
        self._clock = clock

    async def page(
        self,
        endpoint_id: EndpointId,
        party_id: PartyId,
        *,
        after: UUID | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """List an endpoint's deliveries.

        Raises:
            EndpointUnknown: The party has no such endpoint.
        """
        return await self._store.page(endpoint_id, party_id, after=after, limit=limit)

    async def attempts(self, delivery_id: DeliveryId, party_id: PartyId) -> Sequence[Attempt]:
        """List a delivery's latest attempts, oldest first.

        Raises:
            DeliveryUnknown: The party has no such delivery.
        """
        return await self._store.attempts(delivery_id, party_id)

    async def replay(self, delivery_id: DeliveryId, party_id: PartyId) -> Delivery:
        """Send a delivery again, under the same `webhook-id`.

        Raises:
            DeliveryUnknown: The party has no such delivery.
            DeliveryPending: It is still being tried.
        """
        now = self._clock.now()
        return await self._store.update(
            delivery_id, party_id, lambda delivery: decide_replay(delivery, now=now), at=now
        )


class QueueEvent:
    """Queue an event for the endpoints that may be sent it and want it."""

    def __init__(self, store: DeliveryStore, clock: Clock) -> None:
        """Take the store and the clock."""
        self._store = store
        self._clock = clock

    async def __call__(self, envelope: Envelope[Event]) -> None:
        """Queue it, once: an event that was heard before changes nothing."""
        now = self._clock.now()
        match recipients_of(envelope.event):
            case Everyone():
                await self._store.queue(envelope, None, at=now)
            case OneParty(party_id):
                await self._store.queue(envelope, party_id, at=now)
            case Nobody():
                return
