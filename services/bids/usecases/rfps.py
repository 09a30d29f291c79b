"""Draft, pool, publish and cancel RFPs, and show them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.bids.domain.pooling import Candidate, PoolBy, PoolTerms, pool, require_poolable
from services.bids.domain.publication import Dealt, decide_cancel, decide_publish
from services.bids.domain.rfps import (
    ConsortiumModel,
    PooledRfp,
    Rfp,
    RfpStatus,
    decide_draft,
    decide_pool,
)
from services.bids.ports.purchase import Act, ListedLot, Part, PartyStore, RfpStore, Selection
from shared import sealing
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import LotId, OpeningId, PartyId, RequirementId, RfpId, new_id
from shared.domain.money import Currency


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRfp:
    """An RFP as its buyer drafts it."""

    title: str
    currency: Currency
    consortium_model: ConsortiumModel
    policy_profile: str
    custodian_id: PartyId
    closes_at: datetime
    standstill_s: int


class Rfps:
    """Carry RFPs from draft to publication or cancellation."""

    def __init__(self, store: RfpStore, parties: PartyStore, *, clock: Clock) -> None:
        """Keep RFPs in `store`; custodians are among `parties`."""
        self._store = store
        self._parties = parties
        self._clock = clock

    async def draft(self, new: NewRfp, *, rfp_id: UUID, buyer_id: PartyId) -> Rfp:
        """Draft an RFP under the id that the request fixed.

        Raises:
            PolicyProfileUnknown: No such policy profile.
            DeadlinePast: Bidding would close now or earlier.
            CustodianUnknown: The custodian is not registered as one.
        """
        custodian = await self._parties.find(new.custodian_id)
        now = self._clock.now()
        rfp = Rfp(
            id=RfpId(rfp_id),
            buyer_id=buyer_id,
            title=new.title,
            currency=new.currency,
            consortium_model=new.consortium_model,
            policy_profile=new.policy_profile,
            custodian_id=new.custodian_id,
            standstill_s=new.standstill_s,
            status=RfpStatus.DRAFT,
            closes_at=new.closes_at,
            drafted_at=now,
        )
        decision = decide_draft(rfp, custodian, now=now)
        return await self._store.draft(decision, Act(str(buyer_id), now))

    async def pool(
        self, rfp_id: RfpId, selection: Selection, *, by: PoolBy, buyer_id: PartyId
    ) -> PooledRfp:
        """Pool the selected requirements into the draft's lots, in place of earlier ones.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: The lots stand.
            RequirementUnknown: A named reference is that of no requirement.
            RequirementsTooMany: More than are pooled at once.
            LotsTooMany: More than an RFP carries.
        """

        def decide(
            rfp: Rfp, candidates: Sequence[Candidate], engaged: AbstractSet[RequirementId]
        ) -> Decision[PooledRfp]:
            require_poolable(candidates, selection.references)
            terms = PoolTerms(
                by=by, currency=rfp.currency, closes_on=rfp.closes_at.date(), engaged=engaged
            )
            return decide_pool(rfp, pool(candidates, terms), by=by, mint=lambda: LotId(new_id()))

        act = Act(str(buyer_id), self._clock.now())
        return await self._store.pool(rfp_id, selection, decide, act, buyer_id=buyer_id)

    async def publish(self, rfp_id: RfpId, *, opening_id: OpeningId, buyer_id: PartyId) -> Rfp:
        """Publish a draft; its opening gets the id that the request fixed.

        The opening's private key exists in this call only: it leaves sealed to the custodian.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: It was published or cancelled before.
            DeadlinePast: Bidding would close now or earlier.
            RfpWithoutLots: Nothing was pooled.
            CustodianKeyMissing: The custodian registered no key.
        """
        now = self._clock.now()
        return await self._store.publish(
            rfp_id,
            opening_id,
            lambda draft: decide_publish(draft, deal=lambda key: _deal(opening_id, key), now=now),
            Act(str(buyer_id), now),
            buyer_id=buyer_id,
        )

    async def cancel(self, rfp_id: RfpId, *, reason: str, buyer_id: PartyId) -> Rfp:
        """Cancel an RFP and whatever of it has not ended.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpAlreadyCancelled: It was cancelled before.
            RfpAwarded: A lot is awarded.
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


def _deal(opening_id: OpeningId, custodian_key: bytes) -> Dealt:
    pair = sealing.generate_key_pair()
    (share,) = sealing.deal(pair.private)
    return Dealt(
        opening_id=opening_id,
        public_key=pair.public,
        sealed_share=sealing.seal_share(
            share.to_bytes(), custodian_key, opening_id=opening_id, purpose="custody"
        ),
    )
