"""Read all that was decided of an RFP: what publishing it needs of the outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.award import Award, Protest
from services.bids.domain.awards.lines import Share
from services.bids.domain.lots import Lot
from services.bids.domain.openings import BidFailure
from services.bids.domain.rfps import Rfp
from services.bids.domain.sharing.of_lot import PoolRule
from services.bids.domain.winners.scenarios import Scenario
from services.bids.ports.awards import LineRecord
from services.bids.ports.scoring import LotBook
from shared.domain.ids import AuctionId, AwardId, BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRow:
    """A bid after the opening, with its contents as their vendor wrote them."""

    bid_id: BidId
    vendor_id: PartyId
    version: int
    received_at: datetime
    log_index: int
    failure: BidFailure | None
    price: UnitPrice | None = field(repr=False)
    rank: int | None
    score: Decimal | None
    content: str | None = field(repr=False)
    technical: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRow:
    """What a lot's auction came to; `standing` is empty where it had no outcome."""

    id: AuctionId
    standing: tuple[Bidder, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when something was decided, on a lot's chain."""

    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places of decisions on a lot's chain: of awards, of bids set aside, of the auction."""

    awards: Mapping[AwardId, Place]
    disqualified: Mapping[BidId, Place]
    auction: Place | None
    not_awarded_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotMaterial:
    """A lot with all that was bid, scored and decided; also what was withdrawn."""

    lot: Lot
    shares: Sequence[Share]
    rule: PoolRule
    enrolments: Mapping[PartyId, int]
    book: LotBook
    bids: Sequence[OpenedRow]
    auction: AuctionRow | None
    awards: Sequence[Award]
    lines: Mapping[AwardId, Sequence[LineRecord]]
    protests: Sequence[Protest]
    places: Places


@dataclass(frozen=True, slots=True)
class Head:
    """Where a hash chain ends."""

    aggregate: str
    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpMaterial:
    """An RFP with all that was decided of it. `names` are those of its parties."""

    rfp: Rfp
    lots: Sequence[LotMaterial]
    names: Mapping[PartyId, str]
    scenarios: Sequence[Scenario]
    opening_ids: Sequence[OpeningId]
    heads: Mapping[UUID, Head]


class Publications(Protocol):
    """Reads what was decided."""

    async def material(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> RfpMaterial:
        """Read all of a visible RFP, as of one instant. Raises: RfpUnknown."""

    async def rfp_of(self, lot_id: LotId) -> RfpId:
        """Find the RFP of a lot. Raises: LotUnknown."""
