"""Judge technical parts, and release the results."""

from functools import partial

from services.bids.domain.technical import Judging, TechnicalPart, decide_judge, decide_release
from services.bids.ports.ceremony import Technicals
from shared.clock import Clock
from shared.domain.ids import BidId, PartyId, RfpId


class Judgement:
    """Let a buyer judge the technical parts of its RFPs before any price is opened."""

    def __init__(self, technicals: Technicals, *, clock: Clock) -> None:
        """Use a store of technical parts."""
        self._technicals = technicals
        self._clock = clock

    async def of_rfp(self, rfp_id: RfpId, *, viewer_id: PartyId | None, sees_all: bool) -> Judging:
        """Show the technical parts of the viewer's own RFP.

        Raises:
            OpeningUnknown: No such RFP with two envelopes, or another's.
        """
        return await self._technicals.of_rfp(rfp_id, viewer_id=viewer_id, sees_all=sees_all)

    async def judge(
        self, bid_id: BidId, *, is_passed: bool, reason: str, buyer_id: PartyId
    ) -> TechnicalPart:
        """Record whether a technical part passes.

        Raises:
            BidUnknown: No such bid with a technical part that could be judged.
            TechnicalNotOpen: The parts are not opened.
            TechnicalResultsReleased: The results stand.
        """
        decide = partial(decide_judge, bid_id=bid_id, is_passed=is_passed, reason=reason)
        return await self._technicals.judge(bid_id, decide, buyer_id=buyer_id, at=self._clock.now())

    async def release(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Judging:
        """Let the results stand, so that the prices of those that passed may be opened.

        Raises:
            OpeningUnknown: No such RFP with two envelopes, or another's.
            TechnicalNotOpen: The parts are not opened.
            TechnicalResultsReleased: They stand already.
            TechnicalUnjudged: Some are not judged.
        """
        now = self._clock.now()
        return await self._technicals.release(
            rfp_id, partial(decide_release, now=now), buyer_id=buyer_id, at=now
        )
