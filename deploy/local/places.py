"""Keep the data folder: where everything lies, secrets, ports, and who holds it.

    DATA/layout            the mark by which we know a folder as ours
    DATA/postgres, nats    the servers' own folders, theirs alone
    DATA/nats.conf         with its password, readable by the server alone
    DATA/programs          copies of the servers' programs, where the originals are out of reach
    DATA/documents         what was put into keeping, by hash
    DATA/secrets           passwords, one file each
    DATA/token-secret      what the local issuer asks for
    DATA/ports             the port each child had last
    DATA/locks             held while something runs here
    DATA/log               each child's lines
    DATA/stack.json        where the running stack answers

Secrets are readable by their owner alone. As root the folder itself may be passed by all, so that
the servers' account reaches its own folders; it can list or change nothing else.
"""

import base64
import fcntl
import os
import random
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.privileges import Account, first_closed_folder, servers_account
from deploy.local.settings import CHECKOUT
from shared.domain.refusals import Kind, Refusal

LAYOUT: Final = "1\n"
LOOPBACK: Final = "127.0.0.1"

PORTS: Final = range(20_000, 30_000)
"""Below Linux's range for outgoing connections, so that none of those takes a kept port."""

PORT_TRIES_MAX: Final = 100
PORT_WAIT_S: Final = 1.0
SECRET_BYTES: Final = 32

_POLL_S: Final = 0.05
_ROOT_DATA: Final = Path("/var/lib/commonlot")


class DataFolderForeign(Refusal):
    """The folder holds something that is not ours."""

    kind = Kind.CONFLICT
    code = "data_folder_foreign"


class DataFolderClosed(Refusal):
    """The servers' account may not pass a folder above the data."""

    kind = Kind.FORBIDDEN
    code = "data_folder_closed"


class DataFolderUnwritable(Refusal):
    """The data folder cannot be made or written."""

    kind = Kind.FORBIDDEN
    code = "data_folder_unwritable"


class DataFolderInUse(Refusal):
    """Another process runs the same thing on this data folder."""

    kind = Kind.CONFLICT
    code = "data_folder_in_use"


