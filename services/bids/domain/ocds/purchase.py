"""Say what a release tells of a purchase; the codes are those of the standard's closed codelists.

Ids are texts that never change from release to release. Instants are aware. What is None or empty
is left out of the release.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.money import Money


class Tag(StrEnum):
    """What a release is about."""

    PLANNING = "planning"
    PLANNING_UPDATE = "planningUpdate"
    TENDER = "tender"
    TENDER_AMENDMENT = "tenderAmendment"
    TENDER_UPDATE = "tenderUpdate"
    TENDER_CANCELLATION = "tenderCancellation"
    AWARD = "award"
    AWARD_UPDATE = "awardUpdate"
    AWARD_CANCELLATION = "awardCancellation"
    CONTRACT = "contract"
    CONTRACT_UPDATE = "contractUpdate"
    CONTRACT_AMENDMENT = "contractAmendment"
    CONTRACT_TERMINATION = "contractTermination"


class TenderStatus(StrEnum):
    """How far a tender, or one of its lots, has come."""

    PLANNING = "planning"
    PLANNED = "planned"
    ACTIVE = "active"
    CANCELLED = "cancelled"
    UNSUCCESSFUL = "unsuccessful"
    COMPLETE = "complete"
    WITHDRAWN = "withdrawn"


class Method(StrEnum):
    """Who may bid."""

    OPEN = "open"
    SELECTIVE = "selective"
    LIMITED = "limited"
    DIRECT = "direct"


class Bought(StrEnum):
    """What is bought in the main."""

    GOODS = "goods"
    WORKS = "works"
    SERVICES = "services"


class Decided(StrEnum):
    """By what an award is decided; this codelist is open."""

    PRICE_ONLY = "priceOnly"
    COST_ONLY = "costOnly"
    QUALITY_ONLY = "qualityOnly"
    RATED_CRITERIA = "ratedCriteria"


class CriterionType(StrEnum):
    """What a criterion concerns."""

    PRICE = "price"
    COST = "cost"
    QUALITY = "quality"


class BidStatus(StrEnum):
    """What became of a bid."""

    PENDING = "pending"
    VALID = "valid"
    DISQUALIFIED = "disqualified"
    WITHDRAWN = "withdrawn"


class AwardStatus(StrEnum):
    """How far an award has come: an intent is pending, and active when it is final."""

    PENDING = "pending"
    ACTIVE = "active"
    CANCELLED = "cancelled"
    UNSUCCESSFUL = "unsuccessful"


class ContractStatus(StrEnum):
    """How far a contract has come."""

    PENDING = "pending"
    ACTIVE = "active"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who takes part; its roles follow from what it does in the release."""

    id: str
    name: str
    is_buyer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From when until when; with all renewals taken it ends at `extends_to`."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    extends_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """Why is bought, and with what budget."""

    rationale: str | None = None
    budget: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something bought: how much of it, in which unit; `scheme` names the list of its code."""

    id: str
    description: str
    quantity: Decimal
    unit: str
    lot_id: str | None = None
    scheme: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """Something scored: its weight in percent, and the fewest points that let a bid pass."""

    name: str
    type: CriterionType
    percent: Decimal | None = None
    points_min: Decimal | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What is awarded together."""

    id: str
    title: str
    status: TenderStatus
    budget: Money | None = None
    period: Period | None = None
    criteria: tuple[Criterion, ...] = ()
    has_auction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """The solicitation."""

    id: str
    title: str
    status: TenderStatus
    procuring_entity_id: str
    method: Method
    decided: Decided
    lots: tuple[Lot, ...]
    items: tuple[Item, ...]
    bought: Bought | None = None
    description: str | None = None
    budget: Money | None = None
    bidding: Period | None = None
    questions: Period | None = None
    opened_at: datetime | None = None
    opening_told: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """One vendor's bid in its last version; while `is_told` is False it is counted alone."""

    id: str
    tenderer_id: str
    status: BidStatus
    filed_at: datetime
    lot_ids: tuple[str, ...]
    value: Money | None = None
    rank: int | None = None
    is_variant: bool = False
    is_told: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """A decision; without a supplier it says that none could be made."""

    id: str
    title: str
    status: AwardStatus
    decided_at: datetime
    lot_ids: tuple[str, ...]
    supplier_ids: tuple[str, ...] = ()
    value: Money | None = None
    items: tuple[Item, ...] = ()
    bid_ids: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What is signed upon an award; `buyer_id` where its buyer is not that of the whole process."""

    id: str
    award_id: str
    status: ContractStatus
    title: str | None = None
    value: Money | None = None
    period: Period | None = None
    signed_at: datetime | None = None
    items: tuple[Item, ...] = ()
    buyer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """All that a release tells. While `tells_bids` is False, bids are counted and not named."""

    ocid: str
    parties: tuple[Party, ...]
    tender: Tender
    planning: Planning | None = None
    buyer_id: str | None = None
    bids: tuple[Bid, ...] = ()
    tells_bids: bool = False
    awards: tuple[Award, ...] = ()
    contracts: tuple[Contract, ...] = ()

    @property
    def told_bids(self) -> tuple[Bid, ...]:
        """The bids that may be told of, one by one."""
        return tuple(bid for bid in self.bids if self.tells_bids and bid.is_told)
