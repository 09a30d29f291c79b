"""Routes of openings: what is public of them, and the custodian's share."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, StringConstraints

from services.bids.domain.openings import (
    OpenerKeyStale,
    OpeningNotClosed,
    OpeningStatus,
    OpeningUnknown,
    ResealedShareMalformed,
    ShareFault,
)
from services.bids.domain.parties import key_text
from services.bids.ports.sealed import OpeningRecord
from services.bids.usecases.openings import Custody
from shared.domain.ids import OpeningId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, RequestModel, unfit

CUSTODY: Final = web.AppKey("bids_custody", Custody)

BYTES_TEXT_MAX: Final = 400
"""The longest text of key or share: a sealed share takes 110 characters."""

routes = Api("bids", title="", version="")


def _base64url(value: str) -> str:
    try:
        bytes_of(value)
    except (binascii.Error, ValueError):
        sentence: Final = "Write bytes as base64url without padding."
        raise unfit(code="base64url", sentence=sentence) from None
    return value


BytesText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=BYTES_TEXT_MAX, pattern=r"^[A-Za-z0-9_-]+$"),
    AfterValidator(_base64url),
]
"""Bytes as base64url without padding (RFC 4648 section 5)."""


class SealedBidAnswer(AnswerModel):
    """One entry of the list over which the Merkle root is computed."""

    bid_id: UUID
    version: int
    sealed_sha256: str


class OpeningAnswer(AnswerModel):
    """What is public of an opening; bytes are base64url, hashes hexadecimal.

    `sealed_bids` is empty until the close. From then on it lists the latest version of every bid
    that was not withdrawn, in the order of the log; `merkle_root` is the RFC 6962 tree over the
    bytes of their hashes. `opened` and `failed` are null until the bids are opened.
    """

    id: UUID
    rfp_id: UUID
    status: OpeningStatus
    closes_at: datetime
    public_key: str
    opener_key: str | None
    merkle_root: str | None
    sealed_bids: list[SealedBidAnswer]
    opened: int | None
    failed: int | None
    refused_share_reason: ShareFault | None


class SealedShareAnswer(AnswerModel):
    """The share of the opening's key, sealed to the custodian's registered key."""

    sealed_share: str


class SubmitShare(RequestModel):
    """A share, sealed again, to the opener's present key."""

    opener_key: BytesText
    resealed_share: BytesText


@routes.get(
    "/v1/rfps/{rfp_id}/opening",
    scope="opening:read",
    answer=OpeningAnswer,
    summary="Read an RFP's opening",
    refusals=(OpeningUnknown,),
)
async def read_opening(call: Call[None]) -> OpeningAnswer:
    """Show the opening's keys, its status, and from the close on the list of sealed hashes."""
    return _answer(await call.of(CUSTODY).opening_of(RfpId(call.id("rfp_id"))))


@routes.get(
    "/v1/openings/{opening_id}/share",
    scope="custodian:write",
    answer=SealedShareAnswer,
    summary="Read one's share of an opening's key",
    refusals=(OpeningUnknown,),
)
async def read_share(call: Call[None]) -> SealedShareAnswer:
    """Hand the custodian its share, which only its own private key opens."""
    opening_id = OpeningId(call.id("opening_id"))
    share = await call.of(CUSTODY).sealed_share(opening_id, custodian_id=call.caller_party)
    return SealedShareAnswer(sealed_share=key_text(share))


@routes.post(
    "/v1/openings/{opening_id}/share",
    scope="custodian:write",
    body=SubmitShare,
    answer=OpeningAnswer,
    status=202,
    summary="Submit one's share for the opening",
    refusals=(OpeningUnknown, OpeningNotClosed, OpenerKeyStale, ResealedShareMalformed),
)
async def submit_share(call: Call[SubmitShare]) -> OpeningAnswer:
    """Take the share; the opener checks it against the published key and opens the bids.

    Whether it fits is seen in the opening a moment later: `status` becomes `unsealed`, or
    `refused_share_reason` says what is wrong, and the share may be submitted again.
    """
    record = await call.of(CUSTODY).submit(
        OpeningId(call.id("opening_id")),
        custodian_id=call.caller_party,
        opener_key=bytes_of(call.body.opener_key),
        share=bytes_of(call.body.resealed_share),
    )
    return _answer(record)


def bytes_of(text: str) -> bytes:
    """Read base64url without padding.

    Raises:
        ValueError: It is none.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _answer(record: OpeningRecord) -> OpeningAnswer:
    opening = record.opening
    reason = opening.refused_share_reason
    return OpeningAnswer(
        id=opening.id,
        rfp_id=opening.rfp_id,
        status=opening.status,
        closes_at=opening.closes_at,
        public_key=key_text(opening.public_key),
        opener_key=None if opening.opener_key is None else key_text(opening.opener_key),
        merkle_root=None if opening.merkle_root is None else opening.merkle_root.hex(),
        sealed_bids=[
            SealedBidAnswer(
                bid_id=entry.bid_id,
                version=entry.version,
                sealed_sha256=entry.sealed_sha256.hex(),
            )
            for entry in record.sealed_bids
        ],
        opened=record.opened,
        failed=record.failed,
        refused_share_reason=None if reason is None else ShareFault(reason),
    )
