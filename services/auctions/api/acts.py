"""Routes by which the buyer conducts an auction: each act has a reason that all are told."""

import secrets
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.auctions.answers import (
    ActAnswer,
    AuctionAnswer,
    OfferAnswer,
    act_answer,
    auction_answer,
    offer_answer,
)
from services.auctions.api.offers import OF_EVERY_COMMAND, OF_EVERY_OFFER, SALT_BYTES, PriceBody
from services.auctions.api.rooms import ROOMS, auction_in
from services.auctions.domain import refused
from services.auctions.domain.commands import (
    CancelAuction,
    Command,
    ExtendAuction,
    PauseAuction,
    PlaceSurrogate,
    ResumeAuction,
    VoidOffer,
)
from services.auctions.draft import Done
from services.auctions.usecases import AuctionRulesRefused
from shared.domain.ids import AuctionId, PartyId
from shared.events.bids import AuctionRequested, QualifiedVendor
from shared.web import Api, Call
from shared.web.auction_rules import (
    HANDICAPS_MAX,
    AuctionRulesBody,
    HandicapBody,
    factor_of,
)
from shared.web.fields import (
    CurrencyText,
    Instant,
    Label,
    PriceText,
    Prose,
    QuantityText,
    RequestModel,
)

routes = Api("auctions", title="", version="")


class VendorBody(HandicapBody):
    """A vendor that is let in, under the alias that the others see."""

    alias: Label
    opening_price: PriceText | None = None


class ProposeBody(RequestModel):
    """An auction that a buyer holds without a solicitation."""

    title: Label
    unit: Label
    quantity: QuantityText
    currency: CurrencyText
    opens_at: Instant
    closes_at: Instant
    rules: AuctionRulesBody
    vendors: Annotated[tuple[VendorBody, ...], Field(min_length=1, max_length=HANDICAPS_MAX)]
    reserve: PriceText | None = None
    budget: PriceText | None = None
    group_id: UUID | None = None
    position: Annotated[int, Field(ge=1, le=1_000)] | None = None


class ActBody(RequestModel):
    """Why it is done; everybody in the auction is told."""

    reason: Prose


class ResumeBody(ActBody):
    """When the time runs on: at once, or at an instant to come."""

    resumes_at: Instant | None = None


class ExtendBody(ActBody):
    """The later close."""

    closes_at: Instant


class VoidBody(ActBody):
    """Which offer: its `seq` in the log."""

    seq: Annotated[int, Field(ge=1)]


class SurrogateBody(PriceBody, ActBody):
    """Whose offer it is, and the price."""

    vendor_id: UUID


@routes.post(
    "/v1/auctions",
    scope="auction:write",
    body=ProposeBody,
    answer=AuctionAnswer,
    status=201,
    summary="Hold an auction",
    creates=True,
    refusals=(AuctionRulesRefused,),
)
async def propose_auction(call: Call[ProposeBody]) -> AuctionAnswer:
    """Schedule an auction that belongs to no solicitation; every fault of its rules is named."""
    rooms = call.of(ROOMS)
    request = request_of(call.body, buyer_id=call.caller_party, auction_id=call.new_id)
    auction_id = await rooms.propose(request, auction_id=AuctionId(call.new_id))
    picture, seen = await rooms.show(auction_id, call.caller)
    return auction_answer(picture, seen, now=rooms.clock.now())


@routes.post(
    "/v1/auctions/{auction_id}/pause",
    scope="auction:write",
    body=ActBody,
    answer=ActAnswer,
    status=201,
    summary="Pause an auction",
    keyed=True,
    refusals=(*OF_EVERY_COMMAND, refused.BuyerOnly),
)
async def pause_auction(call: Call[ActBody]) -> ActAnswer:
    """Stop the time; what is left of it is kept."""
    return await _act(call, PauseAuction(party_id=call.caller_party, reason=call.body.reason))


