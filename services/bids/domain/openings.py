"""Close a solicitation and open its bids: hashes first, then one custodian's share, then prices.

An opening is sealed until its deadline, then closed: the hashes of all bids and their Merkle root
are published while nobody can read any of them. The opener, one leased process, shows an ephemeral
key; the custodian seals its share of the private key to it; the opener checks the key against the
one that was published, opens every bid and checks each against its hash. What fails is recorded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.parties import key_text
from shared import sealing
from shared.domain import merkle
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import UnitPrice
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import BidsUnsealed
from shared.sealing import KEY_BYTES, OVERHEAD_BYTES, SHARE_BYTES, Share

RESEALED_SHARE_BYTES: Final = OVERHEAD_BYTES + SHARE_BYTES


class OpeningStatus(StrEnum):
    """Where an opening stands."""

    SEALED = "sealed"
    CLOSED = "closed"
    UNSEALED = "unsealed"
    CANCELLED = "cancelled"


class ShareFault(StrEnum):
    """Why a submitted share was refused."""

    BROKEN = "share_does_not_open"
    MISMATCH = "key_does_not_match"


class BidFailure(StrEnum):
    """Why a bid could not be opened."""

    HASH_MISMATCH = "hash_mismatch"
    SEAL_BROKEN = "seal_broken"
    CONTENT_MALFORMED = "content_malformed"
    CURRENCY_WRONG = "currency_wrong"
    PRICE_ZERO = "price_zero"


class OpeningUnknown(Refusal):
    """There is no such opening, or it is another custodian's."""

    kind = Kind.NOT_FOUND
    code = "opening_unknown"


class OpeningNotClosed(Refusal):
    """The opening takes no share: its deadline has not come, or it is over."""

    kind = Kind.CONFLICT
    code = "opening_not_closed"


class OpenerKeyStale(Refusal):
    """The share was sealed to a key that is not the present opener's."""

    kind = Kind.CONFLICT
    code = "opener_key_stale"


class ResealedShareMalformed(Refusal):
    """The bytes cannot be a share that was sealed to the opener."""

    kind = Kind.INVALID
    code = "resealed_share_malformed"


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
class OpenerChanged(Fact):
    """Another process opens from now on; shares that were sealed to an older key are void."""

    TYPE: ClassVar[str] = "opening.opener_changed"

    opener_key: str
    share_voided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSubmitted(Fact):
    """The custodian handed its share over, sealed to the opener's key."""

    TYPE: ClassVar[str] = "opening.share_submitted"

    custodian_id: PartyId
    opener_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRefused(Fact):
    """The submitted share does not make the published key; the custodian may submit again."""

    TYPE: ClassVar[str] = "opening.share_refused"

    custodian_id: PartyId
    reason: ShareFault


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
    """One key, one deadline, and what became of them. Keys are 32 bytes and never in `repr`."""

    id: OpeningId
    rfp_id: RfpId
    buyer_id: PartyId
    custodian_id: PartyId
    status: OpeningStatus
    closes_at: datetime
    public_key: bytes = field(repr=False)
    merkle_root: bytes | None = None
    opener_key: bytes | None = field(default=None, repr=False)
    submitted_share: bytes | None = field(default=None, repr=False)
    refused_share_reason: str | None = None
    closed_at: datetime | None = None
    unsealed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBid:
    """The latest version of a bid, as it lies in the record until the opening."""

    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    version_id: UUID
    version: int
    received_at: datetime
    log_index: int
    sealed_sha256: bytes
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealedBid:
    """A bid after the opening: its price, or why there is none."""

    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    version: int
    received_at: datetime
    log_index: int
    outcome: UnitPrice | BidFailure


