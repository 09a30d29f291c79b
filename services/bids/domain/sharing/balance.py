"""Make the least contented group as content as can be: one linear program, solved exactly.

A group's content is what it would pay by itself less what it pays. The program seeks, among the
shares that leave the groups settled before as they are, those with the greatest least content. It
is solved by the simplex method on its dual, in fractions: a basis is as many groups as there are
ways left to move, and one, and each group outside is a column that is written when it is looked at.
A solver in floating point would leave open which groups are exactly tight, and all that follows
rests on those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Final

from services.bids.domain.sharing.groups import scaled, sums_by_group

ZERO: Final = Fraction(0)
ONE: Final = Fraction(1)

Way = list[int]
"""A way to move shares, in whole steps by place, that leaves every settled group what it pays."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Shares whose least contented groups, among those not settled, are as content as can be.

    `tight` are groups that have this least content in every such balance.
    """

    shares: list[Fraction]
    tight: list[int]


def all_ways(count: int) -> list[Way]:
    """List the ways to move shares while all together pay the same: from the last to another."""
    return [
        [*(int(place == other) for other in range(count - 1)), -1] for place in range(count - 1)
    ]


def ways_settling(ways: Sequence[Way], group: int) -> list[Way]:
    """Keep the ways that also leave one more group what it pays: one fewer, or all of them."""
    changes = [_sum_over(way, group) for way in ways]
    pivot = next((place for place, change in enumerate(changes) if change), None)
    if pivot is None:
        return list(ways)
    return [
        _shortest(
            [step * changes[pivot] - by * change for step, by in zip(way, ways[pivot], strict=True)]
        )
        for place, (way, change) in enumerate(zip(ways, changes, strict=True))
        if place != pivot
    ]


def balance(costs: Sequence[int], shares: Sequence[Fraction], ways: Sequence[Way]) -> Balance:
    """Move from shares along at least one way, until the least contented group gains no more.

    `costs` are those of every group by mask, in the same unit as the shares.
    """
    table = _Table.of(costs, shares, ways)
    basis = _Basis.first(table)
    is_stalled = False
    while True:
        prices = basis.prices(table)
        entering = table.entering(prices, takes_first=is_stalled)
        if entering is None:
            tight = [
                each for each, weight in zip(basis.groups, basis.weights, strict=True) if weight
            ]
            return Balance(table.moved(prices), tight)
        # Steps of length 0 could go round in a circle; by Bland's rule they cannot.
        is_stalled = not basis.exchange(entering, table.column(entering))


@dataclass(frozen=True, slots=True)
class _Table:
    """What the program asks of every group: its cost, and how each way changes what it pays."""

    costs: Sequence[int]
    shares: Sequence[Fraction]
    ways: Sequence[Way]
    changes: list[list[int]]
    open_groups: list[int]

    @classmethod
    def of(cls, costs: Sequence[int], shares: Sequence[Fraction], ways: Sequence[Way]) -> "_Table":
        changes = [sums_by_group(way) for way in ways]
        groups = [
            group for group in range(1, len(costs) - 1) if any(change[group] for change in changes)
        ]
        return cls(costs, shares, ways, changes, groups)

    def column(self, group: int) -> list[int]:
        """Write a group's column: its change by each way, and its part in the least content."""
        return [*(change[group] for change in self.changes), 1]

    def content(self, group: int) -> Fraction:
        """Compute a group's content before anything moves."""
        return self.costs[group] - sum(
            (share for place, share in enumerate(self.shares) if group >> place & 1), ZERO
        )

    def moved(self, prices: Sequence[Fraction]) -> list[Fraction]:
        """Move the shares along each way by its price."""
        steps = zip(*self.ways, strict=True)
        return [
            share + _dot(step, prices[:-1]) for share, step in zip(self.shares, steps, strict=True)
        ]

    def entering(self, prices: Sequence[Fraction], *, takes_first: bool) -> int | None:
        """Find the group that is most below the least content, or the first that is below."""
        numbers, over = scaled([*self.moved(prices), prices[-1]])
        least = numbers.pop()
        paid = sums_by_group(numbers)
        best, lowest = None, 0
        for group in self.open_groups:
            below = self.costs[group] * over - paid[group] - least
            if below < lowest:
                best, lowest = group, below
                if takes_first:
                    break
        return best


@dataclass(slots=True)
class _Basis:
    """Groups whose columns form a basis, and the inverse of the matrix that these make."""

    groups: list[int]
    inverse: list[list[Fraction]]

    @classmethod
    def first(cls, table: _Table) -> "_Basis":
        """Begin with single members that no two ways treat alike, and all but the first of them.

        A member and all others together are in balance at a half each, so that the basis is one.
        """
        groups, ways = [], list(table.ways)
        for place in range(len(table.shares)):
            kept = ways_settling(ways, 1 << place)
            if len(kept) < len(ways):
                groups.append(1 << place)
                ways = kept
        groups.append(len(table.costs) - 1 - groups[0])
        return cls(groups, _inverse([table.column(group) for group in groups]))

    @property
    def weights(self) -> list[Fraction]:
        """Tell the weight of each group of the basis, 0 or more; they sum to 1."""
        return [row[-1] for row in self.inverse]

    def prices(self, table: _Table) -> list[Fraction]:
        """Find how far to move along each way for all groups of the basis to be alike content.

        The last price is that content.
        """
        contents = [table.content(group) for group in self.groups]
        return [_dot(contents, column) for column in zip(*self.inverse, strict=True)]

    def exchange(self, entering: int, column: Sequence[int]) -> bool:
        """Let a group in for the one whose weight is used up first; tell whether it gained."""
        uses = [_dot(column, row) for row in self.inverse]
        ratio, _, leaving = min(
            (row[-1] / use, self.groups[place], place)
            for place, (row, use) in enumerate(zip(self.inverse, uses, strict=True))
            if use > 0
        )
        pivot = [entry / uses[leaving] for entry in self.inverse[leaving]]
        self.inverse = [
            pivot
            if place == leaving
            else [entry - use * by for entry, by in zip(row, pivot, strict=True)]
            for place, (row, use) in enumerate(zip(self.inverse, uses, strict=True))
        ]
        self.groups[leaving] = entering
        return ratio > 0


def _inverse(columns: Sequence[Sequence[int]]) -> list[list[Fraction]]:
    """Invert a matrix that is given by its columns, by elimination."""
    size = len(columns)
    rows = [
        [
            *(Fraction(column[row]) for column in columns),
            *(Fraction(row == to) for to in range(size)),
        ]
        for row in range(size)
    ]
    for step in range(size):
        found = next(row for row in range(step, size) if rows[row][step])
        rows[step], rows[found] = rows[found], rows[step]
        pivot = [entry / rows[step][step] for entry in rows[step]]
        rows = [
            pivot
            if place == step
            else [entry - row[step] * by for entry, by in zip(row, pivot, strict=True)]
            for place, row in enumerate(rows)
        ]
    return [row[size:] for row in rows]


def _dot(left: Sequence[Fraction | int], right: Sequence[Fraction]) -> Fraction:
    return sum((one * other for one, other in zip(left, right, strict=True) if one and other), ZERO)


def _sum_over(way: Way, group: int) -> int:
    return sum(step for place, step in enumerate(way) if group >> place & 1)


def _shortest(way: Way) -> Way:
    """Divide the steps by what is common to all of them, so that numbers stay small."""
    common = gcd(*way)
    return [step // common for step in way]
