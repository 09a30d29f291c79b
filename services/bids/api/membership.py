"""Answer buyers who write down what is known of members and vendors, and members' agencies."""

from datetime import date, datetime
from typing import Annotated, Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field, StringConstraints

from services.bids.api.parties import PartyAnswer
from services.bids.domain.membership import (
    ENROLMENT_MAX,
    AgencyAlreadyAuthorised,
    AgencyUnfit,
    Authorisation,
    AuthorisationId,
    AuthorisationUnknown,
    Authority,
    AuthorityKind,
    MemberKind,
    MemberProfile,
    PartyUnknown,
)
from services.bids.domain.requirements import MemberMissing, RequirementNotOwn
from services.bids.domain.vendors import VendorProfile
from services.bids.ports.membership import PartyRecord
from services.bids.ports.purchase import Part
from services.bids.usecases.membership import Membership, NewAuthority
from services.bids.usecases.requirements import Stater
from shared.auth import Role
from shared.domain.ids import PartyId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, PageAnswer, RequestModel

MEMBERSHIP: Final = web.AppKey("bids_membership", Membership)

routes = Api("bids", title="", version="")

LISTED_MAX: Final = 200
"""The most prefixes, and the most regions, of one vendor."""

Percent = Annotated[int, Field(strict=True, ge=0, le=100)]

Sha256Text = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class MemberProfileBody(RequestModel):
    """What is known of a member; what is left out is not known."""

    kind: MemberKind
    enrolment: Annotated[int, Field(strict=True, ge=0, le=ENROLMENT_MAX)] | None = None
    hazard_zone: Label | None = Field(
        default=None, description="Members of one zone are struck by the same disasters."
    )
    category_one_percent: Percent | None = Field(
        default=None, description="E-rate discount for services of category one."
    )
    category_two_percent: Percent | None = Field(
        default=None, description="E-rate discount for services of category two."
    )

    def profile(self, member_id: PartyId) -> MemberProfile:
        """Turn it into the domain's."""
        return MemberProfile(
            member_id=member_id,
            kind=self.kind,
            enrolment=self.enrolment,
            hazard_zone=self.hazard_zone or "",
            category_one_percent=self.category_one_percent,
            category_two_percent=self.category_two_percent,
        )


class MemberProfileAnswer(AnswerModel):
    """What is known of a member."""

    kind: MemberKind
    enrolment: int | None
    hazard_zone: str | None
    category_one_percent: int | None
    category_two_percent: int | None

    @classmethod
    def of(cls, profile: MemberProfile) -> Self:
        """Render a member's profile."""
        return cls(
            kind=profile.kind,
            enrolment=profile.enrolment,
            hazard_zone=profile.hazard_zone or None,
            category_one_percent=profile.category_one_percent,
            category_two_percent=profile.category_two_percent,
        )


class VendorProfileBody(RequestModel):
    """What is known of a vendor; without prefixes or regions it sells or delivers everywhere."""

    registration: Label | None = None
    category_prefixes: list[Label] = Field(
        default=[], max_length=LISTED_MAX, description="Beginnings of item codes, such as `4321`."
    )
    regions: list[Label] = Field(default=[], max_length=LISTED_MAX)
    qualified_until: date | None = Field(
        default=None, strict=True, description="The last day on which the vendor qualifies."
    )

    def profile(self, vendor_id: PartyId) -> VendorProfile:
        """Turn it into the domain's."""
        return VendorProfile(
            vendor_id=vendor_id,
            registration=self.registration or "",
            category_prefixes=tuple(sorted(set(self.category_prefixes))),
            regions=tuple(sorted(set(self.regions))),
            qualified_until=self.qualified_until,
        )


class VendorProfileAnswer(AnswerModel):
    """What is known of a vendor."""

    registration: str | None
    category_prefixes: list[str]
    regions: list[str]
    qualified_until: date | None

    @classmethod
    def of(cls, profile: VendorProfile) -> Self:
        """Render a vendor's profile."""
        return cls(
            registration=profile.registration or None,
            category_prefixes=list(profile.category_prefixes),
            regions=list(profile.regions),
            qualified_until=profile.qualified_until,
        )


class RecordAuthority(RequestModel):
    """A document by which a member lets the cooperative buy for it, by its hash."""

    kind: AuthorityKind
    document_sha256: Sha256Text
    signed_on: date = Field(strict=True, examples=["2027-01-15"])


class AuthorityAnswer(AnswerModel):
    """An authority document on record."""

    id: UUID
    kind: AuthorityKind
    document_sha256: str
    signed_on: date
    recorded_at: datetime

    @classmethod
    def of(cls, authority: Authority) -> Self:
        """Render an authority document."""
        return cls(
            id=authority.id,
            kind=authority.kind,
            document_sha256=authority.document_sha256.hex(),
            signed_on=authority.signed_on,
            recorded_at=authority.recorded_at,
        )


class PartyRecordAnswer(PartyAnswer):
    """A party with all that is known of it."""

    member: MemberProfileAnswer | None
    vendor: VendorProfileAnswer | None
    authorities: list[AuthorityAnswer]

    @classmethod
    def of_record(cls, record: PartyRecord) -> Self:
        """Render a party with its profile and its documents."""
        member, vendor = record.member, record.vendor
        return cls(
            **PartyAnswer.of(record.party).model_dump(),
            member=None if member is None else MemberProfileAnswer.of(member),
            vendor=None if vendor is None else VendorProfileAnswer.of(vendor),
            authorities=[AuthorityAnswer.of(each) for each in record.authorities],
        )


