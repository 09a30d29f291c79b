"""PostgreSQL and NATS from their wheels: durable, closed to strangers, tidy."""

import os
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig
from pydantic import SecretStr

from deploy.local.nats import NatsServer, nats_server
from deploy.local.places import DataFolderInUse, open_data_folder, temporary_data_folder
from deploy.local.postgres import ClusterOfAnotherVersion, PostgresServer, postgres_server
from deploy.local.processes import Launch, occupants_of, spawn, stop
from deploy.local.roles import RolesNotAllowed, Server, prepare_roles
from deploy.local.settings import SERVICES, LocalSettings

TIMEOUT_S = 5.0


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with temporary_data_folder() as path:
        yield path


@pytest.fixture(scope="module")
def used_data() -> Iterator[Path]:
    """Keep a folder that one server after the other starts on: making one takes a second."""
    with temporary_data_folder() as path:
        yield path


@pytest.fixture(scope="module")
def postgres(data: Path) -> Iterator[PostgresServer]:
    with postgres_server(data) as server:
        yield server


@pytest.fixture(scope="module")
def jetstream(data: Path) -> Iterator[NatsServer]:
    with nats_server(data) as server:
        yield server


@pytest.fixture
async def restored_passwords(postgres: PostgresServer) -> AsyncIterator[None]:
    """Give the roles their passwords back when the test has let another folder set them."""
    yield
    await prepare_roles(Server(postgres.url, postgres.data), SERVICES)


async def value(url: str, query: str, *values: str, password: str | None = None) -> object:
    connection = await asyncpg.connect(url, password=password, timeout=TIMEOUT_S)
    try:
        return await connection.fetchval(query, *values, timeout=TIMEOUT_S)
    finally:
        await connection.close(timeout=TIMEOUT_S)


async def log_in(url: str) -> None:
    client = Client()
    try:
        await client.connect(url, allow_reconnect=False, error_cb=say_nothing)
    finally:
        await client.close()


async def say_nothing(_error: Exception) -> None:
    """Failed logins are wanted here."""


@pytest.mark.parametrize(
    "setting", ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"]
)
async def test_what_is_committed_stays(postgres: PostgresServer, setting: str) -> None:
    assert await value(postgres.url, f"SHOW {setting}") == "on"


async def test_postgres_is_the_release_that_was_tried(postgres: PostgresServer) -> None:
    assert str(await value(postgres.url, "SHOW server_version")).startswith("18.")


