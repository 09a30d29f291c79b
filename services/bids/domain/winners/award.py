"""Hold an award: which bid supplies how much of what, which packages win, what stays unawarded."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from services.bids.domain.winners.problem import (
    Bid,
    Lot,
    Package,
    Problem,
    TierMode,
    Vendor,
    intercepts_of,
    tiers_of,
)


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A quantity of one district's share, supplied under one bid; of a whole lot with None."""

    lot_id: str
    district_id: str | None
    bid_id: str
    quantity: int


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """A quantity that is not awarded, because its reserve is cheaper."""

    lot_id: str
    district_id: str | None
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """A whole award, each part in order."""

    lines: tuple[Line, ...] = ()
    package_ids: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What an award costs, exactly.

    `paid` is what vendors get: bids, packages and participation. `ranked` is what awards are
    compared by: factors applied, and switching and reserves added.
    """

    bids: Fraction
    packages: Fraction
    participation: Fraction
    switching: Fraction
    reserve: Fraction
    ranked: Fraction

    @property
    def paid(self) -> Fraction:
        """Sum what vendors get."""
        return self.bids + self.packages + self.participation


class Outcome:
    """An award read together with its problem: who wins how much, for how much."""

    def __init__(self, problem: Problem, award: Award) -> None:
        """Sum the award up by bid, by lot and by vendor."""
        self.problem, self.award = problem, award
        self.lots: Mapping[str, Lot] = {lot.id: lot for lot in problem.lots}
        self.vendors: Mapping[str, Vendor] = {vendor.id: vendor for vendor in problem.vendors}
        self.bids: Mapping[str, Bid] = {bid.id: bid for bid in problem.bids}
        listed: Mapping[str, Package] = {package.id: package for package in problem.packages}
        self.packages: tuple[Package, ...] = tuple(listed[name] for name in award.package_ids)
        self.quantities: dict[str, int] = defaultdict(int)
        for line in award.lines:
            self.quantities[line.bid_id] += line.quantity
        self.units = self._units()

    @cached_property
    def spend(self) -> Mapping[str, Fraction]:
        """Sum what each vendor is paid for bids and packages.

        Raises:
            LookupError: A bid has no price for what it is awarded.
        """
        spend: dict[str, Fraction] = defaultdict(Fraction)
        for bid_id in self.quantities:
            spend[self.bids[bid_id].vendor_id] += self.price_of(bid_id)
        for package in self.packages:
            spend[package.vendor_id] += package.price
        return dict(spend)

    @property
    def won(self) -> frozenset[str]:
        """Name the bids that are awarded anything."""
        return frozenset(self.quantities)

    @property
    def winners(self) -> frozenset[str]:
        """Name the vendors that win anything."""
        return frozenset(vendor_id for vendor_id, _ in self.units)

    def winners_of(self, lot_id: str) -> frozenset[str]:
        """Name the vendors that win any part of a lot."""
        return frozenset(vendor_id for vendor_id, won in self.units if won == lot_id)

    def price_of(self, bid_id: str) -> Fraction:
        """Price a bid at what it is awarded."""
        return price_of(self.bids[bid_id], self.quantities[bid_id], self.problem.steps_per_unit)

    def paid_for(self, lot_id: str) -> Fraction:
        """Sum what is paid for a lot; a package's whole price counts for each of its lots."""
        singly = sum(
            (self.price_of(bid_id) for bid_id in self.quantities if self._is_of(bid_id, lot_id)),
            Fraction(0),
        )
        return singly + sum(
            (package.price for package in self.packages if lot_id in package.lot_ids), Fraction(0)
        )

    def costs(self) -> Costs:
        """Count all that the award costs."""
        singly = {bid_id: self.price_of(bid_id) for bid_id in self.quantities}
        participation = sum(
            (self.vendors[winner].participation_cost for winner in self.winners), Fraction(0)
        )
        switching, reserve = self._switching(), self._reserve()
        factored = sum(
            (self.bids[bid_id].factor * price for bid_id, price in singly.items()), Fraction(0)
        ) + sum((package.factor * package.price for package in self.packages), Fraction(0))
        return Costs(
            bids=sum(singly.values(), Fraction(0)),
            packages=sum((package.price for package in self.packages), Fraction(0)),
            participation=participation,
            switching=switching,
            reserve=reserve,
            ranked=factored + participation + switching + reserve,
        )

    def _is_of(self, bid_id: str, lot_id: str) -> bool:
        return self.bids[bid_id].lot_id == lot_id

    def _units(self) -> dict[tuple[str, str], int]:
        units: dict[tuple[str, str], int] = defaultdict(int)
        for line in self.award.lines:
            units[self.bids[line.bid_id].vendor_id, line.lot_id] += line.quantity
        for package in self.packages:
            for lot_id in package.lot_ids:
                units[package.vendor_id, lot_id] += self.lots[lot_id].quantity
        return dict(units)

    def _switching(self) -> Fraction:
        return sum(
            (
                lot.switching_cost
                for lot in self.problem.lots
                if lot.incumbent_id is not None and lot.incumbent_id not in self.winners_of(lot.id)
            ),
            Fraction(0),
        )

    def _reserve(self) -> Fraction:
        steps = self.problem.steps_per_unit
        reserves = {lot.id: lot.reserve or Fraction(0) for lot in self.problem.lots}
        return sum(
            (reserves[left.lot_id] * left.quantity / steps for left in self.award.left), Fraction(0)
        )


def price_of(bid: Bid, quantity: int, steps_per_unit: int) -> Fraction:
    """Price a quantity under a bid, by the tier that holds it; graduated tiers' edges agree.

    Raises:
        LookupError: No tier holds the quantity.
    """
    for tier, intercept in zip(tiers_of(bid), intercepts_of(bid, steps_per_unit), strict=True):
        begins = 0 if bid.mode is TierMode.GRADUATED else tier.lower
        if begins <= quantity <= tier.upper and quantity >= bid.tiers[0].lower:
            return intercept + tier.unit_price * quantity / steps_per_unit
    sentence = f"no tier of bid {bid.id} holds {quantity}"
    raise LookupError(sentence)
