"""Answer buyers who draft RFPs, write their terms, approve them, and keep templates."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field, model_validator

from services.bids.api.contract_terms import ContractTermsBody, PercentText
from services.bids.api.rfps import RFPS, LotAnswer, RfpAnswer
from services.bids.domain.consortium import (
    ConsortiumModel,
    CostSharing,
    PriceOnDeclines,
    SilenceMeans,
)
from services.bids.domain.drafts import (
    ApproverIsDrafter,
    Draft,
    DraftIncomplete,
    SourceUnknown,
    Template,
    TemplateNameTaken,
)
from services.bids.domain.lots import LotUnknown
from services.bids.domain.parties import CustodianUnknown
from services.bids.domain.policy import Breach, PolicyProfileUnknown
from services.bids.domain.rfps import STANDSTILL_MAX, DeadlinePast, RfpNotDraft, RfpUnknown
from services.bids.domain.terms import (
    ATTESTATIONS_MAX,
    BIDS_MIN_MAX,
    CRITERIA_MAX,
    PRICE_ALONE,
    Advertised,
    Attestation,
    CostCovered,
    Criterion,
    CriterionKind,
    Terms,
    TermsUnfit,
)
from services.bids.ports.purchase import Part
from services.bids.usecases.drafts import Drafting, Person, Source
from shared.domain.ids import LotId, PartyId, RfpId
from shared.web import Api, Call
from shared.web.fields import (
    AnswerModel,
    CurrencyText,
    Instant,
    Label,
    PageAnswer,
    RequestModel,
    unfit,
)

DRAFTING: Final = web.AppKey("bids_drafting", Drafting)

routes = Api("bids", title="", version="")

REGIONS_MAX: Final = 200
"""The most regions of one lot: more than any state has counties to part it by."""


class CriterionBody(RequestModel):
    """Something scored; `covers` is said for a price, and for nothing else."""

    name: Label
    kind: CriterionKind
    weight: PercentText | None = Field(default=None, examples=["37.5"])
    covers: CostCovered | None = None

    def criterion(self) -> Criterion:
        """Turn it into what the domain knows; a price covers all cost unless it says otherwise."""
        covers = self.covers
        if covers is None and self.kind is CriterionKind.PRICE:
            covers = CostCovered.ALL
        return Criterion(
            name=self.name,
            kind=self.kind,
            weight=None if self.weight is None else Decimal(self.weight),
            covers=covers,
        )


class AttestationBody(RequestModel):
    """Something that each vendor attests in its bid, by its name."""

    name: Label = Field(examples=["no_conflict"])
    sentence: Label


class TermsBody(RequestModel):
    """An RFP's terms: by what it is scored, how it was advertised, what its consortium promises.

    Weights sum to 100. Without criteria the price alone decides. `acceptance_window_s` and
    `silence_means`, both of which must be said before the publication, and `price_on_declines`
    belong to group pricing, `cost_shared_by` to group procurement, `margin_percent` to resale.
    """

    advertised_as: Advertised = Advertised.AUCTION_MAY_FOLLOW
    prequalified_only: bool = False
    bids_min: Annotated[int, Field(strict=True, ge=1, le=BIDS_MIN_MAX)] = 1
    certified_on: Annotated[date, Field(strict=True)] | None = Field(
        default=None, description="When the form that begins the waiting period was certified."
    )
    questions_close_at: Instant | None = None
    declarations: list[Label] = Field(default=[], max_length=50)
    attestations: list[AttestationBody] = Field(
        default=[],
        max_length=ATTESTATIONS_MAX,
        description="Asked of each vendor, beside those that the policy profile asks for.",
    )
    criteria: list[CriterionBody] = Field(default=[], max_length=CRITERIA_MAX)
    acceptance_window_s: Annotated[int, Field(strict=True, gt=0)] | None = None
    silence_means: SilenceMeans | None = None
    price_on_declines: PriceOnDeclines | None = None
    cost_shared_by: CostSharing | None = None
    margin_percent: PercentText | None = None
    contract: ContractTermsBody | None = None

    def terms(self) -> Terms:
        """Turn it into what the domain knows."""
        margin = self.margin_percent
        return Terms(
            advertised_as=self.advertised_as,
            prequalified_only=self.prequalified_only,
            bids_min=self.bids_min,
            certified_on=self.certified_on,
            questions_close_at=self.questions_close_at,
            declarations=tuple(self.declarations),
            attestations=tuple(Attestation(**each.model_dump()) for each in self.attestations),
            criteria=tuple(each.criterion() for each in self.criteria) or PRICE_ALONE,
            acceptance_window_s=self.acceptance_window_s,
            silence_means=self.silence_means,
            price_on_declines=self.price_on_declines,
            cost_shared_by=self.cost_shared_by,
            margin_percent=None if margin is None else Decimal(margin),
            contract=None if self.contract is None else self.contract.terms(),
        )


class DraftRfp(RequestModel):
    """A solicitation to be: bids are taken until `closes_at`, which is not included.

    Drafted from a template or from an earlier RFP of the buyer's own, it takes from that whatever
    is left out here.
    """

    title: Label | None = None
    currency: CurrencyText | None = None
    consortium_model: ConsortiumModel | None = None
    policy_profile: Label | None = Field(default=None, examples=["open"])
    custodian_id: UUID | None = Field(default=None, description="Who holds the opening's key.")
    closes_at: Instant
    standstill_s: (
        Annotated[int, Field(strict=True, ge=0, le=int(STANDSTILL_MAX.total_seconds()))] | None
    ) = Field(default=None, description="Seconds between an award's intent and the award.")
    terms: TermsBody | None = None
    template_id: UUID | None = None
    from_rfp_id: UUID | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.template_id is not None and self.from_rfp_id is not None:
            raise unfit(
                code="sources",
                sentence="Draft from a template or from an earlier RFP, not from both.",
            )
        return self

    def draft(self) -> Draft:
        """Turn it into what the use case takes."""
        return Draft(
            title=self.title,
            currency=self.currency,
            consortium_model=self.consortium_model,
            policy_profile=self.policy_profile,
            custodian_id=None if self.custodian_id is None else PartyId(self.custodian_id),
            closes_at=self.closes_at,
            standstill_s=self.standstill_s,
            terms=None if self.terms is None else self.terms.terms(),
        )

    def source(self) -> Source:
        """Tell what it is drafted from."""
        rfp_id = None if self.from_rfp_id is None else RfpId(self.from_rfp_id)
        return Source(rfp_id=rfp_id, template_id=self.template_id)


class WriteTerms(RequestModel):
    """A draft's terms, in place of those before; without `closes_at` its deadline stays."""

    terms: TermsBody
    closes_at: Instant | None = None


