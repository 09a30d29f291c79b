"""Hand a lot over to a live auction, and take its outcome back.

The auctions service answers by events. They are taken in whatever order they come: each acts on a
lot that is at auction and on no other, so that a late or repeated one changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Final

from services.bids.domain.lots import Lot, LotStatus
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AuctionId, PartyId
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Kind, Refusal
from shared.events.auctions import (
    AuctionCancelled,
    AuctionClosed,
    AuctionRefused,
    AuctionScheduled,
)
from shared.events.bids import AuctionRequested, AuctionRules, PriceFactor, QualifiedVendor

BIDDERS_MIN: Final = 2
"""Nobody bids against itself."""


class LotNotEvaluated(Refusal):
    """The lot's bids are not opened yet, or it is already on its way to an award."""

    kind = Kind.CONFLICT
    code = "lot_not_evaluated"


class BiddersTooFew(Refusal):
    """An auction needs at least two vendors whose bids were opened."""

    kind = Kind.CONFLICT
    code = "bidders_too_few"


class AuctionHeldAlready(Refusal):
    """The lot's auction was held; its ranking stands."""

    kind = Kind.CONFLICT
    code = "auction_held_already"


class HandicapUnknown(Refusal):
    """A handicap is given to a vendor that has no opened bid on the lot."""

    kind = Kind.INVALID
    code = "handicap_unknown"


@dataclass(frozen=True, slots=True)
class Bidder:
    """A vendor's place in a ranking: the sealed one, or an auction's final one."""

    vendor_id: PartyId
    rank: int
    price: UnitPrice


@dataclass(frozen=True, slots=True)
class Rankings:
    """What the bids of a lot came to, best first.

    `sealed` goes by price; `scored` by the RFP's plan, where that weighs more than the price;
    `auction` is the outcome of one, where one was held.
    """

    sealed: tuple[Bidder, ...]
    auction: tuple[Bidder, ...] = ()
    scored: tuple[Bidder, ...] | None = None

    @property
    def deciding(self) -> tuple[Bidder, ...]:
        """The ranking that decides the lot."""
        if self.auction:
            return self.auction
        return self.sealed if self.scored is None else self.scored


