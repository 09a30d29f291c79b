"""Routes of sealed bids and their receipts."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, StringConstraints

from services.bids.api.bid_fields import WholeBid
from services.bids.api.form_fields import BidFormAnswer
from services.bids.api.openings import base64url, bytes_of
from services.bids.domain.bid_tables import TABLE_BYTES_MAX, BidTableInvalid, CellError
from services.bids.domain.bids import (
    BidLate,
    BidUnfit,
    BidUnknown,
    BidVersionReused,
    BidVersionUnfit,
    BidWithdrawnAlready,
    EnvelopesWrong,
    FilingTooSlow,
    LotNotOpen,
    PriceZero,
    SealedLengthWrong,
    VendorUnknown,
)
from services.bids.domain.eligibility import RegionNotServed, VendorNotQualified
from services.bids.domain.lots import LotUnknown
from services.bids.domain.openings import OpeningUnknown
from services.bids.domain.policy import PolicyProfileUnknown
from services.bids.ports.sealed import SignedReceipt
from services.bids.usecases.bids import BidAct, SealedBidding, TableAct
from shared.domain.bid_content import TiersApply
from shared.domain.ids import BidId, LotId, RfpId
from shared.domain.money import CurrencyWrong
from shared.receipts import ReceiptAction
from shared.sealing import BidBeyondSeal
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer, RequestModel

SEALED_BIDDING: Final = web.AppKey("bids_sealed_bidding", SealedBidding)

routes = Api("bids", title="", version="")


SEALED_BODY_LIMIT: Final = 256 * 1024
"""Two envelopes of 16 blocks as base64url, with room for the names around them."""

SealedText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=SEALED_BODY_LIMIT // 2, pattern=r"^[A-Za-z0-9_-]+$"),
    AfterValidator(base64url),
]
"""Sealed bytes as base64url without padding."""


class FileSealedBid(RequestModel):
    """A bid that its vendor sealed, by the scheme coop-seal/1, to the opening's public key.

    `bid_version_id` is a UUID of version 7 that the vendor mints for every version, because the
    seal is bound to it. `technical` is the second envelope, where the solicitation has two.
    """

    bid_version_id: UUID
    sealed: SealedText
    technical: SealedText | None = None


class ReceiptAnswer(AnswerModel):
    """Confirms one version of a bid; `receipt` is a JWS that verifies offline."""

    bid_id: UUID
    lot_id: UUID
    version: int
    action: ReceiptAction
    sealed_sha256: str | None
    received_at: datetime
    log_index: int
    log_hash: str
    technical_sha256: str | None = None
    receipt: str


class FiledTableAnswer(AnswerModel):
    """The receipts of a table's bids, in the order of their lots in it."""

    receipts: list[ReceiptAnswer]


class BidAnswer(AnswerModel):
    """A vendor's own bid: the receipts of all its versions, oldest first."""

    bid_id: UUID
    lot_id: UUID
    versions: list[ReceiptAnswer]


class HeldBidAnswer(AnswerModel):
    """A vendor's own bid, in a list."""

    bid_id: UUID
    lot_id: UUID
    version: int
    is_withdrawn: bool


class ReceiptKey(AnswerModel):
    """A public key of Ed25519 as a JWK (RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class ReceiptKeySet(AnswerModel):
    """The keys with which receipts are verified, as a JWK set (RFC 7517)."""

    keys: list[ReceiptKey]


_ACT_REFUSALS: Final = (VendorUnknown, LotUnknown, LotNotOpen, BidLate, FilingTooSlow)

_FILING_REFUSALS: Final = (
    *_ACT_REFUSALS,
    RegionNotServed,
    VendorNotQualified,
    PolicyProfileUnknown,
)


@routes.post(
    "/v1/lots/{lot_id}/bids",
    scope="bid:write",
    body=WholeBid,
    answer=ReceiptAnswer,
    summary="File or replace a sealed bid",
    refusals=(*_FILING_REFUSALS, CurrencyWrong, PriceZero, BidUnfit, EnvelopesWrong, BidBeyondSeal),
    creates=True,
    compare_bodies=False,
)
async def file_bid(call: Call[WholeBid]) -> ReceiptAnswer:
    """Seal the bid and file it; filing again before the deadline replaces what was filed.

    A bid counts if its last byte was received before the lot's `closes_at`. Repeat a request whose
    answer was lost under its Idempotency-Key, even after the deadline: if the bid was recorded,
    its first receipt comes back. Bodies are not compared, because nothing derived from a price is
    kept.
    """
    content, technical = call.body.content(), call.body.technical()
    return _answer(await call.of(SEALED_BIDDING).file(_act(call), content, technical))


@routes.post(
    "/v1/lots/{lot_id}/sealed-bids",
    scope="bid:write",
    body=FileSealedBid,
    answer=ReceiptAnswer,
    summary="File or replace a bid that one has sealed oneself",
    refusals=(
        *_FILING_REFUSALS,
        EnvelopesWrong,
        SealedLengthWrong,
        BidVersionUnfit,
        BidVersionReused,
    ),
    status=201,
    body_limit=SEALED_BODY_LIMIT,
)
async def file_sealed_bid(call: Call[FileSealedBid]) -> ReceiptAnswer:
    """File a sealed bid; nobody here ever holds its price before the opening.

    Whether it is a bid at all shows at the opening only: check it against the form before sealing
    it. To repeat a request whose answer was lost, send the same bytes under the same
    `bid_version_id`: the first receipt comes back, even after the deadline.
    """
    act = replace(_act(call), version_id=call.body.bid_version_id)
    technical = call.body.technical
    signed = await call.of(SEALED_BIDDING).file_sealed(
        act, bytes_of(call.body.sealed), None if technical is None else bytes_of(technical)
    )
    return _answer(signed)


@routes.post(
    "/v1/rfps/{rfp_id}/bids/import",
    scope="bid:write",
    answer=FiledTableAnswer,
    summary="File bids by a CSV file",
    refusals=(OpeningUnknown, *_FILING_REFUSALS, BidTableInvalid, EnvelopesWrong),
    query={"tiers_apply": "`all_units` or `graduated`, for lots with several rows."},
    creates=True,
    compare_bodies=False,
    media_type="text/csv",
    body_limit=TABLE_BYTES_MAX,
)
async def import_bids(call: Call[None]) -> FiledTableAnswer:
    """File one bid for each lot that the file prices: all of them, or none.

    The first line names the columns `lot_number`, `unit_price` and, for tiers, `from_quantity`;
    columns `answer:NAME` answer what the RFP asks, and `yes` in `attest:NAME` attests it. A refusal
    lists the rows that are wrong, and repeats no cell.
    """
    try:
        apply = TiersApply(call.query("tiers_apply") or TiersApply.ALL_UNITS)
    except ValueError:
        sentence = "Tiers apply to all_units, or graduated."
        raise BidTableInvalid([CellError(1, None, sentence)]) from None
    act = TableAct(
        request_id=call.new_id,
        vendor_id=call.caller_party,
        received_at=call.received_at,
        tiers_apply=apply,
    )
    signed = await call.of(SEALED_BIDDING).file_table(RfpId(call.id("rfp_id")), call.raw, act)
    return FiledTableAnswer(receipts=[_answer(one) for one in signed])


@routes.post(
    "/v1/lots/{lot_id}/bids/withdraw",
    scope="bid:write",
    answer=ReceiptAnswer,
    summary="Withdraw a sealed bid",
    refusals=(*_ACT_REFUSALS, BidUnknown, BidWithdrawnAlready),
    creates=True,
    compare_bodies=False,
)
async def withdraw_bid(call: Call[None]) -> ReceiptAnswer:
    """Take the caller's bid on the lot back; until the deadline it may be filed again."""
    return _answer(await call.of(SEALED_BIDDING).withdraw(_act(call)))


