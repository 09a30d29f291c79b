"""Follow one request from its first byte to its one log line."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from uuid_utils import uuid7

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(slots=True)
class Trace:
    """What the log line and the metrics say of one request."""

    request_id: str
    route: str = "unknown"
    party_id: str | None = None
    code: str | None = None


TRACE: Final = web.RequestKey("trace", Trace)


def begin_trace(request: web.Request) -> Trace:
    """Give a request its id: the caller's own when it is short and plain, else a new one."""
    given = request.headers.get("X-Request-Id", "")
    trace = Trace(given if _REQUEST_ID.fullmatch(given) else str(uuid7()))
    resource = request.match_info.route.resource
    if resource is not None:
        trace.route = resource.canonical
    request[TRACE] = trace
    return trace