class LimitLot(RequestModel):
    """The regions to whose vendors alone a lot is shown; none shows it to all."""

    regions: list[Label] = Field(max_length=REGIONS_MAX)


class KeepTemplate(RequestModel):
    """An RFP to be kept for others to be drafted from: its terms as they then stand."""

    name: Label
    rfp_id: UUID


class TemplateAnswer(AnswerModel):
    """An RFP that is kept as a template."""

    id: UUID
    name: str
    rfp_id: UUID
    made_at: datetime

    @classmethod
    def of(cls, template: Template) -> Self:
        """Render a template."""
        return cls(
            id=template.id,
            name=template.name,
            rfp_id=template.rfp_id,
            made_at=template.made_at,
        )


class BreachAnswer(AnswerModel):
    """A rule of the policy profile that is not kept, and where it stands."""

    rule: str
    sentence: str
    source: str

    @classmethod
    def of(cls, breach: Breach) -> Self:
        """Render a breach."""
        return cls(rule=breach.rule, sentence=breach.sentence, source=breach.source)


class BreachesAnswer(AnswerModel):
    """Every rule that publishing the RFP now would break; none lets it pass."""

    breaches: list[BreachAnswer]


@routes.post(
    "/v1/rfps",
    scope="rfp:write",
    body=DraftRfp,
    answer=RfpAnswer,
    summary="Draft an RFP",
    refusals=(
        SourceUnknown,
        DraftIncomplete,
        PolicyProfileUnknown,
        DeadlinePast,
        TermsUnfit,
        CustodianUnknown,
    ),
    creates=True,
)
async def draft_rfp(call: Call[DraftRfp]) -> RfpAnswer:
    """Draft an RFP; nobody but its buyer sees it before it is published."""
    body = call.body
    rfp = await call.of(DRAFTING).draft(
        body.draft(), body.source(), rfp_id=call.new_id, by=_person(call)
    )
    return RfpAnswer.of(rfp)


