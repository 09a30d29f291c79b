"""Read the rules of an auction from a request: the HTTP face of `shared.events.bids.AuctionRules`.

What each member means is said there. Here their form is checked; whether they fit together is for
the auctions service, which names every fault at once.
"""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from shared.events.bids import AuctionRules, PriceFactor, StepBand
from shared.web.fields import PriceText, RequestModel

SECONDS_MAX: Final = 30 * 24 * 60 * 60
EXTENSIONS_MAX: Final = 10_000
BANDS_MAX: Final = 50
RANK_MAX: Final = 500
ROUNDS_MAX: Final = 100
HANDICAPS_MAX: Final = 500

Seconds = Annotated[int, Field(ge=0, le=SECONDS_MAX)]
Rank = Annotated[int, Field(ge=0, le=RANK_MAX)]
Decimals = Annotated[int, Field(ge=0, le=4)]
Share = Annotated[str, Field(pattern=r"^(0|1|0\.\d{1,6})$", examples=["0.15"])]
Shown = Literal["always", "after_first_offer", "never"]


SignedDecimal = Annotated[str, Field(pattern=r"^-?\d{1,7}(\.\d{1,4})?$", examples=["-3", "2.50"])]


class FactorBody(RequestModel):
    """A vendor is ranked by `(1 + percent / 100)(price + addend) + bonus`."""

    percent: SignedDecimal = "0"
    addend: SignedDecimal = "0"
    bonus: SignedDecimal = "0"


class HandicapBody(RequestModel):
    """What one vendor's offers are weighed by; no other vendor learns it."""

    vendor_id: UUID
    factor: FactorBody | None = None
    features: Annotated[tuple[Share, ...], Field(max_length=BANDS_MAX)] = ()


class StepBandBody(RequestModel):
    """The step against a price strictly above `above`."""

    above: PriceText
    step: PriceText


class AuctionRulesBody(RequestModel):
    """The rules of a reverse auction, fixed and published before it opens."""

    format: Literal["english", "japanese", "dutch", "vickrey", "rounds"] = "english"
    step: PriceText = "0.01"
    step_against: Literal["own", "lead", "both"] = "own"
    step_kind: Literal["amount", "percent", "bands"] = "amount"
    step_mode: Literal["minimum", "multiple", "free"] = "minimum"
    step_bands: Annotated[tuple[StepBandBody, ...], Field(max_length=BANDS_MAX)] = ()
    step_min: PriceText | None = None
    step_max: PriceText | None = None
    ties: Literal["allowed", "none", "none_among_first"] = "allowed"
    ties_first: Rank = 0
    tie_ranking: Literal["earliest", "equal_best", "equal_worst"] = "earliest"
    soft_close_window_s: Seconds = 120
    soft_close_extension_s: Seconds = 120
    soft_close_base: Literal["close", "receipt"] = "close"
    soft_close_rank: Rank | None = None
    soft_close_scope: Literal["lot", "all"] = "lot"
    extensions_max: Annotated[int, Field(ge=0, le=EXTENSIONS_MAX)] = 100
    hard_stop_s: Seconds | None = None
    lots: Literal["parallel", "serial", "staggered"] = "parallel"
    extension_moves_next: bool = False
    show_rank: Literal["own", "all"] = "own"
    show_lead: Shown = "never"
    show_own_rank: Shown = "always"
    show_all_ranks: Shown | None = None
    show_prices: Shown | None = None
    show_bidders: Shown = "never"
    proxies: bool = False
    score: Literal["price", "factored", "coefficient"] = "price"
    feature_maxima: Annotated[tuple[Share, ...], Field(max_length=BANDS_MAX)] = ()
    ceiling: PriceText | None = None
    decimals: Decimals = 4
    one_bidder: Literal["cancel", "reasonableness"] = "cancel"
    ticker_start: PriceText | None = None
    ticker_change: PriceText | None = None
    ticker_period_s: Seconds | None = None
    ticker_price: Literal["own", "runner_up"] = "own"
    rounds: Annotated[int, Field(ge=1, le=ROUNDS_MAX)] | None = None
    turn_s: Seconds | None = None
    round_pause_s: Seconds | None = None

    def told(self) -> AuctionRules:
        """Turn them into the published language."""
        said = {name: getattr(self, name) for name in type(self).model_fields}
        bands = tuple(StepBand(above=band.above, step=band.step) for band in self.step_bands)
        return AuctionRules(**said | {"step_bands": bands})


def factor_of(handicap: HandicapBody) -> PriceFactor | None:
    """Turn a handicap's factor into the published language."""
    factor = handicap.factor
    if factor is None:
        return None
    return PriceFactor(percent=factor.percent, addend=factor.addend, bonus=factor.bonus)
