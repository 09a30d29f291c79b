"""Answer a repeated request once: keys, the id that a request creates, and its stored answer.

The first sight of a key writes a row that says "running" and fixes the id of what the request
will create. When the request ends, its answer is kept in the row and every repetition gets it.
When the process dies instead, the row's lease passes, and the next repetition takes the row over
with the same id: a create that did commit finds its own row and changes nothing.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from shared.clock import Clock
from shared.domain.ids import new_id
from shared.domain.refusals import Kind, Refusal

if TYPE_CHECKING:
    import asyncpg

KEPT_FOR: Final = timedelta(hours=48)
"""How long an answer is kept: longer than any client of ours goes on retrying."""

RUNNING_FOR: Final = timedelta(seconds=60)
"""How long a request may run before another may take its key over: twice the longest request."""

SWEEP_ROWS_MAX: Final = 1_000
"""How many rows a sweep deletes at once: a transaction of milliseconds."""


class IdempotencyKeyReused(Refusal):
    """The Idempotency-Key was used before, for another body or another route."""

    kind = Kind.INVALID
    code = "idempotency_key_reused"


class IdempotencyKeyRunning(Refusal):
    """A request with this Idempotency-Key is still running."""

    kind = Kind.CONFLICT
    code = "idempotency_key_running"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says about itself when it asks to run.

    `party` and `key` name the row. `route` is the method and the path. `body_sha256` is None
    where bodies are not compared, because nothing derived from them may be kept.
    """

    party: str
    key: str
    route: str
    body_sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Started:
    """Leave to run: the id of what is created, and the token that fences the row."""

    claim: Claim
    resource_id: UUID
    started_at: datetime


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was given, kept whole."""

    status: int
    body: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = ()


class IdempotencyStore(Protocol):
    """Keep keys and answers."""

    async def begin(self, claim: Claim) -> Started | StoredAnswer:
        """Give leave to run, or the answer that stands.

        Raises:
            IdempotencyKeyReused: The key stands for another body or route.
            IdempotencyKeyRunning: A request with the key is running.
        """
        ...

    async def finish(self, started: Started, answer: StoredAnswer) -> None:
        """Keep the answer; does nothing when another request has taken the row over."""
        ...

    async def release(self, started: Started) -> None:
        """Let the next repetition run at once, with the same id: what happened is in doubt."""
        ...

    async def sweep(self, older_than: timedelta = KEPT_FOR) -> int:
        """Delete the rows that began longer ago; tell how many."""
        ...


BEGIN: Final = """
-- idempotency.begin
INSERT INTO idempotency AS kept
    (party, key, route, body_sha256, resource_id, started_at, running_until)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), clock_timestamp() + $6::interval)
ON CONFLICT (party, key) DO UPDATE
SET started_at = clock_timestamp(), running_until = clock_timestamp() + $6::interval
WHERE kept.status IS NULL
  AND kept.running_until <= clock_timestamp()
  AND kept.route = excluded.route
  AND kept.body_sha256 IS NOT DISTINCT FROM excluded.body_sha256
