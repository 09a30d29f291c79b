"""Reach PostgreSQL: one pool per process, typed codecs, timeouts on everything."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from shared.domain.canonical import canonical
from shared.domain.refusals import Kind, Refusal
from shared.settings import ServiceSettings

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECT_TIMEOUT_S: Final = 5.0
RETRY_AFTER_S: Final = 1

LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.QueryCanceledError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)
"""What asyncpg raises when the server is away, restarting, or too slow to answer."""


class DatabaseUnavailable(Refusal):
    """PostgreSQL is away or too slow; what was asked may or may not have been done."""

    kind = Kind.UNAVAILABLE
    code = "database_unavailable"

    def __init__(self) -> None:
        """Ask to try again soon, under the same idempotency key."""
        sentence = "The record is out of reach. Try again with the same Idempotency-Key."
        super().__init__(sentence, retry_after_s=RETRY_AFTER_S)


async def open_pool(settings: ServiceSettings, *, service: str) -> Pool:
    """Open the service's pool on its own schema.

    The pool's reset query is left out: no session state is ever set, and a round trip is saved on
    each release.
    """
    timeout_ms = str(int(settings.statement_timeout_s * 1000))
    return await asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        min_size=1,
        max_size=settings.database_pool_size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=settings.statement_timeout_s,
        init=_set_codecs,
        reset=_keep_session,
        server_settings={
            "application_name": f"commonlot {service}",
            "search_path": service,
            "timezone": "UTC",
            "statement_timeout": timeout_ms,
            "lock_timeout": timeout_ms,
            "idle_in_transaction_session_timeout": timeout_ms,
        },
    )


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Run a transaction; it commits at the end, or leaves nothing.

    Raises:
        DatabaseUnavailable: The server is away; if it went while committing, the outcome is in
            doubt, and only a retry under the same id can tell.
    """
    try:
        async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection, connection.transaction():
            yield connection
    except LOST as error:
        raise DatabaseUnavailable from error


@asynccontextmanager
async def reading(pool: Pool) -> AsyncIterator[Connection]:
    """Borrow a connection for reads that need no common snapshot.

    Raises:
        DatabaseUnavailable: The server is away.
    """
    try:
        async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
            yield connection
    except LOST as error:
        raise DatabaseUnavailable from error


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """Read many things as they stood at one instant; nothing can be written, and nothing is locked.

    Raises:
        DatabaseUnavailable: The server is away.
    """
    try:
        async with (
            pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection
    except LOST as error:
        raise DatabaseUnavailable from error


async def is_reachable(pool: Pool) -> bool:
    """Tell whether the server answers now."""
    try:
        async with reading(pool) as connection:
            await connection.execute("SELECT 1")
    except DatabaseUnavailable:
        return False
    return True


async def _set_codecs(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.set_type_codec(
        "jsonb", encoder=canonical, decoder=json.loads, schema="pg_catalog"
    )


async def _keep_session(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave the session as it is."""
