"""Routes of openings: what is public of them, and the custodians' shares."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, StringConstraints

from services.bids.domain.ceremony import Purpose, Seat, ShareFault
from services.bids.domain.custody import (
    OpenerKeyStale,
    OpeningNotClosed,
    ResealedShareMalformed,
    TechnicalPartFirst,
)
from services.bids.domain.openings import OpeningStatus, OpeningUnknown
from services.bids.domain.parties import key_text
from services.bids.ports.sealed import OpeningRecord
from services.bids.usecases.openings import Custody
from shared.auth import Role
from shared.domain.ids import OpeningId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer, RequestModel, unfit

CUSTODY: Final = web.AppKey("bids_custody", Custody)

BYTES_TEXT_MAX: Final = 400
"""The longest text of key or share: a sealed share takes 110 characters."""

routes = Api("bids", title="", version="")


def base64url(value: str) -> str:
    """Validate base64url without padding."""
    try:
        bytes_of(value)
    except (binascii.Error, ValueError):
        sentence: Final = "Write bytes as base64url without padding."
        raise unfit(code="base64url", sentence=sentence) from None
    return value


BytesText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=BYTES_TEXT_MAX, pattern=r"^[A-Za-z0-9_-]+$"),
    AfterValidator(base64url),
]
"""Bytes as base64url without padding (RFC 4648 section 5)."""


class SealedBidAnswer(AnswerModel):
    """One entry of the list over which the Merkle root is computed."""

    bid_id: UUID
    version: int
    sealed_sha256: str


class SeatAnswer(AnswerModel):
    """A custodian's place in an opening: whether its share is there, or why it was refused.

    `commitment` is SHA-256 of `salt` and the share, in hexadecimal, as the chain has held it since
    the key was dealt. `submitted_at` stays after the opening: it is the attendance.
    """

    index: int
    custodian_id: UUID
    salt: str
    commitment: str
    is_submitted: bool
    submitted_at: datetime | None
    refused_reason: ShareFault | None


class OpeningAnswer(AnswerModel):
    """What is public of an opening; bytes are base64url, hashes hexadecimal.

    Any `threshold` of the seats open it, within `window_s` of the first share that is there;
    `window_ends_at` is null while there is none. A rehearsal opens a canary in place of bids.

    `sealed_bids` is empty until the close. From then on it lists the latest version of every bid
    that was not withdrawn, in the order of the log; `merkle_root` is the RFC 6962 tree over the
    bytes of their hashes. `opened` and `failed` are null until the bids are opened.
    """

    id: UUID
    rfp_id: UUID
    purpose: Purpose
    status: OpeningStatus
    closes_at: datetime
    public_key: str
    threshold: int
    window_s: int
    window_ends_at: datetime | None
    seats: list[SeatAnswer]
    opener_key: str | None
    merkle_root: str | None
    sealed_bids: list[SealedBidAnswer]
    opened: int | None
    failed: int | None
    refused_share_reason: ShareFault | None


class CustodyAnswer(AnswerModel):
    """An opening in which a custodian has a seat."""

    id: UUID
    rfp_id: UUID
    purpose: Purpose
    status: OpeningStatus


class SealedShareAnswer(AnswerModel):
    """The share of the opening's key, sealed to the custodian's registered key."""

    index: int
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
    return opening_answer(await call.of(CUSTODY).opening_of(RfpId(call.id("rfp_id"))))


@routes.get(
    "/v1/openings/{opening_id}",
    scope="opening:read",
    answer=OpeningAnswer,
    summary="Read one opening",
    refusals=(OpeningUnknown,),
)
async def read_one_opening(call: Call[None]) -> OpeningAnswer:
    """Show an opening by its id; a rehearsal is shown to its buyer, custodians and auditors."""
    record = await call.of(CUSTODY).find(
        OpeningId(call.id("opening_id")),
        viewer_id=call.caller.party_id,
        sees_all=call.caller.role is Role.AUDITOR,
    )
    return opening_answer(record)


@routes.get(
    "/v1/openings",
    scope="custodian:write",
    answer=PageAnswer[CustodyAnswer],
    summary="List the openings in which one has a seat",
    paged=True,
)
async def list_custody(call: Call[None]) -> PageAnswer[CustodyAnswer]:
    """List the calling custodian's openings, rehearsals among them, the oldest first."""
    page = call.page()
    openings = await call.of(CUSTODY).custody_of(
        call.caller_party, after=page.after, limit=page.limit
    )
    items = [
        CustodyAnswer(
            id=opening.id, rfp_id=opening.rfp_id, purpose=opening.purpose, status=opening.status
        )
        for opening in openings
    ]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


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
    index, share = await call.of(CUSTODY).sealed_share(opening_id, custodian_id=call.caller_party)
    return SealedShareAnswer(index=index, sealed_share=key_text(share))


@routes.post(
    "/v1/openings/{opening_id}/share",
    scope="custodian:write",
    body=SubmitShare,
    answer=OpeningAnswer,
    status=202,
    summary="Submit one's share for the opening",
    refusals=(
        OpeningUnknown,
        OpeningNotClosed,
        TechnicalPartFirst,
        OpenerKeyStale,
        ResealedShareMalformed,
    ),
)
async def submit_share(call: Call[SubmitShare]) -> OpeningAnswer:
    """Take the share; the opener checks it, and opens the bids once enough are there.

    Whether it fits is seen in the opening a moment later: it stays `is_submitted`, and with enough
    of them `status` becomes `unsealed`; or `refused_reason` says what is wrong, and the share may
    be submitted again. When the window passes with too few, all of them are void.
    """
    record = await call.of(CUSTODY).submit(
        OpeningId(call.id("opening_id")),
        custodian_id=call.caller_party,
        opener_key=bytes_of(call.body.opener_key),
        share=bytes_of(call.body.resealed_share),
    )
    return opening_answer(record)


def bytes_of(text: str) -> bytes:
    """Read base64url without padding.

    Raises:
        ValueError: It is none.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def opening_answer(record: OpeningRecord) -> OpeningAnswer:
    """Render an opening."""
    opening = record.opening
    begun = opening.window_opened_at
    refused = [seat.refused_reason for seat in opening.seats if seat.refused_reason]
    return OpeningAnswer(
        id=opening.id,
        rfp_id=opening.rfp_id,
        purpose=opening.purpose,
        status=opening.status,
        closes_at=opening.closes_at,
        public_key=key_text(opening.public_key),
        threshold=opening.threshold,
        window_s=opening.window_s,
        window_ends_at=begun and begun + timedelta(seconds=opening.window_s),
        seats=[_seat_answer(seat) for seat in opening.seats],
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
        refused_share_reason=refused[0] if refused else None,
    )


def _seat_answer(seat: Seat) -> SeatAnswer:
    return SeatAnswer(
        index=seat.index,
        custodian_id=seat.custodian_id,
        salt=seat.salt.hex(),
        commitment=seat.commitment.hex(),
        is_submitted=seat.submitted_share is not None,
        submitted_at=seat.submitted_at,
        refused_reason=seat.refused_reason,
    )
