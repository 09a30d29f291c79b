"""Routes of what is published of awards: the bundle to check, and the report to read."""

from typing import Final

from aiohttp import web

from services.bids.api.report_pages import SECURITY_POLICY, page_of
from services.bids.domain.awards.award import EvaluationUnknown
from services.bids.domain.lots import LotUnknown
from services.bids.domain.replay.reading import write_bundle
from services.bids.domain.report.figures import LotReport, RfpReport
from services.bids.domain.rfps import RfpUnknown
from services.bids.usecases.publishing import Publishing
from shared.domain.ids import LotId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel

PUBLISHING: Final = web.AppKey("bids_publishing", Publishing)

routes = Api("bids", title="", version="")


class AwardBundleAnswer(AnswerModel):
    """An award bundle, `coop-award/1`; `commonlot award verify` reads it to its last member."""

    format: str
    rfp: dict[str, object]
    scheme: dict[str, object]
    parties: list[dict[str, object]]
    lots: list[dict[str, object]]
    lots_left_out: list[dict[str, object]]
    openings: list[dict[str, object]]
    scenarios: list[dict[str, object]]
    scenarios_left_out: list[dict[str, object]]
    chain_heads: list[dict[str, object]]


class RfpReportAnswer(AnswerModel):
    """What was decided of an RFP's lots, with exact amounts as decimal strings or fractions."""

    report: RfpReport


class LotReportAnswer(AnswerModel):
    """What was decided of one lot, likewise."""

    report: LotReport


@routes.get(
    "/v1/rfps/{rfp_id}/award-bundle",
    scope="award:read",
    answer=AwardBundleAnswer,
    summary="Read an RFP's award bundle",
    refusals=(RfpUnknown, EvaluationUnknown),
)
async def read_bundle(call: Call[None]) -> web.Response:
    """Show all that was decided, in the format `coop-award/1`: to be checked offline.

    Lots that the caller may not see whole yet are left out, and named so: until the award they are
    their buyer's and auditors' to see. The text is canonical JSON, the same each time.
    """
    bundle = await call.of(PUBLISHING).bundle(RfpId(call.id("rfp_id")), call.caller)
    return web.Response(text=write_bundle(bundle), content_type="application/json")


@routes.get(
    "/v1/rfps/{rfp_id}/report",
    scope="award:read",
    answer=RfpReportAnswer,
    summary="Read the report of an RFP's awards",
    refusals=(RfpUnknown, EvaluationUnknown),
)
async def read_rfp_report(call: Call[None]) -> RfpReportAnswer:
    """Tell what was bought, from whom, why, and what each member pays, lot by lot.

    What members would pay alone, and by each rule of sharing, is told beside it.
    """
    report = await call.of(PUBLISHING).report(RfpId(call.id("rfp_id")), call.caller)
    return RfpReportAnswer(report=report)


@routes.get(
    "/v1/rfps/{rfp_id}/report.html",
    scope="award:read",
    answer=None,
    answer_type="text/html",
    status=200,
    summary="Read the report of an RFP's awards as a page",
    refusals=(RfpUnknown, EvaluationUnknown),
)
async def show_rfp_report(call: Call[None]) -> web.Response:
    """Show the report on one page, to be read, kept and printed; it loads nothing else."""
    return _page(await call.of(PUBLISHING).report(RfpId(call.id("rfp_id")), call.caller))


@routes.get(
    "/v1/lots/{lot_id}/report",
    scope="award:read",
    answer=LotReportAnswer,
    summary="Read the report of a lot's award",
    refusals=(LotUnknown, RfpUnknown, EvaluationUnknown),
)
async def read_lot_report(call: Call[None]) -> LotReportAnswer:
    """Tell what was bought, from whom, why, and what each member pays."""
    report = await _report_of_lot(call)
    return LotReportAnswer(report=report.lots[0])


@routes.get(
    "/v1/lots/{lot_id}/report.html",
    scope="award:read",
    answer=None,
    answer_type="text/html",
    status=200,
    summary="Read the report of a lot's award as a page",
    refusals=(LotUnknown, RfpUnknown, EvaluationUnknown),
)
async def show_lot_report(call: Call[None]) -> web.Response:
    """Show the report of one lot on a page of its own."""
    return _page(await _report_of_lot(call))


async def _report_of_lot(call: Call[None]) -> RfpReport:
    return await call.of(PUBLISHING).report_of_lot(LotId(call.id("lot_id")), call.caller)


def _page(report: RfpReport) -> web.Response:
    headers = {"Content-Security-Policy": SECURITY_POLICY, "Referrer-Policy": "no-referrer"}
    return web.Response(text=page_of(report), content_type="text/html", headers=headers)
