"""Draft an RFP: from nothing, from an earlier one, or from one that is kept as a template.

A draft is written anew as often as its buyer likes, and approved by a second person where the
policy profile asks for one; nobody but its buyer sees it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, TypeVar
from uuid import UUID

from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.lots import Lot
from services.bids.domain.parties import CustodianUnknown, Party, PartyKind
from services.bids.domain.rfps import Rfp, RfpStatus, require_draft, require_terms, terms_digest
from services.bids.domain.terms import Terms
from shared.domain.canonical import canonical
from shared.domain.canonical import digest as digest_of
from shared.domain.facts import Decision, Fact
from shared.domain.ids import LotId, PartyId, RfpId
from shared.domain.money import Currency
from shared.domain.refusals import Kind, Refusal

Said = TypeVar("Said")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An RFP as its buyer drafts it; what is None is taken from the RFP that it is drafted from."""

    closes_at: datetime
    title: str | None = None
    currency: Currency | None = None
    consortium_model: ConsortiumModel | None = None
    policy_profile: str | None = None
    custodian_id: PartyId | None = None
    standstill_s: int | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafter:
    """Who drafts an RFP, under which id and when; `person` names the person behind the token."""

    rfp_id: RfpId
    buyer_id: PartyId
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpDrafted(Fact):
    """A buyer drafted an RFP."""

    TYPE: ClassVar[str] = "rfp.drafted"

    rfp_id: RfpId
    buyer_id: PartyId
    title: str
    currency: Currency
    consortium_model: ConsortiumModel
    policy_profile: str
    custodian_id: PartyId
    standstill_s: int
    closes_at: datetime
    terms_sha256: str
    drafted_from: RfpId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsChanged(Fact):
    """A draft's terms or deadline were written anew."""

    TYPE: ClassVar[str] = "rfp.terms_changed"

    rfp_id: RfpId
    closes_at: datetime
    terms_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpApproved(Fact):
    """A second person approved a draft as it stands."""

    TYPE: ClassVar[str] = "rfp.approved"

    rfp_id: RfpId
    approved_by_sha256: str
    draft_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMade(Fact):
    """A buyer keeps an RFP of its own as a template."""

    TYPE: ClassVar[str] = "rfp.template_made"

    rfp_id: RfpId
    template_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An RFP kept under a name, for others to be drafted from."""

    id: UUID
    buyer_id: PartyId
    name: str
    rfp_id: RfpId
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LotLimited(Fact):
    """A draft's lot is shown to the vendors of some regions alone, or to all again."""

    TYPE: ClassVar[str] = "lot.limited"

    lot_id: LotId
    rfp_id: RfpId
    regions: tuple[str, ...]


class DraftIncomplete(Refusal):
    """Neither the request nor what it is drafted from says something that an RFP needs."""

    kind = Kind.INVALID
    code = "draft_incomplete"

    def __init__(self, name: str) -> None:
        """Name what is missing."""
        super().__init__(f"The draft lacks {name}.", details={"missing": name})


class SourceUnknown(Refusal):
    """The RFP or the template to draft from is none of the buyer's."""

    kind = Kind.INVALID
    code = "draft_source_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("You have no such RFP or template to draft from.")


class TemplateNameTaken(Refusal):
    """The buyer has a template of this name."""

    kind = Kind.CONFLICT
    code = "template_name_taken"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__("You have a template of this name already; choose another.")


class ApproverIsDrafter(Refusal):
    """The person who drafted an RFP cannot be the second who approves it."""

    kind = Kind.FORBIDDEN
    code = "approver_is_drafter"

    def __init__(self) -> None:
        """Say who may."""
        super().__init__("Another person than the RFP's drafter must approve it.")


def written(draft: Draft, source: Rfp | None, by: Drafter) -> Rfp:
    """Write a draft out, filling from `source` what its buyer left unsaid.

    The terms of the source that belong to its own dates are not taken over: the day of
    certification, the deadline for questions, and what its buyer declared.

    Raises:
        DraftIncomplete: Something that an RFP needs is in neither.
    """
    other = _told_by(source, closes_at=draft.closes_at)
    return Rfp(
        id=by.rfp_id,
        buyer_id=by.buyer_id,
        title=_said(draft.title, other.title, "title"),
        currency=_said(draft.currency, other.currency, "currency"),
        consortium_model=_said(draft.consortium_model, other.consortium_model, "consortium_model"),
        policy_profile=_said(draft.policy_profile, other.policy_profile, "policy_profile"),
        custodian_id=_said(draft.custodian_id, other.custodian_id, "custodian_id"),
        standstill_s=_said(draft.standstill_s, other.standstill_s, "standstill_s"),
        status=RfpStatus.DRAFT,
        closes_at=draft.closes_at,
        drafted_at=by.at,
        terms=draft.terms or other.terms or Terms(),
        drafted_by=by.person,
        drafted_from=None if source is None else source.id,
    )


