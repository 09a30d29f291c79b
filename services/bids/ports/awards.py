"""What the use cases of evaluations and awards need of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from services.bids.domain.auctioning import Bidder, Rankings
from services.bids.domain.awards.award import Award, LotAwards, Protest
from services.bids.domain.awards.lines import AwardLineId, Line, Share
from services.bids.domain.contracts import Awarded, Rates
from services.bids.domain.lots import Lot
from services.bids.domain.openings import BidFailure
from services.bids.domain.rfps import Rfp
from services.bids.domain.winners.scenarios import Scenario
from services.bids.ports.scoring import LotBook
from shared.domain.bid_content import BidContent, Pricing
from shared.domain.facts import Decision
from shared.domain.ids import AwardId, BidId, LotId, PartyId, RfpId
from shared.domain.money import UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedBid:
    """One opened bid of a lot: its place, or why it has none."""

    bid_id: BidId
    vendor_id: PartyId
    received_at: datetime
    price: UnitPrice | None = field(repr=False)
    rank: int | None
    score: Decimal | None
    failure: BidFailure | None


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """A lot's bids after the opening, best first, and its auction's ranking, if one was held."""

    lot: Lot
    bids: tuple[EvaluatedBid, ...]
    auction: tuple[Bidder, ...]


@dataclass(frozen=True, slots=True)
class AwardRecord:
    """An award with its vendor's name."""

    award: Award
    vendor_name: str


@dataclass(frozen=True, slots=True)
class LineRecord:
    """One line of an award, and its member's last answer where members are asked."""

    id: AwardLineId
    line: Line
    price: UnitPrice
    accepts: bool | None = None


@dataclass(frozen=True, slots=True)
class OpenedBid:
    """An opened bid with all that it offers."""

    bid_id: BidId
    vendor_id: PartyId
    content: BidContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A lot with all that its awards stand on; `names` are the vendors' by award."""

    lot_awards: LotAwards
    rfp: Rfp
    rankings: Rankings
    opened: Sequence[OpenedBid]
    lines: Mapping[AwardId, Sequence[tuple[AwardLineId, Line]]]
    names: Mapping[AwardId, str]
    answers: Mapping[AwardLineId, bool]

    @property
    def lot(self) -> Lot:
        """The lot."""
        return self.lot_awards.lot

    def pricing_of(self, vendor_id: PartyId) -> Pricing | None:
        """Find by what prices a vendor's bid was opened."""
        contents = (each.content for each in self.opened if each.vendor_id == vendor_id)
        content = next(contents, None)
        return None if content is None else content.pricing


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A lot that is to be decided, with all that it is decided from.

    `enrolments` are the members' that are known.
    """

    standing: Standing
    book: LotBook
    shares: Sequence[Share]
    enrolments: Mapping[PartyId, int]

    @property
    def lot(self) -> Lot:
        """The lot."""
        return self.standing.lot


@dataclass(frozen=True, slots=True)
class SignedAward:
    """An award with all that its contracts say, and its members' E-rate discounts."""

    awarded: Awarded
    rates: Rates
    profile: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is decided on a lot's awards, with the lines of those that are new."""

    decision: Decision[LotAwards]
    new_lines: Mapping[AwardId, Sequence[Line]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A member's answer to its line, to be kept beside what is decided."""

    line_id: AwardLineId
    accepts: bool
    by: str


DecideLot = Callable[[Lot], Decision[Lot]]
DecideGround = Callable[[Ground], Change]
DecideGrounds = Callable[[Scenario, Sequence[Ground]], Sequence[Change]]
DecideStanding = Callable[[Standing], Change]


class Awards(Protocol):
    """Keeps evaluations and awards."""

    async def lot(self, lot_id: LotId) -> Lot:
        """Read a lot. Raises: LotUnknown."""

    async def evaluation(self, lot_id: LotId) -> EvaluationRecord:
        """Read a lot's opened bids. Raises: LotUnknown."""

    async def ground(self, lot_id: LotId) -> Ground:
        """Read all that a lot is decided from, without a lock. Raises: LotUnknown."""

    async def decide(
        self,
        lot_id: LotId,
        decide: DecideGround,
        *,
        award_id: AwardId,
        buyer_id: PartyId,
        at: datetime,
    ) -> list[AwardRecord]:
        """Decide the buyer's own lot. Raises: LotUnknown; what `decide` raises."""

    async def decide_scenario(
        self,
        rfp_id: RfpId,
        scenario_id: UUID,
        decide: DecideGrounds,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> list[AwardRecord]:
        """Decide all lots of a scenario of the buyer's own, at once.

        Raises: ScenarioUnknown; what `decide` raises.
        """

    async def end(
        self, lot_id: LotId, decide: DecideLot, *, buyer_id: PartyId, at: datetime
    ) -> Lot:
        """End the buyer's own lot. Raises: LotUnknown; what `decide` raises."""

    async def change(
        self,
        lot_id: LotId,
        decide: DecideStanding,
        *,
        buyer_id: PartyId | None,
        actor: str,
        at: datetime,
        answered: Answered | None = None,
    ) -> LotAwards:
        """Change a lot's awards: a buyer its own, None any.

        Raises: LotUnknown; what `decide` raises.
        """

    async def due(self, now: datetime, *, limit: int) -> list[LotId]:
        """List lots whose standstill or whose members' window has ended, oldest first."""

    async def of_lot(self, lot_id: LotId) -> list[AwardRecord]:
        """Read a lot's awards, those that stand before those that were withdrawn."""

    async def contracts(self, award_id: AwardId) -> SignedAward:
        """Read an award with all that its contracts say. Raises: AwardUnknown."""

    async def protests(self, lot_id: LotId) -> list[Protest]:
        """Read a lot's protests in the order of their filing."""

    async def of_line(
        self, award_id: AwardId, line_id: AwardLineId, *, member_id: PartyId
    ) -> LotId:
        """Find the lot of a member's own line. Raises: AwardLineUnknown."""

    async def lines(
        self,
        award_id: AwardId,
        *,
        viewer_id: PartyId | None,
        sees_all: bool,
        after: UUID | None,
        limit: int,
    ) -> list[LineRecord]:
        """Read lines: all for an auditor, the lot's buyer and the winner; a member's own.

        Raises: AwardUnknown.
        """
