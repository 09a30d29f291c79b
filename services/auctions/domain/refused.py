"""Name every rule of an auction that can say no."""

from shared.domain.money import CurrencyWrong
from shared.domain.refusals import Kind, Refusal

__all__ = [
    "AuctionNotOpen",
    "AuctionNotPaused",
    "AuctionOver",
    "AuctionPaused",
    "BuyerOnly",
    "CloseNotMoved",
    "CommandNotInFormat",
    "CurrencyWrong",
    "LevelAccepted",
    "LevelPassed",
    "LimitTooHigh",
    "NotYourTurn",
    "NothingToWithdraw",
    "OfferNotMultiple",
    "OfferTied",
    "OfferTooHigh",
    "OfferTooLow",
    "OfferUnknown",
    "PriceTooFine",
    "ProxiesNotAllowed",
    "ProxyUnknown",
    "ResumptionPast",
    "VendorNotAdmitted",
    "VendorOut",
]


class VendorNotAdmitted(Refusal):
    """The vendor is not among those that were qualified for this auction."""

    kind = Kind.FORBIDDEN
    code = "vendor_not_admitted"


class BuyerOnly(Refusal):
    """Only the auction's buyer may do this."""

    kind = Kind.FORBIDDEN
    code = "buyer_only"


class AuctionNotOpen(Refusal):
    """The auction has not opened yet."""

    kind = Kind.CONFLICT
    code = "auction_not_open"


class AuctionOver(Refusal):
    """The auction was closed or cancelled, or the offer was taken at or after the close."""

    kind = Kind.CONFLICT
    code = "auction_over"


class AuctionPaused(Refusal):
    """The buyer has paused the auction; its time does not run."""

    kind = Kind.CONFLICT
    code = "auction_paused"


class AuctionNotPaused(Refusal):
    """There is no pause to end."""

    kind = Kind.CONFLICT
    code = "auction_not_paused"


class ResumptionPast(Refusal):
    """An auction cannot be resumed at an instant that has passed."""

    kind = Kind.INVALID
    code = "resumption_past"


class CloseNotMoved(Refusal):
    """The close would not move: it is there or later already, or the hard stop stands before it."""

    kind = Kind.CONFLICT
    code = "close_not_moved"


class CommandNotInFormat(Refusal):
    """The auction's format knows no such act."""

    kind = Kind.CONFLICT
    code = "command_not_in_format"


class PriceTooFine(Refusal):
    """The price has more decimals than this auction allows."""

    kind = Kind.INVALID
    code = "price_too_fine"


class OfferTooHigh(Refusal):
    """The offer does not undercut by the step what it must undercut, or is above the ceiling."""

    kind = Kind.CONFLICT
    code = "offer_too_high"


class OfferTooLow(Refusal):
    """The offer goes further down at once than the rules allow, or is nothing at all."""

    kind = Kind.CONFLICT
    code = "offer_too_low"


class OfferNotMultiple(Refusal):
    """The offer is not a whole number of steps below the price that it must undercut."""

    kind = Kind.CONFLICT
    code = "offer_not_multiple"


class OfferTied(Refusal):
    """The offer would equal another vendor's, which the rules exclude."""

    kind = Kind.CONFLICT
    code = "offer_tied"


class OfferUnknown(Refusal):
    """There is no such offer that counts."""

    kind = Kind.NOT_FOUND
    code = "offer_unknown"


class NotYourTurn(Refusal):
    """Another vendor's turn runs, or none does."""

    kind = Kind.CONFLICT
    code = "not_your_turn"


class NothingToWithdraw(Refusal):
    """The vendor has placed no offer in this turn."""

    kind = Kind.CONFLICT
    code = "nothing_to_withdraw"


class LevelPassed(Refusal):
    """The ticker stands at another price."""

    kind = Kind.CONFLICT
    code = "level_passed"


class LevelAccepted(Refusal):
    """The vendor has accepted this level already."""

    kind = Kind.CONFLICT
    code = "level_accepted"


class VendorOut(Refusal):
    """The vendor has left, or let a level pass; there is no way back."""

    kind = Kind.CONFLICT
    code = "vendor_out"


class ProxiesNotAllowed(Refusal):
    """The rules of this auction know no proxies."""

    kind = Kind.CONFLICT
    code = "proxies_not_allowed"


class LimitTooHigh(Refusal):
    """A proxy with this limit could never place an offer."""

    kind = Kind.CONFLICT
    code = "limit_too_high"


class ProxyUnknown(Refusal):
    """The vendor has set no proxy."""

    kind = Kind.CONFLICT
    code = "proxy_unknown"
