"""List every event type, with its publisher and its audience."""

from collections.abc import Mapping
from typing import Final

from shared.domain.facts import Audience, Event
from shared.events import auctions, awards, bid_withdrawals, bids, notify

PUBLISHERS: Final[Mapping[str, tuple[type[Event], ...]]] = {
    "bids": (
        bids.RfpPublished,
        bids.RfpAmended,
        bids.QuestionAnswered,
        bids.VendorInvited,
        bids.RfpCancelled,
        bids.LotOpened,
        bids.LotClosed,
        bids.BidsUnsealed,
        bid_withdrawals.BidWithdrawalClaimed,
        bid_withdrawals.BidWithdrawalDecided,
        bids.AuctionRequested,
        awards.AwardIntended,
        awards.AwardMade,
        awards.AwardLineMade,
        awards.AwardNoticed,
        awards.AwardProtested,
        awards.AwardProtestMooted,
        awards.AwardRecommended,
        awards.AwardLineRecommended,
        awards.AwardWithdrawn,
        awards.AwardLineWithdrawn,
        bids.AgencyAuthorised,
        bids.AgencyDismissed,
    ),
    "auctions": (
        auctions.AuctionScheduled,
        auctions.AuctionRefused,
        auctions.AuctionOpened,
        auctions.AuctionLeadChanged,
        auctions.AuctionExtended,
        auctions.AuctionClosed,
        auctions.AuctionCancelled,
    ),
    "notify": (notify.DeliveryExhausted, notify.EndpointDisabled),
}
"""Which service tells what; a type has one publisher."""

BY_TYPE: Final[Mapping[str, type[Event]]] = {
    event.TYPE: event for events in PUBLISHERS.values() for event in events
}

PARTY_MEMBER_OF: Final[Mapping[Audience, str]] = {
    Audience.MEMBER: "member_id",
    Audience.VENDOR: "vendor_id",
    Audience.BUYER: "buyer_id",
}
"""Which member of an event's data names the one party that may be sent it."""


def deliverable_types() -> frozenset[str]:
    """Name the types that may leave the house: all that declare an audience."""
    return frozenset(
        event.TYPE for event in BY_TYPE.values() if event.AUDIENCE is not Audience.INTERNAL
    )
