"""Write down what opened bids tell of their documents, and which of those were not in keeping."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from services.bids.domain.documents import Deposit, DocumentMissed
from shared.db import Connection
from shared.domain.bid_documents import ANY_MEDIA_TYPE, Document
from shared.domain.ids import BidId

ListedDocuments = tuple[BidId, Sequence[Document]]
"""A bid, and the documents that it lists."""

# A record is made after its bytes are durable and checked, so that it alone says what is kept. What
# lies beside the price is read with it where a technical envelope could have been chosen instead.
_ADD: Final = """-- bids.add_bid_documents
INSERT INTO bid_document (bid_id, envelope, place, name, media_type, sha256, length_bytes,
    sealed_sha256, seal_key, with_prices, deposit)
SELECT listed.bid_id, $1, listed.place, listed.name, listed.media_type, listed.sha256,
    listed.length_bytes, listed.sealed_sha256, listed.seal_key,
    listed.is_priced OR $1 = 'price' AND EXISTS (
        SELECT FROM opening AS other
        WHERE other.rfp_id = opening.rfp_id AND other.purpose = 'technical'
    ),
    CASE
        WHEN listed.sealed_sha256 IS NULL THEN 'elsewhere'
        WHEN document.id IS NULL THEN 'missing'
        WHEN document.stored_at >= opening.closes_at THEN 'late'
        ELSE 'kept'
    END
FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::bytea[], $7::bigint[],
    $8::bytea[], $9::bytea[], $10::boolean[]
) AS listed (bid_id, place, name, media_type, sha256, length_bytes, sealed_sha256, seal_key,
    is_priced)
JOIN bid ON bid.id = listed.bid_id
JOIN opening ON opening.id = bid.opening_id
LEFT JOIN document ON document.sha256 = listed.sealed_sha256
    AND document.owner_id = bid.vendor_id AND document.purpose = 'bid'
RETURNING bid_id, place, sha256, deposit
"""

_MISSED: Final = frozenset({Deposit.LATE, Deposit.MISSING})


async def add_documents(
    connection: Connection, envelope: str, listed: Sequence[ListedDocuments]
) -> tuple[DocumentMissed, ...]:
    """Write the documents of opened bids; return those that were not in keeping in time."""
    rows = list(chain.from_iterable(_rows(*each) for each in listed))
    if not rows:
        return ()
    added = await connection.fetch(_ADD, envelope, *map(list, zip(*rows, strict=True)))
    return tuple(
        DocumentMissed(
            bid_id=BidId(row["bid_id"]),
            envelope=envelope,
            sha256=row["sha256"].hex(),
            deposit=Deposit(row["deposit"]),
        )
        for row in sorted(added, key=lambda row: (row["bid_id"], row["place"]))
        if Deposit(row["deposit"]) in _MISSED
    )


def _rows(bid_id: BidId, documents: Sequence[Document]) -> list[tuple[object, ...]]:
    """List a bid's documents by their places from 1."""
    return [
        (
            bid_id,
            place,
            document.name,
            document.media_type or ANY_MEDIA_TYPE,
            bytes.fromhex(document.sha256),
            document.length_bytes,
            document.copy and bytes.fromhex(document.copy.sha256),
            document.copy and bytes.fromhex(document.copy.key),
            document.is_priced,
        )
        for place, document in enumerate(documents, start=1)
    ]
