"""Answer requests for auctions: scheduled, or refused with every fault."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.auctions.domain.log import LogRow
from services.auctions.domain.proposal import Salts, proposed, terms_of
from services.auctions.domain.rules import faults
from services.auctions.domain.terms import Terms
from services.auctions.ports import Accepted, Auctions, Proposal
from shared.clock import Clock
from shared.domain.ids import AuctionId, EventId, RfpId, new_id
from shared.domain.refusals import Kind, Refusal
from shared.events.auctions import AuctionRefused, AuctionScheduled
from shared.events.bids import AuctionRequested, RfpCancelled
from shared.events.envelope import Envelope
from shared.journal import GENESIS, Aggregate, chain

SALT_BYTES: Final = 16


class AuctionRulesRefused(Refusal):
    """The auction cannot be held as proposed; `reasons` names every fault."""

    kind = Kind.INVALID
    code = "auction_rules_refused"


@dataclass(frozen=True, slots=True)
class ScheduleAuction:
    """Answer an auction that the bids service asks for."""

    auctions: Auctions
    clock: Clock

    async def __call__(self, heard: Envelope[AuctionRequested]) -> None:
        """Store the terms and tell the answer, once per request."""
        request, now = heard.event, self.clock.now()
        reasons = list(faults(request, now=now))
        cancelled = await self.auctions.cancellation_of(RfpId(request.rfp_id))
        if cancelled is not None:
            reasons.append(f"the solicitation was cancelled: {cancelled}")
        auction_id = AuctionId(new_id())
        proposal = (
            _refused(auction_id, request, reasons)
            if reasons
            else _scheduled(auction_id, request, at=now)
        )
        await self.auctions.propose(proposal, cause=heard.id, at=now)


@dataclass(frozen=True, slots=True)
class ProposeAuction:
    """Hold an auction that a buyer proposes without a solicitation."""

    auctions: Auctions
    clock: Clock

    async def __call__(self, request: AuctionRequested, *, auction_id: AuctionId) -> AuctionId:
        """Schedule it under the id that the request fixed; the same id is scheduled once.

        Raises:
            AuctionRulesRefused: Something is wrong with it; every fault is named.
        """
        now = self.clock.now()
        refuse_faulty(request, now=now)
        proposal = _scheduled(auction_id, request, at=now)
        await self.auctions.propose(proposal, cause=EventId(auction_id), at=now)
        return auction_id


@dataclass(frozen=True, slots=True)
class CancelAuctionsOfRfp:
    """Stop what belongs to a cancelled solicitation, now and later."""

    auctions: Auctions

    async def __call__(self, heard: Envelope[RfpCancelled]) -> None:
        """Leave a tombstone; the desks see it and cancel their auctions."""
        event = heard.event
        await self.auctions.bury_rfp(RfpId(event.rfp_id), reason=event.reason, cause=heard.id)


def refuse_faulty(request: AuctionRequested, *, now: datetime) -> None:
    """Refuse a proposal in which anything is wrong.

    Raises:
        AuctionRulesRefused: Every fault is named.
    """
    reasons = faults(request, now=now)
    if reasons:
        sentence = f"The auction cannot be held: {'; '.join(reasons)}."
        raise AuctionRulesRefused(sentence, details={"reasons": list(reasons)})


def accepted(auction_id: AuctionId, request: AuctionRequested, *, at: datetime) -> Accepted:
    """Accept a request in which nothing is wrong: its terms, and the first entry of its log."""
    terms = terms_of(request, auction_id)
    salts = _salts(terms)
    first = chain(
        Aggregate("auction", auction_id),
        proposed(request.rules, terms, salts),
        (1, GENESIS),
        actor=str(request.buyer_id),
        at=at,
    )
    row = LogRow(first.sequence, first.type, first.at, first.entry, first.hash)
    return Accepted(request, terms, salts, row)


def _scheduled(auction_id: AuctionId, request: AuctionRequested, *, at: datetime) -> Proposal:
    answer = AuctionScheduled(
        auction_id=auction_id,
        lot_id=request.lot_id,
        rfp_id=request.rfp_id,
        buyer_id=request.buyer_id,
        opens_at=request.opens_at,
        closes_at=request.closes_at,
    )
    return Proposal(auction_id, accepted(auction_id, request, at=at), answer)


def _refused(auction_id: AuctionId, request: AuctionRequested, reasons: Sequence[str]) -> Proposal:
    answer = AuctionRefused(
        lot_id=request.lot_id,
        rfp_id=request.rfp_id,
        buyer_id=request.buyer_id,
        reasons=tuple(reasons),
    )
    return Proposal(auction_id, None, answer)


def _salts(terms: Terms) -> Salts:
    return Salts(
        names=[secrets.token_bytes(SALT_BYTES) for _ in terms.entrants],
        handicaps=[secrets.token_bytes(SALT_BYTES) for _ in terms.entrants],
        reserve=secrets.token_bytes(SALT_BYTES),
    )
