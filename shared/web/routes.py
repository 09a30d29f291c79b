"""Declare what a service answers: routes as data, filled by decorators in its `api.py`.

    api = Api("bids", title="Commonlot bids", version="1")

    @api.post(
        "/v1/lots/{lot_id}/bids",
        scope="bid:write",
        body=FileBid,
        answer=ReceiptAnswer,
        summary="File a sealed bid",
        refusals=(LotClosed,),
        creates=True,
    )
    async def file_bid(call: Call[FileBid]) -> ReceiptAnswer: ...

The handler's docstring becomes the route's description in the OpenAPI document.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Required, TypedDict, TypeVar, Unpack, overload

from aiohttp import web
from pydantic import BaseModel

from shared.domain.refusals import Refusal
from shared.web.call import Call, Reply

JSON_TYPE: Final = "application/json"

BODILESS: Final = frozenset({"GET", "DELETE"})
"""The methods whose bodies mean nothing, and are not read."""

BODY_LIMIT: Final = 64 * 1024
"""The longest body of a route that names no limit of its own, in bytes."""

BodyModel = TypeVar("BodyModel", bound=BaseModel)
AnswerType = TypeVar("AnswerType", bound=BaseModel)

Handler = Callable[[Call[Any]], Awaitable[object]]

Answering = Callable[
    [Call[BodyModel]], Awaitable[AnswerType | Reply[AnswerType] | web.StreamResponse]
]
AnsweringBare = Callable[
    [Call[None]], Awaitable[AnswerType | Reply[AnswerType] | web.StreamResponse]
]
Silent = Callable[[Call[BodyModel]], Awaitable[Reply[None] | web.StreamResponse | None]]
SilentBare = Callable[[Call[None]], Awaitable[Reply[None] | web.StreamResponse | None]]

Any_ = TypeVar("Any_", bound=Handler)


class ReadOptions(TypedDict, total=False):
    """What a route that reads may say about itself.

    Members:
        scope: The scope that the caller needs; None opens the route to all, without a token.
        summary: What the route does, in a few words.
        refusals: The refusals that its own rules answer with; those of the edge are added.
        query: The query parameters that it reads, each with its description.
        paged: Whether it reads `after` and `limit`.
        status: The status of its good answer.
        answer_type: The media type of its good answer, where a handler renders it itself.
    """

    scope: Required[str | None]
    summary: Required[str]
    refusals: Sequence[type[Refusal]]
    query: Mapping[str, str]
    paged: bool
    status: int
    answer_type: str


class WriteOptions(ReadOptions, total=False):
    """What a route that writes may say about itself, besides.

    Members:
        creates: Whether the house keeps its Idempotency-Key, and answers repetitions.
        versioned: Whether it reads `If-Match`.
        keyed: Whether it takes an Idempotency-Key that its own use case keeps.
        compare_bodies: False where nothing derived from a body may be stored.
        media_type: The media type of its body; any but JSON reaches the handler as `call.raw`.
        body_limit: The longest body, in bytes.
        body_deadline_s: How long the body may take to arrive, where that is not the edge's own.
        streamed: Whether the handler reads the body itself, piece by piece, by `call.pieces`.
    """

    creates: bool
    versioned: bool
    keyed: bool
    compare_bodies: bool
    media_type: str
    body_limit: int
    body_deadline_s: float
    streamed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route, as declared."""

    method: str
    path: str
    handler: Handler
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    scope: str | None
    summary: str
    refusals: Sequence[type[Refusal]] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    paged: bool = False
    status: int = 200
    answer_type: str = JSON_TYPE
    creates: bool = False
    versioned: bool = False
    keyed: bool = False
    compare_bodies: bool = True
    media_type: str = JSON_TYPE
    body_limit: int = BODY_LIMIT
    body_deadline_s: float | None = None
    streamed: bool = False

    @property
    def takes_body(self) -> bool:
        """Whether a request to this route carries a body."""
        return self.body is not None or self.media_type != JSON_TYPE

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names in the path, in order."""
        return tuple(_PATH_NAME.findall(self.path))

    @property
    def query_names(self) -> frozenset[str]:
        """Every query parameter that the handler may read."""
        return frozenset({*self.query, *(("after", "limit") if self.paged else ())})


_PATH_NAME: Final = re.compile(r"\{(\w+)\}")


class Api:
    """The routes of one service, in the order of their declaration."""

    def __init__(self, service: str, *, title: str, version: str) -> None:
        """Name the service; `title` and `version` stand at the head of its documents."""
        self.service = service
        self.title = title
        self.version = version
        self._routes: list[Route] = []

    @property
    def routes(self) -> Sequence[Route]:
        """The routes that were declared so far."""
        return tuple(self._routes)

    def include(self, other: "Api") -> None:
        """Add the routes of a part of the same service."""
        for route in other.routes:
            self._add(route)

    @overload
    def get(
        self, path: str, *, answer: type[AnswerType], **options: Unpack[ReadOptions]
    ) -> Callable[[AnsweringBare[AnswerType]], AnsweringBare[AnswerType]]: ...
    @overload
    def get(
        self, path: str, *, answer: None, **options: Unpack[ReadOptions]
    ) -> Callable[[SilentBare], SilentBare]: ...
    def get(
        self, path: str, *, answer: type[BaseModel] | None, **options: Unpack[ReadOptions]
    ) -> Callable[[Any_], Any_]:
        """Declare what a GET answers."""
        return self._declare("GET", path, body=None, answer=answer, options=options)

    @overload
    def post(
        self,
        path: str,
        *,
        body: type[BodyModel],
        answer: type[AnswerType],
        **options: Unpack[WriteOptions],
    ) -> Callable[[Answering[BodyModel, AnswerType]], Answering[BodyModel, AnswerType]]: ...
    @overload
    def post(
        self,
        path: str,
        *,
        body: None = None,
        answer: type[AnswerType],
        **options: Unpack[WriteOptions],
    ) -> Callable[[AnsweringBare[AnswerType]], AnsweringBare[AnswerType]]: ...
    @overload
    def post(
        self, path: str, *, body: type[BodyModel], answer: None, **options: Unpack[WriteOptions]
    ) -> Callable[[Silent[BodyModel]], Silent[BodyModel]]: ...
    @overload
    def post(
        self, path: str, *, body: None = None, answer: None, **options: Unpack[WriteOptions]
    ) -> Callable[[SilentBare], SilentBare]: ...
    def post(
        self,
        path: str,
        *,
        body: type[BaseModel] | None = None,
        answer: type[BaseModel] | None,
        **options: Unpack[WriteOptions],
    ) -> Callable[[Any_], Any_]:
        """Declare what a POST does; its status is 201 where it creates, unless it says another."""
        if options.get("creates"):
            options.setdefault("status", 201)
        return self._declare("POST", path, body=body, answer=answer, options=options)

    @overload
    def put(
        self,
        path: str,
        *,
        body: type[BodyModel],
        answer: type[AnswerType],
        **options: Unpack[WriteOptions],
    ) -> Callable[[Answering[BodyModel, AnswerType]], Answering[BodyModel, AnswerType]]: ...
    @overload
    def put(
        self, path: str, *, body: type[BodyModel], answer: None, **options: Unpack[WriteOptions]
    ) -> Callable[[Silent[BodyModel]], Silent[BodyModel]]: ...
    def put(
        self,
        path: str,
        *,
        body: type[BaseModel],
        answer: type[BaseModel] | None,
        **options: Unpack[WriteOptions],
    ) -> Callable[[Any_], Any_]:
        """Declare what a PUT does."""
        return self._declare("PUT", path, body=body, answer=answer, options=options)

    @overload
    def delete(
        self, path: str, *, answer: type[AnswerType], **options: Unpack[ReadOptions]
    ) -> Callable[[AnsweringBare[AnswerType]], AnsweringBare[AnswerType]]: ...
    @overload
    def delete(
        self, path: str, *, answer: None, **options: Unpack[ReadOptions]
    ) -> Callable[[SilentBare], SilentBare]: ...
    def delete(
        self, path: str, *, answer: type[BaseModel] | None, **options: Unpack[ReadOptions]
    ) -> Callable[[Any_], Any_]:
        """Declare what a DELETE does."""
        return self._declare("DELETE", path, body=None, answer=answer, options=options)

    def _declare(
        self,
        method: str,
        path: str,
        *,
        body: type[BaseModel] | None,
        answer: type[BaseModel] | None,
        options: ReadOptions | WriteOptions,
    ) -> Callable[[Any_], Any_]:
        if answer is None and "answer_type" not in options:
            options.setdefault("status", 204)

        def declared(handler: Any_) -> Any_:
            self._add(
                Route(
                    method=method, path=path, handler=handler, body=body, answer=answer, **options
                )
            )
            return handler

        return declared

    def _add(self, route: Route) -> None:
        name = f"{route.method} {route.path}"
        if any((known.method, known.path) == (route.method, route.path) for known in self._routes):
            sentence = f"{name} is declared twice"
            raise ValueError(sentence)
        if route.creates and route.scope is None:
            sentence = f"{name} creates, so it needs a scope: keys belong to a caller"
            raise ValueError(sentence)
        if route.streamed and (route.creates or route.body is not None):
            sentence = f"{name} streams its body, so that nobody but its handler can have read it"
            raise ValueError(sentence)
        self._routes.append(route)
