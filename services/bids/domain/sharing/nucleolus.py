"""Make the least contented group as content as can be, then the next: the nucleolus, exactly.

It lies in the core wherever there is one. Where no member adds more to any group than it pays
alone, nobody is charged more than that, and it is the nucleolus; in other games it is the
prenucleolus, which may charge a member more than its cost alone.

Source: D. Schmeidler, *The nucleolus of a characteristic function game*, SIAM Journal on Applied
Mathematics 17(6), 1969. The sequence of linear programs: M. Maschler, B. Peleg and L. Shapley,
*Geometric properties of the kernel, nucleolus, and related solution concepts*, Mathematics of
Operations Research 4(4), 1979.
"""

from fractions import Fraction

from services.bids.domain.sharing.balance import all_ways, balance, ways_settling
from services.bids.domain.sharing.games import CostGame
from services.bids.domain.sharing.groups import (
    MEMBERS_EXACT_MAX,
    SharingTooLarge,
    scaled,
    tabulate,
)


def by_nucleolus(game: CostGame) -> list[Fraction]:
    """Compute the shares of the nucleolus, in the order of member ids.

    Raises:
        SharingTooLarge: There are more than 12 members.
    """
    count = len(game.needs)
    if count > MEMBERS_EXACT_MAX:
        sentence = f"The nucleolus is computed for at most {MEMBERS_EXACT_MAX} members."
        raise SharingTooLarge(sentence)
    costs, over = scaled(tabulate(game))
    shares = [Fraction(costs[-1], count)] * count
    ways = all_ways(count)
    # Each round settles at least one group that the settled ones did not settle yet.
    while ways:
        found = balance(costs, shares, ways)
        shares = found.shares
        for group in found.tight:
            ways = ways_settling(ways, group)
    return [share / over for share in shares]
