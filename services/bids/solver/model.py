"""Write an award problem as a mixed-integer program in its tier-disaggregated form.

A column for each cell, bid and tier says which part of the cell is assigned there, and is at most
its tier's switch: the relaxation is then nearly whole, which makes proofs fast. Quantities follow
from the parts. Source: the strong form of facility location, Krarup and Pruzan 1983.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.bids.domain.winners.problem import (
    Bid,
    Cell,
    Lot,
    Package,
    Problem,
    Tier,
    Vendor,
    cells_of,
    intercepts_of,
    tiers_of,
)
from services.bids.domain.winners.rules import (
    Rule,
    RuleKind,
    capacity_name,
    conditions_of,
    cover_name,
    minimum_name,
    rule_name,
)
from services.bids.solver.program import Number, Program, Terms

WIN: Final = "win"
USE: Final = "use"


@dataclass(frozen=True, slots=True)
class TierColumns:
    """A tier's switch, its parts with the steps that each stands for, and its least steps."""

    switch: int
    parts: Terms
    least: int


class Model:
    """The program of a problem under the conditions that are named; columns before rules.

    `has_whole_steps` gives parts of divisible cells columns of whole steps, which is slower and
    only needed where rounded parts break a rule.
    """

    def __init__(
        self,
        problem: Problem,
        rules: Sequence[Rule] = (),
        *,
        names: AbstractSet[str] | None = None,
        has_whole_steps: bool = False,
    ) -> None:
        """Write the columns, the lots' and offers' rows, and the vendors' bounds."""
        self.problem = problem
        self.names = set(conditions_of(problem, rules)) if names is None else names
        self.program = Program()
        self.has_whole_steps = has_whole_steps
        self.lots = {lot.id: lot for lot in problem.lots}
        self.vendors = {vendor.id: vendor for vendor in problem.vendors}
        self.cells = [cell for lot in problem.lots for cell in cells_of(lot)]
        self.switches: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.parts: dict[tuple[str, str], Terms] = defaultdict(list)
        self.tiers: list[TierColumns] = []
        self.spend: dict[str, Terms] = defaultdict(list)
        self.paid_for: dict[str, Terms] = defaultdict(list)
        self.packaged: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.covers: dict[int, Terms] = defaultdict(list)
        self.most = most_units(problem, rules, self.names)
        self._write_vendors()
        self._write_bids()
        self._write_packages()
        self._write_use()
        self._write_cover()
        self._write_switching()
        self._write_bounds()

    def holds(self, rule: Rule) -> bool:
        """Whether a rule is among the conditions."""
        return rule_name(rule) in self.names

    def units_of(self, vendor_id: str, lot_id: str) -> Terms:
        """List what a vendor's units in a lot are made of."""
        whole = self.lots[lot_id].quantity
        packaged = [(column, whole) for column in self.packaged.get((vendor_id, lot_id), [])]
        return [*self.parts.get((vendor_id, lot_id), []), *packaged]

    def win(self, vendor_id: str, lot_id: str) -> Terms:
        """List what is 1 when a vendor wins part of a lot, and 0 otherwise; empty: it cannot.

        Where lots are covered once, a vendor's switches and packages there exclude each other, and
        their sum says it; where they may be covered twice, a column of its own does.
        """
        switches = self._offers(vendor_id, lot_id)
        if not self.problem.free_disposal or len(switches) < 2:  # noqa: PLR2004 - one alone says it
            return [(switch, 1) for switch in switches]
        key = (WIN, vendor_id, lot_id)
        if key not in self.program.keys:
            column = self.program.column(*key)
            for switch in switches:
                self.program.row([(switch, 1), (column, -1)], most=0)
            self.program.row([(column, 1), *((switch, -1) for switch in switches)], most=0)
        return [(self.program.keys[key], 1)]

    def wins_of(self, lot_id: str | None) -> dict[str, Terms]:
        """List by vendor what is 1 when it wins part of a lot, or anything at all."""
        if lot_id is None:
            return {vendor: [(self.program.keys[USE, vendor], 1)] for vendor in self.vendors}
        found = ((vendor, self.win(vendor, lot_id)) for vendor in self.vendors)
        return {vendor: terms for vendor, terms in found if terms}

    def _offers(self, vendor_id: str, lot_id: str) -> list[int]:
        place = (vendor_id, lot_id)
        return [*self.switches.get(place, []), *self.packaged.get(place, [])]

    def emptiness(self, lot_id: str) -> Terms:
        """Find or add the column that says that a lot is not awarded at all."""
        lot = self.lots[lot_id]
        if lot.reserve is None:
            return []
        key = ("empty", lot_id)
        if key not in self.program.keys:
            column = self.program.column(*key)
            for index, cell in self._cells_of(lot):
                left = self.program.keys["left", index]
                self.program.row([(column, self._whole(cell)), (left, -1)], most=0)
        return [(self.program.keys[key], 1)]

    def _cells_of(self, lot: Lot) -> Iterator[tuple[int, Cell]]:
        return ((index, cell) for index, cell in enumerate(self.cells) if cell.lot_id == lot.id)

    def _write_vendors(self) -> None:
        for vendor in self.problem.vendors:
            self.program.column(USE, vendor.id, cost=vendor.participation_cost)

    def _write_bids(self) -> None:
        by_lot: dict[str, list[tuple[int, Cell]]] = defaultdict(list)
        for index, cell in enumerate(self.cells):
            by_lot[cell.lot_id].append((index, cell))
        for bid in self.problem.bids:
            vendor = self.vendors[bid.vendor_id]
            reached = [
                (index, cell)
                for index, cell in by_lot[bid.lot_id]
                if all(bid.reaches(vendor, district) for district in cell.districts)
            ]
            tiers = zip(tiers_of(bid), intercepts_of(bid, self.problem.steps_per_unit), strict=True)
            for number, (tier, intercept) in enumerate(tiers):
                self._write_tier(bid, (number, tier, intercept), reached)

    def _write_tier(
        self, bid: Bid, tiered: tuple[int, Tier, Fraction], reached: list[tuple[int, Cell]]
    ) -> None:
        number, tier, intercept = tiered
        bound = self.most.get((bid.vendor_id, bid.lot_id), tier.upper)
        most = min(tier.upper, bound, sum(cell.quantity for _, cell in reached))
        least = max(tier.lower, 1)
        if least > most:
            return
        switch = self.program.column("switch", bid.id, number, cost=bid.factor * intercept)
        place = (bid.vendor_id, bid.lot_id)
        self.switches[place].append(switch)
        self._note_price(bid, switch, intercept)
        quantity: Terms = []
        unit_price = tier.unit_price / self.problem.steps_per_unit
        for index, cell in reached:
            if cell.quantity > most and not cell.is_divisible:
                continue
            column, size = self._write_part(bid, number, (index, cell), unit_price)
            whole = min(cell.quantity, most)
            share = 1 if whole == size else Fraction(whole, size)
            self.program.row([(column, 1), (switch, -share)], most=0)
            quantity.append((column, size))
        self.parts[place].extend(quantity)
        self.tiers.append(TierColumns(switch, quantity, least))
        self.program.row([*quantity, (switch, -least)], least=0)
        self.program.row([*quantity, (switch, -most)], most=0)

    def _write_part(
        self, bid: Bid, number: int, placed: tuple[int, Cell], unit_price: Fraction
    ) -> tuple[int, int]:
        """Add the column of a cell's part; return it with the steps that its unit stands for."""
        index, cell = placed
        counts_steps = cell.is_divisible and self.has_whole_steps
        size = 1 if counts_steps else cell.quantity
        price = unit_price * size
        column = self.program.column(
            "part",
            index,
            bid.id,
            number,
            cost=price if bid.factor == 1 else bid.factor * price,
            upper=cell.quantity if counts_steps else 1,
            is_whole=not cell.is_divisible or self.has_whole_steps,
        )
        self.covers[index].append((column, size))
        self._note_price(bid, column, price)
        return column, size

    def _note_price(self, bid: Bid, column: int, price: Fraction) -> None:
        if price:
            self.spend[bid.vendor_id].append((column, price))
            self.paid_for[bid.lot_id].append((column, price))

    def _write_packages(self) -> None:
        either: dict[tuple[str, str], Terms] = defaultdict(list)
        for package in self.problem.packages:
            if not self._is_served(package):
                continue
            column = self.program.column("package", package.id, cost=package.factor * package.price)
            self.spend[package.vendor_id].append((column, package.price))
            for lot_id in sorted(package.lot_ids):
                self.packaged[package.vendor_id, lot_id].append(column)
                self.paid_for[lot_id].append((column, package.price))
            if package.either is not None:
                either[package.vendor_id, package.either].append((column, 1))
        for terms in either.values():
            self.program.row(terms, most=1)

    def _write_use(self) -> None:
        """Let a vendor win a lot by one bid in one tier, or by packages, and only if it is used."""
        for vendor_id, lot_id in {**self.switches, **self.packaged}:
            place, use = (vendor_id, lot_id), self.program.keys[USE, vendor_id]
            switches, packages = self.switches.get(place, []), self.packaged.get(place, [])
            if not self.problem.free_disposal:
                switches, packages = [*switches, *packages], []
            for columns in (switches, *([package] for package in packages)):
                terms: Terms = [(column, 1) for column in columns]
                self.program.row([*terms, (use, -1)], most=0)
                if len(columns) > 1:
                    # Follows from the row above; by this one a lot alone knows it too.
                    self.program.row(terms, most=1)

    def _is_served(self, package: Package) -> bool:
        vendor = self.vendors[package.vendor_id]
        shares = (share for lot_id in package.lot_ids for share in self.lots[lot_id].shares)
        return all(vendor.reaches(share.district_id) for share in shares)

    def _write_cover(self) -> None:
        """Cover every cell, by parts, packages, or the reserve."""
        packages: dict[str, list[int]] = defaultdict(list)
        for (_, lot_id), columns in self.packaged.items():
            packages[lot_id].extend(columns)
        for index, cell in enumerate(self.cells):
            lot, whole = self.lots[cell.lot_id], self._whole(cell)
            terms: Terms = [
                (column, self._share(size, cell)) for column, size in self.covers[index]
            ]
            terms += [(column, whole) for column in packages[lot.id]]
            if lot.reserve is not None:
                terms.append((self._write_left(index, cell, lot.reserve), 1))
            most = None if self.problem.free_disposal else whole
            if lot.reserve is None and cover_name(lot.id) not in self.names:
                self.program.row(terms, most=most)
            else:
                self.program.row(terms, least=whole, most=most)

    def _write_left(self, index: int, cell: Cell, reserve: Fraction) -> int:
        whole = self._whole(cell)
        size = 1 if whole > 1 else cell.quantity
        return self.program.column(
            "left",
            index,
            cost=reserve * size / self.problem.steps_per_unit,
            upper=whole,
            is_whole=not cell.is_divisible or self.has_whole_steps,
        )

    def _whole(self, cell: Cell) -> int:
        """Tell what covers a cell: one, or all its steps where steps are counted."""
        return cell.quantity if cell.is_divisible and self.has_whole_steps else 1

    def _share(self, size: Number, cell: Cell) -> Number:
        return 1 if size == cell.quantity and self._whole(cell) == 1 else size

    def _write_switching(self) -> None:
        for lot in self.problem.lots:
            if lot.incumbent_id is None or not lot.switching_cost:
                continue
            column = self.program.column("switching", lot.id, cost=lot.switching_cost)
            kept = self.win(lot.incumbent_id, lot.id)
            self.program.row([(column, 1), *kept], least=1)

    def _write_bounds(self) -> None:
        """Bound what a vendor wins, and let no vendor be used that wins nothing."""
        for vendor in self.problem.vendors:
            use = self.program.keys[USE, vendor.id]
            columns = {
                column: -1
                for lot in self.problem.lots
                for column in self._offers(vendor.id, lot.id)
            }
            self.program.row([(use, 1), *columns.items()], most=0)
            units = self._units(vendor)
            if vendor.capacity is not None and capacity_name(vendor.id) in self.names:
                self.program.row([*units, (use, -vendor.capacity)], most=0)
            if vendor.minimum and minimum_name(vendor.id) in self.names:
                self.program.row([*units, (use, -vendor.minimum)], least=0)

    def _units(self, vendor: Vendor) -> Terms:
        """List what all a vendor's units are made of, each column once."""
        sums: dict[int, Fraction | int] = defaultdict(int)
        for lot in self.problem.lots:
            for column, units in self.units_of(vendor.id, lot.id):
                sums[column] += units
        return list(sums.items())


def most_units(
    problem: Problem, rules: Sequence[Rule], names: AbstractSet[str]
) -> dict[tuple[str, str], int]:
    """Bound what each vendor can win of each lot, by its capacity and by rules on its share.

    A tier's switch that cannot be on beyond that bound makes the relaxation tighter.
    """
    bounds: dict[tuple[str, str], int] = {}
    shares: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.kind is RuleKind.LARGEST_SHARE and rule.lot_id and rule_name(rule) in names:
            shares[rule.lot_id].append(rule)
    for vendor in problem.vendors:
        limited = vendor.capacity if capacity_name(vendor.id) in names else None
        for lot in problem.lots:
            most = lot.quantity if limited is None else min(lot.quantity, limited)
            for rule in shares[lot.id]:
                if rule.vendor_id in {None, vendor.id}:
                    most = min(most, int(rule.amount * lot.quantity))
            bounds[vendor.id, lot.id] = most
    return bounds
