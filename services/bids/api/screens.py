"""The route of screens: what stands out among opened bids, for the buyer and for auditors."""

from typing import Final

from aiohttp import web

from services.bids.domain.rfps import RfpUnknown
from services.bids.domain.screens.contests import Finding, Screen
from services.bids.domain.screens.report import ScreenReport, told
from services.bids.usecases.screens import Screening
from shared.domain.ids import RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel

SCREENING: Final = web.AppKey("bids_screening", Screening)

routes = Api("bids", title="", version="")


class FindingAnswer(AnswerModel):
    """One thing that stands out: a lot, or a pair of vendors over `contests` lots."""

    screen: Screen
    vendors: list[str]
    lot_id: str | None
    value: float
    bound: float
    contests: int


class PairAnswer(AnswerModel):
    """Two vendors, and by which screens they stand out."""

    vendors: list[str]
    screens: list[Screen]


class ScreensAnswer(AnswerModel):
    """What stands out, and how far each screen may be trusted; it excludes nobody."""

    caution: str
    contests: int
    bids: int
    pairs: list[PairAnswer]
    findings: list[FindingAnswer]
    about: dict[Screen, str]


@routes.get(
    "/v1/rfps/{rfp_id}/screens",
    scope="award:read",
    answer=ScreensAnswer,
    summary="Screen an RFP's opened bids for signs of collusion",
    refusals=(RfpUnknown,),
)
async def read_screens(call: Call[None]) -> ScreensAnswer:
    """Report to the RFP's buyer and to auditors where to look first, beside its earlier lots."""
    report = await call.of(SCREENING).report(RfpId(call.id("rfp_id")), call.caller)
    return _answer(report)


def _answer(report: ScreenReport) -> ScreensAnswer:
    return ScreensAnswer(
        caution=report.caution,
        contests=report.contests,
        bids=report.bids,
        pairs=[
            PairAnswer(vendors=list(each.vendors), screens=list(each.screens))
            for each in report.pairs
        ],
        findings=[_finding(each) for each in report.findings],
        about={each: told(each) for each in Screen},
    )


def _finding(finding: Finding) -> FindingAnswer:
    return FindingAnswer(
        screen=finding.screen,
        vendors=list(finding.vendors),
        lot_id=finding.contest,
        value=finding.value,
        bound=finding.bound,
        contests=finding.contests,
    )
