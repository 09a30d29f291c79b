"""What the use cases of scoring and screens need of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.bids.domain.lots import Lot
from services.bids.domain.rfps import Rfp
from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.cascade import BidDisqualified, Disqualification, Step
from services.bids.domain.scoring.low import LowFlag
from services.bids.domain.scoring.panels import (
    AgreedScore,
    Declaration,
    IndividualScore,
    Panel,
    Rolled,
    Scorebook,
)
from services.bids.domain.scoring.plan import Plan
from services.bids.domain.scoring.sensitivity import Flip
from services.bids.domain.scoring.stability import Stability
from services.bids.domain.scoring.ties import Draw
from services.bids.domain.screens.contests import Contest
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId


@dataclass(frozen=True, slots=True, kw_only=True)
class LotBook:
    """All that a lot is scored from. Candidates bear the vendors' own answers, and no marks yet.

    `disqualifications` are in the order in which they were decided; `draw` is None before the
    sealed hashes are published.
    """

    lot: Lot
    book: Scorebook
    candidates: tuple[Candidate, ...]
    disqualifications: tuple[Disqualification, ...]
    draw: Draw | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotScores:
    """A lot scored: how it came about, the ranking that stands, and how firm it is."""

    lot: Lot
    plan: Plan
    steps: tuple[Step, ...]
    rolled: tuple[Rolled, ...]
    scores: tuple[IndividualScore, ...]
    stability: Stability
    flips: tuple[Flip, ...]
    low: tuple[LowFlag, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """How an RFP is scored, and by whom."""

    plan: Plan
    panels: tuple[Panel, ...]


DecideMethod = Callable[[Rfp], Decision[Method]]
DecideDeclaration = Callable[[Sequence[Panel], Declaration | None], Decision[Declaration]]
DecideBook = Callable[[LotBook], Decision[Scorebook]]
DecideDisqualified = Callable[[LotBook], BidDisqualified]


class Scorings(Protocol):
    """Keeps plans, panels, declarations, scores and disqualifications."""

    async def method_of(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Method:
        """Read how a visible RFP is scored. Raises: RfpUnknown."""

    async def state(
        self, rfp_id: RfpId, decide: DecideMethod, *, buyer_id: PartyId, at: datetime
    ) -> Method:
        """State how a buyer's RFP is scored. Raises: RfpUnknown; what `decide` raises."""

    async def declare(
        self, rfp_id: RfpId, decide: DecideDeclaration, *, evaluator_id: PartyId, at: datetime
    ) -> Declaration:
        """Keep an evaluator's declaration. Raises: RfpUnknown; what `decide` raises."""

    async def book(self, lot_id: LotId) -> LotBook:
        """Read all that a lot is scored from. Raises: LotUnknown."""

    async def score(
        self, lot_id: LotId, given: IndividualScore, decide: DecideBook, *, at: datetime
    ) -> None:
        """Keep a score as a further version. Raises: LotUnknown; what `decide` raises."""

    async def agree(
        self,
        lot_id: LotId,
        agreed: AgreedScore,
        decide: DecideBook,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> None:
        """Keep what a panel agreed on. Raises: LotUnknown; what `decide` raises."""

    async def release(
        self, lot_id: LotId, decide: DecideBook, *, buyer_id: PartyId, at: datetime
    ) -> Scorebook:
        """Release a lot's prices. Raises: LotUnknown; what `decide` raises."""

    async def disqualify(
        self, lot_id: LotId, decide: DecideDisqualified, *, buyer_id: PartyId, at: datetime
    ) -> None:
        """Set a bid aside. Raises: LotUnknown; what `decide` raises."""


@dataclass(frozen=True, slots=True)
class Market:
    """What may be screened for an RFP: its own opened lots, and earlier ones of like items."""

    buyer_id: PartyId
    contests: tuple[Contest, ...]


class Markets(Protocol):
    """Reads opened bids for screens."""

    async def of_rfp(self, rfp_id: RfpId, *, limit: int) -> Market:
        """Read the latest contests of the RFP's items, up to a limit. Raises: RfpUnknown."""
