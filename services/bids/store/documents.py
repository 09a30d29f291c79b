"""Keep what is known of documents, and find those that a reader may read."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.bids.domain.documents import (
    OWNER_DOCUMENTS_MAX,
    Deposited,
    DocumentAttached,
    DocumentId,
    DocumentsTooMany,
    DocumentUnknown,
    ListedDocument,
    Purpose,
    Readable,
)
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.documents import Reader
from services.bids.store import readable_documents
from services.bids.store.readable_documents import COLUMNS, deposited, readable_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import BidId, PartyId
from shared.journal import Aggregate, Entry, Journal

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
SELECT {COLUMNS} FROM document
WHERE owner_id = $1 AND purpose = $2 AND rfp_id IS NOT DISTINCT FROM $3 AND sha256 = $4
"""  # noqa: S608 - joins constants of this file

_OWNED: Final = f"""-- bids.page_of_documents
SELECT {COLUMNS} FROM document
WHERE owner_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
"""  # noqa: S608 - joins constants of this file

# A reader's own first; then what is shown to all, to buyers, or to auditors.
_READABLE: Final = f"""-- bids.find_readable_document
SELECT {COLUMNS}
FROM document LEFT JOIN rfp ON rfp.id = document.rfp_id
WHERE document.sha256 = $1 AND (
    document.owner_id = $2
    OR document.purpose = 'solicitation' AND rfp.published_at IS NOT NULL
    OR document.purpose = 'authority' AND ($3 OR $4)
    OR document.purpose = 'disclosure' AND $4
)
ORDER BY document.owner_id IS DISTINCT FROM $2, document.id LIMIT 1
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
                return deposited(known)
            await _require_room(connection, document, _LOCK_RFP)
            if not await connection.fetchval(_ADD, *_row(document)):
                # Another upload of the same document committed a moment ago.
                return deposited(await connection.fetchrow(_KNOWN, *unique))
            await self._attach(connection, document)
        return document

    async def owned(self, owner_id: PartyId, *, after: UUID | None, limit: int) -> list[Deposited]:
        """List what a party has put, in the order of the ids."""
        async with db.reading(self._pool) as connection:
            return [
                deposited(row) for row in await connection.fetch(_OWNED, owner_id, after, limit)
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
                return _as_kept(deposited(row))
            row = await readable_documents.find(connection, digest, reader)
        if row is None:
            raise DocumentUnknown
        return readable_of(row) if row["is_opened"] else _as_kept(deposited(row))

    async def of_bid(self, bid_id: BidId, reader: Reader) -> list[ListedDocument]:
        """List those documents of an opened bid that a reader may read.

        Raises:
            BidUnknown: No such bid, or none whose documents the reader may see now.
        """
        async with db.reading(self._pool) as connection:
            return await readable_documents.listed_by(connection, bid_id, reader)

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


def _as_kept(stored: Deposited) -> Readable:
    return Readable(
        stored=stored,
        name=stored.name or f"{stored.sha256}.sealed",
        media_type=stored.media_type,
        sha256=stored.sha256,
        length_bytes=stored.length_bytes,
    )
