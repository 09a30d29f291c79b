"""Keep openings: the gate, the list of sealed hashes, the custodians' shares.

Locks are taken in the order opening, RFP, lots.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.ceremony import Purpose, Seat
from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import (
    Opening,
    OpeningStatus,
    OpeningUnknown,
    RfpClosed,
)
from services.bids.ports.sealed import DecideOpening, OpeningRecord, SealedEntry
from services.bids.store import seats
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.events.bids import LotClosed
from shared.journal import Aggregate, Entry, Journal

ACTOR: Final = "bids"

SELECT: Final = """
SELECT opening.id, opening.rfp_id, rfp.buyer_id, opening.purpose, opening.status,
    opening.closes_at, opening.public_key, opening.threshold, opening.window_s, opening.canary,
    opening.merkle_root, opening.opener_key, opening.closed_at, opening.unsealed_at,
    opening.purpose = 'price' AND EXISTS (
        SELECT FROM opening AS technical
        WHERE technical.rfp_id = opening.rfp_id AND technical.purpose = 'technical'
            AND technical.released_at IS NULL
    ) AS awaits_technical
FROM opening JOIN rfp ON rfp.id = opening.rfp_id
"""

_OF_RFP: Final = f"""-- bids.read_opening_of_rfp {SELECT}
WHERE opening.rfp_id = $1 AND opening.purpose = $2
"""

_ONE: Final = f"""-- bids.read_opening {SELECT}
WHERE opening.id = $1 AND (opening.purpose <> 'rehearsal' OR $2 OR rfp.buyer_id = $3
    OR EXISTS (SELECT FROM seat WHERE opening_id = opening.id AND custodian_id = $3))
"""

_CUSTODY: Final = f"""-- bids.page_of_custody {SELECT}
JOIN seat ON seat.opening_id = opening.id AND seat.custodian_id = $1
WHERE ($2::uuid IS NULL OR opening.id > $2) ORDER BY opening.id LIMIT $3
"""

LOCK: Final = f"""-- bids.lock_opening {SELECT}
WHERE opening.id = $1 FOR UPDATE OF opening
"""

_DUE: Final = """-- bids.list_due_openings
SELECT id FROM opening
WHERE status = 'sealed' AND purpose = 'price' AND closes_at <= $1 ORDER BY closes_at LIMIT $2
"""

_SAVE: Final = """-- bids.save_opening
UPDATE opening SET
    status = $2, merkle_root = $3, opener_key = $4, closed_at = $5, unsealed_at = $6
