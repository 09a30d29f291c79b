"""What the auctions service does, one class per command; no rule and no SQL stands here."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.auctions.desk import Done
from services.auctions.domain import facts
from services.auctions.domain.auction import Entrant, Terms, refuse_without_desk
from services.auctions.domain.commands import Command
from services.auctions.domain.log import LogRow
from services.auctions.domain.picture import (
    SEES_ALL,
    Picture,
    Seen,
    audience_of,
    picture_of,
    seen_by,
)
from services.auctions.domain.rules import faults, rules_of
from services.auctions.hall import Hall
from services.auctions.ports import Auctions, DeskElsewhere, Proposal, Ticket
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId, new_id
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Kind, Refusal
from shared.events.auctions import AuctionRefused, AuctionScheduled
from shared.events.bids import AuctionRequested, RfpCancelled
from shared.events.envelope import Envelope
from shared.journal import GENESIS, Aggregate, chain

SALT_BYTES: Final = 16
TICKET_BYTES: Final = 32
FINISHED_MAX: Final = 256
TICKET_LIFETIME: Final = timedelta(seconds=30)
"""Long enough to open a stream, too short to be worth stealing from a log of addresses."""


class LogNotPublic(Refusal):
    """While an auction runs, its log is for the buyer and auditors."""

    kind = Kind.FORBIDDEN
    code = "log_not_public"


class TicketInvalid(Refusal):
    """The stream ticket is unknown, used, expired, or for another stream."""

    kind = Kind.UNAUTHENTICATED
    code = "ticket_invalid"


@dataclass(frozen=True, slots=True)
class ScheduleAuction:
    """Answer a requested auction: scheduled, or refused with every reason."""

    auctions: Auctions
    clock: Clock

    async def __call__(self, heard: Envelope[AuctionRequested]) -> None:
        """Store the terms and tell the answer, once per request."""
        request, now = heard.event, self.clock.now()
        reasons = list(faults(request, now=now))
        cancelled = await self.auctions.cancellation_of(RfpId(request.rfp_id))
        if cancelled is not None:
            reasons.append(f"the solicitation was cancelled: {cancelled}")
        proposal = _refused(request, reasons) if reasons else _accepted(request, at=now)
        await self.auctions.propose(proposal, cause=heard.id, at=now)


@dataclass(frozen=True, slots=True)
class CancelAuctionsOfRfp:
    """Stop what belongs to a cancelled solicitation, now and later."""

    auctions: Auctions

    async def __call__(self, heard: Envelope[RfpCancelled]) -> None:
        """Leave a tombstone; the desks see it and cancel their auctions."""
        event = heard.event
        await self.auctions.bury_rfp(RfpId(event.rfp_id), reason=event.reason, cause=heard.id)


@dataclass(frozen=True, slots=True)
class AskDesk:
    """Take a command to the auction's desk."""

    auctions: Auctions
    hall: Hall

    async def __call__(self, auction_id: AuctionId, command: Command, *, key: str | None) -> Done:
        """Return the answer once the command is committed.

        Raises:
            AuctionUnknown, AuctionNotOpen, AuctionOver: There is no desk, and will be none now.
            DeskElsewhere: The desk changes hands.
            Refusal: Whatever the desk refuses by rule.
        """
        desk = self.hall.desk(auction_id)
        if desk is None:
            refuse_without_desk(await self.auctions.calendar(auction_id))
            raise DeskElsewhere
        return await desk.do(command, key=key)


@dataclass(frozen=True, slots=True)
class FindPicture:
    """Find what is committed of an auction: at its desk, or folded from its log."""

    auctions: Auctions
    hall: Hall
    finished: dict[AuctionId, Picture] = field(default_factory=dict)

    async def __call__(self, auction_id: AuctionId) -> Picture:
        """Return the picture.

        Raises:
            AuctionUnknown: There is no such auction.
        """
        desk = self.hall.desk(auction_id)
        if desk is not None:
            return desk.picture
        if auction_id in self.finished:
            return self.finished[auction_id]
        loaded = await self.auctions.load(auction_id)
        picture = picture_of(loaded.auction)
        if picture.status.is_over:
            self._keep(auction_id, picture)
        return picture

    def _keep(self, auction_id: AuctionId, picture: Picture) -> None:
        """Keep what will never change, the newest `FINISHED_MAX` of it."""
        if len(self.finished) >= FINISHED_MAX:
            del self.finished[next(iter(self.finished))]
        self.finished[auction_id] = picture


@dataclass(frozen=True, slots=True)
class ShowAuction:
    """Show an auction to a caller, as far as the rules let it see."""

    find: FindPicture

    async def __call__(self, auction_id: AuctionId, caller: Principal) -> tuple[Picture, Seen]:
        """Return the picture and what the caller sees of it."""
        picture = await self.find(auction_id)
        return picture, seen_by(picture, audience_for(picture.terms, caller))


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Hand out an auction's log: to the buyer and auditors always, to all after the close."""

    auctions: Auctions
    find: FindPicture

    async def __call__(
        self, auction_id: AuctionId, caller: Principal, *, after: int, limit: int
    ) -> Sequence[LogRow]:
        """Return rows behind `after`, oldest first.

        Raises:
            AuctionUnknown: There is no such auction.
            LogNotPublic: The auction runs, and the caller is neither its buyer nor an auditor.
        """
        picture = await self.find(auction_id)
        if not picture.status.is_over and audience_for(picture.terms, caller) != SEES_ALL:
            sentence = "The log is public once the auction is over."
            raise LogNotPublic(sentence)
        return await self.auctions.log(auction_id, after=after, limit=limit)


