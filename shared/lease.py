"""Hold a lease: a row with a fencing token, so that an act has one doer at a time.

A lease is taken when it is free or has run out by the database's clock. Each change of holder
raises the token, and every write by a holder is made conditional on its token, so that a holder
that slept through its own lease cannot write any more.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from shared import db
from shared.db import Connection, Pool

_ACQUIRE: Final = """-- shared.acquire_leases
INSERT INTO lease AS held (name, holder, token, until)
SELECT wanted.name, $2, 1, clock_timestamp() + make_interval(secs => $3)
FROM unnest($1::text[]) AS wanted (name)
ORDER BY wanted.name
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    token = CASE WHEN held.holder = excluded.holder THEN held.token ELSE held.token + 1 END,
    until = excluded.until
WHERE held.holder = excluded.holder OR held.until < clock_timestamp()
RETURNING name, token
"""

_RELEASE: Final = """-- shared.release_leases
UPDATE lease SET until = clock_timestamp() - interval '1 second'
WHERE name = ANY($1::text[]) AND holder = $2
"""

_CHECK: Final = """-- shared.check_lease
SELECT token FROM lease WHERE name = $1 FOR SHARE
"""


async def acquire(
    connection: Connection, names: Sequence[str], *, holder: UUID, lease_s: float
) -> Mapping[str, int]:
    """Take or renew leases; return the token of each one that is now held by `holder`."""
    rows = await connection.fetch(_ACQUIRE, names, holder, lease_s)
    return {row["name"]: row["token"] for row in rows}


async def release(connection: Connection, names: Sequence[str], *, holder: UUID) -> None:
    """Let leases run out at once, so that another may take over without waiting."""
    await connection.execute(_RELEASE, names, holder)


async def is_held(connection: Connection, name: str, *, token: int) -> bool:
    """Tell whether the token still stands, and keep it so until this transaction ends."""
    standing: int | None = await connection.fetchval(_CHECK, name)
    return standing == token


class LeaseHolder:
    """Keep one lease for a loop: renew it in good time, notice when it was lost."""

    def __init__(self, pool: Pool, name: str, *, holder: UUID, lease_s: float) -> None:
        """Keep `name` for `lease_s` seconds at a time, renewing after a third of it."""
        self._pool = pool
        self._name = name
        self._holder = holder
        self._lease_s = lease_s
        self._token: int | None = None
        self._renew_at = 0.0

    async def token(self) -> int | None:
        """Return the standing token, renewing if it is time; None while another holds it.

        Raises:
            DatabaseUnavailable: The database is away.
        """
        asked_at = time.monotonic()
        if self._token is None or asked_at >= self._renew_at:
            async with db.transaction(self._pool) as connection:
                held = await acquire(
                    connection, [self._name], holder=self._holder, lease_s=self._lease_s
                )
            self._token = held.get(self._name)
            self._renew_at = asked_at + self._lease_s / 3
        return self._token

    async def release(self) -> None:
        """Give the lease back.

        Raises:
            DatabaseUnavailable: The database is away; the lease then runs out by itself.
        """
        self._token = None
        async with db.transaction(self._pool) as connection:
            await release(connection, [self._name], holder=self._holder)
