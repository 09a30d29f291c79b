"""Hand out due deliveries, and take their outcomes back in groups.

Any number of senders may work side by side. A claim is a token on the row and a time at which it
runs out; an outcome is recorded only under the token that stands, so that a sender which slept
through its claim changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from services.notify.domain.deliveries import Delivery
from services.notify.domain.endpoints import GONE, decide_disable
from services.notify.ports import Claim, Settlement, Target
from services.notify.store import endpoints
from services.notify.store.deliveries import delivery_of
from services.notify.store.vault import Vault
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import DeliveryId, EndpointId, EventId, PartyId, new_id
from shared.journal import Aggregate, Entry, Journal

ACTOR: Final = "notify"
"""Who made it so when no person did: the sender, on what a receiver answered."""

_TARGETS: Final = """-- notify.list_targets
WITH RECURSIVE waiting (endpoint_id) AS (
    (
        SELECT endpoint_id FROM delivery
        WHERE status = 'pending' AND ($1::uuid IS NULL OR endpoint_id > $1)
        ORDER BY endpoint_id LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT delivery.endpoint_id FROM delivery
        WHERE delivery.status = 'pending' AND delivery.endpoint_id > waiting.endpoint_id
        ORDER BY delivery.endpoint_id LIMIT 1
    )
    FROM waiting WHERE waiting.endpoint_id IS NOT NULL
)
SELECT target.id, target.party_id, target.url, target.secret_sealed
FROM waiting CROSS JOIN LATERAL (
    SELECT id, party_id, url, secret_sealed FROM endpoint
    WHERE id = waiting.endpoint_id AND status = 'enabled' OFFSET 0
) AS target
LIMIT $2
"""
# The recursion steps from endpoint to endpoint by the index, however much waits for each, and goes
# on only as far as the limit asks.

_CLAIM: Final = """-- notify.claim_deliveries
WITH picked AS MATERIALIZED (
    SELECT due.id
    FROM unnest($1::uuid[], $2::integer[]) AS quota (endpoint_id, most)
    CROSS JOIN LATERAL (
        SELECT id FROM delivery
        WHERE endpoint_id = quota.endpoint_id AND status = 'pending' AND next_attempt_at <= $3
            AND (claimed_until IS NULL OR claimed_until <= $3)
        ORDER BY next_attempt_at, id
        LIMIT quota.most FOR NO KEY UPDATE SKIP LOCKED
    ) AS due
    LIMIT $4
)
UPDATE delivery SET claim_token = $5, claimed_until = $6
FROM picked WHERE delivery.id = picked.id
RETURNING delivery.id, delivery.endpoint_id, delivery.event_id, delivery.status,
    delivery.attempts, delivery.failures, delivery.next_attempt_at, delivery.created_at
"""

_BODIES: Final = """-- notify.read_event_bodies
SELECT event_id, type, body FROM event_body WHERE event_id = ANY($1::uuid[])
"""

_LAZY: Final = """-- notify.commit_claim_lazily
SELECT set_config('synchronous_commit', 'off', true)
"""
# A claim that is lost with the server is taken again, so its commit need not wait for the disk.

_SETTLE: Final = """-- notify.settle_deliveries
WITH outcome AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::integer[], $5::integer[], $6::timestamptz[],
        $7::timestamptz[], $8::integer[], $9::text[], $10::integer[], $11::bytea[]
    ) AS outcome (
        id, token, status, attempts, failures, next_attempt_at, at, status_code, failure,
        latency_ms, answer
    )
), settled AS (
    UPDATE delivery SET
        status = outcome.status,
        attempts = outcome.attempts,
        failures = outcome.failures,
        next_attempt_at = outcome.next_attempt_at,
        claim_token = NULL,
        claimed_until = NULL
    FROM outcome
    WHERE delivery.id = outcome.id AND delivery.claim_token = outcome.token
    RETURNING delivery.id
)
INSERT INTO attempt (delivery_id, number, at, status_code, failure, latency_ms, answer)
SELECT outcome.id, outcome.attempts, outcome.at, outcome.status_code, outcome.failure,
    outcome.latency_ms, outcome.answer