@dataclass(frozen=True, slots=True)
class IssueTicket:
    """Let a browser open one stream, once: `EventSource` cannot send a token."""

    auctions: Auctions
    clock: Clock

    async def __call__(self, caller: Principal, auction_id: AuctionId | None) -> tuple[str, Ticket]:
        """Return the ticket's text, which is kept nowhere, and what it allows."""
        text = secrets.token_urlsafe(TICKET_BYTES)
        now = self.clock.now()
        ticket = Ticket(caller.party_id, caller.role, auction_id, now + TICKET_LIFETIME)
        await self.auctions.sweep_tickets(now=now)
        await self.auctions.add_ticket(_hash(text), ticket)
        return text, ticket


@dataclass(frozen=True, slots=True)
class UseTicket:
    """Take a ticket at the door."""

    auctions: Auctions
    clock: Clock

    async def __call__(self, text: str, auction_id: AuctionId | None) -> Ticket:
        """Return what the ticket allows; it will not open a second stream.

        Raises:
            TicketInvalid: Unknown, used, expired, or for another stream.
        """
        ticket = await self.auctions.use_ticket(_hash(text))
        is_good = (
            ticket is not None
            and ticket.expires_at > self.clock.now()
            and ticket.auction_id == auction_id
        )
        if ticket is None or not is_good:
            sentence = "The stream ticket is not valid. Ask for a new one."
            raise TicketInvalid(sentence)
        return ticket


def audience_for(terms: Terms, caller: Principal | Ticket) -> str:
    """Name the audience that a caller, or the bearer of a ticket, belongs to."""
    return audience_of(terms, caller.party_id, is_auditor=caller.role == Role.AUDITOR)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _refused(request: AuctionRequested, reasons: Sequence[str]) -> Proposal:
    answer = AuctionRefused(
        lot_id=request.lot_id,
        rfp_id=request.rfp_id,
        buyer_id=request.buyer_id,
        reasons=tuple(reasons),
    )
    return Proposal(AuctionId(new_id()), None, (), None, answer)


def _accepted(request: AuctionRequested, *, at: datetime) -> Proposal:
    terms = _terms(request)
    salts = [secrets.token_bytes(SALT_BYTES) for _ in terms.entrants]
    first = chain(
        Aggregate("auction", terms.id),
        _proposed(request, terms, salts),
        (1, GENESIS),
        actor=str(request.buyer_id),
        at=at,
    )
    answer = AuctionScheduled(
        auction_id=terms.id,
        lot_id=terms.lot_id,
        rfp_id=terms.rfp_id,
        buyer_id=terms.buyer_id,
        opens_at=terms.opens_at,
        closes_at=terms.closes_at,
    )
    row = LogRow(first.sequence, first.type, first.at, first.entry, first.hash)
    return Proposal(terms.id, terms, salts, row, answer)


def _terms(request: AuctionRequested) -> Terms:
    currency = Currency(request.currency)
    return Terms(
        id=AuctionId(new_id()),
        lot_id=LotId(request.lot_id),
        rfp_id=RfpId(request.rfp_id),
        buyer_id=PartyId(request.buyer_id),
        title=request.title,
        unit=request.unit,
        quantity=request.quantity,
        currency=currency,
        opens_at=request.opens_at,
        closes_at=request.closes_at,
        rules=rules_of(request),
        entrants=tuple(
            Entrant(
                PartyId(vendor.vendor_id),
                vendor.alias,
                UnitPrice.parse(vendor.opening_price, currency).e4,
            )
            for vendor in request.vendors
        ),
    )


def _proposed(
    request: AuctionRequested, terms: Terms, salts: Sequence[bytes]
) -> facts.AuctionProposed:
    told = request.rules
    return facts.AuctionProposed(
        lot_id=str(terms.lot_id),
        currency=terms.currency,
        opens_at=terms.opens_at,
        closes_at=terms.closes_at,
        step=told.step,
        step_against=told.step_against,
        soft_close_window_s=told.soft_close_window_s,
        soft_close_extension_s=told.soft_close_extension_s,
        extensions_max=told.extensions_max,
        show_rank=told.show_rank,
        show_lead=told.show_lead,
        entrants=tuple(
            facts.Entrant(
                alias=entrant.alias,
                opening_price=str(UnitPrice(entrant.opening_e4, terms.currency)),
                vendor_commitment=hashlib.sha256(salt + entrant.vendor_id.bytes).hexdigest(),
            )
            for entrant, salt in zip(terms.entrants, salts, strict=True)
        ),
    )
