"""Answer one route: authorise, read, parse, call, render, in that order."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from shared.auth import Principal, Verifier, bearer, require_scope
from shared.clock import Clock
from shared.domain.refusals import Kind, Refusal
from shared.idempotency import Claim, IdempotencyStore, Started, StoredAnswer
from shared.web.bodies import body_pieces, parse_body, read_body, refuse_body
from shared.web.call import Asked, Call, Reply, idempotency_key
from shared.web.problems import problem
from shared.web.rates import Rates
from shared.web.routes import BODILESS, JSON_TYPE, Route
from shared.web.trace import TRACE

STORED_HEADERS: Final = ("ETag", "Location")
"""The headers of an answer that are part of it, and come back when it is replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What all routes of an application share."""

    verifier: Verifier
    clock: Clock
    idempotency: IdempotencyStore
    rates: Rates
    body_deadline_s: float


class Endpoint:
    """One route at work."""

    def __init__(self, route: Route, edge: Edge) -> None:
        """Look everything up once that no request changes."""
        self._route = route
        self._edge = edge
        self._query_names = route.query_names
        self._parse = _parser_of(route)
        self._body_deadline_s = route.body_deadline_s or edge.body_deadline_s

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request; refusals and defects go up to the middleware."""
        principal = await self._authorise(request)
        raw, pieces = b"", None
        if self._route.streamed:
            pieces = body_pieces(request, self._route, deadline_s=self._body_deadline_s)
        elif self._route.method not in BODILESS:
            raw = await read_body(request, self._route, deadline_s=self._body_deadline_s)
        received_at = self._edge.clock.now()
        asked = Asked(principal, raw, received_at, self._query_names, pieces)
        call: Call[Any] = Call(request, asked, self._parse(raw))
        if self._route.creates and principal is not None:
            key = idempotency_key(request)
            if key is not None:
                return await self._answer_once(call, self._claim(call, principal, key))
        return self._render(await self._route.handler(call))

    async def _authorise(self, request: web.Request) -> Principal | None:
        scope = self._route.scope
        if scope is None:
            self._edge.rates.count(f"address:{request.remote}")
            return None
        token = bearer(request.headers.get("Authorization"))
        principal = await self._edge.verifier.verify(token)
        caller = principal.key
        request[TRACE].party_id = caller
        self._edge.rates.count(caller)
        require_scope(principal, scope)
        return principal

    def _claim(self, call: Call[Any], principal: Principal, key: str) -> Claim:
        digest = None
        if self._route.compare_bodies:
            # The query is part of what was asked, as the body is.
            asked = call.request.query_string.encode() + b"\x00" + call.raw
            digest = hashlib.sha256(asked).digest()
        return Claim(principal.key, key, f"{call.request.method} {call.request.path}", digest)

    async def _answer_once(self, call: Call[Any], claim: Claim) -> web.StreamResponse:
        begun = await self._edge.idempotency.begin(claim)
        if isinstance(begun, StoredAnswer):
            return self._replay(begun)
        call.create_under(begun.resource_id)
        try:
            response = self._render(await self._route.handler(call))
            is_kept = response.status < 500  # noqa: PLR2004 - HTTP's own number
        except Refusal as refusal:
            trace = call.request[TRACE]
            trace.code = refusal.code
            response = problem(refusal, instance=trace.request_id)
            is_kept = self._keeps(refusal)
        except BaseException:
            # Also when the caller went away: a commit may have happened, so the id stays.
            await self._edge.idempotency.release(begun)
            raise
        await self._end(begun, response if is_kept else None)
        return response

    def _keeps(self, refusal: Refusal) -> bool:
        """Tell whether a refusal stands for good.

        One that may pass with time does not. Where bodies are not compared none does: a refusal
        tells of the body, and a corrected body under the same key must be heard.
        """
        may_pass = refusal.kind in {Kind.UNAVAILABLE, Kind.TOO_MANY}
        return self._route.compare_bodies and not may_pass and refusal.retry_after_s is None

    async def _end(self, begun: Started, response: web.StreamResponse | None) -> None:
        if not isinstance(response, web.Response):
            await self._edge.idempotency.release(begun)
            return
        body = response.body
        headers = response.headers
        answer = StoredAnswer(
            status=response.status,
            body=body if isinstance(body, bytes) else b"",
            media_type=headers.get("Content-Type", JSON_TYPE),
            headers=tuple((name, headers[name]) for name in STORED_HEADERS if name in headers),
        )
        await self._edge.idempotency.finish(begun, answer)

    def _replay(self, stored: StoredAnswer) -> web.Response:
        headers = {"Content-Type": stored.media_type, "Idempotency-Replayed": "true"}
        headers.update(stored.headers)
        if not self._route.compare_bodies:
            headers["Idempotency-Bodies-Compared"] = "false"
        return web.Response(status=stored.status, body=stored.body, headers=headers)

    def _render(self, result: object) -> web.StreamResponse:
        if isinstance(result, web.StreamResponse):
            return result
        status, headers = self._route.status, {"Content-Type": JSON_TYPE}
        if isinstance(result, Reply):
            status = result.status or status
            headers.update(result.headers)
            result = result.answer
        if result is None:
            del headers["Content-Type"]
            return web.Response(status=status, headers=headers)
        if not isinstance(result, BaseModel):
            sentence = f"{self._route.path} answered with a {type(result).__name__}"
            raise TypeError(sentence)
        body: bytes = result.__pydantic_serializer__.to_json(result)
        return web.Response(status=status, body=body, headers=headers)


def _parser_of(route: Route) -> Callable[[bytes], BaseModel | None]:
    model = route.body
    if model is not None:
        return lambda raw: parse_body(raw, model)
    return _take_raw if route.takes_body else _take_none


def _take_raw(_raw: bytes) -> None:
    """Leave a body that is no JSON to the handler."""


def _take_none(raw: bytes) -> None:
    refuse_body(raw)
