"""Write down what is known of members and vendors, and let agencies act for members."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from services.bids.domain.membership import (
    Authorisation,
    AuthorisationId,
    Authority,
    AuthorityId,
    AuthorityKind,
    MemberProfile,
    decide_authorise,
    decide_authority,
    decide_dismiss,
    decide_member,
)
from services.bids.domain.requirements import member_stated_for
from services.bids.domain.vendors import VendorProfile, decide_vendor
from services.bids.ports.membership import MembershipStore, PartyRecord
from services.bids.ports.purchase import Act, Part
from services.bids.usecases.requirements import Stater
from shared.clock import Clock
from shared.domain.ids import PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAuthority:
    """An authority document as a buyer puts it on record."""

    kind: AuthorityKind
    document_sha256: bytes
    signed_on: date


class Membership:
    """Keep what is known of members and vendors."""

    def __init__(self, store: MembershipStore, *, clock: Clock) -> None:
        """Keep it in `store`."""
        self._store = store
        self._clock = clock

    async def find(self, party_id: PartyId) -> PartyRecord:
        """Show a party with all that is known of it.

        Raises:
            PartyUnknown: No such party.
        """
        return await self._store.find(party_id)

    async def profile_member(self, profile: MemberProfile, *, actor: PartyId) -> MemberProfile:
        """Write down what is known of a member, in place of what was known before.

        Raises:
            PartyUnknown: The party is no member.
        """
        decide = partial(decide_member, profile=profile)
        return await self._store.profile_member(profile.member_id, decide, self._act(actor))

    async def profile_vendor(self, profile: VendorProfile, *, actor: PartyId) -> VendorProfile:
        """Write down what is known of a vendor, in place of what was known before.

        Raises:
            PartyUnknown: The party is no vendor.
        """
        decide = partial(decide_vendor, profile=profile)
        return await self._store.profile_vendor(profile.vendor_id, decide, self._act(actor))

    async def record_authority(
        self, member_id: PartyId, new: NewAuthority, *, new_id: UUID, actor: PartyId
    ) -> Authority:
        """Put a member's authority document on record; the same document stays as it stands.

        Raises:
            PartyUnknown: The party is no member.
        """
        act = self._act(actor)
        authority = Authority(
            id=AuthorityId(new_id),
            member_id=member_id,
            kind=new.kind,
            document_sha256=new.document_sha256,
            signed_on=new.signed_on,
            recorded_at=act.at,
        )
        decide = partial(decide_authority, authority=authority)
        return await self._store.record_authority(member_id, decide, act)

    async def authorise(
        self, agency_id: PartyId, *, member_id: PartyId | None, new_id: UUID, asking: Stater
    ) -> Authorisation:
        """Let an agency act for the calling member, or for the member that a buyer names.

        Raises:
            RequirementNotOwn: A member names another.
            MemberMissing: A buyer names nobody.
            PartyUnknown: The party is no member.
            AgencyUnfit: Whoever is to act is no educational service agency.
            AgencyAlreadyAuthorised: It acts for the member already.
        """
        member = member_stated_for(member_id, own=asking.own)
        act = self._act(asking.actor)
        authorisation = Authorisation(
            id=AuthorisationId(new_id),
            member_id=member,
            agency_id=agency_id,
            granted_at=act.at,
        )
        decide = partial(decide_authorise, authorisation=authorisation)
        return await self._store.authorise(member, agency_id, decide, act)

    async def dismiss(self, authorisation_id: AuthorisationId, *, asking: Stater) -> Authorisation:
        """End an authorisation: either side may, and a buyer.

        Raises:
            AuthorisationUnknown: No such authorisation of the caller's.
        """
        act = self._act(asking.actor)
        decide = partial(decide_dismiss, now=act.at)
        return await self._store.dismiss(authorisation_id, decide, act, own=asking.own)

    async def page_authorisations(self, part: Part, *, own: PartyId | None) -> list[Authorisation]:
        """List authorisations; a member sees those of which it is a side."""
        return await self._store.page_authorisations(part, own=own)

    def _act(self, actor: PartyId) -> Act:
        return Act(str(actor), self._clock.now())