async def test_postgres_listens_on_loopback_alone(postgres: PostgresServer) -> None:
    assert await value(postgres.url, "SHOW listen_addresses") == "127.0.0.1"
    assert not list((postgres.data.path / "postgres").glob(".s.PGSQL.*"))


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_postgres_asks_for_the_password(postgres: PostgresServer, password: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await value(postgres.url, "SELECT 1", password=password)


async def test_the_owner_makes_roles_and_databases_and_is_no_superuser(
    postgres: PostgresServer,
) -> None:
    rights = await value(
        postgres.url,
        "SELECT (rolsuper, rolcreaterole, rolcreatedb)::text FROM pg_roles"
        " WHERE rolname = current_user",
    )

    assert rights == "(f,t,t)"


@pytest.mark.parametrize("service", ["bids", "auctions", "notify"])
async def test_each_service_has_a_role_without_rights_of_its_own(
    postgres: PostgresServer, service: str
) -> None:
    rights = await value(
        postgres.service_url(service),
        "SELECT (rolname, rolsuper, rolcreaterole, rolcreatedb)::text FROM pg_roles"
        " WHERE rolname = current_user",
    )

    assert rights == f"(commonlot_{service},f,f,f)"


@pytest.mark.parametrize("service", ["bids", "auctions", "notify"])
async def test_each_schema_belongs_to_the_owner(postgres: PostgresServer, service: str) -> None:
    owner = await value(
        postgres.url,
        "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = $1",
        service,
    )

    assert owner == "commonlot_owner"


async def test_a_service_may_use_its_schema_and_no_other(postgres: PostgresServer) -> None:
    may = await value(
        postgres.service_url("bids"),
        "SELECT string_agg(nspname || ' ' || has_schema_privilege(oid, 'USAGE') || ' ' ||"
        " has_schema_privilege(oid, 'CREATE'), ', ' ORDER BY nspname) FROM pg_namespace"
        " WHERE nspname IN ('auctions', 'bids', 'notify', 'public')",
    )

    assert may == "auctions false false, bids true false, notify false false, public true false"


async def test_nats_syncs_every_message(jetstream: NatsServer, data: Path) -> None:
    lines = [line.strip() for line in (data / "nats.conf").read_text().splitlines()]
    connection = await nats.connect(jetstream.url, connect_timeout=5)

    account = await connection.jetstream().account_info()
    await connection.close()

    assert "sync_interval: always" in lines
    assert 'host: "127.0.0.1"' in lines
    assert account.streams == 0


async def test_nats_asks_for_the_password(jetstream: NatsServer) -> None:
    user, _, place = jetstream.url.rpartition("@")
    assert user.startswith("nats://commonlot:")

    for url in (f"nats://{place}", f"nats://commonlot:wrong@{place}"):
        with pytest.raises(nats.errors.Error):
            await log_in(url)


def test_what_holds_a_password_is_readable_by_its_owner_alone(
    postgres: PostgresServer, jetstream: NatsServer
) -> None:
    path = postgres.data.path
    files = [path / "nats.conf", *(path / "secrets").iterdir()]

    modes = {stat.S_IMODE(file.stat().st_mode) for file in files}

    assert jetstream.data.path == path
    assert modes == {0o600}
    assert {stat.S_IMODE((path / name).stat().st_mode) for name in ("postgres", "nats")} == {0o700}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up privileges")
def test_started_by_root_the_servers_run_as_nobody(
    postgres: PostgresServer, jetstream: NatsServer
) -> None:
    owners = [Path(f"/proc/{pid}").stat().st_uid for pid in (postgres.pid, jetstream.pid)]

    assert owners == [65534, 65534]


def test_no_password_is_in_a_command_line_or_a_log(
    postgres: PostgresServer, jetstream: NatsServer
) -> None:
    path = postgres.data.path
    secrets = [file.read_bytes().strip() for file in (path / "secrets").iterdir()]
    said = b"".join(file.read_bytes() for file in (path / "log").iterdir())
    said += b"".join(
        Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (postgres.pid, jetstream.pid)
    )

    assert len(secrets) == 6
    assert not [secret for secret in secrets if secret in said]


def test_a_second_server_on_the_same_folder_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(DataFolderInUse), postgres_server(postgres.data.path):
        pass


@pytest.mark.usefixtures("restored_passwords")
async def test_an_external_database_is_used_instead(postgres: PostgresServer) -> None:
    settings = LocalSettings(DATABASE_URL=SecretStr(postgres.url))

    with temporary_data_folder() as elsewhere, postgres_server(elsewhere, settings) as server:
        user = await value(server.service_url("notify"), "SELECT current_user")
        made = (elsewhere / "postgres").exists()

    assert (server.pid, user, made) == (None, "commonlot_notify", False)


async def test_an_external_owner_who_may_not_make_roles_is_refused(
    postgres: PostgresServer,
) -> None:
    settings = LocalSettings(DATABASE_URL=SecretStr(postgres.service_url("bids")))

    with (
        temporary_data_folder() as elsewhere,
        pytest.raises(RolesNotAllowed, match="needs CREATEROLE"),
        postgres_server(elsewhere, settings),
    ):
        pass


def test_an_external_nats_is_used_instead(jetstream: NatsServer) -> None:
    settings = LocalSettings(NATS_URL=SecretStr(jetstream.url))

    with temporary_data_folder() as elsewhere, nats_server(elsewhere, settings) as server:
        assert (server.url, server.pid) == (jetstream.url, None)
        assert not (elsewhere / "nats.conf").exists()


async def test_data_survives_a_restart_at_the_same_address(used_data: Path) -> None:
    with postgres_server(used_data) as first, nats_server(used_data) as first_nats:
        await value(first.url, "CREATE TABLE kept AS SELECT 7 AS number")
        connection = await nats.connect(first_nats.url)
        await connection.jetstream().add_stream(StreamConfig(name="kept", subjects=["kept"]))
        await connection.jetstream().publish("kept", b"seven")
        await connection.close()
    left = occupants_of(used_data / "postgres") + occupants_of(used_data / "nats")

    with postgres_server(used_data) as second, nats_server(used_data) as second_nats:
        number = await value(second.url, "SELECT number FROM kept")
        connection = await nats.connect(second_nats.url)
        message = await connection.jetstream().get_msg("kept", seq=1)
        await connection.close()

    assert left == []
    assert (second.url, second_nats.url) == (first.url, first_nats.url)
    assert (number, message.data) == (7, b"seven")


def test_a_stale_lock_file_of_a_killed_server_is_no_obstacle(used_data: Path) -> None:
    with postgres_server(used_data) as server:
        account = server.data.account
    stranger = Launch(
        name="stranger",
        arguments=["/bin/sleep", "60"],
        environment={},
        folder=Path("/"),
        account=account,
    )
    # The process id in it was given to another program since, of the same account.
    process = spawn(stranger, subprocess.DEVNULL)
    stale = used_data / "postgres" / "postmaster.pid"
    stale.write_text(f"{process.pid}\n{stale.parent}\n1\n1\n\n127.0.0.1\n1 1\nready\n")

    try:
        with postgres_server(used_data) as second:
            assert second.pid is not None
        assert process.poll() is None
    finally:
        stop(process, stranger, 1.0)


def test_what_a_killed_initdb_left_is_no_obstacle() -> None:
    with temporary_data_folder() as path:
        draft = open_data_folder(path).path / "postgres.draft"
        draft.mkdir()
        (draft / "PG_VERSION").write_text("18\n")

        with postgres_server(path) as server:
            assert server.pid is not None
        assert not draft.exists()


def test_a_cluster_of_another_version_is_refused() -> None:
    with temporary_data_folder() as path:
        cluster = open_data_folder(path).path / "postgres"
        cluster.mkdir()
        (cluster / "PG_VERSION").write_text("17\n")

        with (
            pytest.raises(ClusterOfAnotherVersion, match="written by PostgreSQL 17"),
            postgres_server(path),
        ):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up privileges")
def test_copied_programs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    everything_is_closed = "deploy.local.privileges._may_run"
    monkeypatch.setattr(everything_is_closed, lambda _program, _account: False)

    with temporary_data_folder() as path, postgres_server(path) as postgres, nats_server(path):
        program = Path(f"/proc/{postgres.pid}/exe").readlink()

    assert program.is_relative_to(path / "programs")


def test_a_service_url_keeps_host_port_and_options() -> None:
    with temporary_data_folder() as path:
        folder = open_data_folder(path)
        server = Server("postgresql://me:mine@[::1]:5433/shop?sslmode=require", folder)

        url = server.service_url("bids")

        password = folder.secret("commonlot_bids")
    assert url == f"postgresql://commonlot_bids:{password}@[::1]:5433/shop?sslmode=require"