@routes.post(
    "/v1/auctions/{auction_id}/resume",
    scope="auction:write",
    body=ResumeBody,
    answer=ActAnswer,
    status=201,
    summary="Resume an auction",
    keyed=True,
    refusals=(
        *OF_EVERY_COMMAND,
        refused.AuctionNotPaused,
        refused.BuyerOnly,
        refused.ResumptionPast,
    ),
)
async def resume_auction(call: Call[ResumeBody]) -> ActAnswer:
    """Let the time run on, at once or at an instant to come."""
    command = ResumeAuction(
        party_id=call.caller_party, reason=call.body.reason, resumes_at=call.body.resumes_at
    )
    return await _act(call, command)


@routes.post(
    "/v1/auctions/{auction_id}/extend",
    scope="auction:write",
    body=ExtendBody,
    answer=ActAnswer,
    status=201,
    summary="Move the close",
    keyed=True,
    refusals=(*OF_EVERY_COMMAND, refused.BuyerOnly, refused.CloseNotMoved),
)
async def extend_auction(call: Call[ExtendBody]) -> ActAnswer:
    """Move the close to a later instant."""
    command = ExtendAuction(
        party_id=call.caller_party, reason=call.body.reason, closes_at=call.body.closes_at
    )
    return await _act(call, command)


@routes.post(
    "/v1/auctions/{auction_id}/void",
    scope="auction:write",
    body=VoidBody,
    answer=ActAnswer,
    status=201,
    summary="Void an offer",
    keyed=True,
    refusals=(*OF_EVERY_COMMAND, refused.BuyerOnly, refused.OfferUnknown),
)
async def void_offer(call: Call[VoidBody]) -> ActAnswer:
    """Rank as if it had never been; the original stays in the log."""
    command = VoidOffer(party_id=call.caller_party, reason=call.body.reason, offer=call.body.seq)
    return await _act(call, command)


@routes.post(
    "/v1/auctions/{auction_id}/surrogate-offers",
    scope="auction:write",
    body=SurrogateBody,
    answer=OfferAnswer,
    status=201,
    summary="Place an offer for a vendor",
    keyed=True,
    refusals=(*OF_EVERY_OFFER, refused.BuyerOnly),
)
async def place_surrogate(call: Call[SurrogateBody]) -> OfferAnswer:
    """Place an offer for a vendor that cannot, under the same rules; all are told."""
    command = PlaceSurrogate(
        party_id=call.caller_party,
        reason=call.body.reason,
        vendor_id=PartyId(call.body.vendor_id),
        price=call.body.price(),
        salt=secrets.token_bytes(SALT_BYTES),
    )
    return offer_answer(await _ask(call, command), command.price)


@routes.post(
    "/v1/auctions/{auction_id}/cancel",
    scope="auction:write",
    body=ActBody,
    answer=ActAnswer,
    status=201,
    summary="Cancel an auction",
    keyed=True,
    refusals=(*OF_EVERY_COMMAND, refused.BuyerOnly),
)
async def cancel_auction(call: Call[ActBody]) -> ActAnswer:
    """End it without outcome."""
    return await _act(call, CancelAuction(party_id=call.caller_party, reason=call.body.reason))


def request_of(body: ProposeBody, *, buyer_id: PartyId, auction_id: UUID) -> AuctionRequested:
    """Say it in the published language; without a solicitation, the auction stands for its lot."""
    return AuctionRequested(
        lot_id=auction_id,
        rfp_id=auction_id,
        buyer_id=buyer_id,
        title=body.title,
        unit=body.unit,
        quantity=body.quantity,
        currency=body.currency,
        policy_profile="open",
        opens_at=body.opens_at,
        closes_at=body.closes_at,
        rules=body.rules.told(),
        vendors=tuple(
            QualifiedVendor(
                vendor_id=vendor.vendor_id,
                alias=vendor.alias,
                opening_price=vendor.opening_price,
                factor=factor_of(vendor),
                features=vendor.features,
            )
            for vendor in body.vendors
        ),
        reserve=body.reserve,
        budget=body.budget,
        group_id=body.group_id,
        position=body.position,
    )


async def _act(call: Call[Any], command: Command) -> ActAnswer:
    return act_answer(await _ask(call, command))


async def _ask(call: Call[Any], command: Command) -> Done:
    return await call.of(ROOMS).ask(auction_in(call), command, key=call.idempotency_key)
