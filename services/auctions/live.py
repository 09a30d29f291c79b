"""Stream auctions to those who watch: Server-Sent Events, written once per audience.

A frame is a whole picture (absolute values, `id` = the log's sequence), so that a watcher who
missed some is right again with the next. Frames of one auction are conflated to ten a second. A
watcher whose connection has not taken what was written is skipped, and gets the newest picture when
it has: it never slows the desk or the others.
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from prometheus_client import Counter, Gauge

from services.auctions.answers import auction_answer
from services.auctions.domain.picture import Picture, Shown, drawn, seen_by
from services.auctions.gallery import Watched
from services.auctions.ports import Ticket
from services.auctions.usecases import audience_for
from shared.clock import Clock
from shared.domain.ids import AuctionId
from shared.domain.refusals import Kind, Refusal

FRAME_PAUSE_S: Final = 0.1
"""Ten frames a second and auction: as fast as an eye follows, as slow as a phone can draw."""

HEARTBEAT_S: Final = 10.0
"""Below the idle timeouts of the proxies between; it carries the server's time."""

UNSENT_BYTES_MAX: Final = 64 * 1024
WATCHERS_MAX: Final = 20_000
RECONNECT_MS: Final = 1_000

# The kernel would hide megabytes of stale frames from us; beyond this it says that it is full.
NOTSENT_LOWAT_BYTES: Final = 16 * 1024
TCP_NOTSENT_LOWAT: Final = getattr(socket, "TCP_NOTSENT_LOWAT", 25)

WATCHERS: Final = Gauge("commonlot_watchers", "Open streams.")
FRAMES: Final = Counter("commonlot_frames_total", "Frames by outcome.", ["outcome"])


class WatchersTooMany(Refusal):
    """This process serves as many streams as it may."""

    kind = Kind.UNAVAILABLE
    code = "watchers_too_many"


@dataclass(eq=False, slots=True)
class Watcher:
    """One open stream: of one auction, or of the board."""

    ticket: Ticket
    transport: asyncio.Transport
    behind: set[AuctionId] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        """Whether the connection has not yet taken what was written before."""
        return self.transport.get_write_buffer_size() > UNSENT_BYTES_MAX

    def write(self, chunk: bytes) -> None:
        """Hand a chunk to the connection, unless it is closing."""
        if not self.transport.is_closing():
            self.transport.write(chunk)


class Broadcast:
    """Everybody who watches something at this process."""

    def __init__(self, clock: Clock) -> None:
        """Tell the server's time in each frame by this clock."""
        self._clock = clock
        self._watchers: dict[AuctionId | None, set[Watcher]] = defaultdict(set)
        self._shown: dict[AuctionId, Shown] = {}
        self._dirty: set[AuctionId] = set()
        self._wake = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._count = 0

    def show(self, shown: Shown) -> None:
        """Take the newest that is known of an auction; its picture is sent with the next frame."""
        auction_id = shown.terms.id
        if self._watchers.get(auction_id) or self._watchers.get(None):
            known = self._shown.get(auction_id)
            if known is not None and shown.sequence < known.sequence:
                return
            self._shown[auction_id] = shown
            self._dirty.add(auction_id)
            self._wake.set()

    def watched(self) -> Watched:
        """Tell what is watched at this process."""
        ids = frozenset(key for key in self._watchers if key is not None)
        return Watched(ids, is_all=None in self._watchers)

    async def run(self) -> None:
        """Send frames for ever, at most one per auction and `FRAME_PAUSE_S`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            while True:
                await self._wake.wait()
                self._wake.clear()
                self.flush()
                await asyncio.sleep(FRAME_PAUSE_S)

    def flush(self) -> None:
        """Send what changed since the last frame; who is full now is sent it later."""
        dirty, self._dirty = self._dirty, set()
        for auction_id in dirty:
            picture = drawn(self._shown[auction_id])
            chunks: dict[str, bytes] = {}
            watchers = self._watchers.get(auction_id, set()) | self._watchers.get(None, set())
            for watcher in watchers:
                self._send(watcher, picture, chunks)

    async def watch(
        self, request: web.Request, ticket: Ticket, first: Iterable[Picture]
    ) -> web.StreamResponse:
        """Serve one stream until its reader goes: the pictures in `first`, then each change.

        Raises:
            WatchersTooMany: There is no place for one more.
        """
        if self._count >= WATCHERS_MAX:
            sentence = "Too many people are watching here. Try again in a moment."
            raise WatchersTooMany(sentence, retry_after_s=5)
        response = await _begin(request)
        transport = request.transport
        if transport is None:
            return response
        watcher = Watcher(ticket, transport)
        with self._place_for(watcher):
            watcher.write(_chunk(f"retry: {RECONNECT_MS}\n\n"))
            for picture in first:
                self._send(watcher, picture, {})
            await self._is_ending.wait()
        return response

    async def end(self) -> None:
        """Let all streams end, so that the server can stop; watchers come back by themselves."""
        self._is_ending.set()

    @contextmanager
    def _place_for(self, watcher: Watcher) -> Iterator[None]:
        """Count a watcher in while its stream is open."""
        key = watcher.ticket.auction_id
        self._watchers[key].add(watcher)
        self._count += 1
        WATCHERS.set(self._count)
        try:
            yield
        finally:
            self._count -= 1
            WATCHERS.set(self._count)
            self._watchers[key].discard(watcher)
            if not self._watchers[key]:
                del self._watchers[key]
                self._forget(key)

    def _forget(self, auction_id: AuctionId | None) -> None:
        """Drop pictures that nobody watches any more."""
        if auction_id is None:
            watched = set(self._watchers)
            self._shown = {key: one for key, one in self._shown.items() if key in watched}
        elif None not in self._watchers:
            self._shown.pop(auction_id, None)
        self._dirty &= set(self._shown)

    def _send(self, watcher: Watcher, picture: Picture, chunks: dict[str, bytes]) -> None:
        auction_id = picture.terms.id
        if watcher.is_full:
            watcher.behind.add(auction_id)
            FRAMES.labels("skipped").inc()
            return
        audience = audience_for(picture.terms, watcher.ticket)
        if audience not in chunks:
            chunks[audience] = self._frame(picture, audience)
        watcher.behind.discard(auction_id)
        watcher.write(chunks[audience])
        FRAMES.labels("sent").inc()

    def _frame(self, picture: Picture, audience: str) -> bytes:
        seen = seen_by(picture, audience)
        answer = auction_answer(picture, seen, now=self._clock.now())
        return _chunk(
            f"id: {picture.sequence}\nevent: picture\ndata: {answer.model_dump_json()}\n\n"
        )

    async def _beat(self) -> None:
        """Tell the time to all, and bring those up to date who were full before."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now = self._clock.now().isoformat()
            chunk = _chunk(f'event: time\ndata: {{"server_time":"{now}"}}\n\n')
            for watchers in list(self._watchers.values()):
                for watcher in watchers:
                    if not watcher.is_full:
                        watcher.write(chunk)
                    self._catch_up(watcher)

    def _catch_up(self, watcher: Watcher) -> None:
        for auction_id in list(watcher.behind):
            shown = self._shown.get(auction_id)
            if shown is not None:
                self._send(watcher, drawn(shown), {})


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    response.enable_chunked_encoding()
    await response.prepare(request)
    transport = request.transport
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES)
    return response


def _chunk(text: str) -> bytes:
    """Frame a text for HTTP/1.1's chunked coding, so that all watchers share the bytes."""
    body = text.encode()
    return b"%x\r\n%b\r\n" % (len(body), body)
