"""One child under the supervisor: started again in time, heard to the end, stopped for sure."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.local.merged_log import LINE_BYTES_MAX, MergedLog
from deploy.local.processes import (
    FolderOccupied,
    Launch,
    await_vacancy,
    occupants_of,
    spawn,
    stop,
)
from deploy.local.settings import CHECKOUT, LocalSettings
from deploy.local.supervisor import Child, run_once

DEADLINE_S = 30.0

FORGETFUL_PARENT = """
import os, signal, subprocess, sys
from pathlib import Path
from deploy.local.processes import Launch, spawn

launch = Launch(
    name="sleeper",
    arguments=["/bin/sh", "-c", "trap '' INT TERM; while :; do sleep 0.05; done"],
    environment={"PATH": os.defpath},
    folder=Path("/"),
)
print(spawn(launch, subprocess.DEVNULL).pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[MergedLog]:
    with closing(MergedLog(tmp_path, None, bytes_max=1_000_000, kept=1)) as merged:
        yield merged


def settings(**changes: float) -> LocalSettings:
    quick = {"backoff_s_min": 0.1, "backoff_s_max": 0.2, "stop_grace_s": 0.3, **changes}
    return LocalSettings.model_validate(quick)


def shell(command: str) -> Launch:
    return Launch(
        name="child",
        arguments=["/bin/sh", "-c", command],
        environment={"PATH": os.defpath},
        folder=Path("/"),
    )


def deaths_in(log: MergedLog) -> list[dict[str, object]]:
    records = [json.loads(line) for line in log.tail("local")]
    return [record for record in records if record["event"] == "child_died"]


class Starts:
    """Remember when a child was started."""

    def __init__(self) -> None:
        self.instants: list[float] = []
        self._more = asyncio.Event()

    def __call__(self) -> None:
        self.instants.append(time.monotonic())
        self._more.set()

    async def reach(self, count: int) -> list[float]:
        async with asyncio.timeout(DEADLINE_S):
            while len(self.instants) < count:
                self._more.clear()
                await self._more.wait()
        pairs = zip(self.instants, self.instants[1:], strict=False)
        return [later - earlier for earlier, later in pairs]


async def test_a_child_that_keeps_dying_is_started_more_and_more_slowly(log: MergedLog) -> None:
    starts = Starts()
    child = Child(shell("exit 3"), log, settings(), starts)

    child.start()
    gaps = await starts.reach(4)
    await child.stop()

    died = deaths_in(log)[:3]
    assert [record["again_in_s"] for record in died] == [0.1, 0.2, 0.2]
    assert [record["status"] for record in died] == [3, 3, 3]
    assert all(gap >= pause for gap, pause in zip(gaps, (0.1, 0.2, 0.2), strict=True))


async def test_a_child_that_lived_long_enough_is_started_again_soon(log: MergedLog) -> None:
    starts = Starts()
    child = Child(shell("sleep 0.1"), log, settings(steady_after_s=0.1), starts)

    child.start()
    await starts.reach(4)
    await child.stop()

    assert [record["again_in_s"] for record in deaths_in(log)][:3] == [0.1, 0.1, 0.1]


async def test_a_stopped_child_is_not_started_again(log: MergedLog) -> None:
    starts = Starts()
    child = Child(shell("exec sleep 60"), log, settings(), starts)
    child.start()
    await starts.reach(1)
    pid = child.pid

    await child.stop()

    assert pid is not None
    assert not is_running(pid)
    assert (child.pid, len(starts.instants)) == (pid, 1)


async def test_a_child_that_was_never_started_can_be_stopped(log: MergedLog) -> None:
    child = Child(shell("exit"), log, settings(), Starts())

    await child.stop()

    assert child.pid is None


async def test_a_child_that_waits_to_be_started_again_is_stopped_at_once(log: MergedLog) -> None:
    starts = Starts()
    slow = settings(backoff_s_min=60, backoff_s_max=60)
    child = Child(shell("exit 1"), log, slow, starts)
    child.start()
    await starts.reach(1)
    async with asyncio.timeout(DEADLINE_S):
        while not log.tail("local"):  # noqa: ASYNC110 - a log sets no event
            await asyncio.sleep(0.01)

    async with asyncio.timeout(DEADLINE_S):
        await child.stop()

    assert len(starts.instants) == 1


async def test_a_child_that_does_not_stop_is_killed_after_its_grace(log: MergedLog) -> None:
    child = Child(
        shell("trap '' TERM; echo up; while :; do sleep 0.05; done"), log, settings(), Starts()
    )
    child.start()
    async with asyncio.timeout(DEADLINE_S):
        while not log.tail("child"):  # noqa: ASYNC110 - a log sets no event
            await asyncio.sleep(0.01)
    began = time.monotonic()

    await child.stop()

    assert time.monotonic() - began >= 0.3
    assert '"child_killed"' in log.tail("local")[0]


async def test_a_program_that_is_not_there_is_told_not_raised(log: MergedLog) -> None:
    launch = Launch(name="child", arguments=["/no/such"], environment={}, folder=Path("/"))

    status = await run_once(launch, log)

    assert status is None
    assert '"child_not_started"' in log.tail("local")[0]


async def test_last_words_are_kept_even_without_a_line_end(log: MergedLog) -> None:
    status = await run_once(shell("echo first; echo second >&2; printf last"), log)

    assert status == 0
    assert log.tail("child") == ["first", "second", "last"]


async def test_a_line_without_end_is_cut(log: MergedLog) -> None:
    length = LINE_BYTES_MAX + 1

    await run_once(shell(f"head -c {length} /dev/zero | tr '\\0' x"), log)

    assert [len(line) for line in log.tail("child")] == [LINE_BYTES_MAX, 1]


async def test_a_cancelled_run_leaves_no_process(log: MergedLog) -> None:
    started: list[subprocess.Popen[bytes]] = []

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run_once(shell("exec sleep 60"), log, started.append), 0.1)

    assert started[0].returncode == -signal.SIGKILL


