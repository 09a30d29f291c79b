"""Keep parties, requirements and RFPs: what the use cases of a purchase's first half need."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.bids.domain.consortium import Volume
from services.bids.domain.lots import Lot
from services.bids.domain.parties import CustodianKey, Party, PartyKind
from services.bids.domain.publication import Cancellation, Publication
from services.bids.domain.requirements import Requirement, RequirementsImported
from services.bids.domain.rfps import Rfp
from shared.domain.facts import Decision
from shared.domain.ids import LotId, OpeningId, PartyId, RfpId


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, as the chain names it, and when."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a list that is asked for: up to `limit` things behind `after`."""

    after: UUID | None
    limit: int


@dataclass(frozen=True, slots=True)
class ListedLot:
    """A lot as it is shown: with the number of members that have a share in it.

    `volume` is what vendors are promised and what is estimated; `regions` those to whose vendors
    alone it is shown, none for all.
    """

    lot: Lot
    members: int
    volume: Volume | None = None
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which requirements are pooled; None leaves open."""

    category: str | None = None
    item_code: str | None = None
    references: AbstractSet[str] | None = None


class PartyStore(Protocol):
    """Keep parties and custodians' keys."""

    async def name(
        self, party_id: PartyId, decide: Callable[[Party | None], Decision[Party]], act: Act
    ) -> Party:
        """Add a party or call it otherwise; its row is held meanwhile.

        Raises:
            PartyAlreadyRegistered: Another party has its kind and reference.
        """
        ...

    async def register(self, decision: Decision[Party], act: Act) -> Party:
        """Add a party; one of the same id is returned as it stands.

        Raises:
            PartyAlreadyRegistered: Another party has its kind and reference.
        """
        ...

    async def find(self, party_id: PartyId) -> Party | None:
        """Read one party."""
        ...

    async def page(self, kind: PartyKind | None, part: Part) -> list[Party]:
        """Read parties by id, of one kind or all."""
        ...

    async def update_key(
        self,
        custodian_id: PartyId,
        decide: Callable[[Party | None], Decision[CustodianKey]],
        act: Act,
    ) -> CustodianKey:
        """Put a custodian's key in place of an earlier one."""
        ...


class RequirementStore(Protocol):
    """Keep requirements."""

    async def state(self, decision: Decision[Requirement], act: Act) -> Requirement:
        """Add a requirement; one of the same id is returned as it stands.

        Raises:
            RequirementReferenceTaken: The member has another of the same reference.
        """
        ...

    async def find_members(self, references: AbstractSet[str]) -> Mapping[str, Party]:
        """Read the members that have these references, by reference."""
        ...

    async def find_taken(
        self, keys: Sequence[tuple[PartyId, str]]
    ) -> AbstractSet[tuple[PartyId, str]]:
        """Tell which of these members' references are taken."""
        ...

    async def find_represented(self, agency_id: PartyId) -> AbstractSet[PartyId]:
        """Tell which members an agency may act for."""
        ...

    async def add_import(
        self, requirements: Sequence[Requirement], imported: RequirementsImported, act: Act
    ) -> None:
        """Add all requirements of an import, or none.

        Raises:
            RequirementReferenceTaken: One was stated by another request in the meantime.
        """
        ...

    async def count_imported(self, import_id: UUID) -> int:
        """Count the requirements of an import; 0 says that there is none."""
        ...

    async def page(self, member_id: PartyId | None, part: Part) -> list[Requirement]:
        """Read requirements by id: of one member and those it acts for, or all."""
        ...


class RfpStore(Protocol):
    """Keep RFPs and their lots. Another buyer's RFP is unknown wherever one is changed."""

    async def publish(
        self,
        rfp_id: RfpId,
        opening_id: OpeningId,
        decide: Callable[[Publication], Decision[Publication]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Rfp:
        """Save a publication; one that stands under this opening's id is returned.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...

    async def find_publication(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Publication:
        """Read what a publication would look at, without holding it.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...

    async def cancel(
        self,
        rfp_id: RfpId,
        decide: Callable[[Cancellation], Decision[Cancellation]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Rfp:
        """Save a cancellation.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...

    async def find(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Rfp:
        """Read an RFP that was published, or the viewer's own.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        ...

    async def page(self, part: Part, *, viewer_id: PartyId | None) -> list[Rfp]:
        """Read RFPs by id: those that were published, and the viewer's own."""
        ...

    async def find_lot(self, lot_id: LotId, *, viewer_id: PartyId | None) -> ListedLot:
        """Read a lot of an RFP that the viewer may see.

        Raises:
            LotUnknown: No such lot, or one of another's draft.
        """
        ...

    async def page_lots(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[ListedLot]:
        """Read an RFP's lots by their number.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        ...
