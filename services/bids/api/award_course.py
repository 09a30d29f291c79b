"""Routes of what follows a decision: approval, protests, withdrawal, members' answers, notices."""

from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from services.bids.api.awards import AwardsAnswer, awards_answer
from services.bids.api.notice_fields import (
    ContractsAnswer,
    NoticeAnswer,
    contract_answer,
    notice_answer,
)
from services.bids.domain.awards.answers import Answer, AnswersClosed, AwardLineUnknown
from services.bids.domain.awards.award import AwardUnknown, Protest, ProtestStatus
from services.bids.domain.awards.course import ApproverDecided, AwardNotProposed
from services.bids.domain.awards.lines import AwardLineId
from services.bids.domain.awards.notices import NoticeUnknown
from services.bids.domain.awards.protests import (
    ProtestDecided,
    ProtesterUnknown,
    ProtestMoot,
    ProtestTooLate,
    ProtestUnknown,
    Ruling,
)
from services.bids.domain.awards.withdrawing import AwardNotStanding
from services.bids.domain.lots import LotUnknown
from services.bids.domain.policy import PolicyProfileUnknown
from services.bids.usecases.award_course import AwardCourse, Person
from services.bids.usecases.notices import ContractsNotReady, Notices
from shared.domain.ids import AwardId, LotId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Prose, RequestModel

AWARD_COURSE: Final = web.AppKey("bids_award_course", AwardCourse)

NOTICES: Final = web.AppKey("bids_notices", Notices)

routes = Api("bids", title="", version="")


class WithdrawAwards(RequestModel):
    """Why a lot's awards are taken back."""

    reason: Prose


class FileProtest(RequestModel):
    """On what grounds a vendor objects."""

    grounds: Prose


class DecideProtest(RequestModel):
    """What the buyer decides on a protest, and why."""

    is_upheld: bool
    decision: Prose


class AnswerLine(RequestModel):
    """Whether a member takes its part of an award."""

    accepts: bool


class LineAnswerAnswer(AnswerModel):
    """What counts as the member's answer now."""

    award_line_id: UUID
    accepts: bool


class ProtestAnswer(AnswerModel):
    """A protest; `is_upheld` is null until it is decided.

    It is `moot` since `moot_at` where the award was withdrawn before: nothing is decided then.
    """

    id: UUID
    lot_id: UUID
    vendor_id: UUID
    grounds: str
    filed_at: datetime
    is_upheld: bool | None
    decision: str | None
    decided_at: datetime | None
    status: ProtestStatus
    moot_at: datetime | None


class ProtestsAnswer(AnswerModel):
    """Protests in the order of their filing."""

    items: list[ProtestAnswer]


@routes.post(
    "/v1/lots/{lot_id}/awards/approve",
    scope="award:write",
    answer=AwardsAnswer,
    summary="Approve a lot's proposed awards",
    refusals=(LotUnknown, AwardNotProposed, ApproverDecided, PolicyProfileUnknown),
)
async def approve_awards(call: Call[None]) -> AwardsAnswer:
    """Approve as a second person of the buyer's; from now on the standstill runs."""
    records = await call.of(AWARD_COURSE).approve(LotId(call.id("lot_id")), _person(call))
    return awards_answer(records)


@routes.post(
    "/v1/lots/{lot_id}/awards/withdraw",
    scope="award:write",
    body=WithdrawAwards,
    answer=AwardsAnswer,
    summary="Withdraw a lot's awards",
    refusals=(LotUnknown, AwardNotStanding),
)
async def withdraw_awards(call: Call[WithdrawAwards]) -> AwardsAnswer:
    """Take back what was proposed, intended or made; the lot is `evaluated` again.

    To go on to the next in rank, set the bid that failed aside, and name the winner anew. Protests
    that were still open are moot, and their vendors are told.
    """
    records = await call.of(AWARD_COURSE).withdraw(
        LotId(call.id("lot_id")), call.body.reason, _person(call)
    )
    return awards_answer(records)


