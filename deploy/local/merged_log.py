"""Merge the children's lines into one readable log, and keep each child's own, raw, in a file.

On a terminal a line of JSON becomes `12:03:04 bids     info  rfp_published rfp_id=…`; elsewhere it
stays as it is, after its child's name. Files are rotated: `bids.log`, then `bids.log.1` and on.
"""

import json
import re
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import click

TAIL_LINES: Final = 20
LINE_BYTES_MAX: Final = 64 * 1024
"""A longer line is cut into pieces of this size."""

OWN_NAME: Final = "local"

_COLOURS: Final = ("cyan", "green", "yellow", "blue", "magenta", "bright_cyan", "bright_green")
_LEVEL_COLOURS: Final = {"warn": "yellow", "error": "red", "crit": "red"}
_LEVELS: Final = {
    "LOG": "info",
    "INF": "info",
    "DBG": "debug",
    "WRN": "warn",
    "WARNING": "warn",
    "warning": "warn",
    "ERR": "error",
    "ERROR": "error",
    "FTL": "crit",
    "FATAL": "crit",
    "PANIC": "crit",
    "critical": "crit",
}
_FOREIGN: Final = (
    # PostgreSQL, by our log_line_prefix "%m [%p] ".
    re.compile(r"[\d-]{10} (?P<time>[\d:]{8})\S* \w+ \[\d+\] (?P<level>\w+): +(?P<text>.*)"),
    # NATS.
    re.compile(r"\[\d+\] [\d/]{10} (?P<time>[\d:]{8})\S* \[(?P<level>\w+)\] (?P<text>.*)"),
)


class LogFile:
    """A file of lines that is rotated before it grows beyond `bytes_max`; `kept` old ones stay."""

    def __init__(self, path: Path, *, bytes_max: int, kept: int) -> None:
        """Append to what is there."""
        self._path = path
        self._bytes_max = bytes_max
        self._kept = kept
        self._file: IO[bytes] = path.open("ab")

    def write(self, line: bytes) -> None:
        """Write one line, given without its end."""
        if self._file.tell() + len(line) + 1 > self._bytes_max and self._file.tell():
            self._rotate()
        self._file.write(line + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._kept, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._file = self._path.open("wb")

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


class MergedLog:
    """What everything under the supervisor says."""

    def __init__(self, folder: Path, stream: IO[str] | None, *, bytes_max: int, kept: int) -> None:
        """Write files into `folder` and the merged lines to `stream`, if there is one."""
        self._folder = folder
        self._stream = stream
        self._bytes_max = bytes_max
        self._kept = kept
        self._files: dict[str, LogFile] = {}
        self._tails: dict[str, deque[str]] = {}

    def write(self, name: str, line: bytes) -> None:
        """Take one line of a child."""
        text = line.decode(errors="replace")
        self._tails.setdefault(name, deque(maxlen=TAIL_LINES)).append(_harmless(text))
        self._show(name, text)
        # A full disk must not stop us from reading, or the children would block on their pipes.
        with suppress(OSError):
            self._file_of(name).write(line)

    def say(self, event: str, *, level: str = "info", **members: object) -> None:
        """Add a line of the supervisor's own."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {"timestamp": stamp, "level": level, "event": event, **members}
        self.write(OWN_NAME, json.dumps(record, default=str).encode())

    def tail(self, name: str) -> list[str]:
        """Return the last lines of a child, the newest last, at most `TAIL_LINES`."""
        return list(self._tails.get(name, ()))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _file_of(self, name: str) -> LogFile:
        if name not in self._files:
            path = self._folder / f"{name}.log"
            self._files[name] = LogFile(path, bytes_max=self._bytes_max, kept=self._kept)
        return self._files[name]

    def _show(self, name: str, text: str) -> None:
        if self._stream is None:
            return
        try:
            terminal = self._stream.isatty()
            line = pretty(name, text) if terminal else f"{name:<8} {_harmless(text)}"
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:
            # Whoever read our output has gone; the files still have it all.
            self._stream = None


def pretty(name: str, text: str) -> str:
    """Render a child's line for a terminal, in colour."""
    stamp, level, rest = _parts(text)
    colour = _COLOURS[sum(name.encode()) % len(_COLOURS)]
    shown_level = click.style(f"{level:<5}", fg=_LEVEL_COLOURS.get(level))
    return f"{stamp:<8} {click.style(f'{name:<8}', fg=colour)} {shown_level} {_harmless(rest)}"


def _parts(text: str) -> tuple[str, str, str]:
    """Split a line into time of day, level and the rest; what is not known is empty."""
    record = _record_in(text)
    if record is not None:
        stamp, level, event = (str(record.pop(key, "")) for key in ("timestamp", "level", "event"))
        members = [f"{key}={value}" for key, value in record.items() if key != "service"]
        time_of_day = stamp.partition("T")[2][:8]
        return time_of_day, _LEVELS.get(level, level), " ".join([event, *members])
    for form in _FOREIGN:
        if found := form.fullmatch(text):
            return found["time"], _LEVELS.get(found["level"], "info"), found["text"]
    return "", "", text


def _record_in(text: str) -> dict[str, object] | None:
    if not text.startswith("{"):
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return dict(record) if isinstance(record, Mapping) else None


def _harmless(text: str) -> str:
    """Keep a child's words from steering the terminal."""
    return "".join(
        letter if letter.isprintable() or letter == "\t" else "\ufffd" for letter in text
    )
