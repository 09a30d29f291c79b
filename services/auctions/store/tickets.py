"""Keep stream tickets, each for one use."""

from datetime import datetime
from typing import Final

from services.auctions.ports import Ticket
from services.auctions.store.record import Record
from shared import db


class TicketRecord(Record):
    """Tickets by the hash of their text."""

    _ADD_TICKET: Final = """-- auctions.add_ticket
    INSERT INTO stream_ticket (sha256, party_id, role, auction_id, expires_at)
    VALUES ($1, $2, $3, $4, $5)
    """

    async def add_ticket(self, sha256: bytes, ticket: Ticket) -> None:
        """Keep a ticket by its hash, so that the table lets nobody in."""
        async with db.transaction(self._pool) as connection:
            await connection.execute(
                self._ADD_TICKET,
                sha256,
                ticket.party_id,
                ticket.role,
                ticket.auction_id,
                ticket.expires_at,
            )

    _USE_TICKET: Final = """-- auctions.use_ticket
    DELETE FROM stream_ticket WHERE sha256 = $1
    RETURNING party_id, role, auction_id, expires_at
    """

    async def use_ticket(self, sha256: bytes) -> Ticket | None:
        """Take a ticket away and return it; None where there is none (any more)."""
        async with db.transaction(self._pool) as connection:
            row = await connection.fetchrow(self._USE_TICKET, sha256)
        if row is None:
            return None
        return Ticket(row["party_id"], row["role"], row["auction_id"], row["expires_at"])

    _SWEEP_TICKETS: Final = """-- auctions.sweep_tickets
    DELETE FROM stream_ticket WHERE expires_at < $1
    """

    async def sweep_tickets(self, *, now: datetime) -> None:
        """Forget tickets that were never used."""
        async with db.transaction(self._pool) as connection:
            await connection.execute(self._SWEEP_TICKETS, now)
