"""Say what a season plays, in the same words for every data set, and what it would cost alone.

A season has up to two stages. In the first, every need is a lot of its own, as the members buy
today; its winners can be checked against a record. In the second the needs are pooled, the same
vendors bid on the pools, and some lots go on to a live auction. Nothing here reads a file, a clock
or a network; the player of a season needs no other knowledge of where its data came from.
"""

import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal, assert_never

from shared.domain.money import Currency, Money, UnitPrice, total

Commitment = Literal["firm", "estimate"]

REQUIREMENT_COLUMNS: Final = (
    "member_reference",
    "category",
    "item_code",
    "specification",
    "unit",
    "quantity",
    "commitment",
    "need_by",
    "term_months",
    "delivery_area",
    "baseline_unit_price",
    "reference",
)
"""The header of the public import of requirements, in its order."""


class PooledBy(StrEnum):
    """What the needs of one lot have in common, and so what its key is."""

    ALONE = "alone"
    AREA = "area"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Member:
    """A district, or another body that buys: `area` is where it is delivered to."""

    reference: str
    name: str
    area: str


@dataclass(frozen=True, slots=True)
class Vendor:
    """A house that bids; its reference is plain ASCII without spaces."""

    reference: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One requirement of one member; `reference` is unique within its stage."""

    reference: str
    member_reference: str
    category: str
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    delivery_area: str
    term_months: int
    need_by: date
    baseline_unit_price: str | None
    commitment: Commitment = "firm"


@dataclass(frozen=True, slots=True)
class SealedBid:
    """One vendor's unit price for the whole of one lot; at most one per lot and vendor."""

    lot_key: str
    vendor_reference: str
    unit_price: str


@dataclass(frozen=True, slots=True)
class LiveVendor:
    """How far one vendor goes in a live auction: from its opening price down to its limit."""

    vendor_reference: str
    opening_price: str
    limit_price: str


@dataclass(frozen=True, slots=True)
class LiveLot:
    """A pooled lot that goes on to a live auction, with everyone who filed a sealed bid on it."""

    lot_key: str
    vendors: tuple[LiveVendor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One round of lots; `expected_winners` names each lot's vendor where a record tells it."""

    title: str
    needs: tuple[Need, ...]
    pooled_by: PooledBy
    bids: tuple[SealedBid, ...]
    expected_winners: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Everything that one demonstration plays.

    `alone` is the stage in which the members buy each for itself, where it is played at all.
    `alone_price_of` tells, by the need's reference, the unit price that the need costs alone: the
    recorded winning price, or what the member pays today. `notes` are the caveats to print with
    any result.
    """

    dataset: str
    currency: Currency
    members: tuple[Member, ...]
    vendors: tuple[Vendor, ...]
    alone: Stage | None
    pooled: Stage
    live: tuple[LiveLot, ...]
    alone_price_of: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CostAlone:
    """What the pooled needs cost if every member buys alone: by key of the lot, and in all."""

    by_lot: Mapping[str, Money]
    in_all: Money


def cost_alone(season: Season) -> CostAlone:
    """Add up what the needs of the pooled stage cost when each is bought alone.

    Each need's cost is rounded once, half-even, to the minor unit; the sums are of rounded costs.
    """
    by_lot = {
        key: sum(_need_cost_alone(season, need).minor for need in needs)
        for key, needs in lots(season.pooled).items()
    }
    return CostAlone(
        {key: Money(minor, season.currency) for key, minor in by_lot.items()},
        Money(sum(by_lot.values()), season.currency),
    )


def _need_cost_alone(season: Season, need: Need) -> Money:
    price = UnitPrice.parse(season.alone_price_of[need.reference], season.currency)
    return total(price, need.quantity)


def lots(stage: Stage) -> dict[str, tuple[Need, ...]]:
    """Group the needs of a stage by the key of their lot, both in the order of the stage."""
    grouped: dict[str, list[Need]] = {}
    for need in stage.needs:
        grouped.setdefault(lot_key(need, stage.pooled_by), []).append(need)
    return {key: tuple(needs) for key, needs in grouped.items()}


def lot_key(need: Need, pooled_by: PooledBy) -> str:
    """Name the lot that a need falls into: its own reference, its area, or its item code."""
    match pooled_by:
        case PooledBy.ALONE:
            return need.reference
        case PooledBy.AREA:
            return need.delivery_area
        case PooledBy.ITEM:
            return need.item_code
    assert_never(pooled_by)


def most_contested(bids: Iterable[SealedBid], count: int) -> tuple[str, ...]:
    """Name the `count` lots with the most vendors, the most first; ties go by the lot's key."""
    vendors: dict[str, set[str]] = {}
    for bid in bids:
        vendors.setdefault(bid.lot_key, set()).add(bid.vendor_reference)
    ranked = sorted(vendors, key=lambda key: (-len(vendors[key]), key))
    return tuple(ranked[:count])


def live_lot(key: str, bids: Iterable[SealedBid], limits: Mapping[str, str]) -> LiveLot:
    """Take one lot into a live auction: every bidder opens at its sealed bid.

    `limits` tells each bidder's limit by its reference. Vendors come in the order of their bids.
    """
    return LiveLot(
        key,
        tuple(
            LiveVendor(bid.vendor_reference, bid.unit_price, limits[bid.vendor_reference])
            for bid in bids
            if bid.lot_key == key
        ),
    )


def needed_by(season: Season, day: date) -> Season:
    """Move every need of a season to another day, so that an old record can be played today."""
    alone = None if season.alone is None else _stage_needed_by(season.alone, day)
    return dataclasses.replace(season, alone=alone, pooled=_stage_needed_by(season.pooled, day))


def _stage_needed_by(stage: Stage, day: date) -> Stage:
    moved = tuple(dataclasses.replace(need, need_by=day) for need in stage.needs)
    return dataclasses.replace(stage, needs=moved)


def requirements_csv(needs: Iterable[Need]) -> str:
    """Write needs as the CSV that the public import of requirements takes.

    One header line, then one line per need, each ended by a line feed. Quantities are plain
    decimals, dates ISO 8601; an unknown baseline is left empty.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, REQUIREMENT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(need) for need in needs)
    return text.getvalue()


def _row(need: Need) -> dict[str, str]:
    return {
        "member_reference": need.member_reference,
        "category": need.category,
        "item_code": need.item_code,
        "specification": need.specification,
        "unit": need.unit,
        "quantity": f"{need.quantity:f}",
        "commitment": need.commitment,
        "need_by": need.need_by.isoformat(),
        "term_months": str(need.term_months),
        "delivery_area": need.delivery_area,
        "baseline_unit_price": need.baseline_unit_price or "",
        "reference": need.reference,
    }
