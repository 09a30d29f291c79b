"""Run one English reverse auction: fold its log into a state, decide what may follow.

An `Auction` is folded by `apply`, one fact after another; `decide` and `due` only
decide, so that what they decided can be committed first and applied then. All instants are
aware UTC and never decrease from one fact to the next; the auction runs in `[opens_at, closes_at)`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from services.auctions.domain import facts
from services.auctions.domain.commands import CancelAuction, Command, PlaceOffer, Step
from services.auctions.domain.rules import Rules, StepAgainst
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Kind, Refusal

RECENT_MAX: Final = 20
"""Offers that the live picture shows beside the ranking."""


class Status(StrEnum):
    """Where an auction is in its life."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow any more."""
        return self in {Status.CLOSED, Status.CANCELLED}


class VendorNotAdmitted(Refusal):
    """The vendor is not among those that were qualified for this auction."""

    kind = Kind.FORBIDDEN
    code = "vendor_not_admitted"


class AuctionNotOpen(Refusal):
    """The auction has not opened yet."""

    kind = Kind.CONFLICT
    code = "auction_not_open"


class AuctionOver(Refusal):
    """The auction was closed or cancelled, or the offer was taken at or after the close."""

    kind = Kind.CONFLICT
    code = "auction_over"


class OfferTooHigh(Refusal):
    """The offer does not undercut by the step what it must undercut."""

    kind = Kind.CONFLICT
    code = "offer_too_high"


class CurrencyWrong(Refusal):
    """The offer is in another currency than the auction."""

    kind = Kind.INVALID
    code = "currency_wrong"


@dataclass(frozen=True, slots=True)
class Entrant:
    """A vendor let in; it stands at the price of its sealed bid when the auction opens."""

    vendor_id: PartyId
    alias: str
    opening_e4: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What does not change while an auction lives."""

    id: AuctionId
    lot_id: LotId
    rfp_id: RfpId
    buyer_id: PartyId
    title: str
    unit: str
    quantity: Decimal
    currency: Currency
    opens_at: datetime
    closes_at: datetime
    rules: Rules
    entrants: tuple[Entrant, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """When an auction runs, and where it is in its life, without its log."""

    status: Status
    opens_at: datetime
    closes_at: datetime


@dataclass(slots=True)
class Standing:
    """A vendor's last price, and the order in which it came: the earlier wins a tie."""

    alias: str
    price_e4: int
    order: int


@dataclass(frozen=True, slots=True)
class RecentOffer:
    """An offer as the picture shows it."""

    sequence: int
    alias: str
    price_e4: int
    at: datetime


@dataclass(slots=True)
class Auction:
    """The state that the log folds into."""

    terms: Terms
    status: Status = Status.SCHEDULED
    closes_at: datetime = field(init=False)
    extensions: int = 0
    offers: int = 0
    sequence: int = 0
    standings: dict[str, Standing] = field(init=False)
    recent: deque[RecentOffer] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    _alias_of: dict[PartyId, str] = field(init=False)

    def __post_init__(self) -> None:
        """Let every entrant stand at its opening price; ties go by the order of the entrants."""
        entrants = self.terms.entrants
        self.closes_at = self.terms.closes_at
        self._alias_of = {entrant.vendor_id: entrant.alias for entrant in entrants}
        self.standings = {
            entrant.alias: Standing(entrant.alias, entrant.opening_e4, index - len(entrants))
            for index, entrant in enumerate(entrants)
        }

    def apply(self, fact: Fact, *, sequence: int, at: datetime) -> None:
        """Fold one fact of the log into the state."""
        self.sequence = sequence
        match fact:
            case facts.OfferPlaced(alias=alias, price=price):
                price_e4 = UnitPrice.parse(price, self.terms.currency).e4
                self.standings[alias] = Standing(alias, price_e4, sequence)
                self.recent.append(RecentOffer(sequence, alias, price_e4, at))
                self.offers += 1
            case facts.Opened():
                self.status = Status.LIVE
            case facts.Extended(closes_at=closes_at):
                self.closes_at = closes_at
                self.extensions += 1
            case facts.Closed():
                self.status = Status.CLOSED
            case facts.Cancelled():
                self.status = Status.CANCELLED

    def alias_of(self, vendor_id: PartyId) -> str:
        """Tell under which alias a vendor bids.

        Raises:
            VendorNotAdmitted: It is not among the entrants.
        """
        try:
            return self._alias_of[vendor_id]
        except KeyError:
            sentence = "This auction is open only to the vendors that were qualified for it."
            raise VendorNotAdmitted(sentence) from None

    def ranking(self) -> list[Standing]:
        """List all standings, best first: by price, then by who stood there earlier."""
        return sorted(self.standings.values(), key=lambda one: (one.price_e4, one.order))

    def lead(self) -> Standing:
        """Tell who leads."""
        return min(self.standings.values(), key=lambda one: (one.price_e4, one.order))

    def rank_of(self, alias: str) -> int:
        """Tell an alias's rank, from 1."""
        own = self.standings[alias]
        key = (own.price_e4, own.order)
        return 1 + sum((one.price_e4, one.order) < key for one in self.standings.values())

    def price_to_beat(self, alias: str) -> UnitPrice:
        """Tell the highest price at which the vendor could offer now; 0 where there is none."""
        rules = self.terms.rules
        own, lead = self.standings[alias].price_e4, self.lead().price_e4
        against = {
            StepAgainst.OWN: own,
            StepAgainst.LEAD: lead,
            StepAgainst.BOTH: min(own, lead),
        }[rules.step_against]
        # An offer never raises a vendor's own standing price, whatever the step is against.
        highest = min(against - rules.step_e4, own - 1)
        return UnitPrice(max(highest, 0), self.terms.currency)


