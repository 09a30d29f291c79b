"""Name things: UUID version 7 ids (RFC 9562), one `NewType` per kind of thing."""

from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

PartyId = NewType("PartyId", UUID)
RequirementId = NewType("RequirementId", UUID)
RfpId = NewType("RfpId", UUID)
LotId = NewType("LotId", UUID)
BidId = NewType("BidId", UUID)
OpeningId = NewType("OpeningId", UUID)
AuctionId = NewType("AuctionId", UUID)
AwardId = NewType("AwardId", UUID)
EventId = NewType("EventId", UUID)
EndpointId = NewType("EndpointId", UUID)
DeliveryId = NewType("DeliveryId", UUID)


def new_id() -> UUID:
    """Mint a UUID version 7: ordered by the millisecond of its making."""
    return uuid7()
