"""Keep auctions in PostgreSQL: one function per query."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from services.auctions.domain import facts
from services.auctions.domain.auction import Calendar, Entrant, Status, Terms, fold
from services.auctions.domain.log import Batch, LoggedFact, LogRow
from services.auctions.domain.rules import Rules
from services.auctions.ports import (
    AuctionUnknown,
    DeskLost,
    Head,
    Loaded,
    Proposal,
    Ticket,
    Written,
)
from shared import db, lease
from shared.db import Connection, Pool
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId, EventId, LotId, PartyId, RfpId
from shared.domain.money import Currency
from shared.inbox import claim
from shared.journal import Aggregate, Journal

_FACTS: Final[Mapping[str, type[Fact]]] = {
    fact.TYPE: fact
    for fact in (
        facts.AuctionProposed,
        facts.Opened,
        facts.OfferPlaced,
        facts.Extended,
        facts.Closed,
        facts.Cancelled,
    )
}


def lease_name(auction_id: AuctionId) -> str:
    """Name the lease of an auction's desk."""
    return f"desk/{auction_id}"


class AuctionStore:
    """The record of the auctions service."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool; events go out through the journal's outbox."""
        self._pool = pool
        self._journal = journal

    # Proposals ---------------------------------------------------------------------------------

    async def propose(self, proposal: Proposal, *, cause: EventId, at: datetime) -> bool:
        """Store a requested auction with its first log entry, or its refusal; once per request.

        Returns False where the request was answered before.
        """
        async with db.transaction(self._pool) as connection:
            if not await claim(connection, cause):
                return False
            if proposal.terms is not None:
                await _insert_terms(connection, proposal)
            await self._journal.tell(
                connection, Aggregate("auction", proposal.id), [(1, proposal.answer)], at=at
            )
            return True

    _TOMBSTONE: Final = """-- auctions.bury_rfp
    INSERT INTO cancelled_rfp (rfp_id, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING
    """

    async def bury_rfp(self, rfp_id: RfpId, *, reason: str, cause: EventId) -> None:
        """Note that a solicitation was cancelled; its auctions' desks will see it."""
        async with db.transaction(self._pool) as connection:
            if await claim(connection, cause):
                await connection.execute(self._TOMBSTONE, rfp_id, reason)

    _IS_BURIED: Final = """-- auctions.rfp_reason
    SELECT reason FROM cancelled_rfp WHERE rfp_id = $1
    """

    async def cancellation_of(self, rfp_id: RfpId) -> str | None:
        """Return why a solicitation was cancelled, or None."""
        async with db.reading(self._pool) as connection:
            reason: str | None = await connection.fetchval(self._IS_BURIED, rfp_id)
        return reason

    _DOOMED: Final = """-- auctions.list_doomed
    SELECT auction.id, cancelled_rfp.reason FROM auction
    JOIN cancelled_rfp ON cancelled_rfp.rfp_id = auction.rfp_id
    WHERE auction.status IN ('scheduled', 'live') AND auction.id = ANY($1::uuid[])
    """

    async def doomed(self, ids: Sequence[AuctionId]) -> Mapping[AuctionId, str]:
        """Return those of the auctions whose solicitation was cancelled, with the reason."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._DOOMED, ids)
        return {AuctionId(row["id"]): row["reason"] for row in rows}

    # The desk ----------------------------------------------------------------------------------

    _DUE: Final = """-- auctions.list_due
    SELECT id FROM auction
    WHERE status IN ('scheduled', 'live')
        AND (opens_at <= $1 OR rfp_id IN (SELECT rfp_id FROM cancelled_rfp))
    ORDER BY opens_at, id LIMIT $2
    """

    async def due(self, *, until: datetime, limit: int) -> Sequence[AuctionId]:
        """List auctions that need a desk by `until`: live, about to open, or to be cancelled."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._DUE, until, limit)
        return [AuctionId(row["id"]) for row in rows]

    async def lease(
        self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
    ) -> Mapping[AuctionId, int]:
        """Take or renew the desks' leases; return the token of each that is held."""
        names = {lease_name(auction_id): auction_id for auction_id in ids}
        async with db.transaction(self._pool) as connection:
            held = await lease.acquire(connection, list(names), holder=holder, lease_s=lease_s)
        return {names[name]: token for name, token in held.items()}

    async def release(self, ids: Sequence[AuctionId], *, holder: UUID) -> None:
        """Give desks' leases back."""
        async with db.transaction(self._pool) as connection:
            await lease.release(connection, [lease_name(one) for one in ids], holder=holder)

    _LOG: Final = """-- auctions.read_log
    SELECT sequence, type, at, entry, hash, vendor_id, idempotency_key FROM auction_log
    WHERE auction_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
    """

    _WHOLE_LOG: Final = """-- auctions.read_whole_log
    SELECT sequence, type, at, entry, hash, vendor_id, idempotency_key FROM auction_log
    WHERE auction_id = $1 ORDER BY sequence
    """

    _CALENDAR: Final = """-- auctions.read_calendar
    SELECT status, opens_at, closes_at FROM auction WHERE id = $1
    """

    async def calendar(self, auction_id: AuctionId) -> Calendar:
        """Read when an auction runs.

        Raises:
            AuctionUnknown: There is no such auction.
        """
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(self._CALENDAR, auction_id)
        if row is None:
            raise AuctionUnknown
        return Calendar(Status(row["status"]), row["opens_at"], row["closes_at"])

    async def load(self, auction_id: AuctionId) -> Loaded:
        """Fold an auction from its log, with the log's head and the keys of its offers.

        Raises:
            AuctionUnknown: There is no such auction.
        """
        async with db.transaction(self._pool) as connection:
            terms = await _read_terms(connection, auction_id)
            rows = await connection.fetch(self._WHOLE_LOG, auction_id)
        logged = [_fact_of(row) for row in rows]
        auction = fold(terms, [(one.sequence, one.fact, one.at) for one in logged])
        keys = {
            (PartyId(row["vendor_id"]), row["idempotency_key"]): row["sequence"]
            for row in rows
            if row["idempotency_key"] is not None
        }
        return Loaded(auction, Head(rows[-1]["sequence"], rows[-1]["hash"]), keys)

    # One statement is one round trip and one fsync; without the fence's row it writes nothing.
    _COMMIT: Final = """-- auctions.commit_batch
    WITH fence AS MATERIALIZED (
        SELECT 1 FROM lease WHERE name = $1 AND token = $2 FOR SHARE
    ), logged AS (
        INSERT INTO auction_log
            (auction_id, sequence, type, at, entry, hash, vendor_id, idempotency_key)
        SELECT $3, row.* FROM fence, unnest(
            $4::bigint[], $5::text[], $6::timestamptz[], $7::text[], $8::bytea[], $9::uuid[],
            $10::text[]
        ) AS row
        RETURNING 1
    ), told AS (
        INSERT INTO outbox (event_id, type, aggregate_id, envelope)
        SELECT row.event_id, row.type, $3, row.envelope FROM fence, unnest(
            $11::uuid[], $12::text[], $13::text[]
        ) WITH ORDINALITY AS row (event_id, type, envelope, place)
        ORDER BY row.place
    ), moved AS (
        UPDATE auction SET status = $14, closes_at = $15 FROM fence
        WHERE id = $3 AND (status, closes_at) IS DISTINCT FROM ($14, $15)
    )
    SELECT count(*) FROM logged
    """

    async def commit(self, batch: Batch, *, token: int) -> None:
        """Write what a desk decided, all or nothing.

        Raises:
            DeskLost: Another process holds the desk now; nothing was written.
            DatabaseUnavailable: The outcome is in doubt.
        """
        auction_id = batch.auction.terms.id
        aggregate = Aggregate("auction", auction_id)
        told = [
            self._journal.wrap(aggregate, event, sequence=sequence, at=at)
            for sequence, event, at in batch.events
        ]
        rows = batch.rows
        try:
            async with db.reading(self._pool) as connection:
                written = await connection.fetchval(
                    self._COMMIT,
                    lease_name(auction_id),
                    token,
                    auction_id,
                    [row.sequence for row in rows],
                    [row.type for row in rows],
                    [row.at for row in rows],
                    [row.entry for row in rows],
                    [row.hash for row in rows],
                    [row.vendor_id for row in rows],
                    [row.idempotency_key for row in rows],
                    [envelope.id for envelope in told],
                    [envelope.type for envelope in told],
                    [envelope.to_json() for envelope in told],
                    batch.auction.status,
                    batch.auction.closes_at,
                )
        except asyncpg.UniqueViolationError as error:
            # The primary key is the last fence: somebody else wrote this sequence.
            raise DeskLost from error
        if written != len(rows):
            raise DeskLost

    _ENTRY: Final = """-- auctions.read_entry
    SELECT sequence, type, at, entry, hash FROM auction_log
    WHERE auction_id = $1 AND sequence = $2
    """

    async def written(self, auction_id: AuctionId, sequence: int) -> Written:
        """Read back a fact that was committed.

        Raises:
            AuctionUnknown: There is no such entry.
        """
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(self._ENTRY, auction_id, sequence)
        if row is None:
            raise AuctionUnknown
        return Written(row["sequence"], row["hash"], row["at"], _fact_of(row).fact)

    # Reading -----------------------------------------------------------------------------------

    async def log(self, auction_id: AuctionId, *, after: int, limit: int) -> Sequence[LogRow]:
        """Return log rows behind `after`, oldest first."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._LOG, auction_id, after, limit)
        return [_log_row(row) for row in rows]

    _LIST: Final = """-- auctions.list
    SELECT id FROM auction WHERE ($1::uuid IS NULL OR id > $1) AND ($2::text IS NULL OR status = $2)
    ORDER BY id LIMIT $3
    """

    async def list(
        self, *, after: UUID | None, status: Status | None, limit: int
    ) -> Sequence[AuctionId]:
        """List auctions by id."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._LIST, after, status, limit)
        return [AuctionId(row["id"]) for row in rows]

    _NEWEST: Final = """-- auctions.list_newest
    SELECT id FROM auction ORDER BY id DESC LIMIT $1
    """

    async def newest(self, *, limit: int) -> Sequence[AuctionId]:
        """List the auctions that were scheduled last, newest first."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._NEWEST, limit)
        return [AuctionId(row["id"]) for row in rows]

    # Stream tickets ----------------------------------------------------------------------------

    _ADD_TICKET: Final = """-- auctions.add_ticket
    INSERT INTO stream_ticket (sha256, party_id, role, auction_id, expires_at)
    VALUES ($1, $2, $3, $4, $5)
    """

    async def add_ticket(self, sha256: bytes, ticket: Ticket) -> None:
        """Keep a ticket by its hash, so that the table lets nobody in."""
        async with db.transaction(self._pool) as connection:
            await connection.execute(
                self._ADD_TICKET,
                sha256,
                ticket.party_id,
                ticket.role,
                ticket.auction_id,
                ticket.expires_at,
            )

    _USE_TICKET: Final = """-- auctions.use_ticket
    DELETE FROM stream_ticket WHERE sha256 = $1
    RETURNING party_id, role, auction_id, expires_at
    """

    async def use_ticket(self, sha256: bytes) -> Ticket | None:
        """Take a ticket away and return it; None where there is none (any more)."""
        async with db.transaction(self._pool) as connection:
            row = await connection.fetchrow(self._USE_TICKET, sha256)
        if row is None:
            return None
        return Ticket(row["party_id"], row["role"], row["auction_id"], row["expires_at"])

    _SWEEP_TICKETS: Final = """-- auctions.sweep_tickets
    DELETE FROM stream_ticket WHERE expires_at < $1
    """

    async def sweep_tickets(self, *, now: datetime) -> None:
        """Forget tickets that were never used."""
        async with db.transaction(self._pool) as connection:
            await connection.execute(self._SWEEP_TICKETS, now)


_INSERT_AUCTION: Final = """-- auctions.insert
INSERT INTO auction (
    id, lot_id, rfp_id, buyer_id, title, unit, quantity, currency, rules, status, opens_at,
    first_closes_at, closes_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'scheduled', $10, $11, $11)
