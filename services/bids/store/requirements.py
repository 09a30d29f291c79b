"""Keep requirements, one by one and by the thousand."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.lots import exact
from services.bids.domain.parties import Party
from services.bids.domain.requirements import (
    Category,
    Commitment,
    Requirement,
    RequirementReferenceTaken,
    RequirementsImported,
)
from services.bids.ports.purchase import Act, Part
from services.bids.store.parties import party_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import Currency, UnitPrice
from shared.journal import Aggregate, Entry, Journal

_ADD: Final = """-- bids.add_requirements
INSERT INTO requirement (
    id, member_id, reference, category, item_code, specification, unit, quantity, commitment,
    need_by, term_months, delivery_area, currency, baseline_price_e4, import_id, stated_at
)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::numeric[], $9::text[], $10::date[], $11::integer[], $12::text[], $13::text[],
    $14::bigint[], $15::uuid[], $16::timestamptz[]
)
ON CONFLICT (id) DO NOTHING
"""

_FIND: Final = """-- bids.find_requirement
SELECT id, member_id, reference, category, item_code, specification, unit, quantity, commitment,
    need_by, term_months, delivery_area, currency, baseline_price_e4, import_id, stated_at
FROM requirement WHERE id = $1
"""

_PAGE: Final = """-- bids.page_requirements
SELECT id, member_id, reference, category, item_code, specification, unit, quantity, commitment,
    need_by, term_months, delivery_area, currency, baseline_price_e4, import_id, stated_at
FROM requirement
WHERE ($1::uuid IS NULL OR member_id = $1 OR member_id IN (
        SELECT authorisation.member_id FROM authorisation
        WHERE agency_id = $1 AND ended_at IS NULL
    ))
    AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""

_FIND_MEMBERS: Final = """-- bids.find_members_by_reference
SELECT id, kind, reference, name, area, registered_at FROM party
WHERE kind = 'member' AND reference = ANY($1::text[])
"""

_FIND_TAKEN: Final = """-- bids.find_taken_references
SELECT requirement.member_id, requirement.reference
FROM unnest($1::uuid[], $2::text[]) AS asked (member_id, reference)
JOIN requirement USING (member_id, reference)
"""

_FIND_REPRESENTED: Final = """-- bids.find_represented_members
SELECT member_id FROM authorisation WHERE agency_id = $1 AND ended_at IS NULL
"""

_COUNT_IMPORTED: Final = """-- bids.count_imported_requirements
SELECT count(*) FROM requirement WHERE import_id = $1
"""


class PostgresRequirementStore:
    """Keep requirements in PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._journal = journal

    async def state(self, decision: Decision[Requirement], act: Act) -> Requirement:
        """Add a requirement; one of the same id is returned as it stands."""
        requirement = decision.state
        with _translated():
            async with db.transaction(self._pool) as connection:
                if not await _add(connection, [requirement]):
                    row = await connection.fetchrow(_FIND, requirement.id)
                    return requirement if row is None else requirement_of(row)
                entry = Entry(Aggregate("requirement", requirement.id), decision.facts)
                await self._journal.record(connection, [entry], actor=act.actor, at=act.at)
        return requirement

    async def find_members(self, references: AbstractSet[str]) -> Mapping[str, Party]:
        """Read the members that have these references, by reference."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_FIND_MEMBERS, list(references))
        return {row["reference"]: party_of(row) for row in rows}

    async def find_taken(
        self, keys: Sequence[tuple[PartyId, str]]
    ) -> AbstractSet[tuple[PartyId, str]]:
        """Tell which of these members' references are taken."""
        member_ids = [member_id for member_id, _ in keys]
        references = [reference for _, reference in keys]
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_FIND_TAKEN, member_ids, references)
        return {(PartyId(row["member_id"]), row["reference"]) for row in rows}

    async def find_represented(self, agency_id: PartyId) -> AbstractSet[PartyId]:
        """Tell which members an agency may act for."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_FIND_REPRESENTED, agency_id)
        return {PartyId(row["member_id"]) for row in rows}

    async def add_import(
        self, requirements: Sequence[Requirement], imported: RequirementsImported, act: Act
    ) -> None:
        """Add all requirements of an import, or none."""
        entry = Entry(Aggregate("requirement_import", imported.import_id), (imported,))
        # In one order, so that two imports that overlap wait for each other in one direction only.
        ordered = sorted(requirements, key=lambda each: (each.member_id, each.reference))
        with _translated():
            async with db.transaction(self._pool) as connection:
                await _add(connection, ordered)
                await self._journal.record(connection, [entry], actor=act.actor, at=act.at)

    async def count_imported(self, import_id: UUID) -> int:
        """Count the requirements of an import; 0 says that there is none."""
        async with db.reading(self._pool) as connection:
            count: int = await connection.fetchval(_COUNT_IMPORTED, import_id)
        return count

    async def page(self, member_id: PartyId | None, part: Part) -> list[Requirement]:
        """Read requirements by id: of one member and those it acts for, or all."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE, member_id, part.after, part.limit)
        return [requirement_of(row) for row in rows]


def requirement_of(row: asyncpg.Record) -> Requirement:
    """Build a requirement from the columns that every query here lists."""
    currency = Currency(row["currency"])
    price_e4 = row["baseline_price_e4"]
    return Requirement(
        id=RequirementId(row["id"]),
        member_id=PartyId(row["member_id"]),
        reference=row["reference"],
        category=Category(row["category"]),
        item_code=row["item_code"],
        specification=row["specification"],
        unit=row["unit"],
        quantity=exact(row["quantity"]),
        commitment=Commitment(row["commitment"]),
        need_by=row["need_by"],
        term_months=row["term_months"],
        delivery_area=row["delivery_area"],
        currency=currency,
        baseline=None if price_e4 is None else UnitPrice(price_e4, currency),
        stated_at=row["stated_at"],
        import_id=row["import_id"],
    )


async def _add(connection: Connection, requirements: Sequence[Requirement]) -> bool:
    """Insert requirements in one statement; False says that an only one stands already."""
    status = await connection.execute(
        _ADD,
        [each.id for each in requirements],
        [each.member_id for each in requirements],
        [each.reference for each in requirements],
        [each.category for each in requirements],
        [each.item_code for each in requirements],
        [each.specification for each in requirements],
        [each.unit for each in requirements],
        [each.quantity for each in requirements],
        [each.commitment for each in requirements],
        [each.need_by for each in requirements],
        [each.term_months for each in requirements],
        [each.delivery_area for each in requirements],
        [each.currency for each in requirements],
        [None if each.baseline is None else each.baseline.e4 for each in requirements],
        [each.import_id for each in requirements],
        [each.stated_at for each in requirements],
    )
    return status != "INSERT 0 0"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "requirement_member_reference_key":
            raise RequirementReferenceTaken from error
        raise
