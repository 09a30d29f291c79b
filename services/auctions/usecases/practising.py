"""Hold auctions for practice."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.auctions.domain.picture import Picture
from services.auctions.practice import PracticeRoom, Robot
from services.auctions.usecases.scheduling import accepted, refuse_faulty
from shared.clock import Clock
from shared.domain.ids import AuctionId
from shared.events.bids import AuctionRequested


@dataclass(frozen=True, slots=True)
class Practise:
    """Hold an auction in memory alone, against robots."""

    practice: PracticeRoom
    clock: Clock

    def __call__(
        self, request: AuctionRequested, *, auction_id: AuctionId, robots: Sequence[Robot]
    ) -> Picture:
        """Begin it; it opens by its own time, as any other.

        Raises:
            AuctionRulesRefused: Something is wrong with it; every fault is named.
            PracticesTooMany: As many are held as may be.
        """
        now = self.clock.now()
        refuse_faulty(request, now=now)
        return self.practice.hold(accepted(auction_id, request, at=now), robots)
