"""The route of sharings: what a lot's members would pay by each rule, and who would object."""

from typing import Final
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.awards.award import EvaluationUnknown
from services.bids.domain.awards.deciding import BidsMissing
from services.bids.domain.lots import LotUnknown
from services.bids.domain.scoring.candidates import AnswerMissing
from services.bids.domain.scoring.panels import ScoresIncomplete
from services.bids.domain.sharing.beside import SharingRuleUnknown, rules_named, told_core
from services.bids.domain.sharing.core import Looked
from services.bids.domain.sharing.shares import Rule, Share, Sharing
from services.bids.usecases.sharings import LotSharing, LotSharings
from shared.domain.ids import LotId
from shared.domain.money import Money
from shared.web import Api, Call
from shared.web.fields import AnswerModel

SHARINGS: Final = web.AppKey("bids_sharings", LotSharing)

routes = Api("bids", title="", version="")


class AloneAnswer(AnswerModel):
    """What a member would pay standing alone."""

    member_id: UUID
    cost: str


class ShareAnswer(AnswerModel):
    """What a member would pay by a rule, and save against standing alone; below 0 it pays more.

    `standard_error` is null where the share is exact, and not estimated from drawn orders.
    """

    member_id: UUID
    pays: str
    saving: str
    standard_error: str | None


class CoreAnswer(AnswerModel):
    """Whether any group would do better alone; `is_stable` is null where not all were looked at.

    `strongest` is the group that would gain most; it is empty where none would gain, and where the
    caller sees its own row alone.
    """

    is_stable: bool | None
    looked: Looked
    groups: int
    objecting: int
    strongest: list[UUID]
    gain: str | None
    told: str


class SharingAnswer(AnswerModel):
    """A lot's cost, shared by a rule."""

    rule: Rule
    shares: list[ShareAnswer]
    core: CoreAnswer


class LeftOutAnswer(AnswerModel):
    """A rule that is not among the sharings, and why."""

    rule: Rule
    reason: str


class SharingsAnswer(AnswerModel):
    """A lot's cost, shared by each rule; `built_on` says what standing alone is reckoned from."""

    lot_id: UUID
    currency: str
    cost: str | None = Field(description="What all pay together; null where every rule is left out")
    members: int
    built_on: list[str]
    alone: list[AloneAnswer]
    sharings: list[SharingAnswer]
    left_out: list[LeftOutAnswer]
    seed: str = Field(description="From what orders of joining are drawn, in hexadecimal")


@routes.get(
    "/v1/lots/{lot_id}/sharings",
    scope="award:read",
    answer=SharingsAnswer,
    summary="Read what members would pay by each rule of sharing",
    refusals=(
        LotUnknown,
        EvaluationUnknown,
        BidsMissing,
        ScoresIncomplete,
        AnswerMissing,
        SharingRuleUnknown,
    ),
    query={"rule": "Only this rule, such as `nucleolus`, which then has all the time to itself."},
)
async def read_sharings(call: Call[None]) -> SharingsAnswer:
    """Share the lot's cost by equal price, cost alone, equal saving, Shapley and others.

    Its buyer and auditors see every row, a member of the lot its own from the first announced award
    on. Rules that take too long, or do not fit, are left out by name. Nothing is changed by it.
    """
    rules = rules_named(call.query("rule"))
    found = await call.of(SHARINGS).of_lot(LotId(call.id("lot_id")), call.caller, rules=rules)
    return _answer(found)


def _answer(found: LotSharings) -> SharingsAnswer:
    return SharingsAnswer(
        lot_id=found.lot.id,
        currency=found.lot.currency,
        cost=str(found.sharings[0].cost) if found.sharings else None,
        members=len(found.alone),
        built_on=list(found.built_on),
        alone=[
            AloneAnswer(member_id=member_id, cost=str(cost))
            for member_id, cost in found.alone
            if found.only in {None, member_id}
        ],
        sharings=[_sharing(each, found) for each in found.sharings],
        left_out=[LeftOutAnswer(rule=each.rule, reason=each.reason) for each in found.left_out],
        seed=found.seed.hex(),
    )


def _sharing(sharing: Sharing, found: LotSharings) -> SharingAnswer:
    check, currency = sharing.core, found.lot.currency
    strongest = check.strongest
    return SharingAnswer(
        rule=sharing.rule,
        shares=[_share(each) for each in sharing.shares if found.only in {None, each.member_id}],
        core=CoreAnswer(
            is_stable=check.is_stable,
            looked=check.looked,
            groups=check.groups,
            objecting=check.objecting,
            strongest=list(strongest.members) if strongest and found.only is None else [],
            gain=None if strongest is None else str(Money(round(strongest.gain), currency)),
            told=told_core(check, currency),
        ),
    )


def _share(share: Share) -> ShareAnswer:
    error = share.standard_error
    return ShareAnswer(
        member_id=share.member_id,
        pays=str(share.pays),
        saving=str(share.saving),
        standard_error=None if error is None else str(error),
    )
