"""Look at the prices of one contest: losing bids for show lie close together, and above the winner.

A contest stands out among its peers, those with the same number of bids. With two to four bids such
figures scatter widely whether or not anybody colludes, so they rank what to look at and no more.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, sqrt
from typing import Final

from services.bids.domain.screens.contests import Contest, Finding, Screen, mean_and_variance

BIDS_FOR_VARIATION: Final = 2
BIDS_FOR_DISTANCE: Final = 3
"""The losers' own spread takes two of them."""

BIDS_FOR_KURTOSIS: Final = 4
"""Below four the small-sample formula divides by nothing."""

PEERS_MIN: Final = 10
"""Fewer peers than that have no tenth."""

OUTLYING: Final = Fraction(1, 10)
"""The share of peers that stand out: the lowest tenth, or the highest. It is our own choice."""

DISTANCE_BOUND: Final = 1
"""The winner is further from the second than losers are spread among themselves."""


def coefficient_of_variation(contest: Contest) -> float | None:
    """Compute standard deviation ÷ mean; None below two bids."""
    if len(contest.bids) < BIDS_FOR_VARIATION:
        return None
    mean, spread = mean_and_variance(contest.prices)
    return sqrt(spread) / mean


def relative_distance(contest: Contest) -> float | None:
    """Compute (second - lowest) ÷ the losers' standard deviation; None below three bids.

    None also where the losers bid the same, to which no distance can be compared.
    """
    if len(contest.bids) < BIDS_FOR_DISTANCE:
        return None
    lowest, *losers = contest.prices
    _, spread = mean_and_variance(losers)
    return (losers[0] - lowest) / sqrt(spread) if spread else None


def kurtosis(contest: Contest) -> float | None:
    """Compute the excess kurtosis with the small-sample correction; None below four bids."""
    prices = contest.prices
    count = len(prices)
    if count < BIDS_FOR_KURTOSIS:
        return None
    mean, spread = mean_and_variance(prices)
    if not spread:
        return None
    fourth = sum((price - mean) ** 4 for price in prices) / spread**2
    scale = count * (count + 1) / ((count - 1) * (count - 2) * (count - 3))
    return scale * fourth - 3 * (count - 1) ** 2 / ((count - 2) * (count - 3))


def spread_findings(contests: Sequence[Contest]) -> list[Finding]:
    """Find the contests whose prices stand out among their peers."""
    return [
        *_lowest(Screen.VARIATION, coefficient_of_variation, contests),
        *_distant(contests),
        *_highest(Screen.KURTOSIS, kurtosis, contests),
    ]


def _distant(contests: Sequence[Contest]) -> list[Finding]:
    measured = ((contest, relative_distance(contest)) for contest in contests)
    return [
        _finding(Screen.DISTANCE, contest, value, DISTANCE_BOUND)
        for contest, value in measured
        if value is not None and value > DISTANCE_BOUND
    ]


def _lowest(
    screen: Screen, measure: Callable[[Contest], float | None], contests: Sequence[Contest]
) -> list[Finding]:
    found = []
    for peers in _peers(measure, contests).values():
        bound = sorted(value for _, value in peers)[ceil(OUTLYING * len(peers)) - 1]
        found += [_finding(screen, each, value, bound) for each, value in peers if value <= bound]
    return found


def _highest(
    screen: Screen, measure: Callable[[Contest], float | None], contests: Sequence[Contest]
) -> list[Finding]:
    found = []
    for peers in _peers(measure, contests).values():
        bound = sorted(value for _, value in peers)[-ceil(OUTLYING * len(peers))]
        found += [_finding(screen, each, value, bound) for each, value in peers if value >= bound]
    return found


def _peers(
    measure: Callable[[Contest], float | None], contests: Sequence[Contest]
) -> Mapping[int, list[tuple[Contest, float]]]:
    by_count: dict[int, list[tuple[Contest, float]]] = defaultdict(list)
    for contest in contests:
        value = measure(contest)
        if value is not None:
            by_count[len(contest.bids)].append((contest, value))
    return {count: peers for count, peers in by_count.items() if len(peers) >= PEERS_MIN}


def _finding(screen: Screen, contest: Contest, value: float, bound: float) -> Finding:
    vendors = tuple(sorted(bid.vendor for bid in contest.bids))
    return Finding(screen=screen, vendors=vendors, contest=contest.key, value=value, bound=bound)
