"""Lines of the log, as a process writes them: one JSON object each, secrets hidden."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

_WRITER: Final = """
from dataclasses import dataclass, field

import structlog

from shared import logs


@dataclass
class Limit:
    alias: str
    amount_e4: int = field(repr=False)


logs.configure("json", service="tried")
log = structlog.get_logger()
log.info("plain", route="/v1/auctions", status=201, duration_ms=1.25, code=None, is_late=False)
log.info("listed", addresses=["::1", 8080])
log.info("told", limit=Limit("Bidder 1", 99_123))
log.info("torn", text="half a pair: \\udc80")
log.info("hidden", price="12.50", token="abc", alias="Bidder 1")
"""


@pytest.fixture(scope="module")
def lines() -> dict[str, dict[str, Any]]:
    ran = subprocess.run([sys.executable, "-c", _WRITER], capture_output=True, check=True)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    return {line["event"]: line for line in told}


def test_line_is_one_object_that_says_who_when_and_what(lines: dict[str, dict[str, Any]]) -> None:
    line = dict(lines["plain"])

    at = datetime.fromisoformat(line.pop("timestamp"))

    assert at.utcoffset() == timedelta(0)
    assert line == {
        "event": "plain",
        "service": "tried",
        "level": "info",
        "route": "/v1/auctions",
        "status": 201,
        "duration_ms": 1.25,
        "code": None,
        "is_late": False,
    }


def test_instant_of_a_line_has_microseconds_and_ends_with_z(
    lines: dict[str, dict[str, Any]],
) -> None:
    instant = lines["plain"]["timestamp"]

    assert len(instant) == len("2026-03-02T15:00:00.000000Z")
    assert instant.endswith("Z")


def test_list_is_written_as_a_list(lines: dict[str, dict[str, Any]]) -> None:
    assert lines["listed"]["addresses"] == ["::1", 8080]


def test_what_a_repr_hides_is_not_written(lines: dict[str, dict[str, Any]]) -> None:
    text = lines["told"]["limit"]

    assert "Bidder 1" in text
    assert "99123" not in text


def test_text_that_is_no_unicode_is_still_told(lines: dict[str, dict[str, Any]]) -> None:
    assert lines["torn"]["text"] == "half a pair: \udc80"


def test_members_that_are_secret_are_hidden(lines: dict[str, dict[str, Any]]) -> None:
    line = lines["hidden"]

    assert (line["price"], line["token"]) == ("hidden", "hidden")
    assert line["alias"] == "Bidder 1"
