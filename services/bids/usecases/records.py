"""Show and sign what is written down of openings."""

from collections.abc import Callable
from dataclasses import dataclass

from services.bids.domain.parties import key_text
from services.bids.domain.records import (
    HashList,
    Inclusion,
    Record,
    hash_list_of,
    inclusion_of,
    record_of,
)
from services.bids.ports.ceremony import Records
from shared.domain.ids import BidId, OpeningId, PartyId
from shared.receipts import DocumentKind

SignDocument = Callable[[object, DocumentKind], str]


@dataclass(frozen=True, slots=True)
class SignedHashList:
    """The published list, and its signed form."""

    listed: HashList
    token: str


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """An opening's record, and its signed form."""

    record: Record
    token: str


class Recording:
    """Sign lists and records with the key that signs receipts: the same bytes every time."""

    def __init__(self, records: Records, *, sign: SignDocument) -> None:
        """Read from a store; `sign` signs a document of a kind as a compact JWS."""
        self._records = records
        self._sign = sign

    async def hash_list(self, opening_id: OpeningId) -> SignedHashList:
        """Show the list that was published at the close.

        Raises:
            OpeningUnknown: No such opening, or a rehearsal.
            HashListNotPublished: The opening is not closed.
        """
        listed = hash_list_of(*await self._records.listed(opening_id))
        return SignedHashList(listed, self._sign(listed, DocumentKind.HASH_LIST))

    async def inclusion(self, bid_id: BidId, *, vendor_id: PartyId) -> Inclusion:
        """Prove that a vendor's own bid is in the published list.

        Raises:
            BidUnknown: No such bid, or another vendor's.
            HashListNotPublished: The opening is not closed.
            BidNotListed: The bid was withdrawn.
        """
        listed = hash_list_of(*await self._records.listed_with(bid_id, vendor_id=vendor_id))
        return inclusion_of(listed, bid_id)

    async def record(self, opening_id: OpeningId) -> SignedRecord:
        """Show what happened at an opening.

        Raises:
            OpeningUnknown: No such opening, or a rehearsal.
            OpeningNotOver: The bids are not opened.
        """
        material = await self._records.material(opening_id)
        record = record_of(
            material.opening,
            public_key=key_text(material.opening.public_key),
            bids=material.bids,
            lot_ids=material.lot_ids,
            incidents=material.incidents,
        )
        return SignedRecord(record, self._sign(record, DocumentKind.OPENING_RECORD))
