"""Hear what the auctions service tells."""

from collections.abc import Mapping

from services.bids.usecases.auctioning import Auctioning
from shared.domain.facts import Event
from shared.events.auctions import (
    AuctionCancelled,
    AuctionClosed,
    AuctionRefused,
    AuctionScheduled,
)
from shared.inbox import Handler, handles


def handlers_of(auctioning: Auctioning) -> Mapping[type[Event], Handler]:
    """Pair each event type that is heard with what is done about it."""
    return dict(
        (
            handles(AuctionScheduled, auctioning.hear_scheduled),
            handles(AuctionRefused, auctioning.hear_refused),
            handles(AuctionClosed, auctioning.hear_closed),
            handles(AuctionCancelled, auctioning.hear_cancelled),
        )
    )
