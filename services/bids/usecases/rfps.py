"""Publish and cancel RFPs, say what would keep one from its publication, and show them."""

from functools import partial

from services.bids.domain.policy import Breach, PolicyBook
from services.bids.domain.publication import (
    Publication,
    breaches_of,
    decide_cancel,
    decide_publish,
)
from services.bids.domain.rfps import Rfp
from services.bids.ports.purchase import Act, ListedLot, Part, RfpStore
from services.bids.usecases.dealing import deal_openings
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import LotId, OpeningId, PartyId, RfpId


class Rfps:
    """Carry RFPs from draft to publication or cancellation."""

    def __init__(self, store: RfpStore, *, clock: Clock, policies: PolicyBook) -> None:
        """Keep RFPs in a store; each is under one of the profiles in `policies`."""
        self._store = store
        self._clock = clock
        self._policies = policies

    async def publish(self, rfp_id: RfpId, *, opening_id: OpeningId, buyer_id: PartyId) -> Rfp:
        """Publish a draft; its opening gets the id that the request fixed.

        The opening's private key exists in this call only: it leaves in shares, each sealed to
        its custodian.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: It was published or cancelled before.
            DeadlinePast: Bidding would close now or earlier.
            TermsUnfit: The terms contradict the consortium model, the deadline or each other.
            RfpWithoutLots: Nothing was pooled.
            PolicyProfileUnknown: The profile was taken out of its folder.
            PolicyBreached: The policy profile forbids it; every breach is named.
            CustodianKeyMissing: A custodian registered no key.
        """
        now, deal = self._clock.now(), partial(deal_openings, opening_id)

        def decide(draft: Publication) -> Decision[Publication]:
            profile = self._policies.find(draft.rfp.policy_profile)
            return decide_publish(draft, profile=profile, deal=deal, now=now)

        act = Act(str(buyer_id), now)
        return await self._store.publish(rfp_id, opening_id, decide, act, buyer_id=buyer_id)

    async def breaches_of(self, rfp_id: RfpId, *, buyer_id: PartyId) -> tuple[Breach, ...]:
        """Name every rule that publishing the buyer's RFP now would break.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            PolicyProfileUnknown: The profile was taken out of its folder.
        """
        draft = await self._store.find_publication(rfp_id, buyer_id=buyer_id)
        profile = self._policies.find(draft.rfp.policy_profile)
        return breaches_of(draft, profile, now=self._clock.now())

    async def cancel(self, rfp_id: RfpId, *, reason: str, buyer_id: PartyId) -> Rfp:
        """Cancel an RFP and whatever of it has not ended.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpAlreadyCancelled: It was cancelled before.
            RfpAwarded: A lot is awarded.
            RfpAwardIntended: A lot's award is on its way.
        """
        return await self._store.cancel(
            rfp_id,
            lambda before: decide_cancel(before, reason=reason),
            Act(str(buyer_id), self._clock.now()),
            buyer_id=buyer_id,
        )

    async def find(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Rfp:
        """Show an RFP.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._store.find(rfp_id, viewer_id=viewer_id)

    async def page(self, part: Part, *, viewer_id: PartyId | None) -> list[Rfp]:
        """List RFPs: those that were published, and the viewer's own."""
        return await self._store.page(part, viewer_id=viewer_id)

    async def find_lot(self, lot_id: LotId, *, viewer_id: PartyId | None) -> ListedLot:
        """Show a lot.

        Raises:
            LotUnknown: No such lot, or one of another's draft.
        """
        return await self._store.find_lot(lot_id, viewer_id=viewer_id)

    async def page_lots(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[ListedLot]:
        """List an RFP's lots by their number.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._store.page_lots(rfp_id, part, viewer_id=viewer_id)
