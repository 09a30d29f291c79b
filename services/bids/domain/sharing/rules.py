"""Share a cost by a formula: equal price, by cost alone, equal saving, separable cost, airport.

Every function gives exact shares in minor units, in the order of member ids; they sum to what all
members pay together. A share may be below 0: by equal saving a member whose own cost is less than
its part of the saving is paid for joining.
"""

from collections.abc import Sequence
from fractions import Fraction

from services.bids.domain.sharing.games import (
    NOTHING,
    AirportGame,
    CostGame,
    cost_together,
    costs_alone,
    members_of,
)
from services.bids.domain.sharing.groups import MEMBERS_ALL_BUT_ONE_MAX, SharingTooLarge


def by_equal_price(game: CostGame) -> list[Fraction]:
    """Let every unit cost the same; the members' weights are what they need."""
    needs = [Fraction(game.needs[member_id]) for member_id in members_of(game)]
    return in_proportion(cost_together(game), needs)


def by_cost_alone(game: CostGame) -> list[Fraction]:
    """Let everybody save the same part of what it would pay alone."""
    return in_proportion(cost_together(game), costs_alone(game))


def by_equal_saving(game: CostGame) -> list[Fraction]:
    """Let everybody save the same amount."""
    alone = costs_alone(game)
    saving = (sum(alone, NOTHING) - cost_together(game)) / len(alone)
    return [cost - saving for cost in alone]


def by_separable_cost(game: CostGame) -> list[Fraction]:
    """Charge everybody what it adds to the others, and the rest by what joining is worth beyond.

    A member's separable cost is what all pay less what all others pay; what remains falls in
    proportion to cost alone less separable cost, or evenly where that is nothing in all.

    Source: the method of separable costs - remaining benefits, as used for the Tennessee Valley
    Authority; P. Straffin and J. Heaney, *Game theory and the Tennessee Valley Authority*,
    International Journal of Game Theory 10, 1981.

    Raises:
        SharingTooLarge: There are more than 1,000 members.
    """
    everybody = frozenset(game.needs)
    if len(everybody) > MEMBERS_ALL_BUT_ONE_MAX:
        sentence = f"Separable costs are found for at most {MEMBERS_ALL_BUT_ONE_MAX} members."
        raise SharingTooLarge(sentence)
    together = game.cost(everybody)
    added = [together - game.cost(everybody - {member_id}) for member_id in members_of(game)]
    benefits = [alone - own for alone, own in zip(costs_alone(game), added, strict=True)]
    rest = in_proportion(together - sum(added, NOTHING), benefits)
    return [own + part for own, part in zip(added, rest, strict=True)]


def by_airport(game: AirportGame) -> list[Fraction]:
    """Let each step from one level to the next be shared evenly by those who need it.

    Source: S. Littlechild and G. Owen, *A simple expression for the Shapley value in a special
    case*, Management Science 20(3), 1973, pp. 370-372; it is the Shapley value of such a game.
    """
    members = members_of(game)
    rising = sorted(range(len(members)), key=lambda place: game.levels[members[place]])
    shares = [NOTHING] * len(members)
    level, share = NOTHING, NOTHING
    for served, place in enumerate(rising):
        step = game.levels[members[place]] - level
        share += step / (len(members) - served)
        level += step
        shares[place] = share
    return shares


def in_proportion(whole: Fraction, weights: Sequence[Fraction]) -> list[Fraction]:
    """Split a whole by weights, or evenly where these sum to nothing."""
    weight_sum = sum(weights, NOTHING)
    if not weight_sum:
        return [whole / len(weights)] * len(weights)
    return [whole * weight / weight_sum for weight in weights]
