"""Follow a stream of Server-Sent Events, and take it up again where it broke.

Source of the format: WHATWG HTML, section 9.2 (Server-sent events).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from clients.errors import Problem, Unreachable
from clients.http import RETRIED, Document, Patience
from clients.route import Caller

SILENCE_S_MAX: Final = 45.0
"""Three heartbeats of the service: a stream that is silent for longer is dead."""

FRAME_BYTES_MAX: Final = 256 * 1024
OVER: Final = frozenset({"closed", "cancelled"})
"""The statuses of an auction after which its stream has nothing more to say."""

_OK: Final = 200
_AWAY: Final = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream; `data` is what the service showed, by its own names."""

    id: str
    event: str
    data: Document


@dataclass(slots=True)
class _Place:
    """Where a reader stands: the last frame's id, and when something was last heard."""

    last_id: str = ""
    heard_at_s: float = field(default_factory=time.monotonic)
    attempts: int = 0

    def heard(self, frame: Frame) -> None:
        self.last_id = frame.id or self.last_id
        self.heard_at_s = time.monotonic()
        self.attempts = 0

    async def pause(self, patience: Patience, reason: str) -> None:
        if time.monotonic() - self.heard_at_s > patience.total_s:
            sentence = f"The stream broke and did not come back: {reason}."
            raise Unreachable(sentence)
        await asyncio.sleep(patience.wait_s(self.attempts, 0.0))
        self.attempts += 1


async def frames(caller: Caller, path: str, *, auction_id: str) -> AsyncIterator[Frame]:
    """Read an auction's frames until it is over, each after a fresh one-use ticket.

    Raises:
        Problem: The service refuses to show it.
        Unreachable: The stream broke, and did not come back within the patience of calls.
    """
    place = _Place()
    patience = caller.http.patience
    while True:
        ticket = await caller.post("/v1/stream-tickets", {"auction_id": auction_id})
        try:
            async for frame in _connection(caller, path, str(ticket["ticket"]), place.last_id):
                place.heard(frame)
                yield frame
                if frame.data.get("status") in OVER:
                    return
            reason = "the service ended it"
        except _AWAY as error:
            reason = str(error) or "it fell silent"
        await place.pause(patience, reason)


async def _connection(caller: Caller, path: str, ticket: str, last_id: str) -> AsyncIterator[Frame]:
    headers = {"Accept": "text/event-stream"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    async with caller.http.session.get(
        f"{caller.base_url}{path}",
        params={"ticket": ticket},
        headers=headers,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=caller.http.patience.attempt_s, sock_read=SILENCE_S_MAX
        ),
    ) as response:
        if response.status in RETRIED:
            raise aiohttp.ClientPayloadError(response.reason or "not now")
        if response.status != _OK:
            raise Problem.read(response.status, await response.read())
        reader = _Reader()
        async for piece in response.content.iter_any():
            for frame in reader.feed(piece):
                yield frame


class _Reader:
    """Cut bytes into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[Frame]:
        self._rest = (self._rest + piece).replace(b"\r\n", b"\n")
        *whole, self._rest = self._rest.split(b"\n\n")
        if len(self._rest) > FRAME_BYTES_MAX:
            sentence = "a frame is longer than any of ours"
            raise aiohttp.ClientPayloadError(sentence)
        for block in whole:
            frame = _frame(block.decode())
            if frame is not None:
                yield frame


def _frame(block: str) -> Frame | None:
    """Read one block of lines; None for a heartbeat, which is only a comment."""
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name, []).append(value.removeprefix(" "))
    if "data" not in fields:
        return None
    data = json.loads("\n".join(fields["data"]))
    event = fields.get("event", ["message"])[-1]
    return Frame(fields.get("id", [""])[-1], event, data if isinstance(data, dict) else {})
