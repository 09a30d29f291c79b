"""Write down what became true: the aggregate's hash chain, and the outbox, in one transaction.

Every fact is one row of its aggregate's chain: `hash = sha256(previous hash ‖ entry)`, where the
entry is canonical JSON. A fact that is an event is also put into the outbox as an envelope whose
`sequence` is its place in the chain.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from shared.db import Connection
from shared.domain.canonical import canonical
from shared.domain.facts import Event, Fact
from shared.domain.ids import EventId, new_id
from shared.events.envelope import Envelope

GENESIS: Final = bytes(32)
"""The hash before an aggregate's first entry."""

_HEADS: Final = """-- shared.chain_heads
SELECT wanted.id AS aggregate_id, head.sequence, head.hash
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT sequence, hash FROM audit
    WHERE aggregate_id = wanted.id ORDER BY sequence DESC LIMIT 1
) AS head
"""

_APPEND: Final = """-- shared.append_audit
INSERT INTO audit (aggregate_id, sequence, type, at, entry, hash)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[]
)
"""

_PUT: Final = """-- shared.put_outbox
INSERT INTO outbox (event_id, type, aggregate_id, envelope)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[])
"""

_READ: Final = """-- shared.read_chain
SELECT sequence, entry, hash FROM audit
WHERE aggregate_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The thing that a fact is about: its kind (`lot`) and its id."""

    kind: str
    id: UUID

    def __str__(self) -> str:
        """Write it as an event's subject: `lot/0190…`."""
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True, slots=True)
class Entry:
    """Facts of one aggregate, in order. The caller holds the aggregate's row lock."""

    aggregate: Aggregate
    facts: tuple[Fact, ...]


class Link(NamedTuple):
    """One row of a chain, as it is kept: the text that was hashed, and the hash."""

    aggregate_id: UUID
    sequence: int
    type: str
    at: datetime
    entry: str
    hash: bytes


class Journal:
    """Record facts for one service."""

    def __init__(self, service: str) -> None:
        """Sign what is told as `/commonlot/<service>`."""
        self._source = f"/commonlot/{service}"

    async def record(
        self, connection: Connection, entries: Sequence[Entry], *, actor: str, at: datetime
    ) -> Mapping[UUID, Link]:
        """Append the facts to their chains and put the events among them into the outbox.

        `actor` is who made it so: a party's id, or the service's name for what a clock did.
        Returns each aggregate's newest link. The whole takes three statements, however many facts.
        """
        heads = await _heads(connection, [entry.aggregate.id for entry in entries])
        links: list[Link] = []
        told: list[tuple[UUID, Envelope[Event]]] = []
        for entry in entries:
            sequence, previous = heads.get(entry.aggregate.id, (0, GENESIS))
            for fact in entry.facts:
                sequence += 1
                link = chain(entry.aggregate, fact, (sequence, previous), actor=actor, at=at)
                links.append(link)
                previous = link.hash
                if isinstance(fact, Event):
                    envelope = self.wrap(entry.aggregate, fact, sequence=sequence, at=at)
                    told.append((entry.aggregate.id, envelope))
            heads[entry.aggregate.id] = (sequence, previous)
        await append(connection, links)
        await _put(connection, told)
        return {link.aggregate_id: link for link in links}

    async def tell(
        self,
        connection: Connection,
        aggregate: Aggregate,
        events: Sequence[tuple[int, Event]],
        *,
        at: datetime,
    ) -> None:
        """Put events into the outbox whose chain is kept elsewhere, with their sequences there."""
        told = [self.wrap(aggregate, event, sequence=place, at=at) for place, event in events]
        await _put(connection, [(aggregate.id, envelope) for envelope in told])

    def wrap(
        self, aggregate: Aggregate, event: Event, *, sequence: int, at: datetime
    ) -> Envelope[Event]:
        """Put an event into an envelope of its own, signed by this service."""
        return Envelope(EventId(new_id()), self._source, str(aggregate), at, sequence, event)


def chain(
    aggregate: Aggregate, fact: Fact, head: tuple[int, bytes], *, actor: str, at: datetime
) -> Link:
    """Make the link at place `head[0]` that follows the hash `head[1]`."""
    sequence, previous = head
    # What `canonical` writes of these members, in the order of their names. They are known, so that
    # nothing has to be sorted or looked at anew for each offer of a live auction.
    entry = (
        f'{{"actor":{canonical(actor)},"aggregate":"{aggregate}","at":{canonical(at)},'
        f'"data":{canonical(fact)},"sequence":{sequence},"type":"{fact.TYPE}"}}'
    )
    digest = hashlib.sha256(previous + entry.encode()).digest()
    return Link(aggregate.id, sequence, fact.TYPE, at, entry, digest)


async def append(connection: Connection, links: Sequence[Link]) -> None:
    """Insert links; the primary key refuses a place that is taken already."""
    if links:
        await connection.execute(
            _APPEND,
            [link.aggregate_id for link in links],
            [link.sequence for link in links],
            [link.type for link in links],
            [link.at for link in links],
            [link.entry for link in links],
            [link.hash for link in links],
        )


async def read_chain(
    connection: Connection, aggregate_id: UUID, *, after: int, limit: int
) -> list[tuple[int, str, bytes]]:
    """Return (sequence, entry, hash) rows behind `after`, oldest first."""
    rows = await connection.fetch(_READ, aggregate_id, after, limit)
    return [(row["sequence"], row["entry"], row["hash"]) for row in rows]


def first_broken(rows: Sequence[tuple[int, str, bytes]], previous: bytes = GENESIS) -> int | None:
    """Return the sequence of the first row whose hash does not follow, or None if all do."""
    for sequence, entry, kept in rows:
        previous = hashlib.sha256(previous + entry.encode()).digest()
        if previous != kept:
            return sequence
    return None


async def _heads(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, tuple[int, bytes]]:
    rows = await connection.fetch(_HEADS, ids)
    return {row["aggregate_id"]: (row["sequence"], row["hash"]) for row in rows}


async def _put(connection: Connection, told: Sequence[tuple[UUID, Envelope[Event]]]) -> None:
    if told:
        await connection.execute(
            _PUT,
            [envelope.id for _, envelope in told],
            [envelope.type for _, envelope in told],
            [aggregate_id for aggregate_id, _ in told],
            [envelope.to_json() for _, envelope in told],
        )
