"""Answer buyers who publish and cancel RFPs, and all who read them."""

from datetime import date, datetime
from typing import Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.api.contract_terms import ContractTermsAnswer
from services.bids.domain.ceremony import CustodianKeyMissing
from services.bids.domain.consortium import (
    MODEL_RULES,
    ConsortiumModel,
    CostSharing,
    PriceOnDeclines,
    SilenceMeans,
)
from services.bids.domain.lots import LotStatus, LotUnknown, exact
from services.bids.domain.policy import PolicyBreached, PolicyProfileUnknown
from services.bids.domain.publication import (
    RfpAlreadyCancelled,
    RfpAwarded,
    RfpAwardIntended,
    RfpWithoutLots,
)
from services.bids.domain.rfps import DeadlinePast, Rfp, RfpNotDraft, RfpStatus, RfpUnknown
from services.bids.domain.terms import (
    Advertised,
    Attestation,
    CostCovered,
    Criterion,
    CriterionKind,
    Terms,
    TermsUnfit,
)
from services.bids.ports.purchase import ListedLot, Part
from services.bids.usecases.rfps import Rfps
from shared.domain.ids import LotId, OpeningId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, PageAnswer, RequestModel

RFPS: Final = web.AppKey("bids_rfps", Rfps)

routes = Api("bids", title="", version="")


class CriterionAnswer(AnswerModel):
    """Something scored: `weight` of 100 in all; a pass/fail criterion has none."""

    name: str
    kind: CriterionKind
    weight: str | None
    covers: CostCovered | None


class AttestationAnswer(AnswerModel):
    """Something that each vendor attests in its bid, by its name."""

    name: str
    sentence: str

    @classmethod
    def of(cls, attestation: Attestation) -> Self:
        """Render an attestation."""
        return cls(name=attestation.name, sentence=attestation.sentence)


class TermsAnswer(AnswerModel):
    """What the buyer wrote beside title and deadline; null where the model knows no such term."""

    advertised_as: Advertised
    prequalified_only: bool
    bids_min: int
    certified_on: date | None
    questions_close_at: datetime | None
    declarations: list[str]
    attestations: list[AttestationAnswer]
    criteria: list[CriterionAnswer]
    acceptance_window_s: int | None
    silence_means: SilenceMeans | None
    price_on_declines: PriceOnDeclines | None
    cost_shared_by: CostSharing | None
    margin_percent: str | None
    contract: ContractTermsAnswer | None

    @classmethod
    def of(cls, terms: Terms) -> Self:
        """Render terms."""
        margin = terms.margin_percent
        return cls(
            advertised_as=terms.advertised_as,
            prequalified_only=terms.prequalified_only,
            bids_min=terms.bids_min,
            certified_on=terms.certified_on,
            questions_close_at=terms.questions_close_at,
            declarations=list(terms.declarations),
            attestations=[AttestationAnswer.of(each) for each in terms.attestations],
            criteria=[_criterion(each) for each in terms.criteria],
            acceptance_window_s=terms.acceptance_window_s,
            silence_means=terms.silence_means,
            price_on_declines=terms.price_on_declines,
            cost_shared_by=terms.cost_shared_by,
            margin_percent=None if margin is None else f"{margin:f}",
            contract=None if terms.contract is None else ContractTermsAnswer.of(terms.contract),
        )


class ConsortiumAnswer(AnswerModel):
    """What the consortium model fixes: who signs, who pays, what volume vendors are promised."""

    contract_with: str
    paid_by: str
    volume: str
    after_award: str
    awards_told_to: str

    @classmethod
    def of(cls, model: ConsortiumModel) -> Self:
        """Render a model's rules."""
        rules = MODEL_RULES[model]
        return cls(
            contract_with=rules.contract_with,
            paid_by=rules.paid_by,
            volume=rules.volume,
            after_award=rules.after_award,
            awards_told_to=rules.awards_told_to,
        )


class RfpAnswer(AnswerModel):
    """A solicitation as it stands.

    `earliest_award_on` is a day in the policy profile's time zone, and `earliest_award_at` the
    instant at which it begins there; both are null where the profile asks for no wait.
    """

    id: UUID
    buyer_id: UUID
    title: str
    currency: str
    consortium_model: ConsortiumModel
    policy_profile: str
    custodian_id: UUID
    standstill_s: int
    status: RfpStatus
    closes_at: datetime
    drafted_at: datetime
    published_at: datetime | None
    cancelled_reason: str | None
    terms: TermsAnswer
    consortium: ConsortiumAnswer
    addendum: int = Field(description="The version of the last addendum; 0 before the first.")
    approved: bool = Field(description="Whether a second person ever approved it.")
    drafted_from: UUID | None
    earliest_award_on: date | None
    earliest_award_at: datetime | None
    profile_sha256: str | None = Field(description="Of the profile's file at the publication.")

    @classmethod
    def of(cls, rfp: Rfp) -> Self:
        """Render an RFP."""
        return cls(
            id=rfp.id,
            buyer_id=rfp.buyer_id,
            title=rfp.title,
            currency=rfp.currency,
            consortium_model=rfp.consortium_model,
            policy_profile=rfp.policy_profile,
            custodian_id=rfp.custodian_id,
            standstill_s=rfp.standstill_s,
            status=rfp.status,
            closes_at=rfp.closes_at,
            drafted_at=rfp.drafted_at,
            published_at=rfp.published_at,
            cancelled_reason=rfp.cancelled_reason,
            terms=TermsAnswer.of(rfp.terms),
            consortium=ConsortiumAnswer.of(rfp.consortium_model),
            addendum=rfp.addendum,
            approved=rfp.approved_by is not None,
            drafted_from=rfp.drafted_from,
            earliest_award_on=rfp.earliest_award_on,
            earliest_award_at=rfp.earliest_award_at,
            profile_sha256=None if rfp.profile_sha256 is None else rfp.profile_sha256.hex(),
        )


