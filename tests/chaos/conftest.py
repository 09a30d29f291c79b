"""Run what is broken on purpose: PostgreSQL, NATS, an issuer, and two auctions services."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from deploy.local.apart import until
from deploy.local.launches import answers, issuer_launch, keys_of, loopback_url, service_launch
from deploy.local.nats import has_jetstream, nats_launch, nats_url
from deploy.local.places import DataFolder, open_data_folder, temporary_data_folder
from deploy.local.postgres import accepts_connections, postgres_launch, prepare
from deploy.local.processes import Launch, spawn, stop
from deploy.local.roles import Server
from deploy.local.settings import LocalSettings
from shared.auth import Role
from shared.migrate import migrate

LEASE_S: Final = 1.5
"""Half of what is usual, so that the tests are short."""

READY_S: Final = 60.0
STREAM_BYTES_MAX: Final = 16 * 1024**2


@dataclass
class Child:
    """A process that is started, broken and started again."""

    launch: Callable[[], Launch]
    folder: DataFolder
    process: "subprocess.Popen[bytes] | None" = None
    launched: Launch | None = None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has said in JSON, over all its lives."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def start(self) -> None:
        self.launched = self.launch()
        with self._log.open("ab") as output:
            self.process = spawn(self.launched, output)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(READY_S)

    def end(self) -> None:
        if self.process is None or self.launched is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        stop(self.process, self.launched, READY_S)

    @property
    def _log(self) -> Path:
        return self.folder.logs / f"{id(self)}.log"


@dataclass
class Ground:
    """The servers, for all tests of the session."""

    folder: DataFolder
    settings: LocalSettings
    postgres: Child
    nats: Child
    issuer_url: str
    server: Server
    tokens: dict[UUID, str] = field(default_factory=dict)

    async def restart_postgres(self) -> None:
        self.postgres.kill()
        self.postgres.start()
        await self._postgres_ready()

    async def _postgres_ready(self) -> None:
        await until(
            "postgres", lambda: accepts_connections(self.folder, self.settings), timeout_s=READY_S
        )

    async def token(self, party_id: UUID, *, role: Role = Role.VENDOR) -> str:
        """Ask the issuer for a party's token."""
        headers = {"Authorization": f"Bearer {self.folder.token_secret()}"}
        wanted = {"role": role, "party_id": str(party_id)}
        async with (
            aiohttp.ClientSession(self.issuer_url, headers=headers) as session,
            session.post("/token", json=wanted) as answer,
        ):
            token: str = (await answer.json())["access_token"]
            return token


@dataclass
class Replica:
    """One auctions service."""

    child: Child
    port: int

    @property
    def url(self) -> str:
        return loopback_url(self.port)

    def said(self, event: str, **members: object) -> list[dict[str, Any]]:
        """List its log lines of an event, with these members."""
        return [
            line
            for line in self.child.lines
            if line.get("event") == event
            and all(line.get(name) == value for name, value in members.items())
        ]


@pytest.fixture(scope="session")
async def ground() -> AsyncIterator[Ground]:
    settings = LocalSettings()
    with ExitStack() as cleanup:
        folder = open_data_folder(cleanup.enter_context(temporary_data_folder()))
        postgres = Child(lambda: postgres_launch(folder, settings), folder)
        nats = Child(lambda: nats_launch(folder, settings), folder)
        port = folder.port("issuer")
        issuer = Child(lambda: issuer_launch(folder, settings, port), folder)
        for child in (postgres, nats, issuer):
            cleanup.callback(child.end)
            child.start()
        await until("postgres", lambda: accepts_connections(folder, settings), timeout_s=READY_S)
        server = await prepare(folder, settings)
        await migrate(server.url, "auctions")
        url = nats_url(folder, settings)
        await until("nats", lambda: has_jetstream(url), timeout_s=READY_S)
        issuer_url = loopback_url(port)
        described = f"{issuer_url}/.well-known/openid-configuration"
        await until("issuer", lambda: answers(described), timeout_s=READY_S)
        yield Ground(folder, settings, postgres, nats, issuer_url, server)


@asynccontextmanager
async def two_replicas(
    ground: Ground, namespace: str, first: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Replica, Replica]]:
    """Run two auctions services; `first` is what only the first one is told."""
    replicas = []
    try:
        for number, own in enumerate((first or {}, {})):
            port = ground.folder.port(f"{namespace}-{number}")
            child = Child(_service(ground, port, {**_common(namespace), **own}), ground.folder)
            child.start()
            replicas.append(Replica(child, port))
        for replica in replicas:
            await ready(replica)
        yield replicas[0], replicas[1]
    finally:
        # In a thread: a proxy that a service needs to end in order runs on this loop.
        await asyncio.gather(*(asyncio.to_thread(replica.child.end) for replica in replicas))


async def ready(replica: Replica) -> None:
    """Wait until a service says that it is ready."""
    await until("auctions", lambda: answers(f"{replica.url}/readyz"), timeout_s=READY_S)


def _common(namespace: str) -> dict[str, str]:
    return {
        "COMMONLOT_BUS_NAMESPACE": namespace,
        "COMMONLOT_BUS_STREAM_BYTES_MAX": str(STREAM_BYTES_MAX),
        "COMMONLOT_LEASE_S": str(LEASE_S),
        "COMMONLOT_START_TIMEOUT_S": "30",
    }


def _service(ground: Ground, port: int, told: Mapping[str, str]) -> Callable[[], Launch]:
    assigned = {
        "COMMONLOT_DATABASE_URL": ground.server.service_url("auctions"),
        "COMMONLOT_NATS_URL": nats_url(ground.folder, ground.settings),
        "COMMONLOT_PORT": str(port),
        "COMMONLOT_ISSUER": ground.issuer_url,
        **keys_of("auctions", ground.folder),
        **told,
    }
    return lambda: service_launch("auctions", assigned, ground.settings)


async def steal_lease(ground: Ground) -> None:
    """Let every lease run out under its holder, as if its renewals had been lost."""
    owner = await asyncpg.connect(ground.server.url)
    try:
        await owner.execute(
            "UPDATE auctions.lease SET until = clock_timestamp() - interval '1 s' "
            "WHERE name LIKE 'desk/%'"
        )
    finally:
        await owner.close()


async def nap(seconds: float) -> None:
    """Let what is under test go on: the one thing here that only time can bring about."""
    await asyncio.sleep(seconds)
