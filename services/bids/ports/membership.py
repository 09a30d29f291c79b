"""Keep what is known of members and vendors: what the use cases of membership need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from services.bids.domain.membership import (
    Authorisation,
    AuthorisationId,
    Authority,
    MemberProfile,
)
from services.bids.domain.parties import Party
from services.bids.domain.vendors import VendorProfile
from services.bids.ports.purchase import Act, Part
from shared.domain.facts import Decision
from shared.domain.ids import PartyId

DecideMember: TypeAlias = Callable[[Party | None], Decision[MemberProfile]]
DecideVendor: TypeAlias = Callable[[Party | None], Decision[VendorProfile]]
DecideAuthority: TypeAlias = Callable[[Party | None], Decision[Authority]]
DecideAuthorise: TypeAlias = Callable[[Party | None, MemberProfile | None], Decision[Authorisation]]
DecideDismiss: TypeAlias = Callable[[Authorisation], Decision[Authorisation]]


@dataclass(frozen=True, slots=True)
class PartyRecord:
    """A party with all that is known of it; profiles are None where nothing is."""

    party: Party
    member: MemberProfile | None
    vendor: VendorProfile | None
    authorities: tuple[Authority, ...]


class MembershipStore(Protocol):
    """Keep profiles, authority documents and authorisations. A party's row is held meanwhile."""

    async def find(self, party_id: PartyId) -> PartyRecord:
        """Read a party with all that is known of it.

        Raises:
            PartyUnknown: No such party.
        """
        ...

    async def profile_member(
        self, member_id: PartyId, decide: DecideMember, act: Act
    ) -> MemberProfile:
        """Put a member's profile in place of an earlier one."""
        ...

    async def profile_vendor(
        self, vendor_id: PartyId, decide: DecideVendor, act: Act
    ) -> VendorProfile:
        """Put a vendor's profile in place of an earlier one."""
        ...

    async def record_authority(
        self, member_id: PartyId, decide: DecideAuthority, act: Act
    ) -> Authority:
        """Add an authority document; one of the same hash is returned as it stands."""
        ...

    async def authorise(
        self, member_id: PartyId, agency_id: PartyId, decide: DecideAuthorise, act: Act
    ) -> Authorisation:
        """Add an authorisation; one of the same id is returned as it stands.

        Raises:
            AgencyAlreadyAuthorised: One of the two stands.
        """
        ...

    async def dismiss(
        self,
        authorisation_id: AuthorisationId,
        decide: DecideDismiss,
        act: Act,
        *,
        own: PartyId | None,
    ) -> Authorisation:
        """End an authorisation; with `own`, only one of which that party is a side.

        Raises:
            AuthorisationUnknown: No such authorisation.
        """
        ...

    async def page_authorisations(self, part: Part, *, own: PartyId | None) -> list[Authorisation]:
        """Read authorisations by id; with `own`, those of which that party is a side."""
        ...