FROM outcome JOIN settled USING (id)
RETURNING delivery_id
"""


class PostgresQueue:
    """The `DeliveryQueue` on PostgreSQL."""

    def __init__(self, pool: Pool, vault: Vault, journal: Journal) -> None:
        """Open secrets with `vault`; record facts in `journal`."""
        self._pool = pool
        self._vault = vault
        self._journal = journal

    async def targets(self, *, after: EndpointId | None, limit: int) -> Sequence[Target]:
        """List enabled endpoints for which anything waits, behind `after`, by id."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_TARGETS, after, limit)
        return [
            Target(
                endpoint_id=EndpointId(row["id"]),
                party_id=PartyId(row["party_id"]),
                url=row["url"],
                secret=self._vault.open(EndpointId(row["id"]), row["secret_sealed"]),
            )
            for row in rows
        ]

    async def claim(
        self, quotas: Mapping[EndpointId, int], *, limit: int, now: datetime, claim_s: float
    ) -> Claim:
        """Take due deliveries, at most `limit`, and of each endpoint at most its quota."""
        token, until = new_id(), now + timedelta(seconds=claim_s)
        async with db.transaction(self._pool) as connection:
            await connection.execute(_LAZY)
            rows = await connection.fetch(
                _CLAIM, list(quotas), list(quotas.values()), now, limit, token, until
            )
            events = {row["event_id"] for row in rows}
            bodies = await connection.fetch(_BODIES, events) if events else []
        types = {row["event_id"]: row["type"] for row in bodies}
        return Claim(
            token,
            until,
            [delivery_of(row, types[row["event_id"]]) for row in rows],
            {EventId(row["event_id"]): row["body"].encode() for row in bodies},
        )

    async def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> int:
        """Record outcomes in one transaction; return how many were still ours to record."""
        async with db.transaction(self._pool) as connection:
            rows = await connection.fetch(_SETTLE, *_columns(settlements))
            settled = {row["delivery_id"] for row in rows}
            ours = [one for one in settlements if one.delivery.id in settled]
            await self._record(connection, ours, at)
            gone = {one.delivery.endpoint_id for one in ours if one.attempt.outcome.is_gone}
            if gone:
                await self._disable(connection, sorted(gone), at)
        return len(ours)

    async def _record(
        self, connection: Connection, ours: Sequence[Settlement], at: datetime
    ) -> None:
        entries = [
            Entry(Aggregate("delivery", one.delivery.id), one.facts) for one in ours if one.facts
        ]
        if entries:
            await self._journal.record(connection, entries, actor=ACTOR, at=at)

    async def _disable(
        self, connection: Connection, gone: Sequence[EndpointId], at: datetime
    ) -> None:
        for endpoint in await endpoints.lock(connection, gone):
            decision = decide_disable(endpoint, because=GONE)
            await endpoints.save(connection, decision.state)
            await endpoints.record(self._journal, connection, decision, at=at, actor=ACTOR)


def _columns(settlements: Sequence[Settlement]) -> tuple[list[object], ...]:
    """Turn settlements into the columns of `_SETTLE`, in the order of their ids."""
    ordered = sorted(settlements, key=lambda one: one.delivery.id)
    rows = [(*_state(one.delivery, one), *_try(one)) for one in ordered]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _state(delivery: Delivery, settlement: Settlement) -> tuple[object, ...]:
    return (
        DeliveryId(delivery.id),
        settlement.token,
        delivery.status,
        delivery.attempts,
        delivery.failures,
        delivery.next_attempt_at,
    )


def _try(settlement: Settlement) -> tuple[object, ...]:
    attempt = settlement.attempt
    outcome = attempt.outcome
    return (
        attempt.at,
        outcome.status_code,
        outcome.failure,
        attempt.latency_ms,
        outcome.answer,
    )
