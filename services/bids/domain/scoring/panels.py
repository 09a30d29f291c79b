"""Say what evaluators are and what they give: panels, declarations, individual scores, one book.

Every score is kept as it was given; a changed one is a further version. A panel scores its criteria
and sees prices only when its buyer has released them, which waits until the technical scores of all
bids are complete. How scores become one, mean or consensus, stands in the plan beforehand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from services.bids.domain.scoring.plan import Plan
from shared.domain.facts import Fact
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal

ScoreKey = tuple[BidId, str]
"""A bid, and the name of a criterion that it is judged by."""


class EvaluatorUnknown(Refusal):
    """The caller is not on a panel of this RFP, or not on the one that judges this."""

    kind = Kind.FORBIDDEN
    code = "evaluator_unknown"


class DeclarationMissing(Refusal):
    """An evaluator declares first whether there is a conflict of interest, and scores after."""

    kind = Kind.CONFLICT
    code = "declaration_missing"


class ConflictStands(Refusal):
    """The evaluator declared a conflict of interest, and so scores nothing here."""

    kind = Kind.FORBIDDEN
    code = "conflict_stands"


class DeclaredAlready(Refusal):
    """The evaluator declared otherwise before; a conflict that arises is still taken."""

    kind = Kind.CONFLICT
    code = "declared_already"


class ScoreUnfit(Refusal):
    """The score is off its criterion's scale, or the criterion is not scored by evaluators."""

    kind = Kind.INVALID
    code = "score_unfit"


class ScoresIncomplete(Refusal):
    """Somebody has not scored everything yet; `missing` counts what is lacking."""

    kind = Kind.CONFLICT
    code = "scores_incomplete"


class ScoresFinal(Refusal):
    """Prices were released, so that technical scores can be changed no more."""

    kind = Kind.CONFLICT
    code = "scores_final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What an evaluator declared: no conflict of interest, or one, in its own words."""

    evaluator_id: PartyId
    has_conflict: bool
    statement: str
    declared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Evaluators who judge the same criteria; each judges each bid on each of them."""

    name: str
    criteria: frozenset[str]
    evaluator_ids: frozenset[PartyId]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndividualScore:
    """What one evaluator gave one bid on one criterion: a mark on its scale; a pass is 1 or 0."""

    bid_id: BidId
    criterion: str
    evaluator_id: PartyId
    mark: Decimal
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedScore:
    """What a panel agreed on for one bid and criterion, and why."""

    bid_id: BidId
    criterion: str
    mark: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorebook:
    """A lot's scores as they stand; of each evaluator's the latest version."""

    lot_id: LotId
    plan: Plan
    panels: tuple[Panel, ...]
    bid_ids: frozenset[BidId]
    declarations: Mapping[PartyId, Declaration] = field(default_factory=dict)
    scores: tuple[IndividualScore, ...] = ()
    agreed: tuple[AgreedScore, ...] = ()
    prices_released_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictDeclared(Fact):
    """An evaluator declared whether there is a conflict of interest."""

    TYPE: ClassVar[str] = "rfp.conflict_declared"

    rfp_id: RfpId
    evaluator_id: PartyId
    has_conflict: bool
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BidScored(Fact):
    """An evaluator scored a bid on a criterion; an earlier score of the same is kept behind it."""

    TYPE: ClassVar[str] = "lot.bid_scored"

    bid_id: BidId
    criterion: str
    evaluator_id: PartyId
    mark: Decimal
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAgreed(Fact):
    """A panel agreed on one score for a bid and a criterion."""

    TYPE: ClassVar[str] = "lot.score_agreed"

    bid_id: BidId
    criterion: str
    mark: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesReleased(Fact):
    """All technical scores are complete and fixed; whoever judges by price may see it now."""

    TYPE: ClassVar[str] = "lot.prices_released"

    scores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """One bid's scores on one criterion, come to one mark.

    `variance` is that of the evaluators' marks around their mean, divided by their number less one
    and by the square of the scale's length; `is_flagged` says that they stray further than the
    plan allows and should be talked about.
    """

    bid_id: BidId
    criterion: str
    mark: Fraction
    variance: Fraction
    is_flagged: bool
