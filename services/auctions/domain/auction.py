"""Run one reverse auction: fold its log into a state, decide what may follow.

An `Auction` is folded by `apply`, one fact after another; `decide` and `due` only decide, so that
what they decided can be committed first and applied then. All instants are aware UTC and never
decrease from one fact to the next; the auction runs in `[opens_at, closes_at)`. What a format has
of its own is in `formats`; what all have in common is here and in `state`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from services.auctions.domain import buyer, facts
from services.auctions.domain.board import Board, Standing
from services.auctions.domain.commands import (
    AcceptLevel,
    BuyerAct,
    CancelAuction,
    CancelProxy,
    Command,
    ExtendAuction,
    GiveBack,
    LeaveAuction,
    MoveClose,
    PauseAuction,
    PlaceOffer,
    PlaceSurrogate,
    ResumeAuction,
    Secret,
    SetProxy,
    Step,
    VoidOffer,
    WithdrawOffer,
)
from services.auctions.domain.formats import format_of
from services.auctions.domain.formats.format import Format, Noted, Offer, ProxyWish
from services.auctions.domain.refused import (
    AuctionNotOpen,
    AuctionOver,
    BuyerOnly,
    CurrencyWrong,
    OfferTooHigh,
    VendorNotAdmitted,
)
from services.auctions.domain.state import Proxy, State, over, refuse_without_desk
from services.auctions.domain.terms import Calendar, Entrant, RecentOffer, Status, Terms
from shared.domain.facts import Fact
from shared.domain.ids import PartyId
from shared.domain.money import UnitPrice

__all__ = [
    "Auction",
    "AuctionNotOpen",
    "AuctionOver",
    "Calendar",
    "CurrencyWrong",
    "Entrant",
    "OfferTooHigh",
    "RecentOffer",
    "Standing",
    "Status",
    "Terms",
    "VendorNotAdmitted",
    "decide",
    "due",
    "due_at",
    "fold",
    "over",
    "refuse_without_desk",
]


class Auction(State):
    """The state that the log folds into, with the format that knows what follows."""

    __slots__ = ("format",)

    format: Format

    def __init__(self, terms: Terms) -> None:
        """Begin before the first offer: entrants stand at their opening prices, or nowhere."""
        self.format = format_of(terms.rules)
        super().__init__(terms, Board.of(terms, with_openings=self.format.stands_at_opening))

    def apply(
        self, fact: Fact, *, sequence: int, at: datetime, secret: Secret | None = None
    ) -> None:
        """Fold one fact of the log into the state, with the secret that it commits to.

        Without the secret a proxy does not answer, and an offer that is secret at first stands
        nowhere until the log reveals it.
        """
        self.sequence = sequence
        match fact:
            case facts.OfferPlaced(alias=alias, price=price):
                price_e4 = UnitPrice.parse(price, self.terms.currency).e4
                self.note_offer(sequence, alias, price_e4, at)
            case facts.Extended(closes_at=closes_at):
                self.closes_at = closes_at
                self.extensions += 1
            case facts.OfferVoided(alias=alias, offer=offer):
                self.format.forget(self, alias, offer)
            case facts.ProxySet(alias=alias, decrement=decrement):
                self._set_proxy(alias, decrement, secret)
            case facts.ProxyCancelled(alias=alias):
                self.proxies.pop(alias, None)
            case _:
                self._apply_time(fact, at)
                self.format.fold(self, fact, Noted(sequence, at, secret))

    def _set_proxy(self, alias: str, decrement: str, secret: Secret | None) -> None:
        self.proxies.pop(alias, None)
        if secret is not None:
            currency = self.terms.currency
            limit, down = (UnitPrice.parse(text, currency) for text in (secret.value, decrement))
            self.proxies[alias] = Proxy(alias, limit.e4, down.e4, self.sequence)

    def _apply_time(self, fact: Fact, at: datetime) -> None:
        match fact:
            case facts.Opened():
                self.status = Status.LIVE
            case facts.Closed():
                self.status, self.closed, self.ended_at = Status.CLOSED, fact, at
            case facts.Cancelled(reason=reason):
                self.status, self.cancel_reason, self.ended_at = Status.CANCELLED, reason, at
            case facts.ExtendedByBuyer(closes_at=closes_at):
                self.closes_at = closes_at
            case facts.Moved(opens_at=opens_at, closes_at=closes_at):
                self._move_hard_stop(opens_at - self.opens_at)
                self.opens_at, self.closes_at = opens_at, closes_at
            case _:
                self._apply_standstill(fact, at)

    def _apply_standstill(self, fact: Fact, at: datetime) -> None:
        match fact:
            case facts.Paused(reason=reason):
                self.status, self.paused_at, self.pause_reason = Status.PAUSED, at, reason
            case facts.ResumptionSet(resumes_at=resumes_at):
                self.resumes_at = resumes_at
            case facts.Resumed(closes_at=closes_at):
                self.status, self.paused_at, self.resumes_at = Status.LIVE, None, None
                self._shift(closes_at)
            case facts.TimeGivenBack(opens_at=opens_at, closes_at=closes_at, level_ends_at=until):
                self.opens_at = opens_at
                self._shift(closes_at)
                if until is not None:
                    self.format.restart(self, until)

    def _shift(self, closes_at: datetime) -> None:
        """Move all that is to come by as much as the close moves."""
        by = closes_at - self.closes_at
        self.closes_at = closes_at
        self._move_hard_stop(by)
        self.format.shift(by)

    def _move_hard_stop(self, by: timedelta) -> None:
        if self.hard_stop_at is not None:
            self.hard_stop_at += by


def decide(auction: Auction, command: Command, *, at: datetime) -> tuple[Step, ...]:
    """Decide on a command that the desk took at `at`; the first step is the command's own.

    Raises:
        Refusal: Whatever rule says no; the formats' methods and the acts in `buyer` list theirs.
    """
    match command:
        case PlaceOffer(party_id=vendor_id, price=price, salt=salt):
            alias = auction.alias_of(vendor_id)
            auction.require_running(at)
            offer = Offer(alias, _e4(auction, price), salt)
            return auction.format.place(auction, offer, at=at)
        case BuyerAct():
            return _decide_for_buyer(auction, command, at)
        case GiveBack():
            return buyer.give_back(auction, auction.format, command, at=at)
        case MoveClose():
            return buyer.move(auction, auction.format, command, at=at)
    return _decide_for_vendor(auction, command, at)


def due(auction: Auction, *, at: datetime) -> tuple[Step, ...]:
    """Tell what the time alone brings about at `at`, one thing at a time; mostly nothing.

    It is asked again, once that is applied, until nothing is due.
    """
    match auction.status:
        case Status.SCHEDULED if at >= auction.opens_at:
            return (Step(facts.Opened()),)
        case Status.LIVE:
            return auction.format.due(auction, at=at)
        case Status.PAUSED if auction.resumes_at is not None and at >= auction.resumes_at:
            return buyer.resumed(auction, auction.resumes_at, auction.pause_reason)
    return ()


def due_at(auction: Auction) -> datetime | None:
    """Tell when the time will next bring something about; never again after the close."""
    match auction.status:
        case Status.SCHEDULED:
            return auction.opens_at
        case Status.LIVE:
            return auction.format.due_at(auction)
        case Status.PAUSED:
            return auction.resumes_at
    return None


def fold(
    terms: Terms,
    log: Iterable[tuple[int, Fact, datetime] | tuple[int, Fact, datetime, Secret | None]],
) -> Auction:
    """Build the state from the log's (sequence, fact, instant, secret if any), oldest first."""
    auction = Auction(terms)
    for sequence, fact, at, *secret in log:
        auction.apply(fact, sequence=sequence, at=at, secret=secret[0] if secret else None)
    return auction


