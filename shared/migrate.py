"""Bring a service's schema up to date: `python -m shared.migrate bids auctions notify`.

Migrations are plain SQL files, forward only, `NNNN_(pre|post)_what.sql`: first the house's own in
`shared/migrations`, then the service's. Each runs once, in a transaction of its own, while an
advisory lock keeps other runners out; its SHA-256 is kept, and a file that changed after it ran is
refused, as is a database that ran a migration this code does not know.
"""

import asyncio
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import asyncpg
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.db import Connection

SERVICES: Final = ("bids", "auctions", "notify")

_FILE_NAME: Final = re.compile(r"(\d{4})_(pre|post)_[a-z0-9_]+\.sql")
_LOCK_KEY: Final = 0x636F6D6D
"""Any number that no other program locks on; it spells "comm"."""

_TIMEOUT_S: Final = 60.0

_CREATE_LEDGER: Final = """-- shared.create_migration_ledger
CREATE TABLE IF NOT EXISTS migration (
    room text NOT NULL,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT migration_pkey PRIMARY KEY (room, name)
)
"""

_READ_LEDGER: Final = """-- shared.read_migration_ledger
SELECT room, name, sha256 FROM migration
"""

_WRITE_LEDGER: Final = """-- shared.write_migration_ledger
INSERT INTO migration (room, name, sha256) VALUES ($1, $2, $3)
"""

_TABLES: Final = """-- shared.list_tables
SELECT relname AS name, coalesce(obj_description(oid, 'pg_class'), '') AS comment
FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')
ORDER BY relname
"""


class SchemaUnknown(Exception):  # noqa: N818 - a fact about the database
    """The database ran other migrations than the ones this code carries."""


class MigrationSettings(BaseSettings):
    """The owner's connection; services themselves use a role with fewer rights."""

    model_config = SettingsConfigDict(env_prefix="COMMONLOT_", extra="ignore")

    database_url: SecretStr


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `room` is `shared` or the service's name."""

    room: str
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """Hash the file's text: 32 bytes."""
        return hashlib.sha256(self.sql.encode()).digest()


def migrations_of(service: str) -> list[Migration]:
    """List the service's migrations in the order in which they run."""
    return _in_room("shared", "shared.migrations") + _in_room(
        service, f"services.{service}.migrations"
    )


async def migrate(database_url: str, service: str) -> list[str]:
    """Apply what is missing in the service's schema and grant its role; return the names applied.

    Raises:
        SchemaUnknown: The database is ahead of this code, or a migration's text was changed.
    """
    connection = await asyncpg.connect(database_url, timeout=_TIMEOUT_S)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_KEY)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {service}")
        await connection.execute(f"SET search_path TO {service}")
        await connection.execute(_CREATE_LEDGER)
        missing = _missing(migrations_of(service), await connection.fetch(_READ_LEDGER))
        for migration in missing:
            await _apply(connection, migration)
        await _grant(connection, service)
    finally:
        await connection.close()
    return [migration.name for migration in missing]


async def missing_migrations(connection: Connection, service: str) -> list[str]:
    """Name the migrations that this code needs and the database has not run as they stand.

    Later ones that this code does not know are no fault: old code runs on the new schema.
    """
    applied = {(row["room"], row["name"]): row["sha256"] for row in await _ledger(connection)}
    return [
        f"{one.room}/{one.name}"
        for one in migrations_of(service)
        if applied.get((one.room, one.name)) != one.sha256
    ]


def unknown_or_changed(
    known: Sequence[Migration], applied: Sequence[asyncpg.Record]
) -> list[tuple[str, str]]:
    """Name the applied migrations, as (room, name), that this code does not carry unchanged."""
    hashes = {(migration.room, migration.name): migration.sha256 for migration in known}
    rows = {(row["room"], row["name"]): row["sha256"] for row in applied}
    return sorted(key for key, sha256 in rows.items() if hashes.get(key) != sha256)


def _missing(known: Sequence[Migration], applied: Sequence[asyncpg.Record]) -> list[Migration]:
    strangers = unknown_or_changed(known, applied)
    if strangers:
        names = ", ".join(f"{room}/{name}" for room, name in strangers)
        sentence = f"The database ran migrations that this code does not carry unchanged: {names}."
        raise SchemaUnknown(sentence)
    done = {(row["room"], row["name"]) for row in applied}
    return [migration for migration in known if (migration.room, migration.name) not in done]


async def _ledger(connection: Connection) -> list[asyncpg.Record]:
    try:
        return await connection.fetch(_READ_LEDGER)
    except asyncpg.UndefinedTableError:
        return []


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(_WRITE_LEDGER, migration.room, migration.name, migration.sha256)


async def _grant(connection: "asyncpg.Connection[asyncpg.Record]", service: str) -> None:
    """Let the service's role use its schema; what is append-only it may only add to and read."""
    role = f"commonlot_{service}"
    async with connection.transaction():
        await connection.execute(f"GRANT USAGE ON SCHEMA {service} TO {role}")
        for table in await connection.fetch(_TABLES, service):
            rights = "SELECT, INSERT"
            if table["name"] == "migration":
                rights = "SELECT"
            elif not table["comment"].startswith("append-only"):
                rights += ", UPDATE, DELETE"
            name = f"{service}.{table['name']}"
            await connection.execute(f"REVOKE ALL ON {name} FROM {role}")
            await connection.execute(f"GRANT {rights} ON {name} TO {role}")


def _in_room(room: str, package: str) -> list[Migration]:
    files = [file for file in resources.files(package).iterdir() if file.name.endswith(".sql")]
    return [_read(room, file) for file in sorted(files, key=lambda file: file.name)]


def _read(room: str, file: Traversable) -> Migration:
    if not _FILE_NAME.fullmatch(file.name):
        sentence = f"{file.name} is not named NNNN_(pre|post)_what.sql."
        raise SchemaUnknown(sentence)
    return Migration(room, file.name, file.read_text(encoding="utf-8"))


async def _migrate_all(services: Sequence[str]) -> None:
    settings = MigrationSettings()
    for service in services:
        applied = await migrate(settings.database_url.get_secret_value(), service)
        sys.stdout.write(f"{service}: {', '.join(applied) or 'up to date'}\n")


def main() -> None:
    """Migrate the services named on the command line, or all three."""
    services = sys.argv[1:] or SERVICES
    if set(services) - set(SERVICES):
        sys.exit(f"usage: python -m shared.migrate [{' | '.join(SERVICES)}] …")
    try:
        asyncio.run(_migrate_all(services))
    except SchemaUnknown as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
