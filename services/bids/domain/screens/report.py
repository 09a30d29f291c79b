"""Put what the screens found into one report, the most remarkable pairs of vendors first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from services.bids.domain.screens.contests import SOURCES, Contest, Finding, Screen
from services.bids.domain.screens.patterns import pattern_findings
from services.bids.domain.screens.residuals import residual_findings
from services.bids.domain.screens.spread import spread_findings

CAUTION: Final = (
    "A screen shows where to look first; it proves nothing and excludes nobody. On two to four "
    "bids it is weak, and a vendor next door or a common cost looks like an understanding."
)

CONTESTS_MAX: Final = 20_000
"""More contests than this are not screened at once."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How a screen did where the truth is known: of what it flagged, of what there was."""

    flagged: int
    right: int
    there: int

    @property
    def precision(self) -> float:
        """The share of what was flagged that was right; 0 if nothing was flagged."""
        return self.right / self.flagged if self.flagged else 0

    @property
    def recall(self) -> float:
        """The share of what there was that was flagged; 0 if there was nothing."""
        return self.right / self.there if self.there else 0


MEASURED: Final[dict[Screen, Accuracy]] = {
    Screen.VARIATION: Accuracy(flagged=127, right=17, there=146),
    Screen.DISTANCE: Accuracy(flagged=238, right=54, there=128),
    Screen.KURTOSIS: Accuracy(flagged=12, right=4, there=41),
    Screen.RESIDUALS: Accuracy(flagged=9, right=3, there=3),
    Screen.IDENTICAL: Accuracy(flagged=5, right=1, there=3),
    Screen.ROTATION: Accuracy(flagged=1, right=0, there=3),
    Screen.TERRITORY: Accuracy(flagged=16, right=1, there=3),
}
"""How each screen did on 2,181 contracts for school milk in Ohio, 1980 to 1986, as it was.

What was there: contracts on which at least two of three dairies bid, counted where the screen can
be computed, and the three pairs of these dairies. Two of them pleaded guilty of rigging bids for
school milk, and their people testified that the third took part. The bounds of the screens
of pairs were chosen with these data in sight, so expect less elsewhere.

Source of the truth: Ohio ex rel. Montgomery v. Louis Trauth Dairy, 925 F. Supp. 1247 (S.D. Ohio
1996); R. Porter and J. D. Zona, *Ohio School Milk Markets*, RAND Journal of Economics 30(2), 1999.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairStanding:
    """Two vendors, and by which screens of pairs they stand out."""

    vendors: tuple[str, str]
    screens: tuple[Screen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenReport:
    """What was found, in how many contests it was looked for, and how far it may be trusted."""

    contests: int
    bids: int
    findings: tuple[Finding, ...]
    pairs: tuple[PairStanding, ...]
    caution: str = CAUTION


def screen(contests: Sequence[Contest]) -> ScreenReport:
    """Screen contests of one market; their order changes nothing."""
    ordered = sorted(contests, key=lambda contest: (contest.season, contest.key))
    pairs = [*residual_findings(ordered), *pattern_findings(ordered)]
    by_pair: dict[tuple[str, str], set[Screen]] = defaultdict(set)
    for finding in pairs:
        for pair in combinations(finding.vendors, 2):
            by_pair[pair].add(finding.screen)
    standings = [
        PairStanding(vendors=pair, screens=tuple(sorted(screens)))
        for pair, screens in by_pair.items()
    ]
    standings.sort(key=lambda each: (-len(each.screens), each.vendors))
    return ScreenReport(
        contests=len(ordered),
        bids=sum(len(contest.bids) for contest in ordered),
        findings=(*spread_findings(ordered), *pairs),
        pairs=tuple(standings),
    )


def told(screen_name: Screen) -> str:
    """Tell a reader where a screen comes from, and how it did where the truth is known."""
    measured = MEASURED[screen_name]
    return (
        f"Source: {SOURCES[screen_name]}. On school milk in Ohio, 1980 to 1986, it flagged "
        f"{measured.flagged}, of which {measured.right} right, of {measured.there} that were there:"
        f" precision {measured.precision:.0%}, recall {measured.recall:.0%}."
    )
