"""Send lots to auction and act on what the auctions service tells."""

from collections.abc import Callable, Sequence
from datetime import datetime
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
from services.bids.domain.compliance import AuctionUnderPolicy, breaches_of_auction
from services.bids.domain.lots import Lot
from services.bids.domain.policy import PolicyBook, refuse_breaches
from services.bids.domain.rfps import Rfp
from services.bids.ports.sealed import Auctionings
from shared.clock import Clock
from shared.domain.ids import AuctionId, LotId, PartyId
from shared.events.auctions import (
    AuctionCancelled,
    AuctionClosed,
    AuctionRefused,
    AuctionScheduled,
)
from shared.events.bids import AuctionRules
from shared.events.envelope import Envelope

Draw = Callable[[int], Sequence[int]]
"""Draws the positions 0…n-1 in a random order."""


class Auctioning:
    """Hand lots over to the auctions service, and take them back."""

    def __init__(
        self, auctionings: Auctionings, *, clock: Clock, draw: Draw, policies: PolicyBook
    ) -> None:
        """Use a store; `draw` decides which vendor gets which alias, a profile what is lawful."""
        self._auctionings = auctionings
        self._clock = clock
        self._draw = draw
        self._policies = policies

    async def request(self, lot_id: LotId, plan: AuctionPlan, *, buyer_id: PartyId) -> Lot:
        """Ask for an auction of the buyer's own lot.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            LotNotEvaluated: The lot's bids are not opened yet, or its way goes on already.
            AuctionHeldAlready: An auction of the lot was held.
            BiddersTooFew: Fewer than two bids were opened.
            WithdrawalUndecided: A vendor's claim to withdraw its bid waits for the buyer.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
            PolicyBreached: The policy profile forbids it; every breach is named.
        """
        now = self._clock.now()

        def decide(lot: Lot, rankings: Rankings, rfp: Rfp) -> AuctionDecision:
            decision = decide_auction(
                lot,
                plan,
                rankings=rankings,
                policy_profile=rfp.policy_profile,
                draw=self._draw(len(rankings.sealed)),
            )
            self._refuse_unlawful(plan, rankings, rfp, now=now)
            return decision

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

    def _refuse_unlawful(
        self, plan: AuctionPlan, rankings: Rankings, rfp: Rfp, *, now: datetime
    ) -> None:
        profile = self._policies.find(rfp.policy_profile)
        sought = AuctionUnderPolicy(
            advertised_as=rfp.terms.advertised_as,
            prequalified_only=rfp.terms.prequalified_only,
            bidders=len(rankings.sealed),
            format=plan.rules.format,
            show_rank=plan.rules.show_rank,
            show_lead=plan.rules.show_lead,
            show_own_rank=plan.rules.show_own_rank,
            show_prices=_shown_prices(plan.rules),
            requested_at=now,
            opens_at=plan.opens_at,
        )
        refuse_breaches(profile, breaches_of_auction(profile, sought))


def _shown_prices(rules: AuctionRules) -> str:
    """Tell when all offers are shown: unless it is said, where lead and all ranks are shown."""
    if rules.show_prices is not None:
        return rules.show_prices
    ranks = rules.show_all_ranks or ("always" if rules.show_rank == "all" else "never")
    return "always" if rules.show_lead == ranks == "always" else "never"
