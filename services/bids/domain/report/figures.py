"""Hold the report of an RFP's awards: names, exact amounts as text, and sentences that say why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.bids.domain.awards.award import AwardStatus
from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import BidFailure
from services.bids.domain.sharing.shares import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedBid:
    """A bid beside the others; `total` is its price for the whole lot.

    `set_aside` says why it may not win, `note` what else is to be known of it. `points` go by
    criterion. Where the lot was auctioned, `last_price` is its vendor's last one.
    """

    bid_id: UUID
    vendor: str
    unit_price: str | None = None
    total: str | None = None
    last_price: str | None = None
    is_low: bool = False
    is_winner: bool = False
    rank: int | None = None
    value: str | None = None
    points: Mapping[str, str] = field(default_factory=dict)
    failure: BidFailure | None = None
    set_aside: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCriterion:
    """By what bids were scored, and what its marks came to, by vendor."""

    name: str
    kind: str
    weight: str
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedLine:
    """What one member pays; `saving` is below 0 where that is more than today.

    `today` and `saving` are None where the member did not say what it pays today.
    """

    member: str
    vendor: str
    quantity: str
    unit_price: str
    total: str
    margin: str | None = None
    today: str | None = None
    saving: str | None = None
    accepts: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedAward:
    """What a vendor won, and how far that has come; `ended` tells of one that was withdrawn."""

    award_id: UUID
    vendor: str
    unit_price: str
    quantity: str
    total: str
    status: AwardStatus
    decided_at: datetime
    standstill_ends_at: datetime | None = None
    made_at: datetime | None = None
    reason: str | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRule:
    """A rule of a scenario in words, and what it costs; None where that was not proven."""

    said: str
    cost: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedScenario:
    """A way in which lots could be awarded; `over_best` is against the cheapest of all."""

    name: str
    is_chosen: bool
    is_proven: bool
    paid: str
    over_best: str | None
    winners: tuple[str, ...]
    rules: tuple[ReportedRule, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedProtest:
    """A vendor's objection, and what was decided on it, or since when its award was gone."""

    vendor: str
    grounds: str
    filed_at: datetime
    is_upheld: bool | None = None
    decision: str | None = None
    decided_at: datetime | None = None
    moot_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a lot's lines come to: of those that have a today, what is saved and what is added.

    Members without a today are counted apart and in neither sum.
    """

    total: str
    members: int
    saving: int
    paying_more: int
    alike: int
    unknown: int
    saved: str
    added: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCharge:
    """What a rule of sharing would charge a member, and what it would save against buying alone.

    `standard_error` is None where the charge is exact, and not estimated from drawn orders.
    """

    pays: str
    saving: str
    standard_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMember:
    """What a member pays as awarded, what it would pay alone, and what each rule would charge.

    A saving below 0 says that it pays more than it would alone.
    """

    member: str
    pays: str
    alone: str
    saving: str
    charges: Mapping[Rule, ReportedCharge] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCore:
    """Whether no group of members would pay less by itself; None where not all were looked at.

    `strongest` names the members of the group that would gain most, and `gain` says how much.
    """

    is_stable: bool | None
    told: str
    strongest: tuple[str, ...] = ()
    gain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSharingRule:
    """A rule by which members could share the cost: what it does, and who would object."""

    rule: Rule
    name: str
    meaning: str
    core: ReportedCore


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedLeftOut:
    """A rule that is not among those that are compared, and why."""

    rule: Rule
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSharing:
    """What members pay beside what they would pay alone, and by each rule of sharing.

    Where there are no figures, `missing` says why, and nothing else is told.
    """

    missing: str | None = None
    built_on: tuple[str, ...] = ()
    members: tuple[ReportedMember, ...] = ()
    core: ReportedCore | None = None
    rules: tuple[ReportedSharingRule, ...] = ()
    left_out: tuple[ReportedLeftOut, ...] = ()

    @property
    def is_alike(self) -> bool:
        """Tell whether every rule charges every member just what it would pay alone."""
        return all(
            charge.pays == each.alone for each in self.members for charge in each.charges.values()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LotReport:
    """One lot: what was bought for whom, what was bid, who won and why, and who pays what."""

    lot_id: UUID
    number: int
    title: str
    specification: str
    unit: str
    quantity: str
    term_months: int
    members: int
    currency: str
    status: LotStatus
    outcome: str
    why: tuple[str, ...]
    firmness: tuple[str, ...]
    bids: tuple[ReportedBid, ...]
    ranked_by: str
    criteria: tuple[ReportedCriterion, ...]
    awards: tuple[ReportedAward, ...]
    withdrawn: tuple[ReportedAward, ...]
    lines: tuple[ReportedLine, ...]
    sums: Sums | None
    sharing: ReportedSharing
    scenarios: tuple[ReportedScenario, ...]
    protests: tuple[ReportedProtest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedOpening:
    """What the signed record of an opening says; `hashes` are the sealed bids' by their ids."""

    purpose: str
    merkle_root: str
    closed_at: datetime
    unsealed_at: datetime | None
    custodians: int
    attended: int
    threshold: int
    opened: int
    failed: int
    incidents: int
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedHead:
    """Where a hash chain ends."""

    aggregate: str
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpReport:
    """An RFP with its lots; `left_out` names those of which not all may be seen yet."""

    rfp_id: UUID
    title: str
    buyer: str
    currency: str
    policy_profile: str
    model: str
    closes_at: datetime
    terms_sha256: str
    plan_sha256: str
    sharing: str
    lots: tuple[LotReport, ...]
    left_out: tuple[str, ...]
    openings: tuple[ReportedOpening, ...]
    chain_heads: tuple[ReportedHead, ...]
