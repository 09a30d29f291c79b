"""Sign each auction's log when it is over, and hand it out as a file that proves itself.

Every process looks for auctions that are over and have no checkpoint; all would sign the very same
text, and the first that stores it wins. So no lease is needed, and none is missed after a crash.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auctions.ports import Auctions, CheckpointUnknown, Ended
from shared.auction_log import checkpoint_line, entry_line, header_line, root_of
from shared.checkpoints import Checkpoint, sign_checkpoint
from shared.clock import Clock
from shared.db import DatabaseUnavailable
from shared.domain.ids import AuctionId
from shared.receipts import jwk_of

STEP_S: Final = 0.5
BATCH_MAX: Final = 50

LOOK_BACK: Final = timedelta(days=7)
"""How long after its close an auction may still get its checkpoint: longer than any outage."""

PAGE: Final = 1_000

log = structlog.get_logger(__name__)


class Notary:
    """Sign and show checkpoints with one key."""

    def __init__(self, auctions: Auctions, clock: Clock, key: Ed25519PrivateKey) -> None:
        """Sign with `key`, whose public half is shown to all."""
        self._auctions = auctions
        self._clock = clock
        self._key = key

    async def run(self) -> None:
        """Sign for ever what is over."""
        while True:
            try:
                signed = await self.step()
            except DatabaseUnavailable:
                log.warning("notary_waits", reason="DatabaseUnavailable")
                signed = 0
            await asyncio.sleep(0 if signed == BATCH_MAX else STEP_S)

    async def step(self) -> int:
        """Sign the logs of auctions that are over and have no checkpoint; return how many.

        Raises:
            DatabaseUnavailable: The record is away.
        """
        since = self._clock.now() - LOOK_BACK
        over = await self._auctions.ended_unsigned(since=since, limit=BATCH_MAX)
        for auction_id in over:
            await self._sign(await self._auctions.ended(auction_id))
        return len(over)

    async def token(self, auction_id: AuctionId) -> str:
        """Return an auction's signed checkpoint.

        Raises:
            CheckpointUnknown: The auction is not over, or was only a moment ago.
        """
        return await self._auctions.checkpoint(auction_id)

    def key_set(self) -> dict[str, list[dict[str, str]]]:
        """Describe the public key as a JWK set, by which anybody can check a checkpoint."""
        return {"keys": [jwk_of(self._key.public_key())]}

    async def export(self, auction_id: AuctionId) -> AsyncIterator[bytes]:
        """Write an auction's log as JSON Lines, a page at a time; the checkpoint, if any, last.

        The caller has made sure that the reader may see the log.
        """
        yield header_line(auction_id).encode()
        after = 0
        while rows := await self._auctions.log(auction_id, after=after, limit=PAGE):
            after = rows[-1].sequence
            yield "".join(entry_line((row.sequence, row.entry, row.hash)) for row in rows).encode()
        try:
            yield checkpoint_line(await self.token(auction_id)).encode()
        except CheckpointUnknown:
            return

    async def _sign(self, ended: Ended) -> None:
        # A hundred thousand hashes take a fifth of a second: not on the loop that serves offers.
        root = await asyncio.to_thread(root_of, ended.hashes)
        checkpoint = Checkpoint(
            auction_id=ended.auction_id,
            size=len(ended.hashes),
            root=root.hex(),
            last_hash=ended.hashes[-1].hex(),
            at=ended.at,
        )
        token = sign_checkpoint(checkpoint, self._key)
        await self._auctions.add_checkpoint(ended, root=root, token=token)
        log.info("checkpoint_signed", auction_id=str(ended.auction_id), size=checkpoint.size)