class PortTaken(Refusal):
    """Something else listens on the port that was asked for."""

    kind = Kind.CONFLICT
    code = "port_taken"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """An open data folder; `account` is whom the servers drop to, None if nobody need drop."""

    path: Path
    account: Account | None

    @property
    def stack_file(self) -> Path:
        """Where the running stack says where it answers."""
        return self.path / "stack.json"

    @property
    def token_secret_file(self) -> Path:
        """What a caller of the local issuer must show."""
        return self.path / "token-secret"

    @property
    def logs(self) -> Path:
        """Each child's lines."""
        return self.path / "log"

    @property
    def programs(self) -> Path:
        """Copies of programs whose originals the servers' account cannot reach."""
        return self.path / "programs"

    def secret(self, name: str) -> str:
        """Read a secret, or mint it the first time it is asked for."""
        return _secret_in(self.path / "secrets" / name)

    def key(self, name: str) -> str:
        """Read a 32-byte key in base64, or mint it the first time it is asked for."""
        return base64.b64encode(base64.urlsafe_b64decode(f"{self.secret(name)}=")).decode()

    def token_secret(self) -> str:
        """Read or mint what the local issuer asks for."""
        return _secret_in(self.token_secret_file)

    def port(self, name: str, *, wanted: int = 0) -> int:
        """Choose a child's port: the wanted one, else the one it had last, else any free one.

        Raises:
            PortTaken: The wanted port is in use, or no free one was found.
        """
        kept = self.path / "ports" / name
        if wanted:
            if not _becomes_free(wanted):
                sentence = (
                    f"Port {wanted} for {name} is taken. Choose another, or 0 for a free one."
                )
                raise PortTaken(sentence)
            port = wanted
        else:
            port = _last_or_free(kept)
        write_private(kept, f"{port}\n")
        return port

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold `name` for this process alone; the kernel lets go when the process dies.

        Raises:
            DataFolderInUse: Another process holds it.
        """
        with (self.path / "locks" / name).open("a+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                sentence = (
                    f"Process {holder} already runs {name} on {self.path}. "
                    "Stop it, or choose another folder with --data."
                )
                raise DataFolderInUse(sentence) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield


def default_data() -> Path:
    """Name the data folder that is used when none is given.

    Root's is under /var/lib, since its checkout may lie in a home that `nobody` cannot pass.
    """
    if os.geteuid() == 0:
        return _ROOT_DATA
    if (CHECKOUT / "pyproject.toml").exists():
        return CHECKOUT / "build" / "local"
    return Path.home() / ".local" / "share" / "commonlot"


def open_data_folder(path: Path) -> DataFolder:
    """Make the data folder, or open the one that is there. A relative path counts from here.

    Raises:
        DataFolderClosed: As root, `nobody` may not pass a folder above it.
        DataFolderForeign: It holds something that is not ours.
        DataFolderUnwritable: It cannot be made or written.
    """
    folder = DataFolder(path.expanduser().resolve(), servers_account())
    _check_reachable(folder)
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_ours(folder.path)
        folder.path.chmod(0o700 if folder.account is None else 0o711)
        for name in ("locks", "log", "ports", "secrets"):
            (folder.path / name).mkdir(mode=0o700, exist_ok=True)
        folder.programs.mkdir(mode=0o755, exist_ok=True)
        write_private(folder.path / "layout", LAYOUT)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        sentence = f"{folder.path} cannot be used as data folder: {error.strerror}. Use --data."
        raise DataFolderUnwritable(sentence) from error
    return folder


@contextmanager
def temporary_data_folder() -> Iterator[Path]:
    """Make a data folder that the servers' account can reach, and remove it at the end.

    A test runner's own temporary folders are often closed to all but root.
    """
    path = Path(tempfile.mkdtemp(prefix="commonlot-"))
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def write_private(path: Path, text: str, owner: Account | None = None) -> None:
    """Replace a file by one that its owner alone (us, if none is named) may read, whole or not."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is a descriptor
        file.write(text)
        file.flush()
        if owner is not None:
            os.fchown(file.fileno(), owner.uid, owner.gid)
        os.fsync(file.fileno())
    draft.rename(path)


def _check_reachable(folder: DataFolder) -> None:
    if folder.account is None:
        return
    closed = first_closed_folder(folder.path, folder.account)
    if closed is not None:
        sentence = (
            f"Started by root, servers run as {folder.account.name}, who may not pass {closed}. "
            f"Choose a folder elsewhere with --data, such as {_ROOT_DATA}."
        )
        raise DataFolderClosed(sentence)


def _check_ours(path: Path) -> None:
    if (path / "layout").exists() or not any(path.iterdir()):
        return
    sentence = f"{path} holds other things. Choose an empty or a new folder with --data."
    raise DataFolderForeign(sentence)


def _secret_in(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        minted = secrets.token_urlsafe(SECRET_BYTES)
        write_private(path, f"{minted}\n")
        return minted


def _last_or_free(kept: Path) -> int:
    """Choose a child's last port if it is free, else one that is free and no other child's."""
    if kept.exists():
        last = int(kept.read_text(encoding="ascii"))
        if _becomes_free(last):
            return last
    others = {int(path.read_text(encoding="ascii")) for path in kept.parent.glob("[!.]*")}
    candidates = [port for port in PORTS if port not in others]
    for port in random.sample(candidates, min(PORT_TRIES_MAX, len(candidates))):
        if _is_free(port):
            return port
    sentence = f"No free port was found between {PORTS.start} and {PORTS.stop}."
    raise PortTaken(sentence)


def _becomes_free(port: int) -> bool:
    """Tell whether the port is free, waiting a little for a child of a killed run to go."""
    deadline = time.monotonic() + PORT_WAIT_S
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that a connection that lingers after its server does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
