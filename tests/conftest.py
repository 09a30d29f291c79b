"""Give tests real servers: one PostgreSQL and one NATS a session, a clean room for each test."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pydantic import SecretStr
from xdist.remote import Producer

from deploy.local.nats import NatsServer, nats_server
from deploy.local.places import temporary_data_folder
from deploy.local.postgres import PostgresServer, postgres_server
from shared import db
from shared.bus import NatsBus, StreamShape
from shared.db import Pool
from shared.domain.ids import new_id
from shared.migrate import migrate
from shared.settings import ServiceSettings
from tests.lanes import Lanes, turn

REAL_DATA_DEFAULT: Final = Path(__file__).resolve().parents[2] / "shared" / "data"

STREAM_BYTES_MAX: Final = 16 * 1024**2
"""NATS sets it aside for each stream; many tests share one server."""

_MIGRATED: Final[set[str]] = set()
"""The schemas that this session has brought up to date, each as its service's connection."""

_EMPTYING: Final = """-- tests.word_emptying
SELECT 'WITH ' || string_agg(format('%I AS (DELETE FROM %I.%I)', relname, $1::text, relname), ', ')
    || ' SELECT 1'
FROM pg_class
WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND relname <> 'migration'
"""
"""One statement for all tables: foreign keys are checked at its end, when every row is gone.

To truncate them all costs near a second, most of it for tables that no test has touched.
"""

_RESTART: Final = """-- tests.restart_sequences
SELECT setval(oid::regclass, 1, false) FROM pg_class
WHERE relnamespace = $1::regnamespace AND relkind = 'S'
"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Share the tests out among processes, where there are several."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=turn)


@pytest.fixture(scope="session")
def servers_data() -> Iterator[Path]:
    with temporary_data_folder() as path:
        yield path


@pytest.fixture(scope="session")
def postgres_server_(servers_data: Path) -> Iterator[PostgresServer]:
    with postgres_server(servers_data) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server_(servers_data: Path) -> Iterator[NatsServer]:
    with nats_server(servers_data) as server:
        yield server


@pytest.fixture(scope="session")
def nats_url(nats_server_: NatsServer) -> str:
    return nats_server_.url


@pytest.fixture
def namespace() -> str:
    """A first token of subjects that no other test uses."""
    return f"t{new_id().hex[-16:]}"


@pytest.fixture
async def bids_database(postgres_server_: PostgresServer) -> AsyncIterator[Pool]:
    async with empty_database(postgres_server_, "bids") as pool:
        yield pool


@pytest.fixture
async def auctions_database(postgres_server_: PostgresServer) -> AsyncIterator[Pool]:
    async with empty_database(postgres_server_, "auctions") as pool:
        yield pool


@pytest.fixture
async def notify_database(postgres_server_: PostgresServer) -> AsyncIterator[Pool]:
    async with empty_database(postgres_server_, "notify") as pool:
        yield pool


@pytest.fixture
async def bus(nats_url: str, namespace: str) -> AsyncIterator[NatsBus]:
    shape = StreamShape(namespace, bytes_max=STREAM_BYTES_MAX, replicas=1)
    bus = NatsBus(nats_url, name="tests", shape=shape)
    yield bus
    await bus.close()


def service_settings(
    postgres: PostgresServer, nats_url: str, *, service: str, namespace: str = "commonlot"
) -> ServiceSettings:
    """Settings of a service on the test servers, on any free port."""
    return ServiceSettings(
        database_url=SecretStr(postgres.service_url(service)),
        nats_url=SecretStr(nats_url),
        issuer="http://127.0.0.1:1",
        port=0,
        bus_namespace=namespace,
        bus_stream_bytes_max=STREAM_BYTES_MAX,
    )


@asynccontextmanager
async def empty_database(server: PostgresServer, service: str) -> AsyncIterator[Pool]:
    """A pool in the service's role, on its schema with every table emptied."""
    if server.service_url(service) not in _MIGRATED:
        await migrate(server.url, service)
        _MIGRATED.add(server.service_url(service))
    owner = await asyncpg.connect(server.url)
    try:
        await owner.execute(await owner.fetchval(_EMPTYING, service))
        await owner.execute(_RESTART, service)
    finally:
        await owner.close()
    settings = service_settings(server, "nats://127.0.0.1:1", service=service)
    pool = await db.open_pool(settings, service=service)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real data's folder; a test that asks for it is skipped where it is absent."""
    named = os.environ.get("COMMONLOT_REAL_DATA")  # noqa: TID251 - tests have no settings
    folder = Path(named) if named else REAL_DATA_DEFAULT
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set COMMONLOT_REAL_DATA")
    return folder
