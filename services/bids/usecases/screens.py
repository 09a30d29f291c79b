"""Screen opened bids for signs of collusion, for the buyer and for auditors."""

import asyncio

from services.bids.domain.rfps import RfpUnknown
from services.bids.domain.screens.report import CONTESTS_MAX, ScreenReport, screen
from services.bids.ports.scoring import Markets
from shared.auth import Principal, Role
from shared.domain.ids import RfpId


class Screening:
    """Report what stands out; nobody is excluded by it."""

    def __init__(self, markets: Markets) -> None:
        """Use a reader of opened bids."""
        self._markets = markets

    async def report(self, rfp_id: RfpId, viewer: Principal) -> ScreenReport:
        """Screen an RFP's lots beside the earlier ones of the same buyer and items.

        Raises:
            RfpUnknown: No such RFP, or the viewer is neither its buyer nor an auditor.
        """
        market = await self._markets.of_rfp(rfp_id, limit=CONTESTS_MAX)
        if viewer.role is not Role.AUDITOR and viewer.party_id != market.buyer_id:
            raise RfpUnknown
        return await asyncio.to_thread(screen, market.contests)
