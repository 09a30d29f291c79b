"""Keep this process's desks: take the leases of auctions that are due, renew them, give them up."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Gauge

from services.auctions.desk import Desk
from services.auctions.domain.commands import CancelAuction
from services.auctions.domain.picture import Picture
from services.auctions.ports import Auctions
from shared.clock import Clock
from shared.db import DatabaseUnavailable
from shared.domain.ids import AuctionId
from shared.domain.refusals import Refusal

STEP_S: Final = 0.2
"""How often the hall looks for auctions that need a desk."""

AHEAD: Final = timedelta(seconds=2)
"""How long before its opening an auction gets its desk, so that it opens on time."""

DESKS_MAX: Final = 5_000

DESKS: Final = Gauge("commonlot_desks", "Auctions that this process writes.")

log = structlog.get_logger(__name__)


class Hall:
    """The desks of one process."""

    def __init__(
        self,
        auctions: Auctions,
        clock: Clock,
        *,
        holder: UUID,
        lease_s: float,
        show: Callable[[Picture], None],
    ) -> None:
        """Hold desks' leases as `holder`, for `lease_s` seconds at a time."""
        self._auctions = auctions
        self._clock = clock
        self._holder = holder
        self._lease_s = lease_s
        self._show = show
        self._desks: dict[AuctionId, Desk] = {}
        self._tasks: dict[AuctionId, asyncio.Task[None]] = {}
        self._renew_at = 0.0

    def desk(self, auction_id: AuctionId) -> Desk | None:
        """Return the auction's desk if it is here and open."""
        desk = self._desks.get(auction_id)
        return desk if desk is not None and desk.is_open else None

    async def run(self) -> None:
        """Keep desks until cancelled; then stop writing and give the leases back."""
        try:
            while True:
                try:
                    await self.step()
                except DatabaseUnavailable:
                    log.warning("hall_waits", reason="DatabaseUnavailable")
                await asyncio.sleep(STEP_S)
        finally:
            await self.close()

    async def step(self) -> None:
        """Drop desks that ended, renew the others' leases, and seat desks that are due.

        Raises:
            DatabaseUnavailable: Nothing could be taken or renewed; running desks notice it by
                themselves when they commit.
        """
        await self._drop_ended()
        await self._renew()
        until = self._clock.now() + AHEAD
        due = await self._auctions.due(until=until, limit=DESKS_MAX)
        missing = [auction_id for auction_id in due if auction_id not in self._desks]
        if missing:
            held = await self._auctions.lease(missing, holder=self._holder, lease_s=self._lease_s)
            for auction_id, token in held.items():
                await self._seat(auction_id, token)
        await self._cancel_doomed()
        DESKS.set(len(self._desks))

    async def _seat(self, auction_id: AuctionId, token: int) -> None:
        loaded = await self._auctions.load(auction_id)
        desk = Desk(self._auctions, self._clock, loaded, token=token, show=self._show)
        self._desks[auction_id] = desk
        self._tasks[auction_id] = asyncio.create_task(desk.run(), name=f"desk {auction_id}")
        log.info(
            "desk_seated",
            auction_id=str(auction_id),
            token=token,
            sequence=loaded.head.sequence,
        )

    async def _renew(self) -> None:
        loop_time = asyncio.get_running_loop().time()
        if not self._desks or loop_time < self._renew_at:
            return
        held = await self._auctions.lease(
            list(self._desks), holder=self._holder, lease_s=self._lease_s
        )
        self._renew_at = loop_time + self._lease_s / 3
        for auction_id in set(self._desks) - set(held):
            self._desks[auction_id].leave()

    async def _cancel_doomed(self) -> None:
        """Cancel auctions whose solicitation was cancelled; the next round asks again."""
        if not self._desks:
            return
        for auction_id, reason in (await self._auctions.doomed(list(self._desks))).items():
            desk = self._desks[auction_id]
            buyer_id = desk.picture.terms.buyer_id
            with suppress(Refusal):
                await desk.do(CancelAuction(party_id=buyer_id, reason=reason), key=None)

    async def _drop_ended(self) -> None:
        ended = [auction_id for auction_id, task in self._tasks.items() if task.done()]
        for auction_id in ended:
            task = self._tasks.pop(auction_id)
            self._desks.pop(auction_id).leave()
            error = task.exception()
            if error is not None:
                log.error("desk_defect", auction_id=str(auction_id), exc_info=error)
        if ended:
            await self._auctions.release(ended, holder=self._holder)

    async def close(self) -> None:
        """Stop writing, and give the leases back so that another may take over at once."""
        for desk in self._desks.values():
            desk.leave()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        try:
            await self._auctions.release(list(self._desks), holder=self._holder)
        except DatabaseUnavailable:
            log.warning("leases_left_to_run_out", desks=len(self._desks))
