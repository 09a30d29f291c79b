"""Run what is measured: PostgreSQL (fsync on), NATS, the issuer, and services as processes.

The process that measures, the servers and the issuer share one processor, and what is measured
has the other to itself, where there are two or more. The servers' and the services' lines go to
files of the data folder, as in an installation.
"""

import asyncio
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import aiohttp
from pydantic import SecretStr

from benchmarks.harness import processor
from benchmarks.harness.client import connect
from deploy.local.apart import until
from deploy.local.launches import (
    AUDIENCE,
    answers,
    issuer_launch,
    keys_of,
    loopback_url,
    service_launch,
)
from deploy.local.nats import nats_server
from deploy.local.places import DataFolder, temporary_data_folder
from deploy.local.postgres import PostgresServer, postgres_server
from deploy.local.processes import Launch, spawn, stop
from deploy.local.settings import LocalSettings
from shared import db
from shared.auth import Role
from shared.db import Pool
from shared.migrate import migrate
from shared.settings import ServiceSettings

AUCTIONS: Final = "services.auctions"

VAULT_KEY: Final = bytes(32)
"""Known to the benchmark too, which makes auctions in the record of a service that is to come."""

OUTAGE: Final = {"COMMONLOT_OUTAGE_S": "3600"}
"""Auctions are made a while before their service starts; that is no outage to make good."""

READY_S: Final = 60.0
STOP_S: Final = 10.0

LAST_WORDS_MAX: Final = 12

TOKENS_AT_ONCE: Final = 8
"""Requests to the issuer under way at a time; it signs one after another anyway."""


@dataclass(frozen=True, slots=True)
class Running:
    """A service of ours that answers on loopback."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def pid(self) -> int:
        """The process to watch, or to kill."""
        return self.process.pid

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)


@dataclass(slots=True)
class Ground:
    """The servers, and what was started on them; all of it is stopped at the end."""

    postgres: PostgresServer
    nats_url: str
    issuer_url: str
    cleanup: ExitStack
    settings: LocalSettings = field(default_factory=LocalSettings)

    @property
    def folder(self) -> DataFolder:
        """The data folder of this run."""
        return self.postgres.data

    async def start(
        self,
        module: str,
        *,
        name: str,
        schema: str = "auctions",
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Start `python -m module` as a service in a schema's role; return when it is ready."""
        port = self.folder.port(name)
        assigned = {
            "COMMONLOT_DATABASE_URL": self.postgres.service_url(schema),
            "COMMONLOT_NATS_URL": self.nats_url,
            "COMMONLOT_PORT": str(port),
            "COMMONLOT_ISSUER": self.issuer_url,
            **keys_of(schema, self.folder),
            "COMMONLOT_VAULT_KEY": b64encode(VAULT_KEY).decode(),
            **OUTAGE,
            **(environment or {}),
        }
        settings = self.settings.model_copy(update={"service_module": module})
        process = self._spawn(service_launch(name, assigned, settings))
        processor.give_own(process.pid)
        running = Running(process, port)
        url = f"{loopback_url(port)}/readyz"
        await until(name, lambda: answers(url), timeout_s=READY_S)
        return running

    async def start_plain(self, module: str, *, name: str) -> Running:
        """Start `python -m module PORT`, which is no service; return when it listens."""
        port = self.folder.port(name)
        launch = service_launch(
            name, {}, self.settings.model_copy(update={"service_module": module})
        )
        process = self._spawn(replace(launch, arguments=[*launch.arguments, str(port)]))
        processor.give_own(process.pid)
        await until(name, lambda: _listens(port), timeout_s=READY_S)
        return Running(process, port)

    async def tokens(self, vendors: list[UUID]) -> dict[UUID, str]:
        """Ask the issuer for a vendor's token for each party."""
        secret = self.folder.token_secret()
        gate = asyncio.Semaphore(TOKENS_AT_ONCE)

        async def ask(session: aiohttp.ClientSession, vendor_id: UUID) -> tuple[UUID, str]:
            wanted = {"role": Role.VENDOR, "party_id": str(vendor_id)}
            async with gate, session.post("/token", json=wanted) as answer:
                answer.raise_for_status()
                return vendor_id, (await answer.json())["access_token"]

        headers = {"Authorization": f"Bearer {secret}"}
        async with aiohttp.ClientSession(self.issuer_url, headers=headers) as session:
            return dict(await asyncio.gather(*(ask(session, one) for one in vendors)))

    @asynccontextmanager
    async def pool(self, schema: str = "auctions") -> AsyncIterator[Pool]:
        """Open a pool of our own in a schema's role."""
        settings = ServiceSettings(
            database_url=SecretStr(self.postgres.service_url(schema)),
            nats_url=SecretStr(self.nats_url),
            issuer=self.issuer_url,
            audience=AUDIENCE,
            port=0,
        )
        pool = await db.open_pool(settings, service=schema)
        try:
            yield pool
        finally:
            await pool.close()

    async def migrate(self, *schemas: str) -> None:
        """Bring schemas up to date, as their owner."""
        for schema in schemas:
            await migrate(self.postgres.url, schema)

    def _spawn(self, launch: Launch) -> "subprocess.Popen[bytes]":
        return _spawn(self.folder, self.cleanup, launch)


@contextmanager
def ground() -> Iterator[Ground]:
    """Run the servers and the issuer while the block runs. Call it in the main thread."""
    processor.take_rest()
    settings = LocalSettings()
    with ExitStack() as cleanup:
        data = cleanup.enter_context(temporary_data_folder())
        postgres = cleanup.enter_context(postgres_server(data, settings))
        nats = cleanup.enter_context(nats_server(data, settings))
        port = postgres.data.port("issuer")
        launch = issuer_launch(postgres.data, settings, port)
        _spawn(postgres.data, cleanup, launch)
        try:
            yield Ground(postgres, nats.url, loopback_url(port), cleanup, settings)
        except BaseException:
            _tell_last_words(postgres.data)
            raise


async def issuer_ready(where: Ground) -> None:
    """Wait for the issuer's first answer."""
    url = f"{where.issuer_url}/.well-known/openid-configuration"
    await until("issuer", lambda: answers(url), timeout_s=READY_S)


def _tell_last_words(folder: DataFolder) -> None:
    """Print what went wrong in the services, for the data folder is about to go."""
    for path in sorted(folder.logs.glob("*.log")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        telling = [line for line in lines if '"request"' not in line]
        for line in telling[-LAST_WORDS_MAX:]:
            print(f"{path.stem:<12}{line}", file=sys.stderr)


def _spawn(folder: DataFolder, cleanup: ExitStack, launch: Launch) -> "subprocess.Popen[bytes]":
    output = cleanup.enter_context((folder.logs / f"{launch.name}.log").open("ab"))
    process = spawn(launch, output)
    cleanup.callback(stop, process, launch, STOP_S)
    return process


async def _listens(port: int) -> bool:
    try:
        connection = await connect(port)
    except OSError:
        return False
    connection.close()
    return True
