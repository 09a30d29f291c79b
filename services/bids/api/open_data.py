"""The route of open contracting data: an RFP as a release package, for everybody."""

from typing import Final

from aiohttp import web

from services.bids.domain.policy import PolicyProfileUnknown
from services.bids.domain.rfps import RfpTooLarge, RfpUnknown
from services.bids.usecases.open_data import OpenData
from shared.domain.ids import RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel

OPEN_DATA: Final = web.AppKey("bids_open_data", OpenData)


class ReleasePackageAnswer(AnswerModel):
    """A release package; the standard's own schema says what is in its one release."""

    uri: str
    version: str
    extensions: list[str]
    publisher: dict[str, str]
    releases: list[dict[str, object]]


routes = Api("bids", title="", version="")


@routes.get(
    "/v1/rfps/{rfp_id}/ocds",
    scope="rfp:read",
    answer=ReleasePackageAnswer,
    summary="Read an RFP as open contracting data",
    refusals=(RfpUnknown, RfpTooLarge, PolicyProfileUnknown),
)
async def read_release_package(call: Call[None]) -> web.Response:
    """Render a published RFP as a release package of the Open Contracting Data Standard, 1.1.

    It is the same for every caller: bids are counted after the close, and told one by one while
    their lot is awarded; contracts, and the members that buy, from when an award is made. The same
    state has the same release id.
    """
    rfp_id = RfpId(call.id("rfp_id"))
    uri = f"{call.request.url.origin()}/v1/rfps/{rfp_id}/ocds"
    package = await call.of(OPEN_DATA).package(rfp_id, uri=uri)
    return web.Response(
        text=package.text,
        content_type="application/json",
        headers={"Content-Disposition": f'inline; filename="{package.ocid}.json"'},
    )