def decide(auction: Auction, command: Command, *, at: datetime) -> tuple[Step, ...]:
    """Decide on a command that the desk took at `at`; the first step is the command's own.

    Raises:
        Refusal: Whatever rule says no; each command's function lists its own.
    """
    match command:
        case PlaceOffer(party_id=vendor_id, price=price):
            return place(auction, vendor_id, price, at=at)
        case CancelAuction(reason=reason):
            return cancel(auction, reason=reason)
    sentence = f"{type(command).__name__} is not a command of this auction"
    raise TypeError(sentence)


def place(
    auction: Auction, vendor_id: PartyId, price: UnitPrice, *, at: datetime
) -> tuple[Step, ...]:
    """Decide on an offer.

    Raises:
        VendorNotAdmitted: The vendor is not among the entrants.
        AuctionNotOpen: `at` is before the opening.
        AuctionOver: `at` is at or after the close, or the auction was cancelled.
        CurrencyWrong: The price is in another currency.
        OfferTooHigh: The step is not kept; `price_to_beat` says what would do.
    """
    alias = auction.alias_of(vendor_id)
    _require_open(auction, at)
    if price.currency != auction.terms.currency:
        sentence = f"Offers in this auction are in {auction.terms.currency}."
        raise CurrencyWrong(sentence)
    highest = auction.price_to_beat(alias)
    if price.e4 > highest.e4 or highest.e4 == 0:
        sentence = f"An offer must be at most {highest} now."
        raise OfferTooHigh(sentence, details={"price_to_beat": str(highest)})
    closes_at = _close_after(auction, at)
    offer = _answered(auction, alias, price, closes_at)
    if closes_at == auction.closes_at:
        return (Step(offer),)
    return (Step(offer), Step(facts.Extended(closes_at=closes_at)))


def due(auction: Auction, *, at: datetime) -> tuple[Step, ...]:
    """Tell what the time alone brings about at `at`: the opening, or the close; mostly nothing."""
    if auction.status is Status.SCHEDULED and at >= auction.terms.opens_at:
        return (Step(facts.Opened()),)
    if auction.status is Status.LIVE and at >= auction.closes_at:
        return (Step(facts.Closed(ranking=_places(auction))),)
    return ()


def due_at(auction: Auction) -> datetime | None:
    """Tell when the time will next bring something about; never again after the close."""
    if auction.status is Status.SCHEDULED:
        return auction.terms.opens_at
    return auction.closes_at if auction.status is Status.LIVE else None


def cancel(auction: Auction, *, reason: str) -> tuple[Step, ...]:
    """End an auction without outcome.

    Raises:
        AuctionOver: It was closed or cancelled before.
    """
    if auction.status.is_over:
        raise over(auction)
    return (Step(facts.Cancelled(reason=reason)),)


def refuse_without_desk(calendar: Calendar) -> None:
    """Refuse offers to an auction that nobody writes now, if it is over or not yet due.

    Raises:
        AuctionNotOpen: It has not opened yet.
        AuctionOver: It was closed or cancelled.
    """
    if calendar.status.is_over:
        raise AuctionOver(_over_since(calendar.closes_at))
    if calendar.status is Status.SCHEDULED:
        raise AuctionNotOpen(_opens_at(calendar.opens_at))


def over(auction: Auction) -> AuctionOver:
    """Make the refusal of an offer that comes after the close."""
    return AuctionOver(_over_since(auction.closes_at))


def _require_open(auction: Auction, at: datetime) -> None:
    if auction.status.is_over or at >= auction.closes_at:
        raise over(auction)
    if auction.status is Status.SCHEDULED or at < auction.terms.opens_at:
        raise AuctionNotOpen(_opens_at(auction.terms.opens_at))


def _over_since(closes_at: datetime) -> str:
    return f"This auction closed at {closes_at:%Y-%m-%d %H:%M:%S} UTC."


def _opens_at(opens_at: datetime) -> str:
    return f"This auction opens at {opens_at:%Y-%m-%d %H:%M:%S} UTC."


def _close_after(auction: Auction, at: datetime) -> datetime:
    """Tell when the auction closes once an offer was taken at `at`."""
    rules = auction.terms.rules
    is_late = at >= auction.closes_at - rules.soft_close_window
    if is_late and rules.soft_close_extension and auction.extensions < rules.extensions_max:
        return auction.closes_at + rules.soft_close_extension
    return auction.closes_at


def _answered(
    auction: Auction, alias: str, price: UnitPrice, closes_at: datetime
) -> facts.OfferPlaced:
    """State the offer with the rank and the lead that it brings about."""
    others = [one for one in auction.standings.values() if one.alias != alias]
    # Whoever stood at the same price before keeps the better rank.
    rank = 1 + sum(one.price_e4 <= price.e4 for one in others)
    lead_e4 = min([price.e4, *(one.price_e4 for one in others)])
    lead = UnitPrice(lead_e4, price.currency)
    return facts.OfferPlaced(
        alias=alias, price=str(price), rank=rank, lead=str(lead), closes_at=closes_at
    )


def _places(auction: Auction) -> tuple[facts.Place, ...]:
    currency = auction.terms.currency
    return tuple(
        facts.Place(alias=one.alias, rank=rank, price=str(UnitPrice(one.price_e4, currency)))
        for rank, one in enumerate(auction.ranking(), start=1)
    )


def fold(terms: Terms, log: Sequence[tuple[int, Fact, datetime]]) -> Auction:
    """Build the state from the log's (sequence, fact, instant), oldest first."""
    auction = Auction(terms)
    for sequence, fact, at in log:
        auction.apply(fact, sequence=sequence, at=at)
    return auction
