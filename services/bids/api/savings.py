"""The route of savings: what an RFP's awards saved against each reference, without flattery."""

from typing import Final
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.rfps import RfpTooLarge, RfpUnknown
from services.bids.domain.savings import Comparison, Effects, MemberSaving, Reference
from services.bids.usecases.savings import RfpSavings, SavingsReporting, SavingsUnknown
from shared.domain.ids import RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel

SAVINGS: Final = web.AppKey("bids_savings", SavingsReporting)

MEMBERS_MAX: Final = 1_000
"""How many members a comparison lists, those who pay most more first; it counts them all."""

routes = Api("bids", title="", version="")


class MemberSavingAnswer(AnswerModel):
    """What a member pays on the lines compared; a negative saving says that it pays more."""

    member_id: UUID
    paid: str
    reference: str
    saving: str


class SavingsComparisonAnswer(AnswerModel):
    """All lines against one reference: those compared, those that cost more, those left out."""

    against: Reference
    paid: str
    reference: str
    saving: str
    percent: str | None = Field(description="Of the reference, to a tenth; null without any")
    lines: int
    lines_dearer: int
    dearer_by: str
    lines_left_out: int
    paid_left_out: str
    members_compared: int
    members_paying_more: int
    members: list[MemberSavingAnswer]


class EffectsAnswer(AnswerModel):
    """What is saved against standing alone: by volume, and by competition after first offers."""

    volume: str
    competition: str
    lines: int
    lines_left_out: int
    paid_left_out: str


class SavingsAnswer(AnswerModel):
    """What announced awards saved; `told` says it in sentences, with what speaks against it."""

    currency: str
    paid: str
    lines: int
    members: int
    comparisons: list[SavingsComparisonAnswer]
    effects: EffectsAnswer
    told: list[str]
    left_out: list[str]
    cautions: list[str]


@routes.get(
    "/v1/rfps/{rfp_id}/savings",
    scope="award:read",
    answer=SavingsAnswer,
    summary="Read what an RFP's awards saved, and whom they cost",
    refusals=(RfpUnknown, RfpTooLarge, SavingsUnknown),
)
async def read_savings(call: Call[None]) -> SavingsAnswer:
    """Hold announced awards against baselines, standing alone, and the lowest first offers.

    The buyer and auditors see all lines, a member its own; against offers only where an award is
    final. Nothing is compared that is not known, and what is left out is counted.
    """
    found = await call.of(SAVINGS).of_rfp(RfpId(call.id("rfp_id")), call.caller)
    return _answer(found)


def _answer(found: RfpSavings) -> SavingsAnswer:
    report = found.report
    return SavingsAnswer(
        currency=report.paid.currency,
        paid=str(report.paid),
        lines=report.lines,
        members=report.members,
        comparisons=[_comparison(each) for each in report.comparisons],
        effects=_effects(report.effects),
        told=list(found.told),
        left_out=list(found.left_out),
        cautions=list(report.cautions),
    )


def _comparison(comparison: Comparison) -> SavingsComparisonAnswer:
    part = comparison.part_saved
    members = sorted(comparison.members, key=lambda each: (each.saving.minor, each.member_id))
    return SavingsComparisonAnswer(
        against=comparison.against,
        paid=str(comparison.paid),
        reference=str(comparison.reference),
        saving=str(comparison.saving),
        percent=None if part is None else _tenth(round(part * 1000)),
        lines=comparison.lines,
        lines_dearer=comparison.lines_dearer,
        dearer_by=str(comparison.dearer_by),
        lines_left_out=comparison.lines_left_out,
        paid_left_out=str(comparison.paid_left_out),
        members_compared=len(members),
        members_paying_more=len(comparison.paying_more),
        members=[_member(each) for each in members[:MEMBERS_MAX]],
    )


def _member(member: MemberSaving) -> MemberSavingAnswer:
    return MemberSavingAnswer(
        member_id=member.member_id,
        paid=str(member.paid),
        reference=str(member.reference),
        saving=str(member.saving),
    )


def _effects(effects: Effects) -> EffectsAnswer:
    return EffectsAnswer(
        volume=str(effects.volume),
        competition=str(effects.competition),
        lines=effects.lines,
        lines_left_out=effects.lines_left_out,
        paid_left_out=str(effects.paid_left_out),
    )


def _tenth(tenths: int) -> str:
    whole, rest = divmod(abs(tenths), 10)
    return f"{'-' if tenths < 0 else ''}{whole}.{rest}"
