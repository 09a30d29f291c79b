"""Routes of documents: put one by its hash, list one's own, fetch one."""

import base64
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from urllib.parse import quote
from uuid import UUID

import structlog
from aiohttp import web

from services.bids.domain.bids import BidUnknown
from services.bids.domain.documents import (
    STORED_BYTES_MAX,
    Deposit,
    Deposited,
    DocumentBroken,
    DocumentDigestMismatch,
    DocumentId,
    DocumentNotSealed,
    DocumentPurposeForbidden,
    DocumentsTooMany,
    DocumentStoreUnavailable,
    DocumentUnfit,
    DocumentUnknown,
    ListedDocument,
    Purpose,
    Readable,
)
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.documents import Reader
from services.bids.usecases.documents import Documents
from shared.auth import Principal, Role
from shared.domain.bid_documents import ANY_MEDIA_TYPE
from shared.domain.ids import BidId, RfpId
from shared.domain.refusals import Refusal
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer

DOCUMENTS: Final = web.AppKey("bids_documents", Documents)

routes = Api("bids", title="", version="")

UPLOAD_DEADLINE_S: Final = 300.0
"""The largest document over a line of two megabits a second."""

NOT_TO_BE_SHOWN: Final = "default-src 'none'; sandbox"
"""A document is saved and not shown: it was written by a stranger."""


class DocumentAnswer(AnswerModel):
    """A document as it is kept; a bid's is a sealed copy, without a name."""

    id: UUID
    purpose: Purpose
    rfp_id: UUID | None = None
    name: str
    media_type: str
    sha256: str
    length_bytes: int
    stored_at: datetime


class BidDocumentAnswer(AnswerModel):
    """A document as an opened bid lists it; one `with_prices` is read with the prices alone.

    `deposit` says whether its sealed copy was in keeping at the deadline: `kept`, `late`,
    `missing`, or `elsewhere` where none was promised.
    """

    name: str
    media_type: str
    sha256: str
    length_bytes: int
    with_prices: bool
    deposit: Deposit


class BidDocumentsAnswer(AnswerModel):
    """Those documents of a bid that the caller may read now."""

    bid_id: UUID
    items: list[BidDocumentAnswer]


@routes.post(
    "/v1/documents",
    scope="document:write",
    answer=DocumentAnswer,
    status=201,
    summary="Put a document into keeping",
    media_type=ANY_MEDIA_TYPE,
    body_limit=STORED_BYTES_MAX,
    body_deadline_s=UPLOAD_DEADLINE_S,
    streamed=True,
    query={
        "sha256": "The SHA-256 of the body: 64 hexadecimal digits in lower case.",
        "purpose": "`solicitation` (a buyer's), `bid` (a vendor's, sealed) or `authority`.",
        "rfp_id": "The RFP that the document is to be part of, for `solicitation` alone.",
        "name": "The file's name; left out for `bid`, where it stands in the sealed bid.",
        "media_type": "The document's own media type; left out for `bid` likewise.",
    },
    refusals=(
        DocumentPurposeForbidden,
        DocumentUnfit,
        RfpUnknown,
        DocumentsTooMany,
        DocumentDigestMismatch,
        DocumentNotSealed,
        DocumentStoreUnavailable,
    ),
)
async def put_document(call: Call[None]) -> DocumentAnswer:
    """Keep the body under its hash, which is checked while it streams in.

    Nothing is kept of a body that is too long, cut off, or not what was stated. Send it again at
    will: what its sender put before is answered with its first record. A bid's document is sealed
    by its vendor first (coop-doc/1); its key travels inside the sealed bid.
    """
    document = Deposited(
        id=DocumentId(call.new_id),
        owner_id=call.caller_party,
        purpose=_purpose(call.query("purpose")),
        rfp_id=_rfp_id(call.query("rfp_id")),
        name=call.query("name") or "",
        media_type=call.query("media_type") or ANY_MEDIA_TYPE,
        sha256=call.query("sha256") or "",
        length_bytes=0,
        stored_at=call.received_at,
    )
    put = await call.of(DOCUMENTS).put(document, call.pieces, role=call.caller.role)
    return _answer(put)