def decide_close(
    opening: Opening, sealed_hashes: Sequence[bytes], now: datetime
) -> Decision[Opening]:
    """Shut the gate and publish the root over the bids that stand, in the order of the log."""
    root = merkle.root(sealed_hashes)
    closed = replace(opening, status=OpeningStatus.CLOSED, merkle_root=root, closed_at=now)
    fact = OpeningClosed(merkle_root=root.hex(), bids=len(sealed_hashes), closed_at=now)
    return Decision(closed, (fact,))


def decide_new_opener(opening: Opening, opener_key: bytes) -> Decision[Opening]:
    """Show another opener's key; what was sealed to the one before is void."""
    if opening.status is not OpeningStatus.CLOSED or opening.opener_key == opener_key:
        return Decision(opening)
    fact = OpenerChanged(
        opener_key=key_text(opener_key), share_voided=opening.submitted_share is not None
    )
    return Decision(replace(opening, opener_key=opener_key, submitted_share=None), (fact,))


def decide_submit(opening: Opening, *, opener_key: bytes, share: bytes) -> Decision[Opening]:
    """Take the custodian's share, sealed to the present opener's key.

    Raises:
        OpeningNotClosed: The deadline has not come, or the opening is over.
        OpenerKeyStale: Sealed to another key than the one that is shown.
        ResealedShareMalformed: Not of the length that a sealed share has.
    """
    if opening.status is not OpeningStatus.CLOSED:
        sentence = f"The opening is {opening.status}; a share is taken while it is closed."
        raise OpeningNotClosed(sentence)
    if opening.opener_key is None or opener_key != opening.opener_key:
        sentence = "Read the opening again and seal the share to its present opener_key."
        raise OpenerKeyStale(sentence)
    if len(share) != RESEALED_SHARE_BYTES or len(opener_key) != KEY_BYTES:
        sentence = f"A share that is sealed to the opener has {RESEALED_SHARE_BYTES} bytes."
        raise ResealedShareMalformed(sentence)
    submitted = replace(opening, submitted_share=share, refused_share_reason=None)
    fact = ShareSubmitted(custodian_id=opening.custodian_id, opener_key=key_text(opener_key))
    return Decision(submitted, (fact,))


def decide_refuse_share(opening: Opening, *, share: bytes, fault: ShareFault) -> Decision[Opening]:
    """Put a faulty share aside and say why; one that was submitted since stays."""
    if opening.status is not OpeningStatus.CLOSED or opening.submitted_share != share:
        return Decision(opening)
    refused = replace(opening, submitted_share=None, refused_share_reason=fault.value)
    fact = ShareRefused(custodian_id=opening.custodian_id, reason=fault)
    return Decision(refused, (fact,))


def recover_key(opening: Opening, opener_private: bytes) -> bytes | ShareFault:
    """Put the opening's private key together from the submitted share, and check it.

    Without the check a corrupt share would open nothing, and every bid would seem broken.
    """
    try:
        share = sealing.unseal_share(
            opening.submitted_share or b"",
            opener_private,
            opening_id=opening.id,
            purpose="opening",
        )
        private = sealing.combine([Share.from_bytes(share)])
    except (sealing.SealBroken, sealing.ShareMalformed):
        return ShareFault.BROKEN
    return private if sealing.check_pair(private, opening.public_key) else ShareFault.MISMATCH


def unsealed_content(
    bid: SealedBid, opening_id: OpeningId, private_key: bytes
) -> bytes | BidFailure:
    """Check a sealed bid against its hash and open it."""
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
    unsealed = replace(
        opening,
        status=OpeningStatus.UNSEALED,
        submitted_share=None,
        refused_share_reason=None,
        unsealed_at=now,
    )
    return Decision(unsealed, (*failures, event))


def lot_evaluated(opening_id: OpeningId, bids: Sequence[UnsealedBid]) -> LotEvaluated:
    """Say how many of one lot's bids opened and how many failed."""
    failed = sum(isinstance(bid.outcome, BidFailure) for bid in bids)
    return LotEvaluated(opening_id=opening_id, opened=len(bids) - failed, failed=failed)
