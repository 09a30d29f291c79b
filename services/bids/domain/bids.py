"""File, replace and withdraw a sealed bid: who may, until when, and what the chain keeps of it.

A bid is one vendor's answer to one lot, in versions; a withdrawal is a version without content.
The chain tells that a bid was filed, never by whom: who bids is confidential until the opening, so
the bid's own id stands for its vendor.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import OpeningStatus
from shared.domain.canonical import canonical
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId, PartyId
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Kind, Refusal

NONCE_BYTES: Final = 32
"""Random bytes beside the price, so that no revealed digest of a bid can be matched by guessing."""


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


class CurrencyWrong(Refusal):
    """The bid is in another currency than the solicitation's."""

    kind = Kind.INVALID
    code = "currency_wrong"


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


class ContentMalformed(Refusal):
    """What was sealed is not the content of a bid."""

    kind = Kind.INVALID
    code = "bid_content_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BidFiled(Fact):
    """A version of a bid was received; the hash is that of its sealed bytes, in hexadecimal."""

    TYPE: ClassVar[str] = "bid.filed"

    bid_id: BidId
    lot_id: LotId
    version: int
    sealed_sha256: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BidWithdrawn(Fact):
    """A bid was taken back; its earlier versions are kept, sealed."""

    TYPE: ClassVar[str] = "bid.withdrawn"

    bid_id: BidId
    lot_id: LotId
    version: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The opening of a lot, as whoever files a bid finds it."""

    opening_id: OpeningId
    lot_id: LotId
    lot_status: LotStatus
    status: OpeningStatus
    closes_at: datetime
    currency: Currency
    public_key: bytes = field(repr=False)

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

    @property
    def sealed_sha256(self) -> bytes | None:
        """Hash the sealed bytes; a withdrawal has none."""
        return None if self.sealed is None else hashlib.sha256(self.sealed).digest()


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
    filed = replace(bid, latest_version=bid.latest_version + 1, is_withdrawn=False)
    fact = BidFiled(
        bid_id=filed.id,
        lot_id=filed.lot_id,
        version=filed.latest_version,
        sealed_sha256=digest.hex(),
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


def write_content(price: UnitPrice, currency: Currency, *, nonce: bytes) -> bytes:
    """Write what is sealed: canonical JSON of price, currency and nonce.

    Raises:
        CurrencyWrong: The price is not in the solicitation's `currency`.
        PriceZero: The price is 0.
    """
    _refuse_unfit(price, currency)
    content = {"currency": currency, "nonce": nonce.hex(), "unit_price": str(price)}
    return canonical(content).encode()


def read_content(content: bytes, currency: Currency) -> UnitPrice:
    """Read what `write_content` wrote; no refusal repeats any of it.

    Raises:
        ContentMalformed: Not such content.
        CurrencyWrong: A price in another currency than the solicitation's.
        PriceZero: The price is 0.
    """
    try:
        members = json.loads(content)
        price = UnitPrice.parse(members["unit_price"], Currency(members["currency"]))
        nonce = bytes.fromhex(members["nonce"])
    except (ValueError, TypeError, KeyError, RecursionError, Refusal):
        sentence = "What was sealed is not the content of a bid."
        raise ContentMalformed(sentence) from None
    _refuse_unfit(price, currency)
    # One price has one content, so that nothing else travels beside it.
    if write_content(price, currency, nonce=nonce) != content or len(nonce) != NONCE_BYTES:
        sentence = "What was sealed is not the canonical content of a bid."
        raise ContentMalformed(sentence)
    return price


def _refuse_unfit(price: UnitPrice, currency: Currency) -> None:
    if price.currency != currency:
        sentence = f"Bids on this lot are in {currency}."
        raise CurrencyWrong(sentence)
    if price.e4 == 0:
        sentence = "A unit price is above 0."
        raise PriceZero(sentence)
