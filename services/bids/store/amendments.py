"""Keep addenda, and the confirmations by which earlier bids go on to count.

An addendum takes the RFP's openings FOR UPDATE before the RFP itself, so that every filing under
way has committed when its instant is taken.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.amendments import Addendum, Amendment, Confirmable
from services.bids.domain.bids import BidUnknown
from services.bids.ports.purchase import Part
from services.bids.store.chains import entries_of
from services.bids.store.rfps import find_visible, lock_own, save
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.journal import Journal

VENDOR: Final = "vendor"
"""Who confirmed, as the chain may tell it before the opening: a vendor, and not which one."""

_HOLD_OPENINGS: Final = """-- bids.hold_openings_of_rfp
SELECT opening.id, opening.status FROM opening JOIN rfp ON rfp.id = opening.rfp_id
WHERE rfp.id = $1 AND rfp.buyer_id = $2 AND opening.purpose <> 'rehearsal'
ORDER BY opening.id FOR UPDATE OF opening
"""

_FIND: Final = """-- bids.find_addendum
SELECT id, rfp_id, version, is_substantial, text, closes_at, issued_at FROM addendum
WHERE id = $1 AND rfp_id = $2
"""

_ADD: Final = """-- bids.add_addendum
INSERT INTO addendum (id, rfp_id, version, is_substantial, text, closes_at, issued_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

_MOVE: Final = """-- bids.move_deadline
UPDATE opening SET closes_at = $2 WHERE id = ANY($1::uuid[])
"""

_PAGE: Final = """-- bids.page_addenda
SELECT id, rfp_id, version, is_substantial, text, closes_at, issued_at FROM addendum
WHERE rfp_id = $1
    AND version > coalesce((SELECT version FROM addendum AS last WHERE last.id = $2), 0)
ORDER BY version LIMIT $3
"""

_HOLD_GATE: Final = """-- bids.hold_gate_to_confirm
SELECT opening.id FROM bid JOIN opening ON opening.id = bid.opening_id
WHERE bid.lot_id = $1 AND bid.vendor_id = $2 FOR SHARE OF opening
"""

_CONFIRMABLE: Final = """-- bids.find_confirmable_bid
SELECT opening.id AS opening_id, bid.id AS bid_id, bid.lot_id,
    opening.status = 'sealed' AS is_sealed, opening.closes_at, rfp.addendum
FROM bid
JOIN opening ON opening.id = bid.opening_id
JOIN rfp ON rfp.id = opening.rfp_id
WHERE bid.lot_id = $1 AND bid.vendor_id = $2 AND NOT bid.is_withdrawn
"""

_LOCK_LOG: Final = """-- bids.lock_opening_log_to_confirm
SELECT opening_id FROM opening_log WHERE opening_id = $1 FOR UPDATE
"""

_CONFIRM: Final = """-- bids.add_bid_confirmation
INSERT INTO bid_confirmation (bid_id, addendum_version, confirmed_at) VALUES ($1, $2, $3)
ON CONFLICT (bid_id, addendum_version) DO NOTHING RETURNING bid_id
"""

COUNTS: Final = """(
    NOT EXISTS (
        SELECT FROM addendum JOIN opening ON opening.rfp_id = addendum.rfp_id
        WHERE opening.id = bid.opening_id AND addendum.is_substantial
            AND version.received_at < addendum.issued_at
            AND NOT EXISTS (
                SELECT FROM bid_confirmation
                WHERE bid_confirmation.bid_id = bid.id
                    AND bid_confirmation.addendum_version >= addendum.version
            )
    )
)"""
"""Whether a bid counts, for a query with the tables `bid` and `version` (a `bid_version`).

It says what `domain.amendments.is_counted` says: a later confirmation covers earlier addenda.
"""

_UNCONFIRMED: Final = f"""-- bids.list_unconfirmed_bids
SELECT bid.id FROM bid
JOIN bid_version AS version ON version.bid_id = bid.id AND version.version = bid.latest_version
WHERE bid.opening_id = $1 AND NOT bid.is_withdrawn AND NOT {COUNTS}
"""  # noqa: S608 - joins a constant of this file


class PostgresAmendmentStore:
    """The port `AmendmentStore` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains and events."""
        self._pool = pool
        self._journal = journal

    async def amend(
        self,
        rfp_id: RfpId,
        addendum_id: UUID,
        decide: Callable[[Amendment], Decision[Amendment]],
        *,
        buyer_id: PartyId,
    ) -> Addendum:
        """Add an addendum, holding every gate of the RFP while `decide` takes its instant."""
        async with db.transaction(self._pool) as connection:
            held = await connection.fetch(_HOLD_OPENINGS, rfp_id, buyer_id)
            rfp = await lock_own(connection, rfp_id, buyer_id)
            if not held:
                # It may have been published while this waited for its row.
                held = await connection.fetch(_HOLD_OPENINGS, rfp_id, buyer_id)
            standing = await connection.fetchrow(_FIND, addendum_id, rfp_id)
            if standing is not None:
                return _addendum_of(standing)
            sealed = tuple(OpeningId(row["id"]) for row in held if row["status"] == "sealed")
            decision = decide(Amendment(rfp=rfp, opening_ids=sealed))
            after = decision.state
            addendum = await _add(connection, after)
            await save(connection, after.rfp)
            await connection.execute(_MOVE, sealed, after.rfp.closes_at)
            await self._journal.record(
                connection,
                entries_of(decision.facts),
                actor=str(buyer_id),
                at=addendum.issued_at,
            )
        return addendum

    async def page(self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None) -> list[Addendum]:
        """Read an RFP's addenda by their version."""
        async with db.reading(self._pool) as connection:
            await find_visible(connection, rfp_id, viewer_id)
            rows = await connection.fetch(_PAGE, rfp_id, part.after, part.limit)
        return [_addendum_of(row) for row in rows]

    async def confirm(
        self,
        lot_id: LotId,
        decide: Callable[[Confirmable], Decision[Confirmable]],
        *,
        vendor_id: PartyId,
        at: datetime,
    ) -> Confirmable:
        """Record that a vendor's bid stands under an addendum; again changes nothing."""
        async with db.transaction(self._pool) as connection:
            # Held first and read then: an addendum that this waited for has to be seen.
            await connection.execute(_HOLD_GATE, lot_id, vendor_id)
            row = await connection.fetchrow(_CONFIRMABLE, lot_id, vendor_id)
            if row is None:
                sentence = "You have no bid on this lot."
                raise BidUnknown(sentence)
            bid = _confirmable_of(row)
            decision = decide(bid)
            await connection.execute(_LOCK_LOG, bid.opening_id)
            if await connection.fetchval(_CONFIRM, bid.bid_id, bid.addendum, at) is not None:
                await self._journal.record(
                    connection, entries_of(decision.facts), actor=VENDOR, at=at
                )
        return decision.state


async def unconfirmed_bids(connection: Connection, opening_id: OpeningId) -> frozenset[BidId]:
    """List the bids that stand but do not count, because an addendum overtook them.

    The caller holds the opening's row FOR UPDATE, so that no confirmation is under way.
    """
    rows = await connection.fetch(_UNCONFIRMED, opening_id)
    return frozenset(BidId(row["id"]) for row in rows)


async def _add(connection: Connection, after: Amendment) -> Addendum:
    addendum = after.addendum
    if addendum is None:
        sentence = "an amendment without an addendum"
        raise ValueError(sentence)
    await connection.execute(
        _ADD,
        addendum.id,
        addendum.rfp_id,
        addendum.version,
        addendum.is_substantial,
        addendum.text,
        addendum.closes_at,
        addendum.issued_at,
    )
    return addendum


def _addendum_of(row: asyncpg.Record) -> Addendum:
    return Addendum(
        id=row["id"],
        rfp_id=RfpId(row["rfp_id"]),
        version=row["version"],
        is_substantial=row["is_substantial"],
        text=row["text"],
        closes_at=row["closes_at"],
        issued_at=row["issued_at"],
    )


def _confirmable_of(row: asyncpg.Record) -> Confirmable:
    return Confirmable(
        opening_id=OpeningId(row["opening_id"]),
        bid_id=BidId(row["bid_id"]),
        lot_id=LotId(row["lot_id"]),
        is_sealed=row["is_sealed"],
        closes_at=row["closes_at"],
        addendum=row["addendum"],
    )
