"""Invite vendors, hear whether they intend to bid, and tell what would keep them from filing."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from services.bids.domain.compliance import day_in
from services.bids.domain.eligibility import Hindrance, hindrances
from services.bids.domain.invitations import (
    Intent,
    Invitation,
    Inviting,
    decide_intent,
    decide_invite,
)
from services.bids.domain.policy import PolicyBook
from services.bids.domain.rfps import Rfp
from services.bids.ports.purchase import Act, Part
from services.bids.ports.solicitation import InvitationStore
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import PartyId, RfpId

_INSTANT: Final = timedelta(microseconds=1)
"""The last instant at which a bid is taken is this before the deadline."""


class Invitations:
    """Let buyers invite, and vendors say what they intend."""

    def __init__(self, invitations: InvitationStore, *, clock: Clock, policies: PolicyBook) -> None:
        """Use a store of invitations, and the profiles in whose time zones days are counted."""
        self._invitations = invitations
        self._clock = clock
        self._policies = policies

    async def invite(
        self, rfp_id: RfpId, vendor_ids: Sequence[PartyId], *, buyer_id: PartyId
    ) -> tuple[tuple[Invitation, ...], tuple[Hindrance, ...]]:
        """Invite vendors; return the invitations that are new, and what keeps whom from filing.

        Whom something keeps from filing is invited all the same: what is asked may be had until
        the deadline. That of vendors who were invited before is told as well.

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
        return inviting.invitations, await self._hindrances(rfp_id, vendor_ids, now=now)

    async def state(
        self, rfp_id: RfpId, intent: Intent, *, reason: str | None, vendor_id: PartyId
    ) -> tuple[Invitation, tuple[Hindrance, ...]]:
        """Say whether a vendor intends to bid; until the deadline it may say otherwise.

        Whoever means to bid is told what would keep it from filing; it may still be had.

        Raises:
            RfpUnknown: No such RFP, or a draft.
            VendorUnknown: The caller is not a registered vendor.
            RfpNotPublished: Bidding is over, or the RFP is cancelled.
        """
        now = self._clock.now()

        def decide(rfp: Rfp, standing: Invitation) -> Decision[Invitation]:
            return decide_intent(rfp, standing, intent=intent, reason=reason, now=now)

        stated = await self._invitations.state(rfp_id, decide, vendor_id=vendor_id, at=now)
        if intent is Intent.DECLINE:
            return stated, ()
        return stated, await self._hindrances(rfp_id, [vendor_id], now=now)

    async def page(self, rfp_id: RfpId, part: Part, *, viewer: Principal) -> list[Invitation]:
        """List invitations: all for the RFP's buyer and for auditors, one's own for vendors.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._invitations.page(
            rfp_id, part, viewer_id=viewer.party_id, sees_all=viewer.role is Role.AUDITOR
        )

    async def _hindrances(
        self, rfp_id: RfpId, vendor_ids: Sequence[PartyId], *, now: datetime
    ) -> tuple[Hindrance, ...]:
        admission = await self._invitations.admission(rfp_id, vendor_ids)
        zone = self._policies.find(admission.policy_profile).zone
        find = partial(
            hindrances,
            admission,
            today=day_in(zone, now),
            last_day=day_in(zone, admission.closes_at - _INSTANT),
        )
        # Hundreds of vendors before hundreds of lots take a moment; others are served meanwhile.
        found = await asyncio.to_thread(lambda: [find(each) for each in dict.fromkeys(vendor_ids)])
        return tuple(hindrance for of_vendor in found for hindrance in of_vendor)
