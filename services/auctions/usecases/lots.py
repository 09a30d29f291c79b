"""Move the lots that are held together with one that was extended."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.auctions.domain.commands import MoveClose
from services.auctions.domain.sequence import Extension, LotTimes, moved
from services.auctions.ports import Auctions, CloseMoved
from services.auctions.usecases.desks import AskDesk
from services.auctions.usecases.reading import FindPicture
from shared.domain.ids import AuctionId
from shared.domain.refusals import Kind, Refusal

RETRY_S: Final = 0.2
WAITING_MAX: Final = 10_000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MoveLots:
    """Ask the desks of other lots, here or elsewhere, to follow an extension.

    Each move is asked under a key made of what moved it: however often it is asked, also by who
    took over a desk that died in between, it moves a lot once.
    """

    auctions: Auctions
    find: FindPicture
    ask: AskDesk
    _waiting: deque[CloseMoved] = field(default_factory=lambda: deque(maxlen=WAITING_MAX))
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, extended: CloseMoved) -> None:
        """Take an extension that was committed."""
        self._waiting.append(extended)
        self._wake.set()

    async def run(self) -> None:
        """Move lots for ever, in the order of what moved them."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if await self._is_done(self._waiting[0]):
                    self._waiting.popleft()
                else:
                    await asyncio.sleep(RETRY_S)

    async def _is_done(self, extended: CloseMoved) -> bool:
        """Move what moves with a lot; False where that must be tried again."""
        try:
            for target in await self._targets(extended):
                await self._move(target, extended)
        except Refusal as refusal:
            log.warning("lots_wait", auction_id=str(extended.terms.id), code=refusal.code)
            return False
        return True

    async def _targets(self, extended: CloseMoved) -> list[LotTimes]:
        group_id = extended.terms.group_id
        assert group_id is not None
        lots = []
        for auction_id in await self.auctions.group(group_id):
            position = (await self.find(auction_id)).terms.position
            # The record is newer than any picture that another replica's desk has told.
            runs = await self.auctions.calendar(auction_id)
            if position is not None and not runs.status.is_over:
                lots.append(LotTimes(auction_id, position, runs.opens_at, runs.closes_at))
        if all(lot.auction_id != extended.terms.id for lot in lots):
            return []
        extension = Extension(extended.terms.id, extended.before, extended.after)
        return moved(lots, extension, extended.terms.rules)

    async def _move(self, target: LotTimes, extended: CloseMoved) -> None:
        """Ask one lot's desk.

        Raises:
            Refusal: The desk cannot be asked now.
        """
        command = MoveClose(
            party_id=extended.terms.buyer_id,
            opens_at=target.opens_at,
            closes_at=target.closes_at,
            reason=f"lot {extended.terms.position} was extended",
        )
        key = f"moved/{extended.terms.id}/{extended.sequence}"
        try:
            await self.ask(AuctionId(target.auction_id), command, key=key)
        except Refusal as refusal:
            if refusal.kind is Kind.UNAVAILABLE:
                raise
            log.info("lot_not_moved", auction_id=str(target.auction_id), code=refusal.code)
