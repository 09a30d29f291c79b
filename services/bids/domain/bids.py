"""File, replace and withdraw a sealed bid: who may, until when, and what the chain keeps of it.

A bid is one vendor's answer to one lot, in versions; a withdrawal is a version without content.
The chain tells that a bid was filed, never by whom: who bids is confidential until the opening, so
the bid's own id stands for its vendor.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.forms import StatedForm
from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import OpeningStatus
from shared.domain.bid_content import BidContent, TechnicalContent
from shared.domain.bid_forms import BidForm, Fault, faults_of, technical_faults_of
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId, PartyId
from shared.domain.money import Currency, CurrencyWrong
from shared.domain.refusals import Kind, Refusal
from shared.sealing import is_sealed_length

UUID_VERSION: Final = 7
"""Ids of versions are ordered by the time of their making, as all ids here. Source: RFC 9562."""


class VendorUnknown(Refusal):
    """The caller is not a registered vendor."""

    kind = Kind.FORBIDDEN
    code = "vendor_unknown"


class BidLate(Refusal):
    """The bid was not completely received before the deadline."""

    kind = Kind.CONFLICT
    code = "bid_late"


class LotNotOpen(Refusal):
    """The lot takes no bids."""

    kind = Kind.CONFLICT
    code = "lot_not_open"


class PriceZero(Refusal):
    """The unit price is 0, to which no other price can be compared."""

    kind = Kind.INVALID
    code = "price_zero"


class BidUnknown(Refusal):
    """There is no such bid, or it is another vendor's."""

    kind = Kind.NOT_FOUND
    code = "bid_unknown"


class BidWithdrawnAlready(Refusal):
    """The bid was withdrawn before; there is nothing left to withdraw."""

    kind = Kind.CONFLICT
    code = "bid_withdrawn_already"


class FilingTooSlow(Refusal):
    """The filing was not recorded in time; whether it stands, a retry under its key tells."""

    kind = Kind.UNAVAILABLE
    code = "filing_too_slow"


class BidUnfit(Refusal):
    """The bid is not what the solicitation's form asks; the details name every fault."""

    kind = Kind.INVALID
    code = "bid_unfit"

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Name the faults, none of which tells anything of the bid's content."""
        listed = [{"code": fault.code, "sentence": fault.sentence} for fault in faults]
        super().__init__(" ".join(fault.sentence for fault in faults), details={"faults": listed})


class EnvelopesWrong(Refusal):
    """The solicitation has another number of envelopes than the bid."""

    kind = Kind.INVALID
    code = "envelopes_wrong"


class SealedLengthWrong(Refusal):
    """The bytes cannot be a sealed bid: they have a length that none has."""

    kind = Kind.INVALID
    code = "sealed_length_wrong"


class BidVersionUnfit(Refusal):
    """The id of a bid's version is not a UUID of version 7."""

    kind = Kind.INVALID
    code = "bid_version_unfit"


class BidVersionReused(Refusal):
    """Another bid was filed under this version id, or another content."""

    kind = Kind.CONFLICT
    code = "bid_version_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BidFiled(Fact):
    """A version of a bid was received; the hash is that of its sealed bytes, in hexadecimal."""

    TYPE: ClassVar[str] = "bid.filed"

    bid_id: BidId
    lot_id: LotId
    version: int
    sealed_sha256: str
    technical_sha256: str | None = None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BidWithdrawn(Fact):
    """A bid was taken back; its earlier versions are kept, sealed."""

    TYPE: ClassVar[str] = "bid.withdrawn"

    bid_id: BidId
    lot_id: LotId
    version: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """The opening to whose key a second envelope is sealed."""

    opening_id: OpeningId
    public_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The opening of a lot, as whoever files a bid finds it."""

    opening_id: OpeningId
    lot_id: LotId
    lot_status: LotStatus
    status: OpeningStatus
    closes_at: datetime
    currency: Currency
    quantity: Decimal
    public_key: bytes = field(repr=False)
    technical: Envelope | None = None
    stated: StatedForm = field(default_factory=StatedForm)

    @property
    def form(self) -> BidForm:
        """What a bid on this lot alone is checked against."""
        return BidForm(
            currency=self.currency,
            closes_at=self.closes_at,
            lots={self.lot_id: self.quantity},
            asked=self.stated.asked,
            attestations=self.stated.names,
            envelopes=1 if self.technical is None else 2,
        )

    def admit(self, received_at: datetime) -> None:
        """Let in what was received before `closes_at`; the closing instant itself is too late.

        Raises:
            BidLate: The deadline has come, or the gate has been shut since.
            LotNotOpen: The lot was cancelled.
        """
        if self.status == OpeningStatus.CANCELLED or self.lot_status == LotStatus.CANCELLED:
            sentence = "The lot was cancelled and takes no bids."
            raise LotNotOpen(sentence)
        if received_at >= self.closes_at or self.status is not OpeningStatus.SEALED:
            sentence = "The deadline for bids on this lot has passed."
            raise BidLate(sentence)
        if self.lot_status is not LotStatus.OPEN:
            sentence = "The lot takes no bids."
            raise LotNotOpen(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """One vendor's answer to one lot, as far as it may be known before the opening."""

    id: BidId
    opening_id: OpeningId
    lot_id: LotId
    vendor_id: PartyId
    latest_version: int
    is_withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """One version to be recorded: sealed content, or None to withdraw.

    `version_id` is the same for every repetition of one request.
    """

    version_id: UUID
    opening_id: OpeningId
    lot_id: LotId
    vendor_id: PartyId
    received_at: datetime
    sealed: bytes | None = field(repr=False)
    technical: bytes | None = field(default=None, repr=False)

    @property
    def sealed_sha256(self) -> bytes | None:
        """Hash the sealed bytes; a withdrawal has none."""
        return None if self.sealed is None else hashlib.sha256(self.sealed).digest()

    @property
    def technical_sha256(self) -> bytes | None:
        """Hash the technical envelope; where there is one envelope there is none."""
        return None if self.technical is None else hashlib.sha256(self.technical).digest()


