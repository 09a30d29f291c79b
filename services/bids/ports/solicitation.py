"""Keep drafts, addenda, questions and invitations: what the life of an RFP needs of the outside.

Another buyer's RFP is unknown wherever one is changed. Every method may raise
`DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.bids.domain.amendments import Addendum, Amendment, Confirmable
from services.bids.domain.drafts import Template
from services.bids.domain.eligibility import Admission
from services.bids.domain.invitations import Invitation, Inviting
from services.bids.domain.lots import Lot
from services.bids.domain.questions import Question
from services.bids.domain.rfps import Rfp
from services.bids.ports.purchase import Act, ListedLot, Part
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId

DecideDraft = Callable[[Rfp, Sequence[Lot]], Decision[Rfp]]
DecideInvite = Callable[[Rfp, AbstractSet[PartyId], AbstractSet[PartyId]], Inviting]
"""Decide on an RFP, which of those named are registered vendors, and which are invited."""


class DraftStore(Protocol):
    """Keep drafts and templates."""

    async def add(self, decision: Decision[Rfp], act: Act) -> Rfp:
        """Add a draft; one of the same id is returned as it stands."""
        ...

    async def find_source(
        self, *, rfp_id: RfpId | None, template_id: UUID | None, buyer_id: PartyId
    ) -> Rfp | None:
        """Read the buyer's own RFP, by its id or by that of a template made of it."""
        ...

    async def change(
        self, rfp_id: RfpId, decide: DecideDraft, act: Act, *, buyer_id: PartyId
    ) -> Rfp:
        """Save what was decided on a draft and its lots. Raises: RfpUnknown."""
        ...

    async def limit(
        self, lot_id: LotId, regions: Sequence[str], act: Act, *, buyer_id: PartyId
    ) -> ListedLot:
        """Limit a draft's lot to regions. Raises: LotUnknown, RfpNotDraft."""
        ...

    async def keep_template(
        self,
        rfp_id: RfpId,
        decide: Callable[[Rfp], Decision[Template]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Template:
        """Add a template; one of the same id is returned. Raises: RfpUnknown, TemplateNameTaken."""
        ...

    async def page_templates(self, part: Part, *, buyer_id: PartyId) -> list[Template]:
        """Read the buyer's own templates by id."""
        ...


class AmendmentStore(Protocol):
    """Keep addenda, and which bids their vendors confirmed."""

    async def amend(
        self,
        rfp_id: RfpId,
        addendum_id: UUID,
        decide: Callable[[Amendment], Decision[Amendment]],
        *,
        buyer_id: PartyId,
    ) -> Addendum:
        """Add an addendum, holding every gate of the RFP while `decide` runs.

        One that stands under the id is returned.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...

    async def page(self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None) -> list[Addendum]:
        """Read an RFP's addenda by their version. Raises: RfpUnknown."""
        ...

    async def confirm(
        self,
        lot_id: LotId,
        decide: Callable[[Confirmable], Decision[Confirmable]],
        *,
        vendor_id: PartyId,
        at: datetime,
    ) -> Confirmable:
        """Record that a vendor's bid stands under an addendum, holding its gate.

        Raises:
            BidUnknown: The vendor has no bid on the lot that stands.
        """
        ...


class QuestionStore(Protocol):
    """Keep questions and answers."""

    async def ask(
        self,
        question: Question,
        decide: Callable[[Rfp, int], Decision[Question]],
    ) -> Question:
        """Add a question; one of the same id is returned.

        Raises:
            RfpUnknown: No such RFP.
            VendorUnknown: The asker is not a registered vendor.
        """
        ...

    async def answer(
        self,
        question_id: UUID,
        decide: Callable[[Rfp, Question], Decision[Question]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Question:
        """Save an answer. Raises: QuestionUnknown."""
        ...

    async def page(self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None) -> list[Question]:
        """Read answered questions, all for the RFP's buyer, and the viewer's own.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        ...


class InvitationStore(Protocol):
    """Keep invitations, and what vendors intend."""

    async def invite(
        self,
        rfp_id: RfpId,
        vendor_ids: Sequence[PartyId],
        decide: DecideInvite,
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Inviting:
        """Add invitations and tell of them. Raises: RfpUnknown."""
        ...

    async def state(
        self,
        rfp_id: RfpId,
        decide: Callable[[Rfp, Invitation], Decision[Invitation]],
        *,
        vendor_id: PartyId,
        at: datetime,
    ) -> Invitation:
        """Save what a vendor intends. Raises: RfpUnknown, VendorUnknown."""
        ...

    async def admission(self, rfp_id: RfpId, vendor_ids: Sequence[PartyId]) -> Admission:
        """Read what an RFP asks of its vendors, and what is known of these. Raises: RfpUnknown."""
        ...

    async def page(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None, sees_all: bool
    ) -> list[Invitation]:
        """Read invitations by vendor: all for the RFP's buyer and for auditors, else one's own.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        ...
