"""Post one signed event to one receiver: the one door to aiohttp's client in this service."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from services.notify.domain.addresses import AddressRules
from services.notify.domain.deliveries import ANSWER_BYTES_MAX, Failure, Outcome
from services.notify.domain.signing import sign
from services.notify.ports import Post
from services.notify.sender.guard import AddressRefused, guarded_sockets
from services.notify.sender.names import ThreadedNames

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"

TIMEOUT_S: Final = 15.0
"""For an attempt in all: name, connection, request, answer. Source: Standard Webhooks 1.0.0."""

CONNECTIONS_MAX: Final = 500
KEEPALIVE_S: Final = 15.0
"""Shorter than most servers keep an idle connection, so that few are found closed."""

NAME_TTL_S: Final = 10
"""A name is looked up again after this time; what it leads to is judged each time."""

HEADER_BYTES_MAX: Final = 8_190


class HttpPoster:
    """The `Poster` on aiohttp."""

    def __init__(self, session: aiohttp.ClientSession, *, user_agent: str) -> None:
        """Post through `session`, which `open_poster` makes."""
        self._session = session
        self._user_agent = user_agent

    async def post(self, post: Post) -> Outcome:
        """Sign and send; whatever the receiver does is an outcome, never an exception."""
        try:
            async with self._session.post(
                post.url, data=post.body, headers=self._headers(post), allow_redirects=False
            ) as response:
                return Outcome(
                    status_code=response.status,
                    retry_after=response.headers.get("Retry-After"),
                    answer=await _beginning(response),
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(status_code=None, failure=failure_of(error))

    def _headers(self, post: Post) -> dict[str, str]:
        timestamp_s = int(post.at.timestamp())
        signature = sign(
            post.secret.key, post.body, event_id=post.event_id, timestamp_s=timestamp_s
        )
        return {
            "webhook-id": str(post.event_id),
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signature,
            "content-type": MEDIA_TYPE,
            "user-agent": self._user_agent,
        }


@asynccontextmanager
async def open_poster(
    rules: AddressRules,
    *,
    user_agent: str,
    timeout_s: float = TIMEOUT_S,
    connections_max: int = CONNECTIONS_MAX,
    resolver: aiohttp.abc.AbstractResolver | None = None,
) -> AsyncIterator[HttpPoster]:
    """Open the client: no redirects, no proxies, no cookies, no decompression, no inner addresses.

    `resolver` replaces the system's names, in tests.
    """
    names = resolver or ThreadedNames()
    connector = aiohttp.TCPConnector(
        limit=connections_max,
        keepalive_timeout=KEEPALIVE_S,
        ttl_dns_cache=NAME_TTL_S,
        socket_factory=guarded_sockets(rules),
        resolver=names,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        skip_auto_headers=("Accept", "Accept-Encoding"),
        auto_decompress=False,
        trust_env=False,
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
    ) as session:
        try:
            yield HttpPoster(session, user_agent=user_agent)
        finally:
            await names.close()


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Read the beginning of an answer; the rest is left, and its connection closed.

    The status has come by then and decides, so an answer that breaks off is no failure.
    """
    answer = b""
    try:
        while len(answer) < ANSWER_BYTES_MAX and not response.content.at_eof():
            answer += await response.content.read(ANSWER_BYTES_MAX - len(answer))
    except (aiohttp.ClientError, OSError):
        response.close()
    if not response.content.at_eof():
        response.close()
    return answer


def failure_of(error: Exception) -> Failure:
    """Name what went wrong on the way, without the words of the driver."""
    if isinstance(getattr(error, "os_error", error), AddressRefused):
        return Failure.ADDRESS_REFUSED
    for kind, failure in _FAILURES:
        if isinstance(error, kind):
            return failure
    return Failure.CONNECTION_FAILED


_FAILURES: Final = (
    (asyncio.TimeoutError, Failure.TIMEOUT),
    (aiohttp.ClientConnectorDNSError, Failure.NAME_UNRESOLVED),
    (aiohttp.ClientSSLError, Failure.TLS_FAILED),
    (aiohttp.ClientConnectorError, Failure.CONNECTION_FAILED),
    (aiohttp.ClientPayloadError, Failure.ANSWER_MALFORMED),
    (aiohttp.ClientResponseError, Failure.ANSWER_MALFORMED),
    (aiohttp.ClientConnectionError, Failure.CONNECTION_LOST),
    (ssl.SSLError, Failure.TLS_FAILED),
    (OSError, Failure.CONNECTION_LOST),
)
"""Each kind before those that it is a kind of."""
