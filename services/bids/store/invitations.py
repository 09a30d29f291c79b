"""Keep invitations, and what vendors say they intend."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.bids import VendorUnknown
from services.bids.domain.eligibility import Admission
from services.bids.domain.invitations import Intent, Invitation, Inviting
from services.bids.domain.rfps import Rfp, RfpUnknown
from services.bids.ports.purchase import Act, Part
from services.bids.ports.solicitation import DecideInvite
from services.bids.store.chains import entries_of
from services.bids.store.membership import vendor_of
from services.bids.store.rfps import find_visible, lock, lock_own
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId
from shared.journal import Aggregate, Journal

ACTOR: Final = "vendor"
"""Who intends something, as the chain may tell it: a vendor, and not which one."""

_VENDORS: Final = """-- bids.find_vendors_to_invite
SELECT id FROM party WHERE id = ANY($1::uuid[]) AND kind = 'vendor'
"""

_INVITED: Final = """-- bids.find_invited_among
SELECT vendor_id FROM invitation
WHERE rfp_id = $1 AND vendor_id = ANY($2::uuid[]) AND invited_at IS NOT NULL
"""

_INVITE: Final = """-- bids.add_invitations
INSERT INTO invitation (rfp_id, vendor_id, invited_at)
SELECT $1, vendor_id, $3 FROM unnest($2::uuid[]) AS invited (vendor_id)
ON CONFLICT (rfp_id, vendor_id) DO UPDATE SET invited_at = excluded.invited_at
"""

_FIND: Final = """-- bids.find_invitation
SELECT rfp_id, vendor_id, invited_at, intent, reason, answered_at FROM invitation
WHERE rfp_id = $1 AND vendor_id = $2
"""

_STATE: Final = """-- bids.save_intent
INSERT INTO invitation (rfp_id, vendor_id, invited_at, intent, reason, answered_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (rfp_id, vendor_id) DO UPDATE SET
    intent = excluded.intent, reason = excluded.reason, answered_at = excluded.answered_at
"""

_PAGE: Final = """-- bids.page_invitations
SELECT invitation.rfp_id, invitation.vendor_id, invitation.invited_at, invitation.intent,
    invitation.reason, invitation.answered_at
FROM invitation JOIN rfp ON rfp.id = invitation.rfp_id
WHERE invitation.rfp_id = $1
    AND ($5 OR rfp.buyer_id = $2 OR invitation.vendor_id = $2)
    AND ($3::uuid IS NULL OR invitation.vendor_id > $3)
ORDER BY invitation.vendor_id LIMIT $4
"""

_ASKED: Final = """-- bids.read_what_vendors_are_asked
SELECT policy_profile, closes_at,
    coalesce((terms::jsonb ->> 'prequalified_only')::boolean, false) AS prequalified_only
FROM rfp WHERE id = $1
"""

_LOTS: Final = """-- bids.list_lots_to_be_admitted_to
SELECT lot.id, lot.item_code,
    ARRAY(SELECT region FROM lot_region WHERE lot_region.lot_id = lot.id) AS regions
FROM lot WHERE lot.rfp_id = $1 ORDER BY lot.number
"""

_PROFILES: Final = """-- bids.list_profiles_of_vendors
SELECT vendor_id, registration, category_prefixes, regions, qualified_until FROM vendor_profile
WHERE vendor_id = ANY($1::uuid[])
"""


class PostgresInvitationStore:
    """The port `InvitationStore` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains and events."""
        self._pool = pool
        self._journal = journal

    async def invite(
        self,
        rfp_id: RfpId,
        vendor_ids: Sequence[PartyId],
        decide: DecideInvite,
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Inviting:
        """Add invitations, and tell each vendor of its own where the RFP is published."""
        async with db.transaction(self._pool) as connection:
            rfp = await lock_own(connection, rfp_id, buyer_id)
            known = await _parties(connection, _VENDORS, vendor_ids)
            invited = await _parties(connection, _INVITED, rfp_id, vendor_ids)
            inviting = decide(rfp, known, invited)
            if inviting.facts:
                fresh = [each.vendor_id for each in inviting.invitations]
                await connection.execute(_INVITE, rfp_id, fresh, act.at)
                links = await self._journal.record(
                    connection, entries_of(inviting.facts), actor=act.actor, at=act.at
                )
                told = [(links[rfp_id].sequence, event) for event in inviting.told]
                # Whom a buyer invites is on no chain; each event goes to its one vendor.
                await self._journal.tell(connection, Aggregate("rfp", rfp_id), told, at=act.at)
        return inviting

    async def state(
        self,
        rfp_id: RfpId,
        decide: Callable[[Rfp, Invitation], Decision[Invitation]],
        *,
        vendor_id: PartyId,
        at: datetime,
    ) -> Invitation:
        """Save what a vendor intends, in place of what it said before."""
        async with db.transaction(self._pool) as connection:
            if not await _parties(connection, _VENDORS, [vendor_id]):
                sentence = "Only a registered vendor says whether it will bid."
                raise VendorUnknown(sentence)
            await find_visible(connection, rfp_id, vendor_id)
            locked = await lock(connection, rfp_id)
            row = await connection.fetchrow(_FIND, rfp_id, vendor_id)
            standing = Invitation(rfp_id=rfp_id, vendor_id=vendor_id)
            decision = decide(locked, standing if row is None else _invitation_of(row))
            stated = decision.state
            await connection.execute(
                _STATE,
                stated.rfp_id,
                stated.vendor_id,
                stated.invited_at,
                stated.intent,
                stated.reason,
                stated.answered_at,
            )
            await self._journal.record(connection, entries_of(decision.facts), actor=ACTOR, at=at)
        return stated

    async def admission(self, rfp_id: RfpId, vendor_ids: Sequence[PartyId]) -> Admission:
        """Read what an RFP asks of its vendors, and what is known of these.

        Raises:
            RfpUnknown: No such RFP.
        """
        async with db.reading(self._pool) as connection:
            asked = await connection.fetchrow(_ASKED, rfp_id)
            if asked is None:
                raise RfpUnknown
            lots = await connection.fetch(_LOTS, rfp_id)
            profiles = await connection.fetch(_PROFILES, list(vendor_ids))
        return Admission(
            lots=tuple((LotId(row["id"]), row["item_code"], tuple(row["regions"])) for row in lots),
            prequalified_only=asked["prequalified_only"],
            policy_profile=asked["policy_profile"],
            closes_at=asked["closes_at"],
            profiles=tuple(vendor_of(row) for row in profiles),
        )

    async def page(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None, sees_all: bool
    ) -> list[Invitation]:
        """Read invitations by vendor: all for the RFP's buyer and for auditors, else one's own."""
        async with db.reading(self._pool) as connection:
            await find_visible(connection, rfp_id, viewer_id)
            rows = await connection.fetch(
                _PAGE, rfp_id, viewer_id, part.after, part.limit, sees_all
            )
        return [_invitation_of(row) for row in rows]


async def _parties(connection: Connection, query: str, *arguments: object) -> frozenset[PartyId]:
    rows = await connection.fetch(query, *arguments)
    return frozenset(PartyId(UUID(str(row[0]))) for row in rows)


def _invitation_of(row: asyncpg.Record) -> Invitation:
    return Invitation(
        rfp_id=RfpId(row["rfp_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        invited_at=row["invited_at"],
        intent=None if row["intent"] is None else Intent(row["intent"]),
        reason=row["reason"],
        answered_at=row["answered_at"],
    )
