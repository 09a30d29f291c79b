"""Keep openings: the gate, the list of sealed hashes, the custodian's share.

Locks are taken in the order opening, RFP, lots.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import (
    Opening,
    OpeningStatus,
    OpeningUnknown,
    RfpClosed,
)
from services.bids.ports.sealed import DecideOpening, OpeningRecord, SealedEntry
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.events.bids import LotClosed
from shared.journal import Aggregate, Entry, Journal

ACTOR: Final = "bids"

SELECT: Final = """
SELECT opening.id, opening.rfp_id, rfp.buyer_id, opening.custodian_id, opening.status,
    opening.closes_at, opening.public_key, opening.merkle_root, opening.opener_key,
    opening.submitted_share, opening.refused_share_reason, opening.closed_at, opening.unsealed_at
FROM opening JOIN rfp ON rfp.id = opening.rfp_id
"""

_OF_RFP: Final = f"""-- bids.read_opening_of_rfp {SELECT}
WHERE opening.rfp_id = $1
"""

LOCK: Final = f"""-- bids.lock_opening {SELECT}
WHERE opening.id = $1 FOR UPDATE OF opening
"""

_LOCK_OWN: Final = f"""-- bids.lock_own_opening {SELECT}
WHERE opening.id = $1 AND opening.custodian_id = $2 FOR UPDATE OF opening
"""

_DUE: Final = """-- bids.list_due_openings
SELECT id FROM opening WHERE status = 'sealed' AND closes_at <= $1 ORDER BY closes_at LIMIT $2
"""

_SAVE: Final = """-- bids.save_opening
UPDATE opening SET
    status = $2, merkle_root = $3, opener_key = $4, submitted_share = $5,
    refused_share_reason = $6, closed_at = $7, unsealed_at = $8
WHERE id = $1
"""

_SEALED_SHARE: Final = """-- bids.read_sealed_share
SELECT sealed_share FROM opening WHERE id = $1 AND custodian_id = $2
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

    async def of_rfp(self, rfp_id: RfpId) -> OpeningRecord:
        """Read an RFP's opening; its list of sealed bids is empty until it is closed.

        Raises:
            OpeningUnknown: No such RFP, or it is still a draft.
        """
        async with db.reading(self._pool) as connection:
            opening = one(await connection.fetchrow(_OF_RFP, rfp_id))
            return await _record(connection, opening)

    async def sealed_share(self, opening_id: OpeningId, *, custodian_id: PartyId) -> bytes:
        """Read the share that was dealt to this custodian, sealed to its registered key.

        Raises:
            OpeningUnknown: No such opening, or another custodian's.
        """
        async with db.reading(self._pool) as connection:
            share: bytes | None = await connection.fetchval(_SEALED_SHARE, opening_id, custodian_id)
        if share is None:
            raise _unknown()
        return share

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
        """Wait for filings that hold the gate, then close the opening, its RFP and its lots.

        An opening that is sealed no more is left as it is.
        """
        async with db.transaction(self._pool) as connection:
            opening = one(await connection.fetchrow(LOCK, opening_id))
            if opening.status is not OpeningStatus.SEALED:
                return opening
            entries = await connection.fetch(_ENTRIES, opening_id)
            decision = decide(opening, [entry["sealed_sha256"] for entry in entries])
            await save(connection, decision.state)
            facts = [Entry(Aggregate("opening", opening.id), decision.facts)]
            if await connection.fetchval(_CLOSE_RFP, opening.rfp_id):
                facts.append(Entry(Aggregate("rfp", opening.rfp_id), (RfpClosed(closed_at=at),)))
            counts = Counter(LotId(entry["lot_id"]) for entry in entries)
            facts += await _close_lots(connection, opening, counts)
            await self._journal.record(connection, facts, actor=ACTOR, at=at)
        return decision.state

    async def submit(
        self, opening_id: OpeningId, decide: DecideOpening, *, custodian_id: PartyId, at: datetime
    ) -> OpeningRecord:
        """Change the custodian's own opening.

        Raises:
            OpeningUnknown: No such opening, or another custodian's.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            opening = one(await connection.fetchrow(_LOCK_OWN, opening_id, custodian_id))
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
        opening.submitted_share,
        opening.refused_share_reason,
        opening.closed_at,
        opening.unsealed_at,
    )


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


def one(row: asyncpg.Record | None) -> Opening:
    """Build an opening from a row that may be missing.

    Raises:
        OpeningUnknown: It is missing.
    """
    if row is None:
        raise _unknown()
    return opening_of(row)


def _unknown() -> OpeningUnknown:
    sentence = "There is no such opening."
    return OpeningUnknown(sentence)


def opening_of(row: asyncpg.Record) -> Opening:
    """Build an opening from the columns of `SELECT`."""
    return Opening(
        id=OpeningId(row["id"]),
        rfp_id=RfpId(row["rfp_id"]),
        buyer_id=PartyId(row["buyer_id"]),
        custodian_id=PartyId(row["custodian_id"]),
        status=OpeningStatus(row["status"]),
        closes_at=row["closes_at"],
        public_key=row["public_key"],
        merkle_root=row["merkle_root"],
        opener_key=row["opener_key"],
        submitted_share=row["submitted_share"],
        refused_share_reason=row["refused_share_reason"],
        closed_at=row["closed_at"],
        unsealed_at=row["unsealed_at"],
    )
