"""Say no over HTTP: problem documents (RFC 9457) and the one table from kinds to statuses."""

import json
from collections.abc import Mapping
from typing import ClassVar, Final

from aiohttp import web

from shared.auth import IssuerUnavailable, ScopeMissing, TokenInvalid, TokenMissing
from shared.domain.refusals import Kind, Refusal

PROBLEM_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[Kind, int]] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.PRECONDITION: 412,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.INVALID: 422,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
}


class HttpRefusal(Refusal):
    """A refusal by HTTP itself, with a status that no rule of the house uses."""

    status: ClassVar[int]


class RouteUnknown(Refusal):
    """Nothing is served at this path."""

    kind = Kind.NOT_FOUND
    code = "route_unknown"


class MethodNotAllowed(HttpRefusal):
    """The path is served, but not for this method."""

    kind = Kind.UNSUPPORTED
    code = "method_not_allowed"
    status = 405


class BodyTooSlow(HttpRefusal):
    """The body did not arrive within its deadline."""

    kind = Kind.MALFORMED
    code = "body_too_slow"
    status = 408


class BodyTooLarge(Refusal):
    """The body is longer than this route takes."""

    kind = Kind.TOO_LARGE
    code = "body_too_large"


class BodyBroken(Refusal):
    """The body ended before it was complete, or its transfer coding is wrong."""

    kind = Kind.MALFORMED
    code = "body_broken"


class MediaTypeUnsupported(Refusal):
    """The body is not of the media type that this route takes."""

    kind = Kind.UNSUPPORTED
    code = "media_type_unsupported"


class JsonMalformed(Refusal):
    """The body is not one JSON text with unique member names."""

    kind = Kind.MALFORMED
    code = "json_malformed"


class BodyInvalid(Refusal):
    """The body is JSON, but not what this route takes; `errors` says where and why."""

    kind = Kind.INVALID
    code = "body_invalid"


class IdMalformed(Refusal):
    """An id in the path is not a UUID."""

    kind = Kind.MALFORMED
    code = "id_malformed"


class PageMalformed(Refusal):
    """The page asked for cannot be read."""

    kind = Kind.MALFORMED
    code = "page_malformed"


class IfMatchMalformed(Refusal):
    """The header If-Match is not one ETag that an answer of ours carried."""

    kind = Kind.MALFORMED
    code = "if_match_malformed"


class PartyMissing(Refusal):
    """The act belongs to a party, and the access token speaks for none."""

    kind = Kind.FORBIDDEN
    code = "party_missing"


class IdempotencyKeyMalformed(Refusal):
    """The header Idempotency-Key is not 1 to 128 printable ASCII characters."""

    kind = Kind.MALFORMED
    code = "idempotency_key_malformed"


class RateExceeded(Refusal):
    """The caller asks more often than it may."""

    kind = Kind.TOO_MANY
    code = "rate_exceeded"


class OutsideUnavailable(Refusal):
    """The database or another server that the answer needs is away."""

    kind = Kind.UNAVAILABLE
    code = "outside_unavailable"


OF_EVERY_ROUTE: Final = (RateExceeded, OutsideUnavailable)
OF_CLOSED_ROUTES: Final = (
    TokenMissing,
    TokenInvalid,
    ScopeMissing,
    PartyMissing,
    IssuerUnavailable,
)
OF_PATHS_WITH_IDS: Final = (IdMalformed,)
OF_PAGES: Final = (PageMalformed,)
OF_BODIES: Final = (BodyBroken, BodyTooSlow, BodyTooLarge, MediaTypeUnsupported)
OF_JSON_BODIES: Final = (JsonMalformed, BodyInvalid)


def status_of(refusal: Refusal | type[Refusal]) -> int:
    """Tell the HTTP status of a refusal."""
    kind = refusal if isinstance(refusal, type) else type(refusal)
    return kind.status if issubclass(kind, HttpRefusal) else STATUS[kind.kind]


def problem(refusal: Refusal, *, instance: str) -> web.Response:
    """Render a refusal; `instance` is the id of the request that was refused."""
    standard = problem_members(refusal.code, status_of(refusal), detail=refusal.sentence)
    # The standard members stand first, and no detail may take their place.
    members = {**standard, "instance": instance, **refusal.details, **standard}
    headers = {"Content-Type": PROBLEM_TYPE}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    if refusal.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        status=status_of(refusal), body=json.dumps(members).encode(), headers=headers
    )


def defect(*, instance: str) -> web.Response:
    """Render a defect: a bare 500 that says nothing of what went wrong inside."""
    detail = "Something went wrong on our side; it was recorded under this request's id."
    members = {**problem_members("internal", 500, detail=detail), "instance": instance}
    headers = {"Content-Type": PROBLEM_TYPE}
    return web.Response(status=500, body=json.dumps(members).encode(), headers=headers)


def problem_members(code: str, status: int, *, detail: str) -> dict[str, object]:
    """Name the members that every problem document has, but for its instance."""
    return {
        "type": f"urn:commonlot:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
    }
