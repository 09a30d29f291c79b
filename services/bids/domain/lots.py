"""Say what a lot is, and what it has become."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from shared.domain.facts import Fact
from shared.domain.ids import LotId, PartyId, RfpId
from shared.domain.money import Currency
from shared.domain.refusals import Kind, Refusal


class LotStatus(StrEnum):
    """How far a lot has come; after an award nothing but its withdrawal follows."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    EVALUATED = "evaluated"
    AUCTIONING = "auctioning"
    INTENDED = "intended"
    AWARDED = "awarded"
    NO_AWARD = "no_award"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({LotStatus.NO_AWARD, LotStatus.CANCELLED})
"""A lot that ended without award; its requirements are free to be pooled again."""


class LotUnknown(Refusal):
    """There is no such lot, or none that the caller may see."""

    kind = Kind.NOT_FOUND
    code = "lot_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such lot.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Like requirements pooled under one RFP; `buyer_id` and `currency` are the RFP's.

    `number` counts from 1 within the RFP. `delivery_area` is empty where the areas of the lot's
    shares differ. `quantity` is the exact sum of the shares.
    """

    id: LotId
    rfp_id: RfpId
    buyer_id: PartyId
    number: int
    title: str
    category: str
    item_code: str
    specification: str
    unit: str
    term_months: int
    delivery_area: str
    quantity: Decimal
    currency: Currency
    status: LotStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LotCancelled(Fact):
    """A lot ended because its RFP was cancelled."""

    TYPE: ClassVar[str] = "lot.cancelled"

    lot_id: LotId
    rfp_id: RfpId
    was: LotStatus


def exact(quantity: Decimal) -> Decimal:
    """Drop trailing zeros, so that a quantity has one written form: `300`, `0.2`."""
    return Decimal(f"{quantity.normalize():f}")
