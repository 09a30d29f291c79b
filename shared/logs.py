"""Write logs: structlog, one JSON object a line, or readable lines on a terminal."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType
from typing import Final, Literal

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET_KEYS: Final = frozenset(
    {"amount", "authorization", "body", "password", "price", "secret", "ticket", "token"}
)
"""Members that are never written, should a line carry them by mistake."""

_PLAIN: Final = frozenset({NoneType, bool, float, int, str})
"""The types that a line of JSON is nearly always made of."""

_US_PER_S: Final = 1_000_000


def configure(log_format: Literal["json", "console"], *, service: str) -> None:
    """Set up structlog and route the standard library's warnings through it."""
    renderer: Processor = _write_json
    lines: Callable[..., WrappedLogger] = structlog.BytesLoggerFactory(sys.stdout.buffer)
    if log_format == "console":
        renderer, lines = structlog.dev.ConsoleRenderer(), structlog.WriteLoggerFactory(sys.stdout)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamp,
            structlog.processors.format_exc_info,
            _hide_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lines,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)


def _stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say when, in UTC to the microsecond; the machine's own time, as for whoever reads lines."""
    seconds, us = divmod(time.time_ns() // 1000, _US_PER_S)
    event["timestamp"] = f"{_second(seconds)}.{us:06d}Z"
    return event


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    """Write a second; a busy service writes hundreds of lines in each."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if not SECRET_KEYS.isdisjoint(event):
        for key in SECRET_KEYS & event.keys():
            event[key] = "hidden"
    return event


def _write_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    """Write a line as one JSON object; what JSON does not know, as its `repr`.

    Every request writes a line, so what is made of plain values goes the faster way. The rest does
    not: it would be taken apart there, and show what its `repr` hides.
    """
    if _PLAIN.issuperset(map(type, event.values())):
        try:
            return to_json(event)
        except PydanticSerializationError:
            # Half a surrogate pair is no text for that writer; below it is escaped.
            pass
    return json.dumps(event, default=repr, separators=(",", ":")).encode()


class _Bridge(logging.Handler):
    """Hand a library's own warning to structlog, so that every line has one form."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        text = record.getMessage()
        log.warning("library_warning", library=record.name, text=text, exc_info=record.exc_info)