"""

_INSERT_ENTRANTS: Final = """-- auctions.insert_entrants
INSERT INTO entrant (auction_id, vendor_id, alias, position, opening_price_e4, salt)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::bigint[], $6::bytea[])
"""

_INSERT_FIRST_ENTRY: Final = """-- auctions.insert_first_entry
INSERT INTO auction_log (auction_id, sequence, type, at, entry, hash)
VALUES ($1, $2, $3, $4, $5, $6)
"""

_READ: Final = """-- auctions.read
SELECT lot_id, rfp_id, buyer_id, title, unit, quantity, currency, rules, opens_at, first_closes_at
FROM auction WHERE id = $1
"""

_READ_ENTRANTS: Final = """-- auctions.read_entrants
SELECT vendor_id, alias, opening_price_e4 FROM entrant WHERE auction_id = $1 ORDER BY position
"""


async def _insert_terms(connection: Connection, proposal: Proposal) -> None:
    terms, first = proposal.terms, proposal.first_entry
    if terms is None or first is None:
        return
    await connection.execute(
        _INSERT_AUCTION,
        terms.id,
        terms.lot_id,
        terms.rfp_id,
        terms.buyer_id,
        terms.title,
        terms.unit,
        terms.quantity,
        terms.currency,
        _rules_document(terms.rules),
        terms.opens_at,
        terms.closes_at,
    )
    await connection.execute(
        _INSERT_ENTRANTS,
        terms.id,
        [entrant.vendor_id for entrant in terms.entrants],
        [entrant.alias for entrant in terms.entrants],
        list(range(len(terms.entrants))),
        [entrant.opening_e4 for entrant in terms.entrants],
        list(proposal.salts),
    )
    await connection.execute(
        _INSERT_FIRST_ENTRY, terms.id, first.sequence, first.type, first.at, first.entry, first.hash
    )


async def _read_terms(connection: Connection, auction_id: AuctionId) -> Terms:
    row = await connection.fetchrow(_READ, auction_id)
    if row is None:
        raise AuctionUnknown
    entrants = await connection.fetch(_READ_ENTRANTS, auction_id)
    return Terms(
        id=auction_id,
        lot_id=LotId(row["lot_id"]),
        rfp_id=RfpId(row["rfp_id"]),
        buyer_id=PartyId(row["buyer_id"]),
        title=row["title"],
        unit=row["unit"],
        quantity=row["quantity"],
        currency=Currency(row["currency"]),
        opens_at=row["opens_at"],
        closes_at=row["first_closes_at"],
        rules=_RULES.validate_python(row["rules"]),
        entrants=tuple(
            Entrant(PartyId(one["vendor_id"]), one["alias"], one["opening_price_e4"])
            for one in entrants
        ),
    )


_RULES: Final = TypeAdapter(Rules)


def _rules_document(rules: Rules) -> object:
    return _RULES.dump_python(rules, mode="json")


@cache
def _reader(fact_type: str) -> TypeAdapter[Fact]:
    return TypeAdapter(_FACTS[fact_type])


def _fact_of(row: asyncpg.Record) -> LoggedFact:
    data = json.loads(row["entry"])["data"]
    return LoggedFact(row["sequence"], _reader(row["type"]).validate_python(data), row["at"])


def _log_row(row: asyncpg.Record) -> LogRow:
    return LogRow(
        row["sequence"],
        row["type"],
        row["at"],
        row["entry"],
        row["hash"],
        row["vendor_id"],
        row["idempotency_key"],
    )
