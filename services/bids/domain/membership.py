"""Say what the cooperative knows of a member, by what right it buys for it, and who acts for it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Final, NewType
from uuid import UUID

from services.bids.domain.parties import Party, PartyKind
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import AgencyAuthorised, AgencyDismissed

AuthorityId = NewType("AuthorityId", UUID)
AuthorisationId = NewType("AuthorisationId", UUID)

ENROLMENT_MAX: Final = 10_000_000
"""More pupils than the largest district of any country has."""


class MemberKind(StrEnum):
    """What a member is."""

    DISTRICT = "district"
    EDUCATIONAL_SERVICE_AGENCY = "educational_service_agency"
    NONPROFIT = "nonprofit"


class AuthorityKind(StrEnum):
    """By which kind of document a member lets the cooperative buy for it."""

    LETTER_OF_AGENCY = "letter_of_agency"
    BOARD_RESOLUTION = "board_resolution"
    COOPERATIVE_AGREEMENT = "cooperative_agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberProfile:
    """What is known of a member.

    `enrolment` is None where it is not known. Members of one `hazard_zone` are struck together; an
    empty zone is shared with nobody. The E-rate rates are whole percent, by category of service;
    None is a member that gets none.
    """

    member_id: PartyId
    kind: MemberKind
    enrolment: int | None
    hazard_zone: str
    category_one_percent: int | None
    category_two_percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A document by which a member lets the cooperative buy for it; the paper stays elsewhere."""

    id: AuthorityId
    member_id: PartyId
    kind: AuthorityKind
    document_sha256: bytes
    signed_on: date
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """A member lets an agency act for it, until it is ended."""

    id: AuthorisationId
    member_id: PartyId
    agency_id: PartyId
    granted_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberProfiled(Fact):
    """What is known of a member was written down, in place of what was known before."""

    TYPE: ClassVar[str] = "member.profiled"

    member_id: PartyId
    kind: MemberKind
    enrolment: int | None
    hazard_zone: str
    category_one_percent: int | None
    category_two_percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityRecorded(Fact):
    """A member's authority document was put on record by its hash."""

    TYPE: ClassVar[str] = "member.authority_recorded"

    authority_id: AuthorityId
    member_id: PartyId
    kind: AuthorityKind
    document_sha256: str
    signed_on: str


class PartyUnknown(Refusal):
    """There is no such party of the kind that is meant."""

    kind = Kind.NOT_FOUND
    code = "party_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such party.")


class AgencyUnfit(Refusal):
    """Whoever is to act for a member is no educational service agency, or is the member itself."""

    kind = Kind.INVALID
    code = "agency_unfit"

    def __init__(self) -> None:
        """Say who may act for others."""
        super().__init__("Only another member that is an educational service agency acts for one.")


class AgencyAlreadyAuthorised(Refusal):
    """The agency acts for the member already."""

    kind = Kind.CONFLICT
    code = "agency_authorised"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The agency acts for the member already.")


class AuthorisationUnknown(Refusal):
    """There is no such authorisation, or none that the caller may end."""

    kind = Kind.NOT_FOUND
    code = "authorisation_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such authorisation.")


def require_kind(party: Party | None, kind: PartyKind) -> Party:
    """Let only a party of a kind pass.

    Raises:
        PartyUnknown: There is none, or it is of another kind.
    """
    if party is None or party.kind is not kind:
        raise PartyUnknown
    return party


def decide_member(party: Party | None, profile: MemberProfile) -> Decision[MemberProfile]:
    """Write down what is known of a member.

    Raises:
        PartyUnknown: The party is no member.
    """
    require_kind(party, PartyKind.MEMBER)
    fact = MemberProfiled(
        member_id=profile.member_id,
        kind=profile.kind,
        enrolment=profile.enrolment,
        hazard_zone=profile.hazard_zone,
        category_one_percent=profile.category_one_percent,
        category_two_percent=profile.category_two_percent,
    )
    return Decision(profile, (fact,))


def decide_authority(party: Party | None, authority: Authority) -> Decision[Authority]:
    """Put an authority document on record.

    Raises:
        PartyUnknown: The party is no member.
    """
    require_kind(party, PartyKind.MEMBER)
    fact = AuthorityRecorded(
        authority_id=authority.id,
        member_id=authority.member_id,
        kind=authority.kind,
        document_sha256=authority.document_sha256.hex(),
        signed_on=authority.signed_on.isoformat(),
    )
    return Decision(authority, (fact,))


def decide_authorise(
    member: Party | None, agency: MemberProfile | None, authorisation: Authorisation
) -> Decision[Authorisation]:
    """Let an agency act for a member from now on.

    Raises:
        PartyUnknown: The party that authorises is no member.
        AgencyUnfit: Whoever is to act is no educational service agency, or the member itself.
    """
    require_kind(member, PartyKind.MEMBER)
    is_agency = agency is not None and agency.kind is MemberKind.EDUCATIONAL_SERVICE_AGENCY
    if not is_agency or authorisation.agency_id == authorisation.member_id:
        raise AgencyUnfit
    told = AgencyAuthorised(
        authorisation_id=authorisation.id,
        member_id=authorisation.member_id,
        agency_id=authorisation.agency_id,
        authorised_at=authorisation.granted_at,
    )
    return Decision(authorisation, (told,))


def decide_dismiss(authorisation: Authorisation, *, now: datetime) -> Decision[Authorisation]:
    """End an authorisation; one that has ended stays as it is. What was done under it stands."""
    if authorisation.ended_at is not None:
        return Decision(authorisation)
    told = AgencyDismissed(
        authorisation_id=authorisation.id,
        member_id=authorisation.member_id,
        agency_id=authorisation.agency_id,
        dismissed_at=now,
    )
    return Decision(replace(authorisation, ended_at=now), (told,))
