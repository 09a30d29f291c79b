"""Keep the signed checkpoints of auctions that are over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.auctions.ports import CheckpointUnknown, Ended
from services.auctions.store.record import Record
from shared import db
from shared.domain.ids import AuctionId


class CheckpointRecord(Record):
    """Checkpoints, one for each auction that is over."""

    _ENDED: Final = """-- auctions.list_unsigned
    SELECT id FROM auction LEFT JOIN checkpoint ON checkpoint.auction_id = auction.id
    WHERE auction.status IN ('closed', 'cancelled') AND auction.closes_at > $1
        AND checkpoint.auction_id IS NULL
    ORDER BY auction.closes_at LIMIT $2
    """

    async def ended_unsigned(self, *, since: datetime, limit: int) -> Sequence[AuctionId]:
        """List auctions that closed after `since` and have no checkpoint."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._ENDED, since, limit)
        return [AuctionId(row["id"]) for row in rows]

    _HASHES: Final = """-- auctions.read_hashes
    SELECT hash, at FROM auction_log WHERE auction_id = $1 ORDER BY sequence
    """

    async def ended(self, auction_id: AuctionId) -> Ended:
        """Read the hashes of a log that has ended, and the instant of its last entry."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(self._HASHES, auction_id)
        return Ended(auction_id, [row["hash"] for row in rows], rows[-1]["at"])

    _ADD: Final = """-- auctions.add_checkpoint
    INSERT INTO checkpoint (auction_id, size, root, at, token) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT ON CONSTRAINT checkpoint_pkey DO NOTHING
    """

    async def add_checkpoint(self, ended: Ended, *, root: bytes, token: str) -> None:
        """Keep a signed checkpoint; the first that was made stands."""
        async with db.reading(self._pool) as connection:
            await connection.execute(
                self._ADD, ended.auction_id, len(ended.hashes), root, ended.at, token
            )

    _READ_CHECKPOINT: Final = """-- auctions.read_checkpoint
    SELECT token FROM checkpoint WHERE auction_id = $1
    """

    async def checkpoint(self, auction_id: AuctionId) -> str:
        """Read an auction's signed checkpoint.

        Raises:
            CheckpointUnknown: The auction is not over, or there is none of that id.
        """
        async with db.reading(self._pool) as connection:
            token: str | None = await connection.fetchval(self._READ_CHECKPOINT, auction_id)
        if token is None:
            raise CheckpointUnknown
        return token
