"""Routes of confidentiality claims, and of what is disclosed to the public."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from aiohttp import web
from pydantic import StringConstraints

from services.bids.api.documents import DOCUMENTS, send
from services.bids.domain.bids import BidUnknown
from services.bids.domain.claims import (
    ClaimId,
    ClaimMadeAlready,
    ClaimPartUnknown,
    ClaimsClosed,
    ClaimUnknown,
    PriceNotRedactable,
    RecordedClaim,
)
from services.bids.domain.disclosures import (
    ClaimsUndecided,
    Disclosure,
    DisclosureId,
    DisclosureTooEarly,
    DisclosureTooLarge,
    DisclosureUnknown,
)
from services.bids.domain.documents import (
    DocumentBroken,
    DocumentStoreUnavailable,
    DocumentUnknown,
)
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.disclosures import ClaimViewer
from services.bids.ports.documents import Reader
from services.bids.usecases.disclosures import MEDIA_TYPE, Claiming, Disclosing
from shared.auth import Principal, Role
from shared.domain.bid_documents import GROUND_MAX, PART_PATTERN, Claim
from shared.domain.ids import BidId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, RequestModel

CLAIMING: Final = web.AppKey("bids_claiming", Claiming)
DISCLOSING: Final = web.AppKey("bids_disclosing", Disclosing)

routes = Api("bids", title="", version="")

Words = Annotated[str, StringConstraints(min_length=1, max_length=GROUND_MAX)]


class MakeClaim(RequestModel):
    """A part of one's opened bid that is claimed to be confidential.

    `part` is `prices`, `capacity`, `members`, `answer:` and a criterion, `alternate:` and a number
    from 1, or `document:` and a hash. `ground` names the law by which it is, and why.
    """

    part: Annotated[str, StringConstraints(pattern=PART_PATTERN)]
    ground: Words


class JudgeClaim(RequestModel):
    """Whether a claim is granted, and why; the reason is published with the redaction."""

    is_granted: bool
    reason: Words


class ClaimAnswer(AnswerModel):
    """A claim as it stands; `is_granted` is null until the buyer has decided."""

    id: UUID
    rfp_id: UUID
    bid_id: UUID
    vendor_id: UUID
    part: str
    ground: str
    claimed_at: datetime
    is_granted: bool | None = None
    reason: str | None = None
    decided_at: datetime | None = None


class ClaimsAnswer(AnswerModel):
    """The claims of an RFP, oldest first."""

    items: list[ClaimAnswer]


class DisclosureAnswer(AnswerModel):
    """A bundle that was made for the public; the same record makes the same `sha256`."""

    id: UUID
    rfp_id: UUID
    sha256: str
    length_bytes: int
    redactions: int
    made_at: datetime


class DisclosuresAnswer(AnswerModel):
    """The disclosures of an RFP, oldest first."""

    items: list[DisclosureAnswer]


@routes.post(
    "/v1/bids/{bid_id}/claims",
    scope="bid:write",
    body=MakeClaim,
    answer=ClaimAnswer,
    summary="Claim that a part of one's opened bid is confidential",
    refusals=(BidUnknown, ClaimsClosed, ClaimPartUnknown, ClaimMadeAlready, PriceNotRedactable),
    creates=True,
)
async def make_claim(call: Call[MakeClaim]) -> ClaimAnswer:
    """Claim a part, from the opening until the first disclosure; the buyer decides.

    What is claimed in the sealed bid itself needs no claim here.
    """
    claim = await call.of(CLAIMING).claim(
        ClaimId(call.new_id),
        BidId(call.id("bid_id")),
        Claim(call.body.part, call.body.ground),
        vendor_id=call.caller_party,
    )
    return _claim(claim)


@routes.get(
    "/v1/rfps/{rfp_id}/claims",
    scope="award:read",
    answer=ClaimsAnswer,
    summary="List the confidentiality claims of an RFP",
    refusals=(RfpUnknown,),
)
async def list_claims(call: Call[None]) -> ClaimsAnswer:
    """List all claims to the buyer and to auditors, and to a vendor its own."""
    claims = await call.of(CLAIMING).of_rfp(RfpId(call.id("rfp_id")), _viewer(call.caller))
    return ClaimsAnswer(items=[_claim(each) for each in claims])


@routes.put(
    "/v1/claims/{claim_id}",
    scope="award:write",
    body=JudgeClaim,
    answer=ClaimAnswer,
    summary="Decide on a confidentiality claim",
    refusals=(ClaimUnknown, ClaimsClosed, ClaimPartUnknown, PriceNotRedactable),
)
async def judge_claim(call: Call[JudgeClaim]) -> ClaimAnswer:
    """Grant or refuse a claim, until the first disclosure; the last decision counts."""
    claim = await call.of(CLAIMING).judge(
        ClaimId(call.id("claim_id")),
        is_granted=call.body.is_granted,
        reason=call.body.reason,
        buyer_id=call.caller_party,
    )
    return _claim(claim)


@routes.post(
    "/v1/rfps/{rfp_id}/disclosures",
    scope="award:write",
    answer=DisclosureAnswer,
    summary="Make what a public-records request may get",
    refusals=(
        RfpUnknown,
        DisclosureTooEarly,
        ClaimsUndecided,
        DisclosureTooLarge,
        DocumentBroken,
        DocumentStoreUnavailable,
    ),
    creates=True,
)
async def disclose(call: Call[None]) -> DisclosureAnswer:
    """Put all that is public of an RFP into one ZIP file, without what was granted.

    The policy profile says from when, and whether prices can be kept. Every redaction stands in
    the file's own log and on the RFP's chain; from here on claims stand as they were decided.
    """
    disclosure = await call.of(DISCLOSING).disclose(
        DisclosureId(call.new_id), RfpId(call.id("rfp_id")), buyer_id=call.caller_party
    )
    return _disclosure(disclosure)


@routes.get(
    "/v1/rfps/{rfp_id}/disclosures",
    scope="award:read",
    answer=DisclosuresAnswer,
    summary="List the disclosures of an RFP",
    refusals=(RfpUnknown,),
)
async def list_disclosures(call: Call[None]) -> DisclosuresAnswer:
    """List them to the buyer and to auditors."""
    disclosures = await call.of(DISCLOSING).of_rfp(RfpId(call.id("rfp_id")), _viewer(call.caller))
    return DisclosuresAnswer(items=[_disclosure(each) for each in disclosures])


@routes.get(
    "/v1/disclosures/{disclosure_id}",
    scope="award:read",
    answer=None,
    answer_type=MEDIA_TYPE,
    status=200,
    summary="Fetch a disclosure",
    refusals=(DisclosureUnknown, DocumentUnknown, DocumentBroken, DocumentStoreUnavailable),
)
async def fetch_disclosure(call: Call[None]) -> web.StreamResponse:
    """Send the ZIP file to the buyer and to auditors; it holds nothing that is not public."""
    viewer = _viewer(call.caller)
    disclosure = await call.of(DISCLOSING).find(DisclosureId(call.id("disclosure_id")), viewer)
    documents = call.of(DOCUMENTS)
    reader = Reader(party_id=viewer.party_id, is_auditor=viewer.is_auditor)
    found = await documents.find(disclosure.sha256, reader)
    return await send(call.request, found, documents.pieces(found))


def _viewer(caller: Principal) -> ClaimViewer:
    return ClaimViewer(party_id=caller.party_id, is_auditor=caller.role is Role.AUDITOR)


def _claim(claim: RecordedClaim) -> ClaimAnswer:
    return ClaimAnswer(
        id=claim.id,
        rfp_id=claim.rfp_id,
        bid_id=claim.bid_id,
        vendor_id=claim.vendor_id,
        part=claim.part,
        ground=claim.ground,
        claimed_at=claim.claimed_at,
        is_granted=claim.is_granted,
        reason=claim.reason,
        decided_at=claim.decided_at,
    )


def _disclosure(disclosure: Disclosure) -> DisclosureAnswer:
    return DisclosureAnswer(
        id=disclosure.id,
        rfp_id=disclosure.rfp_id,
        sha256=disclosure.sha256,
        length_bytes=disclosure.length_bytes,
        redactions=disclosure.redactions,
        made_at=disclosure.made_at,
    )
