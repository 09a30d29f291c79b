"""What taking an opened bid back needs of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from services.bids.domain.lots import Lot
from services.bids.domain.withdrawals import (
    ClaimId,
    NewClaim,
    OpenedBid,
    WithdrawalClaim,
    Withdrawing,
)
from services.bids.ports.purchase import Part
from shared.domain.ids import LotId, PartyId

DecideClaim = Callable[[OpenedBid], Withdrawing]
DecideWithdrawal = Callable[[OpenedBid], Withdrawing | None]


class Withdrawals(Protocol):
    """Keep the claims of vendors who want an opened bid back."""

    async def claim(
        self, new: NewClaim, decide: DecideClaim, *, received_at: datetime
    ) -> WithdrawalClaim:
        """Keep a claim, with the lot's row held; one that stands under the id is returned.

        Raises: LotUnknown; BidUnknown, where the vendor has no opened bid; what `decide` raises.
        """
        ...

    async def decide(
        self,
        lot_id: LotId,
        claim_id: ClaimId,
        decide: DecideWithdrawal,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> WithdrawalClaim:
        """Decide on a claim on the buyer's own lot; a bid that is withdrawn is set aside with it.

        Raises: LotUnknown; WithdrawalClaimUnknown; what `decide` raises.
        """
        ...

    async def lot(self, lot_id: LotId) -> Lot:
        """Read a lot. Raises: LotUnknown."""
        ...

    async def page(
        self, lot_id: LotId, part: Part, *, vendor_id: PartyId | None
    ) -> list[WithdrawalClaim]:
        """Read a lot's claims by id; with `vendor_id`, that vendor's own."""
        ...
