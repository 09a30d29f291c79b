"""Start a child that dies with its parent, stop it, and find who still works in a folder."""

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from deploy.local.privileges import Account
from shared.domain.refusals import Kind, Refusal

VACANCY_TIMEOUT_S: Final = 15.0
"""After kill -9 of a parent its servers stop by themselves, PostgreSQL within a second or two."""

_POLL_S: Final = 0.05
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_EXIT_WITHOUT_PARENT: Final = 125


class FolderOccupied(Refusal):
    """A process, of an earlier run perhaps, still works in a server's folder."""

    kind = Kind.CONFLICT
    code = "folder_occupied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a child is started and stopped.

    `stop_signal` asks it to stop; `death_signal` is what the kernel sends it when we are gone.
    The environment is the whole of it, nothing is inherited.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    descriptors: Sequence[int] = field(default=())


def spawn(launch: Launch, output: int | IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the child; `output` receives what it says on both streams.

    It must be called in the main thread: the kernel ties the death signal to the thread that
    started the child, and other threads end early.
    """
    if threading.current_thread() is not threading.main_thread():
        message = "Children are started from the main thread, or they die with another one."
        raise RuntimeError(message)
    account = launch.account
    return subprocess.Popen(  # noqa: S603 - the arguments are ours
        launch.arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(launch.environment),
        cwd=launch.folder,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops in order
        pass_fds=launch.descriptors,
        preexec_fn=_die_with_parent(launch.death_signal),  # noqa: PLW1509 - no other thread forks
    )


def stop(process: "subprocess.Popen[bytes]", launch: Launch, grace_s: float) -> int:
    """Ask the child to stop, kill it if it does not, and return its exit status."""
    process.send_signal(launch.stop_signal)
    try:
        return process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def await_vacancy(folder: Path) -> None:
    """Wait until no process has `folder` as its working directory.

    A dead process that nobody has collected yet does not count.

    Raises:
        FolderOccupied: One still had after `VACANCY_TIMEOUT_S`.
    """
    deadline = time.monotonic() + VACANCY_TIMEOUT_S
    while occupants := occupants_of(folder):
        if time.monotonic() > deadline:
            sentence = f"Process {occupants[0]} still works in {folder}. End it first."
            raise FolderOccupied(sentence)
        time.sleep(_POLL_S)


def occupants_of(folder: Path) -> list[int]:
    """List the processes whose working directory is `folder`, dead ones left out."""
    wanted = str(folder.resolve())
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _working_folder(pid) == wanted]


def _working_folder(pid: int) -> str | None:
    """Read a process's working directory; a zombie's or a stranger's cannot be read."""
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return None


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def ask_kernel() -> None:
        if _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal.value) != 0 or os.getppid() != parent:
            os._exit(_EXIT_WITHOUT_PARENT)

    return ask_kernel
