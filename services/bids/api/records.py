"""Routes of what is written down of openings: the signed list, proofs, the record."""

from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from services.bids.domain.bids import BidUnknown
from services.bids.domain.ceremony import Purpose
from services.bids.domain.openings import BidFailure, OpeningUnknown
from services.bids.domain.records import BidNotListed, HashListNotPublished, OpeningNotOver
from services.bids.usecases.records import Recording
from shared.domain.canonical import plain
from shared.domain.ids import BidId, OpeningId
from shared.web import Api, Call
from shared.web.fields import AnswerModel

RECORDING: Final = web.AppKey("bids_recording", Recording)

routes = Api("bids", title="", version="")


class ListedBidAnswer(AnswerModel):
    """One entry of the published list."""

    bid_id: UUID
    version: int
    sealed_sha256: str


class HashListAnswer(AnswerModel):
    """The list that was published at the close; `document` is the same as a signed JWS."""

    opening_id: UUID
    rfp_id: UUID
    purpose: Purpose
    closed_at: datetime
    merkle_root: str
    entries: list[ListedBidAnswer]
    document: str


class InclusionAnswer(AnswerModel):
    """A proof that a bid is in the published list (RFC 6962): hashes in hexadecimal."""

    opening_id: UUID
    bid_id: UUID
    version: int
    sealed_sha256: str
    index: int
    size: int
    proof: list[str]
    merkle_root: str


class AttendanceAnswer(AnswerModel):
    """A custodian, and when its share came; null when it did not."""

    index: int
    custodian_id: UUID
    attended_at: datetime | None = None


class RecordedBidAnswer(AnswerModel):
    """What became of a bid that was listed."""

    bid_id: UUID
    lot_id: UUID
    version: int
    sealed_sha256: str
    received_at: datetime
    failure: BidFailure | None = None


class RecordedLotAnswer(AnswerModel):
    """How many bids a lot received, and how many opened."""

    lot_id: UUID
    bids: int
    opened: int


class IncidentAnswer(AnswerModel):
    """What did not go as it should; the opening's chain holds it at `sequence`."""

    sequence: int
    type: str
    at: datetime
    entry_sha256: str


class RecordAnswer(AnswerModel):
    """The record of an opening; `document` is the same as a signed JWS. It holds no price."""

    opening_id: UUID
    rfp_id: UUID
    purpose: Purpose
    public_key: str
    threshold: int
    window_s: int
    custodians: list[AttendanceAnswer]
    closes_at: datetime
    closed_at: datetime
    unsealed_at: datetime
    merkle_root: str
    opened: int
    failed: int
    bids: list[RecordedBidAnswer]
    lots: list[RecordedLotAnswer]
    incidents: list[IncidentAnswer]
    document: str


@routes.get(
    "/v1/openings/{opening_id}/hash-list",
    scope="opening:read",
    answer=HashListAnswer,
    summary="Read the signed list of sealed bids",
    refusals=(OpeningUnknown, HashListNotPublished),
)
async def read_hash_list(call: Call[None]) -> HashListAnswer:
    """Show the hashes of all bids that take part, as published before anything was opened."""
    signed = await call.of(RECORDING).hash_list(OpeningId(call.id("opening_id")))
    return HashListAnswer.model_validate({**_plain(signed.listed), "document": signed.token})


@routes.get(
    "/v1/bids/{bid_id}/inclusion",
    scope="bid:read",
    answer=InclusionAnswer,
    summary="Prove that one's own bid is in the opening",
    refusals=(BidUnknown, HashListNotPublished, BidNotListed),
)
async def read_inclusion(call: Call[None]) -> InclusionAnswer:
    """Show the path from the bid's hash, which its receipt names, to the published root."""
    inclusion = await call.of(RECORDING).inclusion(
        BidId(call.id("bid_id")), vendor_id=call.caller_party
    )
    return InclusionAnswer.model_validate(_plain(inclusion))


@routes.get(
    "/v1/openings/{opening_id}/record",
    scope="opening:read",
    answer=RecordAnswer,
    summary="Read the signed record of an opening",
    refusals=(OpeningUnknown, OpeningNotOver),
)
async def read_record(call: Call[None]) -> RecordAnswer:
    """Show who attended and when, what was opened, what failed, and every incident."""
    signed = await call.of(RECORDING).record(OpeningId(call.id("opening_id")))
    return RecordAnswer.model_validate({**_plain(signed.record), "document": signed.token})


def _plain(value: object) -> dict[str, object]:
    """Render as the signed document has it, member for member."""
    written = plain(value)
    assert isinstance(written, dict)
    return {**written}
