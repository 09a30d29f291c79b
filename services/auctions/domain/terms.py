"""Hold what does not change while an auction lives."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.auctions.domain.ruleset import Rules
from services.auctions.domain.scores import Handicap
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId
from shared.domain.money import Currency


class Status(StrEnum):
    """Where an auction is in its life."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow any more."""
        return self in {Status.CLOSED, Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class Entrant:
    """A vendor let in; where the format has it so, it stands at its opening price from the start.

    Without an opening price it stands nowhere until it offers.
    """

    vendor_id: PartyId
    alias: str
    opening_e4: int | None
    handicap: Handicap | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """What does not change while an auction lives.

    `reserve_e4` is the price that the winner must not exceed: it stays secret. `budget_e4` is what
    the buyer reckoned with, per unit. `position` is the lot's place, from 1, among those that are
    held together as `group_id`.
    """

    id: AuctionId
    lot_id: LotId
    rfp_id: RfpId
    buyer_id: PartyId
    title: str
    unit: str
    quantity: Decimal
    currency: Currency
    opens_at: datetime
    closes_at: datetime
    rules: Rules
    entrants: tuple[Entrant, ...]
    reserve_e4: int | None = field(default=None, repr=False)
    budget_e4: int | None = None
    group_id: UUID | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """When an auction runs, and where it is in its life, without its log."""

    status: Status
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class RecentOffer:
    """An offer as the picture shows it."""

    sequence: int
    alias: str
    price_e4: int
    at: datetime
