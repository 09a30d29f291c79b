"""Describe the routes of a service as an OpenAPI 3.1 document."""

import inspect
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.domain.refusals import Refusal
from shared.idempotency import IdempotencyKeyReused, IdempotencyKeyRunning
from shared.web.call import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX
from shared.web.problems import (
    OF_BODIES,
    OF_CLOSED_ROUTES,
    OF_EVERY_ROUTE,
    OF_JSON_BODIES,
    OF_PAGES,
    OF_PATHS_WITH_IDS,
    PROBLEM_TYPE,
    IdempotencyKeyMalformed,
    IfMatchMalformed,
    status_of,
)
from shared.web.routes import BODILESS, JSON_TYPE, Api, Route

Document = dict[str, Any]

Mode = Literal["validation", "serialization"]
Refs = Mapping[tuple[Any, Mode], dict[str, Any]]

SCHEMAS_KEPT_MAX: Final = 8
"""Of how many services at most the schemas are kept."""

_PROBLEM_SCHEMA: Final = {
    "type": "object",
    "description": "A problem as of RFC 9457. `code` is stable; `instance` is the request's id.",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "What is wrong in a body: where each fault stands, and why it is one. "
            "In JSON that is a pointer (RFC 6901); in a table a line, the header's being 1, and a "
            "column, which is null where the whole line is meant.",
            "items": {
                "type": "object",
                "required": ["reason"],
                "properties": {
                    "pointer": {"type": "string"},
                    "line": {"type": "integer"},
                    "column": {"type": ["string", "null"]},
                    "reason": {"type": "string"},
                },
                "anyOf": [{"required": ["pointer"]}, {"required": ["line", "column"]}],
            },
        },
    },
}

_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of the configured issuer, of the type at+jwt.",
}


def openapi_document(api: Api) -> Document:
    """Write the document from the routes and their models."""
    refs, schemas = _schemas_of(api.routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in api.routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": api.version},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {"bearer": _BEARER},
        },
    }


def _schemas_of(routes: Iterable[Route]) -> tuple[Refs, dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], Mode], None] = {}
    for route in routes:
        if route.body is not None:
            wanted[route.body, "validation"] = None
        if route.answer is not None:
            wanted[route.answer, "serialization"] = None
    return _schemas_of_models(tuple(wanted))


@lru_cache(maxsize=SCHEMAS_KEPT_MAX)
def _schemas_of_models(
    wanted: tuple[tuple[type[BaseModel], Mode], ...],
) -> tuple[Refs, dict[str, Any]]:
    """Write the schemas, and keep them: half a second's work that never comes out otherwise."""
    refs, definitions = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return refs, definitions.get("$defs", {})


def _operation(route: Route, refs: Refs) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [_tag(route)],
        "security": [{"bearer": [route.scope]}] if route.scope else [],
        "responses": {
            str(route.status): _good_answer(route, refs),
            **_problems(refusals_of(route)),
        },
    }
    if description := inspect.getdoc(route.handler):
        operation["description"] = description
    if parameters := [*_path_parameters(route), *_query_parameters(route), *_headers(route)]:
        operation["parameters"] = parameters
    if route.takes_body:
        schema = refs[route.body, "validation"] if route.body else {"type": "string"}
        operation["requestBody"] = {
            "required": True,
            "description": f"Up to {route.body_limit} bytes.",
            "content": {route.media_type: {"schema": schema}},
        }
    return operation


_WORD: Final = re.compile(r"[A-Za-z0-9]+")


def operation_id(route: Route) -> str:
    """Name the operation by its handler, which is unique in a service's `api.py`."""
    name = getattr(route.handler, "__name__", "")
    return name if name.isidentifier() else "_".join(_WORD.findall(f"{route.method}{route.path}"))


def _tag(route: Route) -> str:
    """Group routes by the first word of their path that is no version."""
    words = [word for word in route.path.split("/") if word and not re.fullmatch(r"v\d+", word)]
    return words[0].partition(":")[0] if words else "root"


