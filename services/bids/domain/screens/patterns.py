"""Look at pairs of vendors over seasons: the same price, taking turns, keeping to one's own places.

Each pattern has its innocent reasons: a published price list, a plant next door. It is looked for
where both vendors bid, so that the one that always loses there takes the trouble to bid.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Final

from services.bids.domain.screens.contests import Contest, Finding, Screen

RETURNS_MIN: Final = 10
"""How often a place returns to the same two vendors before a pattern is spoken of."""

IDENTICAL_MIN: Final = 2
"""The same price once may be chance."""

USUAL: Final = 1 / 2
"""A pattern is what happens at least every other time."""

Pair = tuple[str, str]


def pattern_findings(contests: Sequence[Contest]) -> list[Finding]:
    """Find pairs that bid the same price, take turns, or keep to places of their own."""
    return [*_identical(contests), *_over_seasons(contests)]


def _identical(contests: Sequence[Contest]) -> list[Finding]:
    counted: dict[Pair, int] = defaultdict(int)
    for contest in contests:
        for one, other in combinations(sorted(contest.bids, key=lambda bid: bid.vendor), 2):
            if one.price == other.price and one.vendor != other.vendor:
                counted[one.vendor, other.vendor] += 1
    return [
        Finding(
            screen=Screen.IDENTICAL,
            vendors=pair,
            contest=None,
            value=float(count),
            bound=float(IDENTICAL_MIN),
            contests=count,
        )
        for pair, count in sorted(counted.items())
        if count >= IDENTICAL_MIN
    ]


def _over_seasons(contests: Sequence[Contest]) -> Iterator[Finding]:
    """Count, for each pair, how a place that returns to it goes from one season to the next."""
    returns: dict[Pair, int] = defaultdict(int)
    turns: dict[Pair, int] = defaultdict(int)
    stays: dict[Pair, int] = defaultdict(int)
    for (pair, _), winners in _winners(contests).items():
        for before, after in pairwise(winners):
            returns[pair] += 1
            if before in pair and after in pair:
                counted = stays if before == after else turns
                counted[pair] += 1
    for pair, count in sorted(returns.items()):
        if count < RETURNS_MIN:
            continue
        for screen, counted in ((Screen.ROTATION, turns), (Screen.TERRITORY, stays)):
            share = counted[pair] / count
            if share >= USUAL:
                yield Finding(
                    screen=screen,
                    vendors=pair,
                    contest=None,
                    value=share,
                    bound=USUAL,
                    contests=count,
                )


def _winners(contests: Sequence[Contest]) -> Mapping[tuple[Pair, str], list[str | None]]:
    """List, for each pair and place where both bid, who won, season by season."""
    winners: dict[tuple[Pair, str], list[str | None]] = defaultdict(list)
    for contest in sorted(contests, key=lambda each: (each.season, each.key)):
        for pair in combinations(sorted({bid.vendor for bid in contest.bids}), 2):
            winners[pair, contest.place].append(contest.winner)
    return winners
