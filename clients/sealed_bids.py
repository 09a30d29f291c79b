"""Seal a bid on the vendor's own side, so that nobody else ever holds its price before the opening.

    form = await published_form(client.bids, rfp_id)
    faults = would_be_refused(offer, form, lot_id)   # nothing, when the bid will be taken
    filed = await file(client.bids, offer, form, lot_id=lot_id, vendor_id=vendor_id, keys=keys)
    await is_in_the_opening(client.bids, filed.receipt)

The service cannot look into a sealed bid: what is wrong with it shows at the opening, when it is
too late. That is why a bid is checked against the published form before it is sealed. The receipt
is checked here, offline, before the filing counts as done; keep it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clients.bids import BidsClient
from clients.custodian import bytes_of, text_of
from clients.errors import ClientError
from clients.http import Document
from shared.domain import merkle
from shared.domain.bid_content import (
    NONCE_BYTES,
    BidContent,
    TechnicalContent,
    write_content,
    write_technical,
)
from shared.domain.bid_documents import EnvelopeKind
from shared.domain.bid_forms import (
    AnswerKind,
    Asked,
    BidForm,
    Fault,
    faults_of,
    technical_faults_of,
)
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, new_id
from shared.domain.money import Currency
from shared.receipts import (
    DOCUMENT_CHARACTERS_MAX,
    DocumentInvalid,
    DocumentKind,
    Receipt,
    ReceiptAction,
    ReceiptInvalid,
    claimed_key_id,
    verify_document,
    verify_receipt,
)
from shared.sealing import SealContext, seal

ReceiptKeys = Mapping[str, Ed25519PublicKey]


class BidWouldBeRefused(ClientError):  # noqa: N818 - a fact about a bid
    """The bid is not what the form asks; `faults` says all that is wrong with it."""

    code = "bid_would_be_refused"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Keep the faults."""
        super().__init__(" ".join(fault.sentence for fault in faults))
        self.faults = faults

    @property
    def told(self) -> Document:
        """The faults, as the service would name them."""
        return {
            "faults": [{"code": fault.code, "sentence": fault.sentence} for fault in self.faults]
        }


class ReceiptWrong(ClientError):  # noqa: N818 - a fact about a receipt
    """The receipt is not signed by a published key, or not for what was filed."""

    code = "receipt_wrong"


class BidNotInOpening(ClientError):  # noqa: N818 - a fact about an opening
    """The published list does not hold the bid as its receipt has it: ask why, and show both."""

    code = "bid_not_in_opening"


@dataclass(frozen=True, slots=True)
class EnvelopeKey:
    """The opening to whose public key an envelope is sealed."""

    opening_id: OpeningId
    public_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PublishedForm:
    """A solicitation's form, and the keys to seal to; `technical` where there are two envelopes."""

    form: BidForm
    price: EnvelopeKey
    technical: EnvelopeKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a vendor offers; the nonces are drawn when it is sealed."""

    content: BidContent
    technical: TechnicalContent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedOffer:
    """An offer as it leaves the vendor; keep it to file it again when no answer came."""

    lot_id: LotId
    version_id: UUID
    sealed: bytes = field(repr=False)
    technical: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FiledBid:
    """A filing that is done: its receipt, verified, and the signed form of it to keep."""

    receipt: Receipt
    token: str


async def published_form(bids: BidsClient, rfp_id: str) -> PublishedForm:
    """Read a solicitation's form."""
    told = await bids.bid_form(rfp_id)
    technical = told["technical"]
    form = BidForm(
        currency=Currency(told["currency"]),
        closes_at=datetime.fromisoformat(told["closes_at"]),
        lots={LotId(UUID(lot["id"])): Decimal(lot["quantity"]) for lot in told["lots"]},
        asked=None if told["asked"] is None else tuple(_asked_in(one) for one in told["asked"]),
        attestations=frozenset(told["attestations"]),
        envelopes=1 if technical is None else 2,
    )
    return PublishedForm(
        form, _key_in(told["price"]), None if technical is None else _key_in(technical)
    )


