"""What the use cases of ceremonies, technical parts and records need of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.bids.domain.ceremony import Ceremony, Dealt
from services.bids.domain.openings import Opening
from services.bids.domain.records import Incident, ListedBid, RecordedBid
from services.bids.domain.rfps import Rfp
from services.bids.domain.technical import Judging, TechnicalPart
from shared.domain.facts import Decision
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId

DecideCeremony = Callable[[Rfp, AbstractSet[PartyId]], Decision[Ceremony]]
DecideRehearsal = Callable[[Rfp, Ceremony, Mapping[PartyId, bytes]], Decision[Dealt]]


@dataclass(frozen=True, slots=True)
class RecordMaterial:
    """What an opening's record is made of."""

    opening: Opening
    bids: tuple[RecordedBid, ...]
    lot_ids: tuple[LotId, ...]
    incidents: tuple[Incident, ...]


class Records(Protocol):
    """Reads what is written down of openings."""

    async def listed(self, opening_id: OpeningId) -> tuple[Opening, list[ListedBid]]:
        """Read an opening with the hashes of the bids that stand. Raises: OpeningUnknown."""

    async def listed_with(
        self, bid_id: BidId, *, vendor_id: PartyId
    ) -> tuple[Opening, list[ListedBid]]:
        """Read the opening of a vendor's own bid, likewise. Raises: BidUnknown."""

    async def material(self, opening_id: OpeningId) -> RecordMaterial:
        """Read all that an opening's record is made of. Raises: OpeningUnknown."""


class Ceremonies(Protocol):
    """Keeps how RFPs are to be opened, and what is rehearsed of it."""

    async def of_rfp(self, rfp_id: RfpId, *, buyer_id: PartyId | None) -> Ceremony:
        """Read the ceremony of a visible RFP. Raises: RfpUnknown."""

    async def plan(
        self,
        rfp_id: RfpId,
        ceremony: Ceremony,
        decide: DecideCeremony,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> Ceremony:
        """Plan the ceremony of a buyer's draft. Raises: RfpUnknown; what `decide` raises."""

    async def rehearse(
        self,
        rfp_id: RfpId,
        opening_id: OpeningId,
        decide: DecideRehearsal,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> None:
        """Deal a rehearsal of a buyer's RFP, once. Raises: RfpUnknown; what `decide` raises."""


class Technicals(Protocol):
    """Keeps technical parts, and what was judged of them."""

    async def of_rfp(self, rfp_id: RfpId, *, viewer_id: PartyId | None, sees_all: bool) -> Judging:
        """Read the technical parts of the viewer's own RFP. Raises: OpeningUnknown."""

    async def judge(
        self,
        bid_id: BidId,
        decide: Callable[[Judging], Decision[TechnicalPart]],
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> TechnicalPart:
        """Record a judgement. Raises: BidUnknown; what `decide` raises."""

    async def release(
        self,
        rfp_id: RfpId,
        decide: Callable[[Judging], Decision[Judging]],
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> Judging:
        """Release the results. Raises: OpeningUnknown; what `decide` raises."""
