"""Keep how RFPs are to be opened, and deal what is rehearsed of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from services.bids.domain.ceremony import Ceremony
from services.bids.domain.openings import OpeningStatus
from services.bids.ports.ceremony import DecideCeremony, DecideRehearsal
from services.bids.store import publications, rfps, seats
from services.bids.store.chains import entries_of
from shared import db
from shared.db import Pool
from shared.domain.ids import OpeningId, PartyId, RfpId
from shared.journal import Journal

_IS_REHEARSED: Final = """-- bids.is_rehearsal_dealt
SELECT EXISTS (SELECT FROM opening WHERE id = $1 AND rfp_id = $2 AND purpose = 'rehearsal')
"""


class CeremonyStore:
    """The port `Ceremonies` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the chains."""
        self._pool = pool
        self._journal = journal

    async def of_rfp(self, rfp_id: RfpId, *, buyer_id: PartyId | None) -> Ceremony:
        """Read the ceremony of an RFP that was published, or of the viewer's own.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        async with db.reading(self._pool) as connection:
            rfp = await rfps.find_visible(connection, rfp_id, buyer_id)
            return await seats.ceremony_of(connection, rfp)

    async def plan(
        self,
        rfp_id: RfpId,
        ceremony: Ceremony,
        decide: DecideCeremony,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> Ceremony:
        """Keep the plan of a buyer's draft, in place of an earlier one.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            rfp = await rfps.lock_own(connection, rfp_id, buyer_id)
            known = await seats.custodians_among(connection, ceremony.custodian_ids)
            decision = decide(rfp, known)
            await seats.save_ceremony(connection, rfp_id, decision.state)
            await self._journal.record(
                connection, entries_of(decision.facts), actor=str(buyer_id), at=at
            )
        return decision.state

    async def rehearse(
        self,
        rfp_id: RfpId,
        opening_id: OpeningId,
        decide: DecideRehearsal,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> None:
        """Add a rehearsal, closed from the start; one that stands under the id is left as it is.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            rfp = await rfps.lock_own(connection, rfp_id, buyer_id)
            if await connection.fetchval(_IS_REHEARSED, opening_id, rfp_id):
                return
            ceremony = await seats.ceremony_of(connection, rfp)
            keys: Mapping[PartyId, bytes] = await seats.hold_keys(connection, ceremony)
            decision = decide(rfp, ceremony, keys)
            await publications.add_opening(
                connection, decision.state, rfp_id, status=OpeningStatus.CLOSED, closes_at=at
            )
            await self._journal.record(
                connection, entries_of(decision.facts), actor=str(buyer_id), at=at
            )
