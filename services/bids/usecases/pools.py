"""Pool requirements into a draft's lots: look first, then commit, and take it back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from services.bids.domain.policy import PolicyBook
from services.bids.domain.pooling import (
    Candidate,
    Pool,
    PoolBy,
    PoolingRules,
    PoolTerms,
    pool,
    require_poolable,
)
from services.bids.domain.pooling.drafts import (
    DraftLots,
    decide_commit,
    decide_preview,
    decide_reopen,
)
from services.bids.domain.rfps import Rfp
from services.bids.ports.pools import LotVolume, PooledLotStore, PoolStore, ShareRecord
from services.bids.ports.purchase import Act, Part, Selection
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId, new_id

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class PoolRequest:
    """Which requirements make lots, what those of one lot have in common, and how they add up."""

    selection: Selection
    by: PoolBy
    rules: PoolingRules


class Pools:
    """Pool requirements into lots."""

    def __init__(self, store: PoolStore, policies: PolicyBook, *, clock: Clock) -> None:
        """Keep pools in `store`; whether members may join late is the policy's to say."""
        self._store = store
        self._policies = policies
        self._clock = clock

    async def preview(
        self,
        rfp_id: RfpId,
        request: PoolRequest,
        render: Callable[[Pool], Shown],
        *,
        buyer_id: PartyId,
    ) -> Shown:
        """Show what a pool would make of the draft; nothing is kept.

        It is rendered where it is made, in a thread: a large pool would hold up all others.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: The lots stand.
            RequirementUnknown: A named reference is that of no requirement.
            RequirementsTooMany: More than are pooled at once.
            LotsTooMany: More than an RFP carries.
        """
        now = self._clock.now()

        def show(rfp: Rfp, candidates: Sequence[Candidate]) -> Shown:
            return render(decide_preview(rfp, self._pooled(rfp, candidates, request, now)))

        return await self._store.preview(rfp_id, request.selection, show, buyer_id=buyer_id)

    async def commit(self, rfp_id: RfpId, request: PoolRequest, *, buyer_id: PartyId) -> DraftLots:
        """Pool the selected requirements into the draft's lots, in place of earlier ones.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: The lots stand.
            RequirementUnknown: A named reference is that of no requirement.
            RequirementsTooMany: More than are pooled at once.
            LotsTooMany: More than an RFP carries.
        """
        now = self._clock.now()

        def decide(rfp: Rfp, candidates: Sequence[Candidate]) -> Decision[DraftLots]:
            pooled = self._pooled(rfp, candidates, request, now)
            return decide_commit(rfp, pooled, by=request.by, mint=lambda: LotId(new_id()))

        act = Act(str(buyer_id), now)
        return await self._store.commit(rfp_id, request.selection, decide, act, buyer_id=buyer_id)

    async def reopen(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Rfp:
        """Take a draft's lots back.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: The lots stand.
        """
        act = Act(str(buyer_id), self._clock.now())
        return await self._store.reopen(rfp_id, decide_reopen, act, buyer_id=buyer_id)

    def _pooled(
        self, rfp: Rfp, candidates: Sequence[Candidate], request: PoolRequest, now: datetime
    ) -> Pool:
        require_poolable(candidates, request.selection.references)
        terms = PoolTerms(
            by=request.by,
            currency=rfp.currency,
            closes_on=rfp.closes_at.date(),
            solicited_on=now.date(),
            allows_late_joiners=self._policies.find(rfp.policy_profile).allows_late_joiners,
            rules=request.rules,
        )
        return pool(candidates, terms)


class PooledLots:
    """Show how lots came about."""

    def __init__(self, store: PooledLotStore) -> None:
        """Read lots from `store`."""
        self._store = store

    async def volumes(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[LotVolume]:
        """Show firm and estimated volume of an RFP's lots apart.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._store.volumes(rfp_id, part, viewer_id=viewer_id)

    async def shares(
        self, lot_id: LotId, part: Part, *, viewer_id: PartyId | None, sees_all: bool
    ) -> list[ShareRecord]:
        """Show which requirements a lot is made of, as far as the viewer may see them.

        Raises:
            LotUnknown: No such lot, or one of another's draft.
        """
        return await self._store.shares(lot_id, part, viewer_id=viewer_id, sees_all=sees_all)
