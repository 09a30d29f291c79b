"""Charge each member what it adds, on the average over every order in which members may join.

Source: L. Shapley, *A value for n-person games*, Contributions to the Theory of Games II, 1953. The
sample by orders: J. Castro, D. Gomez and J. Tejada, *Polynomial calculation of the Shapley value
based on sampling*, Computers & Operations Research 36(5), 2009.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import factorial, isqrt
from typing import Final

from services.bids.domain.sharing.games import NOTHING, AirportGame, CostGame, members_of
from services.bids.domain.sharing.groups import MEMBERS_EXACT_MAX, tabulate
from services.bids.domain.sharing.rules import by_airport
from shared.domain.ids import PartyId

DRAWS: Final = 500
"""How many orders are drawn; each is counted together with its reverse."""

JOININGS_MAX: Final = 100_000
"""Members that join in all drawn orders: above 100 members fewer orders are drawn, in seconds."""

DRAWS_MIN: Final = 2
"""Of a single draw nobody can say how far it is off."""

DRAW_PURPOSE: Final = b"commonlot/order-of-joining/1\x00"
"""Keeps these digests apart from all others that are made of the same parts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """From what orders of joining are drawn, and how many."""

    seed: bytes
    draws: int = DRAWS

    def order(self, number: int, members: Sequence[PartyId]) -> list[PartyId]:
        """Draw the order of that number: by SHA-256 over seed, number and member, lowest first."""
        begun = hashlib.sha256(DRAW_PURPOSE + self.seed + number.to_bytes(8, "big"))

        def digest(member_id: PartyId) -> bytes:
            hashed = begun.copy()
            hashed.update(member_id.bytes)
            return hashed.digest()

        return sorted(members, key=digest)


@dataclass(frozen=True, slots=True)
class Averages:
    """Shares by averaging, in the order of member ids, and their standard errors.

    `errors_minor` are whole minor units, rounded up; they are None where the shares are exact.
    """

    shares: tuple[Fraction, ...]
    errors_minor: tuple[int, ...] | None = None


def by_shapley(game: CostGame, sample: Sample) -> Averages:
    """Compute Shapley shares: exactly to 12 members and for airport games, by a sample beyond."""
    if isinstance(game, AirportGame):
        return Averages(tuple(by_airport(game)))
    if len(game.needs) <= MEMBERS_EXACT_MAX:
        return Averages(tuple(_exact(tabulate(game))))
    return sampled(game, sample)


def sampled(game: CostGame, sample: Sample) -> Averages:
    """Estimate Shapley shares from drawn orders; the shares sum to the cost nevertheless.

    One order and its reverse are one observation, as what a member adds early and late lie on both
    sides of the average. At least two are drawn, and no more than keep within `JOININGS_MAX`.
    """
    members = members_of(game)
    draws = max(min(sample.draws, JOININGS_MAX // (2 * len(members))), DRAWS_MIN)
    sums = dict.fromkeys(members, NOTHING)
    squares = dict.fromkeys(members, NOTHING)
    for number in range(draws):
        order = sample.order(number, members)
        forth = _added(game, order)
        back = _added(game, order[::-1])
        for member_id in members:
            added = (forth[member_id] + back[member_id]) / 2
            sums[member_id] += added
            squares[member_id] += added * added
    return Averages(
        tuple(sums[member_id] / draws for member_id in members),
        tuple(_error_minor(sums[each], squares[each], draws) for each in members),
    )


def _exact(costs: Sequence[Fraction]) -> list[Fraction]:
    """Weigh what a member adds to each group by how many orders begin with that group."""
    count = (len(costs) - 1).bit_length()
    weights = [
        Fraction(factorial(size) * factorial(count - size - 1), factorial(count))
        for size in range(count)
    ]
    shares = []
    for place in range(count):
        bit = 1 << place
        by_size = [NOTHING] * count
        for mask in range(len(costs)):
            if not mask & bit:
                by_size[mask.bit_count()] += costs[mask | bit] - costs[mask]
        shares.append(sum(map(Fraction.__mul__, weights, by_size), NOTHING))
    return shares


def _added(game: CostGame, order: Sequence[PartyId]) -> dict[PartyId, Fraction]:
    costs = [NOTHING, *game.costs_along(order)]
    steps = [after - before for before, after in pairwise(costs)]
    return dict(zip(order, steps, strict=True))


def _error_minor(total: Fraction, squares: Fraction, draws: int) -> int:
    """Compute the standard error of a mean: the root of (variance / draws), rounded up."""
    variance_of_mean = (squares - total * total / draws) / (draws - 1) / draws
    # The least whole number whose square is no less: a root needs no float.
    least = -(-variance_of_mean.numerator // variance_of_mean.denominator)
    return isqrt(least - 1) + 1 if least > 0 else 0
