"""Keep one child running: read what it says, start it again when it dies, stop it when asked."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from typing import Final

from deploy.local.merged_log import LINE_BYTES_MAX, MergedLog
from deploy.local.processes import Launch, spawn
from deploy.local.settings import LocalSettings

LAST_WORDS_TIMEOUT_S: Final = 1.0
"""How long a dead child's last lines are waited for; its own children may keep the pipe open."""


class Child:
    """One process and its successors: same command, same port.

    After a death the next start waits 0.2 s, twice as long after each further death, 5 s at most;
    a child that lived for 10 s starts afresh with the shortest wait. All three are settings.
    """

    def __init__(
        self,
        launch: Launch,
        log: MergedLog,
        settings: LocalSettings,
        on_start: Callable[[], None],
    ) -> None:
        """Prepare; nothing runs before `start`. `on_start` is told of every new process."""
        self.launch = launch
        self._log = log
        self._settings = settings
        self._on_start = on_start
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs, or ran last; None before the first."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the child and keep it running."""
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Ask the child to stop, kill it after `stop_grace_s`, and return when it is gone."""
        self._stopping.set()
        if self._task is None:
            return
        if self._process is not None:
            self._process.send_signal(self.launch.stop_signal)
        done, _ = await asyncio.wait([self._task], timeout=self._settings.stop_grace_s)
        if not done and self._process is not None:
            self._log.say("child_killed", level="warning", child=self.launch.name)
            self._process.kill()
        await self._task

    async def _keep_running(self) -> None:
        backoff_s = self._settings.backoff_s_min
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await run_once(self.launch, self._log, self._started)
            if self._stopping.is_set():
                return
            if time.monotonic() - began >= self._settings.steady_after_s:
                backoff_s = self._settings.backoff_s_min
            facts = {"child": self.launch.name, "status": status, "again_in_s": backoff_s}
            self._log.say("child_died", level="warning", **facts)
            await self._pause(backoff_s)
            backoff_s = min(2 * backoff_s, self._settings.backoff_s_max)

    def _started(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._on_start()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


async def run_once(
    launch: Launch,
    log: MergedLog,
    on_start: Callable[["subprocess.Popen[bytes]"], None] | None = None,
) -> int | None:
    """Run a process to its end, its lines into the log; None if it could not be started.

    It is killed if we are cancelled.
    """
    try:
        process = spawn(launch, subprocess.PIPE)
    except OSError as error:
        log.say("child_not_started", level="error", child=launch.name, reason=error.strerror)
        return None
    # Before anything can await: once somebody has collected the process, its id means nothing.
    death = os.pidfd_open(process.pid)
    if on_start is not None:
        on_start(process)
    lines = _Lines(launch.name, log)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: lines, process.stdout)
    try:
        await _readable(death)
        await asyncio.wait([lines.ended], timeout=LAST_WORDS_TIMEOUT_S)
    finally:
        transport.close()
        os.close(death)
        process.kill()  # nothing, if it has ended
        status = process.wait()
    return status


class _Lines(asyncio.Protocol):
    """Cut a pipe's bytes into lines, none longer than `LINE_BYTES_MAX`."""

    def __init__(self, name: str, log: MergedLog) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._name = name
        self._log = log
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._log.write(self._name, line)
        while len(self._rest) > LINE_BYTES_MAX:
            piece, self._rest = self._rest[:LINE_BYTES_MAX], self._rest[LINE_BYTES_MAX:]
            self._log.write(self._name, piece)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._rest:
            self._log.write(self._name, self._rest)
            self._rest = b""
        if not self.ended.done():
            self.ended.set_result(None)


async def _readable(descriptor: int) -> None:
    """Wait without a thread, which would make forking unsafe, until there is something to read.

    A process descriptor is readable once its process has ended.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
