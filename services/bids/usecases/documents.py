"""Keep documents: take their bytes in, check them, hand them out, and sweep what has no record.

The bytes come first and the record second. A process that dies between the two leaves bytes that
nobody can find; they are swept a day later. A record without its bytes is never made.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from services.bids.domain.documents import (
    ORPHAN_AGE,
    Deposited,
    DocumentBroken,
    DocumentDigestMismatch,
    DocumentId,
    ListedDocument,
    Purpose,
    Readable,
    require_digest,
    require_fit,
    require_sealed,
)
from services.bids.ports.documents import DocumentRecords, ObjectMissing, Objects, Reader
from shared.clock import Clock
from shared.document_seal import SCHEME, DocumentOpener, DocumentSealBroken
from shared.domain.ids import BidId, PartyId

_HEAD_BYTES: Final = len(SCHEME)


class Documents:
    """The documents of solicitations, bids, members' authority, and disclosures."""

    def __init__(self, records: DocumentRecords, objects: Objects, *, clock: Clock) -> None:
        """Use a store of records and a store of bytes."""
        self._records = records
        self._objects = objects
        self._clock = clock

    async def put(
        self, document: Deposited, pieces: AsyncIterator[bytes], *, role: str
    ) -> Deposited:
        """Keep a document; one that its owner put before is answered with its first record.

        Its length and the instant at which it was wholly there are measured here.

        Raises:
            DocumentPurposeForbidden: Not for this role.
            DocumentUnfit: A digest, name or type that is none, or an RFP too few or too many.
            RfpUnknown: No such RFP of the owner's that still takes documents.
            DocumentsTooMany: The owner keeps as many as a party may.
            DocumentDigestMismatch: What arrived is not what was stated.
            DocumentNotSealed: A bid's document was not sealed.
        """
        fit = require_fit(document, role)
        await self._records.require_room(fit)
        return await self.keep(fit, pieces)

    async def keep(self, document: Deposited, pieces: AsyncIterator[bytes]) -> Deposited:
        """Keep a document that the house itself made, or that was found fit.

        Raises:
            DocumentDigestMismatch: What arrived is not what was stated.
            DocumentNotSealed: A bid's document was not sealed.
        """
        checked = _Checked(document, pieces)
        await self._objects.put(document.key, checked.pieces())
        measured = replace(document, length_bytes=checked.length_bytes, stored_at=self._clock.now())
        known = await self._records.add(measured)
        if known.id != document.id:
            await self._objects.delete(document.key)
        return known

    async def owned(self, owner_id: PartyId, *, after: UUID | None, limit: int) -> list[Deposited]:
        """List what a party has put, in the order of the ids."""
        return await self._records.owned(owner_id, after=after, limit=limit)

    async def of_bid(self, bid_id: BidId, reader: Reader) -> list[ListedDocument]:
        """List those documents of an opened bid that the reader may read.

        Raises:
            BidUnknown: No such bid, or none whose documents the reader may see now.
        """
        return await self._records.of_bid(bid_id, reader)

    async def find(self, sha256: str, reader: Reader) -> Readable:
        """Find a document that the reader may read, and see that it is as it was put.

        It is read once for that, so that what is handed out afterwards is whole.

        Raises:
            DocumentUnknown: No such document, or none that the reader may read now.
            DocumentBroken: Its bytes were altered, or are gone.
        """
        require_digest(sha256)
        found = await self._records.find(sha256, reader)
        async for _ in self.pieces(found):
            pass
        return found

    async def pieces(self, found: Readable) -> AsyncIterator[bytes]:
        """Hand a document out, opened where it is sealed.

        Its last piece is held back until the digest of the whole is right, so that nobody can take
        an altered document for a whole one.

        Raises:
            DocumentBroken: Its bytes were altered, or are gone.
        """
        digest, held = hashlib.sha256(), b""
        try:
            async for piece in self._opened(found):
                digest.update(piece)
                if piece and held:
                    yield held
                held = piece or held
        except (ObjectMissing, DocumentSealBroken) as error:
            raise _broken(found) from error
        if digest.hexdigest() != found.sha256:
            raise _broken(found)
        yield held

    async def sweep(self, now: datetime) -> int:
        """Remove bytes older than a day that no record names; tell how many objects."""
        swept = 0
        async for keys in self._objects.older_than(now - ORPHAN_AGE):
            by_id = {_id_in(key): key for key in keys}
            unknown = await self._records.unknown([each for each in by_id if each is not None])
            for document_id in unknown:
                await self._objects.delete(by_id[document_id])
            swept += len(unknown)
        return swept

    async def _opened(self, found: Readable) -> AsyncIterator[bytes]:
        stored = found.stored
        pieces = self._objects.read(stored.key)
        if found.seal_key is None:
            async for piece in pieces:
                yield piece
            return
        opener = DocumentOpener(found.seal_key, sealed_bytes=stored.length_bytes)
        async for piece in pieces:
            yield opener.open(piece)
        opener.finish()


class _Checked:
    """Count and hash what passes, and end in a refusal where it is not what was stated."""

    def __init__(self, document: Deposited, pieces: AsyncIterator[bytes]) -> None:
        self._document = document
        self._pieces = pieces
        self.length_bytes = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        digest, head = hashlib.sha256(), b""
        async for piece in self._pieces:
            if len(head) < _HEAD_BYTES:
                head += piece[:_HEAD_BYTES]
            digest.update(piece)
            self.length_bytes += len(piece)
            yield piece
        if digest.hexdigest() != self._document.sha256:
            sentence = "What was received has another SHA-256 than was stated. Send it again."
            raise DocumentDigestMismatch(sentence, details={"received": digest.hexdigest()})
        if self._document.purpose is Purpose.BID:
            require_sealed(head, self.length_bytes)


def _broken(found: Readable) -> DocumentBroken:
    structlog.get_logger().error("document_broken", sha256=found.stored.sha256)
    return DocumentBroken(found.stored.sha256)


def _id_in(key: str) -> DocumentId | None:
    try:
        return DocumentId(UUID(key.rpartition("/")[2]))
    except ValueError:
        # Somebody else's file; what is not ours is left alone.
        return None
