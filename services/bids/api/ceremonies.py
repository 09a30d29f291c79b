"""Routes of ceremonies: who opens an RFP's bids, and rehearsals of it."""

from typing import Annotated, Final, Literal, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.api.openings import CUSTODY, OpeningAnswer, opening_answer
from services.bids.domain.ceremony import (
    CUSTODIANS_MAX,
    WINDOW_DEFAULT,
    WINDOW_MAX,
    Ceremony,
    CeremonyUnfit,
    CustodianKeyMissing,
)
from services.bids.domain.parties import CustodianUnknown
from services.bids.domain.rfps import RfpNotDraft, RfpUnknown
from services.bids.usecases.ceremonies import Rehearsing
from shared.domain.ids import PartyId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, RequestModel

REHEARSING: Final = web.AppKey("bids_rehearsing", Rehearsing)

WINDOW_S_MAX: Final = int(WINDOW_MAX.total_seconds())

routes = Api("bids", title="", version="")


class PlanCeremony(RequestModel):
    """Who opens an RFP's bids: any `threshold` of the custodians, each on its own token.

    With two envelopes the technical parts are opened and judged before the prices.
    """

    custodian_ids: Annotated[list[UUID], Field(min_length=1, max_length=CUSTODIANS_MAX)]
    threshold: Annotated[int, Field(strict=True, ge=1, le=CUSTODIANS_MAX)]
    opening_window_s: Annotated[int, Field(strict=True, ge=1, le=WINDOW_S_MAX)] = int(
        WINDOW_DEFAULT.total_seconds()
    )
    envelopes: Literal[1, 2] = 1

    def ceremony(self) -> Ceremony:
        """Turn it into what the use case takes."""
        return Ceremony(
            custodian_ids=tuple(map(PartyId, self.custodian_ids)),
            threshold=self.threshold,
            opening_window_s=self.opening_window_s,
            envelopes=self.envelopes,
        )


class CeremonyAnswer(AnswerModel):
    """How an RFP's bids are opened."""

    custodian_ids: list[UUID]
    threshold: int
    opening_window_s: int
    envelopes: int

    @classmethod
    def of(cls, ceremony: Ceremony) -> Self:
        """Render a ceremony."""
        return cls(
            custodian_ids=list(ceremony.custodian_ids),
            threshold=ceremony.threshold,
            opening_window_s=ceremony.opening_window_s,
            envelopes=ceremony.envelopes,
        )


@routes.put(
    "/v1/rfps/{rfp_id}/ceremony",
    scope="rfp:write",
    body=PlanCeremony,
    answer=CeremonyAnswer,
    summary="Name the custodians of an RFP",
    refusals=(RfpUnknown, RfpNotDraft, CeremonyUnfit, CustodianUnknown),
)
async def plan_ceremony(call: Call[PlanCeremony]) -> CeremonyAnswer:
    """Name who opens the bids of a draft, in place of the one custodian it was drafted with."""
    ceremony = await call.of(REHEARSING).plan(
        RfpId(call.id("rfp_id")), call.body.ceremony(), buyer_id=call.caller_party
    )
    return CeremonyAnswer.of(ceremony)


@routes.get(
    "/v1/rfps/{rfp_id}/ceremony",
    scope="rfp:read",
    answer=CeremonyAnswer,
    summary="Read who opens an RFP's bids",
    refusals=(RfpUnknown,),
)
async def read_ceremony(call: Call[None]) -> CeremonyAnswer:
    """Show the custodians, how many of them it takes, and within which time."""
    ceremony = await call.of(REHEARSING).ceremony_of(
        RfpId(call.id("rfp_id")), viewer_id=call.caller.party_id
    )
    return CeremonyAnswer.of(ceremony)


@routes.post(
    "/v1/rfps/{rfp_id}/rehearsals",
    scope="rfp:write",
    answer=OpeningAnswer,
    summary="Rehearse an opening",
    refusals=(RfpUnknown, CustodianKeyMissing),
    creates=True,
)
async def rehearse(call: Call[None]) -> OpeningAnswer:
    """Deal a throwaway key to the custodians, who open a canary with it: before publication, say.

    It takes the same shares, tokens, window and opener as the opening to come. The custodians find
    it among their openings; once they have brought the key together its status is `unsealed`, and
    its chain says whether the canary opened.
    """
    opening_id = await call.of(REHEARSING).rehearse(
        RfpId(call.id("rfp_id")), rehearsal_id=call.new_id, buyer_id=call.caller_party
    )
    record = await call.of(CUSTODY).find(opening_id, viewer_id=call.caller.party_id, sees_all=False)
    return opening_answer(record)