def _decide_for_vendor(auction: Auction, command: Command, at: datetime) -> tuple[Step, ...]:
    alias = auction.alias_of(command.party_id)
    auction.require_running(at)
    match command:
        case AcceptLevel(price=price):
            return auction.format.accept(auction, alias, _e4(auction, price), at=at)
        case LeaveAuction():
            return auction.format.leave(auction, alias)
        case WithdrawOffer():
            return auction.format.withdraw(auction, alias)
        case SetProxy(limit=limit, decrement=decrement, salt=salt):
            wish = ProxyWish(alias, _e4(auction, limit), _e4(auction, decrement), salt)
            return auction.format.set_proxy(auction, wish, at=at)
        case CancelProxy():
            return auction.format.cancel_proxy(auction, alias)
    sentence = f"{type(command).__name__} is not a command of an auction"
    raise TypeError(sentence)


def _decide_for_buyer(auction: Auction, command: BuyerAct, at: datetime) -> tuple[Step, ...]:
    _require_buyer(auction, command.party_id)
    match command:
        case PauseAuction():
            return buyer.pause(auction, command, at=at)
        case ResumeAuction():
            return buyer.resume(auction, command, at=at)
        case ExtendAuction():
            return buyer.extend(auction, auction.format, command, at=at)
        case VoidOffer():
            return buyer.void(auction, auction.format, command, at=at)
        case PlaceSurrogate(vendor_id=vendor_id, price=price):
            alias = auction.alias_of(vendor_id)
            auction.require_running(at)
            offer = Offer(alias, _e4(auction, price), command.salt, command.reason)
            return auction.format.surrogate(auction, offer, at=at)
        case CancelAuction(reason=reason):
            auction.require_not_over()
            return (Step(facts.Cancelled(reason=reason)),)
    sentence = f"{type(command).__name__} is not an act of a buyer"
    raise TypeError(sentence)


def _require_buyer(auction: Auction, party_id: PartyId) -> None:
    if party_id != auction.terms.buyer_id:
        sentence = "Only the buyer that holds this auction may do this."
        raise BuyerOnly(sentence)


def _e4(auction: Auction, price: UnitPrice) -> int:
    """Read a price in the auction's currency.

    Raises:
        CurrencyWrong: It is in another.
    """
    if price.currency != auction.terms.currency:
        sentence = f"Offers in this auction are in {auction.terms.currency}."
        raise CurrencyWrong(sentence)
    return price.e4
