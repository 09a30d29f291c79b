"""What the use cases of documents need of the outside.

Records may raise `DatabaseUnavailable`; the object store `DocumentStoreUnavailable`.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.bids.domain.documents import Deposited, DocumentId, ListedDocument, Readable
from shared.domain.ids import BidId, PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who asks for a document: a party, and as what it reads."""

    party_id: PartyId | None
    is_auditor: bool = False
    is_buyer: bool = False
    is_evaluator: bool = False


class ObjectMissing(Exception):  # noqa: N818 - a fact about a store
    """The store holds no such object."""


class Objects(Protocol):
    """Keeps bytes by a name; what was put is durable, whole, and never half there."""

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Keep all pieces; where they end in an error, keep nothing, and raise it."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """Read an object, piece by piece. Raises: ObjectMissing."""

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no fault."""

    def older_than(self, instant: datetime) -> AsyncIterator[Sequence[str]]:
        """List what was last written before an instant, a few hundred names at a time."""


class DocumentRecords(Protocol):
    """Keeps what is known of documents."""

    async def require_room(self, document: Deposited) -> None:
        """Look before the bytes come. Raises: DocumentsTooMany, RfpUnknown."""

    async def add(self, document: Deposited) -> Deposited:
        """Record a document, or find it recorded for the same owner and purpose.

        Raises: DocumentsTooMany, RfpUnknown.
        """

    async def owned(self, owner_id: PartyId, *, after: UUID | None, limit: int) -> list[Deposited]:
        """List what a party has put."""

    async def find(self, sha256: str, reader: Reader) -> Readable:
        """Find a document that a reader may read. Raises: DocumentUnknown."""

    async def of_bid(self, bid_id: BidId, reader: Reader) -> list[ListedDocument]:
        """List those documents of an opened bid that a reader may read. Raises: BidUnknown."""

    async def unknown(self, document_ids: Sequence[DocumentId]) -> set[DocumentId]:
        """Tell which of the ids no record has."""