def decide_filing(
    gate: Gate, standing: Bid | None, filing: Filing, *, new_bid_id: BidId
) -> Decision[Bid]:
    """File the first version of a bid under `new_bid_id`, or replace or withdraw what stands.

    The caller holds the gate and the opening's log.

    Raises:
        BidLate: Not received before the deadline, or the gate has been shut since.
        LotNotOpen: The lot takes no bids.
        BidUnknown: There is no bid to withdraw.
        BidWithdrawnAlready: The bid was withdrawn before.
    """
    gate.admit(filing.received_at)
    digest = filing.sealed_sha256
    if digest is None:
        return _withdraw(standing, filing)
    bid = standing or Bid(
        id=new_bid_id,
        opening_id=filing.opening_id,
        lot_id=filing.lot_id,
        vendor_id=filing.vendor_id,
        latest_version=0,
        is_withdrawn=False,
    )
    technical = filing.technical_sha256
    filed = replace(bid, latest_version=bid.latest_version + 1, is_withdrawn=False)
    fact = BidFiled(
        bid_id=filed.id,
        lot_id=filed.lot_id,
        version=filed.latest_version,
        sealed_sha256=digest.hex(),
        technical_sha256=None if technical is None else technical.hex(),
        received_at=filing.received_at,
    )
    return Decision(filed, (fact,))


def _withdraw(standing: Bid | None, filing: Filing) -> Decision[Bid]:
    if standing is None:
        sentence = "You have no bid on this lot."
        raise BidUnknown(sentence)
    if standing.is_withdrawn:
        sentence = "Your bid on this lot was withdrawn already."
        raise BidWithdrawnAlready(sentence)
    withdrawn = replace(standing, latest_version=standing.latest_version + 1, is_withdrawn=True)
    fact = BidWithdrawn(
        bid_id=withdrawn.id,
        lot_id=withdrawn.lot_id,
        version=withdrawn.latest_version,
        received_at=filing.received_at,
    )
    return Decision(withdrawn, (fact,))


def require_fit(
    content: BidContent,
    form: BidForm,
    lot_id: LotId,
    technical: TechnicalContent | None = None,
) -> None:
    """Let only bids pass that the form lets pass, in every envelope.

    Raises:
        CurrencyWrong: A price in another currency than the solicitation's.
        PriceZero: A price is 0.
        BidUnfit: Anything else that the form asks.
    """
    faults = faults_of(content, form, lot_id)
    if technical is not None:
        faults = (*faults, *technical_faults_of(technical, form))
    by_code = {fault.code: fault for fault in faults}
    if "currency_wrong" in by_code:
        raise CurrencyWrong(by_code["currency_wrong"].sentence)
    if "price_zero" in by_code:
        raise PriceZero(by_code["price_zero"].sentence)
    if faults:
        raise BidUnfit(faults)


def require_envelopes(gate: Gate, *, has_technical: bool) -> None:
    """Let a bid pass that has as many envelopes as the solicitation.

    Raises:
        EnvelopesWrong: It has more or fewer.
    """
    if has_technical != (gate.technical is not None):
        sentence = "File the technical part in an envelope of its own where there are two, only."
        raise EnvelopesWrong(sentence)


def require_sealed(version_id: UUID, *envelopes: bytes | None) -> None:
    """Check what can be checked of a bid that its vendor sealed: the id, and the lengths.

    Raises:
        BidVersionUnfit: The id is not of version 7.
        SealedLengthWrong: No sealed bid has that length.
    """
    if version_id.version != UUID_VERSION:
        sentence = "Mint a UUID of version 7 for every version of a bid, before it is sealed."
        raise BidVersionUnfit(sentence)
    if not all(is_sealed_length(len(one)) for one in envelopes if one is not None):
        sentence = "A sealed bid is 4 to 16 blocks of 4,096 bytes, and 48 bytes."
        raise SealedLengthWrong(sentence)


def require_same(signed_sha256: tuple[str | None, str | None], filing: Filing) -> None:
    """Let a request be repeated, and nothing else be filed under its version id.

    Raises:
        BidVersionReused: Another content.
    """
    digests = (filing.sealed_sha256, filing.technical_sha256)
    if signed_sha256 != tuple(None if one is None else one.hex() for one in digests):
        raise reused()


def reused() -> BidVersionReused:
    """Say that a version id is taken, and no more."""
    sentence = "Something else was filed under this version id. Mint another, and seal anew."
    return BidVersionReused(sentence)
