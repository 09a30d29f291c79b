"""Let a vendor claim an opened bid back for a clerical error, and its buyer decide on that."""

from datetime import datetime

from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.policy import PolicyBook
from services.bids.domain.withdrawals import (
    ClaimId,
    NewClaim,
    OpenedBid,
    WithdrawalClaim,
    Withdrawing,
    decide_claim,
    decide_withdrawal,
)
from services.bids.ports.purchase import Part
from services.bids.ports.withdrawals import Withdrawals
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.ids import LotId, PartyId


class ClericalErrors:
    """Take opened bids back where the policy profile of their RFP lets that be."""

    def __init__(self, withdrawals: Withdrawals, *, clock: Clock, policies: PolicyBook) -> None:
        """Use a store of claims, and the profiles that say what is allowed."""
        self._withdrawals = withdrawals
        self._clock = clock
        self._policies = policies

    async def claim(self, new: NewClaim, *, received_at: datetime) -> WithdrawalClaim:
        """Claim to withdraw the vendor's opened bid; a repetition finds the claim that stands.

        Raises:
            LotUnknown: No such lot.
            BidUnknown: The vendor has no opened bid on it.
            LotNotEvaluated: The lot is decided, or ended.
            BidUnscored: The bid was set aside before.
            WithdrawalClaimed: The vendor claimed it before.
            WithdrawalBarred: The policy profile does not allow it.
            MistakeNotClerical: It does not allow it for such a mistake.
            WithdrawalLate: Its days are over.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """

        def decide(bid: OpenedBid) -> Withdrawing:
            profile = self._policies.find(bid.policy_profile)
            return decide_claim(bid, new, profile=profile, received_at=received_at)

        return await self._withdrawals.claim(new, decide, received_at=received_at)

    async def decide(
        self,
        lot_id: LotId,
        claim_id: ClaimId,
        *,
        is_granted: bool,
        reason: str,
        buyer_id: PartyId,
    ) -> WithdrawalClaim:
        """Grant or refuse a claim on the buyer's own lot; the same again changes nothing.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            WithdrawalClaimUnknown: No such claim on it.
            ClaimDecided: It was decided otherwise.
            LotNotEvaluated: The lot is at auction, decided or ended.
            BidUnscored: The bid was set aside since.
            WithdrawalUnfounded: The profile asks for a bid lower than all others, and it is not.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """
        now = self._clock.now()

        def decide(bid: OpenedBid) -> Withdrawing | None:
            profile = self._policies.find(bid.policy_profile)
            return decide_withdrawal(
                bid, is_granted=is_granted, reason=reason, profile=profile, now=now
            )

        return await self._withdrawals.decide(lot_id, claim_id, decide, buyer_id=buyer_id, at=now)

    async def page(self, lot_id: LotId, part: Part, *, viewer: Principal) -> list[WithdrawalClaim]:
        """List claims: to the lot's buyer all, to a vendor its own, to others none.

        An auditor sees all of them while it may see the lot's prices: a reason may tell one.

        Raises:
            LotUnknown: No such lot.
        """
        lot = await self._withdrawals.lot(lot_id)
        is_auditor = viewer.role is Role.AUDITOR
        sight = sight_of(lot, viewer_id=viewer.party_id, is_auditor=is_auditor)
        if viewer.party_id == lot.buyer_id or (is_auditor and sight is Sight.WHOLE):
            return await self._withdrawals.page(lot_id, part, vendor_id=None)
        if viewer.party_id is None:
            return []
        return await self._withdrawals.page(lot_id, part, vendor_id=viewer.party_id)
