"""Build the cost game of a lot from what was won of it: what would each group pay by itself?

The game rests on the winning bid's own prices, which say what less than the whole would cost. Where
the vendor went below them, at an auction or in a package, each price is lowered in the proportion
in which the pooled quantity's was; nobody bid that for less, so it is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.domain.pooling.portions import Asked, asked_by_member
from services.bids.domain.pooling.rules import LargestNeedsTerms, Terms, quantity_of, rule_of
from services.bids.domain.sharing.games import (
    AirportGame,
    CostGame,
    Group,
    ScaledGame,
    SumGame,
    TierGame,
    cost_at,
)
from shared.domain.bid_content import Pricing
from shared.domain.ids import PartyId
from shared.domain.money import UnitPrice


@dataclass(frozen=True, slots=True)
class Needing:
    """A member, and the hazard zone that it shares with others; an empty one with nobody."""

    id: PartyId
    hazard_zone: str


@dataclass(frozen=True, slots=True)
class Needed:
    """What a member needs, as the rules of pooling take it."""

    member: Needing
    quantity: Decimal
    is_firm: bool = True


@dataclass(frozen=True, slots=True)
class PoolRule:
    """How a lot's shares add up: None is the plain sum; zones by member, where they have one."""

    terms: Terms = None
    zones: Mapping[PartyId, str] | None = None

    def needed(self, member_id: PartyId, quantity: Decimal) -> Needed:
        """Say what a member needs by itself."""
        return Needed(Needing(member_id, (self.zones or {}).get(member_id, "")), quantity)


PLAIN_SUM: Final = PoolRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Won:
    """What one vendor won: its bid's prices, the price it is awarded at, and who gets how much."""

    pricing: Pricing
    price: UnitPrice
    quantities: Mapping[PartyId, Decimal]

    @property
    def quantity(self) -> Decimal:
        """What the members get together."""
        return sum(self.quantities.values(), Decimal(0))

    @property
    def factor(self) -> Fraction:
        """The awarded price as a part of what the bid asks for the same quantity."""
        unit_e4 = self.pricing.exact_e4(self.quantity)
        if unit_e4 is None:
            unit_e4 = Fraction(self.pricing.tiers[0].unit_price.e4)
        # The price of a graduated bid is its average, rounded; that is no lowering.
        return Fraction(1) if round(unit_e4) == self.price.e4 else self.price.e4 / unit_e4


@dataclass(frozen=True, slots=True)
class PooledGame:
    """Each group buys what the lot's rule of pooling makes of its own members' needs."""

    pricing: Pricing
    rule: PoolRule
    needs: Mapping[PartyId, Decimal]

    def cost(self, group: Group) -> Fraction:
        """Price what the rule makes of a group's needs."""
        needed = [self.rule.needed(each, self.needs[each]) for each in sorted(group)]
        return cost_at(self.pricing, quantity_of(self.rule.terms, needed)[0])

    def costs_along(self, order: Sequence[PartyId]) -> list[Fraction]:
        """Reckon each group on the way anew, as rules do not add up."""
        return [self.cost(frozenset(order[: place + 1])) for place in range(len(order))]


@dataclass(frozen=True, slots=True)
class LotGame:
    """A lot's game, and in sentences what it is built on."""

    game: CostGame
    told: tuple[str, ...]


def game_of(won: Sequence[Won], asked: Sequence[Asked], rule: PoolRule = PLAIN_SUM) -> LotGame:
    """Build the game of what was won of a lot, by at least one vendor.

    Where one vendor won all of a lot that is no plain sum, groups are counted by its rule of
    pooling, in the needs' own unit; else by what members were given, in the lot's.
    """
    needs = asked_by_member(asked)
    if len(won) == 1 and rule.terms is not None and won[0].quantities.keys() == needs.keys():
        return _by_rule(won[0], needs, rule)
    members = sorted({member_id for each in won for member_id in each.quantities})
    parts = tuple(
        _scaled(
            TierGame(each.pricing, {one: each.quantities.get(one, Decimal(0)) for one in members}),
            each,
        )
        for each in won
    )
    told = _told(won)
    if len(parts) == 1:
        return LotGame(parts[0], (_BY_BID, *told))
    together = {
        one: sum((each.quantities.get(one, Decimal(0)) for each in won), Decimal(0))
        for one in members
    }
    return LotGame(SumGame(parts, together), (_SPLIT.format(vendors=len(won)), *told))


