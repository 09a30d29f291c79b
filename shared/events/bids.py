"""What the bids service tells: solicitations, lots, openings, awards.

Prices are decimal strings of at most four decimals, totals decimal strings in the currency's minor
unit, quantities decimal strings; each event names its currency where it carries an amount.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from shared.domain.facts import Audience, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpPublished(Event):
    """A solicitation is out; its lots take sealed bids until `closes_at`."""

    TYPE: ClassVar[str] = "rfp.published.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    rfp_id: UUID
    buyer_id: UUID
    title: str
    policy_profile: str
    consortium_model: str
    lot_ids: tuple[UUID, ...]
    published_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpAmended(Event):
    """An addendum to a solicitation; `closes_at` is the deadline that stands from it on.

    Bids received before a substantial addendum count only if they are confirmed or filed anew.
    `earliest_award_on` is there where the policy profile lets nothing be awarded before a day.
    """

    TYPE: ClassVar[str] = "rfp.amended.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    rfp_id: UUID
    buyer_id: UUID
    version: int
    is_substantial: bool
    text: str
    amended_at: datetime
    closes_at: datetime
    earliest_award_on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered(Event):
    """A question about a solicitation and its answer, told to all; nobody is told who asked."""

    TYPE: ClassVar[str] = "rfp.question_answered.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    question_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    question: str
    answer: str
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorInvited(Event):
    """A vendor is invited to bid."""

    TYPE: ClassVar[str] = "rfp.vendor_invited.v1"
    AUDIENCE: ClassVar[Audience] = Audience.VENDOR

    rfp_id: UUID
    buyer_id: UUID
    vendor_id: UUID
    title: str
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpCancelled(Event):
    """A solicitation ended without award; no auction of its lots may start or go on."""

    TYPE: ClassVar[str] = "rfp.cancelled.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    rfp_id: UUID
    buyer_id: UUID
    lot_ids: tuple[UUID, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotOpened(Event):
    """A lot takes sealed bids."""

    TYPE: ClassVar[str] = "lot.opened.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    number: int
    title: str
    category: str
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LotClosed(Event):
    """A lot takes no more sealed bids; how many there are, and no more than that, is known."""

    TYPE: ClassVar[str] = "lot.closed.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    bids: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BidsUnsealed(Event):
    """An opening took place: the sealed list's root, how many bids opened and how many failed."""

    TYPE: ClassVar[str] = "bids.unsealed.v1"
    AUDIENCE: ClassVar[Audience] = Audience.PUBLIC

    opening_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    merkle_root: str
    opened: int
    failed: int
    unsealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFactor:
    """One vendor's handicap: it is ranked by `(1 + percent ÷ 100)(price + addend) + bonus`.

    All three are signed decimal strings, `addend` and `bonus` in the currency's unit.
    """

    percent: str
    addend: str
    bonus: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifiedVendor:
    """A vendor let into an auction, under an alias, at the price of its sealed bid.

    Without an opening price it stands nowhere until it offers. `factor` is its handicap where the
    score is `factored`; `features`, where it is `coefficient`, is what it was given of each of the
    rules' `feature_maxima`. Nobody but the buyer may learn either.
    """

    vendor_id: UUID
    alias: str
    opening_price: str | None = None
    factor: PriceFactor | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBand:
    """The step against a price strictly above `above`."""

    above: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRules:
    """The rules of one reverse auction, fixed before it opens.

    `format`: `english`, `japanese`, `dutch`, `vickrey`, `rounds`. `step` is the least amount by
    which a new offer must be below the vendor's own last offer, the lead, or both (`step_against`:
    `own`, `lead`, `both`). `step_kind` says how it is told: an `amount`; a `percent` of the price
    that it is against, rounded up to the last decimal; or `bands`, where `step_bands` gives it by
    that price, and `step` counts below the lowest band. `step_min` is the least that a percentage
    or a band comes to, `step_max` the most by which one offer may go down. `step_mode`: `minimum`
    (the step or more), `multiple` (a whole number of steps), `free` (anything lower).
    `ties`: whether an offer may equal another's price: `allowed`, `none`, or `none_among_first`,
    not within the best `ties_first` ranks. `tie_ranking`: equal prices rank `earliest` (1, 2),
    `equal_best` (1, 1) or `equal_worst` (2, 2); the earlier leads in any case.

    An offer taken within `soft_close_window_s` of the close moves the close to
    `soft_close_extension_s` after the close that stood (`soft_close_base`: `close`) or after the
    offer (`receipt`), at most `extensions_max` times, if its rank is `soft_close_rank` or better,
    and never past `hard_stop_s` after the first close. `soft_close_scope`: it moves this `lot`, or
    `all` lots of its group. `lots`: those of a group run `parallel`, `serial` or `staggered`;
    `extension_moves_next` says whether one lot's extension moves those behind it.

    What vendors and observers are shown: `show_rank` `own` or `all`; `show_lead`, `show_own_rank`,
    `show_all_ranks` (absent: as `show_rank` says), `show_prices` (all offers by alias; absent:
    where the lead and all ranks are shown) and `show_bidders` (how many) each `always`,
    `after_first_offer` of one's own, or `never`.

    `proxies`: whether vendors may let the house bid for them. `score`: offers rank by `price`, or
    by each vendor's `factored` price, or by price ÷ `coefficient`. `ceiling` is the highest price
    that may be offered, `decimals` how many a price may have. `one_bidder`: what follows where one
    vendor stands alone at the close: `cancel`, or `reasonableness`, a decision on its price.

    Tickers start at `ticker_start` and fall (`japanese`) or rise (`dutch`) by `ticker_change` every
    `ticker_period_s`; the last of a Japanese auction is paid its `own` last level or the
    `runner_up`'s (`ticker_price`). `rounds` has `rounds` of turns of `turn_s` each, with
    `round_pause_s` between rounds.
    """

    format: str
    step: str
    step_against: str
    soft_close_window_s: int
    soft_close_extension_s: int
    extensions_max: int
    show_rank: str
    show_lead: str
    step_kind: str = "amount"
    step_mode: str = "minimum"
    step_bands: tuple[StepBand, ...] = ()
    step_min: str | None = None
    step_max: str | None = None
    ties: str = "allowed"
    ties_first: int = 0
    tie_ranking: str = "earliest"
    soft_close_base: str = "close"
    soft_close_rank: int | None = None
    soft_close_scope: str = "lot"
    hard_stop_s: int | None = None
    lots: str = "parallel"
    extension_moves_next: bool = False
    show_own_rank: str = "always"
    show_all_ranks: str | None = None
    show_prices: str | None = None
    show_bidders: str = "never"
    proxies: bool = False
    score: str = "price"
    feature_maxima: tuple[str, ...] = ()
    ceiling: str | None = None
    decimals: int = 4
    one_bidder: str = "cancel"
    ticker_start: str | None = None
    ticker_change: str | None = None
    ticker_period_s: int | None = None
    ticker_price: str = "own"
    rounds: int | None = None
    turn_s: int | None = None
    round_pause_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRequested(Event):
    """A lot goes to a live auction; everything the auction needs is here.

    `reserve` is a secret price that the winner must not exceed, `budget` what the buyer reckoned
    with per unit. `allowed_formats` is what the policy lets be held; absent, all. A lot that is
    held together with others names their `group_id` and its own `position` among them, from 1.
    """

    TYPE: ClassVar[str] = "auction.requested.v1"

    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID
    title: str
    unit: str
    quantity: Decimal
    currency: str
    policy_profile: str
    opens_at: datetime
    closes_at: datetime
    rules: AuctionRules
    vendors: tuple[QualifiedVendor, ...]
    reserve: str | None = None
    budget: str | None = None
    allowed_formats: tuple[str, ...] | None = None
    group_id: UUID | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyAuthorised(Event):
    """A member lets an agency act for it: state its requirements, and hold endpoints for it."""

    TYPE: ClassVar[str] = "agency.authorised.v1"

    authorisation_id: UUID
    member_id: UUID
    agency_id: UUID
    authorised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyDismissed(Event):
    """An agency acts for a member no longer; what it did for it stands."""

    TYPE: ClassVar[str] = "agency.dismissed.v1"

    authorisation_id: UUID
    member_id: UUID
    agency_id: UUID
    dismissed_at: datetime
