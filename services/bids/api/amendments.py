"""Answer buyers who amend RFPs, and vendors who let their bids stand."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.amendments import (
    ADDENDA_MAX,
    AddendaTooMany,
    Addendum,
    AddendumUnknown,
    ConfirmationLate,
    DeadlineMovedBack,
    NewAddendum,
    RfpNotPublished,
)
from services.bids.domain.bids import BidUnknown
from services.bids.domain.policy import PolicyProfileUnknown
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.purchase import Part
from services.bids.usecases.amendments import Amending, Confirmation
from shared.domain.ids import LotId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Instant, PageAnswer, Prose, RequestModel

AMENDING: Final = web.AppKey("bids_amending", Amending)

routes = Api("bids", title="", version="")


class AmendRfp(RequestModel):
    """A change of a published RFP; without `closes_at` its deadline stays."""

    text: Prose
    is_substantial: bool = Field(
        description="Whether bids received before must be confirmed, and waits begin again."
    )
    closes_at: Instant | None = Field(default=None, description="Not before the one that stands.")


class ConfirmBid(RequestModel):
    """The addendum under which a bid stands: the last one."""

    addendum: Annotated[int, Field(strict=True, ge=1, le=ADDENDA_MAX)]


class AddendumAnswer(AnswerModel):
    """An addendum; `closes_at` is the deadline that stood when it was issued."""

    id: UUID
    rfp_id: UUID
    version: int
    is_substantial: bool
    text: str
    closes_at: datetime
    issued_at: datetime

    @classmethod
    def of(cls, addendum: Addendum) -> Self:
        """Render an addendum."""
        return cls(
            id=addendum.id,
            rfp_id=addendum.rfp_id,
            version=addendum.version,
            is_substantial=addendum.is_substantial,
            text=addendum.text,
            closes_at=addendum.closes_at,
            issued_at=addendum.issued_at,
        )


class ConfirmationAnswer(AnswerModel):
    """A bid that stands under an addendum."""

    bid_id: UUID
    lot_id: UUID
    addendum: int


@routes.post(
    "/v1/rfps/{rfp_id}/addenda",
    scope="rfp:write",
    body=AmendRfp,
    answer=AddendumAnswer,
    summary="Amend an RFP",
    refusals=(
        RfpUnknown,
        RfpNotPublished,
        DeadlineMovedBack,
        AddendaTooMany,
        PolicyProfileUnknown,
    ),
    creates=True,
)
async def amend_rfp(call: Call[AmendRfp]) -> AddendumAnswer:
    """Issue the next addendum of a published RFP, before its deadline; all are told.

    Bids received before a substantial addendum count only if they are confirmed or filed anew. The
    deadline only moves later. Criteria and weights are not changed: cancel, and draft anew.
    """
    addendum = await call.of(AMENDING).amend(
        RfpId(call.id("rfp_id")),
        NewAddendum(
            id=call.new_id,
            is_substantial=call.body.is_substantial,
            text=call.body.text,
            closes_at=call.body.closes_at,
        ),
        buyer_id=call.caller_party,
    )
    return AddendumAnswer.of(addendum)


@routes.get(
    "/v1/rfps/{rfp_id}/addenda",
    scope="rfp:read",
    answer=PageAnswer[AddendumAnswer],
    summary="List an RFP's addenda",
    refusals=(RfpUnknown,),
    paged=True,
)
async def list_addenda(call: Call[None]) -> PageAnswer[AddendumAnswer]:
    """List the addenda, oldest first."""
    page = call.page()
    found = await call.of(AMENDING).page(
        RfpId(call.id("rfp_id")),
        Part(page.after, page.limit),
        viewer_id=call.caller.party_id,
    )
    items = [AddendumAnswer.of(addendum) for addendum in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@routes.post(
    "/v1/lots/{lot_id}/bids/confirm",
    scope="bid:write",
    body=ConfirmBid,
    answer=ConfirmationAnswer,
    summary="Confirm a bid under an addendum",
    refusals=(BidUnknown, ConfirmationLate, AddendumUnknown),
)
async def confirm_bid(call: Call[ConfirmBid]) -> ConfirmationAnswer:
    """Let the caller's bid on the lot stand under the RFP's last addendum; again changes nothing.

    It counts if its last byte was received before the lot's deadline.
    """
    bid = await call.of(AMENDING).confirm(
        Confirmation(
            lot_id=LotId(call.id("lot_id")),
            vendor_id=call.caller_party,
            version=call.body.addendum,
            received_at=call.received_at,
        )
    )
    return ConfirmationAnswer(bid_id=bid.bid_id, lot_id=bid.lot_id, addendum=bid.addendum)
