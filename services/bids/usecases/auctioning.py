"""Send lots to auction and act on what the auctions service tells."""

from collections.abc import Callable, Sequence
from functools import partial

from services.bids.domain.auctioning import (
    AuctionDecision,
    AuctionPlan,
    Rankings,
    decide_auction,
    decide_cancelled,
    decide_closed,
    decide_refused,
    decide_scheduled,
    standing_of,
)
from services.bids.domain.lots import Lot
from services.bids.ports.sealed import Auctionings
from shared.clock import Clock
from shared.domain.ids import AuctionId, LotId, PartyId
from shared.events.auctions import (
    AuctionCancelled,
    AuctionClosed,
    AuctionRefused,
    AuctionScheduled,
)
from shared.events.envelope import Envelope

Draw = Callable[[int], Sequence[int]]
"""Draws the positions 0…n-1 in a random order."""


class Auctioning:
    """Hand lots over to the auctions service, and take them back."""

    def __init__(self, auctionings: Auctionings, *, clock: Clock, draw: Draw) -> None:
        """Use a store; `draw` decides which vendor gets which alias."""
        self._auctionings = auctionings
        self._clock = clock
        self._draw = draw

    async def request(self, lot_id: LotId, plan: AuctionPlan, *, buyer_id: PartyId) -> Lot:
        """Ask for an auction of the buyer's own lot.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            LotNotEvaluated: The lot's bids are not opened yet, or its way goes on already.
            AuctionHeldAlready: An auction of the lot was held.
            BiddersTooFew: Fewer than two bids were opened.
        """

        def decide(lot: Lot, rankings: Rankings, policy_profile: str) -> AuctionDecision:
            draw = self._draw(len(rankings.sealed))
            return decide_auction(
                lot, plan, rankings=rankings, policy_profile=policy_profile, draw=draw
            )

        now = self._clock.now()
        return await self._auctionings.request(lot_id, decide, buyer_id=buyer_id, at=now)

    async def hear_scheduled(self, heard: Envelope[AuctionScheduled]) -> None:
        """Note that an auction will be held."""
        event = heard.event
        await self._auctionings.hear(
            LotId(event.lot_id),
            partial(decide_scheduled, event=event),
            cause=heard.id,
            at=self._clock.now(),
        )

    async def hear_refused(self, heard: Envelope[AuctionRefused]) -> None:
        """Take a lot back that cannot be auctioned."""
        event = heard.event
        await self._auctionings.hear(
            LotId(event.lot_id),
            partial(decide_refused, event=event),
            cause=heard.id,
            at=self._clock.now(),
        )

    async def hear_cancelled(self, heard: Envelope[AuctionCancelled]) -> None:
        """Take a lot back whose auction ended without outcome."""
        event = heard.event
        await self._auctionings.hear(
            LotId(event.lot_id),
            partial(decide_cancelled, event=event),
            cause=heard.id,
            at=self._clock.now(),
        )

    async def hear_closed(self, heard: Envelope[AuctionClosed]) -> None:
        """Take a lot back with its auction's final ranking."""
        event = heard.event
        await self._auctionings.hear(
            LotId(event.lot_id),
            partial(decide_closed, event=event),
            cause=heard.id,
            at=self._clock.now(),
            standing=(AuctionId(event.auction_id), standing_of(event)),
        )
