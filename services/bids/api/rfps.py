"""Answer buyers who draft, pool, publish and cancel RFPs, and all who read them."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.lots import LotStatus, LotUnknown
from services.bids.domain.parties import CustodianUnknown
from services.bids.domain.publication import (
    CustodianKeyMissing,
    RfpAlreadyCancelled,
    RfpAwarded,
    RfpWithoutLots,
)
from services.bids.domain.rfps import (
    STANDSTILL_MAX,
    ConsortiumModel,
    DeadlinePast,
    PolicyProfileUnknown,
    Rfp,
    RfpNotDraft,
    RfpStatus,
    RfpUnknown,
)
from services.bids.ports.purchase import ListedLot, Part
from services.bids.usecases.rfps import NewRfp, Rfps
from shared.domain.ids import LotId, OpeningId, PartyId, RfpId
from shared.web import Api, Call
from shared.web.fields import (
    AnswerModel,
    CurrencyText,
    Instant,
    Label,
    PageAnswer,
    RequestModel,
)

RFPS: Final = web.AppKey("bids_rfps", Rfps)

routes = Api("bids", title="", version="")


class DraftRfp(RequestModel):
    """A solicitation to be: bids are taken until `closes_at`, which is not included."""

    title: Label
    currency: CurrencyText
    consortium_model: ConsortiumModel
    policy_profile: Label = Field(examples=["open"])
    custodian_id: UUID = Field(description="Who holds the opening's key.")
    closes_at: Instant
    standstill_s: Annotated[
        int,
        Field(strict=True, ge=0, le=int(STANDSTILL_MAX.total_seconds())),
    ] = Field(description="Seconds between an award's intent and the award.")

    def new(self) -> NewRfp:
        """Turn it into what the use case takes."""
        return NewRfp(
            title=self.title,
            currency=self.currency,
            consortium_model=self.consortium_model,
            policy_profile=self.policy_profile,
            custodian_id=PartyId(self.custodian_id),
            closes_at=self.closes_at,
            standstill_s=self.standstill_s,
        )


class RfpAnswer(AnswerModel):
    """A solicitation as it stands."""

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
        )


class LotAnswer(AnswerModel):
    """A lot: `members` have a share in it; the area is null where theirs differ."""

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

    @classmethod
    def of(cls, listed: ListedLot) -> Self:
        """Render a lot."""
        lot = listed.lot
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
        )


class CancelRfp(RequestModel):
    """Why an RFP ends; the reason is published."""

    reason: Label


@routes.post(
    "/v1/rfps",
    scope="rfp:write",
    body=DraftRfp,
    answer=RfpAnswer,
    summary="Draft an RFP",
    refusals=(CustodianUnknown, DeadlinePast, PolicyProfileUnknown),
    creates=True,
)
async def draft_rfp(call: Call[DraftRfp]) -> RfpAnswer:
    """Draft an RFP; nobody but its buyer sees it before it is published."""
    rfp = await call.of(RFPS).draft(call.body.new(), rfp_id=call.new_id, buyer_id=call.caller_party)
    return RfpAnswer.of(rfp)


@routes.post(
    "/v1/rfps/{rfp_id}/publish",
    scope="rfp:write",
    answer=RfpAnswer,
    summary="Publish an RFP",
    refusals=(
        RfpUnknown,
        RfpNotDraft,
        RfpWithoutLots,
        CustodianKeyMissing,
        DeadlinePast,
        PolicyProfileUnknown,
    ),
    creates=True,
    status=200,
)
async def publish_rfp(call: Call[None]) -> RfpAnswer:
    """Publish a draft: its lots take sealed bids, and its opening's key is dealt.

    The key is made now; its private half leaves sealed to the custodian's registered key, and is
    kept nowhere else.
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
    refusals=(RfpUnknown, RfpAlreadyCancelled, RfpAwarded),
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
