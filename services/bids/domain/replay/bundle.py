"""Hold what was decided of an RFP: the award bundle, format `coop-award/1`.

It names parties and no person; evaluators bear aliases. Amounts are decimal strings, exact values
fractions as text (`5/2`), and lots of which the reader may not see all are left out and named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from services.bids.domain.awards.award import AwardStatus
from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import BidFailure
from services.bids.domain.pooling.rules import Rule as PoolingRule
from services.bids.domain.records import HashList, Record
from services.bids.domain.scoring.low import LowRule
from services.bids.domain.scoring.ranking import Why
from shared.domain.ids import AuctionId, AwardId, BidId, LotId, PartyId, RfpId
from shared.domain.money import Currency

FORMAT: Final = "coop-award/1"

Document = Mapping[str, Any]
"""A JSON object that has a written form of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpHead:
    """The solicitation: its terms as they froze, and the law that it was under."""

    id: RfpId
    buyer_id: PartyId
    title: str
    currency: Currency
    consortium_model: ConsortiumModel
    policy_profile: str
    standstill_s: int
    closes_at: datetime
    drafted_at: datetime
    addendum: int
    terms: Document
    terms_sha256: str
    buyer_name: str | None = None
    profile_sha256: str | None = None
    published_at: datetime | None = None
    earliest_award_on: str | None = None
    earliest_award_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPanel:
    """Evaluators who judge the same criteria, by their aliases."""

    name: str
    criteria: tuple[str, ...]
    evaluators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How bids are scored and by whom; `conflicted` evaluators declared a conflict of interest."""

    plan: Document
    plan_sha256: str
    panels: tuple[PublishedPanel, ...] = ()
    conflicted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedOpening:
    """An opening: the list that was published at the close and the record, plain and signed."""

    hash_list: HashList
    signed_hash_list: str
    record: Record | None = None
    signed_record: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedParty:
    """A vendor or member that the bundle mentions."""

    id: PartyId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedShare:
    """A requirement's part of a lot, and the unit price that its member pays today, if stated."""

    member_id: PartyId
    quantity: Decimal
    baseline: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPooling:
    """How shares add up to what is no plain sum; that members share a zone is told, not which."""

    rule: PoolingRule
    terms: Document
    zones_left_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedBid:
    """A bid after the opening, in the order of the log: what it offers, or why it takes no part.

    `content` is in the form in which its vendor sealed it, without what decided nothing: answers in
    words, documents, claims. Of packages that hold lots which are left out here nothing is told but
    their number. `unit_price` is that at the lot's whole quantity, and `rank` and
    `score` are by it alone, as at the opening.
    """

    bid_id: BidId
    vendor_id: PartyId
    version: int
    received_at: datetime
    log_index: int
    failure: BidFailure | None = None
    content: Document | None = None
    technical: Document | None = None
    packages_left_out: int = 0
    unit_price: str | None = None
    rank: int | None = None
    score: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedDisqualification:
    """A bid that was set aside, at its place on the lot's chain."""

    bid_id: BidId
    reason: str
    decided_at: datetime
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenMark:
    """What one evaluator gave a bid on a criterion."""

    bid_id: BidId
    criterion: str
    evaluator: str
    mark: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedMark:
    """What a panel agreed on."""

    bid_id: BidId
    criterion: str
    mark: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledMark:
    """What all marks of a bid on a criterion came to."""

    bid_id: BidId
    criterion: str
    mark: Fraction
    variance: Fraction
    is_flagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredBid:
    """A ranked bid: what it was ranked by, what it costs by the plan, its points, the tie rule."""

    bid_id: BidId
    rank: int
    value: Fraction
    cost: Fraction
    points: Mapping[str, Fraction] = field(default_factory=dict)
    parted_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideBid:
    """A bid that may not win, and why."""

    bid_id: BidId
    why: Why
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedStep:
    """A ranking on the way, and the bid whose disqualification ended it; the last one stands."""

    ranked: tuple[ScoredBid, ...]
    set_aside: tuple[AsideBid, ...] = ()
    ended_by: BidId | None = None
    is_as_ranked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedHinge:
    """A losing bid without which another would win."""

    loser_id: BidId
    winner_without_id: BidId


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFlip:
    """The smallest change of a weight, in one direction, that lets another win."""

    weight: str
    change: Fraction
    new_weight: Fraction
    is_reached: bool
    winner_id: BidId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLow:
    """A price that is abnormally low by a rule."""

    bid_id: BidId
    rule: LowRule
    compared_to: Fraction
    below: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScores:
    """All that a lot's scores came to; `unscored` says why there are none."""

    rolled: tuple[RolledMark, ...] = ()
    steps: tuple[PublishedStep, ...] = ()
    hinges: tuple[PublishedHinge, ...] = ()
    flips: tuple[PublishedFlip, ...] = ()
    low: tuple[PublishedLow, ...] = ()
    unscored: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPlace:
    """A vendor's place and price at the close of an auction."""

    vendor_id: PartyId
    rank: int
    unit_price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAuction:
    """The final standing of a lot's auction, at its place on the lot's chain."""

    id: AuctionId
    closed_at: datetime
    sequence: int
    standing: tuple[PublishedPlace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLine:
    """One member's part of an award; `saving` is below 0 where it pays more than today."""

    id: UUID
    member_id: PartyId
    quantity: Decimal
    total: str
    margin: str | None = None
    baseline_total: str | None = None
    saving: str | None = None
    accepts: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAward:
    """What a vendor won of a lot. `sequence` is the decision's place on the lot's chain.

    There is none where the award followed another whose members declined.
    """

    id: AwardId
    vendor_id: PartyId
    unit_price: str
    quantity: Decimal
    total: str
    status: AwardStatus
    decided_at: datetime
    lines: tuple[PublishedLine, ...]
    sequence: int | None = None
    reason: str | None = None
    scenario_id: UUID | None = None
    intended_at: datetime | None = None
    standstill_ends_at: datetime | None = None
    made_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedProtest:
    """A vendor's objection, and what was decided on it, or since when its award was gone."""

    id: UUID
    vendor_id: PartyId
    grounds: str
    filed_at: datetime
    is_upheld: bool | None = None
    decision: str | None = None
    decided_at: datetime | None = None
    moot_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLot:
    """A lot with all that was decided; `enrolments` part its cost, `pooling` made its quantity."""

    id: LotId
    number: int
    title: str
    category: str
    item_code: str
    specification: str
    unit: str
    term_months: int
    delivery_area: str
    quantity: Decimal
    status: LotStatus
    shares: tuple[PublishedShare, ...]
    pooling: PublishedPooling | None = None
    enrolments: Mapping[str, int] = field(default_factory=dict)
    bids: tuple[PublishedBid, ...] = ()
    disqualifications: tuple[PublishedDisqualification, ...] = ()
    marks: tuple[GivenMark, ...] = ()
    agreed: tuple[AgreedMark, ...] = ()
    prices_released_at: datetime | None = None
    scores: PublishedScores
    auction: PublishedAuction | None = None
    awards: tuple[PublishedAward, ...] = ()
    protests: tuple[PublishedProtest, ...] = ()
    not_awarded_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScenario:
    """A scenario as it was kept: problem, rules, seed and result; the chosen one has a reason."""

    id: UUID
    name: str
    made_at: datetime
    seed: str
    problem: Document
    rules: tuple[Document, ...]
    result: Document | None = None
    chosen_at: datetime | None = None
    chosen_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A lot, or a scenario that reaches into one, of which not all may be seen yet."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """Where a hash chain ends: whoever has the chain can show that it holds what is told here."""

    aggregate: str
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardBundle:
    """All that was decided of one RFP."""

    format: str = FORMAT
    rfp: RfpHead
    scheme: Scheme
    openings: tuple[PublishedOpening, ...]
    parties: tuple[NamedParty, ...]
    lots: tuple[PublishedLot, ...]
    scenarios: tuple[PublishedScenario, ...] = ()
    lots_left_out: tuple[LeftOut, ...] = ()
    scenarios_left_out: tuple[LeftOut, ...] = ()
    chain_heads: tuple[ChainHead, ...] = ()

    def name_of(self, party_id: PartyId) -> str:
        """Name a party, by its id where no name is told."""
        named = (party.name for party in self.parties if party.id == party_id)
        return next(named, str(party_id))
