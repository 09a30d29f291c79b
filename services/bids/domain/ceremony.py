"""Plan who opens an RFP's bids, and deal the opening's key to them.

An RFP's custodians each get a share of the private key, sealed to the key that they registered;
any `threshold` of them together open the bids. Unless the buyer plans otherwise, the RFP's one
custodian holds the whole key.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from services.bids.domain.parties import CustodianUnknown, key_text
from shared.domain.facts import Decision, Fact
from shared.domain.ids import OpeningId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal

CUSTODIANS_MAX: Final = 15
"""More people than this meet for no opening; the scheme itself would bear 255."""

WINDOW_DEFAULT: Final = timedelta(hours=1)
WINDOW_MAX: Final = timedelta(days=7)


class Purpose(StrEnum):
    """What an opening's key seals: prices, technical parts, or a canary in a rehearsal."""

    PRICE = "price"
    TECHNICAL = "technical"
    REHEARSAL = "rehearsal"


class ShareFault(StrEnum):
    """Why a submitted share was refused."""

    BROKEN = "share_does_not_open"
    ALTERED = "share_is_not_the_dealt_one"
    MISMATCH = "key_does_not_match"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """Who opens an RFP's bids: any `threshold` of the custodians, within `window_s` seconds."""

    custodian_ids: tuple[PartyId, ...]
    threshold: int = 1
    opening_window_s: int = int(WINDOW_DEFAULT.total_seconds())
    envelopes: int = 1

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """Name the openings that the RFP has: that of the prices comes first."""
        both = (Purpose.PRICE, Purpose.TECHNICAL)
        return both[: self.envelopes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One custodian's place in an opening: the share dealt to it, and what it handed over.

    `index` is the share's own. `commitment` is that of `shared.sealing.commit_to`, under `salt`.
    `submitted_at` stays after the opening, as the attendance.
    """

    index: int
    custodian_id: PartyId
    salt: bytes
    commitment: bytes
    sealed_share: bytes = field(repr=False)
    submitted_share: bytes | None = field(default=None, repr=False)
    submitted_at: datetime | None = None
    refused_reason: ShareFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """An opening whose key was dealt. `canary` is what a rehearsal opens."""

    opening_id: OpeningId
    purpose: Purpose
    public_key: bytes
    threshold: int
    window_s: int
    seats: tuple[Seat, ...]
    canary: bytes | None = field(default=None, repr=False)


CustodianKeys = Mapping[PartyId, bytes]
Deal = Callable[[Ceremony, CustodianKeys], Sequence[Dealt]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CeremonyPlanned(Fact):
    """A draft's buyer named its custodians, in place of those named before."""

    TYPE: ClassVar[str] = "rfp.ceremony_planned"

    rfp_id: RfpId
    ceremony: Ceremony


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatDealt:
    """A share on the chain: whose it is, to which key it was sealed, what it was committed to."""

    index: int
    custodian_id: PartyId
    custodian_key: str
    salt: str
    commitment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningDealt(Fact):
    """An opening's private key was dealt; what it opens is sealed to the public key."""

    TYPE: ClassVar[str] = "opening.dealt"

    opening_id: OpeningId
    rfp_id: RfpId
    purpose: Purpose
    public_key: str
    threshold: int
    window_s: int
    seats: tuple[SeatDealt, ...]
    closes_at: datetime


class CeremonyUnfit(Refusal):
    """The custodians and the threshold make no ceremony."""

    kind = Kind.INVALID
    code = "ceremony_unfit"


class CustodianKeyMissing(Refusal):
    """A custodian has no key to which a share of the opening's key could be dealt."""

    kind = Kind.CONFLICT
    code = "custodian_key_missing"


def decide_plan(
    rfp_id: RfpId, ceremony: Ceremony, known: AbstractSet[PartyId]
) -> Decision[Ceremony]:
    """Plan a draft's ceremony; `known` are the registered custodians among those named.

    Raises:
        CeremonyUnfit: A custodian named twice, or more needed than named.
        CustodianUnknown: One who is not registered as a custodian.
    """
    named = ceremony.custodian_ids
    if len(set(named)) != len(named) or not 1 <= len(named) <= CUSTODIANS_MAX:
        sentence = f"Name 1 to {CUSTODIANS_MAX} custodians, each once."
        raise CeremonyUnfit(sentence)
    if not 1 <= ceremony.threshold <= len(named):
        sentence = "The threshold is at least 1, and at most the number of custodians."
        raise CeremonyUnfit(sentence)
    if not known >= set(named):
        raise CustodianUnknown
    return Decision(ceremony, (CeremonyPlanned(rfp_id=rfp_id, ceremony=ceremony),))


def require_keys(ceremony: Ceremony, keys: CustodianKeys) -> None:
    """Let nothing be dealt before every custodian can be dealt to.

    Raises:
        CustodianKeyMissing: A custodian registered no key; the details name who.
    """
    missing = [str(party) for party in ceremony.custodian_ids if party not in keys]
    if missing:
        sentence = "Every custodian must register a public key before the opening's key is dealt."
        raise CustodianKeyMissing(sentence, details={"custodian_ids": missing})


def opening_dealt(
    rfp_id: RfpId, dealt: Dealt, keys: CustodianKeys, *, closes_at: datetime
) -> OpeningDealt:
    """Say to whom an opening's key was dealt, with each share's commitment."""
    seats = tuple(
        SeatDealt(
            index=seat.index,
            custodian_id=seat.custodian_id,
            custodian_key=key_text(keys[seat.custodian_id]),
            salt=seat.salt.hex(),
            commitment=seat.commitment.hex(),
        )
        for seat in dealt.seats
    )
    return OpeningDealt(
        opening_id=dealt.opening_id,
        rfp_id=rfp_id,
        purpose=dealt.purpose,
        public_key=key_text(dealt.public_key),
        threshold=dealt.threshold,
        window_s=dealt.window_s,
        seats=seats,
        closes_at=closes_at,
    )
