"""Let browsers open streams: `EventSource` cannot send a token."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.auctions.ports import Auctions, Ticket
from shared.auth import Principal
from shared.clock import Clock
from shared.domain.ids import AuctionId
from shared.domain.refusals import Kind, Refusal

TICKET_BYTES: Final = 32
TICKET_LIFETIME: Final = timedelta(seconds=30)
"""Long enough to open a stream, too short to be worth stealing from a log of addresses."""


class TicketInvalid(Refusal):
    """The stream ticket is unknown, used, expired, or for another stream."""

    kind = Kind.UNAUTHENTICATED
    code = "ticket_invalid"


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


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
