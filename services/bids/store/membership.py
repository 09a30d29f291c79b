"""Keep what is known of members and vendors, their authority documents, and who acts for whom."""

from typing import Final

import asyncpg

from services.bids.domain.membership import (
    AgencyAlreadyAuthorised,
    Authorisation,
    AuthorisationId,
    AuthorisationUnknown,
    Authority,
    AuthorityId,
    AuthorityKind,
    MemberKind,
    MemberProfile,
    PartyUnknown,
)
from services.bids.domain.vendors import VendorProfile
from services.bids.ports.membership import (
    DecideAuthorise,
    DecideAuthority,
    DecideDismiss,
    DecideMember,
    DecideVendor,
    PartyRecord,
)
from services.bids.ports.purchase import Act, Part
from services.bids.store.parties import find_party, lock_party
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Fact
from shared.domain.ids import PartyId
from shared.journal import Aggregate, Entry, Journal

_MEMBER: Final = """-- bids.find_member_profile
SELECT member_id, kind, enrolment, hazard_zone, category_one_percent, category_two_percent
FROM member_profile WHERE member_id = $1
"""

_SAVE_MEMBER: Final = """-- bids.save_member_profile
INSERT INTO member_profile
    (member_id, kind, enrolment, hazard_zone, category_one_percent, category_two_percent)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (member_id) DO UPDATE
SET kind = excluded.kind, enrolment = excluded.enrolment, hazard_zone = excluded.hazard_zone,
    category_one_percent = excluded.category_one_percent,
    category_two_percent = excluded.category_two_percent
"""

_VENDOR: Final = """-- bids.find_vendor_profile
SELECT vendor_id, registration, category_prefixes, regions, qualified_until
FROM vendor_profile WHERE vendor_id = $1
"""

_SAVE_VENDOR: Final = """-- bids.save_vendor_profile
INSERT INTO vendor_profile (vendor_id, registration, category_prefixes, regions, qualified_until)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (vendor_id) DO UPDATE
SET registration = excluded.registration, category_prefixes = excluded.category_prefixes,
    regions = excluded.regions, qualified_until = excluded.qualified_until
"""

_AUTHORITIES: Final = """-- bids.list_authorities
SELECT id, member_id, kind, document_sha256, signed_on, recorded_at
FROM member_authority WHERE member_id = $1 ORDER BY signed_on, id
"""

_ADD_AUTHORITY: Final = """-- bids.add_authority
INSERT INTO member_authority (id, member_id, kind, document_sha256, signed_on, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING id
"""

_SAME_AUTHORITY: Final = """-- bids.find_same_authority
SELECT id, member_id, kind, document_sha256, signed_on, recorded_at
FROM member_authority WHERE member_id = $1 AND document_sha256 = $2
"""

_ADD_AUTHORISATION: Final = """-- bids.add_authorisation
INSERT INTO authorisation (id, member_id, agency_id, granted_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO NOTHING RETURNING id
"""

_FIND_AUTHORISATION: Final = """-- bids.find_authorisation
SELECT id, member_id, agency_id, granted_at, ended_at FROM authorisation WHERE id = $1
"""

_LOCK_AUTHORISATION: Final = """-- bids.lock_authorisation
SELECT id, member_id, agency_id, granted_at, ended_at FROM authorisation
WHERE id = $1 AND ($2::uuid IS NULL OR $2 IN (member_id, agency_id)) FOR UPDATE
"""

_END_AUTHORISATION: Final = """-- bids.end_authorisation
UPDATE authorisation SET ended_at = $2 WHERE id = $1
"""

