"""Invite vendors, and hear whether they intend to bid."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from services.bids.domain.invitations import (
    Intent,
    Invitation,
    Inviting,
    decide_intent,
    decide_invite,
)
from services.bids.domain.rfps import Rfp
from services.bids.ports.purchase import Act, Part
from services.bids.ports.solicitation import InvitationStore
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import PartyId, RfpId


class Invitations:
    """Let buyers invite, and vendors say what they intend."""

    def __init__(self, invitations: InvitationStore, *, clock: Clock) -> None:
        """Use a store of invitations."""
        self._invitations = invitations
        self._clock = clock

    async def invite(
        self, rfp_id: RfpId, vendor_ids: Sequence[PartyId], *, buyer_id: PartyId
    ) -> tuple[Invitation, ...]:
        """Invite vendors; return the invitations that are new.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotPublished: Bidding is over, or the RFP is cancelled.
            InvitedUnknown: Some are not registered vendors.
        """
        now = self._clock.now()

        def decide(
            rfp: Rfp, known: AbstractSet[PartyId], invited: AbstractSet[PartyId]
        ) -> Inviting:
            return decide_invite(rfp, vendor_ids, known=known, invited=invited, now=now)

        act = Act(str(buyer_id), now)
        inviting = await self._invitations.invite(
            rfp_id, vendor_ids, decide, act, buyer_id=buyer_id
        )
        return inviting.invitations

    async def state(
        self, rfp_id: RfpId, intent: Intent, *, reason: str | None, vendor_id: PartyId
    ) -> Invitation:
        """Say whether a vendor intends to bid; until the deadline it may say otherwise.

        Raises:
            RfpUnknown: No such RFP, or a draft.
            VendorUnknown: The caller is not a registered vendor.
            RfpNotPublished: Bidding is over, or the RFP is cancelled.
        """
        now = self._clock.now()

        def decide(rfp: Rfp, standing: Invitation) -> Decision[Invitation]:
            return decide_intent(rfp, standing, intent=intent, reason=reason, now=now)

        return await self._invitations.state(rfp_id, decide, vendor_id=vendor_id, at=now)

    async def page(self, rfp_id: RfpId, part: Part, *, viewer: Principal) -> list[Invitation]:
        """List invitations: all for the RFP's buyer and for auditors, one's own for vendors.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._invitations.page(
            rfp_id, part, viewer_id=viewer.party_id, sees_all=viewer.role is Role.AUDITOR
        )
