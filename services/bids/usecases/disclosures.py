"""Take claims of confidentiality and verdicts on them; make and find bundles for the public."""

from services.bids.domain.claims import (
    ClaimableBid,
    ClaimId,
    RecordedClaim,
    decide_claim,
    decide_verdict,
)
from services.bids.domain.disclosures import (
    Bundle,
    Disclosure,
    DisclosureId,
    DisclosureUnknown,
    RedactedPart,
    RfpDisclosed,
    bundle_of,
    require_disclosable,
)
from services.bids.domain.documents import Deposited, DocumentId, Purpose
from services.bids.domain.policy import PolicyBook
from services.bids.ports.disclosures import Archive, Claims, ClaimViewer, Disclosures, Written
from services.bids.usecases.documents import Documents
from shared.clock import Clock
from shared.domain.bid_documents import Claim
from shared.domain.facts import Decision
from shared.domain.ids import BidId, PartyId, RfpId, new_id

MEDIA_TYPE = "application/zip"


class Claiming:
    """Vendors claim parts of their bids; buyers decide on each claim."""

    def __init__(self, claims: Claims, *, policies: PolicyBook, clock: Clock) -> None:
        """Use a store of claims; each RFP is under one of the profiles."""
        self._claims = claims
        self._policies = policies
        self._clock = clock

    async def claim(
        self, claim_id: ClaimId, bid_id: BidId, claim: Claim, *, vendor_id: PartyId
    ) -> RecordedClaim:
        """Record a claim that is made after the opening; a repetition changes nothing.

        Raises:
            BidUnknown: No such bid, or another vendor's.
            ClaimsClosed: The bid is not opened, or its RFP was disclosed.
            ClaimPartUnknown: The bid has no such part.
            ClaimMadeAlready: The part is claimed already.
            PriceNotRedactable: Prices are public.
        """
        now = self._clock.now()

        def decide(bid: ClaimableBid) -> Decision[RecordedClaim]:
            profile = self._policies.find(bid.policy_profile)
            return decide_claim(bid, claim, profile, claim_id=claim_id, now=now)

        return await self._claims.add(bid_id, decide, vendor_id=vendor_id, at=now)

    async def judge(
        self, claim_id: ClaimId, *, is_granted: bool, reason: str, buyer_id: PartyId
    ) -> RecordedClaim:
        """Grant or refuse a claim.

        Raises:
            ClaimUnknown: No such claim on a bid to an RFP of this buyer's.
            ClaimsClosed: The RFP was disclosed.
            ClaimPartUnknown: Granted, and the bid has no such part.
            PriceNotRedactable: Granted, and prices are public.
        """
        now = self._clock.now()

        def decide(bid: ClaimableBid, claim: RecordedClaim) -> Decision[RecordedClaim]:
            profile = self._policies.find(bid.policy_profile)
            return decide_verdict(
                bid, claim, profile, is_granted=is_granted, reason=reason, now=now
            )

        return await self._claims.judge(claim_id, decide, buyer_id=buyer_id, at=now)

    async def of_rfp(self, rfp_id: RfpId, viewer: ClaimViewer) -> list[RecordedClaim]:
        """List an RFP's claims: to its buyer and auditors all, to a vendor its own.

        Raises:
            RfpUnknown: No such RFP that was published.
        """
        return await self._claims.of_rfp(rfp_id, viewer)


class Disclosing:
    """Make what a public-records request may get, and find it again."""

    def __init__(
        self,
        disclosures: Disclosures,
        documents: Documents,
        archive: Archive,
        *,
        policies: PolicyBook,
        clock: Clock,
    ) -> None:
        """Use a reader of the record, the documents, and a writer of bundles."""
        self._disclosures = disclosures
        self._documents = documents
        self._archive = archive
        self._policies = policies
        self._clock = clock

    async def disclose(
        self, disclosure_id: DisclosureId, rfp_id: RfpId, *, buyer_id: PartyId
    ) -> Disclosure:
        """Make a bundle of a buyer's own RFP; a repetition finds the first.

        Raises:
            RfpUnknown: No such RFP of this buyer's.
            DisclosureTooEarly: The law that applies keeps the bids for now.
            ClaimsUndecided: Some claims are not decided, or were decided anew meanwhile.
            DisclosureTooLarge: The documents are more than a bundle holds.
            DocumentBroken: A document is not as it was put.
        """
        viewer = ClaimViewer(party_id=buyer_id)
        try:
            return await self._disclosures.find(disclosure_id, viewer)
        except DisclosureUnknown:
            pass
        material = await self._disclosures.material(rfp_id, buyer_id=buyer_id)
        require_disclosable(material, self._policies.find(material.policy_profile))
        bundle = bundle_of(material)
        writing = self._archive.write(
            bundle.texts, bundle.documents, pieces_of=self._documents.pieces
        )
        async with writing as written:
            kept = await self._keep(written, rfp_id, buyer_id)
        disclosure = Disclosure(
            id=disclosure_id,
            rfp_id=rfp_id,
            document_id=kept.id,
            sha256=kept.sha256,
            length_bytes=kept.length_bytes,
            redactions=len(bundle.redactions),
            made_at=self._clock.now(),
        )
        fact = _disclosed(disclosure, bundle)
        return await self._disclosures.add(
            disclosure, fact, claims=material.claims, buyer_id=buyer_id
        )

    async def find(self, disclosure_id: DisclosureId, viewer: ClaimViewer) -> Disclosure:
        """Find a disclosure of the viewer's own RFP.

        Raises:
            DisclosureUnknown: No such disclosure, or another buyer's.
        """
        return await self._disclosures.find(disclosure_id, viewer)

    async def of_rfp(self, rfp_id: RfpId, viewer: ClaimViewer) -> list[Disclosure]:
        """List the disclosures of the viewer's own RFP, oldest first.

        Raises:
            RfpUnknown: No such RFP of the viewer's.
        """
        return await self._disclosures.of_rfp(rfp_id, viewer)

    async def _keep(self, written: Written, rfp_id: RfpId, buyer_id: PartyId) -> Deposited:
        document = Deposited(
            id=DocumentId(new_id()),
            owner_id=buyer_id,
            purpose=Purpose.DISCLOSURE,
            rfp_id=rfp_id,
            name=f"disclosure-{rfp_id}.zip",
            media_type=MEDIA_TYPE,
            sha256=written.sha256,
            length_bytes=written.length_bytes,
            stored_at=self._clock.now(),
        )
        return await self._documents.keep(document, written.pieces())


def _disclosed(disclosure: Disclosure, bundle: Bundle) -> RfpDisclosed:
    return RfpDisclosed(
        disclosure_id=disclosure.id,
        sha256=disclosure.sha256,
        length_bytes=disclosure.length_bytes,
        redacted=tuple(
            RedactedPart(each.claim_id, each.salted_sha256) for each in bundle.redactions
        ),
    )
