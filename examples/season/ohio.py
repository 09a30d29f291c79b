"""Load a season that happened: Ohio school milk, 1986, from a folder of real data.

Every district asked for sealed bids by itself and the lowest bid won. The record knows prices, not
quantities; these are estimated from enrolment. The record may not be passed on, so it is read
where it lies and never copied.

Source: R. Porter and J. D. Zona, Ohio School Milk Markets: An Analysis of Bidding, RAND Journal of
Economics 30(2), 1999.
"""

import csv
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final

from examples.season.plan import (
    LiveLot,
    Member,
    Need,
    PooledBy,
    SealedBid,
    Season,
    Stage,
    Vendor,
    live_lot,
    most_contested,
)
from shared.domain.money import Currency, UnitPrice, largest_remainder

YEAR: Final = "1986"
"""The last year of the record, and one in which every contract has one winner and no tie."""

HALF_PINTS_PER_PUPIL: Final = 108
"""180 school days, and six pupils in ten who take milk: 180 x 0.6, our estimate."""

LIVE_LOTS: Final = 3
"""How many counties go on to a live auction: those with the most vendors."""

SCHOOL_BEGINS: Final = date(1986, 9, 1)
"""The record names no day; milk is needed when school begins."""

TERM_MONTHS: Final = 12
"""Contracts were let once a year."""

ITEM_CODE: Final = "50131701"
"""Fresh milk or butter products. Source: UNSPSC, class 501317."""

AREA_UNKNOWN: Final = "Not recorded"
"""Where a joint purchase delivers: the record lists no place for it."""

QUANTITY_UNKNOWN: Final = Decimal(1)
"""Stands for a quantity that cannot be estimated; one lot's winner does not depend on it."""

USD: Final = Currency("USD")

NOTES: Final = (
    (
        "Districts, counties, vendors and prices are as recorded in 1986: two spellings count as"
        " two vendors, or as two counties (Darke and Drake, Preble and Proble)."
    ),
    (
        "Quantities are estimates: enrolment x 180 school days x 0.6 half pints, split evenly over"
        " a district's contracts, because the record has no quantities."
    ),
    (
        "Five contracts of unknown enrolment, one of them a joint purchase, carry quantity 1 and"
        " are played only in the stage in which each district buys alone."
    ),
    (
        "No vendor was asked in 1986 for a county's price: its pooled bid is the mean of its own"
        " prices in that county, weighted by quantity, even if it bid for one district only."
    ),
    (
        "In 54 of the 85 counties the lowest pooled bid is of a vendor that had priced only a part"
        " of the county's milk. All that pooling saves at the sealed bids comes from these; in the"
        " other 31 counties, taken together, it costs more. It is no evidence of a saving."
    ),
    (
        "A pooled lot goes whole to one vendor at one price, and no vendor is assumed to give a"
        " discount for volume, so some counties cost more than their districts alone."
    ),
    (
        "Only the three counties with the most vendors (ties by name) are played live. A vendor's"
        " limit there is its lowest recorded price in the county: an assumption, not a fact."
    ),
    (
        "Some vendors of the Cincinnati area were later found to have rigged bids in 1980-1989, so"
        " the prices that districts paid alone were not everywhere prices of competition."
    ),
)


@dataclass(frozen=True, slots=True)
class _District:
    name: str
    county: str
    enrolment: int | None


@dataclass(frozen=True, slots=True)
class _RecordedBid:
    contract: str
    vendor: str
    price: UnitPrice
    won: bool


_Districts = Mapping[str, _District]
_Quantities = Mapping[str, Decimal]


def load_season(folder: Path) -> Season:
    """Read the two Ohio tables of `folder` and plan the season of 1986.

    Raises:
        FileNotFoundError: The folder does not hold the Ohio tables.
    """
    districts = _read_districts(folder / "ohio_districts.csv")
    bids = _read_bids(folder / "ohio_milk_bids_1980_1986.csv")
    contracts = list(dict.fromkeys(bid.contract for bid in bids))
    quantities = _estimated_quantities(contracts, districts)
    price_of = {bid.contract: str(bid.price) for bid in bids if bid.won}
    needs = tuple(_need(contract, districts, quantities) for contract in contracts)
    pooled = _pooled_stage(needs, bids, quantities, price_of)
    return Season(
        dataset="Ohio school milk, 1986",
        currency=USD,
        members=_members(contracts, districts),
        vendors=_vendors(bids),
        alone=_alone_stage(needs, bids),
        pooled=pooled,
        live=_live(pooled, bids),
        alone_price_of=price_of,
        notes=NOTES,
    )


def _read_districts(path: Path) -> dict[str, _District]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {
            _member_reference(row["district_id"]): _District(
                row["name"],
                row["county"],
                # Blank is unknown, and so is 0: a district without pupils has nothing to buy.
                int(row["enrolment"] or 0) or None,
            )
            for row in csv.DictReader(lines)
        }


def _read_bids(path: Path) -> list[_RecordedBid]:
    """Read the year's bids, ordered by contract and vendor."""
    with path.open(encoding="utf-8", newline="") as lines:
        bids = [
            _RecordedBid(
                row["district_id"],
                row["vendor"],
                UnitPrice.parse(row["unit_price_usd"], USD),
                row["won"] == "1",
            )
            for row in csv.DictReader(lines)
            if row["year"] == YEAR
        ]
    return sorted(bids, key=lambda bid: (bid.contract, bid.vendor))


def _member_reference(contract: str) -> str:
    """Tell whose contract it is: the last five digits; a digit before them numbers contracts."""
    return contract[-5:]


