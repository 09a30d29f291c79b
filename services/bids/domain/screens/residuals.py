"""Look at what cost does not explain: prices of two competitors should then be unrelated.

The logarithm of each price is regressed on the logarithms of the contest's cost drivers and on its
season, by ordinary least squares over all bids. Two vendors whose residuals move together where
both bid share something that the drivers leave out: a cost, or an understanding.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import Final

from services.bids.domain.screens.contests import Contest, Finding, Screen, mean_and_variance

COMMON_MIN: Final = 20
"""On how many contests two vendors meet before they are compared; our own choice."""

CORRELATED: Final = 1 / 2
"""What is by convention a large correlation. Source: J. Cohen, Statistical Power Analysis, 1988."""

Bidding = tuple[str, str]
"""A contest's key and a vendor."""


def residuals(contests: Sequence[Contest]) -> dict[Bidding, float]:
    """Regress all prices, and return what is left of each; nothing where that cannot be done.

    Seasons that are alike, or too few bids, leave the regression without one answer.
    """
    seasons = sorted({contest.season for contest in contests})
    keys: list[Bidding] = []
    rows: list[list[float]] = []
    prices: list[float] = []
    for contest in contests:
        season = [float(contest.season == each) for each in seasons]
        row = [*season, *(log(driver) for driver in contest.drivers)]
        for bid in contest.bids:
            keys.append((contest.key, bid.vendor))
            rows.append(row)
            prices.append(log(bid.price))
    fitted = _least_squares(rows, prices)
    if fitted is None:
        return {}
    return {
        key: price - sum(factor * each for factor, each in zip(fitted, row, strict=True))
        for key, row, price in zip(keys, rows, prices, strict=True)
    }


def residual_findings(contests: Sequence[Contest]) -> list[Finding]:
    """Find the pairs of vendors whose residuals move together."""
    left = residuals(contests)
    pairs: Mapping[tuple[str, str], list[tuple[float, float]]] = _pairs(contests, left)
    found = []
    for vendors, values in sorted(pairs.items()):
        if len(values) < COMMON_MIN:
            continue
        together = correlation(values)
        if together is not None and together >= CORRELATED:
            found.append(
                Finding(
                    screen=Screen.RESIDUALS,
                    vendors=vendors,
                    contest=None,
                    value=together,
                    bound=CORRELATED,
                    contests=len(values),
                )
            )
    return found


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Compute Pearson's correlation of two values or more; None where one side does not vary."""
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    (mean_left, spread_left), (mean_right, spread_right) = (
        mean_and_variance(left),
        mean_and_variance(right),
    )
    if not spread_left or not spread_right:
        return None
    product = sum((one - mean_left) * (other - mean_right) for one, other in pairs)
    return product / (len(pairs) - 1) / sqrt(spread_left * spread_right)


def _pairs(
    contests: Sequence[Contest], left: Mapping[Bidding, float]
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for contest in contests:
        vendors = sorted({bid.vendor for bid in contest.bids if (contest.key, bid.vendor) in left})
        for place, one in enumerate(vendors):
            for other in vendors[place + 1 :]:
                pairs[one, other].append((left[contest.key, one], left[contest.key, other]))
    return pairs


def _least_squares(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float] | None:
    """Solve the normal equations by elimination with pivots; None if they have no one answer."""
    if not rows or len(rows) <= len(rows[0]):
        return None
    width = range(len(rows[0]))
    table = [
        [
            *(sum(row[one] * row[other] for row in rows) for other in width),
            sum(row[one] * value for row, value in zip(rows, values, strict=True)),
        ]
        for one in width
    ]
    for column in width:
        pivot = max(range(column, len(table)), key=lambda line: abs(table[line][column]))
        table[column], table[pivot] = table[pivot], table[column]
        if abs(table[column][column]) * 10**9 < 1:
            return None
        for line in width:
            if line != column:
                factor = table[line][column] / table[column][column]
                table[line] = [
                    one - factor * other
                    for one, other in zip(table[line], table[column], strict=True)
                ]
    return [table[each][-1] / table[each][each] for each in width]
