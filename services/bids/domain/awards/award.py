"""Say what an award is. A lot is awarded whole to one vendor, or split among several."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.bids.domain.lots import Lot
from shared.domain.ids import AwardId, LotId, PartyId
from shared.domain.money import Money, UnitPrice
from shared.domain.refusals import Kind, Refusal


class AwardStatus(StrEnum):
    """How far an award has come.

    A second person approves what is proposed; vendors may protest against what is intended;
    members answer to what is recommended; and what is made holds, until it is withdrawn.
    """

    PROPOSED = "proposed"
    INTENDED = "intended"
    RECOMMENDED = "recommended"
    MADE = "made"
    WITHDRAWN = "withdrawn"


PENDING: Final = frozenset({AwardStatus.PROPOSED, AwardStatus.INTENDED, AwardStatus.RECOMMENDED})
"""On its way: the lot is `intended` meanwhile."""


class AwardUnknown(Refusal):
    """There is no such award."""

    kind = Kind.NOT_FOUND
    code = "award_unknown"


class EvaluationUnknown(Refusal):
    """The lot's bids are not opened yet, or the caller may not see them yet."""

    kind = Kind.NOT_FOUND
    code = "evaluation_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What one vendor wins of a lot.

    `total` is the sum of its lines' costs. `price` is the unit's; where the vendor's price differs
    by tier or package, an average. `decided_by` and `approved_by` name persons as their tokens do.
    While `suspended_at` stands, a protest stops the standstill.
    """

    id: AwardId
    lot_id: LotId
    vendor_id: PartyId
    price: UnitPrice
    quantity: Decimal
    total: Money
    reason: str | None
    status: AwardStatus
    decided_at: datetime
    decided_by: str = ""
    approved_by: str | None = None
    scenario_id: UUID | None = None
    intended_at: datetime | None = None
    standstill_ends_at: datetime | None = None
    suspended_at: datetime | None = None
    answers_end_at: datetime | None = None
    made_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None


class ProtestStatus(StrEnum):
    """What became of a protest; a moot one lost its object before it was decided."""

    OPEN = "open"
    UPHELD = "upheld"
    DENIED = "denied"
    MOOT = "moot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protest:
    """A vendor's objection to an award that is intended, and what the buyer decided on it.

    Where the award was withdrawn before, nothing is decided, and it is moot since `moot_at`.
    """

    id: UUID
    lot_id: LotId
    vendor_id: PartyId
    grounds: str
    filed_at: datetime
    is_upheld: bool | None = None
    decision: str | None = None
    decided_at: datetime | None = None
    moot_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be decided."""
        return self.status is ProtestStatus.OPEN

    @property
    def status(self) -> ProtestStatus:
        """What became of it."""
        if self.moot_at is not None:
            return ProtestStatus.MOOT
        if self.is_upheld is None:
            return ProtestStatus.OPEN
        return ProtestStatus.UPHELD if self.is_upheld else ProtestStatus.DENIED


@dataclass(frozen=True, slots=True)
class LotAwards:
    """A lot with the awards that stand and the protests against them: they change together."""

    lot: Lot
    awards: tuple[Award, ...] = ()
    protests: tuple[Protest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What an RFP's law and terms ask of an award's way.

    `window` is the members' time to answer, None where they are not asked.
    """

    standstill: timedelta
    needs_approval: bool = False
    window: timedelta | None = None