class AuthoriseAgency(RequestModel):
    """Which agency is to act for the member."""

    agency_id: UUID
    member_id: UUID | None = Field(
        default=None, description="For whom it acts; a member leaves it out."
    )


class AuthorisationAnswer(AnswerModel):
    """Who acts for whom; it stands while `ended_at` is null."""

    id: UUID
    member_id: UUID
    agency_id: UUID
    granted_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, authorisation: Authorisation) -> Self:
        """Render an authorisation."""
        return cls(
            id=authorisation.id,
            member_id=authorisation.member_id,
            agency_id=authorisation.agency_id,
            granted_at=authorisation.granted_at,
            ended_at=authorisation.ended_at,
        )


@routes.get(
    "/v1/parties/{party_id}",
    scope="party:read",
    answer=PartyRecordAnswer,
    summary="Read a party with all that is known of it",
    refusals=(PartyUnknown,),
)
async def read_party(call: Call[None]) -> PartyRecordAnswer:
    """Read a party, its profile, and a member's authority documents."""
    record = await call.of(MEMBERSHIP).find(PartyId(call.id("party_id")))
    return PartyRecordAnswer.of_record(record)


@routes.put(
    "/v1/parties/{party_id}/member",
    scope="party:write",
    body=MemberProfileBody,
    answer=MemberProfileAnswer,
    summary="Write down what is known of a member",
    refusals=(PartyUnknown,),
)
async def put_member(call: Call[MemberProfileBody]) -> MemberProfileAnswer:
    """Put a member's profile in place of an earlier one."""
    profile = call.body.profile(PartyId(call.id("party_id")))
    kept = await call.of(MEMBERSHIP).profile_member(profile, actor=call.caller_party)
    return MemberProfileAnswer.of(kept)


@routes.put(
    "/v1/parties/{party_id}/vendor",
    scope="party:write",
    body=VendorProfileBody,
    answer=VendorProfileAnswer,
    summary="Write down what is known of a vendor",
    refusals=(PartyUnknown,),
)
async def put_vendor(call: Call[VendorProfileBody]) -> VendorProfileAnswer:
    """Put a vendor's profile in place of an earlier one."""
    profile = call.body.profile(PartyId(call.id("party_id")))
    kept = await call.of(MEMBERSHIP).profile_vendor(profile, actor=call.caller_party)
    return VendorProfileAnswer.of(kept)


@routes.post(
    "/v1/parties/{party_id}/authorities",
    scope="party:write",
    body=RecordAuthority,
    answer=AuthorityAnswer,
    summary="Put a member's authority document on record",
    refusals=(PartyUnknown,),
    creates=True,
)
async def record_authority(call: Call[RecordAuthority]) -> AuthorityAnswer:
    """Record by its hash a document by which the member lets the cooperative buy for it.

    Only members whose document predates the solicitation take part in it, unless the policy lets
    members join late. The same document again changes nothing.
    """
    body = call.body
    new = NewAuthority(
        kind=body.kind,
        document_sha256=bytes.fromhex(body.document_sha256),
        signed_on=body.signed_on,
    )
    authority = await call.of(MEMBERSHIP).record_authority(
        PartyId(call.id("party_id")), new, new_id=call.new_id, actor=call.caller_party
    )
    return AuthorityAnswer.of(authority)


@routes.post(
    "/v1/authorisations",
    scope="requirement:write",
    body=AuthoriseAgency,
    answer=AuthorisationAnswer,
    summary="Let an agency act for a member",
    refusals=(PartyUnknown, AgencyUnfit, AgencyAlreadyAuthorised, MemberMissing, RequirementNotOwn),
    creates=True,
)
async def authorise_agency(call: Call[AuthoriseAgency]) -> AuthorisationAnswer:
    """Let an educational service agency state a member's requirements and read them."""
    body = call.body
    authorisation = await call.of(MEMBERSHIP).authorise(
        PartyId(body.agency_id),
        member_id=None if body.member_id is None else PartyId(body.member_id),
        new_id=call.new_id,
        asking=_asking(call),
    )
    return AuthorisationAnswer.of(authorisation)


@routes.post(
    "/v1/authorisations/{authorisation_id}/end",
    scope="requirement:write",
    answer=AuthorisationAnswer,
    summary="End an agency's authorisation",
    refusals=(AuthorisationUnknown,),
    creates=True,
    status=200,
)
async def end_authorisation(call: Call[None]) -> AuthorisationAnswer:
    """End it: the member, the agency or a buyer may. What the agency did until now stands."""
    ended = await call.of(MEMBERSHIP).dismiss(
        AuthorisationId(call.id("authorisation_id")), asking=_asking(call)
    )
    return AuthorisationAnswer.of(ended)


@routes.get(
    "/v1/authorisations",
    scope="requirement:read",
    answer=PageAnswer[AuthorisationAnswer],
    summary="List who acts for whom",
    paged=True,
)
async def list_authorisations(call: Call[None]) -> PageAnswer[AuthorisationAnswer]:
    """List authorisations, those that ended too; a member sees those of which it is a side."""
    page = call.page()
    own = call.caller_party if call.caller.role is Role.MEMBER else None
    found = await call.of(MEMBERSHIP).page_authorisations(Part(page.after, page.limit), own=own)
    items = [AuthorisationAnswer.of(each) for each in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


def _asking(call: Call[AuthoriseAgency] | Call[None]) -> Stater:
    own = call.caller_party if call.caller.role is Role.MEMBER else None
    return Stater(actor=call.caller_party, own=own)
