"""Give an award back to the members: what each gets of a lot, and what it pays.

Where a lot's quantity is the sum of its shares, a member's portion is its own shares, and its cost
is rounded once, half-even; the award's total is the sum of the portions. Where the quantity came
about by another rule (circuits, standby capacity, sessions, posts), the lot costs its quantity at
the price, rounded once, and both the quantity (in thousandths) and the cost (in minor units) fall
to the members by the lot's basis: in proportion to what each asked for, by largest remainder, in
the order of member ids. Either way the portions sum to the whole exactly.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.bids.domain.lots import exact
from shared.domain.ids import PartyId
from shared.domain.money import QUANTITY_SCALE, Money, UnitPrice, largest_remainder, total


@dataclass(frozen=True, slots=True)
class Asked:
    """What a member asked for in one share; its weight in the basis is this quantity."""

    member_id: PartyId
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """One member's part of an award: `asked` in the unit of its need, `quantity` in the lot's."""

    member_id: PartyId
    asked: Decimal
    quantity: Decimal
    total: Money


def portions_of(
    quantity: Decimal, price: UnitPrice, shares: Iterable[Asked]
) -> tuple[Portion, ...]:
    """Split a lot of some quantity at a price among the members, in the order of their ids.

    There is at least one share.
    """
    asked = asked_by_member(shares)
    quantities = split_quantity(quantity, list(asked.values()))
    if sum(asked.values()) == quantity:
        totals = [total(price, each) for each in asked.values()]
    else:
        totals = split_cost(total(price, quantity), list(asked.values()))
    return tuple(
        Portion(member_id=member_id, asked=exact(need), quantity=part, total=cost)
        for (member_id, need), part, cost in zip(asked.items(), quantities, totals, strict=True)
    )


def members_quantities(quantity: Decimal, shares: Iterable[Asked]) -> dict[PartyId, Decimal]:
    """Give a lot's quantity to its members, in the lot's unit, in the order of their ids."""
    asked = asked_by_member(shares)
    parts = split_quantity(quantity, list(asked.values()))
    return dict(zip(asked, parts, strict=True))


def asked_by_member(shares: Iterable[Asked]) -> dict[PartyId, Decimal]:
    """Add up what each member asked for, in the order of member ids."""
    sums: defaultdict[PartyId, Decimal] = defaultdict(Decimal)
    for share in shares:
        sums[share.member_id] += share.quantity
    return {member_id: sums[member_id] for member_id in sorted(sums)}


def split_quantity(quantity: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Split a quantity in proportion to weights, to the thousandth, by largest remainder."""
    parts = largest_remainder(_thousandths(quantity), [_thousandths(each) for each in weights])
    return [exact(Decimal(part) / QUANTITY_SCALE) for part in parts]


def split_cost(cost: Money, weights: Sequence[Decimal]) -> list[Money]:
    """Split a cost of 0 or more in proportion to weights, to the minor unit."""
    parts = largest_remainder(cost.minor, [_thousandths(each) for each in weights])
    return [Money(part, cost.currency) for part in parts]


def _thousandths(quantity: Decimal) -> int:
    return int(quantity * QUANTITY_SCALE)
