"""Keep pictures of auctions that have no desk here: over, or written by another replica.

A state that was folded once is kept and caught up with what the log says since, at most once a
second and auction, so that many readers cost one small query.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import structlog

from services.auctions.domain.auction import Auction, Terms
from services.auctions.domain.picture import Picture, picture_of
from services.auctions.ports import Auctions
from shared.domain.ids import AuctionId

FRESH_S: Final = 1.0
"""How old what a reader is shown may be."""

FOLLOWED_MAX: Final = 256
TERMS_MAX: Final = 4_096

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Followed:
    """One auction as it was read last."""

    auction: Auction | None = None
    picture: Picture | None = None
    read_at: float = 0.0
    reading: "asyncio.Task[None] | None" = None

    def is_fresh(self) -> bool:
        picture = self.picture
        if picture is None:
            return False
        return picture.status.is_over or time.monotonic() - self.read_at < FRESH_S


class Follower:
    """The newest `FOLLOWED_MAX` auctions that somebody asked for."""

    def __init__(self, auctions: Auctions) -> None:
        """Read from the record."""
        self._auctions = auctions
        self._followed: OrderedDict[AuctionId, _Followed] = OrderedDict()
        self._terms: OrderedDict[AuctionId, asyncio.Future[Terms]] = OrderedDict()

    async def picture(self, auction_id: AuctionId) -> Picture:
        """Return the newest committed picture, at most `FRESH_S` old.

        Those who ask together share one reading, which goes on when they leave: whoever asks next
        finds it done.

        Raises:
            AuctionUnknown: There is no such auction.
        """
        followed = self._followed.get(auction_id) or _Followed()
        if not followed.is_fresh():
            if followed.reading is None or followed.reading.done():
                followed.reading = asyncio.create_task(self._read(auction_id, followed))
                followed.reading.add_done_callback(_note_failure)
            # Others meanwhile find the same entry, and wait for this one reading.
            self._keep(auction_id, followed)
            await asyncio.shield(followed.reading)
        self._keep(auction_id, followed)
        assert followed.picture is not None
        return followed.picture

    async def terms(self, auction_id: AuctionId) -> Terms:
        """Return what does not change while an auction lives. Raises `AuctionUnknown`.

        Those who ask together share one reading, which goes on when one of them leaves.
        """
        reading = self._terms.get(auction_id)
        if reading is None or (reading.done() and reading.exception() is not None):
            reading = asyncio.ensure_future(self._auctions.terms(auction_id))
            self._terms[auction_id] = reading
            if len(self._terms) > TERMS_MAX:
                self._terms.popitem(last=False)
        return await asyncio.shield(reading)

    def note(self, picture: Picture) -> bool:
        """Take a picture that the auction's desk has told; False where a newer one is known."""
        followed = self._followed.get(picture.terms.id)
        if followed is None or followed.picture is None:
            return True
        if picture.sequence < followed.picture.sequence:
            return False
        followed.picture, followed.read_at = picture, time.monotonic()
        return True

    async def _read(self, auction_id: AuctionId, followed: _Followed) -> None:
        read_at = time.monotonic()
        try:
            if followed.auction is None:
                followed.auction = (await self._auctions.load(auction_id)).auction
            else:
                await self._auctions.catch_up(followed.auction)
        except BaseException:
            if followed.picture is None:
                self._followed.pop(auction_id, None)
            raise
        followed.picture, followed.read_at = picture_of(followed.auction), read_at

    def _keep(self, auction_id: AuctionId, followed: _Followed) -> None:
        self._followed[auction_id] = followed
        self._followed.move_to_end(auction_id)
        while len(self._followed) > FOLLOWED_MAX:
            self._followed.popitem(last=False)


def _note_failure(reading: "asyncio.Task[None]") -> None:
    """Look at how a reading ended for which nobody may be waiting any more."""
    if not reading.cancelled() and reading.exception() is not None:
        log.info("reading_failed", why=type(reading.exception()).__name__)
