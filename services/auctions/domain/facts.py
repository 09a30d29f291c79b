"""Name what happens in an auction: the entries of its log, from which its state is folded.

Vendors stand in the log under their alias; who is behind an alias is committed to by
SHA-256(salt ‖ vendor id) in the first entry, and revealed when the policy allows it. So are a
handicap, the reserve, a proxy's limit, and an offer that is secret at first.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.domain.facts import Fact
from shared.events.bids import AuctionRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A vendor as the log knows it."""

    alias: str
    opening_price: str | None = None
    vendor_commitment: str
    handicap_commitment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionProposed(AuctionRules, Fact):
    """The first entry: the rules and who may bid, ties among opening prices in this order."""

    TYPE: ClassVar[str] = "auction.proposed"

    format: str = "english"
    lot_id: str
    currency: str
    opens_at: datetime
    closes_at: datetime
    entrants: tuple[Entrant, ...]
    reserve_commitment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Fact):
    """The auction runs from this instant on."""

    TYPE: ClassVar[str] = "auction.opened"


# Offers ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPlaced(Fact):
    """An offer was taken; `rank`, `lead` and `closes_at` are what its vendor was answered.

    `lead` is the price at which the leader offered, in its own terms. An offer that the buyer
    placed for the vendor says why; one that the vendor's proxy placed says so.
    """

    TYPE: ClassVar[str] = "offer.placed"

    alias: str
    price: str
    rank: int
    lead: str
    closes_at: datetime
    by_proxy: bool | None = None
    surrogate_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferSealed(Fact):
    """An offer was taken whose price nobody else may know yet; it replaces an earlier one."""

    TYPE: ClassVar[str] = "offer.sealed"

    alias: str
    commitment: str
    surrogate_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferWithdrawn(Fact):
    """A vendor took back what it had offered in the turn that runs."""

    TYPE: ClassVar[str] = "offer.withdrawn"

    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferVoided(Fact):
    """The buyer took out the offer of sequence `offer`; its entry stays."""

    TYPE: ClassVar[str] = "offer.voided"

    alias: str
    offer: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySet(Fact):
    """A vendor lets the house bid for it down to a limit that is committed to."""

    TYPE: ClassVar[str] = "proxy.set"

    alias: str
    decrement: str
    limit_commitment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyCancelled(Fact):
    """A vendor ended its proxy."""

    TYPE: ClassVar[str] = "proxy.cancelled"

    alias: str


# Tickers and turns -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelBegan(Fact):
    """The ticker shows a price until `ends_at`; `out` let the level before pass, for good."""

    TYPE: ClassVar[str] = "level.began"

    price: str
    ends_at: datetime
    out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelAccepted(Fact):
    """A vendor accepted the price that the ticker shows."""

    TYPE: ClassVar[str] = "level.accepted"

    alias: str
    price: str
    surrogate_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLeft(Fact):
    """A vendor left a falling ticker for good."""

    TYPE: ClassVar[str] = "vendor.left"

    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundBegan(Fact):
    """A round began; vendors speak in this order, the worst first."""

    TYPE: ClassVar[str] = "round.began"

    number: int
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundEnded(Fact):
    """A round ended; the next begins at `resumes_at`."""

    TYPE: ClassVar[str] = "round.ended"

    number: int
    resumes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBegan(Fact):
    """It is a vendor's turn until `ends_at`."""

    TYPE: ClassVar[str] = "turn.began"

    alias: str
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(Fact):
    """A turn ended; what was offered in it last, as the entry `offer`, is no longer secret."""

    TYPE: ClassVar[str] = "turn.ended"

    alias: str
    offer: int | None = None
    price: str | None = None
    salt: str | None = None


# Times -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(Fact):
    """The offer before this entry moved the close."""

    TYPE: ClassVar[str] = "auction.extended"

    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedByBuyer(Fact):
    """The buyer moved the close."""

    TYPE: ClassVar[str] = "auction.extended_by_buyer"

    closes_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(Fact):
    """Another lot held together with this one moved its times."""

    TYPE: ClassVar[str] = "auction.moved"

    opens_at: datetime
    closes_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Fact):
    """The auction's time stands still."""

    TYPE: ClassVar[str] = "auction.paused"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumptionSet(Fact):
    """The auction's time will run on from `resumes_at`."""

    TYPE: ClassVar[str] = "auction.resumption_set"

    resumes_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Fact):
    """The time runs on with as much left as there was; the close has moved by the pause."""

    TYPE: ClassVar[str] = "auction.resumed"

    closes_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeGivenBack(Fact):
    """Nobody wrote the auction for `away_ms`; the close has moved by as much.

    A ticker's level that was under way is void and begins anew, until `level_ends_at`.
    """

    TYPE: ClassVar[str] = "auction.time_given_back"

    away_ms: int
    opens_at: datetime
    closes_at: datetime
    level_ends_at: datetime | None = None


# The end ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an alias ended."""

    alias: str
    rank: int
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """A sealed offer opened: the price and salt to which the entry `offer` committed."""

    alias: str
    offer: int
    price: str
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Fact):
    """No more offers; the final ranking, and who won at what price.

    `outcome` is `won`; or `reasonableness`: one vendor stands alone, and the buyer decides whether
    its price is reasonable; or `reserve_not_met`, or `no_offer`, and then there is no winner.
    """

    TYPE: ClassVar[str] = "auction.closed"

    ranking: tuple[Place, ...]
    outcome: str
    winner: str | None = None
    price: str | None = None
    reserve_met: bool | None = None
    revealed: tuple[Revealed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Fact):
    """The auction ended without outcome."""

    TYPE: ClassVar[str] = "auction.cancelled"

    reason: str
