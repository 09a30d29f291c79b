"""Fold the logs of desks elsewhere that may soon be taken over.

A holder renews its lease when two thirds of it are left. Where only half is left it has missed a
renewal, and while the rest runs out its log is folded here: once the lease is taken, what is left
to fold is what was written meanwhile, however long the log is.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from services.auctions.ports import Auctions, Loaded
from shared.domain.ids import AuctionId

AHEAD_MAX: Final = 16
"""Logs folded before their lease has run out: long ones are few, and short ones take no time."""

FALTERS_AT: Final = 0.5
"""The share of a lease that is left when its holder has missed a renewal."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Folding:
    """One log, and until when it is of use."""

    task: "asyncio.Task[Loaded]"
    kept_until: float


class Foresight:
    """The logs that this process has folded before it may write them."""

    def __init__(self, auctions: Auctions, *, holder: UUID, lease_s: float) -> None:
        """Look at leases of others than `holder`."""
        self._auctions = auctions
        self._holder = holder
        self._lease_s = lease_s
        self._folding: dict[AuctionId, _Folding] = {}

    async def step(self) -> None:
        """Begin to fold what falters; forget what was renewed after all.

        Raises:
            DatabaseUnavailable: Nothing new was begun.
        """
        now = time.monotonic()
        for auction_id in [key for key, one in self._folding.items() if one.kept_until < now]:
            self._folding.pop(auction_id).task.cancel()
        room = AHEAD_MAX - len(self._folding)
        if room <= 0:
            return
        within_s = self._lease_s * FALTERS_AT
        ids = await self._auctions.faltering(holder=self._holder, within_s=within_s, limit=room)
        for auction_id in set(ids) - self._folding.keys():
            task = asyncio.create_task(self._auctions.load(auction_id))
            task.add_done_callback(_note_failure)
            self._folding[auction_id] = _Folding(task, now + self._lease_s)

    async def load(self, auction_id: AuctionId) -> Loaded:
        """Fold a log whose lease is held now: what is left of it, where it was begun before.

        Raises:
            AuctionUnknown: There is no such auction.
            DatabaseUnavailable: The record is away.
        """
        folding = self._folding.pop(auction_id, None)
        onto = await folding.task if folding is not None else None
        return await self._auctions.load(auction_id, onto=onto)

    def close(self) -> None:
        """Fold no more."""
        for folding in self._folding.values():
            folding.task.cancel()
        self._folding.clear()


def _note_failure(task: "asyncio.Task[Loaded]") -> None:
    """Look at how a fold ended for which nobody may ask."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.warning("not_folded_ahead", why=type(error).__name__)
