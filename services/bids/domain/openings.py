"""Close a solicitation and open its bids: hashes first, then the key, then what was sealed.

An opening is sealed until its deadline, then closed: the hashes of all bids and their Merkle root
are published while nobody can read any of them. When the custodians have brought the private key
together, every bid is checked against its hash and opened. What fails is recorded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.ceremony import WINDOW_DEFAULT, Purpose, Seat
from shared import sealing
from shared.domain import merkle
from shared.domain.bid_content import BidContent
from shared.domain.bid_forms import Fault
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import UnitPrice
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import BidsUnsealed


class OpeningStatus(StrEnum):
    """Where an opening stands."""

    SEALED = "sealed"
    CLOSED = "closed"
    UNSEALED = "unsealed"
    CANCELLED = "cancelled"


class BidFailure(StrEnum):
    """Why a bid could not be opened."""

    HASH_MISMATCH = "hash_mismatch"
    SEAL_BROKEN = "seal_broken"
    CONTENT_MALFORMED = "content_malformed"
    CURRENCY_WRONG = "currency_wrong"
    PRICE_ZERO = "price_zero"
    QUANTITY_NOT_REACHED = "quantity_not_reached"
    CONTENT_UNFIT = "content_unfit"
    ANSWER_MISSING = "answer_missing"
    ANSWER_UNFIT = "answer_unfit"
    ANSWER_MISPLACED = "answer_misplaced"
    ATTESTATION_MISSING = "attestation_missing"
    TECHNICAL_NOT_PASSED = "technical_not_passed"
    NOT_CONFIRMED = "not_confirmed"


_FAILURES: Final = {
    "currency_wrong": BidFailure.CURRENCY_WRONG,
    "price_zero": BidFailure.PRICE_ZERO,
    "quantity_not_reached": BidFailure.QUANTITY_NOT_REACHED,
    "answer_missing": BidFailure.ANSWER_MISSING,
    "answer_no_number": BidFailure.ANSWER_UNFIT,
    "answer_too_low": BidFailure.ANSWER_UNFIT,
    "answer_above_price": BidFailure.ANSWER_UNFIT,
    "answer_misplaced": BidFailure.ANSWER_MISPLACED,
    "criterion_unknown": BidFailure.ANSWER_UNFIT,
    "attestation_missing": BidFailure.ATTESTATION_MISSING,
}
"""Faults that have a name of their own in the record; all others are `content_unfit`."""


class OpeningUnknown(Refusal):
    """There is no such opening, or the caller has no seat in it."""

    kind = Kind.NOT_FOUND
    code = "opening_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such opening.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningClosed(Fact):
    """No more bids are taken; the root is over the sealed hashes in the order of the log."""

    TYPE: ClassVar[str] = "opening.closed"

    merkle_root: str
    bids: int
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpClosed(Fact):
    """A solicitation's deadline has passed."""

    TYPE: ClassVar[str] = "rfp.closed"

    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BidFailed(Fact):
    """A bid could not be opened; it stays on record and takes no part."""

    TYPE: ClassVar[str] = "opening.bid_failed"

    bid_id: BidId
    lot_id: LotId
    version: int
    failure: BidFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class LotEvaluated(Fact):
    """A lot's bids were opened and ranked; no prices here, for an auction may follow."""

    TYPE: ClassVar[str] = "lot.evaluated"

    opening_id: OpeningId
    opened: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One key, one deadline, and what became of them. Keys are 32 bytes and never in `repr`.

    `awaits_technical` is true of prices whose technical parts are not judged yet.
    """

    id: OpeningId
    rfp_id: RfpId
    buyer_id: PartyId
    purpose: Purpose = Purpose.PRICE
    status: OpeningStatus
    closes_at: datetime
    public_key: bytes = field(repr=False)
    threshold: int = 1
    window_s: int = int(WINDOW_DEFAULT.total_seconds())
    seats: tuple[Seat, ...] = ()
    canary: bytes | None = field(default=None, repr=False)
    awaits_technical: bool = False
    merkle_root: bytes | None = None
    opener_key: bytes | None = field(default=None, repr=False)
    closed_at: datetime | None = None
    unsealed_at: datetime | None = None

    @property
    def submitted(self) -> tuple[Seat, ...]:
        """The seats whose share is there."""
        return tuple(seat for seat in self.seats if seat.submitted_share is not None)

    @property
    def window_opened_at(self) -> datetime | None:
        """When the first of the shares that are there came."""
        return min(
            (seat.submitted_at for seat in self.submitted if seat.submitted_at), default=None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBid:
    """The latest version of a bid, as it lies in the record until the opening.

    One that is `withheld` is not opened: its technical part did not pass, or its vendor did not
    confirm it after a substantial addendum.
    """

    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    version_id: UUID
    version: int
    received_at: datetime
    log_index: int
    sealed_sha256: bytes
    sealed: bytes = field(repr=False)
    withheld: BidFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealedBid:
    """A bid after the opening: its price, or why there is none.

    The price is what one unit costs at the lot's whole quantity, rounded to four decimals;
    `exact_e4` is the same unrounded, in ten-thousandths.
    """

    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    version: int
    received_at: datetime
    log_index: int
    outcome: UnitPrice | BidFailure
    exact_e4: Fraction | None = None
    content: BidContent | None = field(default=None, repr=False)


def decide_close(
    opening: Opening, sealed_hashes: Sequence[bytes], *, due_by: datetime, now: datetime
) -> Decision[Opening]:
    """Shut the gate and publish the root over the bids that stand, in the order of the log.

    Nothing is done where the deadline lies behind `due_by`: an addendum moved it while the closer
    waited for the gate, and so it stands.
    """
    if opening.closes_at > due_by:
        return Decision(opening)
    root = merkle.root(sealed_hashes)
    closed = replace(opening, status=OpeningStatus.CLOSED, merkle_root=root, closed_at=now)
    fact = OpeningClosed(merkle_root=root.hex(), bids=len(sealed_hashes), closed_at=now)
    return Decision(closed, (fact,))


def unsealed_content(
    bid: SealedBid, opening_id: OpeningId, private_key: bytes
) -> bytes | BidFailure:
    """Check a sealed bid against its hash and open it, unless it is withheld."""
    if bid.withheld is not None:
        return bid.withheld
    if hashlib.sha256(bid.sealed).digest() != bid.sealed_sha256:
        return BidFailure.HASH_MISMATCH
    context = sealing.SealContext(
        opening_id=opening_id,
        lot_id=bid.lot_id,
        vendor_id=bid.vendor_id,
        bid_version_id=bid.version_id,
    )
    try:
        return sealing.unseal(bid.sealed, private_key, context)
    except sealing.SealBroken:
        return BidFailure.SEAL_BROKEN


def failure_of(faults: Sequence[Fault]) -> BidFailure:
    """Name in the record why a bid that opened does not fit: by the first fault that was found."""
    return _FAILURES.get(faults[0].code, BidFailure.CONTENT_UNFIT)


def decide_unseal(
    opening: Opening, bids: Sequence[UnsealedBid], now: datetime
) -> Decision[Opening]:
    """Open all at once: how many bids opened and how many failed, and each failure by name."""
    failures = tuple(
        BidFailed(bid_id=bid.bid_id, lot_id=bid.lot_id, version=bid.version, failure=bid.outcome)
        for bid in bids
        if isinstance(bid.outcome, BidFailure)
    )
    event = BidsUnsealed(
        opening_id=opening.id,
        rfp_id=opening.rfp_id,
        buyer_id=opening.buyer_id,
        merkle_root=(opening.merkle_root or merkle.EMPTY_ROOT).hex(),
        opened=len(bids) - len(failures),
        failed=len(failures),
        unsealed_at=now,
    )
    return Decision(over(opening, now), (*failures, event))


def over(opening: Opening, now: datetime) -> Opening:
    """End an opening: its shares are dropped, and who brought them is kept as the attendance."""
    seats = tuple(replace(seat, submitted_share=None) for seat in opening.seats)
    return replace(opening, status=OpeningStatus.UNSEALED, seats=seats, unsealed_at=now)


def lot_evaluated(opening_id: OpeningId, bids: Sequence[UnsealedBid]) -> LotEvaluated:
    """Say how many of one lot's bids opened and how many failed."""
    failed = sum(isinstance(bid.outcome, BidFailure) for bid in bids)
    return LotEvaluated(opening_id=opening_id, opened=len(bids) - failed, failed=failed)
