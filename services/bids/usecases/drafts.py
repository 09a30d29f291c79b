"""Draft RFPs, write their terms, approve them, and keep some as templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.bids.domain.drafts import (
    Draft,
    Drafter,
    SourceUnknown,
    Template,
    decide_approve,
    decide_draft,
    decide_template,
    decide_terms,
    written,
)
from services.bids.domain.lots import Lot
from services.bids.domain.policy import PolicyBook
from services.bids.domain.rfps import Rfp
from services.bids.domain.terms import Terms
from services.bids.ports.purchase import Act, ListedLot, Part, PartyStore
from services.bids.ports.solicitation import DraftStore
from shared.clock import Clock
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId


@dataclass(frozen=True, slots=True)
class Source:
    """What a draft is drafted from: an earlier RFP, a template, or nothing."""

    rfp_id: RfpId | None = None
    template_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A person acting for a buyer, named as the access token names it."""

    buyer_id: PartyId
    name: str


class Drafting:
    """Carry RFPs to where they can be published."""

    def __init__(
        self, drafts: DraftStore, parties: PartyStore, *, clock: Clock, policies: PolicyBook
    ) -> None:
        """Keep drafts in a store; custodians are among `parties`, profiles in `policies`."""
        self._drafts = drafts
        self._parties = parties
        self._clock = clock
        self._policies = policies

    async def draft(self, draft: Draft, source: Source, *, rfp_id: UUID, by: Person) -> Rfp:
        """Draft an RFP under the id that the request fixed.

        Raises:
            SourceUnknown: The RFP or the template to draft from is none of the buyer's.
            DraftIncomplete: Something that an RFP needs is said nowhere.
            PolicyProfileUnknown: No such policy profile.
            DeadlinePast: Bidding would close now or earlier.
            TermsUnfit: The terms contradict the consortium model, the deadline or each other.
            CustodianUnknown: The custodian is not registered as one.
        """
        now = self._clock.now()
        drafter = Drafter(rfp_id=RfpId(rfp_id), buyer_id=by.buyer_id, person=by.name, at=now)
        rfp = written(draft, await self._source(source, by.buyer_id), drafter)
        self._policies.find(rfp.policy_profile)
        custodian = await self._parties.find(rfp.custodian_id)
        decision = decide_draft(rfp, custodian, now=now)
        return await self._drafts.add(decision, Act(str(by.buyer_id), now))

    async def write_terms(
        self, rfp_id: RfpId, terms: Terms, *, closes_at: datetime | None, buyer_id: PartyId
    ) -> Rfp:
        """Write a draft's terms anew, and its deadline where one is given.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: Its terms stand.
            DeadlinePast: Bidding would close now or earlier.
            TermsUnfit: The terms contradict the consortium model, the deadline or each other.
        """
        now = self._clock.now()

        def decide(rfp: Rfp, _: Sequence[Lot]) -> Decision[Rfp]:
            return decide_terms(rfp, terms, closes_at=closes_at, now=now)

        act = Act(str(buyer_id), now)
        return await self._drafts.change(rfp_id, decide, act, buyer_id=buyer_id)

    async def approve(self, rfp_id: RfpId, *, by: Person) -> Rfp:
        """Approve a draft and its lots as they stand, as a second person.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            RfpNotDraft: There is nothing left to approve.
            ApproverIsDrafter: The same person, or one without a name.
        """

        def decide(rfp: Rfp, lots: Sequence[Lot]) -> Decision[Rfp]:
            return decide_approve(rfp, lots, person=by.name)

        act = Act(str(by.buyer_id), self._clock.now())
        return await self._drafts.change(rfp_id, decide, act, buyer_id=by.buyer_id)

    async def limit(self, lot_id: LotId, regions: Sequence[str], *, buyer_id: PartyId) -> ListedLot:
        """Show a draft's lot to the vendors of some regions alone, or to all where none is named.

        Raises:
            LotUnknown: No such lot of this buyer.
            RfpNotDraft: Its RFP was published or cancelled.
        """
        act = Act(str(buyer_id), self._clock.now())
        return await self._drafts.limit(lot_id, sorted(set(regions)), act, buyer_id=buyer_id)

    async def keep_template(
        self, rfp_id: RfpId, *, name: str, template_id: UUID, buyer_id: PartyId
    ) -> Template:
        """Keep a buyer's own RFP as a template.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            TemplateNameTaken: The buyer has a template of this name.
        """
        now = self._clock.now()
        made = Template(id=template_id, buyer_id=buyer_id, name=name, rfp_id=rfp_id, made_at=now)

        def decide(rfp: Rfp) -> Decision[Template]:
            return decide_template(rfp, made)

        act = Act(str(buyer_id), now)
        return await self._drafts.keep_template(rfp_id, decide, act, buyer_id=buyer_id)

    async def page_templates(self, part: Part, *, buyer_id: PartyId) -> list[Template]:
        """List the buyer's own templates."""
        return await self._drafts.page_templates(part, buyer_id=buyer_id)

    async def _source(self, source: Source, buyer_id: PartyId) -> Rfp | None:
        if source == Source():
            return None
        found = await self._drafts.find_source(
            rfp_id=source.rfp_id, template_id=source.template_id, buyer_id=buyer_id
        )
        if found is None:
            raise SourceUnknown
        return found
