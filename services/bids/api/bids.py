"""Routes of sealed bids and their receipts."""

from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from services.bids.domain.bids import (
    BidLate,
    BidUnknown,
    BidWithdrawnAlready,
    CurrencyWrong,
    FilingTooSlow,
    LotNotOpen,
    PriceZero,
    VendorUnknown,
)
from services.bids.domain.lots import LotUnknown
from services.bids.ports.sealed import SignedReceipt
from services.bids.usecases.bids import BidAct, SealedBidding
from shared.domain.ids import BidId, LotId
from shared.domain.money import UnitPrice
from shared.receipts import ReceiptAction
from shared.web import Api, Call
from shared.web.fields import AnswerModel, CurrencyText, PriceText, RequestModel

SEALED_BIDDING: Final = web.AppKey("bids_sealed_bidding", SealedBidding)

routes = Api("bids", title="", version="")


class FileBid(RequestModel):
    """A price, sealed on receipt and not read again before the opening."""

    unit_price: PriceText
    currency: CurrencyText


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
    receipt: str


class BidAnswer(AnswerModel):
    """A vendor's own bid: the receipts of all its versions, oldest first."""

    bid_id: UUID
    lot_id: UUID
    versions: list[ReceiptAnswer]


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


_FILING_REFUSALS: Final = (VendorUnknown, LotUnknown, LotNotOpen, BidLate, FilingTooSlow)


@routes.post(
    "/v1/lots/{lot_id}/bids",
    scope="bid:write",
    body=FileBid,
    answer=ReceiptAnswer,
    summary="File or replace a sealed bid",
    refusals=(*_FILING_REFUSALS, CurrencyWrong, PriceZero),
    creates=True,
    compare_bodies=False,
)
async def file_bid(call: Call[FileBid]) -> ReceiptAnswer:
    """Seal the price and file it; filing again before the deadline replaces what was filed.

    A bid counts if its last byte was received before the lot's `closes_at`. Repeat a request whose
    answer was lost under its Idempotency-Key, even after the deadline: if the bid was recorded,
    its first receipt comes back. Bodies are not compared, because nothing derived from a price is
    kept.
    """
    price = UnitPrice.parse(call.body.unit_price, call.body.currency)
    return _answer(await call.of(SEALED_BIDDING).file(_act(call), price))


@routes.post(
    "/v1/lots/{lot_id}/bids/withdraw",
    scope="bid:write",
    answer=ReceiptAnswer,
    summary="Withdraw a sealed bid",
    refusals=(*_FILING_REFUSALS, BidUnknown, BidWithdrawnAlready),
    creates=True,
    compare_bodies=False,
)
async def withdraw_bid(call: Call[None]) -> ReceiptAnswer:
    """Take the caller's bid on the lot back; until the deadline it may be filed again."""
    return _answer(await call.of(SEALED_BIDDING).withdraw(_act(call)))


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


def _act(call: Call[FileBid] | Call[None]) -> BidAct:
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
        receipt=signed.token,
    )