def _vendor_reference(name: str) -> str:
    """Write a recorded name in capitals, digits and hyphens: `R&JDAIRY` becomes `R-JDAIRY`."""
    return re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")


def _estimated_quantities(contracts: Iterable[str], districts: _Districts) -> dict[str, Decimal]:
    """Estimate each contract's half pints; contracts of unknown enrolment are left out.

    A district's half pints are split evenly over its contracts, in whole half pints, the first
    contracts taking one more where the split leaves a remainder.
    """
    of_member: dict[str, list[str]] = {}
    for contract in contracts:
        of_member.setdefault(_member_reference(contract), []).append(contract)
    quantities: dict[str, Decimal] = {}
    for reference, own in of_member.items():
        enrolment = districts[reference].enrolment if reference in districts else None
        if enrolment is not None:
            parts = largest_remainder(enrolment * HALF_PINTS_PER_PUPIL, [1] * len(own))
            quantities.update(zip(own, map(Decimal, parts), strict=True))
    return quantities


def _members(contracts: Iterable[str], districts: _Districts) -> tuple[Member, ...]:
    """Make every district that let a contract a member, under its recorded name."""
    first_contract = {
        _member_reference(contract): contract for contract in reversed(list(contracts))
    }
    return tuple(
        Member(reference, districts[reference].name, districts[reference].county)
        if reference in districts
        else Member(reference, f"Joint purchase {first_contract[reference]}", AREA_UNKNOWN)
        for reference in sorted(first_contract)
    )


def _vendors(bids: Iterable[_RecordedBid]) -> tuple[Vendor, ...]:
    return tuple(
        Vendor(_vendor_reference(name), name) for name in sorted({bid.vendor for bid in bids})
    )


def _need(contract: str, districts: _Districts, quantities: _Quantities) -> Need:
    reference = _member_reference(contract)
    return Need(
        reference=contract,
        member_reference=reference,
        category="goods",
        item_code=ITEM_CODE,
        specification="School milk in half-pint cartons",
        unit="half pint",
        quantity=quantities.get(contract, QUANTITY_UNKNOWN),
        delivery_area=districts[reference].county if reference in districts else AREA_UNKNOWN,
        term_months=TERM_MONTHS,
        need_by=SCHOOL_BEGINS,
        baseline_unit_price=None,
        commitment="estimate",
    )


def _alone_stage(needs: tuple[Need, ...], bids: Iterable[_RecordedBid]) -> Stage:
    """Plan what happened: every contract a sealed lot, with the winner that the record names.

    No need has a baseline here: what these lots will cost is what the stage finds out.
    """
    return Stage(
        title="Each district alone",
        needs=needs,
        pooled_by=PooledBy.ALONE,
        bids=tuple(
            SealedBid(bid.contract, _vendor_reference(bid.vendor), str(bid.price)) for bid in bids
        ),
        expected_winners={bid.contract: _vendor_reference(bid.vendor) for bid in bids if bid.won},
    )


def _pooled_stage(
    needs: Iterable[Need],
    bids: Iterable[_RecordedBid],
    quantities: _Quantities,
    price_of: Mapping[str, str],
) -> Stage:
    """Plan what might have been: the needs of known quantity pooled by county.

    The baseline of each need is the price at which the district really bought alone.
    """
    pooled = tuple(
        dataclasses.replace(need, baseline_unit_price=price_of[need.reference])
        for need in needs
        if need.reference in quantities
    )
    return Stage(
        title="Pooled by county",
        needs=pooled,
        pooled_by=PooledBy.AREA,
        bids=tuple(
            SealedBid(county, vendor, _weighted_mean(own, quantities))
            for (county, vendor), own in _by_county_and_vendor(pooled, bids).items()
        ),
        expected_winners=None,
    )


def _by_county_and_vendor(
    pooled: Iterable[Need], bids: Iterable[_RecordedBid]
) -> dict[tuple[str, str], list[_RecordedBid]]:
    """Group the bids on pooled needs by county and the vendor's reference, in that order."""
    county_of = {need.reference: need.delivery_area for need in pooled}
    grouped: dict[tuple[str, str], list[_RecordedBid]] = {}
    for bid in bids:
        if bid.contract in county_of:
            key = county_of[bid.contract], _vendor_reference(bid.vendor)
            grouped.setdefault(key, []).append(bid)
    return dict(sorted(grouped.items()))


def _weighted_mean(bids: Sequence[_RecordedBid], quantities: _Quantities) -> str:
    """Weigh prices by quantity, exactly, and round once, half-even, to four decimals.

    The weights cannot all be 0: a district of one pupil already takes 108 half pints.
    """
    weights = [int(quantities[bid.contract]) for bid in bids]
    weighted = sum(bid.price.e4 * weight for bid, weight in zip(bids, weights, strict=True))
    return str(UnitPrice(round(Fraction(weighted, sum(weights))), USD))


def _live(pooled: Stage, bids: Iterable[_RecordedBid]) -> tuple[LiveLot, ...]:
    """Take the most contested counties live; a limit is the vendor's lowest price in the county."""
    lowest = {
        key: str(min(bid.price for bid in own))
        for key, own in _by_county_and_vendor(pooled.needs, bids).items()
    }
    return tuple(
        live_lot(
            county,
            pooled.bids,
            {vendor: limit for (of, vendor), limit in lowest.items() if of == county},
        )
        for county in most_contested(pooled.bids, LIVE_LOTS)
    )