@routes.post(
    "/v1/lots/{lot_id}/protests",
    scope="bid:write",
    body=FileProtest,
    answer=ProtestAnswer,
    summary="Protest against a lot's award",
    refusals=(LotUnknown, ProtesterUnknown, ProtestTooLate),
    creates=True,
)
async def file_protest(call: Call[FileProtest]) -> ProtestAnswer:
    """Object within the standstill; it rests until the buyer has decided."""
    protest = await call.of(AWARD_COURSE).protest(
        call.new_id,
        LotId(call.id("lot_id")),
        vendor_id=call.caller_party,
        grounds=call.body.grounds,
    )
    return _protest(protest)


@routes.get(
    "/v1/lots/{lot_id}/protests",
    scope="award:read",
    answer=ProtestsAnswer,
    summary="List a lot's protests",
    refusals=(LotUnknown,),
)
async def list_protests(call: Call[None]) -> ProtestsAnswer:
    """Show the buyer and auditors all protests, a vendor its own."""
    protests = await call.of(AWARD_COURSE).protests(LotId(call.id("lot_id")), call.caller)
    return ProtestsAnswer(items=[_protest(each) for each in protests])


@routes.post(
    "/v1/lots/{lot_id}/protests/{protest_id}/decision",
    scope="award:write",
    body=DecideProtest,
    answer=ProtestAnswer,
    summary="Decide a protest",
    refusals=(LotUnknown, ProtestUnknown, ProtestDecided, ProtestMoot),
)
async def decide_protest(call: Call[DecideProtest]) -> ProtestAnswer:
    """Uphold it, and the lot is to be decided anew; deny it, and the standstill goes on."""
    ruling = Ruling(
        protest_id=call.id("protest_id"),
        is_upheld=call.body.is_upheld,
        decision=call.body.decision,
        by=call.caller.subject,
    )
    protest = await call.of(AWARD_COURSE).rule(
        LotId(call.id("lot_id")), ruling, buyer_id=call.caller_party
    )
    return _protest(protest)


@routes.put(
    "/v1/awards/{award_id}/lines/{line_id}/answer",
    scope="requirement:write",
    body=AnswerLine,
    answer=LineAnswerAnswer,
    summary="Accept or decline one's award line",
    refusals=(AwardLineUnknown, AnswersClosed),
)
async def answer_line(call: Call[AnswerLine]) -> LineAnswerAnswer:
    """Answer while the window is open; the last answer counts. The RFP says what silence means."""
    answer = Answer(
        line_id=AwardLineId(call.id("line_id")),
        member_id=call.caller_party,
        accepts=call.body.accepts,
        by=call.caller.subject,
    )
    await call.of(AWARD_COURSE).answer(AwardId(call.id("award_id")), answer)
    return LineAnswerAnswer(award_line_id=answer.line_id, accepts=answer.accepts)


@routes.get(
    "/v1/lots/{lot_id}/notice",
    scope="bid:read",
    answer=NoticeAnswer,
    summary="Read one's notice of a lot's award",
    refusals=(LotUnknown, NoticeUnknown),
)
async def read_notice(call: Call[None]) -> NoticeAnswer:
    """Tell a vendor that bid who is to win and why, its own scores, and until when to protest."""
    notice = await call.of(NOTICES).notice(LotId(call.id("lot_id")), vendor_id=call.caller_party)
    return notice_answer(notice)


@routes.get(
    "/v1/awards/{award_id}/contracts",
    scope="award:read",
    answer=ContractsAnswer,
    summary="Sum up an award's contracts",
    refusals=(AwardUnknown, ContractsNotReady, PolicyProfileUnknown),
)
async def read_contracts(call: Call[None]) -> ContractsAnswer:
    """Show who signs, until when, fees, order references, and each line's net after support.

    A member is shown the contract of its own line, and no other's line in it.
    """
    contracts = await call.of(NOTICES).contracts(AwardId(call.id("award_id")), call.caller)
    return ContractsAnswer(items=[contract_answer(each) for each in contracts])


def _person(call: Call[WithdrawAwards] | Call[None]) -> Person:
    return Person(buyer_id=call.caller_party, subject=call.caller.subject)


def _protest(protest: Protest) -> ProtestAnswer:
    return ProtestAnswer(
        id=protest.id,
        lot_id=protest.lot_id,
        vendor_id=protest.vendor_id,
        grounds=protest.grounds,
        filed_at=protest.filed_at,
        is_upheld=protest.is_upheld,
        decision=protest.decision,
        decided_at=protest.decided_at,
        status=protest.status,
        moot_at=protest.moot_at,
    )
