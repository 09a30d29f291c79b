"""What the auctions service tells: the course and the outcome of live auctions."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.domain.facts import Audience, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionScheduled(Event):
    """A requested auction was accepted and will open at `opens_at`."""

    TYPE: ClassVar[str] = "auction.scheduled.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    auction_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRefused(Event):
    """A requested auction cannot be held; every fault is named."""

    TYPE: ClassVar[str] = "auction.refused.v1"
    AUDIENCE: ClassVar[Audience] = Audience.BUYER

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionOpened(Event):
    """An auction takes offers from now on."""

    TYPE: ClassVar[str] = "auction.opened.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    auction_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionLeadChanged(Event):
    """Another vendor leads. The price is not told here: who may see it depends on the rules."""

    TYPE: ClassVar[str] = "auction.lead_changed.v1"

    auction_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionExtended(Event):
    """A late offer moved the close."""

    TYPE: ClassVar[str] = "auction.extended.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    auction_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    closes_at: datetime
    extensions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalOffer:
    """Where a vendor stands at the close: its rank and its last standing price."""

    vendor_id: UUID
    rank: int
    unit_price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionClosed(Event):
    """An auction is over; the final ranking decides the lot, if there is an outcome.

    `outcome` is `won`; `reasonableness`, where one vendor stands alone and the buyer decides on its
    price; or, without a winner, `reserve_not_met` or `no_offer`. The winner's `unit_price` is that
    of the contract.
    """

    TYPE: ClassVar[str] = "auction.closed.v1"

    auction_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    currency: str
    closed_at: datetime
    offers: int
    ranking: tuple[FinalOffer, ...]
    outcome: str = "won"
    reserve_met: bool | None = None

    @property
    def decides(self) -> bool:
        """Whether the ranking may decide the lot."""
        return self.outcome in {"won", "reasonableness"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionCancelled(Event):
    """An auction ended without outcome."""

    TYPE: ClassVar[str] = "auction.cancelled.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    auction_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    reason: str