def decide_draft(rfp: Rfp, custodian: Party | None, *, now: datetime) -> Decision[Rfp]:
    """Draft an RFP.

    Raises:
        DeadlinePast: Bidding would close now or earlier.
        TermsUnfit: The terms contradict the consortium model, the deadline or each other.
        CustodianUnknown: The custodian is not registered as one.
    """
    require_terms(rfp, now=now)
    if custodian is None or custodian.kind is not PartyKind.CUSTODIAN:
        raise CustodianUnknown
    drafted = RfpDrafted(
        rfp_id=rfp.id,
        buyer_id=rfp.buyer_id,
        title=rfp.title,
        currency=rfp.currency,
        consortium_model=rfp.consortium_model,
        policy_profile=rfp.policy_profile,
        custodian_id=rfp.custodian_id,
        standstill_s=rfp.standstill_s,
        closes_at=rfp.closes_at,
        terms_sha256=terms_digest(rfp.terms),
        drafted_from=rfp.drafted_from,
    )
    return Decision(rfp, (drafted,))


def decide_terms(
    rfp: Rfp, terms: Terms, *, closes_at: datetime | None, now: datetime
) -> Decision[Rfp]:
    """Write a draft's terms anew, and its deadline where one is given.

    Raises:
        RfpNotDraft: Its terms stand.
        DeadlinePast: Bidding would close now or earlier.
        TermsUnfit: The terms contradict the consortium model, the deadline or each other.
    """
    require_draft(rfp)
    changed = replace(rfp, terms=terms, closes_at=closes_at or rfp.closes_at)
    require_terms(changed, now=now)
    fact = TermsChanged(
        rfp_id=rfp.id, closes_at=changed.closes_at, terms_sha256=terms_digest(terms)
    )
    return Decision(changed, (fact,))


def decide_approve(rfp: Rfp, lots: Sequence[Lot], *, person: str) -> Decision[Rfp]:
    """Approve a draft with its lots as they stand, as another person than its drafter.

    The chain keeps the SHA-256 of the person's name. Any later change of the draft or of its lots
    makes it another draft, which is not approved.

    Raises:
        RfpNotDraft: There is nothing left to approve.
        ApproverIsDrafter: The same person, or one without a name.
    """
    require_draft(rfp)
    if not person or not rfp.drafted_by or person == rfp.drafted_by:
        raise ApproverIsDrafter
    digest = draft_digest(rfp, lots)
    fact = RfpApproved(
        rfp_id=rfp.id,
        approved_by_sha256=hashlib.sha256(person.encode()).hexdigest(),
        draft_sha256=digest.hex(),
    )
    return Decision(replace(rfp, approved_by=person, approved_sha256=digest), (fact,))


def is_approved(rfp: Rfp, lots: Sequence[Lot]) -> bool:
    """Tell whether a second person approved the draft as it stands, lots and all."""
    return rfp.approved_sha256 is not None and rfp.approved_sha256 == draft_digest(rfp, lots)


def draft_digest(rfp: Rfp, lots: Sequence[Lot]) -> bytes:
    """Hash what an approver looks at: SHA-256 over canonical JSON; pooling mints new lot ids."""
    looked_at = {
        "closes_at": rfp.closes_at,
        "lot_ids": [lot.id for lot in lots],
        "policy_profile": rfp.policy_profile,
        "standstill_s": rfp.standstill_s,
        "terms_sha256": terms_digest(rfp.terms),
        "title": rfp.title,
    }
    return digest_of(canonical(looked_at))


def decide_template(rfp: Rfp, template: Template) -> Decision[Template]:
    """Keep an RFP as a template: what is drafted from it takes its terms as they then stand."""
    fact = TemplateMade(rfp_id=rfp.id, template_id=template.id, name=template.name)
    return Decision(template, (fact,))


def _said(said: Said | None, of_source: Said | None, name: str) -> Said:
    value = of_source if said is None else said
    if value is None:
        raise DraftIncomplete(name)
    return value


def _told_by(source: Rfp | None, *, closes_at: datetime) -> Draft:
    if source is None:
        return Draft(closes_at=closes_at)
    return Draft(
        closes_at=closes_at,
        title=source.title,
        currency=source.currency,
        consortium_model=source.consortium_model,
        policy_profile=source.policy_profile,
        custodian_id=source.custodian_id,
        standstill_s=source.standstill_s,
        terms=replace(source.terms, certified_on=None, questions_close_at=None, declarations=()),
    )
