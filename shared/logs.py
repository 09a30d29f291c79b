"""Write logs: structlog, one JSON object a line, or readable lines on a terminal."""

import logging
import sys
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET_KEYS: Final = frozenset(
    {"amount", "authorization", "body", "password", "price", "secret", "ticket", "token"}
)
"""Members that are never written, should a line carry them by mistake."""


def configure(log_format: Literal["json", "console"], *, service: str) -> None:
    """Set up structlog and route the standard library's warnings through it."""
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _hide_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)


def _hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in SECRET_KEYS & event.keys():
        event[key] = "hidden"
    return event


class _Bridge(logging.Handler):
    """Hand a library's own warning to structlog, so that every line has one form."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        text = record.getMessage()
        log.warning("library_warning", library=record.name, text=text, exc_info=record.exc_info)
