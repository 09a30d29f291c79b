"""Keep what auctions were asked for: their terms, and the solicitations that were cancelled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.auctions.domain.terms import Terms
from services.auctions.ports import Accepted, AuctionUnknown, Proposal
from services.auctions.store.record import Record
from services.auctions.store.secrets import open_terms, seal_terms
from shared import db
from shared.db import Connection
from shared.domain.ids import AuctionId, EventId, RfpId
from shared.inbox import claim
from shared.journal import Aggregate
from shared.vault import Vault


class TermsRecord(Record):
    """Proposed auctions and tombstones."""

    async def propose(self, proposal: Proposal, *, cause: EventId, at: datetime) -> bool:
        """Store a requested auction with its first log entry, or its refusal; once per request.

        Returns False where the request was answered before.
        """
        async with db.transaction(self._pool) as connection:
            if not await claim(connection, cause):
                return False
            if proposal.accepted is not None:
                await self._insert(connection, proposal.accepted)
            await self._journal.tell(
                connection, Aggregate("auction", proposal.id), [(1, proposal.answer)], at=at
            )
            return True

    _INSERT: Final = """-- auctions.insert
    INSERT INTO auction (id, lot_id, rfp_id, group_id, terms, status, opens_at, closes_at)
    VALUES ($1, $2, $3, $4, $5, 'scheduled', $6, $7)
    """

    _INSERT_FIRST_ENTRY: Final = """-- auctions.insert_first_entry
    INSERT INTO auction_log (auction_id, sequence, type, at, entry, hash)
    VALUES ($1, $2, $3, $4, $5, $6)
    """

    async def _insert(self, connection: Connection, accepted: Accepted) -> None:
        terms, first = accepted.terms, accepted.first_entry
        await connection.execute(
            self._INSERT,
            terms.id,
            terms.lot_id,
            terms.rfp_id,
            terms.group_id,
            seal_terms(self._vault, accepted),
            terms.opens_at,
            terms.closes_at,
        )
        await connection.execute(
            self._INSERT_FIRST_ENTRY,
            terms.id,
            first.sequence,
            first.type,
            first.at,
            first.entry,
            first.hash,
        )

    _GROUP: Final = """-- auctions.read_group
    SELECT id FROM auction WHERE group_id = $1 ORDER BY id
    """

    async def group(self, group_id: UUID) -> Sequence[AuctionId]:
        """List the auctions of the lots that are held together."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._GROUP, group_id)
        return [AuctionId(row["id"]) for row in rows]

    _TOMBSTONE: Final = """-- auctions.bury_rfp
    INSERT INTO cancelled_rfp (rfp_id, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING
    """

    async def bury_rfp(self, rfp_id: RfpId, *, reason: str, cause: EventId) -> None:
        """Note that a solicitation was cancelled; its auctions' desks will see it."""
        async with db.transaction(self._pool) as connection:
            if await claim(connection, cause):
                await connection.execute(self._TOMBSTONE, rfp_id, reason)

    _IS_BURIED: Final = """-- auctions.rfp_reason
    SELECT reason FROM cancelled_rfp WHERE rfp_id = $1
    """

    async def cancellation_of(self, rfp_id: RfpId) -> str | None:
        """Return why a solicitation was cancelled, or None."""
        async with db.reading(self._pool) as connection:
            reason: str | None = await connection.fetchval(self._IS_BURIED, rfp_id)
        return reason


_TERMS: Final = """-- auctions.read_terms
SELECT terms FROM auction WHERE id = $1
"""


async def read_terms(connection: Connection, vault: Vault, auction_id: AuctionId) -> Terms:
    """Read what does not change while an auction lives.

    Raises:
        AuctionUnknown: There is no such auction.
    """
    sealed = await connection.fetchval(_TERMS, auction_id)
    if sealed is None:
        raise AuctionUnknown
    return open_terms(vault, auction_id, sealed)