WHERE id = $1
"""

_SEALED_SHARE: Final = """-- bids.read_sealed_share
SELECT index, sealed_share FROM seat WHERE opening_id = $1 AND custodian_id = $2
"""

STANDING: Final = """
FROM bid
JOIN bid_version AS version ON version.bid_id = bid.id AND version.version = bid.latest_version
WHERE bid.opening_id = $1 AND NOT bid.is_withdrawn
"""
"""The bids that stand: the latest version of each, unless it is a withdrawal."""

_ENTRIES: Final = f"""-- bids.list_sealed_entries
SELECT bid.id AS bid_id, bid.lot_id, version.version, version.sealed_sha256
{STANDING} ORDER BY version.log_index
"""

_LOCK_TECHNICAL: Final = f"""-- bids.lock_technical_opening_to_close {SELECT}
WHERE opening.rfp_id = $1 AND opening.purpose = 'technical' AND opening.status = 'sealed'
FOR UPDATE OF opening
"""

_TECHNICAL_HASHES: Final = f"""-- bids.list_technical_hashes_to_close
SELECT version.technical_sha256
{STANDING} ORDER BY version.log_index
"""

_COUNT_OPENED: Final = """-- bids.count_unsealed
SELECT count(price_e4) AS opened, count(failure) AS failed
FROM unsealed_bid JOIN bid ON bid.id = unsealed_bid.bid_id WHERE bid.opening_id = $1
"""

_CLOSE_RFP: Final = """-- bids.close_rfp
UPDATE rfp SET status = 'closed' WHERE id = $1 AND status = 'published' RETURNING id
"""

_MOVE_LOTS: Final = """-- bids.move_lots_of_rfp
UPDATE lot SET status = $3 WHERE rfp_id = $1 AND status = $2 RETURNING id
"""


class OpeningStore:
    """The port `Openings` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains and events."""
        self._pool = pool
        self._journal = journal

    async def of_rfp(self, rfp_id: RfpId, *, purpose: Purpose = Purpose.PRICE) -> OpeningRecord:
        """Read an RFP's opening; its list of sealed bids is empty until it is closed.

        Raises:
            OpeningUnknown: No such RFP, or it is still a draft.
        """
        async with db.reading(self._pool) as connection:
            opening = await one(connection, _OF_RFP, rfp_id, purpose)
            return await _record(connection, opening)

    async def find(
        self, opening_id: OpeningId, *, viewer_id: PartyId | None, sees_all: bool
    ) -> OpeningRecord:
        """Read one opening; a rehearsal is its buyer's and its custodians' (or seen by all).

        Raises:
            OpeningUnknown: No such opening, or another's rehearsal.
        """
        async with db.reading(self._pool) as connection:
            opening = await one(connection, _ONE, opening_id, sees_all, viewer_id)
            return await _record(connection, opening)

    async def custody_of(
        self, custodian_id: PartyId, *, after: UUID | None, limit: int
    ) -> list[Opening]:
        """Read the openings in which a custodian has a seat, by their ids."""
        async with db.reading(self._pool) as connection:
            return await listed(connection, _CUSTODY, custodian_id, after, limit)

    async def sealed_share(
        self, opening_id: OpeningId, *, custodian_id: PartyId
    ) -> tuple[int, bytes]:
        """Read the share that was dealt to this custodian, with its index.

        Raises:
            OpeningUnknown: No such opening, or the custodian has no seat in it.
        """
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(_SEALED_SHARE, opening_id, custodian_id)
        if row is None:
            raise OpeningUnknown
        return row["index"], row["sealed_share"]

    async def due(self, closed_by: datetime, *, limit: int) -> list[OpeningId]:
        """List sealed openings whose deadline is at or before an instant, oldest first."""
        async with db.reading(self._pool) as connection:
            return [OpeningId(row["id"]) for row in await connection.fetch(_DUE, closed_by, limit)]

    async def close(
        self,
        opening_id: OpeningId,
        decide: Callable[[Opening, Sequence[bytes]], Decision[Opening]],
        *,
        at: datetime,
    ) -> Opening:
        """Wait for whatever holds the gate, then close the opening, its RFP and its lots.

        An opening that is sealed no more, or not due any more, is left as it is.
        """
        async with db.transaction(self._pool) as connection:
            opening = await one(connection, LOCK, opening_id)
            if opening.status is not OpeningStatus.SEALED:
                return opening
            entries = await connection.fetch(_ENTRIES, opening_id)
            decision = decide(opening, [entry["sealed_sha256"] for entry in entries])
            if not decision.facts:
                return opening
            await save(connection, decision.state)
            facts = [Entry(Aggregate("opening", opening.id), decision.facts)]
            facts += await _close_technical(connection, opening, decide)
            if await connection.fetchval(_CLOSE_RFP, opening.rfp_id):
                facts.append(Entry(Aggregate("rfp", opening.rfp_id), (RfpClosed(closed_at=at),)))
            counts = Counter(LotId(entry["lot_id"]) for entry in entries)
            facts += await _close_lots(connection, opening, counts)
            await self._journal.record(connection, facts, actor=ACTOR, at=at)
        return decision.state

    async def submit(
        self, opening_id: OpeningId, decide: DecideOpening, *, custodian_id: PartyId, at: datetime
    ) -> OpeningRecord:
        """Change an opening for a custodian.

        Raises:
            OpeningUnknown: No such opening.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            opening = await one(connection, LOCK, opening_id)
            changed = await change_opening(
                connection, self._journal, decide(opening), (str(custodian_id), at)
            )
            return await _record(connection, changed)


async def change_opening(
    connection: Connection, journal: Journal, decision: Decision[Opening], by: tuple[str, datetime]
) -> Opening:
    """Save an opening and record its facts, if there are any; `by` is the actor and the instant."""
    if decision.facts:
        actor, at = by
        opening = decision.state
        await save(connection, opening)
        entry = Entry(Aggregate("opening", opening.id), decision.facts)
        await journal.record(connection, [entry], actor=actor, at=at)
    return decision.state


