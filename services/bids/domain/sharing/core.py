"""Look for groups of members that would pay less by themselves: is the sharing in the core?

To 15 members every group is looked at. Beyond that only single members, pairs (to 200 members) and
all but one (to 1,000) are, and the answer says so: none of these may object while another would.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import combinations
from typing import Final

from services.bids.domain.sharing.games import NOTHING, CostGame, Group, members_of
from services.bids.domain.sharing.groups import (
    MEMBERS_ALL_BUT_ONE_MAX,
    places_in,
    scaled,
    sums_by_group,
    tabulate,
)
from shared.domain.ids import PartyId

MEMBERS_ALL_GROUPS_MAX: Final = 15
"""With 15 members there are 32,766 groups, which takes a second or so."""

MEMBERS_PAIRS_MAX: Final = 200
"""With 200 members there are 19,900 pairs."""

PAIR: Final = 2


class Looked(StrEnum):
    """At which groups a check looked."""

    ALL_GROUPS = "all_groups"
    SINGLES_PAIRS_AND_ALL_BUT_ONE = "singles_pairs_and_all_but_one"
    SINGLES_AND_ALL_BUT_ONE = "singles_and_all_but_one"
    SINGLES = "singles"


@dataclass(frozen=True, slots=True)
class Objection:
    """A group that would do better on its own, and by how much, in minor units, above 0."""

    members: tuple[PartyId, ...]
    gain: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreCheck:
    """Whether any group objects: at which groups was looked, how many object, and which most.

    `strongest` is the group that would gain most; among equals the smaller, then by ids.
    """

    looked: Looked
    groups: int
    objecting: int
    strongest: Objection | None

    @property
    def is_stable(self) -> bool | None:
        """Tell whether no group would do better; None where not every group was looked at."""
        if self.objecting:
            return False
        return True if self.looked is Looked.ALL_GROUPS else None


def check_core(
    game: CostGame, shares: Sequence[Fraction], *, above: Fraction = NOTHING
) -> CoreCheck:
    """Compare what groups pay by shares, in the order of member ids, with cost alone.

    Only gains beyond `above` count: what shares that were rounded may be off by.
    """
    members = members_of(game)
    looked = _looked(len(members))
    seen, objections = 0, []
    for group, gain in _gains(game, members, shares, looked):
        seen += 1
        if gain > above:
            objections.append(Objection(tuple(sorted(group)), gain))
    objections.sort(key=lambda each: (-each.gain, len(each.members), each.members))
    return CoreCheck(
        looked=looked,
        groups=seen,
        objecting=len(objections),
        strongest=objections[0] if objections else None,
    )


def _looked(count: int) -> Looked:
    if count <= MEMBERS_ALL_GROUPS_MAX:
        return Looked.ALL_GROUPS
    if count <= MEMBERS_PAIRS_MAX:
        return Looked.SINGLES_PAIRS_AND_ALL_BUT_ONE
    return Looked.SINGLES_AND_ALL_BUT_ONE if count <= MEMBERS_ALL_BUT_ONE_MAX else Looked.SINGLES


def _gains(
    game: CostGame, members: Sequence[PartyId], shares: Sequence[Fraction], looked: Looked
) -> Iterator[tuple[Group, Fraction]]:
    """Tell what each group but that of all pays beyond what it would by itself."""
    if looked is Looked.ALL_GROUPS:
        yield from _gains_of_all(game, members, shares)
        return
    pays = dict(zip(members, shares, strict=True))
    everybody, whole = frozenset(members), sum(shares, Fraction(0))
    for one in members:
        alone = frozenset({one})
        yield alone, pays[one] - game.cost(alone)
    if looked is Looked.SINGLES_PAIRS_AND_ALL_BUT_ONE:
        for one, other in combinations(members, PAIR):
            pair = frozenset({one, other})
            yield pair, pays[one] + pays[other] - game.cost(pair)
    if looked is not Looked.SINGLES:
        for one in members:
            others = everybody - {one}
            yield others, whole - pays[one] - game.cost(others)


def _gains_of_all(
    game: CostGame, members: Sequence[PartyId], shares: Sequence[Fraction]
) -> Iterator[tuple[Group, Fraction]]:
    """Compare in whole numbers over one denominator: there may be tens of thousands of groups."""
    numbers, over = scaled([*shares, *tabulate(game)])
    paid, costs = sums_by_group(numbers[: len(members)]), numbers[len(members) :]
    for mask in range(1, len(costs) - 1):
        # Who does not object need not be named.
        gain = max(paid[mask] - costs[mask], 0)
        named = (members[place] for place in places_in(mask)) if gain else ()
        yield frozenset(named), Fraction(gain, over)
