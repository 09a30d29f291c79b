"""Keep endpoints, each seen by its own party only."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.notify.domain.endpoints import (
    Endpoint,
    EndpointStatus,
    EndpointsTooMany,
    EndpointUnknown,
)
from services.notify.ports import Registration, Secret
from services.notify.store.vault import Vault
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision
from shared.domain.ids import EndpointId, PartyId
from shared.idempotency import IdempotencyKeyReused
from shared.journal import Aggregate, Entry, Journal

PER_PARTY_MAX: Final = 20
"""Enough for a party with a receiver for each kind of event. Counted without a lock, so that
registrations at the same instant may pass it by their own number.
"""

_CREATE: Final = """-- notify.create_endpoint
INSERT INTO endpoint (
    id, party_id, url, event_types, description, status, secret_sealed, registration_key,
    registration_sha256, registered_at
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
WHERE (SELECT count(*) FROM endpoint WHERE party_id = $2 AND status <> 'deleted') < $11
ON CONFLICT DO NOTHING
RETURNING id
"""

_REGISTERED: Final = """-- notify.find_registration
SELECT id, party_id, url, event_types, description, status, disabled_because, registered_at,
    secret_sealed, registration_sha256
FROM endpoint WHERE party_id = $1 AND registration_key = $2
"""

_READ: Final = """-- notify.read_endpoint
SELECT id, party_id, url, event_types, description, status, disabled_because, registered_at
FROM endpoint WHERE id = $1 AND party_id = $2 AND status <> 'deleted'
"""

_LOCK: Final = f"""{_READ.replace("read_endpoint", "lock_endpoint")} FOR NO KEY UPDATE
"""

_LOCK_MANY: Final = """-- notify.lock_endpoints
SELECT id, party_id, url, event_types, description, status, disabled_because, registered_at
FROM endpoint WHERE id = ANY($1::uuid[]) AND status <> 'deleted'
ORDER BY id FOR NO KEY UPDATE
"""

_SAVE: Final = """-- notify.save_endpoint
UPDATE endpoint SET
    status = $2,
    disabled_because = $3,
    secret_sealed = CASE WHEN $2 = 'deleted' THEN NULL ELSE secret_sealed END
WHERE id = $1
"""

_PAGE: Final = """-- notify.page_endpoints
SELECT id, party_id, url, event_types, description, status, disabled_because, registered_at
FROM endpoint
WHERE party_id = $1 AND status <> 'deleted' AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""


class PostgresEndpoints:
    """The `EndpointStore` on PostgreSQL."""

    def __init__(
        self, pool: Pool, vault: Vault, journal: Journal, *, per_party_max: int = PER_PARTY_MAX
    ) -> None:
        """Seal secrets in `vault`; let a party have `per_party_max` endpoints."""
        self._pool = pool
        self._vault = vault
        self._journal = journal
        self._per_party_max = per_party_max

    async def create(
        self, decision: Decision[Endpoint], secret: Secret, registration: Registration
    ) -> tuple[Endpoint, Secret]:
        """Store a new endpoint, or find the one that stands under its registration's key."""
        endpoint = decision.state
        async with db.transaction(self._pool) as connection:
            created = await connection.fetchval(
                _CREATE,
                endpoint.id,
                endpoint.party_id,
                endpoint.url,
                endpoint.event_types,
                endpoint.description,
                endpoint.status,
                self._vault.seal(endpoint.id, secret),
                registration.key,
                registration.sha256,
                endpoint.registered_at,
                self._per_party_max,
            )
            if created is None:
                return await self._standing(connection, endpoint.party_id, registration)
            await record(self._journal, connection, decision, at=endpoint.registered_at)
        return endpoint, secret

    async def update(
        self,
        endpoint_id: EndpointId,
        party_id: PartyId,
        decide: Callable[[Endpoint], Decision[Endpoint]],
        *,
        at: datetime,
    ) -> Endpoint:
        """Change the party's endpoint under its lock."""
        async with db.transaction(self._pool) as connection:
            row = await connection.fetchrow(_LOCK, endpoint_id, party_id)
            decision = decide(_found(row))
            await save(connection, decision.state)
            await record(self._journal, connection, decision, at=at, actor=str(party_id))
        return decision.state

    async def read(self, endpoint_id: EndpointId, party_id: PartyId) -> Endpoint:
        """Return the party's endpoint."""
        async with db.reading(self._pool) as connection:
            return _found(await connection.fetchrow(_READ, endpoint_id, party_id))

    async def page(
        self, party_id: PartyId, *, after: UUID | None, limit: int
    ) -> Sequence[Endpoint]:
        """List the party's endpoints behind `after`, in the order of their ids."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE, party_id, after, limit)
        return [_endpoint(row) for row in rows]

    async def _standing(
        self, connection: Connection, party_id: PartyId, registration: Registration
    ) -> tuple[Endpoint, Secret]:
        row = None
        if registration.key is not None:
            row = await connection.fetchrow(_REGISTERED, party_id, registration.key)
        if row is None:
            sentence = f"A party may have {self._per_party_max} endpoints. Delete one first."
            raise EndpointsTooMany(sentence)
        if row["registration_sha256"] != registration.sha256:
            sentence = "The Idempotency-Key was used for another registration."
            raise IdempotencyKeyReused(sentence)
        if row["secret_sealed"] is None:
            sentence = "The endpoint registered under this Idempotency-Key was deleted."
            raise EndpointUnknown(sentence)
        endpoint = _endpoint(row)
        return endpoint, self._vault.open(endpoint.id, row["secret_sealed"])


async def lock(connection: Connection, ids: Sequence[EndpointId]) -> list[Endpoint]:
    """Lock endpoints for the rest of the transaction; those that are deleted are left out."""
    return [_endpoint(row) for row in await connection.fetch(_LOCK_MANY, ids)]


async def save(connection: Connection, endpoint: Endpoint) -> None:
    """Write what can change of an endpoint; a deleted one loses its secret."""
    await connection.execute(_SAVE, endpoint.id, endpoint.status, endpoint.disabled_because)


async def record(
    journal: Journal,
    connection: Connection,
    decision: Decision[Endpoint],
    *,
    at: datetime,
    actor: str | None = None,
) -> None:
    """Write a decision's facts to the endpoint's chain; its owner acted, unless said otherwise."""
    if decision.facts:
        endpoint = decision.state
        entry = Entry(Aggregate("endpoint", endpoint.id), decision.facts)
        await journal.record(connection, [entry], actor=actor or str(endpoint.party_id), at=at)


def _found(row: asyncpg.Record | None) -> Endpoint:
    if row is None:
        sentence = "There is no such endpoint."
        raise EndpointUnknown(sentence)
    return _endpoint(row)


def _endpoint(row: asyncpg.Record) -> Endpoint:
    return Endpoint(
        id=EndpointId(row["id"]),
        party_id=PartyId(row["party_id"]),
        url=row["url"],
        event_types=tuple(row["event_types"]),
        description=row["description"],
        status=EndpointStatus(row["status"]),
        registered_at=row["registered_at"],
        disabled_because=row["disabled_because"],
    )
