"""Turn what was measured into figures, a table and a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SAVED: Final = Path("build/bench")

MS_PER_S: Final = 1000.0
US_PER_S: Final = 1e6


@dataclass(frozen=True, slots=True)
class Target:
    """What must hold of a figure: at most, or at least, a bound."""

    figure: str
    bound: float
    is_least: bool = False

    def is_met(self, figures: Mapping[str, float]) -> bool:
        """Tell whether it holds."""
        value = figures[self.figure]
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        """Write it as the table shows it."""
        return f"{'≥' if self.is_least else '≤'} {self.bound:g}"


def quantile(values: Sequence[float], share: float) -> float:
    """Find the smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    place = max(0, -(-int(share * 10_000) * len(ordered) // 10_000) - 1)
    return ordered[place]


def report(
    name: str,
    figures: Mapping[str, float],
    targets: Sequence[Target],
    notes: Sequence[tuple[str, str]],
) -> dict[str, object]:
    """Print the table, save the figures with whether each target was met, and return them.

    `notes` are printed only: what helps to read the figures, and to doubt them.
    """
    met = {target.figure: target.is_met(figures) for target in targets}
    bounds = {target.figure: str(target) for target in targets}
    print(name.replace("_", " "))
    for figure, value in figures.items():
        verdict = f"  target {bounds[figure]}: " if figure in bounds else ""
        words = ("met" if met[figure] else "NOT MET") if figure in met else ""
        print(f"  {figure:<28}{value:>12,.6g}{verdict}{words}")
    for label, text in notes:
        print(f"  ({label}: {text})")
    saved: dict[str, object] = {**figures, "targets_met": met}
    SAVED.mkdir(parents=True, exist_ok=True)
    path = SAVED / f"{name}.json"
    path.write_text(json.dumps(saved, indent=2) + "\n", encoding="utf-8")
    return saved


def spread(values: Sequence[float], *, digits: int = 0) -> str:
    """Write the least and the largest of some rounds."""
    return f"{min(values):,.{digits}f} to {max(values):,.{digits}f} in {len(values)} rounds"