@routes.get(
    "/v1/documents",
    scope="document:read",
    answer=PageAnswer[DocumentAnswer],
    summary="List the documents that one has put",
    paged=True,
)
async def list_documents(call: Call[None]) -> PageAnswer[DocumentAnswer]:
    """List one's own documents, oldest first."""
    page = call.page()
    owned = await call.of(DOCUMENTS).owned(call.caller_party, after=page.after, limit=page.limit)
    return PageAnswer(
        items=[_answer(each) for each in owned],
        next_after=owned[-1].id if len(owned) == page.limit else None,
    )


@routes.get(
    "/v1/bids/{bid_id}/documents",
    scope="document:read",
    answer=BidDocumentsAnswer,
    summary="List the documents of an opened bid",
    refusals=(BidUnknown,),
)
async def list_bid_documents(call: Call[None]) -> BidDocumentsAnswer:
    """List what an opened bid tells of its documents, as far as the caller may read them.

    Its RFP's buyer and its vendor see all that was opened, and so do auditors, but while the lot
    is at auction. Evaluators who declared that they have no conflict see those of the bids that
    they score, and with the prices, once these are released to them, also what tells a price.
    """
    bid_id = BidId(call.id("bid_id"))
    listed = await call.of(DOCUMENTS).of_bid(bid_id, reader_of(call.caller))
    return BidDocumentsAnswer(bid_id=bid_id, items=[_listed(each) for each in listed])


@routes.get(
    "/v1/documents/{sha256}",
    scope="document:read",
    answer=None,
    answer_type=ANY_MEDIA_TYPE,
    status=200,
    summary="Fetch a document",
    refusals=(DocumentUnknown, DocumentBroken, DocumentStoreUnavailable),
)
async def fetch_document(call: Call[None]) -> web.StreamResponse:
    """Send a document by the SHA-256 of its bytes, to be saved and not shown.

    A published solicitation's goes to everybody, a member's authority to buyers and auditors, and
    everybody's own to itself. Of an opened bid, the RFP's buyer and auditors get the document by
    its own hash, opened, and by the hash of its sealed copy that copy; evaluators get, opened, what
    is listed to them. It is checked before the first byte is sent.
    """
    documents = call.of(DOCUMENTS)
    found = await documents.find(call.request.match_info["sha256"], reader_of(call.caller))
    return await send(call.request, found, documents.pieces(found))


def reader_of(caller: Principal) -> Reader:
    """Tell as what a caller reads; who may score reads as an evaluator where it is on a panel."""
    return Reader(
        party_id=caller.party_id,
        is_auditor=caller.role is Role.AUDITOR,
        is_buyer=caller.role is Role.BUYER,
        is_evaluator="score:write" in caller.scopes,
    )


async def send(
    request: web.Request, found: Readable, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Stream a document; where it breaks on the way, the connection is cut, not completed."""
    digest = base64.b64encode(bytes.fromhex(found.sha256)).decode()
    response = web.StreamResponse(
        headers={
            "Content-Type": found.media_type,
            "Content-Length": str(found.length_bytes),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
            "Content-Security-Policy": NOT_TO_BE_SHOWN,
            "Repr-Digest": f"sha-256=:{digest}:",
        }
    )
    await response.prepare(request)
    try:
        async for piece in pieces:
            await response.write(piece)
    except Refusal as refusal:
        structlog.get_logger().warning("document_cut_off", code=refusal.code)
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


def _purpose(text: str | None) -> Purpose:
    try:
        return Purpose(text or "")
    except ValueError:
        sentence = "The query parameter purpose is solicitation, bid or authority."
        raise DocumentUnfit(sentence) from None


def _rfp_id(text: str | None) -> RfpId | None:
    try:
        return None if text is None else RfpId(UUID(text))
    except ValueError:
        sentence = "The query parameter rfp_id is a UUID."
        raise DocumentUnfit(sentence) from None


def _listed(document: ListedDocument) -> BidDocumentAnswer:
    return BidDocumentAnswer(
        name=document.name,
        media_type=document.media_type,
        sha256=document.sha256,
        length_bytes=document.length_bytes,
        with_prices=document.with_prices,
        deposit=document.deposit,
    )


def _answer(document: Deposited) -> DocumentAnswer:
    return DocumentAnswer(
        id=document.id,
        purpose=document.purpose,
        rfp_id=document.rfp_id,
        name=document.name,
        media_type=document.media_type,
        sha256=document.sha256,
        length_bytes=document.length_bytes,
        stored_at=document.stored_at,
    )