async def receipt_keys(bids: BidsClient) -> ReceiptKeys:
    """Read the published keys by their ids; a copy that is kept verifies without the service."""
    told = await bids.receipt_keys()
    return {
        key["kid"]: Ed25519PublicKey.from_public_bytes(bytes_of(key["x"])) for key in told["keys"]
    }


def would_be_refused(offer: Offer, published: PublishedForm, lot_id: LotId) -> tuple[Fault, ...]:
    """List all that an offer would be refused for at the opening; nothing, when it will count."""
    faults = faults_of(offer.content, published.form, lot_id)
    if (offer.technical is None) != (published.technical is None):
        sentence = "Give the technical part by itself where there are two envelopes, only."
        faults = (*faults, Fault("envelopes_wrong", sentence))
    if offer.technical is not None:
        faults = (*faults, *technical_faults_of(offer.technical, published.form))
    return faults


def seal_offer(
    offer: Offer, published: PublishedForm, *, lot_id: LotId, vendor_id: PartyId
) -> SealedOffer:
    """Check an offer and seal it; it opens for no other lot, vendor or version.

    Raises:
        BidWouldBeRefused: It is not what the form asks.
        BidBeyondSeal: It is longer than the largest envelope.
    """
    faults = would_be_refused(offer, published, lot_id)
    if faults:
        raise BidWouldBeRefused(faults)
    version_id = new_id()

    def sealed(written: bytes, key: EnvelopeKey) -> bytes:
        context = SealContext(
            opening_id=key.opening_id,
            lot_id=lot_id,
            vendor_id=vendor_id,
            bid_version_id=version_id,
        )
        return seal(written, key.public_key, context)

    content = replace(offer.content, nonce=secrets.token_bytes(NONCE_BYTES))
    technical = None
    if offer.technical is not None and published.technical is not None:
        told = replace(offer.technical, nonce=secrets.token_bytes(NONCE_BYTES))
        technical = sealed(write_technical(told), published.technical)
    return SealedOffer(
        lot_id=lot_id,
        version_id=version_id,
        sealed=sealed(write_content(content), published.price),
        technical=technical,
    )


async def file(bids: BidsClient, offer: SealedOffer, *, keys: ReceiptKeys) -> FiledBid:
    """File a sealed offer, and check its receipt; the same offer may be filed again and again.

    Raises:
        ReceiptWrong: The answer is no receipt for this very offer.
        Problem: The service refuses.
        Unreachable: No answer came; whether the bid stands, filing the same offer again tells.
    """
    told = await bids.file_sealed_bid(
        str(offer.lot_id),
        bid_version_id=str(offer.version_id),
        sealed=text_of(offer.sealed),
        technical=None if offer.technical is None else text_of(offer.technical),
    )
    receipt = verified(told["receipt"], keys)
    digest = None if offer.technical is None else sha256(offer.technical).hexdigest()
    was_filed = (receipt.lot_id, receipt.sealed_sha256, receipt.technical_sha256)
    if was_filed != (offer.lot_id, sha256(offer.sealed).hexdigest(), digest):
        sentence = "The receipt is for something else than what was filed."
        raise ReceiptWrong(sentence)
    return FiledBid(receipt, told["receipt"])


def verified(token: str, keys: ReceiptKeys) -> Receipt:
    """Check a receipt offline, against keys that were kept.

    Raises:
        ReceiptWrong: Not a receipt, altered, or signed by no known key.
    """
    try:
        return verify_receipt(token, keys[claimed_key_id(token)])
    except (ReceiptInvalid, KeyError):
        sentence = "This is no receipt that a known key has signed."
        raise ReceiptWrong(sentence) from None


