"""Tell the other services what happened in an auction."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.auctions.domain import facts
from services.auctions.domain.auction import Auction
from shared.domain.facts import Event, Fact
from shared.events.auctions import (
    AuctionCancelled,
    AuctionClosed,
    AuctionExtended,
    AuctionLeadChanged,
    AuctionOpened,
    FinalOffer,
)


def told_of(auction: Auction, fact: Fact, *, at: datetime) -> Event | None:
    """Return the event that tells of a fact which `auction` has folded; most facts stay inside."""
    match fact:
        case facts.Opened():
            return AuctionOpened(**_named(auction), closes_at=auction.closes_at)
        case (
            facts.Extended()
            | facts.ExtendedByBuyer()
            | facts.Moved()
            | facts.Resumed()
            | facts.TimeGivenBack()
        ):
            return AuctionExtended(
                **_named(auction), closes_at=auction.closes_at, extensions=auction.extensions
            )
        case facts.Cancelled(reason=reason):
            return AuctionCancelled(**_named(auction), reason=reason)
        case facts.Closed():
            return _closed(auction, fact, at=at)
    return None


def lead_changed(auction: Auction) -> AuctionLeadChanged:
    """Tell who leads now, without the price: who may see it depends on the rules."""
    return AuctionLeadChanged(**_named(auction), alias=auction.lead().alias)


class _Named(TypedDict):
    """What every event of an auction names."""

    auction_id: UUID
    lot_id: UUID
    rfp_id: UUID
    buyer_id: UUID


def _named(auction: Auction) -> _Named:
    terms = auction.terms
    return _Named(
        auction_id=terms.id, lot_id=terms.lot_id, rfp_id=terms.rfp_id, buyer_id=terms.buyer_id
    )


def _closed(auction: Auction, fact: facts.Closed, *, at: datetime) -> AuctionClosed:
    """Tell the ranking, the winner at the price of the contract and all others at their own."""
    vendor_of = {entrant.alias: entrant.vendor_id for entrant in auction.terms.entrants}
    contract_of = {fact.winner: fact.price}
    return AuctionClosed(
        **_named(auction),
        currency=auction.terms.currency,
        closed_at=at,
        offers=auction.offers,
        ranking=tuple(
            FinalOffer(
                vendor_id=vendor_of[place.alias],
                rank=place.rank,
                unit_price=contract_of.get(place.alias) or place.price,
            )
            for place in fact.ranking
        ),
        outcome=fact.outcome,
        reserve_met=fact.reserve_met,
    )
