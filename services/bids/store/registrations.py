"""Register the parties of a file: rows, profiles, documents and chains in one transaction."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.membership import Authority, MemberProfile
from services.bids.domain.parties import Party, PartyAlreadyRegistered, PartyKind
from services.bids.domain.registration import PartiesImported, Registration
from services.bids.ports.purchase import Act
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision
from shared.journal import Aggregate, Entry, Journal

_FIND_TAKEN: Final = """-- bids.find_taken_parties
SELECT party.kind, party.reference
FROM unnest($1::text[], $2::text[]) AS asked (kind, reference)
JOIN party USING (kind, reference)
"""

_ADD: Final = """-- bids.add_parties
INSERT INTO party (id, kind, reference, name, area, registered_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
"""

_ADD_PROFILES: Final = """-- bids.add_member_profiles
INSERT INTO member_profile
    (member_id, kind, enrolment, hazard_zone, category_one_percent, category_two_percent)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::integer[], $4::text[], $5::integer[], $6::integer[]
)
"""

_ADD_AUTHORITIES: Final = """-- bids.add_authorities
INSERT INTO member_authority (id, member_id, kind, document_sha256, signed_on, recorded_at)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::date[], $6::timestamptz[]
)
"""

_COUNT_IMPORTED: Final = """-- bids.count_imported_parties
SELECT (entry::jsonb -> 'data' ->> 'rows')::bigint FROM audit
WHERE aggregate_id = $1 AND sequence = 1
"""


class PostgresRegistrationStore:
    """The port `RegistrationStore` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._journal = journal

    async def find_taken(
        self, keys: Sequence[tuple[PartyKind, str]]
    ) -> AbstractSet[tuple[PartyKind, str]]:
        """Tell which of these kinds and references are registered."""
        kinds, references = [kind for kind, _ in keys], [reference for _, reference in keys]
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_FIND_TAKEN, kinds, references)
        return {(PartyKind(row["kind"]), row["reference"]) for row in rows}

    async def add_import(
        self, decisions: Sequence[Decision[Registration]], imported: PartiesImported, act: Act
    ) -> None:
        """Register all parties of a file, or none."""
        # In one order, so that two files that overlap wait for each other in one direction only.
        ordered = sorted(decisions, key=lambda each: _key(each.state.party))
        entries = [
            Entry(Aggregate("party_import", imported.import_id), (imported,)),
            *(Entry(Aggregate("party", each.state.party.id), each.facts) for each in ordered),
        ]
        new = [each.state for each in ordered]
        try:
            async with db.transaction(self._pool) as connection:
                await _add_parties(connection, [each.party for each in new])
                profiles = [each.profile for each in new if each.profile is not None]
                await _add_profiles(connection, profiles)
                authorities = [each.authority for each in new if each.authority is not None]
                await _add_authorities(connection, authorities)
                await self._journal.record(connection, entries, actor=act.actor, at=act.at)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "party_kind_reference_key":
                raise PartyAlreadyRegistered from error
            raise

    async def count_imported(self, import_id: UUID) -> int:
        """Count the parties of an import; 0 says that there is none."""
        async with db.reading(self._pool) as connection:
            count: int | None = await connection.fetchval(_COUNT_IMPORTED, import_id)
        return count or 0


def _key(party: Party) -> tuple[str, str]:
    return party.kind, party.reference


async def _add_parties(connection: Connection, parties: Sequence[Party]) -> None:
    await connection.execute(
        _ADD,
        [each.id for each in parties],
        [each.kind for each in parties],
        [each.reference for each in parties],
        [each.name for each in parties],
        [each.area for each in parties],
        [each.registered_at for each in parties],
    )


async def _add_profiles(connection: Connection, profiles: Sequence[MemberProfile]) -> None:
    await connection.execute(
        _ADD_PROFILES,
        [each.member_id for each in profiles],
        [each.kind for each in profiles],
        [each.enrolment for each in profiles],
        [each.hazard_zone for each in profiles],
        [each.category_one_percent for each in profiles],
        [each.category_two_percent for each in profiles],
    )


async def _add_authorities(connection: Connection, authorities: Sequence[Authority]) -> None:
    await connection.execute(
        _ADD_AUTHORITIES,
        [each.id for each in authorities],
        [each.member_id for each in authorities],
        [each.kind for each in authorities],
        [each.document_sha256 for each in authorities],
        [each.signed_on for each in authorities],
        [each.recorded_at for each in authorities],
    )
