"""Close solicitations at their deadline, and take the custodians' shares for the opening."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from services.bids.domain.ceremony import Purpose
from services.bids.domain.custody import decide_submit
from services.bids.domain.openings import Opening, decide_close
from services.bids.ports.sealed import OpeningRecord, Openings
from shared.clock import Clock
from shared.domain.ids import OpeningId, PartyId, RfpId

DUE_MAX: Final = 100
"""How many openings one step of the closer takes; the rest are taken by the next."""


class Custody:
    """Show openings to all, and let each custodian hand its share over."""

    def __init__(self, openings: Openings, *, clock: Clock) -> None:
        """Use a store of openings."""
        self._openings = openings
        self._clock = clock

    async def opening_of(self, rfp_id: RfpId, *, purpose: Purpose = Purpose.PRICE) -> OpeningRecord:
        """Read what is public of an RFP's opening.

        Raises:
            OpeningUnknown: No such RFP, or it is still a draft.
        """
        return await self._openings.of_rfp(rfp_id, purpose=purpose)

    async def find(
        self, opening_id: OpeningId, *, viewer_id: PartyId | None, sees_all: bool
    ) -> OpeningRecord:
        """Read what is public of one opening.

        Raises:
            OpeningUnknown: No such opening, or another's rehearsal.
        """
        return await self._openings.find(opening_id, viewer_id=viewer_id, sees_all=sees_all)

    async def custody_of(
        self, custodian_id: PartyId, *, after: UUID | None, limit: int
    ) -> list[Opening]:
        """List the openings in which a custodian has a seat, rehearsals among them."""
        return await self._openings.custody_of(custodian_id, after=after, limit=limit)

    async def sealed_share(
        self, opening_id: OpeningId, *, custodian_id: PartyId
    ) -> tuple[int, bytes]:
        """Read the share that was dealt to this custodian, sealed to its key, and its index.

        Raises:
            OpeningUnknown: No such opening, or the custodian has no seat in it.
        """
        return await self._openings.sealed_share(opening_id, custodian_id=custodian_id)

    async def submit(
        self, opening_id: OpeningId, *, custodian_id: PartyId, opener_key: bytes, share: bytes
    ) -> OpeningRecord:
        """Take a custodian's share, sealed to the opener's key; the opener does the rest.

        Raises:
            OpeningUnknown: No such opening, or the custodian has no seat in it.
            OpeningNotClosed: The deadline has not come, or the opening is over.
            TechnicalPartFirst: The technical parts are not judged yet.
            OpenerKeyStale: Sealed to another key than the present opener's.
            ResealedShareMalformed: Not of the length that a sealed share has.
        """
        now = self._clock.now()
        decide = partial(
            decide_submit, custodian_id=custodian_id, opener_key=opener_key, share=share, now=now
        )
        return await self._openings.submit(opening_id, decide, custodian_id=custodian_id, at=now)


class Closing:
    """Close openings once their deadline and the grace for filings under way have passed."""

    def __init__(self, openings: Openings, *, intake_grace_s: float) -> None:
        """Leave `intake_grace_s` seconds: more than a filing may take to commit."""
        self._openings = openings
        self._grace = timedelta(seconds=intake_grace_s)

    async def due(self, now: datetime) -> list[OpeningId]:
        """List the openings that are to be closed now."""
        return await self._openings.due(now - self._grace, limit=DUE_MAX)

    async def close(self, opening_id: OpeningId, now: datetime) -> Opening:
        """Close an opening with its RFP and lots, and publish the list of sealed hashes.

        One whose deadline was moved in the meantime is returned as it is, sealed.
        """
        decide = partial(decide_close, due_by=now - self._grace, now=now)
        return await self._openings.close(opening_id, decide, at=now)
