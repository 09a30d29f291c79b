"""The merged log: what a person reads, and files that stay bounded."""

import io
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import pytest

from deploy.local.merged_log import LINE_BYTES_MAX, TAIL_LINES, LogFile, MergedLog, pretty


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    def write(self, _text: str, /) -> int:
        raise BrokenPipeError


@contextmanager
def merged_log(folder: Path, stream: io.StringIO | None) -> Iterator[MergedLog]:
    with closing(MergedLog(folder, stream, bytes_max=1_000_000, kept=3)) as log:
        yield log


def published_line() -> str:
    return json.dumps(
        {
            "rfp_id": "0193",
            "event": "rfp_published",
            "service": "bids",
            "level": "info",
            "timestamp": "2026-11-22T12:03:04.123456Z",
        }
    )


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("bids", published_line(), "12:03:04 bids     info  rfp_published rfp_id=0193"),
        (
            "postgres",
            "2026-11-22 01:54:58.348 UTC [10577] LOG:  database system is ready",
            "01:54:58 postgres info  database system is ready",
        ),
        (
            "postgres",
            "2026-11-22 01:54:58.348 UTC [10577] FATAL:  no",
            "01:54:58 postgres crit  no",
        ),
        (
            "nats",
            "[10578] 2026/11/22 01:54:58.379442 [WRN] Plaintext",
            "01:54:58 nats     warn  Plaintext",
        ),
        ("notify", "Traceback", "         notify         Traceback"),
        ("notify", '{"half": ', '         notify         {"half": '),
        ("notify", "[1]", "         notify         [1]"),
    ],
)
def test_a_line_is_rendered_for_a_terminal(name: str, text: str, shown: str) -> None:
    assert click.unstyle(pretty(name, text)) == shown


def test_a_child_cannot_steer_the_terminal() -> None:
    line = json.dumps({"timestamp": "", "level": "info", "event": "\x1b[2Jgone\nforged"})

    shown = click.unstyle(pretty("bids", line))

    assert "\x1b" not in shown
    assert "\n" not in shown


def test_lines_are_pretty_on_a_terminal_and_raw_after_a_name_elsewhere(tmp_path: Path) -> None:
    terminal, pipe = Terminal(), io.StringIO()

    for stream in (terminal, pipe):
        with merged_log(tmp_path, stream) as log:
            log.write("bids", published_line().encode())

    assert "\x1b[" in terminal.getvalue()
    assert click.unstyle(terminal.getvalue()).startswith("12:03:04 bids     info  rfp_published")
    assert pipe.getvalue() == f"bids     {published_line()}\n"


def test_files_keep_lines_raw_when_nothing_is_shown(tmp_path: Path) -> None:
    with merged_log(tmp_path, None) as log:
        log.write("bids", b"raw \xff line")

    assert (tmp_path / "bids.log").read_bytes() == b"raw \xff line\n"


def test_a_reader_who_goes_away_does_not_stop_the_files(tmp_path: Path) -> None:
    with merged_log(tmp_path, ClosedPipe()) as log:
        log.write("bids", b"first")
        log.write("bids", b"second")

    assert (tmp_path / "bids.log").read_bytes() == b"first\nsecond\n"


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    with merged_log(tmp_path, None) as log:
        for number in range(TAIL_LINES + 1):
            log.write("bids", str(number).encode())

    assert log.tail("bids") == [str(number) for number in range(1, TAIL_LINES + 1)]
    assert log.tail("never_started") == []


def test_a_file_is_rotated_just_before_it_would_grow_too_large(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "bids.log", bytes_max=10, kept=2)

    file.write(b"1234")
    file.write(b"5678")
    file.write(b"9")
    file.close()

    assert (tmp_path / "bids.log.1").read_bytes() == b"1234\n5678\n"
    assert (tmp_path / "bids.log").read_bytes() == b"9\n"


def test_only_so_many_old_files_are_kept(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "bids.log", bytes_max=3, kept=2)

    for letter in (b"aa", b"bb", b"cc", b"dd"):
        file.write(letter)
    file.close()

    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"bids.log": b"dd\n", "bids.log.1": b"cc\n", "bids.log.2": b"bb\n"}


def test_a_line_larger_than_a_file_is_written_all_the_same(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "bids.log", bytes_max=3, kept=1)

    file.write(b"x" * LINE_BYTES_MAX)
    file.close()

    assert (tmp_path / "bids.log").stat().st_size == LINE_BYTES_MAX + 1


def test_a_log_is_appended_to_over_restarts(tmp_path: Path) -> None:
    for word in (b"before", b"after"):
        with merged_log(tmp_path, None) as log:
            log.write("bids", word)

    assert (tmp_path / "bids.log").read_bytes() == b"before\nafter\n"