def _good_answer(route: Route, refs: Refs) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.answer is not None:
        schema = refs[route.answer, "serialization"]
        answer["content"] = {route.answer_type: {"schema": schema}}
    elif route.status != HTTPStatus.NO_CONTENT:
        answer["content"] = {route.answer_type: {"schema": {"type": "string"}}}
    if route.creates:
        answer["headers"] = {
            "Idempotency-Replayed": {
                "description": "`true` on an answer that was given before under the same key.",
                "schema": {"type": "string"},
            }
        }
    return answer


def refusals_of(route: Route) -> list[type[Refusal]]:
    """List every refusal that a route may answer with: its own first, then the edge's."""
    groups: list[Iterable[type[Refusal]]] = [route.refusals, OF_EVERY_ROUTE]
    if route.scope is not None:
        groups.append(OF_CLOSED_ROUTES)
    if route.path_names:
        groups.append(OF_PATHS_WITH_IDS)
    if route.paged:
        groups.append(OF_PAGES)
    if route.method not in BODILESS:
        groups.append(OF_BODIES)
        groups.append(OF_JSON_BODIES if route.media_type == JSON_TYPE else ())
    if route.versioned:
        groups.append((IfMatchMalformed,))
    if route.creates or route.keyed:
        groups.append((IdempotencyKeyMalformed,))
    if route.creates:
        groups.append((IdempotencyKeyReused, IdempotencyKeyRunning))
    return list(dict.fromkeys(refusal for group in groups for refusal in group))


def _problems(refusals: Iterable[type[Refusal]]) -> dict[str, Any]:
    by_status: dict[int, list[tuple[str, str]]] = {
        500: [("internal", "Something went wrong on our side.")]
    }
    for refusal in refusals:
        told = refusal.code, (inspect.getdoc(refusal) or "").partition("\n")[0]
        by_status.setdefault(status_of(refusal), []).append(told)
    return {str(status): _problem(codes) for status, codes in sorted(by_status.items())}


def _problem(codes: list[tuple[str, str]]) -> dict[str, Any]:
    narrowed = {"properties": {"code": {"enum": [code for code, _ in codes]}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}
    return {
        "description": "\n".join(f"- `{code}`: {sentence}" for code, sentence in codes),
        "content": {PROBLEM_TYPE: {"schema": schema}},
    }


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in route.path_names
    ]


def _path_schema(name: str) -> dict[str, str]:
    return {"type": "string", "format": "uuid"} if name.endswith("id") else {"type": "string"}


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    told = [
        _parameter("query", name, description=description, schema={"type": "string"})
        for name, description in route.query.items()
    ]
    if route.paged:
        after = {"type": "string", "format": "uuid"}
        limit = {"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT_MAX}
        limit["default"] = PAGE_LIMIT_DEFAULT
        told += [
            _parameter("query", "after", description="Items after this id.", schema=after),
            _parameter("query", "limit", description="The most items of the page.", schema=limit),
        ]
    return told


def _headers(route: Route) -> list[dict[str, Any]]:
    told = []
    if route.versioned:
        text = "The ETag of the version that is meant to change."
        told.append(_parameter("header", "If-Match", description=text, schema={"type": "string"}))
    if route.creates or route.keyed:
        told.append(_key_header(route))
    return told


def _key_header(route: Route) -> dict[str, Any]:
    description = "Repeat a request under the same key and it takes effect once."
    if not route.compare_bodies:
        description += " Bodies are not compared: the key alone decides, and the answer says so."
    schema = {"type": "string", "minLength": 1, "maxLength": 128}
    return _parameter("header", "Idempotency-Key", description=description, schema=schema)


def _parameter(
    place: str, name: str, *, description: str, schema: Mapping[str, object]
) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": False,
        "description": description,
        "schema": schema,
    }
