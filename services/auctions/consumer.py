"""Hear what the bids service tells: requested auctions and cancelled solicitations."""

from collections.abc import Mapping

from services.auctions.usecases import CancelAuctionsOfRfp, ScheduleAuction
from shared.domain.facts import Event
from shared.events.bids import AuctionRequested, RfpCancelled
from shared.inbox import Handler, handles


def handlers(
    schedule: ScheduleAuction, cancel: CancelAuctionsOfRfp
) -> Mapping[type[Event], Handler]:
    """Say who handles what."""
    return dict((handles(AuctionRequested, schedule), handles(RfpCancelled, cancel)))
