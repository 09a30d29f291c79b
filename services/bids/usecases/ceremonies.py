"""Plan who opens an RFP's bids, and rehearse it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from uuid import UUID

from services.bids.domain.ceremony import (
    Ceremony,
    Dealt,
    decide_plan,
    opening_dealt,
    require_keys,
)
from services.bids.domain.rfps import Rfp, require_draft
from services.bids.ports.ceremony import Ceremonies
from services.bids.usecases.dealing import deal_rehearsal
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import OpeningId, PartyId, RfpId


class Rehearsing:
    """Plan ceremonies, and let custodians practise them on a throwaway key."""

    def __init__(self, ceremonies: Ceremonies, *, clock: Clock) -> None:
        """Use a store of ceremonies."""
        self._ceremonies = ceremonies
        self._clock = clock

    async def ceremony_of(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Ceremony:
        """Show who opens an RFP's bids.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._ceremonies.of_rfp(rfp_id, buyer_id=viewer_id)

    async def plan(self, rfp_id: RfpId, ceremony: Ceremony, *, buyer_id: PartyId) -> Ceremony:
        """Name a draft's custodians and how many of them open its bids.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: It was published or cancelled before.
            CeremonyUnfit: A custodian named twice, or more needed than named.
            CustodianUnknown: One who is not registered as a custodian.
        """

        def decide(rfp: Rfp, known: AbstractSet[PartyId]) -> Decision[Ceremony]:
            require_draft(rfp)
            return decide_plan(rfp_id, ceremony, known)

        return await self._ceremonies.plan(
            rfp_id, ceremony, decide, buyer_id=buyer_id, at=self._clock.now()
        )

    async def rehearse(self, rfp_id: RfpId, *, rehearsal_id: UUID, buyer_id: PartyId) -> OpeningId:
        """Deal a throwaway key to an RFP's custodians, for them to open a canary with.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            CustodianKeyMissing: A custodian registered no key.
        """
        opening_id, now = OpeningId(rehearsal_id), self._clock.now()

        def decide(rfp: Rfp, ceremony: Ceremony, keys: Mapping[PartyId, bytes]) -> Decision[Dealt]:
            require_keys(ceremony, keys)
            dealt = deal_rehearsal(opening_id, ceremony, keys)
            return Decision(dealt, (opening_dealt(rfp.id, dealt, keys, closes_at=now),))

        await self._ceremonies.rehearse(rfp_id, opening_id, decide, buyer_id=buyer_id, at=now)
        return opening_id
