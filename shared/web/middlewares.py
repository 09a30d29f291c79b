"""Stand around every route: request ids, refusals and defects as problems, one line, headers."""

import time
from functools import lru_cache
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import Counter, Histogram

from shared.domain.refusals import Refusal
from shared.web.problems import (
    BodyTooLarge,
    BodyTooSlow,
    MethodNotAllowed,
    OutsideUnavailable,
    RouteUnknown,
    defect,
    problem,
)
from shared.web.trace import TRACE, Trace, begin_trace

log = structlog.get_logger(__name__)

REQUESTS: Final = Counter(
    "commonlot_http_requests", "Requests answered.", ["method", "route", "status"]
)
SECONDS: Final = Histogram(
    "commonlot_http_request_seconds",
    "Time from a request's head to its answer; streams are left out.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

QUIET_ROUTES: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Routes that machines ask every few seconds; their lines are written at the level debug."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_CLIENT_GONE: Final = 499
"""The status that is logged when the caller left before its answer; it is never sent."""


def edge_middleware(outages: tuple[type[Exception], ...]) -> Middleware:
    """Build the one middleware; `outages` are the errors that say that another server is away."""

    @web.middleware
    async def stand_around(request: web.Request, handler: Handler) -> web.StreamResponse:
        began_s = time.perf_counter()
        trace = begin_trace(request)
        structlog.contextvars.bind_contextvars(request_id=trace.request_id)
        status = _CLIENT_GONE
        try:
            response = await _answer(request, handler, outages)
            status = response.status
        finally:
            elapsed_s = time.perf_counter() - began_s
            _record(request.method, trace, status, elapsed_s)
        if isinstance(response, web.Response):
            _seconds_of(trace.route).observe(elapsed_s)
        return response

    return stand_around


async def _answer(
    request: web.Request, handler: Handler, outages: tuple[type[Exception], ...]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return _refused(request, refusal)
    except web.HTTPMethodNotAllowed as error:
        sentence = f"This path answers {', '.join(sorted(error.allowed_methods))}."
        response = _refused(request, MethodNotAllowed(sentence))
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except web.HTTPNotFound:
        return _refused(request, RouteUnknown("Nothing is served at this path."))
    except outages as error:
        log.warning("outage", route=request[TRACE].route, reason=type(error).__name__)
        sentence = "A server that this answer needs is away; try again shortly."
        return _refused(request, OutsideUnavailable(sentence, retry_after_s=1))
    except Exception:
        trace = request[TRACE]
        trace.code = "internal"
        log.exception("defect", method=request.method, route=trace.route)
        return defect(instance=trace.request_id)


def _refused(request: web.Request, refusal: Refusal) -> web.Response:
    trace = request[TRACE]
    trace.code = refusal.code
    response = problem(refusal, instance=trace.request_id)
    if isinstance(refusal, (BodyTooLarge, BodyTooSlow)):
        # What is left of the body is not worth reading.
        response.force_close()
    return response


def _record(method: str, trace: Trace, status: int, elapsed_s: float) -> None:
    # An invented method must not open a new time series.
    method = method if method in _METHODS else "other"
    _requests_of(method, trace.route, status).inc()
    write = log.debug if trace.route in QUIET_ROUTES else log.info
    write(
        "request",
        method=method,
        route=trace.route,
        status=status,
        duration_ms=round(elapsed_s * 1000, 2),
        party_id=trace.party_id,
        code=trace.code,
    )


@lru_cache(maxsize=1024)
def _requests_of(method: str, route: str, status: int) -> Counter:
    """Look a series up once; there are as many as routes have statuses."""
    return REQUESTS.labels(method, route, str(status))


@lru_cache(maxsize=256)
def _seconds_of(route: str) -> Histogram:
    return SECONDS.labels(route)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer its request's id and the headers that keep browsers careful."""
    headers = response.headers
    trace = request.get(TRACE)
    if trace is not None:
        headers["X-Request-Id"] = trace.request_id
    headers["Server"] = "commonlot"
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Cache-Control", "no-store")