RETURNING resource_id, started_at
"""

FIND: Final = """
-- idempotency.find
SELECT route, body_sha256, status, answer, answer_type, answer_headers
FROM idempotency
WHERE party = $1 AND key = $2
"""

FINISH: Final = """
-- idempotency.finish
UPDATE idempotency
SET status = $4, answer = $5, answer_type = $6, answer_headers = $7
WHERE party = $1 AND key = $2 AND started_at = $3 AND status IS NULL
"""

RELEASE: Final = """
-- idempotency.release
UPDATE idempotency
SET running_until = clock_timestamp()
WHERE party = $1 AND key = $2 AND started_at = $3 AND status IS NULL
"""

SWEEP: Final = """
-- idempotency.sweep
DELETE FROM idempotency
WHERE (party, key) IN (
    SELECT party, key
    FROM idempotency
    WHERE started_at <= clock_timestamp() - $1::interval
    ORDER BY started_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
"""


class PostgresIdempotencyStore:
    """Keep keys and answers in the service's own schema, by the database's clock."""

    def __init__(self, pool: "asyncpg.Pool", *, running_for: timedelta = RUNNING_FOR) -> None:
        """Use a pool whose connections see the table `idempotency` and time their commands out."""
        self._pool = pool
        self._running_for = running_for

    async def begin(self, claim: Claim) -> Started | StoredAnswer:
        """Give leave to run, or the answer that stands."""
        started = await self._pool.fetchrow(
            BEGIN,
            claim.party,
            claim.key,
            claim.route,
            claim.body_sha256,
            new_id(),
            self._running_for,
        )
        if started is not None:
            return Started(claim, started["resource_id"], started["started_at"])
        row = await self._pool.fetchrow(FIND, claim.party, claim.key)
        if row is None:
            # A sweep took the row between the two statements; the caller's retry begins anew.
            raise _running()
        _refuse_another(claim, row["route"], row["body_sha256"])
        if row["status"] is None:
            raise _running()
        headers = tuple((name, value) for name, value in json.loads(row["answer_headers"]))
        return StoredAnswer(row["status"], row["answer"], row["answer_type"], headers)

    async def finish(self, started: Started, answer: StoredAnswer) -> None:
        """Keep the answer; does nothing when another request has taken the row over."""
        await self._pool.execute(
            FINISH,
            started.claim.party,
            started.claim.key,
            started.started_at,
            answer.status,
            answer.body,
            answer.media_type,
            json.dumps(answer.headers),
        )

    async def release(self, started: Started) -> None:
        """Let the next repetition run at once, with the same id."""
        claim = started.claim
        await self._pool.execute(RELEASE, claim.party, claim.key, started.started_at)

    async def sweep(self, older_than: timedelta = KEPT_FOR) -> int:
        """Delete the rows that began longer ago; tell how many."""
        swept = 0
        while True:
            tag = await self._pool.execute(SWEEP, older_than, SWEEP_ROWS_MAX)
            deleted = int(tag.removeprefix("DELETE "))
            swept += deleted
            if deleted < SWEEP_ROWS_MAX:
                return swept


@dataclass(slots=True)
class _Row:
    claim: Claim
    resource_id: UUID
    started_at: datetime
    running_until: datetime
    answer: StoredAnswer | None = None


class MemoryIdempotencyStore:
    """Keep keys and answers in memory: the twin of the store for tests."""

    def __init__(self, clock: Clock, *, running_for: timedelta = RUNNING_FOR) -> None:
        """Start empty."""
        self._clock = clock
        self._running_for = running_for
        self._rows: dict[tuple[str, str], _Row] = {}
        self._latest: datetime | None = None

    async def begin(self, claim: Claim) -> Started | StoredAnswer:
        """Give leave to run, or the answer that stands."""
        now = self._next_instant()
        row = self._rows.get((claim.party, claim.key))
        if row is None:
            row = _Row(claim, new_id(), now, now + self._running_for)
            self._rows[claim.party, claim.key] = row
            return Started(claim, row.resource_id, now)
        _refuse_another(claim, row.claim.route, row.claim.body_sha256)
        if row.answer is not None:
            return row.answer
        if row.running_until > now:
            raise _running()
        row.started_at, row.running_until = now, now + self._running_for
        return Started(claim, row.resource_id, now)

    async def finish(self, started: Started, answer: StoredAnswer) -> None:
        """Keep the answer; does nothing when another request has taken the row over."""
        row = self._held(started)
        if row is not None:
            row.answer = answer

    async def release(self, started: Started) -> None:
        """Let the next repetition run at once, with the same id."""
        row = self._held(started)
        if row is not None:
            row.running_until = self._clock.now()

    async def sweep(self, older_than: timedelta = KEPT_FOR) -> int:
        """Delete the rows that began longer ago; tell how many."""
        latest = self._next_instant() - older_than
        old = [name for name, row in self._rows.items() if row.started_at <= latest]
        for name in old:
            del self._rows[name]
        return len(old)

    def _held(self, started: Started) -> _Row | None:
        row = self._rows.get((started.claim.party, started.claim.key))
        is_held = row is not None and row.started_at == started.started_at and row.answer is None
        return row if is_held else None

    def _next_instant(self) -> datetime:
        """Tell a later instant each time, as a database's clock does, though ours stands still."""
        now = self._clock.now()
        if self._latest is not None and now <= self._latest:
            now = self._latest + timedelta(microseconds=1)
        self._latest = now
        return now


def _refuse_another(claim: Claim, route: str, body_sha256: bytes | None) -> None:
    if claim.route != route or claim.body_sha256 != body_sha256:
        sentence = "This Idempotency-Key was used for another request; choose a new one."
        raise IdempotencyKeyReused(sentence)


def _running() -> IdempotencyKeyRunning:
    sentence = "A request with this Idempotency-Key is still running; ask again shortly."
    return IdempotencyKeyRunning(sentence, retry_after_s=1)