@routes.put(
    "/v1/rfps/{rfp_id}/terms",
    scope="rfp:write",
    body=WriteTerms,
    answer=RfpAnswer,
    summary="Write a draft's terms anew",
    refusals=(RfpUnknown, RfpNotDraft, DeadlinePast, TermsUnfit),
)
async def write_terms(call: Call[WriteTerms]) -> RfpAnswer:
    """Put terms, criteria and weights in place of those before; the publication freezes them.

    What a second person approved before is not what stands now, and must be approved anew.
    """
    rfp = await call.of(DRAFTING).write_terms(
        RfpId(call.id("rfp_id")),
        call.body.terms.terms(),
        closes_at=call.body.closes_at,
        buyer_id=call.caller_party,
    )
    return RfpAnswer.of(rfp)


@routes.post(
    "/v1/rfps/{rfp_id}/approve",
    scope="rfp:write",
    answer=RfpAnswer,
    summary="Approve a draft as a second person",
    refusals=(RfpUnknown, RfpNotDraft, ApproverIsDrafter),
)
async def approve_rfp(call: Call[None]) -> RfpAnswer:
    """Approve a draft with its lots as they stand; the caller is another person than its drafter.

    Persons are told apart by the `sub` of their tokens.
    """
    rfp = await call.of(DRAFTING).approve(RfpId(call.id("rfp_id")), by=_person(call))
    return RfpAnswer.of(rfp)


@routes.get(
    "/v1/rfps/{rfp_id}/breaches",
    scope="rfp:write",
    answer=BreachesAnswer,
    summary="List what the policy profile forbids",
    refusals=(RfpUnknown, PolicyProfileUnknown),
)
async def list_breaches(call: Call[None]) -> BreachesAnswer:
    """Name every rule of its policy profile that publishing the buyer's RFP now would break."""
    breaches = await call.of(RFPS).breaches_of(RfpId(call.id("rfp_id")), buyer_id=call.caller_party)
    return BreachesAnswer(breaches=[BreachAnswer.of(breach) for breach in breaches])


@routes.put(
    "/v1/lots/{lot_id}/regions",
    scope="rfp:write",
    body=LimitLot,
    answer=LotAnswer,
    summary="Limit a draft's lot to regions",
    refusals=(LotUnknown, RfpNotDraft),
)
async def limit_lot(call: Call[LimitLot]) -> LotAnswer:
    """Show a draft's lot to vendors that serve one of the regions, and to no other vendor.

    Everybody but vendors sees it as before. Pooling the draft again makes new lots without limits.
    """
    listed = await call.of(DRAFTING).limit(
        LotId(call.id("lot_id")), call.body.regions, buyer_id=call.caller_party
    )
    return LotAnswer.of(listed)


@routes.post(
    "/v1/rfp-templates",
    scope="rfp:write",
    body=KeepTemplate,
    answer=TemplateAnswer,
    summary="Keep an RFP as a template",
    refusals=(RfpUnknown, TemplateNameTaken),
    creates=True,
)
async def keep_template(call: Call[KeepTemplate]) -> TemplateAnswer:
    """Keep one of the buyer's own RFPs under a name, for others to be drafted from."""
    template = await call.of(DRAFTING).keep_template(
        RfpId(call.body.rfp_id),
        name=call.body.name,
        template_id=call.new_id,
        buyer_id=call.caller_party,
    )
    return TemplateAnswer.of(template)


@routes.get(
    "/v1/rfp-templates",
    scope="rfp:write",
    answer=PageAnswer[TemplateAnswer],
    summary="List templates",
    paged=True,
)
async def list_templates(call: Call[None]) -> PageAnswer[TemplateAnswer]:
    """List the buyer's own templates."""
    page = call.page()
    found = await call.of(DRAFTING).page_templates(
        Part(page.after, page.limit), buyer_id=call.caller_party
    )
    items = [TemplateAnswer.of(template) for template in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


def _person(call: Call[DraftRfp] | Call[None]) -> Person:
    return Person(call.caller_party, call.caller.subject)
