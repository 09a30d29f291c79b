"""Read a body: within its limit and its deadline, strictly, and without ever quoting it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar

from aiohttp import ClientError, web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.domain.refusals import Refusal
from shared.web.fields import OWN_ERROR
from shared.web.problems import (
    BodyBroken,
    BodyInvalid,
    BodyTooLarge,
    BodyTooSlow,
    JsonMalformed,
    MediaTypeUnsupported,
)
from shared.web.routes import Route

Model = TypeVar("Model", bound=BaseModel)

ERRORS_MAX: Final = 50
"""How many faults of one body are told; the first ones teach enough."""

_CHARSETS: Final = frozenset({None, "utf-8", "utf8"})


async def read_body(request: web.Request, route: Route, *, deadline_s: float) -> bytes:
    """Read the whole body, or what there is of it on a route that takes none.

    Raises:
        MediaTypeUnsupported: Another media type, another charset, or a compressed body.
        BodyTooLarge: More bytes than the route takes.
        BodyTooSlow: Not complete within the deadline.
        BodyBroken: The connection's bytes are no whole body.
    """
    if not request.body_exists:
        if route.takes_body:
            _refuse_other_types(request, route)
        return b""
    _refuse_other_types(request, route)
    limit = route.body_limit
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    if request.content.is_eof():
        received = request.content.read_nowait()
        _refuse_longer(received, limit)
        return received
    try:
        async with asyncio.timeout(deadline_s):
            return await _read_stream(request, limit)
    except TimeoutError:
        sentence = f"The body did not arrive within {deadline_s:g} seconds."
        raise BodyTooSlow(sentence) from None
    except (ClientError, web.RequestPayloadError) as error:
        sentence = "The body is not complete."
        raise BodyBroken(sentence) from error


async def body_pieces(
    request: web.Request, route: Route, *, deadline_s: float
) -> AsyncIterator[bytes]:
    """Read a body piece by piece, as it arrives; nothing of it is kept.

    Raises:
        MediaTypeUnsupported: Another media type, another charset, or a compressed body.
        BodyTooLarge: More bytes than the route takes.
        BodyTooSlow: Not complete within the deadline.
        BodyBroken: The connection's bytes are no whole body.
    """
    _refuse_other_types(request, route)
    limit = route.body_limit
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    ends_at_s = asyncio.get_running_loop().time() + deadline_s
    received = 0
    while piece := await _next_piece(request, ends_at_s=ends_at_s, deadline_s=deadline_s):
        received += len(piece)
        if received > limit:
            raise _too_large(limit)
        yield piece


async def _next_piece(request: web.Request, *, ends_at_s: float, deadline_s: float) -> bytes:
    # The deadline stands around each read alone: whoever takes the pieces may be another task.
    try:
        async with asyncio.timeout_at(ends_at_s):
            return await request.content.readany()
    except TimeoutError:
        sentence = f"The body did not arrive within {deadline_s:g} seconds."
        raise BodyTooSlow(sentence) from None
    except (ClientError, web.RequestPayloadError) as error:
        sentence = "The body is not complete."
        raise BodyBroken(sentence) from error


async def _read_stream(request: web.Request, limit: int) -> bytes:
    received = bytearray()
    while chunk := await request.content.readany():
        received += chunk
        _refuse_longer(received, limit)
    return bytes(received)


def _refuse_longer(received: bytes | bytearray, limit: int) -> None:
    if len(received) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body may hold up to {limit} bytes.", details={"limit_bytes": limit})


def _refuse_other_types(request: web.Request, route: Route) -> None:
    is_plain = request.headers.get("Content-Encoding", "identity") == "identity"
    given = request.headers.get("Content-Type")
    # The exact text is what nearly every client sends, and needs no parsing.
    if is_plain and given == route.media_type:
        return
    charset = (request.charset or "utf-8").lower()
    if given is None or request.content_type != route.media_type or charset not in _CHARSETS:
        sentence = f"Send the body as {route.media_type}, in UTF-8."
        raise MediaTypeUnsupported(sentence, details={"media_type": route.media_type})
    if not is_plain:
        sentence = "Send the body uncompressed, without Content-Encoding."
        raise MediaTypeUnsupported(sentence)


class _FloatSeen(Exception):  # noqa: N818 - a finding, caught a few lines below
    """A number with a fraction or an exponent stands in the text."""


def _see_float(_text: str) -> NoReturn:
    raise _FloatSeen


def _refuse_constant(_name: str) -> NoReturn:
    sentence = "NaN and Infinity are not JSON."
    raise JsonMalformed(sentence)


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        sentence = "A member name stands twice in one object."
        raise JsonMalformed(sentence)
    return members


_READER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_constant=_refuse_constant, parse_float=_see_float
)
_FLOAT_READER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_constant=_refuse_constant
)


def parse_body(raw: bytes, model: type[Model]) -> Model:
    """Read JSON into a model.

    The text is read twice: once for what a model cannot see (repeated names, NaN, floats), once by
    the model itself, whose own reader knows best what JSON may stand for.

    Raises:
        JsonMalformed: No JSON, repeated member names, NaN, not UTF-8, or nested too deeply.
        BodyInvalid: JSON that the model does not take, with a pointer and a reason for each fault.
    """
    content = _read_json(raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        # Not chained: a ValidationError prints what was sent.
        raise _fault_of(error, model, content) from None


def _read_json(raw: bytes) -> Any:
    try:
        text = raw.decode()
        try:
            content = _READER.decode(text)
        except _FloatSeen:
            # Read it again as it is, to say where each one stands.
            content = _FLOAT_READER.decode(text)
            _refuse_unkept(content)
        if "\\u0000" in text:
            _refuse_unkept(content)
    except (ValueError, RecursionError):
        sentence = "The body is not JSON in UTF-8."
        raise JsonMalformed(sentence) from None
    return content


def _fault_of(error: ValidationError, model: type[BaseModel], content: Any) -> Refusal:
    if any(fault["type"] == "json_invalid" for fault in error.errors(include_input=False)):
        sentence = "The body nests too deeply, or holds half a surrogate pair."
        return JsonMalformed(sentence)
    return invalid(error, model, content)


def _refuse_unkept(content: Any) -> None:
    """Refuse values that cannot be kept exactly, wherever they stand."""
    faults = [{"pointer": pointer, "reason": reason} for pointer, reason in _unkept(content, "")]
    if faults:
        sentence = "The body holds values that cannot be kept exactly; see errors."
        raise BodyInvalid(sentence, details={"errors": faults[:ERRORS_MAX]})


def _unkept(content: Any, pointer: str) -> Iterator[tuple[str, str]]:
    match content:
        case float():
            yield pointer, 'Write a number with decimals as a string, such as "12.50".'
        case str() if "\x00" in content:
            yield pointer, "The character NUL is not allowed."
        case dict():
            for name, member in content.items():
                yield from _unkept(member, f"{pointer}/{_escaped(name)}")
        case list():
            for index, member in enumerate(content):
                yield from _unkept(member, f"{pointer}/{index}")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def invalid(error: ValidationError, model: type[BaseModel], content: Any) -> BodyInvalid:
    """Tell the faults of a body: where each stands and why it is one, never what was sent."""
    names = _names_of(model)
    faults = [
        {"pointer": _pointer(fault, names, content), "reason": _reason(fault)}
        for fault in error.errors(include_url=False, include_input=False)[:ERRORS_MAX]
    ]
    sentence = "The body is not what this route takes; see errors."
    return BodyInvalid(sentence, details={"errors": faults})


def _names_of(model: type[BaseModel]) -> frozenset[str]:
    """Collect every member name that a model and the models inside it know."""
    schema = model.model_json_schema(mode="validation")
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for part in parts for name in part.get("properties", {}))


def _pointer(fault: ErrorDetails, names: frozenset[str], content: Any) -> str:
    """Point to the fault by names that the model knows; a name of the caller's own becomes `*`.

    A validation error also locates a fault by the branch of a union that was tried; such a part
    is no place in the body, so it is left out.
    """
    pointer = ""
    last = len(fault["loc"]) - 1
    for index, part in enumerate(fault["loc"]):
        if isinstance(part, int) and isinstance(content, list):
            pointer += f"/{part}"
            content = content[part] if part < len(content) else None
        elif isinstance(content, dict) and part in content:
            if index == last and fault["type"] == "extra_forbidden":
                break
            pointer += f"/{_escaped(str(part))}" if part in names else "/*"
            content = content[str(part)]
        elif index == last and fault["type"] == "missing":
            pointer += f"/{part}"
    return pointer


_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "This member is required.",
    "extra_forbidden": "There is a member here that is not known.",
    "string_type": "Write text.",
    "string_too_short": "Write at least {min_length} characters.",
    "string_too_long": "Write at most {max_length} characters.",
    "string_pattern_mismatch": "The text must match {pattern}.",
    "int_type": "Write a whole number.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "int_parsing_size": "The number is too large.",
    "bool_type": "Write true or false.",
    "bool_parsing": "Write true or false.",
    "list_type": "Write a list.",
    "tuple_type": "Write a list.",
    "set_type": "Write a list.",
    "frozen_set_type": "Write a list.",
    "dict_type": "Write an object.",
    "model_type": "Write an object.",
    "model_attributes_type": "Write an object.",
    "none_required": "Leave this null.",
    "too_short": "Give at least {min_length}.",
    "too_long": "Give at most {max_length}.",
    "greater_than": "The number must be greater than {gt}.",
    "greater_than_equal": "The number must be at least {ge}.",
    "less_than": "The number must be less than {lt}.",
    "less_than_equal": "The number must be at most {le}.",
    "multiple_of": "The number must be a multiple of {multiple_of}.",
    "literal_error": "The value must be {expected}.",
    "enum": "The value must be {expected}.",
    "union_tag_not_found": "The member {discriminator} must say which kind this is.",
    "union_tag_invalid": "The member {discriminator} must be one of {expected_tags}.",
    "uuid_type": "Write a UUID.",
    "uuid_parsing": "Write a UUID.",
    "uuid_version": "Write a UUID of version {expected_version}.",
    "decimal_type": "Write a decimal string.",
    "decimal_parsing": "Write a decimal string.",
    "decimal_max_digits": "Write at most {max_digits} digits.",
    "decimal_max_places": "Write at most {decimal_places} decimals.",
    "decimal_whole_digits": "Write at most {whole_digits} digits before the point.",
    "date_type": "Write a date, such as 2027-03-01.",
    "date_parsing": "Write a date, such as 2027-03-01.",
    "date_from_datetime_parsing": "Write a date, such as 2027-03-01.",
    "date_from_datetime_inexact": "Write a date, such as 2027-03-01.",
    "datetime_type": "Write an instant, such as 2027-03-01T12:00:00Z.",
    "datetime_parsing": "Write an instant, such as 2027-03-01T12:00:00Z.",
    "datetime_from_date_parsing": "Write an instant, such as 2027-03-01T12:00:00Z.",
    "timezone_aware": "Write the instant's offset from UTC, or Z.",
    "url_type": "Write a URL.",
    "url_parsing": "Write a URL.",
    "url_scheme": "The URL's scheme must be {expected_schemes}.",
    "url_too_long": "Write a URL of at most {max_length} characters.",
    "bytes_invalid_encoding": "Write bytes as base64.",
}
"""Our sentence for each type of error. What stands in braces comes from the model's own schema."""

_UNKNOWN_FAULT: Final = "This value cannot be taken."


def _reason(fault: ErrorDetails) -> str:
    """Say why, in words that cannot hold what was sent."""
    if fault["type"].startswith(OWN_ERROR):
        return fault["msg"]
    return _SENTENCES.get(fault["type"], _UNKNOWN_FAULT).format_map(fault.get("ctx", {}))


def refuse_body(raw: bytes) -> None:
    """Refuse a body where none is taken; an empty object counts as none.

    Raises:
        BodyInvalid: There is a body.
    """
    if raw.strip() not in {b"", b"{}"}:
        sentence = "This route takes no body."
        raise BodyInvalid(sentence, details={"errors": []})
