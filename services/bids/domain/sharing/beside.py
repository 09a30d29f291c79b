"""Lay the rules of sharing beside each other: what each comes to, which are left out, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.bids.domain.sharing.core import CoreCheck, Looked, check_core
from services.bids.domain.sharing.games import AirportGame, CostGame, RememberedGame
from services.bids.domain.sharing.groups import SharingTooLarge
from services.bids.domain.sharing.shapley import Sample
from services.bids.domain.sharing.shares import (
    UNSEEDED,
    Rule,
    Sharing,
    SharingRuleUnfit,
    share_cost,
)
from shared.domain.money import Currency, Money
from shared.domain.refusals import Kind, Refusal

RULES: Final = (
    Rule.EQUAL_PRICE,
    Rule.COST_ALONE,
    Rule.EQUAL_SAVING,
    Rule.AIRPORT,
    Rule.SEPARABLE_COST,
    Rule.SHAPLEY,
    Rule.NUCLEOLUS,
)
"""In the order of the work that they take, so that time that runs out costs the hardest first."""


class SharingRuleUnknown(Refusal):
    """No cost is shared by a rule of this name."""

    kind = Kind.INVALID
    code = "sharing_rule_unknown"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule that is not among the sharings, and why."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Charged:
    """Whether any group would pay less by itself than what its members are charged already."""

    core: CoreCheck


Shared = Sharing | LeftOut | Charged
"""What a task comes to, one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingTask:
    """A cost to be shared by some rules.

    `charged` is what members pay as it is, in whole minor units and the order of their ids, where
    that is to be looked at too.
    """

    game: CostGame
    currency: Currency
    rules: tuple[Rule, ...] = RULES
    sample: Sample = UNSEEDED
    charged: tuple[Fraction, ...] | None = None


def rules_named(name: str | None) -> tuple[Rule, ...]:
    """Read which rule is asked for; without a name, all of them.

    Raises:
        SharingRuleUnknown: There is no such rule.
    """
    if name is None:
        return RULES
    if name not in set(Rule):
        sentence = f"A cost is shared by one of: {', '.join(RULES)}."
        raise SharingRuleUnknown(sentence)
    return (Rule(name),)


def share_beside(task: SharingTask) -> Iterator[Shared]:
    """Look at what members are charged, and share their cost by each rule in turn."""
    # An airport game is cheap, and its rule asks for the game itself.
    game = task.game if isinstance(task.game, AirportGame) else RememberedGame(task.game)
    if task.charged is not None:
        # Each charge is rounded, so that a group's may be off by one minor unit for each member.
        above = Fraction(len(task.charged))
        yield Charged(check_core(game, task.charged, above=above))
    for rule in task.rules:
        try:
            yield share_cost(game, task.currency, rule, task.sample)
        except (SharingTooLarge, SharingRuleUnfit) as refusal:
            yield LeftOut(rule, str(refusal))


def share_in_turn(tasks: Sequence[SharingTask]) -> Iterator[tuple[int, Shared]]:
    """Share several costs, each named by its place: the easy rules of all before any hard one."""
    running = [(place, share_beside(task)) for place, task in enumerate(tasks)]
    while running:
        for each in tuple(running):
            place, outcomes = each
            outcome = next(outcomes, None)
            if outcome is None:
                running.remove(each)
            else:
                yield place, outcome


def told_core(check: CoreCheck, currency: Currency) -> str:
    """Say in a sentence whether any group of members would do better on its own."""
    strongest = check.strongest
    if strongest is not None:
        gain = Money(round(strongest.gain), currency)
        size = len(strongest.members)
        group = "one member" if size == 1 else f"a group of {size} members"
        return (
            f"{check.objecting} of {check.groups} groups that were looked at would pay less by "
            f"themselves; most of all {group}, by {currency} {gain}."
        )
    if check.looked is Looked.ALL_GROUPS:
        return f"No group of members would pay less by itself; all {check.groups} were looked at."
    return (
        f"None of {check.groups} groups that were looked at ({_LOOKED[check.looked]}) would pay "
        "less by itself; another might."
    )


def told_left_out(rules: Sequence[Rule], *, seconds: float) -> list[LeftOut]:
    """Say of rules that they took too long."""
    sentence = f"It was not reckoned within {seconds:g} seconds; ask for this rule alone."
    return [LeftOut(rule, sentence) for rule in rules]


_LOOKED: Final = {
    Looked.SINGLES_PAIRS_AND_ALL_BUT_ONE: "single members, pairs, and all but one",
    Looked.SINGLES_AND_ALL_BUT_ONE: "single members, and all but one",
    Looked.SINGLES: "single members",
}