class LotAnswer(AnswerModel):
    """A lot: `members` have a share in it; the area is null where theirs differ.

    Of `quantity`, vendors are promised `firm_quantity`, and the rest is estimated; both are null
    in a draft's pool. Where `regions` are named, only vendors that serve one of them see the lot.
    """

    id: UUID
    rfp_id: UUID
    number: int
    title: str
    category: str
    item_code: str
    specification: str
    unit: str
    term_months: int
    delivery_area: str | None
    quantity: str
    status: LotStatus
    members: int
    firm_quantity: str | None
    estimated_quantity: str | None
    regions: list[str]

    @classmethod
    def of(cls, listed: ListedLot) -> Self:
        """Render a lot."""
        lot, volume = listed.lot, listed.volume
        return cls(
            id=lot.id,
            rfp_id=lot.rfp_id,
            number=lot.number,
            title=lot.title,
            category=lot.category,
            item_code=lot.item_code,
            specification=lot.specification,
            unit=lot.unit,
            term_months=lot.term_months,
            delivery_area=lot.delivery_area or None,
            quantity=f"{lot.quantity:f}",
            status=lot.status,
            members=listed.members,
            firm_quantity=None if volume is None else f"{exact(volume.firm):f}",
            estimated_quantity=None if volume is None else f"{exact(volume.estimated):f}",
            regions=list(listed.regions),
        )


class CancelRfp(RequestModel):
    """Why an RFP ends; the reason is published."""

    reason: Label


@routes.post(
    "/v1/rfps/{rfp_id}/publish",
    scope="rfp:write",
    answer=RfpAnswer,
    summary="Publish an RFP",
    refusals=(
        RfpUnknown,
        RfpNotDraft,
        DeadlinePast,
        TermsUnfit,
        RfpWithoutLots,
        PolicyProfileUnknown,
        PolicyBreached,
        CustodianKeyMissing,
    ),
    creates=True,
    status=200,
)
async def publish_rfp(call: Call[None]) -> RfpAnswer:
    """Publish a draft: its lots take sealed bids, and its opening's key is dealt.

    Terms, criteria and weights are frozen. Whatever the policy profile forbids is named, rule by
    rule, in `breaches`. The key is made now; its private half leaves in shares, each sealed to its
    custodian's registered key, and is kept nowhere else.
    """
    rfp = await call.of(RFPS).publish(
        RfpId(call.id("rfp_id")),
        opening_id=OpeningId(call.new_id),
        buyer_id=call.caller_party,
    )
    return RfpAnswer.of(rfp)


@routes.post(
    "/v1/rfps/{rfp_id}/cancel",
    scope="rfp:write",
    body=CancelRfp,
    answer=RfpAnswer,
    summary="Cancel an RFP",
    refusals=(RfpUnknown, RfpAlreadyCancelled, RfpAwarded, RfpAwardIntended),
    creates=True,
    status=200,
)
async def cancel_rfp(call: Call[CancelRfp]) -> RfpAnswer:
    """Cancel an RFP with its lots, its opening and its auctions; bids that are sealed stay so."""
    rfp = await call.of(RFPS).cancel(
        RfpId(call.id("rfp_id")), reason=call.body.reason, buyer_id=call.caller_party
    )
    return RfpAnswer.of(rfp)


@routes.get(
    "/v1/rfps",
    scope="rfp:read",
    answer=PageAnswer[RfpAnswer],
    summary="List RFPs",
    paged=True,
)
async def list_rfps(call: Call[None]) -> PageAnswer[RfpAnswer]:
    """List the RFPs that were published, and the caller's own drafts."""
    page = call.page()
    found = await call.of(RFPS).page(Part(page.after, page.limit), viewer_id=call.caller.party_id)
    items = [RfpAnswer.of(rfp) for rfp in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@routes.get(
    "/v1/rfps/{rfp_id}",
    scope="rfp:read",
    answer=RfpAnswer,
    summary="Read an RFP",
    refusals=(RfpUnknown,),
)
async def read_rfp(call: Call[None]) -> RfpAnswer:
    """Read an RFP that was published, or an own draft."""
    rfp = await call.of(RFPS).find(RfpId(call.id("rfp_id")), viewer_id=call.caller.party_id)
    return RfpAnswer.of(rfp)


@routes.get(
    "/v1/rfps/{rfp_id}/lots",
    scope="rfp:read",
    answer=PageAnswer[LotAnswer],
    summary="List an RFP's lots",
    refusals=(RfpUnknown,),
    paged=True,
)
async def list_lots(call: Call[None]) -> PageAnswer[LotAnswer]:
    """List the lots by their number."""
    page = call.page()
    found = await call.of(RFPS).page_lots(
        RfpId(call.id("rfp_id")),
        Part(page.after, page.limit),
        viewer_id=call.caller.party_id,
    )
    items = [LotAnswer.of(listed) for listed in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@routes.get(
    "/v1/lots/{lot_id}",
    scope="rfp:read",
    answer=LotAnswer,
    summary="Read a lot",
    refusals=(LotUnknown,),
)
async def read_lot(call: Call[None]) -> LotAnswer:
    """Read a lot of an RFP that was published, or of an own draft."""
    listed = await call.of(RFPS).find_lot(LotId(call.id("lot_id")), viewer_id=call.caller.party_id)
    return LotAnswer.of(listed)


def _criterion(criterion: Criterion) -> CriterionAnswer:
    weight = criterion.weight
    return CriterionAnswer(
        name=criterion.name,
        kind=criterion.kind,
        weight=None if weight is None else f"{weight:f}",
        covers=criterion.covers,
    )
