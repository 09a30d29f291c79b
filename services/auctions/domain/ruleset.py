"""Hold the rules of one auction: data that is fixed and published before it opens."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final


class FormatName(StrEnum):
    """How an auction is run."""

    ENGLISH = "english"
    JAPANESE = "japanese"
    DUTCH = "dutch"
    VICKREY = "vickrey"
    ROUNDS = "rounds"

    @property
    def has_ticker(self) -> bool:
        """Whether the house names the prices, and vendors take them or not."""
        return self in {FormatName.JAPANESE, FormatName.DUTCH}


class StepAgainst(StrEnum):
    """Which price an offer must undercut by the step."""

    OWN = "own"
    LEAD = "lead"
    BOTH = "both"


class StepMode(StrEnum):
    """How far below its reference an offer must be.

    `minimum`: by the step or more; `multiple`: by a whole number of steps; `free`: by anything.
    """

    MINIMUM = "minimum"
    MULTIPLE = "multiple"
    FREE = "free"


class Ties(StrEnum):
    """Whether an offer may equal another vendor's standing price."""

    ALLOWED = "allowed"
    NONE = "none"
    NONE_AMONG_FIRST = "none_among_first"


class TieRanking(StrEnum):
    """How equal prices rank: (1, 2) by who came earlier, (1, 1), or (2, 2)."""

    EARLIEST = "earliest"
    EQUAL_BEST = "equal_best"
    EQUAL_WORST = "equal_worst"


class CloseBase(StrEnum):
    """What an extension is counted from: the close that stands, or the offer's receipt."""

    CLOSE = "close"
    RECEIPT = "receipt"


class CloseScope(StrEnum):
    """Whose close a late offer moves: its own lot's, or that of all lots held together."""

    LOT = "lot"
    ALL = "all"


class Show(StrEnum):
    """When vendors are shown something; observers are shown only what is shown always."""

    ALWAYS = "always"
    AFTER_FIRST_OFFER = "after_first_offer"
    NEVER = "never"


ShowLead = Show
"""When the lead price is shown."""


class ShowRank(StrEnum):
    """Which ranks vendors and observers are shown."""

    OWN = "own"
    ALL = "all"


class Scoring(StrEnum):
    """What offers are ranked by: the price, or a score that each vendor's handicap makes of it."""

    PRICE = "price"
    FACTORED = "factored"
    COEFFICIENT = "coefficient"


class OneBidder(StrEnum):
    """What becomes of an auction in which a single vendor stands at the close."""

    CANCEL = "cancel"
    REASONABLENESS = "reasonableness"


class TickerPrice(StrEnum):
    """What the last in a Japanese auction is paid: its own last level, or the runner-up's."""

    OWN = "own"
    RUNNER_UP = "runner_up"


class LotOrder(StrEnum):
    """How lots held together run: at once, one after the other, or closing one after the other."""

    PARALLEL = "parallel"
    SERIAL = "serial"
    STAGGERED = "staggered"


@dataclass(frozen=True, slots=True)
class Band:
    """The step from a reference price strictly above `above_e4` on."""

    above_e4: int
    step_e4: int


@dataclass(frozen=True, slots=True)
class TickerRules:
    """A price that the house names: it starts, and changes by `change_e4` every `period`."""

    start_e4: int
    change_e4: int
    period: timedelta
    price: TickerPrice = TickerPrice.OWN


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Rounds in which vendors speak in turn, each for `turn`, with a pause between two rounds."""

    rounds: int
    turn: timedelta
    pause: timedelta


TICKS_E4: Final = (10_000, 1_000, 100, 10, 1)
"""The last decimal in ten-thousandths, by the number of decimals."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one reverse auction.

    An offer must be below the price named by `step_against` by the step: `step_e4`, or
    `step_percent` of that price, or what the `bands` (highest first) say at that price, and never
    less than `step_min_e4`; and not more than `step_max_e4` below it. An offer taken in the last
    `soft_close_window` before the close moves the close to `soft_close_extension` after what
    `soft_close_base` names, at most `extensions_max` times and never past `hard_stop` after the
    first close, if its rank is `soft_close_rank` or better.
    """

    step_e4: int
    step_against: StepAgainst
    soft_close_window: timedelta
    soft_close_extension: timedelta
    extensions_max: int
    show_rank: ShowRank
    show_lead: Show
    format: FormatName = FormatName.ENGLISH
    step_percent: Fraction | None = None
    bands: tuple[Band, ...] = ()
    step_mode: StepMode = StepMode.MINIMUM
    step_min_e4: int = 0
    step_max_e4: int | None = None
    ties: Ties = Ties.ALLOWED
    ties_first: int = 0
    tie_ranking: TieRanking = TieRanking.EARLIEST
    soft_close_base: CloseBase = CloseBase.CLOSE
    soft_close_rank: int | None = None
    soft_close_scope: CloseScope = CloseScope.LOT
    hard_stop: timedelta | None = None
    show_own_rank: Show = Show.ALWAYS
    show_all_ranks: Show | None = None
    show_prices: Show | None = None
    show_bidders: Show = Show.NEVER
    proxies: bool = False
    score: Scoring = Scoring.PRICE
    feature_maxima: tuple[Fraction, ...] = ()
    ceiling_e4: int | None = None
    decimals: int = 4
    one_bidder: OneBidder = OneBidder.CANCEL
    ticker: TickerRules | None = None
    turns: TurnRules | None = None
    lots: LotOrder = LotOrder.PARALLEL
    extension_moves_next: bool = False

    @property
    def tick_e4(self) -> int:
        """The smallest difference of two prices: one of the last decimal allowed."""
        return TICKS_E4[self.decimals]

    @property
    def all_ranks(self) -> Show:
        """When all ranks are shown: `show_all_ranks`, or what `show_rank` says without it."""
        if self.show_all_ranks is not None:
            return self.show_all_ranks
        return Show.ALWAYS if self.show_rank is ShowRank.ALL else Show.NEVER
