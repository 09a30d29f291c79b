"""Write down an opening for those who were not there: the hash list, the record, and the proofs.

The hash list is signed and published at the close, before anything is opened; the record is signed
when all is opened. Neither tells a vendor or a price. From the list, its root or the opening's
chain anybody finds which entry of a copy was altered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.bids.domain.ceremony import Purpose
from services.bids.domain.openings import BidFailure, Opening, OpeningStatus
from shared.domain import merkle
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal


class HashListNotPublished(Refusal):
    """The opening is not closed, so that there is no list yet; or it was cancelled before."""

    kind = Kind.CONFLICT
    code = "hash_list_not_published"


class BidNotListed(Refusal):
    """The bid was withdrawn before the close, so that it is not in the opening."""

    kind = Kind.CONFLICT
    code = "bid_not_listed"


class OpeningNotOver(Refusal):
    """The bids are not opened, so that there is nothing to write down yet."""

    kind = Kind.CONFLICT
    code = "opening_not_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBid:
    """One entry of the published list: SHA-256 of the sealed bytes, in hexadecimal."""

    bid_id: BidId
    version: int
    sealed_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HashList:
    """What is published at the close; `merkle_root` is over the entries' hashes, in order."""

    opening_id: OpeningId
    rfp_id: RfpId
    purpose: Purpose
    closed_at: datetime
    merkle_root: str
    entries: tuple[ListedBid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """A proof that a bid is in the published list, by RFC 6962."""

    opening_id: OpeningId
    bid_id: BidId
    version: int
    sealed_sha256: str
    index: int
    size: int
    proof: tuple[str, ...]
    merkle_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """A custodian of the opening; `attended_at` is None for one who was not needed or missing."""

    index: int
    custodian_id: PartyId
    attended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBid:
    """What became of a bid that was listed; `failure` is None when it opened."""

    bid_id: BidId
    lot_id: LotId
    version: int
    sealed_sha256: str
    received_at: datetime
    failure: BidFailure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLot:
    """How many bids a lot received and how many of them opened; none, or one, is told as well."""

    lot_id: LotId
    bids: int
    opened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What did not go as it should, as the opening's chain has it at `sequence`."""

    sequence: int
    type: str
    at: datetime
    entry_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of one opening."""

    opening_id: OpeningId
    rfp_id: RfpId
    purpose: Purpose
    public_key: str
    threshold: int
    window_s: int
    custodians: tuple[Attendance, ...]
    closes_at: datetime
    closed_at: datetime
    unsealed_at: datetime
    merkle_root: str
    opened: int
    failed: int
    bids: tuple[RecordedBid, ...]
    lots: tuple[RecordedLot, ...]
    incidents: tuple[Incident, ...]


INCIDENTS = frozenset(
    {
        "opening.opener_changed",
        "opening.share_refused",
        "opening.window_passed",
        "opening.clock_went_back",
        "opening.bid_failed",
        "opening.document_missed",
    }
)
"""The facts of an opening's chain that its record lists."""


def hash_list_of(opening: Opening, entries: Sequence[ListedBid]) -> HashList:
    """Put the published list together.

    Raises:
        HashListNotPublished: The opening is not closed.
    """
    if opening.merkle_root is None or opening.closed_at is None:
        sentence = "The list of sealed bids is published at the close."
        raise HashListNotPublished(sentence)
    return HashList(
        opening_id=opening.id,
        rfp_id=opening.rfp_id,
        purpose=opening.purpose,
        closed_at=opening.closed_at,
        merkle_root=opening.merkle_root.hex(),
        entries=tuple(entries),
    )


def inclusion_of(listed: HashList, bid_id: BidId) -> Inclusion:
    """Prove that a bid is in the list.

    Raises:
        BidNotListed: It is not, for it was withdrawn.
    """
    places = {entry.bid_id: index for index, entry in enumerate(listed.entries)}
    if bid_id not in places:
        sentence = "The bid was withdrawn before the close; it is not in the opening."
        raise BidNotListed(sentence)
    index = places[bid_id]
    entry = listed.entries[index]
    proof = merkle.inclusion_proof(_hashes(listed), index)
    return Inclusion(
        opening_id=listed.opening_id,
        bid_id=bid_id,
        version=entry.version,
        sealed_sha256=entry.sealed_sha256,
        index=index,
        size=len(listed.entries),
        proof=tuple(sibling.hex() for sibling in proof),
        merkle_root=listed.merkle_root,
    )


def altered_bids(listed: HashList, filed: Mapping[tuple[BidId, int], str]) -> tuple[BidId, ...]:
    """Name the bids of a copy of the list whose hashes are not those that were filed.

    `filed` is what the opening's chain, or receipts, tell: the hash of each bid's version. When
    the entries are right and the root is not theirs, the root was altered, and no bid is named.
    """
    return tuple(
        entry.bid_id
        for entry in listed.entries
        if filed.get((entry.bid_id, entry.version)) != entry.sealed_sha256
    )


def is_root_right(listed: HashList) -> bool:
    """Tell whether the list's root is that of its entries."""
    return merkle.root(_hashes(listed)).hex() == listed.merkle_root


def record_of(
    opening: Opening,
    *,
    public_key: str,
    bids: Sequence[RecordedBid],
    lot_ids: Sequence[LotId],
    incidents: Sequence[Incident],
) -> Record:
    """Put the record together.

    Raises:
        OpeningNotOver: The bids are not opened.
    """
    closed_at, unsealed_at, root = opening.closed_at, opening.unsealed_at, opening.merkle_root
    is_over = opening.status is OpeningStatus.UNSEALED
    if not is_over or closed_at is None or unsealed_at is None or root is None:
        sentence = "The record is written when the bids are opened."
        raise OpeningNotOver(sentence)
    opened = [bid for bid in bids if bid.failure is None]
    return Record(
        opening_id=opening.id,
        rfp_id=opening.rfp_id,
        purpose=opening.purpose,
        public_key=public_key,
        threshold=opening.threshold,
        window_s=opening.window_s,
        custodians=tuple(
            Attendance(
                index=seat.index, custodian_id=seat.custodian_id, attended_at=seat.submitted_at
            )
            for seat in opening.seats
        ),
        closes_at=opening.closes_at,
        closed_at=closed_at,
        unsealed_at=unsealed_at,
        merkle_root=root.hex(),
        opened=len(opened),
        failed=len(bids) - len(opened),
        bids=tuple(bids),
        lots=tuple(
            RecordedLot(
                lot_id=lot_id,
                bids=sum(bid.lot_id == lot_id for bid in bids),
                opened=sum(bid.lot_id == lot_id for bid in opened),
            )
            for lot_id in lot_ids
        ),
        incidents=tuple(incidents),
    )


def _hashes(listed: HashList) -> list[bytes]:
    return [bytes.fromhex(entry.sealed_sha256) for entry in listed.entries]
