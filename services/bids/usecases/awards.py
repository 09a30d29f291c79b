"""Show evaluations, name winners, make awards final."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from services.bids.domain.auctioning import Rankings
from services.bids.domain.awards import (
    Choice,
    EvaluationUnknown,
    LotAward,
    Share,
    decide_intent,
    decide_made,
    decide_no_award,
)
from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.lots import Lot
from services.bids.ports.sealed import (
    AwardRecord,
    Awards,
    EvaluatedBid,
    EvaluationRecord,
    LineRecord,
)
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import AwardId, LotId, PartyId

DUE_MAX: Final = 100
"""How many awards one step makes final; the rest are taken by the next."""


class Awarding:
    """Decide lots, from their opened bids to the lines that members get."""

    def __init__(self, awards: Awards, *, clock: Clock) -> None:
        """Use a store of awards."""
        self._awards = awards
        self._clock = clock

    async def evaluation(self, lot_id: LotId, viewer: Principal) -> EvaluationRecord:
        """Read a lot's evaluation, as far as the viewer may see it.

        Raises:
            LotUnknown: No such lot.
            EvaluationUnknown: There is none yet, or none that the viewer may see yet.
        """
        record = await self._awards.evaluation(lot_id)
        is_auditor = viewer.role is Role.AUDITOR
        match sight_of(record.lot, viewer_id=viewer.party_id, is_auditor=is_auditor):
            case Sight.NOTHING:
                sentence = "There is no evaluation of this lot to be seen yet."
                raise EvaluationUnknown(sentence)
            case Sight.COUNTS:
                return _without_prices(record)
            case Sight.WHOLE:
                return record

    async def intend(self, lot_id: LotId, choice: Choice, *, buyer_id: PartyId) -> AwardRecord:
        """Name the winner of the buyer's own lot; a repetition finds the award that stands.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            LotNotEvaluated: The lot's bids are not opened, or it is decided already.
            BidsMissing: No bid was opened.
            BidderUnknown: The chosen vendor is not in the deciding ranking.
            ReasonMissing: Another than the best was chosen without a reason.
            BidsTooFew: Fewer bids were opened than the RFP's terms ask for.
            AwardTooEarly: The first day on which the RFP may be awarded has not begun.
        """
        now = self._clock.now()

        def decide(
            lot: Lot, rankings: Rankings, shares: Sequence[Share], standstill: timedelta
        ) -> Decision[LotAward]:
            return decide_intent(
                lot, choice, rankings=rankings, shares=shares, standstill=standstill, now=now
            )

        return await self._awards.intend(
            lot_id, decide, award_id=choice.award_id, buyer_id=buyer_id, at=now
        )

    async def end_without_award(self, lot_id: LotId, reason: str, *, buyer_id: PartyId) -> Lot:
        """End the buyer's own lot without award.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            LotNotEvaluated: The lot is in another state than evaluated.
        """
        decide = partial(decide_no_award, reason=reason)
        return await self._awards.end(lot_id, decide, buyer_id=buyer_id, at=self._clock.now())

    async def award_of(self, lot_id: LotId) -> AwardRecord:
        """Read a lot's award.

        Raises:
            AwardUnknown: The lot has none.
        """
        return await self._awards.of_lot(lot_id)

    async def lines(
        self, award_id: AwardId, viewer: Principal, *, after: UUID | None, limit: int
    ) -> list[LineRecord]:
        """Read an award's lines: a member sees its own, its buyer, the winner and auditors all.

        Raises:
            AwardUnknown: No such award.
        """
        return await self._awards.lines(
            award_id,
            viewer_id=viewer.party_id,
            sees_all=viewer.role is Role.AUDITOR,
            after=after,
            limit=limit,
        )

    async def due(self, now: datetime) -> list[LotId]:
        """List the lots whose award is to be made final now."""
        return await self._awards.due(now, limit=DUE_MAX)

    async def make(self, lot_id: LotId, now: datetime) -> bool:
        """Make a lot's award final; False when it stays as it is."""
        return await self._awards.make(lot_id, partial(decide_made, now=now), at=now)


def _without_prices(record: EvaluationRecord) -> EvaluationRecord:
    """Keep which bids take part; in the order of their receipt, which tells no rank."""
    bids: list[EvaluatedBid] = [
        replace(bid, price=None, rank=None, score=None) for bid in record.bids
    ]
    bids.sort(key=lambda bid: (bid.received_at, bid.bid_id))
    return replace(record, bids=tuple(bids), auction=())
