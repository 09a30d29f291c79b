"""Hand a route what it needs of a request: its body, its caller, its ids, its page."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from aiohttp import web

from shared.auth import Principal
from shared.domain.ids import PartyId, new_id
from shared.web.problems import (
    IdempotencyKeyMalformed,
    IdMalformed,
    IfMatchMalformed,
    PageMalformed,
    PartyMissing,
)

Body = TypeVar("Body")
Answer = TypeVar("Answer")
Held = TypeVar("Held")

PAGE_LIMIT_DEFAULT: Final = 50
"""How many items a page holds when the caller does not say."""

PAGE_LIMIT_MAX: Final = 200
"""The most items of one page: an answer of some hundred kilobytes."""

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_LIMIT: Final = re.compile(r"[1-9]\d{0,2}", re.ASCII)
_ETAG: Final = re.compile(r'"(\d{1,18})"', re.ASCII)
_KEY: Final = re.compile(r"[\x20-\x7e]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list that was asked for: up to `limit` items whose id is above `after`."""

    after: UUID | None
    limit: int


@dataclass(frozen=True, slots=True)
class Reply(Generic[Answer]):
    """An answer with a status or headers of its own (`ETag`, `Location`)."""

    answer: Answer
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Asked(NamedTuple):
    """What the edge knows of a request when its route is called."""

    principal: Principal | None
    raw: bytes
    received_at: datetime
    query_names: frozenset[str]
    pieces: AsyncIterator[bytes] | None = None


class Call(Generic[Body]):
    """One request to one route, authorised and parsed."""

    __slots__ = ("_asked", "_new_id", "body", "request")

    def __init__(self, request: web.Request, asked: Asked, body: Body) -> None:
        """Keep what the edge has read; `body` is None on a route that takes no JSON."""
        self.request = request
        self.body = body
        self._asked = asked
        self._new_id: UUID | None = None

    @property
    def raw(self) -> bytes:
        """The body as it was received."""
        return self._asked.raw

    @property
    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, on a route declared `streamed`; it is read once."""
        pieces = self._asked.pieces
        if pieces is None:
            sentence = "a route that is not streamed asked for the pieces of its body"
            raise LookupError(sentence)
        return pieces

    @property
    def received_at(self) -> datetime:
        """The instant at which the body was fully received; its head, where it is streamed."""
        return self._asked.received_at

    @property
    def caller(self) -> Principal:
        """Who is calling; a route that is open to all must not ask."""
        principal = self._asked.principal
        if principal is None:
            sentence = "an open route asked for its caller"
            raise LookupError(sentence)
        return principal

    @property
    def caller_party(self) -> PartyId:
        """The party for which the caller speaks.

        Raises:
            PartyMissing: The token speaks for no party.
        """
        party_id = self.caller.party_id
        if party_id is None:
            sentence = "This act belongs to a party, and the access token speaks for none."
            raise PartyMissing(sentence)
        return party_id

    @property
    def new_id(self) -> UUID:
        """The id for what this request creates: the same for all requests under one key."""
        if self._new_id is None:
            self._new_id = new_id()
        return self._new_id

    def create_under(self, resource_id: UUID) -> None:
        """Fix the id of what is created to the one that stands under the request's key."""
        self._new_id = resource_id

    @property
    def idempotency_key(self) -> str | None:
        """The header Idempotency-Key, for a route whose use case keeps keys itself.

        Raises:
            IdempotencyKeyMalformed: Not 1 to 128 printable ASCII characters.
        """
        return idempotency_key(self.request)

    def id(self, name: str) -> UUID:
        """Read an id from the path.

        Raises:
            IdMalformed: It is not a UUID.
        """
        text = self.request.match_info[name]
        if not _ID.fullmatch(text):
            sentence = f"The path's {name} is not a UUID."
            raise IdMalformed(sentence)
        return UUID(text)

    def query(self, name: str) -> str | None:
        """Read a query parameter that the route declares; the first, when it is repeated."""
        if name not in self._asked.query_names:
            sentence = f"the route does not declare the query parameter {name}"
            raise LookupError(sentence)
        return self.request.query.get(name)

    def page(self) -> Page:
        """Read which page is asked for (`after`, `limit`), on a route declared `paged`.

        Raises:
            PageMalformed: `after` is not a UUID, or `limit` is not between 1 and 200.
        """
        after, limit = self.query("after"), self.query("limit")
        if after is not None and not _ID.fullmatch(after):
            sentence = "The query parameter after is the UUID of the last item of the page before."
            raise PageMalformed(sentence)
        if limit is not None and not (_LIMIT.fullmatch(limit) and int(limit) <= PAGE_LIMIT_MAX):
            sentence = f"The query parameter limit is between 1 and {PAGE_LIMIT_MAX}."
            raise PageMalformed(sentence)
        return Page(UUID(after) if after else None, int(limit) if limit else PAGE_LIMIT_DEFAULT)

    def expected_version(self) -> int | None:
        """Read which version the caller means to change, from `If-Match`; None for any.

        Raises:
            IfMatchMalformed: The header is neither `*` nor an ETag made by `etag`.
        """
        text = self.request.headers.get("If-Match", "*")
        if text == "*":
            return None
        version = _ETAG.fullmatch(text)
        if version is None:
            sentence = "If-Match repeats the ETag of the version that you mean to change."
            raise IfMatchMalformed(sentence)
        return int(version[1])

    def of(self, key: web.AppKey[Held]) -> Held:
        """Fetch what the composition root put into the application under a key."""
        return self.request.app[key]


def etag(version: int) -> str:
    """Write the `ETag` of a version, which `If-Match` repeats."""
    return f'"{version}"'


def idempotency_key(request: web.Request) -> str | None:
    """Read the header Idempotency-Key; None when it is absent.

    Raises:
        IdempotencyKeyMalformed: Not 1 to 128 printable ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        sentence = "An Idempotency-Key is 1 to 128 printable ASCII characters."
        raise IdempotencyKeyMalformed(sentence)
    return key
