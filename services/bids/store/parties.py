"""Keep parties and custodians' keys."""

from collections.abc import Callable
from typing import Final

import asyncpg

from services.bids.domain.parties import CustodianKey, Party, PartyAlreadyRegistered, PartyKind
from services.bids.ports.purchase import Act, Part
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision
from shared.domain.ids import PartyId
from shared.journal import Aggregate, Entry, Journal

_REGISTER: Final = """-- bids.register_party
INSERT INTO party (id, kind, reference, name, area, registered_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING RETURNING id
"""

_NAME: Final = """-- bids.name_party
INSERT INTO party (id, kind, reference, name, area, registered_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE
SET reference = excluded.reference, name = excluded.name, area = excluded.area
"""

_FIND: Final = """-- bids.find_party
SELECT id, kind, reference, name, area, registered_at FROM party WHERE id = $1
"""

_PAGE: Final = """-- bids.page_parties
SELECT id, kind, reference, name, area, registered_at FROM party
WHERE ($1::text IS NULL OR kind = $1) AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""

_LOCK: Final = """-- bids.lock_party
SELECT id, kind, reference, name, area, registered_at FROM party WHERE id = $1 FOR UPDATE
"""

_SAVE_KEY: Final = """-- bids.save_custodian_key
INSERT INTO custodian_key (custodian_id, public_key, registered_at) VALUES ($1, $2, $3)
ON CONFLICT (custodian_id) DO UPDATE
SET public_key = excluded.public_key, registered_at = excluded.registered_at
"""


class PostgresPartyStore:
    """Keep parties in PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._journal = journal

    async def register(self, decision: Decision[Party], act: Act) -> Party:
        """Add a party; one of the same id is returned as it stands."""
        party = decision.state
        try:
            async with db.transaction(self._pool) as connection:
                is_new = await connection.fetchval(
                    _REGISTER,
                    party.id,
                    party.kind,
                    party.reference,
                    party.name,
                    party.area,
                    party.registered_at,
                )
                if is_new is None:
                    row = await connection.fetchrow(_FIND, party.id)
                    return party if row is None else party_of(row)
                entry = Entry(Aggregate("party", party.id), decision.facts)
                await self._journal.record(connection, [entry], actor=act.actor, at=act.at)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "party_kind_reference_key":
                raise PartyAlreadyRegistered from error
            raise
        return party

    async def name(
        self, party_id: PartyId, decide: Callable[[Party | None], Decision[Party]], act: Act
    ) -> Party:
        """Add a party or call it otherwise.

        Raises:
            PartyAlreadyRegistered: Another party has its kind and reference.
        """
        try:
            async with db.transaction(self._pool) as connection:
                decision = decide(await lock_party(connection, party_id))
                party = decision.state
                await connection.execute(
                    _NAME,
                    party.id,
                    party.kind,
                    party.reference,
                    party.name,
                    party.area,
                    party.registered_at,
                )
                if decision.facts:
                    entry = Entry(Aggregate("party", party.id), decision.facts)
                    await self._journal.record(connection, [entry], actor=act.actor, at=act.at)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "party_kind_reference_key":
                raise PartyAlreadyRegistered from error
            raise
        return party

    async def find(self, party_id: PartyId) -> Party | None:
        """Read one party."""
        async with db.reading(self._pool) as connection:
            return await find_party(connection, party_id)

    async def page(self, kind: PartyKind | None, part: Part) -> list[Party]:
        """Read parties by id, of one kind or all."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE, kind, part.after, part.limit)
        return [party_of(row) for row in rows]

    async def update_key(
        self,
        custodian_id: PartyId,
        decide: Callable[[Party | None], Decision[CustodianKey]],
        act: Act,
    ) -> CustodianKey:
        """Put a custodian's key in place of an earlier one; the party's row is held meanwhile."""
        async with db.transaction(self._pool) as connection:
            decision = decide(await lock_party(connection, custodian_id))
            key = decision.state
            await connection.execute(_SAVE_KEY, key.custodian_id, key.public_key, key.registered_at)
            entry = Entry(Aggregate("party", custodian_id), decision.facts)
            await self._journal.record(connection, [entry], actor=act.actor, at=act.at)
        return key


async def find_party(connection: Connection, party_id: PartyId) -> Party | None:
    """Read one party."""
    row = await connection.fetchrow(_FIND, party_id)
    return None if row is None else party_of(row)


async def lock_party(connection: Connection, party_id: PartyId) -> Party | None:
    """Read one party and hold its row FOR UPDATE."""
    row = await connection.fetchrow(_LOCK, party_id)
    return None if row is None else party_of(row)


def party_of(row: asyncpg.Record) -> Party:
    """Build a party from the columns that every query here lists."""
    return Party(
        id=PartyId(row["id"]),
        kind=PartyKind(row["kind"]),
        reference=row["reference"],
        name=row["name"],
        area=row["area"],
        registered_at=row["registered_at"],
    )
