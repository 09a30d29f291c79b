"""Read what is written down of openings: lists of hashes, proofs, records."""

import hashlib
from typing import Final

import asyncpg

from services.bids.domain.bids import BidUnknown
from services.bids.domain.openings import BidFailure, Opening
from services.bids.domain.records import INCIDENTS, Incident, ListedBid, RecordedBid
from services.bids.ports.ceremony import RecordMaterial
from services.bids.store.openings import SELECT, STANDING, one
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import BidId, LotId, OpeningId, PartyId

_OPENING: Final = f"""-- bids.read_opening_to_record {SELECT}
WHERE opening.id = $1 AND opening.purpose <> 'rehearsal'
"""

_OPENING_OF_BID: Final = f"""-- bids.read_opening_of_bid {SELECT}
JOIN bid ON bid.opening_id = opening.id
WHERE bid.id = $1 AND bid.vendor_id = $2
"""

_LISTED: Final = f"""-- bids.list_hashes
SELECT bid.id AS bid_id, version.version, version.sealed_sha256
{STANDING} ORDER BY version.log_index
"""

_LISTED_TECHNICAL: Final = """-- bids.list_technical_hashes
SELECT bid.id AS bid_id, version.version, version.technical_sha256 AS sealed_sha256
FROM opening
JOIN opening AS price ON price.rfp_id = opening.rfp_id AND price.purpose = 'price'
JOIN bid ON bid.opening_id = price.id AND NOT bid.is_withdrawn
JOIN bid_version AS version ON version.bid_id = bid.id AND version.version = bid.latest_version
WHERE opening.id = $1 ORDER BY version.log_index
"""

_BIDS: Final = f"""-- bids.read_bids_to_record
SELECT bid.id AS bid_id, bid.lot_id, version.version, version.sealed_sha256, version.received_at,
    unsealed_bid.failure
{STANDING.replace("WHERE", "JOIN unsealed_bid ON unsealed_bid.bid_id = bid.id WHERE")}
ORDER BY version.log_index
"""

_LOTS: Final = """-- bids.list_lots_to_record
SELECT lot.id FROM opening JOIN lot ON lot.rfp_id = opening.rfp_id
WHERE opening.id = $1 ORDER BY lot.number
"""

_INCIDENTS: Final = """-- bids.list_incidents
SELECT sequence, type, at, entry FROM audit
WHERE aggregate_id = $1 AND type = ANY($2::text[]) ORDER BY sequence
"""


class RecordStore:
    """The port `Records` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's pool; nothing is written here."""
        self._pool = pool

    async def listed(self, opening_id: OpeningId) -> tuple[Opening, list[ListedBid]]:
        """Read an opening with the hashes of the bids that stand, in the order of the log.

        Raises:
            OpeningUnknown: No such opening, or a rehearsal.
        """
        async with db.reading(self._pool) as connection:
            opening = await one(connection, _OPENING, opening_id)
            return opening, await _listed(connection, opening)

    async def listed_with(
        self, bid_id: BidId, *, vendor_id: PartyId
    ) -> tuple[Opening, list[ListedBid]]:
        """Read the opening of a vendor's own bid, with the hashes of the bids that stand.

        Raises:
            BidUnknown: No such bid, or another vendor's.
        """
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_OPENING_OF_BID, bid_id, vendor_id)
            if not rows:
                sentence = "You have no such bid."
                raise BidUnknown(sentence)
            opening = await one(connection, _OPENING_OF_BID, bid_id, vendor_id)
            return opening, await _listed(connection, opening)

    async def material(self, opening_id: OpeningId) -> RecordMaterial:
        """Read all that an opening's record is made of.

        Raises:
            OpeningUnknown: No such opening, or a rehearsal.
        """
        async with db.reading(self._pool) as connection:
            opening = await one(connection, _OPENING, opening_id)
            bids = await connection.fetch(_BIDS, opening_id)
            lots = await connection.fetch(_LOTS, opening_id)
            incidents = await connection.fetch(_INCIDENTS, opening_id, sorted(INCIDENTS))
        return RecordMaterial(
            opening,
            tuple(_recorded(row) for row in bids),
            tuple(LotId(row["id"]) for row in lots),
            tuple(_incident(row) for row in incidents),
        )


async def _listed(connection: Connection, opening: Opening) -> list[ListedBid]:
    query = _LISTED if opening.purpose == "price" else _LISTED_TECHNICAL
    return [
        ListedBid(
            bid_id=BidId(row["bid_id"]),
            version=row["version"],
            sealed_sha256=row["sealed_sha256"].hex(),
        )
        for row in await connection.fetch(query, opening.id)
    ]


def _recorded(row: asyncpg.Record) -> RecordedBid:
    return RecordedBid(
        bid_id=BidId(row["bid_id"]),
        lot_id=LotId(row["lot_id"]),
        version=row["version"],
        sealed_sha256=row["sealed_sha256"].hex(),
        received_at=row["received_at"],
        failure=None if row["failure"] is None else BidFailure(row["failure"]),
    )


def _incident(row: asyncpg.Record) -> Incident:
    return Incident(
        sequence=row["sequence"],
        type=row["type"],
        at=row["at"],
        entry_sha256=hashlib.sha256(row["entry"].encode()).hexdigest(),
    )
