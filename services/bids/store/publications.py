"""Keep what a publication deals: the openings' rows, the heads of their logs, the shares."""

from datetime import datetime
from typing import Final

from services.bids.domain.ceremony import Dealt
from services.bids.domain.publication import Publication
from services.bids.store import seats
from shared.db import Connection
from shared.domain.ids import OpeningId, PartyId, RfpId

_IS_DEALT: Final = """-- bids.is_opening_dealt
SELECT EXISTS (SELECT FROM opening WHERE id = $1 AND rfp_id = $2)
"""

_ADD_OPENING: Final = """-- bids.add_opening
INSERT INTO opening
    (id, rfp_id, purpose, status, closes_at, public_key, threshold, window_s, canary)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

_ADD_LOG: Final = """-- bids.add_opening_log
INSERT INTO opening_log (opening_id) VALUES ($1)
"""

_INVITED: Final = """-- bids.list_invited_vendors
SELECT vendor_id FROM invitation WHERE rfp_id = $1 AND invited_at IS NOT NULL ORDER BY vendor_id
"""

_LOCK_OPENING: Final = """-- bids.lock_opening_of_own_rfp
SELECT opening.id, opening.status FROM opening JOIN rfp ON rfp.id = opening.rfp_id
WHERE rfp.id = $1 AND rfp.buyer_id = $2 AND opening.purpose = 'price' FOR UPDATE OF opening
"""

_CANCEL_OPENING: Final = """-- bids.cancel_opening
UPDATE opening SET status = 'cancelled'
WHERE rfp_id = (SELECT rfp_id FROM opening WHERE id = $1) AND status IN ('sealed', 'closed')
"""


async def is_dealt(connection: Connection, opening_id: OpeningId, rfp_id: RfpId) -> bool:
    """Tell whether this very publication stands already."""
    is_there: bool = await connection.fetchval(_IS_DEALT, opening_id, rfp_id)
    return is_there


async def invited_to(connection: Connection, rfp_id: RfpId) -> tuple[PartyId, ...]:
    """List the vendors that are invited to an RFP."""
    rows = await connection.fetch(_INVITED, rfp_id)
    return tuple(PartyId(row["vendor_id"]) for row in rows)


async def add_openings(connection: Connection, after: Publication) -> None:
    """Add the gate through which bids are filed, and with it every other opening of the RFP."""
    for dealt in after.dealt:
        await add_opening(
            connection, dealt, after.rfp.id, status="sealed", closes_at=after.rfp.closes_at
        )


async def add_opening(
    connection: Connection, dealt: Dealt, rfp_id: RfpId, *, status: str, closes_at: datetime
) -> None:
    """Add an opening, the head of its log, and the shares that only its custodians open."""
    await connection.execute(
        _ADD_OPENING,
        dealt.opening_id,
        rfp_id,
        dealt.purpose,
        status,
        closes_at,
        dealt.public_key,
        dealt.threshold,
        dealt.window_s,
        dealt.canary,
    )
    await connection.execute(_ADD_LOG, dealt.opening_id)
    await seats.add_seats(connection, dealt)


async def lock_opening_of(
    connection: Connection, rfp_id: RfpId, buyer_id: PartyId
) -> OpeningId | None:
    """Hold the gate of a buyer's RFP FOR UPDATE; None when nothing is left to open in secret.

    That is so for a draft, which has no opening, and for an opening that took place.
    """
    row = await connection.fetchrow(_LOCK_OPENING, rfp_id, buyer_id)
    if row is None or row["status"] not in {"sealed", "closed"}:
        return None
    return OpeningId(row["id"])


async def cancel_opening(connection: Connection, opening_id: OpeningId) -> None:
    """Close the gate for good, and with it every other opening of its RFP."""
    await connection.execute(_CANCEL_OPENING, opening_id)