_PAGE_AUTHORISATIONS: Final = """-- bids.page_authorisations
SELECT id, member_id, agency_id, granted_at, ended_at FROM authorisation
WHERE ($1::uuid IS NULL OR $1 IN (member_id, agency_id)) AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""


class PostgresMembershipStore:
    """The port `MembershipStore` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._journal = journal

    async def find(self, party_id: PartyId) -> PartyRecord:
        """Read a party with all that is known of it."""
        async with db.reading(self._pool) as connection:
            party = await find_party(connection, party_id)
            if party is None:
                raise PartyUnknown
            vendor = await connection.fetchrow(_VENDOR, party_id)
            return PartyRecord(
                party,
                await _member(connection, party_id),
                None if vendor is None else vendor_of(vendor),
                tuple(_authority_of(row) for row in await connection.fetch(_AUTHORITIES, party_id)),
            )

    async def profile_member(
        self, member_id: PartyId, decide: DecideMember, act: Act
    ) -> MemberProfile:
        """Put a member's profile in place of an earlier one."""
        async with db.transaction(self._pool) as connection:
            decision = decide(await lock_party(connection, member_id))
            profile = decision.state
            await connection.execute(
                _SAVE_MEMBER,
                profile.member_id,
                profile.kind,
                profile.enrolment,
                profile.hazard_zone,
                profile.category_one_percent,
                profile.category_two_percent,
            )
            await self._record(connection, member_id, decision.facts, act)
        return profile

    async def profile_vendor(
        self, vendor_id: PartyId, decide: DecideVendor, act: Act
    ) -> VendorProfile:
        """Put a vendor's profile in place of an earlier one."""
        async with db.transaction(self._pool) as connection:
            decision = decide(await lock_party(connection, vendor_id))
            profile = decision.state
            await connection.execute(
                _SAVE_VENDOR,
                profile.vendor_id,
                profile.registration,
                list(profile.category_prefixes),
                list(profile.regions),
                profile.qualified_until,
            )
            await self._record(connection, vendor_id, decision.facts, act)
        return profile

    async def record_authority(
        self, member_id: PartyId, decide: DecideAuthority, act: Act
    ) -> Authority:
        """Add an authority document; one of the same hash is returned as it stands."""
        async with db.transaction(self._pool) as connection:
            decision = decide(await lock_party(connection, member_id))
            authority = decision.state
            is_new = await connection.fetchval(
                _ADD_AUTHORITY,
                authority.id,
                authority.member_id,
                authority.kind,
                authority.document_sha256,
                authority.signed_on,
                authority.recorded_at,
            )
            if is_new is None:
                row = await connection.fetchrow(
                    _SAME_AUTHORITY, member_id, authority.document_sha256
                )
                return authority if row is None else _authority_of(row)
            await self._record(connection, member_id, decision.facts, act)
        return authority

    async def authorise(
        self, member_id: PartyId, agency_id: PartyId, decide: DecideAuthorise, act: Act
    ) -> Authorisation:
        """Add an authorisation; one of the same id is returned as it stands."""
        try:
            async with db.transaction(self._pool) as connection:
                member = await lock_party(connection, member_id)
                decision = decide(member, await _member(connection, agency_id))
                granted = decision.state
                is_new = await connection.fetchval(
                    _ADD_AUTHORISATION, granted.id, member_id, agency_id, granted.granted_at
                )
                if is_new is None:
                    row = await connection.fetchrow(_FIND_AUTHORISATION, granted.id)
                    return granted if row is None else _authorisation_of(row)
                await self._record(connection, member_id, decision.facts, act)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "authorisation_standing_key":
                raise AgencyAlreadyAuthorised from error
            raise
        return granted

    async def dismiss(
        self,
        authorisation_id: AuthorisationId,
        decide: DecideDismiss,
        act: Act,
        *,
        own: PartyId | None,
    ) -> Authorisation:
        """End an authorisation; with `own`, only one of which that party is a side."""
        async with db.transaction(self._pool) as connection:
            row = await connection.fetchrow(_FIND_AUTHORISATION, authorisation_id)
            if row is not None:
                # The member's row first, as everywhere: its chain is written under it.
                await lock_party(connection, PartyId(row["member_id"]))
            row = await connection.fetchrow(_LOCK_AUTHORISATION, authorisation_id, own)
            if row is None:
                raise AuthorisationUnknown
            decision = decide(_authorisation_of(row))
            if decision.facts:
                ended = decision.state
                await connection.execute(_END_AUTHORISATION, ended.id, ended.ended_at)
                await self._record(connection, ended.member_id, decision.facts, act)
        return decision.state

    async def page_authorisations(self, part: Part, *, own: PartyId | None) -> list[Authorisation]:
        """Read authorisations by id; with `own`, those of which that party is a side."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE_AUTHORISATIONS, own, part.after, part.limit)
        return [_authorisation_of(row) for row in rows]

    async def _record(
        self, connection: Connection, party_id: PartyId, facts: tuple[Fact, ...], act: Act
    ) -> None:
        entry = Entry(Aggregate("party", party_id), facts)
        await self._journal.record(connection, [entry], actor=act.actor, at=act.at)


async def _member(connection: Connection, member_id: PartyId) -> MemberProfile | None:
    row = await connection.fetchrow(_MEMBER, member_id)
    if row is None:
        return None
    return MemberProfile(
        member_id=PartyId(row["member_id"]),
        kind=MemberKind(row["kind"]),
        enrolment=row["enrolment"],
        hazard_zone=row["hazard_zone"],
        category_one_percent=row["category_one_percent"],
        category_two_percent=row["category_two_percent"],
    )


def vendor_of(row: asyncpg.Record) -> VendorProfile:
    """Build a vendor's profile from the columns of its table."""
    return VendorProfile(
        vendor_id=PartyId(row["vendor_id"]),
        registration=row["registration"],
        category_prefixes=tuple(row["category_prefixes"]),
        regions=tuple(row["regions"]),
        qualified_until=row["qualified_until"],
    )


def _authority_of(row: asyncpg.Record) -> Authority:
    return Authority(
        id=AuthorityId(row["id"]),
        member_id=PartyId(row["member_id"]),
        kind=AuthorityKind(row["kind"]),
        document_sha256=row["document_sha256"],
        signed_on=row["signed_on"],
        recorded_at=row["recorded_at"],
    )


def _authorisation_of(row: asyncpg.Record) -> Authorisation:
    return Authorisation(
        id=AuthorisationId(row["id"]),
        member_id=PartyId(row["member_id"]),
        agency_id=PartyId(row["agency_id"]),
        granted_at=row["granted_at"],
        ended_at=row["ended_at"],
    )
