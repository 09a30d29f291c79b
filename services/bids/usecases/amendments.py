"""Amend published RFPs, and let vendors confirm the bids that they filed before."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from services.bids.domain.amendments import (
    Addendum,
    Amendment,
    Confirmable,
    NewAddendum,
    decide_amend,
    decide_confirm,
)
from services.bids.domain.policy import PolicyBook
from services.bids.ports.purchase import Part
from services.bids.ports.solicitation import AmendmentStore
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A vendor confirms its bid on a lot under an addendum."""

    lot_id: LotId
    vendor_id: PartyId
    version: int
    received_at: datetime


class Amending:
    """Issue addenda, and hear which bids stand under them."""

    def __init__(self, amendments: AmendmentStore, *, clock: Clock, policies: PolicyBook) -> None:
        """Use a store of addenda, and the profiles whose waits a substantial one begins again."""
        self._amendments = amendments
        self._clock = clock
        self._policies = policies

    async def amend(self, rfp_id: RfpId, new: NewAddendum, *, buyer_id: PartyId) -> Addendum:
        """Issue an addendum; its instant is taken while the RFP's gates are held.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotPublished: A draft, closed or cancelled, or its deadline has come.
            DeadlineMovedBack: The new deadline is earlier than the one that stands.
            AddendaTooMany: It has as many as an RFP may have.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """

        def decide(before: Amendment) -> Decision[Amendment]:
            profile = self._policies.find(before.rfp.policy_profile)
            return decide_amend(before, new, profile=profile, now=self._clock.now())

        return await self._amendments.amend(rfp_id, new.id, decide, buyer_id=buyer_id)

    async def page(self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None) -> list[Addendum]:
        """List an RFP's addenda, oldest first.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        return await self._amendments.page(rfp_id, part, viewer_id=viewer_id)

    async def confirm(self, confirmation: Confirmation) -> Confirmable:
        """Let a vendor's bid stand under the last addendum; again changes nothing.

        Raises:
            BidUnknown: The vendor has no bid on the lot that stands.
            ConfirmationLate: Not received before the deadline.
            AddendumUnknown: Another addendum than the last.
        """
        return await self._amendments.confirm(
            confirmation.lot_id,
            partial(
                decide_confirm,
                version=confirmation.version,
                received_at=confirmation.received_at,
            ),
            vendor_id=confirmation.vendor_id,
            at=confirmation.received_at,
        )
