"""Keep what a publication deals: the opening's row, the head of its log, the custodian's key."""

from typing import Final

from services.bids.domain.publication import Publication
from shared.db import Connection
from shared.domain.ids import OpeningId, PartyId, RfpId

_IS_DEALT: Final = """-- bids.is_opening_dealt
SELECT EXISTS (SELECT FROM opening WHERE id = $1 AND rfp_id = $2)
"""

_HOLD_KEY: Final = """-- bids.hold_custodian_key
SELECT public_key FROM custodian_key WHERE custodian_id = $1 FOR SHARE
"""

_ADD_OPENING: Final = """-- bids.add_opening
INSERT INTO opening (id, rfp_id, status, closes_at, public_key, custodian_id, sealed_share)
VALUES ($1, $2, 'sealed', $3, $4, $5, $6)
"""

_ADD_LOG: Final = """-- bids.add_opening_log
INSERT INTO opening_log (opening_id) VALUES ($1)
"""

_LOCK_OPENING: Final = """-- bids.lock_opening_of_own_rfp
SELECT opening.id, opening.status FROM opening JOIN rfp ON rfp.id = opening.rfp_id
WHERE rfp.id = $1 AND rfp.buyer_id = $2 FOR UPDATE OF opening
"""

_CANCEL_OPENING: Final = """-- bids.cancel_opening
UPDATE opening SET status = 'cancelled' WHERE id = $1
"""


async def is_dealt(connection: Connection, opening_id: OpeningId, rfp_id: RfpId) -> bool:
    """Tell whether this very publication stands already."""
    is_there: bool = await connection.fetchval(_IS_DEALT, opening_id, rfp_id)
    return is_there


async def hold_custodian_key(connection: Connection, custodian_id: PartyId) -> bytes | None:
    """Read a custodian's public key, and let nobody replace it before the commit."""
    key: bytes | None = await connection.fetchval(_HOLD_KEY, custodian_id)
    return key


async def add_opening(connection: Connection, after: Publication) -> None:
    """Add the gate through which bids are filed, with the share that only its custodian opens."""
    dealt = after.dealt
    if dealt is None:
        sentence = "a publication without a dealt opening"
        raise ValueError(sentence)
    await connection.execute(
        _ADD_OPENING,
        dealt.opening_id,
        after.rfp.id,
        after.rfp.closes_at,
        dealt.public_key,
        after.rfp.custodian_id,
        dealt.sealed_share,
    )
    await connection.execute(_ADD_LOG, dealt.opening_id)


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
    """Close the gate for good."""
    await connection.execute(_CANCEL_OPENING, opening_id)
