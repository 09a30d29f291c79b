"""Keep deliveries and what came of them, each seen by its endpoint's party only."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.notify.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    DeliveryUnknown,
    Failure,
    Outcome,
)
from services.notify.domain.endpoints import EndpointUnknown
from services.notify.ports import Attempt
from shared import db, inbox
from shared.db import Connection, Pool
from shared.domain.facts import Decision, Event
from shared.domain.ids import DeliveryId, EndpointId, EventId, PartyId, new_id
from shared.events.envelope import Envelope
from shared.journal import Aggregate, Entry, Journal

ATTEMPTS_SHOWN_MAX: Final = 200
"""The latest attempts that are listed; a delivery has ten, and ten more with each replay."""

_WANTED_BY_ALL: Final = """-- notify.find_subscribers
SELECT id FROM endpoint WHERE status <> 'deleted' AND event_types @> ARRAY[$1::text] ORDER BY id
"""

_WANTED_BY_PARTY: Final = """-- notify.find_subscribers_of_party
SELECT id FROM endpoint
WHERE party_id = $2 AND status <> 'deleted' AND event_types @> ARRAY[$1::text]
ORDER BY id
"""

_PUT_BODY: Final = """-- notify.put_event_body
INSERT INTO event_body (event_id, type, body) VALUES ($1, $2, $3)
ON CONFLICT (event_id) DO NOTHING
"""

_QUEUE: Final = """-- notify.queue_deliveries
INSERT INTO delivery (
    id, endpoint_id, event_id, status, attempts, failures, next_attempt_at, created_at
)
SELECT new.id, new.endpoint_id, $3, 'pending', 0, 0, $4, $4
FROM unnest($1::uuid[], $2::uuid[]) AS new (id, endpoint_id)
ON CONFLICT ON CONSTRAINT delivery_event_endpoint_key DO NOTHING
"""

_IS_OWN: Final = """-- notify.is_own_endpoint
SELECT EXISTS (SELECT FROM endpoint WHERE id = $1 AND party_id = $2 AND status <> 'deleted')
"""

_PAGE: Final = """-- notify.page_deliveries
SELECT delivery.id, delivery.endpoint_id, delivery.event_id, event_body.type AS event_type,
    delivery.status, delivery.attempts, delivery.failures, delivery.next_attempt_at,
    delivery.created_at
FROM delivery JOIN event_body USING (event_id)
WHERE delivery.endpoint_id = $1 AND ($2::uuid IS NULL OR delivery.id > $2)
ORDER BY delivery.id LIMIT $3
"""

_READ: Final = """-- notify.read_delivery
SELECT delivery.id, delivery.endpoint_id, delivery.event_id, event_body.type AS event_type,
    delivery.status, delivery.attempts, delivery.failures, delivery.next_attempt_at,
    delivery.created_at
FROM delivery
    JOIN event_body USING (event_id)
    JOIN endpoint ON endpoint.id = delivery.endpoint_id
WHERE delivery.id = $1 AND endpoint.party_id = $2 AND endpoint.status <> 'deleted'
"""

_LOCK: Final = f"""{_READ.replace("read_delivery", "lock_delivery")}FOR NO KEY UPDATE OF delivery
"""

_SAVE: Final = """-- notify.save_delivery
UPDATE delivery SET status = $2, failures = $3, next_attempt_at = $4 WHERE id = $1
"""

_ATTEMPTS: Final = """-- notify.list_attempts
SELECT delivery_id, number, at, status_code, failure, latency_ms, answer
FROM attempt WHERE delivery_id = $1 ORDER BY number DESC LIMIT $2
"""


class PostgresDeliveries:
    """The `DeliveryStore` on PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Record facts in `journal`."""
        self._pool = pool
        self._journal = journal

    async def queue(
        self, envelope: Envelope[Event], party_id: PartyId | None, *, at: datetime
    ) -> int:
        """Queue an event, once, for the endpoints that want it; return how many those are.

        An endpoint that is disabled is among them: what it misses is held for it.
        """
        async with db.transaction(self._pool) as connection:
            if not await inbox.claim(connection, envelope.id):
                return 0
            endpoint_ids = await _subscribers(connection, envelope.type, party_id)
            if endpoint_ids:
                await connection.execute(_PUT_BODY, envelope.id, envelope.type, envelope.to_json())
                ids = [new_id() for _ in endpoint_ids]
                await connection.execute(_QUEUE, ids, endpoint_ids, envelope.id, at)
        return len(endpoint_ids)

    async def page(
        self,
        endpoint_id: EndpointId,
        party_id: PartyId,
        *,
        after: UUID | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """List an endpoint's deliveries behind `after`, in the order of their ids."""
        async with db.reading(self._pool) as connection:
            if not await connection.fetchval(_IS_OWN, endpoint_id, party_id):
                sentence = "There is no such endpoint."
                raise EndpointUnknown(sentence)
            rows = await connection.fetch(_PAGE, endpoint_id, after, limit)
        return [delivery_of(row, row["event_type"]) for row in rows]

    async def attempts(self, delivery_id: DeliveryId, party_id: PartyId) -> Sequence[Attempt]:
        """List a delivery's latest attempts, oldest first."""
        async with db.reading(self._pool) as connection:
            _found(await connection.fetchrow(_READ, delivery_id, party_id))
            rows = await connection.fetch(_ATTEMPTS, delivery_id, ATTEMPTS_SHOWN_MAX)
        return [_attempt(row) for row in reversed(rows)]

    async def update(
        self,
        delivery_id: DeliveryId,
        party_id: PartyId,
        decide: Callable[[Delivery], Decision[Delivery]],
        *,
        at: datetime,
    ) -> Delivery:
        """Change the party's delivery under its lock."""
        async with db.transaction(self._pool) as connection:
            row = await connection.fetchrow(_LOCK, delivery_id, party_id)
            decision = decide(_found(row))
            state = decision.state
            await connection.execute(
                _SAVE, state.id, state.status, state.failures, state.next_attempt_at
            )
            entry = Entry(Aggregate("delivery", state.id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(party_id), at=at)
        return state


async def _subscribers(
    connection: Connection, event_type: str, party_id: PartyId | None
) -> list[UUID]:
    if party_id is None:
        rows = await connection.fetch(_WANTED_BY_ALL, event_type)
    else:
        rows = await connection.fetch(_WANTED_BY_PARTY, event_type, party_id)
    return [row["id"] for row in rows]


def delivery_of(row: asyncpg.Record, event_type: str) -> Delivery:
    """Build a delivery of its row and its event's type."""
    return Delivery(
        id=DeliveryId(row["id"]),
        endpoint_id=EndpointId(row["endpoint_id"]),
        event_id=EventId(row["event_id"]),
        event_type=event_type,
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        failures=row["failures"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
    )


def _found(row: asyncpg.Record | None) -> Delivery:
    if row is None:
        sentence = "There is no such delivery."
        raise DeliveryUnknown(sentence)
    return delivery_of(row, row["event_type"])


def _attempt(row: asyncpg.Record) -> Attempt:
    failure = row["failure"]
    return Attempt(
        delivery_id=DeliveryId(row["delivery_id"]),
        number=row["number"],
        at=row["at"],
        latency_ms=row["latency_ms"],
        outcome=Outcome(
            status_code=row["status_code"],
            failure=None if failure is None else Failure(failure),
            answer=row["answer"],
        ),
    )
