"""Share a purchase's cost by a declared rule, to the minor unit, and tell what each one saves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Final

from services.bids.domain.sharing.core import CoreCheck, check_core
from services.bids.domain.sharing.games import (
    AirportGame,
    CostGame,
    cost_together,
    costs_alone,
    members_of,
)
from services.bids.domain.sharing.nucleolus import by_nucleolus
from services.bids.domain.sharing.rules import (
    by_airport,
    by_cost_alone,
    by_equal_price,
    by_equal_saving,
    by_separable_cost,
)
from services.bids.domain.sharing.shapley import Averages, Sample, by_shapley
from shared.domain.ids import PartyId
from shared.domain.money import Currency, Money
from shared.domain.refusals import Kind, Refusal


class Rule(StrEnum):
    """By what a cost is shared; the default is that every unit costs the same."""

    EQUAL_PRICE = "equal_price"
    COST_ALONE = "cost_alone"
    EQUAL_SAVING = "equal_saving"
    SEPARABLE_COST = "separable_cost"
    SHAPLEY = "shapley"
    NUCLEOLUS = "nucleolus"
    AIRPORT = "airport"


UNSEEDED: Final = Sample(seed=b"")
"""From what orders are drawn where no seed was published; it is the same for everybody."""


class SharingRuleUnfit(Refusal):
    """The airport rule was asked for, but the cost is not that of the most demanding member."""

    kind = Kind.INVALID
    code = "sharing_rule_unfit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one member pays, and what it would pay alone.

    `exact` is its share before rounding, in minor units. `standard_error` is None where the share
    is exact; where it was estimated from a sample, it is rounded up to the minor unit.
    """

    member_id: PartyId
    pays: Money
    alone: Money
    exact: Fraction
    standard_error: Money | None = None

    @property
    def saving(self) -> Money:
        """What the member saves against standing alone; negative where it pays more."""
        return Money(self.alone.minor - self.pays.minor, self.pays.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """A cost, shared: the shares, in the order of member ids, sum to it.

    The core is checked on exact shares; where these are estimates, what objects may be the sample.
    """

    rule: Rule
    cost: Money
    shares: tuple[Share, ...]
    core: CoreCheck


def share_cost(
    game: CostGame, currency: Currency, rule: Rule = Rule.EQUAL_PRICE, sample: Sample = UNSEEDED
) -> Sharing:
    """Share what all members of a game pay together; there is at least one member.

    The cost is rounded once, half-even, and every share down; what is left goes, one minor unit
    each, to the largest remainders, the earlier id first among equals.

    Raises:
        SharingTooLarge: The rule weighs groups, and there are too many members for that.
        SharingRuleUnfit: The airport rule was asked for in another game.
    """
    found = _by_rule(game, rule, sample)
    cost_minor = round(cost_together(game))
    paid = rounded_to(cost_minor, found.shares)
    errors = found.errors_minor
    rows = zip(members_of(game), paid, costs_alone(game), found.shares, strict=True)
    shares = tuple(
        Share(
            member_id=member_id,
            pays=Money(minor, currency),
            alone=Money(round(alone), currency),
            exact=exact,
            standard_error=None if errors is None else Money(errors[place], currency),
        )
        for place, (member_id, minor, alone, exact) in enumerate(rows)
    )
    return Sharing(
        rule=rule,
        cost=Money(cost_minor, currency),
        shares=shares,
        core=check_core(game, found.shares),
    )


def rounded_to(whole: int, exact: Sequence[Fraction]) -> list[int]:
    """Round shares of any sign to whole numbers that sum to `whole`: their own sum, rounded."""
    parts = [floor(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: parts[place] - exact[place])
    for place in by_remainder[: whole - sum(parts)]:
        parts[place] += 1
    return parts


def _by_rule(game: CostGame, rule: Rule, sample: Sample) -> Averages:
    if rule is Rule.SHAPLEY:
        return by_shapley(game, sample)
    if rule is not Rule.AIRPORT:
        return Averages(tuple(_FORMULAS[rule](game)))
    if not isinstance(game, AirportGame):
        sentence = "The airport rule shares a cost that the most demanding member sets."
        raise SharingRuleUnfit(sentence)
    return Averages(tuple(by_airport(game)))


_FORMULAS: Final[Mapping[Rule, Callable[[CostGame], list[Fraction]]]] = {
    Rule.EQUAL_PRICE: by_equal_price,
    Rule.COST_ALONE: by_cost_alone,
    Rule.EQUAL_SAVING: by_equal_saving,
    Rule.SEPARABLE_COST: by_separable_cost,
    Rule.NUCLEOLUS: by_nucleolus,
}
