"""Find those documents of opened bids that a reader may read, and list them bid by bid.

The buyer of an RFP, whose bids they are, and auditors are told apart by the queries. Who scores the
bids reads by the rules of scoring: assigned, unconflicted, and with the prices what tells them.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from services.bids.domain.bids import BidUnknown
from services.bids.domain.documents import (
    Deposit,
    Deposited,
    DocumentId,
    ListedDocument,
    Purpose,
    Readable,
)
from services.bids.domain.scoring.judging import reads_documents
from services.bids.ports.documents import Reader
from services.bids.store.lots import LotStore
from services.bids.store.scorebooks import scorebook_of
from shared.db import Connection
from shared.domain.ids import BidId, LotId, PartyId, RfpId

SCORED_MAX: Final = 20
"""In how many bids one document is looked for: each bid costs the reading of its lot's scores."""

COLUMNS: Final = """document.id, document.owner_id, document.purpose, document.rfp_id,
    document.name, document.media_type, document.sha256, document.length_bytes, document.stored_at
"""

# An opened bid's document is found by its own hash, and by that of its sealed copy. While a lot is
# at auction, its auditors see no prices, and a document may hold some.
_OF_BID: Final = f"""-- bids.find_readable_bid_document
SELECT {COLUMNS}, listed.name AS told_name, listed.media_type AS told_media_type,
    listed.sha256 AS told_sha256, listed.length_bytes AS told_length_bytes, listed.seal_key,
    listed.sha256 = $1 AS is_opened
FROM bid_document AS listed
JOIN bid ON bid.id = listed.bid_id
JOIN lot ON lot.id = bid.lot_id
JOIN rfp ON rfp.id = lot.rfp_id
JOIN document ON document.sha256 = listed.sealed_sha256 AND document.owner_id = bid.vendor_id
    AND document.purpose = 'bid'
WHERE (listed.sha256 = $1 OR listed.sealed_sha256 = $1) AND (
    rfp.buyer_id = $2 OR bid.vendor_id = $2 OR $3 AND lot.status <> 'auctioning'
)
ORDER BY document.id, listed.bid_id, listed.place LIMIT 1
"""  # noqa: S608 - joins constants of this file

_ON_PANEL: Final = """
EXISTS (
    SELECT FROM scoring_panel AS panel WHERE panel.rfp_id = lot.rfp_id AND $2 = ANY(evaluator_ids)
)
"""

# What tells no price is read by more evaluators, and so it is looked at first.
_TO_SCORE: Final = f"""-- bids.list_bid_documents_to_score
SELECT {COLUMNS}, listed.name AS told_name, listed.media_type AS told_media_type,
    listed.sha256 AS told_sha256, listed.length_bytes AS told_length_bytes, listed.seal_key,
    true AS is_opened, listed.with_prices, bid.id AS bid_id, bid.lot_id
FROM bid_document AS listed
JOIN bid ON bid.id = listed.bid_id
JOIN lot ON lot.id = bid.lot_id
JOIN document ON document.sha256 = listed.sealed_sha256 AND document.owner_id = bid.vendor_id
    AND document.purpose = 'bid'
WHERE listed.sha256 = $1 AND {_ON_PANEL}
ORDER BY listed.with_prices, bid.id, listed.place LIMIT $3
"""  # noqa: S608 - joins constants of this file

_OPENED_BID: Final = """-- bids.find_opened_bid
SELECT bid.lot_id,
    rfp.buyer_id = $2 OR bid.vendor_id = $2 OR $3 AND lot.status <> 'auctioning' AS sees_all
FROM bid JOIN lot ON lot.id = bid.lot_id JOIN rfp ON rfp.id = lot.rfp_id
WHERE bid.id = $1 AND (
    EXISTS (SELECT FROM unsealed_bid AS opened WHERE opened.bid_id = bid.id)
    OR EXISTS (SELECT FROM technical_part AS opened WHERE opened.bid_id = bid.id)
)
"""

_LISTED: Final = """-- bids.list_documents_of_bid
SELECT name, media_type, sha256, length_bytes, with_prices, deposit FROM bid_document
WHERE bid_id = $1 AND (with_prices = ANY($2::boolean[]))
ORDER BY with_prices, envelope DESC, place
"""


async def find(connection: Connection, sha256: bytes, reader: Reader) -> asyncpg.Record | None:
    """Find a document of an opened bid that the reader may read; `is_opened` tells if unsealed."""
    row = await connection.fetchrow(_OF_BID, sha256, reader.party_id, reader.is_auditor)
    if row is not None or not reader.is_evaluator or reader.party_id is None:
        return row
    for each in await connection.fetch(_TO_SCORE, sha256, reader.party_id, SCORED_MAX):
        lot_id, bid_id = LotId(each["lot_id"]), BidId(each["bid_id"])
        if each["with_prices"] in await _scored(connection, lot_id, bid_id, reader.party_id):
            return each
    return None


async def listed_by(connection: Connection, bid_id: BidId, reader: Reader) -> list[ListedDocument]:
    """List those documents of an opened bid that a reader may read.

    Raises:
        BidUnknown: No such bid, or none whose documents the reader may see now.
    """
    bid = await connection.fetchrow(_OPENED_BID, bid_id, reader.party_id, reader.is_auditor)
    kinds: Sequence[bool] = ()
    if bid is not None and bid["sees_all"]:
        kinds = (False, True)
    elif bid is not None and reader.is_evaluator and reader.party_id is not None:
        kinds = await _scored(connection, LotId(bid["lot_id"]), bid_id, reader.party_id)
    if not kinds:
        sentence = "There is no such bid whose documents you may see now."
        raise BidUnknown(sentence)
    rows = await connection.fetch(_LISTED, bid_id, list(kinds))
    return [
        ListedDocument(
            name=row["name"],
            media_type=row["media_type"],
            sha256=row["sha256"].hex(),
            length_bytes=row["length_bytes"],
            with_prices=row["with_prices"],
            deposit=Deposit(row["deposit"]),
        )
        for row in rows
    ]


async def _scored(
    connection: Connection, lot_id: LotId, bid_id: BidId, evaluator_id: PartyId
) -> Sequence[bool]:
    """Tell which documents of a bid its evaluator reads: without the prices, with them, or none."""
    lot = await LotStore().read(connection, lot_id)
    book = await scorebook_of(connection, lot)
    return [
        with_prices
        for with_prices in (False, True)
        if reads_documents(lot, book, evaluator_id, bid_id, with_prices=with_prices)
    ]


def readable_of(row: asyncpg.Record) -> Readable:
    """Build a document as its readers get it: by what is told of it beside its record."""
    return Readable(
        stored=deposited(row),
        name=row["told_name"],
        media_type=row["told_media_type"],
        sha256=row["told_sha256"].hex(),
        length_bytes=row["told_length_bytes"],
        seal_key=row["seal_key"],
    )


def deposited(row: asyncpg.Record | None) -> Deposited:
    """Build what is known of a kept document from `COLUMNS`."""
    assert row is not None, "a document that was just found is gone from an append-only table"
    return Deposited(
        id=DocumentId(row["id"]),
        owner_id=PartyId(row["owner_id"]),
        purpose=Purpose(row["purpose"]),
        rfp_id=None if row["rfp_id"] is None else RfpId(row["rfp_id"]),
        name=row["name"],
        media_type=row["media_type"],
        sha256=row["sha256"].hex(),
        length_bytes=row["length_bytes"],
        stored_at=row["stored_at"],
    )
