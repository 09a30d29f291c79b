"""Hold a mixed-integer program while it is written, in exact numbers."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

Number = Fraction | int
Terms = list[tuple[int, Number]]

INFINITE: Final = None
"""A bound that does not bind."""


@dataclass(slots=True)
class Program:
    """Columns with costs and upper bounds (the lower is 0), and rows with bounds on both sides.

    Columns are found by key, such as `("switch", bid_id, tier)`.
    """

    keys: dict[tuple[object, ...], int] = field(default_factory=dict)
    costs: list[Fraction] = field(default_factory=list)
    uppers: list[int] = field(default_factory=list)
    are_whole: list[bool] = field(default_factory=list)
    rows: list[Terms] = field(default_factory=list)
    bounds: list[tuple[Number | None, Number | None]] = field(default_factory=list)

    def copied(self) -> "Program":
        """Copy what may still change: upper bounds and rows."""
        return Program(
            keys=self.keys,
            costs=self.costs,
            uppers=list(self.uppers),
            are_whole=self.are_whole,
            rows=list(self.rows),
            bounds=list(self.bounds),
        )

    def column(
        self,
        *key: object,
        cost: Fraction = Fraction(0),
        upper: int = 1,
        is_whole: bool = True,
    ) -> int:
        """Add a column under its key."""
        index = len(self.costs)
        self.keys[key] = index
        self.costs.append(cost)
        self.uppers.append(upper)
        self.are_whole.append(is_whole)
        return index

    def row(
        self, terms: Terms, *, least: Number | None = INFINITE, most: Number | None = INFINITE
    ) -> None:
        """Add a row; one without terms is kept, because it may be one that cannot hold."""
        self.rows.append(terms)
        self.bounds.append((least, most))

    def drop_idle_rows(self) -> None:
        """Leave out rows that, having lost a column, hold whatever the others are."""
        kept = [
            (terms, bounds)
            for terms, bounds in zip(self.rows, self.bounds, strict=True)
            if not self._is_idle(terms, bounds)
        ]
        self.rows = [terms for terms, _ in kept]
        self.bounds = [bounds for _, bounds in kept]

    def _is_idle(self, terms: Terms, bounds: tuple[Number | None, Number | None]) -> bool:
        uppers = self.uppers
        left = [(column, value) for column, value in terms if uppers[column]]
        if len(left) == len(terms):
            return False
        least, most = bounds
        lowest = sum(value * uppers[column] for column, value in left if value < 0)
        highest = sum(value * uppers[column] for column, value in left if value > 0)
        return (least is None or lowest >= least) and (most is None or highest <= most)
