"""Name what happens in an auction: the entries of its log, from which its state is folded.

Vendors stand in the log under their alias; who is behind an alias is committed to by
SHA-256(salt ‖ vendor id) in the first entry, and revealed when the policy allows it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.domain.facts import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A vendor as the log knows it."""

    alias: str
    opening_price: str
    vendor_commitment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionProposed(Fact):
    """The first entry: the rules and who may bid, ties among opening prices in this order."""

    TYPE: ClassVar[str] = "auction.proposed"

    lot_id: str
    currency: str
    opens_at: datetime
    closes_at: datetime
    step: str
    step_against: str
    soft_close_window_s: int
    soft_close_extension_s: int
    extensions_max: int
    show_rank: str
    show_lead: str
    entrants: tuple[Entrant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Fact):
    """Offers are taken from this instant on."""

    TYPE: ClassVar[str] = "auction.opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPlaced(Fact):
    """An offer was taken; `rank`, `lead` and `closes_at` are what its vendor was answered."""

    TYPE: ClassVar[str] = "offer.placed"

    alias: str
    price: str
    rank: int
    lead: str
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(Fact):
    """The offer before this entry moved the close."""

    TYPE: ClassVar[str] = "auction.extended"

    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an alias ended."""

    alias: str
    rank: int
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Fact):
    """No more offers; the final ranking."""

    TYPE: ClassVar[str] = "auction.closed"

    ranking: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Fact):
    """The auction ended without outcome."""

    TYPE: ClassVar[str] = "auction.cancelled"

    reason: str
