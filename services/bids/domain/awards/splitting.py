"""Read off a scenario's award what each vendor wins of each lot, and each member's part of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from services.bids.domain.awards.deciding import Part
from services.bids.domain.awards.lines import (
    Line,
    Payment,
    Pooled,
    baselines_of,
    lines_for,
    shared_by,
)
from services.bids.domain.lots import Lot, exact
from services.bids.domain.pooling.portions import Asked, asked_by_member, members_quantities
from services.bids.domain.winners.award import Outcome
from shared.domain.ids import LotId, PartyId
from shared.domain.money import PRICE_SCALE, Money, UnitPrice, digits_of

PackagePrices = Mapping[str, Mapping[LotId, UnitPrice]]
"""What a package's vendor asks for a unit of each of its lots, by the package's id."""

Quantities = dict[PartyId, Decimal]
"""How much each member gets, in the lot's unit."""


@dataclass(frozen=True, slots=True)
class Split:
    """A lot's parts by the id of the vendor, and what of its quantity nobody wins."""

    parts: tuple[Part, ...]
    left: Decimal | None


def split_of(pooled: Pooled, outcome: Outcome, packages: PackagePrices) -> Split:
    """Part a lot among its winners; the parts of several bids of one vendor are one.

    Raises:
        EnrolmentMissing: The cost goes by attendance, and a member's enrolment is not known.
    """
    portions = members_quantities(pooled.lot.quantity, _asked(pooled))
    won: dict[PartyId, list[tuple[Line, ...]]] = defaultdict(list)
    costs: dict[PartyId, Fraction] = defaultdict(Fraction)
    for vendor_id, quantities, cost in _wins(pooled.lot, portions, outcome, packages):
        won[vendor_id].append(_lines(pooled, portions, quantities, cost))
        costs[vendor_id] += cost
    steps = outcome.problem.steps_per_unit
    left = sum(each.quantity for each in outcome.award.left if each.lot_id == str(pooled.lot.id))
    return Split(
        parts=tuple(
            _part(vendor_id, _merged(won[vendor_id]), costs[vendor_id], pooled.payment)
            for vendor_id in sorted(won)
        ),
        left=exact(Decimal(left) / steps) if left else None,
    )


def _wins(
    lot: Lot, portions: Quantities, outcome: Outcome, packages: PackagePrices
) -> Iterator[tuple[PartyId, Quantities, Fraction]]:
    """Tell what each bid and package wins of a lot: whose it is, for whom, and its exact cost."""
    lot_id, steps = str(lot.id), outcome.problem.steps_per_unit
    by_bid: dict[str, Quantities] = defaultdict(dict)
    for line in outcome.award.lines:
        if line.lot_id != lot_id:
            continue
        quantities = by_bid[line.bid_id]
        if line.district_id is None:
            quantities.update(portions)
        else:
            member_id = PartyId(UUID(line.district_id))
            so_far = quantities.get(member_id, Decimal(0))
            quantities[member_id] = exact(so_far + Decimal(line.quantity) / steps)
    for bid_id, quantities in by_bid.items():
        vendor_id = PartyId(UUID(outcome.bids[bid_id].vendor_id))
        yield vendor_id, quantities, outcome.price_of(bid_id)
    for package in outcome.packages:
        if lot_id in package.lot_ids:
            cost = Fraction(packages[package.id][lot.id].e4, PRICE_SCALE) * Fraction(lot.quantity)
            yield PartyId(UUID(package.vendor_id)), portions, cost


def _lines(
    pooled: Pooled, portions: Quantities, quantities: Quantities, cost: Fraction
) -> tuple[Line, ...]:
    """Price one win: by its unit where that is exact to the price's places, else as a whole.

    A whole lot's cost falls to its members by what they asked for, as by the ranking.
    """
    currency = pooled.lot.currency
    whole = sum(quantities.values(), Decimal(0))
    unit_e4 = cost * PRICE_SCALE / Fraction(whole)
    asked = asked_by_member(_asked(pooled))
    today = baselines_of(pooled.shares)
    baselines = {
        member_id: _partly(today[member_id], quantity, portions[member_id])
        for member_id, quantity in quantities.items()
    }
    is_by_line = unit_e4.denominator == 1 and sum(asked.values()) == pooled.lot.quantity
    return lines_for(
        quantities,
        UnitPrice(round(unit_e4), currency),
        baselines=baselines,
        cost=None if is_by_line else Money(round(cost * 10 ** digits_of(currency)), currency),
        weights=asked if quantities == portions else None,
    )


def _asked(pooled: Pooled) -> list[Asked]:
    return [Asked(share.member_id, share.quantity) for share in pooled.shares]


def _merged(wins: Sequence[tuple[Line, ...]]) -> tuple[Line, ...]:
    """Join what one vendor wins by several bids: one line for each member."""
    by_member: dict[PartyId, Line] = {}
    for line in (line for lines in wins for line in lines):
        other = by_member.get(line.member_id)
        by_member[line.member_id] = line if other is None else _joined(other, line)
    return tuple(by_member[member_id] for member_id in sorted(by_member))


def _joined(one: Line, other: Line) -> Line:
    baseline = None
    if one.baseline_total is not None and other.baseline_total is not None:
        baseline = _plus(one.baseline_total, other.baseline_total)
    return replace(
        one,
        quantity=exact(one.quantity + other.quantity),
        total=_plus(one.total, other.total),
        baseline_total=baseline,
    )


def _part(vendor_id: PartyId, lines: tuple[Line, ...], cost: Fraction, payment: Payment) -> Part:
    quantity = sum((line.quantity for line in lines), Decimal(0))
    return Part(
        vendor_id=vendor_id,
        price=UnitPrice(round(cost * PRICE_SCALE / Fraction(quantity)), lines[0].total.currency),
        lines=shared_by(lines, payment),
    )


def _partly(today: Money | None, quantity: Decimal, portion: Decimal) -> Money | None:
    """Take the part of what a member pays today that goes with a part of its portion."""
    if today is None:
        return None
    return Money(round(Fraction(quantity) / Fraction(portion) * today.minor), today.currency)


def _plus(one: Money, other: Money) -> Money:
    return Money(one.minor + other.minor, one.currency)