@dataclass(frozen=True, slots=True)
class Handicap:
    """What a vendor's offers are weighed by, where the score is not the price alone."""

    factor: PriceFactor | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionPlan:
    """What the buyer asks for: when, by which rules, and what it keeps to itself.

    `reserve` is a secret price that the winner must not exceed; `budget` what the buyer reckons
    with per unit; `handicaps` go by vendor, and a vendor without one has none.
    """

    opens_at: datetime
    closes_at: datetime
    rules: AuctionRules
    reserve: str | None = None
    budget: str | None = None
    handicaps: Mapping[PartyId, Handicap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionSought(Fact):
    """A lot goes to auction; the vendors' names and opening prices stay off the chain."""

    TYPE: ClassVar[str] = "lot.auction_sought"

    opens_at: datetime
    closes_at: datetime
    rules: AuctionRules
    vendors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotAuctionScheduled(Fact):
    """The auctions service has taken the lot on."""

    TYPE: ClassVar[str] = "lot.auction_scheduled"

    auction_id: AuctionId
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LotAuctionRefused(Fact):
    """The auctions service cannot hold the auction; the lot is where it was before."""

    TYPE: ClassVar[str] = "lot.auction_refused"

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LotAuctionCancelled(Fact):
    """The auction ended without outcome; the lot is where it was before."""

    TYPE: ClassVar[str] = "lot.auction_cancelled"

    auction_id: AuctionId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One vendor's place and price at the close of an auction."""

    vendor_id: PartyId
    rank: int
    unit_price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotAuctionClosed(Fact):
    """The auction is over; its ranking now decides the lot, unless it had no outcome."""

    TYPE: ClassVar[str] = "lot.auction_closed"

    auction_id: AuctionId
    offers: int
    ranking: tuple[Placed, ...]
    outcome: str


@dataclass(frozen=True, slots=True)
class AuctionDecision:
    """A lot that goes to auction, its fact, and the request that carries what is confidential."""

    lot: Lot
    fact: AuctionSought
    request: AuctionRequested


def decide_auction(
    lot: Lot, plan: AuctionPlan, *, rankings: Rankings, policy_profile: str, draw: Sequence[int]
) -> AuctionDecision:
    """Send a lot to auction with all vendors whose bids were opened.

    `draw` is a random order of the positions 0…n-1 in the sealed ranking: the vendor at its first
    position becomes "Bidder 1", so that no alias tells a rank. The request lists the vendors by
    their sealed rank: of equal opening prices, the one that was received earlier stands before.

    Raises:
        LotNotEvaluated: The lot's bids are not opened yet, or its way goes on already.
        AuctionHeldAlready: An auction of the lot was held.
        BiddersTooFew: Fewer than two bids were opened.
        HandicapUnknown: A handicap names another vendor.
    """
    refuse_unless_evaluated(lot)
    if rankings.auction:
        sentence = "The lot's auction was held; award it from its ranking."
        raise AuctionHeldAlready(sentence)
    if len(rankings.sealed) < BIDDERS_MIN:
        sentence = f"An auction needs {BIDDERS_MIN} vendors whose bids were opened."
        raise BiddersTooFew(sentence)
    if plan.handicaps.keys() - {bidder.vendor_id for bidder in rankings.sealed}:
        sentence = "A handicap names a vendor whose bid was not opened for this lot."
        raise HandicapUnknown(sentence)
    number_of = {position: number for number, position in enumerate(draw, 1)}
    vendors = tuple(
        _qualified(bidder, number_of[position], plan.handicaps.get(bidder.vendor_id, Handicap()))
        for position, bidder in enumerate(rankings.sealed)
    )
    fact = AuctionSought(
        opens_at=plan.opens_at, closes_at=plan.closes_at, rules=plan.rules, vendors=len(vendors)
    )
    request = AuctionRequested(
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        title=lot.title,
        unit=lot.unit,
        quantity=lot.quantity,
        currency=lot.currency,
        policy_profile=policy_profile,
        opens_at=plan.opens_at,
        closes_at=plan.closes_at,
        rules=plan.rules,
        vendors=vendors,
        reserve=plan.reserve,
        budget=plan.budget,
    )
    return AuctionDecision(replace(lot, status=LotStatus.AUCTIONING), fact, request)


def decide_scheduled(lot: Lot, event: AuctionScheduled) -> Decision[Lot]:
    """Note that the auction will be held."""
    if lot.status is not LotStatus.AUCTIONING:
        return Decision(lot)
    fact = LotAuctionScheduled(
        auction_id=AuctionId(event.auction_id),
        opens_at=event.opens_at,
        closes_at=event.closes_at,
    )
    return Decision(lot, (fact,))


def decide_refused(lot: Lot, event: AuctionRefused) -> Decision[Lot]:
    """Take the lot back with the reasons why it cannot be auctioned."""
    return _back(lot, LotAuctionRefused(reasons=event.reasons))


def decide_cancelled(lot: Lot, event: AuctionCancelled) -> Decision[Lot]:
    """Take the lot back from an auction that ended without outcome."""
    fact = LotAuctionCancelled(auction_id=AuctionId(event.auction_id), reason=event.reason)
    return _back(lot, fact)


def decide_closed(lot: Lot, event: AuctionClosed) -> Decision[Lot]:
    """Take the lot back with its final ranking.

    Raises:
        ValueError: The auction was held in another currency than the lot's, which is a defect.
    """
    if event.currency != lot.currency:
        sentence = f"the auction of lot {lot.id} was held in another currency"
        raise ValueError(sentence)
    ranking = tuple(
        Placed(vendor_id=PartyId(offer.vendor_id), rank=offer.rank, unit_price=offer.unit_price)
        for offer in event.ranking
    )
    fact = LotAuctionClosed(
        auction_id=AuctionId(event.auction_id),
        offers=event.offers,
        ranking=ranking,
        outcome=event.outcome,
    )
    return _back(lot, fact)


def standing_of(event: AuctionClosed) -> tuple[Bidder, ...]:
    """Read the ranking that an auction decides by, best first; none where it had no outcome."""
    if not event.decides:
        return ()
    currency = Currency(event.currency)
    bidders = (
        Bidder(PartyId(offer.vendor_id), offer.rank, UnitPrice.parse(offer.unit_price, currency))
        for offer in event.ranking
    )
    return tuple(sorted(bidders, key=lambda bidder: bidder.rank))


def refuse_unless_evaluated(lot: Lot) -> None:
    """Let a lot pass whose bids are opened and which is not on its way yet.

    Raises:
        LotNotEvaluated: It is in any other state.
    """
    if lot.status is not LotStatus.EVALUATED:
        sentence = f"The lot is {lot.status}; this is done while it is evaluated."
        raise LotNotEvaluated(sentence)


def _back(lot: Lot, fact: Fact) -> Decision[Lot]:
    if lot.status is not LotStatus.AUCTIONING:
        return Decision(lot)
    return Decision(replace(lot, status=LotStatus.EVALUATED), (fact,))


def _qualified(bidder: Bidder, number: int, handicap: Handicap) -> QualifiedVendor:
    return QualifiedVendor(
        vendor_id=bidder.vendor_id,
        alias=f"Bidder {number}",
        opening_price=str(bidder.price),
        factor=handicap.factor,
        features=handicap.features,
    )
