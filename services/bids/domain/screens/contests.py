"""Say what a screen looks at: contests, each with its bids, its place and its season."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from statistics import fmean, variance


class Screen(StrEnum):
    """What is looked for."""

    VARIATION = "coefficient_of_variation"
    DISTANCE = "relative_distance"
    KURTOSIS = "kurtosis"
    RESIDUALS = "price_cost_residuals"
    IDENTICAL = "identical_bids"
    ROTATION = "rotation"
    TERRITORY = "territory"


@dataclass(frozen=True, slots=True)
class VendorBid:
    """One vendor's opened price, above 0."""

    vendor: str
    price: Fraction = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One lot that was bid on. `place` is what returns each season: a member, or a region.

    `drivers` are costs' drivers, each above 0 and in the same order in every contest: volume, say.
    """

    key: str
    season: int
    place: str
    bids: tuple[VendorBid, ...]
    winner: str | None
    drivers: tuple[Fraction, ...] = ()

    @property
    def prices(self) -> list[float]:
        """The prices, the lowest first."""
        return [float(price) for price in sorted(bid.price for bid in self.bids)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that stands out: a contest, or a pair of vendors, by one screen.

    `value` is what was measured and `bound` what it passed; `contests` counts what it rests on.
    """

    screen: Screen
    vendors: tuple[str, ...]
    contest: str | None
    value: float
    bound: float
    contests: int = 1


SOURCES = {
    Screen.VARIATION: (
        "D. Imhof, Y. Karagök and S. Rutz, Screening for bid rigging: does it work?, "
        "Journal of Competition Law & Economics 14(2), 2018"
    ),
    Screen.DISTANCE: (
        "D. Imhof, Y. Karagök and S. Rutz, Screening for bid rigging: does it work?, "
        "Journal of Competition Law & Economics 14(2), 2018"
    ),
    Screen.KURTOSIS: (
        "M. Huber and D. Imhof, Machine learning with screens for detecting bid-rigging cartels, "
        "International Journal of Industrial Organization 65, 2019"
    ),
    Screen.RESIDUALS: (
        "P. Bajari and L. Ye, Deciding between competition and collusion, Review of Economics and "
        "Statistics 85(4), 2003; R. Porter and J. D. Zona, Ohio school milk markets, RAND Journal "
        "of Economics 30(2), 1999"
    ),
    Screen.IDENTICAL: "Federal Acquisition Regulation, 48 CFR 3.303(c): identical bids",
    Screen.ROTATION: "Federal Acquisition Regulation, 48 CFR 3.303(c): rotation of low bids",
    Screen.TERRITORY: (
        "Federal Acquisition Regulation, 48 CFR 3.303(c): division of the market; R. Porter and "
        "J. D. Zona, Ohio school milk markets, RAND Journal of Economics 30(2), 1999"
    ),
}
"""Where each screen comes from."""


def mean_and_variance(values: Sequence[float]) -> tuple[float, float]:
    """Compute the mean, and the variance with the number less one below; of two values or more."""
    mean = fmean(values)
    return mean, variance(values, mean)
