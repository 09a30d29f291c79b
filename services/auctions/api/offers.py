"""Routes by which vendors bid: offers, tickers' levels, proxies."""

import secrets
from typing import Any, Final

from services.auctions.answers import (
    ActAnswer,
    OfferAnswer,
    StandingAnswer,
    act_answer,
    offer_answer,
    standing_answer,
)
from services.auctions.api.rooms import ROOMS, auction_in
from services.auctions.domain import refused
from services.auctions.domain.commands import (
    AcceptLevel,
    CancelProxy,
    Command,
    LeaveAuction,
    PlaceOffer,
    SetProxy,
    WithdrawOffer,
)
from services.auctions.domain.picture import audience_of, seen_by
from services.auctions.draft import Done
from services.auctions.ports import AuctionUnknown, DeskBusy, DeskElsewhere
from shared.domain.money import UnitPrice
from shared.domain.refusals import Refusal
from shared.web import Api, Call
from shared.web.fields import CurrencyText, PriceText, RequestModel

SALT_BYTES: Final = 16

OF_EVERY_COMMAND: Final[tuple[type[Refusal], ...]] = (
    refused.AuctionNotOpen,
    refused.AuctionOver,
    refused.AuctionPaused,
    AuctionUnknown,
    refused.CommandNotInFormat,
    DeskBusy,
    DeskElsewhere,
)
"""What the desk can answer to any command."""

OF_EVERY_OFFER: Final[tuple[type[Refusal], ...]] = (
    *OF_EVERY_COMMAND,
    refused.CurrencyWrong,
    refused.NotYourTurn,
    refused.OfferNotMultiple,
    refused.OfferTied,
    refused.OfferTooHigh,
    refused.OfferTooLow,
    refused.PriceTooFine,
    refused.VendorNotAdmitted,
)
"""What the rules can say to a price."""

routes = Api("auctions", title="", version="")


class PriceBody(RequestModel):
    """One price per unit, for the auction's whole quantity."""

    unit_price: PriceText
    currency: CurrencyText

    def price(self) -> UnitPrice:
        """Read the price."""
        return UnitPrice.parse(self.unit_price, self.currency)


class ProxyBody(RequestModel):
    """How far down the house may bid for the vendor, and by how much at a time."""

    limit: PriceText
    decrement: PriceText
    currency: CurrencyText


@routes.get(
    "/v1/auctions/{auction_id}/standing",
    scope="offer:write",
    answer=StandingAnswer,
    summary="Read your own standing",
    refusals=(AuctionUnknown, refused.VendorNotAdmitted),
)
async def read_standing(call: Call[None]) -> StandingAnswer:
    """Return the calling vendor's rank, its price, and the price that it has to beat."""
    rooms, vendor_id = call.of(ROOMS), call.caller_party
    picture = await rooms.find(auction_in(call))
    seen = seen_by(picture, audience_of(picture.terms, vendor_id, is_auditor=False))
    if seen.own is None:
        sentence = "This auction is open only to the vendors that were qualified for it."
        raise refused.VendorNotAdmitted(sentence)
    return standing_answer(picture, seen, seen.own, now=rooms.clock.now())


@routes.post(
    "/v1/auctions/{auction_id}/offers",
    scope="offer:write",
    body=PriceBody,
    answer=OfferAnswer,
    status=201,
    summary="Place an offer",
    keyed=True,
    refusals=OF_EVERY_OFFER,
)
async def place_offer(call: Call[PriceBody]) -> OfferAnswer:
    """Answer once the offer is durable; under the same Idempotency-Key, the same answer."""
    command = PlaceOffer(
        party_id=call.caller_party,
        price=call.body.price(),
        salt=secrets.token_bytes(SALT_BYTES),
    )
    return offer_answer(await _ask(call, command), command.price)


@routes.post(
    "/v1/auctions/{auction_id}/offers/withdraw",
    scope="offer:write",
    answer=ActAnswer,
    status=201,
    summary="Withdraw the offer of your turn",
    keyed=True,
    refusals=(*OF_EVERY_COMMAND, refused.NotYourTurn, refused.NothingToWithdraw),
)
async def withdraw_offer(call: Call[None]) -> ActAnswer:
    """Take back what was offered in the turn that runs (rounds)."""
    return act_answer(await _ask(call, WithdrawOffer(party_id=call.caller_party)))


@routes.post(
    "/v1/auctions/{auction_id}/acceptances",
    scope="offer:write",
    body=PriceBody,
    answer=ActAnswer,
    status=201,
    summary="Accept the ticker's price",
    keyed=True,
    refusals=(
        *OF_EVERY_COMMAND,
        refused.CurrencyWrong,
        refused.LevelAccepted,
        refused.LevelPassed,
        refused.VendorNotAdmitted,
        refused.VendorOut,
    ),
)
async def accept_level(call: Call[PriceBody]) -> ActAnswer:
    """Stay in at the level shown (Japanese), or take it and win (Dutch)."""
    command = AcceptLevel(party_id=call.caller_party, price=call.body.price())
    return act_answer(await _ask(call, command))


@routes.post(
    "/v1/auctions/{auction_id}/leave",
    scope="offer:write",
    answer=ActAnswer,
    status=201,
    summary="Leave a falling ticker",
    keyed=True,
    refusals=(*OF_EVERY_COMMAND, refused.VendorNotAdmitted, refused.VendorOut),
)
async def leave_auction(call: Call[None]) -> ActAnswer:
    """Go out for good; the level that was accepted last stands."""
    return act_answer(await _ask(call, LeaveAuction(party_id=call.caller_party)))


@routes.post(
    "/v1/auctions/{auction_id}/proxy",
    scope="offer:write",
    body=ProxyBody,
    answer=ActAnswer,
    status=201,
    summary="Let the house bid for you",
    keyed=True,
    refusals=(
        *OF_EVERY_COMMAND,
        refused.CurrencyWrong,
        refused.LimitTooHigh,
        refused.PriceTooFine,
        refused.ProxiesNotAllowed,
        refused.VendorNotAdmitted,
    ),
)
async def set_proxy(call: Call[ProxyBody]) -> ActAnswer:
    """Set or replace a limit that nobody else can see: the log keeps only its salted hash."""
    body = call.body
    command = SetProxy(
        party_id=call.caller_party,
        limit=UnitPrice.parse(body.limit, body.currency),
        decrement=UnitPrice.parse(body.decrement, body.currency),
        salt=secrets.token_bytes(SALT_BYTES),
    )
    return act_answer(await _ask(call, command))


@routes.post(
    "/v1/auctions/{auction_id}/proxy/cancel",
    scope="offer:write",
    answer=ActAnswer,
    status=201,
    summary="End your proxy",
    keyed=True,
    refusals=(*OF_EVERY_COMMAND, refused.ProxyUnknown, refused.VendorNotAdmitted),
)
async def cancel_proxy(call: Call[None]) -> ActAnswer:
    """End it; offers that it has placed stand."""
    return act_answer(await _ask(call, CancelProxy(party_id=call.caller_party)))


async def _ask(call: Call[Any], command: Command) -> Done:
    return await call.of(ROOMS).ask(auction_in(call), command, key=call.idempotency_key)
