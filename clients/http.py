"""Ask over HTTP until there is an answer: bounded, patient, and never twice for one act.

Every POST carries an Idempotency-Key, the same one in each repetition of a call, so that a call
whose answer was lost can be repeated without doing its act twice.
"""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self
from uuid import uuid4

import aiohttp

from clients.errors import Problem, Unreachable

Document = Mapping[str, Any]
"""A JSON object as a service answers it; the API's reference (`/docs`) names its members."""

CONNECTIONS_MAX: Final = 32
"""Connections of one pool: enough to fill a service, too few to drown it."""

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""No page is near this; whatever is longer is not one of our services."""

FILE_ATTEMPT_S: Final = 300.0
"""How long one attempt to send or fetch a file may take, as the services allow for it."""

_OK: Final = 200
_REFUSED_FROM: Final = 300
RETRIED: Final = frozenset({429, 502, 503, 504})
"""Statuses that say "not now": too many requests, and servers that are away."""

_RETRIED_CODES: Final = frozenset({"idempotency_key_running"})

_RANDOM: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call goes on: when it begins its last attempt, how long one takes, the waits.

    No attempt begins `total_s` after the call or later; one that has begun has `attempt_s`.
    The wait before repetition n is drawn from zero to `first_wait_s` x 2^n, at most
    `longest_wait_s`, so that many clients do not come back at once; a `Retry-After` is waited for
    besides.
    """

    total_s: float = 60.0
    attempt_s: float = 10.0
    first_wait_s: float = 0.1
    longest_wait_s: float = 2.0

    def wait_s(self, attempts: int, retry_after_s: float) -> float:
        """Draw how long to wait after so many attempts."""
        most_s = min(self.longest_wait_s, self.first_wait_s * 2 ** min(attempts, 16))
        return retry_after_s + _RANDOM.uniform(0, most_s)


@dataclass(frozen=True, slots=True)
class _NotNow:
    """An attempt without a final answer: why, and the least wait that was asked for."""

    reason: Problem | Unreachable
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, the same in every repetition."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | Path | None
    query: Mapping[str, str]
    attempt_s: float

    @contextmanager
    def data(self) -> Iterator[bytes | BinaryIO | None]:
        """Give the body to one attempt; a file is opened anew for each."""
        if not isinstance(self.body, Path):
            yield self.body
            return
        with self.body.open("rb") as file:
            yield file


class Http:
    """One pool of connections, for any number of clients; use it as `async with`."""

    def __init__(
        self, *, patience: Patience | None = None, connections_max: int = CONNECTIONS_MAX
    ) -> None:
        """Prepare; connections are made when they are needed."""
        self._patience = patience or Patience()
        self._connections_max = connections_max
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections_max)
        )
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open pool, for answers that are streams."""
        if self._session is None:
            sentence = "use Http as `async with`, and its clients inside"
            raise RuntimeError(sentence)
        return self._session

    @property
    def patience(self) -> Patience:
        """How long calls go on."""
        return self._patience

    async def call(
        self,
        method: str,
        url: str,
        *,
        token: str,
        body: Mapping[str, Any] | str | Path | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Ask, and repeat what went unanswered, until an answer or until patience ends.

        A mapping is sent as JSON, a text as CSV, a path as the file's bytes. An answer without a
        body is an empty document.

        Raises:
            Problem: The service refused, or it was still saying "not now" at the end.
            Unreachable: No answer came.
        """
        headers = {"Authorization": f"Bearer {token}"}
        if method == "POST":
            headers["Idempotency-Key"] = idempotency_key or str(uuid4())
        attempt_s = FILE_ATTEMPT_S if isinstance(body, Path) else self._patience.attempt_s
        sent, media_type = _sent(body)
        if media_type is not None:
            headers["Content-Type"] = media_type
        return await self._until_answered(_Call(method, url, headers, sent, query or {}, attempt_s))

    async def download(self, url: str, *, token: str, file: BinaryIO) -> None:
        """Write an answer that is no JSON into a file, from its beginning in every attempt.

        Raises:
            Problem: The service refused, or it was still saying "not now" at the end.
            Unreachable: No whole answer came.
        """
        headers = {"Authorization": f"Bearer {token}"}
        asked = _Call("GET", url, headers, None, {}, FILE_ATTEMPT_S)
        await self._until_answered(asked, file)

    async def _until_answered(self, asked: _Call, file: BinaryIO | None = None) -> Document:
        ends_at_s = time.monotonic() + self._patience.total_s
        attempts = 0
        while True:
            outcome = await self._attempt(asked, file)
            if not isinstance(outcome, _NotNow):
                return outcome
            wait_s = self._patience.wait_s(attempts, outcome.retry_after_s)
            if time.monotonic() + wait_s >= ends_at_s:
                raise outcome.reason
            await asyncio.sleep(wait_s)
            attempts += 1

    async def _attempt(self, asked: _Call, file: BinaryIO | None) -> Document | _NotNow:
        try:
            with asked.data() as data:
                async with self.session.request(
                    asked.method,
                    asked.url,
                    headers=asked.headers,
                    data=data,
                    params=asked.query,
                    timeout=aiohttp.ClientTimeout(total=asked.attempt_s),
                    allow_redirects=False,
                ) as response:
                    if file is not None and response.status == _OK:
                        return await _saved(response, file)
                    return _outcome(response, await _content(response))
        except aiohttp.InvalidURL as error:
            sentence = f"{asked.url} is not an address."
            raise Unreachable(sentence) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            place = f"{asked.method} {asked.url}"
            sentence = f"{place} got no answer: {str(error) or 'it took too long'}."
            return _NotNow(Unreachable(sentence))


async def _content(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > ANSWER_BYTES_MAX:
            sentence = "the answer is longer than any of ours"
            raise aiohttp.ClientPayloadError(sentence)
    return bytes(content)


async def _saved(response: aiohttp.ClientResponse, file: BinaryIO) -> Document:
    file.seek(0)
    file.truncate()
    async for piece in response.content.iter_any():
        file.write(piece)
    return {}


def _outcome(response: aiohttp.ClientResponse, content: bytes) -> Document | _NotNow:
    if _OK <= response.status < _REFUSED_FROM:
        return _document(response.status, content)
    problem = Problem.read(response.status, content)
    if response.status in RETRIED or problem.code in _RETRIED_CODES:
        return _NotNow(problem, _retry_after_s(response.headers.get("Retry-After", "")))
    raise problem


def _document(status: int, content: bytes) -> Document:
    try:
        answer = json.loads(content) if content else {}
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        # Something else answers at this address.
        raise Problem.read(status, content)
    return answer


def _retry_after_s(text: str) -> float:
    """Read a number of seconds; our services send no dates."""
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _sent(
    body: Mapping[str, Any] | str | Path | None,
) -> tuple[bytes | Path | None, str | None]:
    """Write a body, and name its media type."""
    match body:
        case None:
            return None, None
        case Path():
            return body, "application/octet-stream"
        case str():
            return body.encode(), "text/csv; charset=utf-8"
        case _:
            return json.dumps(body).encode(), "application/json"