_BY_BID: Final = (
    "What a group of members would pay by itself is reckoned by the winning bid's own prices, at "
    "that group's quantity."
)

_SPLIT: Final = (
    "The lot is split among {vendors} vendors: a group is reckoned to buy from each what its "
    "members were given from it, by that vendor's own prices."
)

_BY_RULE: Final = (
    "A group is reckoned to need what the lot's rule of pooling ({rule}) makes of its own members' "
    "needs, at the winning bid's own prices."
)

_LOWERED: Final = (
    "A price of {price} was awarded where the bid asks {bid} for the same quantity: each of its "
    "prices is taken in that proportion, which nobody offered for less than the whole."
)

_ONE_PRICE: Final = (
    "The bid has one price for every quantity: no group pays another price for a unit than all do."
)

_ONE_PRICE_EACH: Final = (
    "Each bid has one price for every quantity: no group pays other prices for a unit than all do."
)

_ONE_PRICE_SOME: Final = (
    "Some of these bids have one price for every quantity: of them no group pays another price for "
    "a unit than all do."
)


def _by_rule(won: Won, needs: Mapping[PartyId, Decimal], rule: PoolRule) -> LotGame:
    levels = {
        member_id: cost_at(
            won.pricing, quantity_of(rule.terms, [rule.needed(member_id, quantity)])[0]
        )
        for member_id, quantity in needs.items()
    }
    game: CostGame = PooledGame(won.pricing, rule, needs)
    if _is_peak(rule, needs, levels):
        game = AirportGame({each: level * won.factor for each, level in levels.items()}, needs)
    else:
        game = _scaled(game, won)
    sentence = _BY_RULE.format(rule=rule_of(rule.terms).value)
    return LotGame(game, (sentence, *_told([won])))


def _is_peak(
    rule: PoolRule, needs: Mapping[PartyId, Decimal], levels: Mapping[PartyId, Fraction]
) -> bool:
    """Tell whether the most demanding member alone sets a group's cost."""
    terms, zones = rule.terms, [zone for zone in (rule.zones or {}).values() if zone]
    if not isinstance(terms, LargestNeedsTerms) or terms.simultaneous != 1:
        return False
    rising = [levels[each] for each in sorted(needs, key=lambda each: needs[each])]
    # In tiers for all units a larger need can cost less; then the highest cost sets nothing.
    return len(set(zones)) == len(zones) and rising == sorted(rising)


def _scaled(game: CostGame, won: Won) -> CostGame:
    return game if won.factor == 1 else ScaledGame(game, won.factor)


def _told(won: Sequence[Won]) -> tuple[str, ...]:
    """Say where awarded prices lie below their bids, and where quantity changes no price."""
    sentences = [_lowered(each) for each in won if each.factor != 1]
    flat = sum(len(each.pricing.tiers) == 1 for each in won)
    if flat == len(won):
        sentences.append(_ONE_PRICE if flat == 1 else _ONE_PRICE_EACH)
    elif flat:
        sentences.append(_ONE_PRICE_SOME)
    return tuple(sentences)


def _lowered(won: Won) -> str:
    unit_e4 = won.pricing.exact_e4(won.quantity)
    first = won.pricing.tiers[0].unit_price
    bid = first if unit_e4 is None else UnitPrice(round(unit_e4), first.currency)
    return _LOWERED.format(price=won.price, bid=bid)