def test_a_child_dies_with_its_parent_even_if_it_ignores_requests() -> None:
    said = subprocess.run(
        [sys.executable, "-c", FORGETFUL_PARENT],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    ).stdout

    deadline = time.monotonic() + DEADLINE_S
    while is_running(int(said)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_child_that_ignores_the_request_to_stop_is_killed() -> None:
    launch = shell("trap '' TERM; echo up; while :; do sleep 0.05; done")
    process = spawn(launch, subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()

    status = stop(process, launch, 0.2)
    process.stdout.close()

    assert status == -signal.SIGKILL


async def test_a_child_is_not_started_from_another_thread() -> None:
    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(spawn, shell("exit"), subprocess.DEVNULL)


def test_ctrl_c_at_the_terminal_does_not_reach_a_child() -> None:
    launch = shell("exec sleep 60")
    process = spawn(launch, subprocess.DEVNULL)

    session = os.getsid(process.pid)
    stop(process, launch, DEADLINE_S)

    assert session == process.pid


def test_a_folder_is_occupied_while_a_process_works_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.processes.VACANCY_TIMEOUT_S", 0.1)
    launch = Launch(name="child", arguments=["/bin/sleep", "60"], environment={}, folder=tmp_path)
    process = spawn(launch, subprocess.DEVNULL)

    with pytest.raises(FolderOccupied, match=f"Process {process.pid} still works"):
        await_vacancy(tmp_path)
    stop(process, launch, DEADLINE_S)

    assert occupants_of(tmp_path) == []
    await_vacancy(tmp_path)


def test_a_dead_process_that_nobody_collected_occupies_nothing(tmp_path: Path) -> None:
    launch = Launch(name="child", arguments=["/bin/true"], environment={}, folder=tmp_path)
    process = spawn(launch, subprocess.DEVNULL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    occupants = occupants_of(tmp_path)

    process.wait()
    assert occupants == []
