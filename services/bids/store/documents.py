"""Keep what is known of documents, and find those that a reader may read."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.documents import (
    OWNER_DOCUMENTS_MAX,
    Deposited,
    DocumentAttached,
    DocumentId,
    DocumentsTooMany,
    DocumentUnknown,
    Purpose,
    Readable,
)
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.documents import Reader
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import PartyId, RfpId
from shared.journal import Aggregate, Entry, Journal

_COLUMNS: Final = """document.id, document.owner_id, document.purpose, document.rfp_id,
    document.name, document.media_type, document.sha256, document.length_bytes, document.stored_at
"""

_COUNT: Final = """-- bids.count_documents
SELECT count(*) FROM (SELECT FROM document WHERE owner_id = $1 LIMIT $2) AS counted
"""

_SELECT_OWN_RFP: Final = """
SELECT id FROM rfp WHERE id = $1 AND buyer_id = $2 AND status IN ('draft', 'published')
"""

_FIND_RFP: Final = f"-- bids.find_rfp_to_attach_to {_SELECT_OWN_RFP}"

_LOCK_RFP: Final = f"-- bids.lock_rfp_to_attach_to {_SELECT_OWN_RFP} FOR UPDATE"

_ADD: Final = """-- bids.add_document
INSERT INTO document
    (id, owner_id, purpose, rfp_id, name, media_type, sha256, length_bytes, stored_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT ON CONSTRAINT document_owner_key DO NOTHING
RETURNING id
"""

_KNOWN: Final = f"""-- bids.find_known_document
SELECT {_COLUMNS} FROM document
WHERE owner_id = $1 AND purpose = $2 AND rfp_id IS NOT DISTINCT FROM $3 AND sha256 = $4
"""  # noqa: S608 - joins constants of this file

_OWNED: Final = f"""-- bids.page_of_documents
SELECT {_COLUMNS} FROM document
WHERE owner_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
"""  # noqa: S608 - joins constants of this file

# A reader's own first; then what is shown to all, to buyers, or to auditors.
_READABLE: Final = f"""-- bids.find_readable_document
SELECT {_COLUMNS}
FROM document LEFT JOIN rfp ON rfp.id = document.rfp_id
WHERE document.sha256 = $1 AND (
    document.owner_id = $2
    OR document.purpose = 'solicitation' AND rfp.published_at IS NOT NULL
    OR document.purpose = 'authority' AND ($3 OR $4)
    OR document.purpose = 'disclosure' AND $4
)
ORDER BY document.owner_id IS DISTINCT FROM $2, document.id LIMIT 1
"""  # noqa: S608 - joins constants of this file

# An opened bid's document is found by its own hash, and by that of its sealed copy. While a lot is
# at auction, its auditors see no prices, and a document may hold some.
_OF_BID: Final = f"""-- bids.find_readable_bid_document
SELECT {_COLUMNS}, listed.name AS told_name, listed.media_type AS told_media_type,
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

_UNKNOWN: Final = """-- bids.list_unknown_documents
SELECT listed.id FROM unnest($1::uuid[]) AS listed (id)
WHERE NOT EXISTS (SELECT FROM document WHERE document.id = listed.id)
"""


class DocumentStore:
    """The port `DocumentRecords` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the chains of RFPs."""
        self._pool = pool
        self._journal = journal

    async def require_room(self, document: Deposited) -> None:
        """Look before the bytes come.

        Raises:
            RfpUnknown: No such RFP of the owner's, or it takes no more documents.
            DocumentsTooMany: The owner keeps as many as a party may.
        """
        async with db.reading(self._pool) as connection:
            await _require_room(connection, document, _FIND_RFP)

    async def add(self, document: Deposited) -> Deposited:
        """Record a document, or find it recorded for the same owner and purpose.

        Raises:
            RfpUnknown: No such RFP of the owner's, or it takes no more documents.
            DocumentsTooMany: The owner keeps as many as a party may.
        """
        digest = bytes.fromhex(document.sha256)
        unique = (document.owner_id, document.purpose.value, document.rfp_id, digest)
        async with db.transaction(self._pool) as connection:
            known = await connection.fetchrow(_KNOWN, *unique)
            if known is not None:
                return _deposited(known)
            await _require_room(connection, document, _LOCK_RFP)
            if not await connection.fetchval(_ADD, *_row(document)):
                # Another upload of the same document committed a moment ago.
                return _deposited(await connection.fetchrow(_KNOWN, *unique))
            await self._attach(connection, document)
        return document

    async def owned(self, owner_id: PartyId, *, after: UUID | None, limit: int) -> list[Deposited]:
        """List what a party has put, in the order of the ids."""
        async with db.reading(self._pool) as connection:
            return [
                _deposited(row) for row in await connection.fetch(_OWNED, owner_id, after, limit)
            ]

    async def find(self, sha256: str, reader: Reader) -> Readable:
        """Find a document that a reader may read.

        Raises:
            DocumentUnknown: No such document, or none that the reader may read now.
        """
        digest = bytes.fromhex(sha256)
        asked = (digest, reader.party_id, reader.is_buyer, reader.is_auditor)
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(_READABLE, *asked)
            if row is not None:
                return _as_kept(_deposited(row))
            row = await connection.fetchrow(_OF_BID, digest, reader.party_id, reader.is_auditor)
        if row is None:
            raise DocumentUnknown
        return readable_of(row) if row["is_opened"] else _as_kept(_deposited(row))

    async def unknown(self, document_ids: Sequence[DocumentId]) -> set[DocumentId]:
        """Tell which of the ids no record has."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_UNKNOWN, list(document_ids))
        return {DocumentId(row["id"]) for row in rows}

    async def _attach(self, connection: Connection, document: Deposited) -> None:
        """Write a solicitation's document on its RFP's chain; who bids with what is on none."""
        if document.purpose is not Purpose.SOLICITATION or document.rfp_id is None:
            return
        fact = DocumentAttached(
            rfp_id=document.rfp_id,
            name=document.name,
            media_type=document.media_type,
            sha256=document.sha256,
            length_bytes=document.length_bytes,
        )
        entry = Entry(Aggregate("rfp", document.rfp_id), (fact,))
        actor = str(document.owner_id)
        await self._journal.record(connection, [entry], actor=actor, at=document.stored_at)


async def _require_room(connection: Connection, document: Deposited, rfp_query: str) -> None:
    asked = (document.rfp_id, document.owner_id)
    if document.purpose is Purpose.SOLICITATION and not await connection.fetchval(
        rfp_query, *asked
    ):
        raise RfpUnknown
    kept = await connection.fetchval(_COUNT, document.owner_id, OWNER_DOCUMENTS_MAX)
    if kept >= OWNER_DOCUMENTS_MAX:
        sentence = f"A party keeps up to {OWNER_DOCUMENTS_MAX} documents here."
        raise DocumentsTooMany(sentence)


def _row(document: Deposited) -> tuple[object, ...]:
    return (
        document.id,
        document.owner_id,
        document.purpose.value,
        document.rfp_id,
        document.name,
        document.media_type,
        bytes.fromhex(document.sha256),
        document.length_bytes,
        document.stored_at,
    )


def _deposited(row: asyncpg.Record | None) -> Deposited:
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


def _as_kept(stored: Deposited) -> Readable:
    return Readable(
        stored=stored,
        name=stored.name or f"{stored.sha256}.sealed",
        media_type=stored.media_type,
        sha256=stored.sha256,
        length_bytes=stored.length_bytes,
    )


def readable_of(row: asyncpg.Record) -> Readable:
    """Build a document as its readers get it: by what is told of it beside its record."""
    return Readable(
        stored=_deposited(row),
        name=row["told_name"],
        media_type=row["told_media_type"],
        sha256=row["told_sha256"].hex(),
        length_bytes=row["told_length_bytes"],
        seal_key=row["seal_key"],
    )
