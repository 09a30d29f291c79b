"""What the bids service tells of opened bids that their vendors want back."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.domain.facts import Audience, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BidWithdrawalClaimed(Event):
    """A vendor claims to withdraw its opened bid for a clerical error; the buyer decides."""

    TYPE: ClassVar[str] = "bid.withdrawal_claimed.v1"
    AUDIENCE: ClassVar[Audience] = Audience.BUYER

    claim_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    bid_id: UUID
    mistake: str
    claimed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BidWithdrawalDecided(Event):
    """The buyer decided whether an opened bid is withdrawn; refused, the bid stands."""

    TYPE: ClassVar[str] = "bid.withdrawal_decided.v1"
    AUDIENCE: ClassVar[Audience] = Audience.VENDOR

    claim_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    bid_id: UUID
    is_granted: bool
    reason: str