async def _close_technical(
    connection: Connection,
    price: Opening,
    decide: Callable[[Opening, Sequence[bytes]], Decision[Opening]],
) -> list[Entry]:
    """Close the technical opening of the same RFP, where there are two envelopes."""
    entries: list[Entry] = []
    for opening in await listed(connection, _LOCK_TECHNICAL, price.rfp_id):
        rows = await connection.fetch(_TECHNICAL_HASHES, price.id)
        decision = decide(opening, [row["technical_sha256"] for row in rows])
        await save(connection, decision.state)
        entries.append(Entry(Aggregate("opening", opening.id), decision.facts))
    return entries


async def _close_lots(
    connection: Connection, opening: Opening, counts: Mapping[LotId, int]
) -> list[Entry]:
    lots = await move_lots(connection, opening, LotStatus.OPEN, LotStatus.CLOSED)
    return [
        lot_entry(
            lot_id,
            LotClosed(
                lot_id=lot_id,
                rfp_id=opening.rfp_id,
                buyer_id=opening.buyer_id,
                bids=counts.get(lot_id, 0),
            ),
        )
        for lot_id in lots
    ]


async def move_lots(
    connection: Connection, opening: Opening, before: LotStatus, after: LotStatus
) -> list[LotId]:
    """Move all lots of the opening's RFP that are in one state to another; return their ids."""
    rows = await connection.fetch(_MOVE_LOTS, opening.rfp_id, before, after)
    return sorted(LotId(row["id"]) for row in rows)


def lot_entry(lot_id: LotId, fact: Fact) -> Entry:
    """Pair a lot with the fact that goes onto its chain."""
    return Entry(Aggregate("lot", lot_id), (fact,))


async def save(connection: Connection, opening: Opening) -> None:
    """Write what an opening has become."""
    await connection.execute(
        _SAVE,
        opening.id,
        opening.status,
        opening.merkle_root,
        opening.opener_key,
        opening.closed_at,
        opening.unsealed_at,
    )
    await seats.save_seats(connection, opening.id, opening.seats)


async def _record(connection: Connection, opening: Opening) -> OpeningRecord:
    if opening.status is OpeningStatus.SEALED or opening.merkle_root is None:
        return OpeningRecord(opening, (), None, None)
    entries = tuple(
        SealedEntry(BidId(row["bid_id"]), row["version"], row["sealed_sha256"])
        for row in await connection.fetch(_ENTRIES, opening.id)
    )
    if opening.status is not OpeningStatus.UNSEALED:
        return OpeningRecord(opening, entries, None, None)
    counts = await connection.fetchrow(_COUNT_OPENED, opening.id)
    opened, failed = (0, 0) if counts is None else (counts["opened"], counts["failed"])
    return OpeningRecord(opening, entries, opened, failed)


async def one(connection: Connection, query: str, *arguments: object) -> Opening:
    """Read the one opening that a query finds, with its seats.

    Raises:
        OpeningUnknown: It finds none.
    """
    openings = await listed(connection, query, *arguments)
    if not openings:
        raise OpeningUnknown
    return openings[0]


async def listed(connection: Connection, query: str, *arguments: object) -> list[Opening]:
    """Read the openings that a query finds, with their seats, in its order."""
    rows = await connection.fetch(query, *arguments)
    by_opening = await seats.seats_of(connection, [OpeningId(row["id"]) for row in rows])
    return [_opening(row, by_opening.get(OpeningId(row["id"]), ())) for row in rows]


def _opening(row: asyncpg.Record, held: tuple[Seat, ...]) -> Opening:
    return Opening(
        id=OpeningId(row["id"]),
        rfp_id=RfpId(row["rfp_id"]),
        buyer_id=PartyId(row["buyer_id"]),
        purpose=Purpose(row["purpose"]),
        status=OpeningStatus(row["status"]),
        closes_at=row["closes_at"],
        public_key=row["public_key"],
        threshold=row["threshold"],
        window_s=row["window_s"],
        seats=held,
        canary=row["canary"],
        awaits_technical=row["awaits_technical"],
        merkle_root=row["merkle_root"],
        opener_key=row["opener_key"],
        closed_at=row["closed_at"],
        unsealed_at=row["unsealed_at"],
    )
