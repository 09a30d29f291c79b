"""Answer buyers who invite vendors, and vendors who say whether they will bid."""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.amendments import RfpNotPublished
from services.bids.domain.bids import VendorUnknown
from services.bids.domain.eligibility import Hindrance
from services.bids.domain.invitations import (
    INVITED_AT_ONCE_MAX,
    Intent,
    Invitation,
    InvitedUnknown,
)
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.purchase import Part
from services.bids.usecases.invitations import Invitations
from shared.domain.ids import PartyId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, PageAnswer, RequestModel

INVITATIONS: Final = web.AppKey("bids_invitations", Invitations)

routes = Api("bids", title="", version="")


class InviteVendors(RequestModel):
    """Vendors to be told of an RFP; any other vendor may bid as well."""

    vendor_ids: list[UUID] = Field(min_length=1, max_length=INVITED_AT_ONCE_MAX)


class StateIntent(RequestModel):
    """Whether the caller will bid; until the deadline it may say otherwise."""

    intent: Intent
    reason: Label | None = None


class InvitationAnswer(AnswerModel):
    """A vendor beside an RFP; `invited_at` is null where it answers uninvited."""

    rfp_id: UUID
    vendor_id: UUID
    invited_at: datetime | None
    intent: Intent | None
    reason: str | None
    answered_at: datetime | None

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """Render an invitation."""
        return cls(
            rfp_id=invitation.rfp_id,
            vendor_id=invitation.vendor_id,
            invited_at=invitation.invited_at,
            intent=invitation.intent,
            reason=invitation.reason,
            answered_at=invitation.answered_at,
        )


class HindranceAnswer(AnswerModel):
    """What would be refused if the vendor filed: the refusal's code, why, and on which lots.

    `lot_ids` is empty where no lot is for the vendor's regions. What is lacking may be had until
    the deadline: nothing is refused by this.
    """

    vendor_id: UUID
    code: str
    sentence: str
    lot_ids: list[UUID]

    @classmethod
    def of(cls, hindrance: Hindrance) -> Self:
        """Render a hindrance."""
        return cls(
            vendor_id=hindrance.vendor_id,
            code=hindrance.code,
            sentence=hindrance.sentence,
            lot_ids=list(hindrance.lot_ids),
        )


class IntentAnswer(InvitationAnswer):
    """What a vendor said it will do, and what would keep it from filing; it is taken anyway."""

    hindrances: list[HindranceAnswer]


class InvitedAnswer(AnswerModel):
    """The invitations that are new; whoever was invited before is not told again.

    `hindrances` says of all vendors that were named what would keep them from filing.
    """

    invited: list[InvitationAnswer]
    hindrances: list[HindranceAnswer]


@routes.post(
    "/v1/rfps/{rfp_id}/invitations",
    scope="rfp:write",
    body=InviteVendors,
    answer=InvitedAnswer,
    summary="Invite vendors",
    refusals=(RfpUnknown, RfpNotPublished, InvitedUnknown),
)
async def invite_vendors(call: Call[InviteVendors]) -> InvitedAnswer:
    """Invite vendors to a draft or a published RFP; to a draft, they are told at its publication.

    Asking again changes nothing, so that a lost answer may be repeated. A vendor that is not
    qualified, or that serves no lot's regions, is invited all the same, and `hindrances` says so.
    """
    invited, found = await call.of(INVITATIONS).invite(
        RfpId(call.id("rfp_id")),
        [PartyId(each) for each in call.body.vendor_ids],
        buyer_id=call.caller_party,
    )
    return InvitedAnswer(
        invited=[InvitationAnswer.of(each) for each in invited],
        hindrances=[HindranceAnswer.of(each) for each in found],
    )


@routes.get(
    "/v1/rfps/{rfp_id}/invitations",
    scope="rfp:read",
    answer=PageAnswer[InvitationAnswer],
    summary="List an RFP's invitations",
    refusals=(RfpUnknown,),
    paged=True,
)
async def list_invitations(call: Call[None]) -> PageAnswer[InvitationAnswer]:
    """List all to the RFP's buyer and to auditors, and to a vendor its own."""
    page = call.page()
    found = await call.of(INVITATIONS).page(
        RfpId(call.id("rfp_id")), Part(page.after, page.limit), viewer=call.caller
    )
    items = [InvitationAnswer.of(invitation) for invitation in found]
    last = items[-1].vendor_id if len(items) == page.limit else None
    return PageAnswer(items=items, next_after=last)


@routes.put(
    "/v1/rfps/{rfp_id}/intent",
    scope="bid:write",
    body=StateIntent,
    answer=IntentAnswer,
    summary="Say whether one will bid",
    refusals=(RfpUnknown, VendorUnknown, RfpNotPublished),
)
async def state_intent(call: Call[StateIntent]) -> IntentAnswer:
    """Tell the buyer whether the caller will bid or declines; it binds to nothing.

    An intent to bid is answered with what would be refused if the caller filed now, or will be
    before the deadline: that it serves no lot's regions, or is not qualified where that is asked.
    """
    invitation, found = await call.of(INVITATIONS).state(
        RfpId(call.id("rfp_id")),
        call.body.intent,
        reason=call.body.reason,
        vendor_id=call.caller_party,
    )
    return IntentAnswer(
        **InvitationAnswer.of(invitation).model_dump(),
        hindrances=[HindranceAnswer.of(each) for each in found],
    )
