"""Ask over HTTP/1.1 with as little work as possible, so that the client is no bottleneck.

One `Connection` is one keep-alive connection with one request under way. It reads answers that say
their length, which is all that the services send here.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, cast

LOOPBACK: Final = "127.0.0.1"

_LENGTH: Final = b"content-length:"
_STATUS: Final = slice(9, 12)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self) -> None:
        """Begin unconnected."""
        self._transport: asyncio.WriteTransport | None = None
        self._unread = b""
        self._answer: asyncio.Future[Answer] | None = None

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        """Send a request; the future is the answer, or ConnectionError if none will come."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            answer.set_exception(ConnectionResetError())
            return answer
        self._answer = answer
        self._transport.write(request)
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand over the answer once it is whole."""
        self._unread += data
        head_end = self._unread.find(b"\r\n\r\n")
        if head_end < 0:
            return
        body_end = head_end + 4 + _length_in(self._unread[:head_end])
        if len(self._unread) < body_end or self._answer is None:
            return
        answer = Answer(int(self._unread[_STATUS]), self._unread[head_end + 4 : body_end])
        self._unread = self._unread[body_end:]
        waiting, self._answer = self._answer, None
        if not waiting.done():
            waiting.set_result(answer)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever waits that no answer will come."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())


async def connect(port: int) -> Connection:
    """Open a connection.

    Raises:
        OSError: Nobody listens there.
    """
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, LOOPBACK, port)
    return connection


def post(path: str, *, token: str, key: str, body: bytes) -> bytes:
    """Write a POST of JSON under an idempotency key."""
    head = (
        f"POST {path} HTTP/1.1\r\n"
        f"Host: {LOOPBACK}\r\n"
        f"Authorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\n"
        f"Idempotency-Key: {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _length_in(head: bytes) -> int:
    _, _, after = head.lower().partition(_LENGTH)
    return int(after.split(b"\r\n", 1)[0])
