"""What the bids service tells: solicitations, lots, openings, awards.

Prices are decimal strings of at most four decimals, totals decimal strings in the currency's minor
unit, quantities decimal strings; each event names its currency where it carries an amount.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from shared.domain.facts import Audience, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpPublished(Event):
    """A solicitation is out; its lots take sealed bids until `closes_at`."""

    TYPE: ClassVar[str] = "rfp.published.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    rfp_id: UUID
    buyer_id: UUID
    title: str
    policy_profile: str
    consortium_model: str
    lot_ids: tuple[UUID, ...]
    published_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpCancelled(Event):
    """A solicitation ended without award; no auction of its lots may start or go on."""

    TYPE: ClassVar[str] = "rfp.cancelled.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    rfp_id: UUID
    buyer_id: UUID
    lot_ids: tuple[UUID, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotOpened(Event):
    """A lot takes sealed bids."""

    TYPE: ClassVar[str] = "lot.opened.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    number: int
    title: str
    category: str
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LotClosed(Event):
    """A lot takes no more sealed bids; how many there are, and no more than that, is known."""

    TYPE: ClassVar[str] = "lot.closed.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    bids: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BidsUnsealed(Event):
    """An opening took place: the sealed list's root, how many bids opened and how many failed."""

    TYPE: ClassVar[str] = "bids.unsealed.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    opening_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    merkle_root: str
    opened: int
    failed: int
    unsealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifiedVendor:
    """A vendor let into an auction, under an alias, at the price of its sealed bid."""

    vendor_id: UUID
    alias: str
    opening_price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRules:
    """The rules of one English reverse auction, fixed before it opens.

    `step` is the least amount by which a new offer must be below the vendor's own last offer, the
    lead, or both (`step_against`: `own`, `lead`, `both`). An offer taken within
    `soft_close_window_s` of the close moves the close to `soft_close_extension_s` after the close
    that stood, at most `extensions_max` times. `show_rank` and `show_lead` say what vendors and
    observers are shown: `own` or `all` ranks; the lead price `always` or `never`.
    """

    format: str
    step: str
    step_against: str
    soft_close_window_s: int
    soft_close_extension_s: int
    extensions_max: int
    show_rank: str
    show_lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRequested(Event):
    """A lot goes to a live auction; everything the auction needs is here."""

    TYPE: ClassVar[str] = "auction.requested.v1"

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    title: str
    unit: str
    quantity: Decimal
    currency: str
    policy_profile: str
    opens_at: datetime
    closes_at: datetime
    rules: AuctionRules
    vendors: tuple[QualifiedVendor, ...]


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
    stated what it pays today; a negative saving says that pooling costs this member more.
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
