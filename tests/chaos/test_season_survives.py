"""kill -9 of a service in the middle of a season: it comes back, and everything still adds up."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from deploy.local.places import temporary_data_folder
from deploy.local.stack import StackFacts
from shared.migrate import SERVICES

CHECKOUT: Final = Path(__file__).resolve().parents[2]
SEASON_TIMEOUT_S: Final = 240.0
START_TIMEOUT_S: Final = 60.0
PAUSE_S: Final = 0.05
KILLS_EACH: Final = 3
BETWEEN_KILLS_S: Final = 6.0

RESTART_ALLOWANCE_S: Final = 20
"""What a service may take to come back on a busy machine, while vendors file against a deadline."""


@contextmanager
def season(data_set: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Play a season in a process of its own, as `make demo` does."""
    command = [sys.executable, "-m", "examples.season", "--data-set", data_set]
    paths = ["--data", str(folder / "data"), "--summary", str(folder / "summary.json")]
    allowance = ["--restart-allowance", str(RESTART_ALLOWANCE_S)]
    process = subprocess.Popen(
        [*command, *paths, *allowance],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def pid_of(folder: Path, service: str) -> int | None:
    """Read the service's process id; None while the stack is not up."""
    try:
        facts = StackFacts.model_validate_json((folder / "data" / "stack.json").read_bytes())
    except FileNotFoundError:
        return None
    return facts.pids[service]


def await_pid(folder: Path, service: str, process: "subprocess.Popen[str]", *, other: int) -> int:
    """Wait until the service runs in another process than `other`."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while (pid := pid_of(folder, service)) in {None, other}:
        assert process.poll() is None, "the season ended before its service was killed"
        assert time.monotonic() < deadline, f"{service} was not started again"
        time.sleep(PAUSE_S)
    assert pid is not None
    return pid


def kill_again_and_again(folder: Path, service: str, process: "subprocess.Popen[str]") -> int:
    """Kill the service, wait for its successor, and again; return how often it was killed."""
    pid = await_pid(folder, service, process, other=0)
    for count in range(KILLS_EACH):
        time.sleep(BETWEEN_KILLS_S)
        if process.poll() is not None:
            return count
        os.kill(pid, signal.SIGKILL)
        pid = await_pid(folder, service, process, other=pid)
    return KILLS_EACH


def finish(folder: Path, process: "subprocess.Popen[str]") -> dict[str, object]:
    """Wait for the season's end and read its figures."""
    said, _ = process.communicate(timeout=SEASON_TIMEOUT_S)
    assert process.returncode == 0, said[-4000:]
    assert "Everything adds up." in said
    figures = json.loads((folder / "summary.json").read_text())
    assert isinstance(figures, dict)
    return figures


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", SERVICES)
def test_a_season_survives_the_death_of_a_service(service: str) -> None:
    with temporary_data_folder() as folder, season("sample", folder) as process:
        killed = kill_again_and_again(folder, service, process)
        figures = finish(folder, process)

    assert killed == KILLS_EACH
    assert figures["award_lines"] == figures["webhooks_sent"] == figures["webhooks_verified"] == 77
    assert figures["awards"] == figures["lots"] == 4


@pytest.mark.realdata
@pytest.mark.usefixtures("real_data")
@pytest.mark.timeout(400)
def test_the_real_season_survives_the_death_of_each_service_in_turn() -> None:
    with temporary_data_folder() as folder, season("ohio", folder) as process:
        for service in SERVICES:
            pid = await_pid(folder, service, process, other=0)
            time.sleep(BETWEEN_KILLS_S)
            os.kill(pid, signal.SIGKILL)
            await_pid(folder, service, process, other=pid)
        figures = finish(folder, process)

    assert figures["sealed_winners_matched"] == figures["sealed_winners_checked"] == 378
    assert figures["webhooks_sent"] == figures["webhooks_verified"] == figures["award_lines"] == 368
