"""Say what any group of members would pay by itself: the cost game that every rule starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final, Protocol

from shared.domain.bid_content import Pricing
from shared.domain.ids import PartyId
from shared.domain.money import PRICE_SCALE, digits_of

Group = frozenset[PartyId]

NOTHING: Final = Fraction(0)


class CostGame(Protocol):
    """What groups of members pay by themselves; the empty group pays nothing."""

    @property
    def needs(self) -> Mapping[PartyId, Decimal]:
        """Tell what each member needs, above 0: the members, and their weights at equal price."""

    def cost(self, group: Group) -> Fraction:
        """Compute what a group of these members pays by itself, in minor units."""

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Compute what the group pays after each member that joins it, in that order."""


@dataclass(frozen=True, slots=True)
class TierGame:
    """Each group buys what it needs, and no more, at the price that its own quantity reaches.

    What is less than the first tier asks for is paid at the first tier's price.
    """

    pricing: Pricing
    needs: Mapping[PartyId, Decimal]

    def cost(self, group: Group) -> Fraction:
        """Multiply a group's quantity by the price that it reaches, or add it up tier by tier."""
        quantity = sum((self.needs[member_id] for member_id in group), Decimal(0))
        return cost_at(self.pricing, quantity)

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Let the quantity grow member by member."""
        costs, quantity = [], Decimal(0)
        for member_id in order:
            quantity += self.needs[member_id]
            costs.append(cost_at(self.pricing, quantity))
        return costs


@dataclass(frozen=True, slots=True)
class AirportGame:
    """Each group pays for its most demanding member: a set-up, or a capacity held for the peak.

    `levels` is what each member's own demand would cost, in minor units, 0 or more. A set-up that
    is the same for everybody has the same level for all.
    """

    levels: Mapping[PartyId, Fraction]
    needs: Mapping[PartyId, Decimal]

    def cost(self, group: Group) -> Fraction:
        """Find the highest level within a group."""
        return max((self.levels[member_id] for member_id in group), default=NOTHING)

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Let the highest level grow member by member."""
        costs, highest = [], NOTHING
        for member_id in order:
            highest = max(highest, self.levels[member_id])
            costs.append(highest)
        return costs


@dataclass(frozen=True, slots=True)
class StatedGame:
    """What each group pays is stated, as where an award was searched for every group of members."""

    costs: Mapping[Group, Fraction]
    needs: Mapping[PartyId, Decimal]

    def cost(self, group: Group) -> Fraction:
        """Look a group up; what is not stated cannot be shared, which is a defect."""
        return self.costs[group] if group else NOTHING

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Look up each group on the way."""
        return [self.cost(frozenset(order[: place + 1])) for place in range(len(order))]


@dataclass(frozen=True, slots=True)
class SumGame:
    """Several costs of the same members at once, such as goods by tiers and a common set-up."""

    parts: tuple[CostGame, ...]
    needs: Mapping[PartyId, Decimal]

    def cost(self, group: Group) -> Fraction:
        """Add up what a group pays for each part."""
        return sum((part.cost(group) for part in self.parts), NOTHING)

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Add up the parts at each step."""
        along = [part.costs_along(order) for part in self.parts]
        return [sum(costs, NOTHING) for costs in zip(*along, strict=True)]


@dataclass(frozen=True, slots=True)
class ScaledGame:
    """Another game in which every group pays the same part of what it would, or multiple of it."""

    game: CostGame
    factor: Fraction

    @property
    def needs(self) -> Mapping[PartyId, Decimal]:
        """Tell what the members of the other game need."""
        return self.game.needs

    def cost(self, group: Group) -> Fraction:
        """Scale what a group pays."""
        return self.game.cost(group) * self.factor

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Scale what it pays at each step."""
        return [cost * self.factor for cost in self.game.costs_along(order)]


@dataclass(frozen=True, slots=True)
class RememberedGame:
    """Another game whose groups are priced once, for rules that ask for the same ones."""

    game: CostGame
    known: dict[Group, Fraction] = field(default_factory=dict)

    @property
    def needs(self) -> Mapping[PartyId, Decimal]:
        """Tell what the members of the other game need."""
        return self.game.needs

    def cost(self, group: Group) -> Fraction:
        """Compute what a group pays, or remember it."""
        if group not in self.known:
            self.known[group] = self.game.cost(group)
        return self.known[group]

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Compute it at each step; orders are too many to be remembered."""
        return self.game.costs_along(order)


def cost_at(pricing: Pricing, quantity: Decimal) -> Fraction:
    """Price a quantity in minor units, below the first tier at that tier's price."""
    if not quantity:
        return NOTHING
    first = pricing.tiers[0].unit_price
    unit_e4 = pricing.exact_e4(quantity)
    exact = Fraction(first.e4) if unit_e4 is None else unit_e4
    minor_per_e4 = Fraction(10 ** digits_of(first.currency), PRICE_SCALE)
    return exact * Fraction(quantity) * minor_per_e4


def members_of(game: CostGame) -> tuple[PartyId, ...]:
    """List the members of a game in the order of their ids."""
    return tuple(sorted(game.needs))


def costs_alone(game: CostGame) -> list[Fraction]:
    """Compute what each member pays standing alone, in the order of ids."""
    return [game.cost(frozenset({member_id})) for member_id in members_of(game)]


def cost_together(game: CostGame) -> Fraction:
    """Compute what all members pay together."""
    return game.cost(frozenset(game.needs))