@routes.get(
    "/v1/rfps/{rfp_id}/bid-form",
    scope="rfp:read",
    answer=BidFormAnswer,
    summary="Read what bids are checked against",
    refusals=(OpeningUnknown,),
)
async def read_bid_form(call: Call[None]) -> BidFormAnswer:
    """Show all that a vendor needs to check and seal a bid itself: its lots, terms, keys."""
    published = await call.of(SEALED_BIDDING).form_of(
        RfpId(call.id("rfp_id")), viewer_id=call.caller.party_id
    )
    return BidFormAnswer.of(published)


@routes.get(
    "/v1/bids",
    scope="bid:read",
    answer=PageAnswer[HeldBidAnswer],
    summary="List one's own bids",
    paged=True,
)
async def list_bids(call: Call[None]) -> PageAnswer[HeldBidAnswer]:
    """List the caller's bids, withdrawn ones among them, so that no receipt stays lost."""
    page = call.page()
    held = await call.of(SEALED_BIDDING).held_by(
        call.caller_party, after=page.after, limit=page.limit
    )
    items = [
        HeldBidAnswer(
            bid_id=bid.bid_id,
            lot_id=bid.lot_id,
            version=bid.version,
            is_withdrawn=bid.is_withdrawn,
        )
        for bid in held
    ]
    return PageAnswer(
        items=items, next_after=items[-1].bid_id if len(items) == page.limit else None
    )


@routes.get(
    "/v1/bids/{bid_id}",
    scope="bid:read",
    answer=BidAnswer,
    summary="Read the receipts of one's own bid",
    refusals=(BidUnknown,),
)
async def read_bid(call: Call[None]) -> BidAnswer:
    """Show every version's receipt, never a price."""
    bid_id = BidId(call.id("bid_id"))
    signed = await call.of(SEALED_BIDDING).receipts_of(bid_id, vendor_id=call.caller_party)
    versions = [_answer(receipt) for receipt in signed]
    return BidAnswer(bid_id=bid_id, lot_id=versions[0].lot_id, versions=versions)


@routes.get(
    "/v1/receipt-keys",
    scope=None,
    answer=ReceiptKeySet,
    summary="Read the keys that receipts are signed with",
)
async def read_receipt_keys(call: Call[None]) -> ReceiptKeySet:
    """Show the public keys; keep a copy beside the receipts."""
    keys = call.of(SEALED_BIDDING).public_keys()
    return ReceiptKeySet(keys=[ReceiptKey.model_validate(key) for key in keys])


def _act(call: Call[WholeBid] | Call[FileSealedBid] | Call[None]) -> BidAct:
    return BidAct(
        version_id=call.new_id,
        lot_id=LotId(call.id("lot_id")),
        vendor_id=call.caller_party,
        received_at=call.received_at,
    )


def _answer(signed: SignedReceipt) -> ReceiptAnswer:
    receipt = signed.receipt
    return ReceiptAnswer(
        bid_id=receipt.bid_id,
        lot_id=receipt.lot_id,
        version=receipt.version,
        action=receipt.action,
        sealed_sha256=receipt.sealed_sha256,
        received_at=receipt.received_at,
        log_index=receipt.log_index,
        log_hash=receipt.log_hash,
        technical_sha256=receipt.technical_sha256,
        receipt=signed.token,
    )
