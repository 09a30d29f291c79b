"""Answer vendors who claim an opened bid back, and buyers who decide on that."""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

from aiohttp import web

from services.bids.api.membership import Sha256Text
from services.bids.domain.auctioning import LotNotEvaluated
from services.bids.domain.bids import BidUnknown
from services.bids.domain.lots import LotUnknown
from services.bids.domain.policy import PolicyProfileUnknown
from services.bids.domain.scoring.cascade import BidUnscored
from services.bids.domain.withdrawals import (
    ClaimDecided,
    ClaimId,
    ClericalMistake,
    MistakeNotClerical,
    NewClaim,
    WithdrawalBarred,
    WithdrawalClaim,
    WithdrawalClaimed,
    WithdrawalClaimUnknown,
    WithdrawalLate,
    WithdrawalUnfounded,
)
from services.bids.ports.purchase import Part
from services.bids.usecases.withdrawals import ClericalErrors
from shared.domain.ids import LotId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer, Prose, RequestModel

CLERICAL_ERRORS: Final = web.AppKey("bids_clerical_errors", ClericalErrors)

routes = Api("bids", title="", version="")


class ClaimWithdrawal(RequestModel):
    """What went wrong when the bid was written; `evidence_sha256` is the hash of what shows it.

    The evidence itself, such as the original work papers, goes to the buyer by another way.
    """

    mistake: ClericalMistake
    reason: Prose
    evidence_sha256: Sha256Text


class DecideWithdrawal(RequestModel):
    """Whether the bid is withdrawn, and the written reason, which the vendor is told."""

    is_granted: bool
    reason: Prose


class WithdrawalClaimAnswer(AnswerModel):
    """A claim; `is_granted` is null until the buyer decides."""

    id: UUID
    lot_id: UUID
    bid_id: UUID
    vendor_id: UUID
    mistake: ClericalMistake
    reason: str
    evidence_sha256: str
    claimed_at: datetime
    is_granted: bool | None
    decided_reason: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, claim: WithdrawalClaim) -> Self:
        """Render a claim."""
        return cls(
            id=claim.id,
            lot_id=claim.lot_id,
            bid_id=claim.bid_id,
            vendor_id=claim.vendor_id,
            mistake=claim.mistake,
            reason=claim.reason,
            evidence_sha256=claim.evidence_sha256.hex(),
            claimed_at=claim.claimed_at,
            is_granted=claim.is_granted,
            decided_reason=claim.decided_reason,
            decided_at=claim.decided_at,
        )


@routes.post(
    "/v1/lots/{lot_id}/withdrawal-claims",
    scope="bid:write",
    body=ClaimWithdrawal,
    answer=WithdrawalClaimAnswer,
    summary="Claim an opened bid back for a clerical error",
    refusals=(
        LotUnknown,
        BidUnknown,
        LotNotEvaluated,
        BidUnscored,
        WithdrawalClaimed,
        WithdrawalBarred,
        MistakeNotClerical,
        WithdrawalLate,
        PolicyProfileUnknown,
    ),
    creates=True,
)
async def claim_withdrawal(call: Call[ClaimWithdrawal]) -> WithdrawalClaimAnswer:
    """Claim to take the caller's opened bid on the lot back; its buyer decides.

    Whether that is allowed, for which mistakes, and within how many days of the opening, is said
    by the policy profile of the RFP. Before the deadline a bid is withdrawn freely instead.
    """
    new = NewClaim(
        id=ClaimId(call.new_id),
        lot_id=LotId(call.id("lot_id")),
        vendor_id=call.caller_party,
        mistake=call.body.mistake,
        reason=call.body.reason,
        evidence_sha256=bytes.fromhex(call.body.evidence_sha256),
    )
    claim = await call.of(CLERICAL_ERRORS).claim(new, received_at=call.received_at)
    return WithdrawalClaimAnswer.of(claim)


@routes.get(
    "/v1/lots/{lot_id}/withdrawal-claims",
    scope="award:read",
    answer=PageAnswer[WithdrawalClaimAnswer],
    summary="List a lot's claims to withdraw",
    refusals=(LotUnknown,),
    paged=True,
)
async def list_withdrawal_claims(call: Call[None]) -> PageAnswer[WithdrawalClaimAnswer]:
    """List all to the lot's buyer, and to auditors but while it is at auction; to a vendor its own.

    Nobody else is shown any.
    """
    page = call.page()
    claims = await call.of(CLERICAL_ERRORS).page(
        LotId(call.id("lot_id")), Part(page.after, page.limit), viewer=call.caller
    )
    items = [WithdrawalClaimAnswer.of(claim) for claim in claims]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@routes.put(
    "/v1/lots/{lot_id}/withdrawal-claims/{claim_id}/decision",
    scope="award:write",
    body=DecideWithdrawal,
    answer=WithdrawalClaimAnswer,
    summary="Decide on a claim to withdraw",
    refusals=(
        LotUnknown,
        WithdrawalClaimUnknown,
        ClaimDecided,
        LotNotEvaluated,
        BidUnscored,
        WithdrawalUnfounded,
        PolicyProfileUnknown,
    ),
)
async def decide_claim(call: Call[DecideWithdrawal]) -> WithdrawalClaimAnswer:
    """Grant the claim, so that the bid leaves the ranking, or refuse it, so that the bid stands.

    It is decided once, and before the lot is.
    """
    claim = await call.of(CLERICAL_ERRORS).decide(
        LotId(call.id("lot_id")),
        ClaimId(call.id("claim_id")),
        is_granted=call.body.is_granted,
        reason=call.body.reason,
        buyer_id=call.caller_party,
    )
    return WithdrawalClaimAnswer.of(claim)
