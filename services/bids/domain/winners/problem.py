"""State an award problem as data: what is bought, who offers what, in exact numbers.

Quantities are whole steps, `steps_per_unit` of them to a unit. Money is a `Fraction` of the
currency's unit. Ids are text, and order everything: the same problem listed in another order is
the same problem.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Final

ZERO: Final = Fraction(0)

MONEY_STEP: Final = Fraction(1, 10_000)
"""The finest difference that counts where prices set none themselves: that of a unit price."""


class Granularity(StrEnum):
    """What of a lot goes to one vendor: all of it, a district's share, or any part of a share."""

    WHOLE = "whole"
    DISTRICT = "district"
    SPLIT = "split"


class TierMode(StrEnum):
    """Whether a tier's price holds for all units, or only for the units inside the tier."""

    ALL_UNITS = "all_units"
    GRADUATED = "graduated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one district needs of a lot, in steps."""

    district_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A lot to be awarded.

    With a `reserve`, what is not awarded counts at this price a unit; without, all is awarded.
    `switching_cost` counts when the incumbent wins no part of the lot.
    """

    id: str
    shares: tuple[Share, ...]
    granularity: Granularity = Granularity.WHOLE
    reserve: Fraction | None = None
    incumbent_id: str | None = None
    switching_cost: Fraction = ZERO

    @property
    def quantity(self) -> int:
        """Sum the districts' shares."""
        return sum(share.quantity for share in self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Who offers, and within which bounds; quantities in steps over all lots.

    `minimum` binds only a vendor that wins anything. `serves` None means every district.
    """

    id: str
    capacity: int | None = None
    minimum: int = 0
    participation_cost: Fraction = ZERO
    serves: frozenset[str] | None = None

    def reaches(self, district_id: str) -> bool:
        """Whether the vendor delivers there."""
        return self.serves is None or district_id in self.serves


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A unit price for awarded quantities from `lower` to `upper` steps, both included."""

    lower: int
    upper: int
    unit_price: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """A vendor's offer for one lot, priced by the quantity it is awarded of that lot.

    Bids of one vendor for one lot are alternates: at most one of them wins. `factor` is what its
    cost is multiplied by in the ranking (quality in money), never in what is paid. Where two
    all-units tiers meet in one quantity, the later holds. `serves` None means every district that
    the vendor serves.
    """

    id: str
    vendor_id: str
    lot_id: str
    tiers: tuple[Tier, ...]
    mode: TierMode = TierMode.ALL_UNITS
    setup_cost: Fraction = ZERO
    factor: Fraction = Fraction(1)
    score: Fraction | None = None
    serves: frozenset[str] | None = None

    def reaches(self, vendor: Vendor, district_id: str) -> bool:
        """Whether the bid, and the vendor at all, delivers there."""
        is_served = self.serves is None or district_id in self.serves
        return is_served and vendor.reaches(district_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A vendor's offer for several lots whole, at one price, or nothing.

    Packages of one vendor in the same `either` exclude each other (XOR); others may win together.
    """

    id: str
    vendor_id: str
    lot_ids: frozenset[str]
    price: Fraction
    either: str | None = None
    factor: Fraction = Fraction(1)
    score: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything that decides an award but the buyer's rules.

    With `free_disposal` a lot may be covered more than once.
    """

    lots: tuple[Lot, ...]
    vendors: tuple[Vendor, ...]
    bids: tuple[Bid, ...] = ()
    packages: tuple[Package, ...] = ()
    free_disposal: bool = False
    steps_per_unit: int = 1
    money_step: Fraction = MONEY_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The part of a lot that is assigned at once: a lot, or a district's share of it."""

    lot_id: str
    district_id: str | None
    quantity: int
    districts: tuple[str, ...]
    is_divisible: bool


def ordered(problem: Problem) -> Problem:
    """Sort all by id, so that the order of listing reaches no solver."""
    lots = (
        replace(lot, shares=tuple(sorted(lot.shares, key=lambda share: share.district_id)))
        for lot in problem.lots
    )
    return replace(
        problem,
        lots=tuple(sorted(lots, key=lambda lot: lot.id)),
        vendors=tuple(sorted(problem.vendors, key=lambda vendor: vendor.id)),
        bids=tuple(sorted((_tidied(bid) for bid in problem.bids), key=lambda bid: bid.id)),
        packages=tuple(sorted(problem.packages, key=lambda package: package.id)),
    )


def cells_of(lot: Lot) -> tuple[Cell, ...]:
    """Part a lot into what is assigned at once."""
    if lot.granularity is Granularity.WHOLE:
        districts = tuple(share.district_id for share in lot.shares)
        whole = Cell(
            lot_id=lot.id,
            district_id=None,
            quantity=lot.quantity,
            districts=districts,
            is_divisible=False,
        )
        return (whole,)
    return tuple(
        Cell(
            lot_id=lot.id,
            district_id=share.district_id,
            quantity=share.quantity,
            districts=(share.district_id,),
            is_divisible=lot.granularity is Granularity.SPLIT,
        )
        for share in lot.shares
    )


def tiers_of(bid: Bid) -> tuple[Tier, ...]:
    """List a bid's tiers so that no quantity lies in two of an all-units bid."""
    if bid.mode is TierMode.GRADUATED:
        return bid.tiers
    ends = [following.lower - 1 for following in bid.tiers[1:]]
    return tuple(
        replace(tier, upper=min(tier.upper, end))
        for tier, end in zip(bid.tiers, [*ends, bid.tiers[-1].upper], strict=True)
    )


def intercepts_of(bid: Bid, steps_per_unit: int) -> tuple[Fraction, ...]:
    """Tell what each tier adds to its unit price times the quantity.

    A graduated tier makes good that the units below it cost more: at every edge, both tiers' costs
    agree. Source: the recurrence a(t+1) = a(t) + U(t) * (p(t) - p(t+1)) of piecewise linear cost.
    """
    intercepts = [bid.setup_cost]
    for tier, following in zip(bid.tiers, bid.tiers[1:], strict=False):
        ripple = Fraction(0)
        if bid.mode is TierMode.GRADUATED:
            drop = tier.unit_price - following.unit_price
            ripple = Fraction(tier.upper, steps_per_unit) * drop
        intercepts.append(intercepts[-1] + ripple)
    return tuple(intercepts)


def _tidied(bid: Bid) -> Bid:
    return replace(bid, tiers=tuple(sorted(bid.tiers, key=lambda tier: tier.lower)))
