"""What the bids service tells of awards: to all, to bidders, and to each member."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from shared.domain.facts import Audience, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardIntended(Event):
    """A winner is named; the award stands when the standstill has passed without protest."""

    TYPE: ClassVar[str] = "award.intended.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    award_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    unit_price: str
    currency: str
    standstill_ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardMade(Event):
    """A lot is awarded: the totals; each member's part is its own `award.line_made`."""

    TYPE: ClassVar[str] = "award.made.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    award_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    quantity: Decimal
    unit: str
    unit_price: str
    total: str
    currency: str
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardLineMade(Event):
    """One member's part of an award.

    `baseline_total` and `saving` are there where every one of the member's requirements in the lot
    stated what it pays today; a negative saving says that pooling costs this member more. `margin`
    is what a consortium that resells adds; it is in the total.
    """

    TYPE: ClassVar[str] = "award.line_made.v1"
    AUDIENCE: ClassVar[Audience] = Audience.MEMBER

    award_line_id: UUID
    award_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    member_id: UUID
    vendor_id: UUID
    vendor_name: str
    lot_title: str
    quantity: Decimal
    unit: str
    unit_price: str
    total: str
    currency: str
    baseline_total: str | None = None
    saving: str | None = None
    margin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardNoticed(Event):
    """A vendor that bid on a lot is told who is to win it; its notice may be read with its scores.

    `rank` and `unit_price` are its own; of a lot that is split, a vendor may win a part.
    """

    TYPE: ClassVar[str] = "award.noticed.v1"
    AUDIENCE: ClassVar[Audience] = Audience.VENDOR

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    is_winner: bool
    rank: int
    unit_price: str
    currency: str
    standstill_ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardProtested(Event):
    """A vendor objects to an award; until that is decided, the standstill rests."""

    TYPE: ClassVar[str] = "award.protested.v1"
    AUDIENCE: ClassVar[Audience] = Audience.BUYER

    protest_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    grounds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardProtestMooted(Event):
    """The award that a vendor objected to was withdrawn before its protest was decided.

    `reason` is that of the withdrawal. Against another award of the lot a vendor protests anew.
    """

    TYPE: ClassVar[str] = "award.protest_mooted.v1"
    AUDIENCE: ClassVar[Audience] = Audience.VENDOR

    protest_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardRecommended(Event):
    """An award stood the protests; members may take it until `answers_end_at`."""

    TYPE: ClassVar[str] = "award.recommended.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    award_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    unit_price: str
    currency: str
    answers_end_at: datetime
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardLineRecommended(Event):
    """A member may accept or decline its part; the RFP says what silence means."""

    TYPE: ClassVar[str] = "award.line_recommended.v1"
    AUDIENCE: ClassVar[Audience] = Audience.MEMBER

    award_line_id: UUID
    award_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    member_id: UUID
    vendor_id: UUID
    vendor_name: str
    lot_title: str
    quantity: Decimal
    unit: str
    unit_price: str
    total: str
    currency: str
    answers_end_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardWithdrawn(Event):
    """An award that was intended, recommended or made holds no more."""

    TYPE: ClassVar[str] = "award.withdrawn.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    award_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardLineWithdrawn(Event):
    """A member's part of an award, of which it was told, holds no more."""

    TYPE: ClassVar[str] = "award.line_withdrawn.v1"
    AUDIENCE: ClassVar[Audience] = Audience.MEMBER

    award_line_id: UUID
    award_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    member_id: UUID
    vendor_id: UUID
    lot_title: str
