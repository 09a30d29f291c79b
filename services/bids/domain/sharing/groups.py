"""Count groups of members as bits: bit i of a mask is the member at place i in the order of ids."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Final

from services.bids.domain.sharing.games import CostGame, members_of
from shared.domain.refusals import Kind, Refusal

MEMBERS_EXACT_MAX: Final = 12
"""Rules that weigh every group take at most so many members: 4,096 groups, about a second."""


MEMBERS_ALL_BUT_ONE_MAX: Final = 1_000
"""To add up all but one for each of 1,000 members takes a million steps."""


class SharingTooLarge(Refusal):
    """The rule weighs groups of members, and there are too many members for that."""

    kind = Kind.INVALID
    code = "sharing_too_large"


def tabulate(game: CostGame) -> list[Fraction]:
    """Compute the cost of every group, by mask."""
    members = members_of(game)
    return [
        game.cost(frozenset(members[place] for place in places_in(mask)))
        for mask in range(1 << len(members))
    ]


def places_in(mask: int) -> list[int]:
    """List the places of a group's members."""
    return [place for place in range(mask.bit_length()) if mask >> place & 1]


def sums_by_group(values: Sequence[int]) -> list[int]:
    """Add up the members' values for every group, by mask."""
    sums = [0]
    for value in values:
        sums += [before + value for before in sums]
    return sums


def scaled(values: Sequence[Fraction]) -> tuple[list[int], int]:
    """Write fractions as whole numbers over their least common denominator, which comes with."""
    over = lcm(*(value.denominator for value in values))
    return [value.numerator * (over // value.denominator) for value in values], over