async def lost_receipts(bids: BidsClient, *, keys: ReceiptKeys) -> list[FiledBid]:
    """Fetch the receipts of all versions of all own bids again, each verified.

    Raises:
        ReceiptWrong: One of them does not verify.
    """
    tokens = [
        str(version["receipt"])
        async for bid in bids.own_bids()
        for version in (await bids.bid(bid["bid_id"]))["versions"]
    ]
    return [FiledBid(verified(token, keys), token) for token in tokens]


async def is_in_the_opening(bids: BidsClient, receipt: Receipt, *, keys: ReceiptKeys) -> Document:
    """Check that the published list holds the bid as its receipt has it; the answer is the proof.

    The proof leads from the receipt's own hash to the root, and the root is that of the list which
    the service has signed, so that it cannot show another list to another vendor unnoticed.

    Raises:
        BidNotInOpening: It does not.
        Problem: The list is not published yet, or the bid was withdrawn.
    """
    proof = await bids.inclusion(str(receipt.bid_id))
    listed = await bids.hash_list(str(receipt.opening_id))
    if receipt.action is not ReceiptAction.FILED or not _proves(proof, receipt):
        sentence = "The proof does not lead from this receipt to the published root."
        raise BidNotInOpening(sentence)
    signed = signed_list(listed["document"], keys)
    if signed["merkle_root"] != proof["merkle_root"]:
        sentence = "The root of the proof is not that of the signed list."
        raise BidNotInOpening(sentence)
    return proof


def signed_list(token: str, keys: ReceiptKeys) -> Document:
    """Check a signed hash list: its signature, and that its root is that of its entries.

    Raises:
        BidNotInOpening: It does not verify; ask for another copy.
    """
    try:
        key = keys[claimed_key_id(token, characters_max=DOCUMENT_CHARACTERS_MAX)]
        signed = verify_document(token, key, kind=DocumentKind.HASH_LIST)
    except (DocumentInvalid, ReceiptInvalid, KeyError):
        sentence = "The list of sealed bids is signed by no known key, or it was altered."
        raise BidNotInOpening(sentence) from None
    hashes = [bytes.fromhex(entry["sealed_sha256"]) for entry in signed["entries"]]
    if merkle.root(hashes).hex() != signed["merkle_root"]:
        sentence = "The root of the list of sealed bids is not that of its entries."
        raise BidNotInOpening(sentence)
    return signed


def altered_entries(shown: Document, signed: Document) -> list[BidId]:
    """Name the bids whose entries in a copy of the list differ from those in the signed one."""
    kept = {entry["bid_id"]: entry for entry in signed["entries"]}
    return [
        BidId(UUID(entry["bid_id"]))
        for entry in shown["entries"]
        if kept.get(entry["bid_id"]) != entry
    ]


def _proves(proof: Document, receipt: Receipt) -> bool:
    said = (proof["bid_id"], proof["version"], proof["sealed_sha256"], proof["opening_id"])
    if said != (
        str(receipt.bid_id),
        receipt.version,
        receipt.sealed_sha256,
        str(receipt.opening_id),
    ):
        return False
    return merkle.is_included(
        bytes.fromhex(receipt.sealed_sha256 or ""),
        [bytes.fromhex(sibling) for sibling in proof["proof"]],
        index=proof["index"],
        size=proof["size"],
        root=bytes.fromhex(proof["merkle_root"]),
    )


def _asked_in(told: Document) -> Asked:
    return Asked(
        name=told["name"],
        kind=AnswerKind(told["kind"]),
        is_required=told["is_required"],
        least=None if told["least"] is None else Decimal(told["least"]),
        # A form of one envelope names none, and one of an earlier service asks no part of a price.
        envelope=EnvelopeKind(told.get("envelope") or EnvelopeKind.TECHNICAL),
        is_part_of_price=told.get("is_part_of_price", False),
    )


def _key_in(told: Document) -> EnvelopeKey:
    return EnvelopeKey(OpeningId(UUID(told["opening_id"])), bytes_of(told["public_key"]))
