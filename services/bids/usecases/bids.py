"""File, replace and withdraw sealed bids, and give receipts for them.

A bid that comes in the clear is sealed in memory at once; what is passed on from there is sealed.
One that its vendor sealed is never anything else here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.bids.domain.bid_tables import BidTableInvalid, CellError, PricedLot, read_table
from services.bids.domain.bids import (
    Filing,
    FilingTooSlow,
    Gate,
    decide_filing,
    require_envelopes,
    require_fit,
    require_same,
    require_sealed,
    reused,
)
from services.bids.domain.compliance import day_in
from services.bids.domain.eligibility import Eligibility
from services.bids.domain.policy import PolicyBook
from services.bids.ports.sealed import (
    Bids,
    DecideFiling,
    HeldBid,
    PublishedForm,
    SignedReceipt,
    Signer,
)
from shared.clock import Clock
from shared.domain.bid_content import (
    BidContent,
    TechnicalContent,
    TiersApply,
    one_price,
    write_content,
    write_technical,
)
from shared.domain.bid_forms import BidForm, faults_of
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId, new_id
from shared.domain.money import UnitPrice
from shared.receipts import (
    DocumentKind,
    Receipt,
    jwk_of,
    key_id_of,
    sign_document,
    sign_receipt,
)
from shared.sealing import SealContext, seal

RETRY_AFTER_S: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BidAct:
    """What a vendor does to its bid on a lot; repetitions of one request carry one `version_id`."""

    version_id: UUID
    lot_id: LotId
    vendor_id: PartyId
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAct:
    """What a vendor does with a spreadsheet; repetitions of one request carry one `request_id`."""

    request_id: UUID
    vendor_id: PartyId
    received_at: datetime
    tiers_apply: TiersApply = TiersApply.ALL_UNITS

    def on(self, lot_id: LotId) -> BidAct:
        """Say what this does to the bid on one lot: the same version in every repetition."""
        return BidAct(
            version_id=uuid5(self.request_id, str(lot_id)),
            lot_id=lot_id,
            vendor_id=self.vendor_id,
            received_at=self.received_at,
        )


class ReceiptSigner:
    """Sign receipts with one Ed25519 key, whose public half is served."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Sign with `key`, named by its thumbprint."""
        self._key = key
        self._key_id = key_id_of(key.public_key())

    def sign(self, receipt: Receipt) -> str:
        """Sign a receipt as a compact JWS."""
        return sign_receipt(receipt, self._key, self._key_id)

    def sign_document(self, document: object, kind: DocumentKind) -> str:
        """Sign a document of a kind as a compact JWS."""
        return sign_document(document, self._key, self._key_id, kind=kind)

    def public_keys(self) -> tuple[dict[str, str], ...]:
        """Describe the keys that receipts are verified with, as JWKs."""
        return (jwk_of(self._key.public_key()),)


class SealedBidding:
    """Take vendors' bids until the deadline.

    From a body's last byte to its commit there are `deadline_s` seconds, which must be less than
    the grace that the closer leaves after the deadline.
    """

    def __init__(
        self,
        bids: Bids,
        signer: Signer,
        *,
        clock: Clock,
        policies: PolicyBook,
        deadline_s: float,
        new_nonce: Callable[[], bytes],
    ) -> None:
        """Use a store and a signer; `new_nonce` draws `NONCE_BYTES` random bytes.

        A profile of `policies` says in which time zone a vendor's qualification ends.
        """
        self._bids = bids
        self._signer = signer
        self._clock = clock
        self._policies = policies
        self._deadline_s = deadline_s
        self._new_nonce = new_nonce

    async def file(
        self, act: BidAct, offer: UnitPrice | BidContent, technical: TechnicalContent | None = None
    ) -> SignedReceipt:
        """Seal a bid and file it as the vendor's next version; a repetition changes nothing.

        The nonce of `offer`, and that of `technical`, are drawn here.

        Raises:
            VendorUnknown: The caller is not a registered vendor.
            LotUnknown: No such lot.
            LotNotOpen: The lot takes no bids.
            BidLate: Not received before the deadline.
            RegionNotServed: The lot is for other regions than the vendor's.
            VendorNotQualified: Only qualified vendors bid, and this one is not on that day.
            PolicyProfileUnknown: The profile that says which day it is was taken away.
            EnvelopesWrong: The solicitation has another number of envelopes.
            CurrencyWrong: Not in the solicitation's currency.
            PriceZero: A price is 0.
            BidUnfit: Not what the form asks.
            FilingTooSlow: Not recorded in time; a retry tells whether it stands.
        """
        async with self._in_time(act.received_at):
            standing = await self._bids.receipt_of(act.version_id, vendor_id=act.vendor_id)
            if standing is not None:
                return standing
            gate = await self._admitted(act)
            content = offer
            if isinstance(content, UnitPrice):
                content = BidContent(
                    currency=content.currency, nonce=b"", pricing=one_price(content)
                )
            await self._require_fit(gate, content, technical)
            return await self._record(act, gate, *self._sealed(act, gate, content, technical))

    async def file_table(self, rfp_id: RfpId, raw: bytes, act: TableAct) -> list[SignedReceipt]:
        """File the bids of a spreadsheet, all of them or none; a repetition changes nothing.

        Raises:
            OpeningUnknown: No such RFP, or it is still a draft.
            BidTableInvalid: Some rows are wrong, or do not fit; the details say which.
            VendorUnknown, LotNotOpen, BidLate, RegionNotServed, VendorNotQualified,
            PolicyProfileUnknown, EnvelopesWrong, FilingTooSlow: As for one bid.
        """
        async with self._in_time(act.received_at):
            published = await self._bids.published_form(rfp_id, viewer_id=None)
            lots = {lot.number: lot.id for lot in published.lots}
            form = published.form
            table = read_table(raw, lots, form.currency, apply=act.tiers_apply)
            acts = [act.on(priced.lot_id) for priced in table]
            standing = await self._bids.receipt_of(acts[0].version_id, vendor_id=act.vendor_id)
            if standing is not None:
                found = [
                    await self._bids.receipt_of(one.version_id, vendor_id=act.vendor_id)
                    for one in acts
                ]
                return [one for one in found if one is not None]
            contents = [
                BidContent(
                    currency=form.currency,
                    nonce=b"",
                    pricing=priced.pricing,
                    answers=priced.answers,
                    attestations=priced.attestations,
                )
                for priced in table
            ]
            _refuse_unfit(table, contents, form)
            filings = []
            for one, content in zip(acts, contents, strict=True):
                gate = await self._admitted(one)
                require_envelopes(gate, has_technical=False)
                filings.append(self._filing(one, gate, *self._sealed(one, gate, content, None)))
            return await self._bids.file_all(filings, sign=self._signer.sign)

    async def file_sealed(
        self, act: BidAct, sealed: bytes, technical: bytes | None = None
    ) -> SignedReceipt:
        """File what the vendor sealed itself, under the version id that it chose.

        Nothing of it can be read here; whether it is a bid shows at the opening. The same content
        under the same id is answered with the first receipt.

        Raises:
            BidVersionUnfit: The id is not a UUID of version 7.
            BidVersionReused: Something else was filed under the id.
            SealedLengthWrong: The bytes cannot be a sealed bid.
            VendorUnknown: The caller is not a registered vendor.
            LotUnknown: No such lot.
            LotNotOpen: The lot takes no bids.
            BidLate: Not received before the deadline.
            RegionNotServed: The lot is for other regions than the vendor's.
            VendorNotQualified: Only qualified vendors bid, and this one is not on that day.
            PolicyProfileUnknown: The profile that says which day it is was taken away.
            EnvelopesWrong: The solicitation has another number of envelopes.
            FilingTooSlow: Not recorded in time; a retry tells whether it stands.
        """
        require_sealed(act.version_id, sealed, technical)
        async with self._in_time(act.received_at):
            standing = await self._bids.receipt_of(act.version_id, vendor_id=act.vendor_id)
            if standing is not None:
                return _same(standing, act, sealed, technical)
            gate = await self._admitted(act)
            require_envelopes(gate, has_technical=technical is not None)
            return await self._record(act, gate, sealed, technical)

    async def withdraw(self, act: BidAct) -> SignedReceipt:
        """Take the vendor's bid back; a repetition changes nothing.

        Raises:
            VendorUnknown: The caller is not a registered vendor.
            LotUnknown: No such lot.
            LotNotOpen: The lot takes no bids, and gives none back.
            BidLate: Not received before the deadline.
            BidUnknown: There is no bid to withdraw.
            BidWithdrawnAlready: The bid was withdrawn before.
            FilingTooSlow: Not recorded in time; a retry tells whether it stands.
        """
        async with self._in_time(act.received_at):
            standing = await self._bids.receipt_of(act.version_id, vendor_id=act.vendor_id)
            if standing is not None:
                return standing
            eligibility = await self._bids.eligibility(act.lot_id, vendor_id=act.vendor_id)
            gate = await self._known(act, eligibility)
            return await self._record(act, gate, None)

    async def held_by(self, vendor_id: PartyId, *, after: UUID | None, limit: int) -> list[HeldBid]:
        """List the vendor's own bids, so that no receipt is lost with its bid's id."""
        return await self._bids.held_by(vendor_id, after=after, limit=limit)

    async def form_of(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> PublishedForm:
        """Show what bids of a published RFP are checked against, and to whom they are sealed.

        A vendor is shown the lots that are for its regions.

        Raises:
            OpeningUnknown: No such RFP, or it is still a draft.
        """
        return await self._bids.published_form(rfp_id, viewer_id=viewer_id)

    async def receipts_of(self, bid_id: BidId, *, vendor_id: PartyId) -> list[SignedReceipt]:
        """Read the receipts of the vendor's own bid, oldest first.

        Raises:
            BidUnknown: No such bid, or another vendor's.
        """
        return await self._bids.receipts_of(bid_id, vendor_id=vendor_id)

    def public_keys(self) -> tuple[dict[str, str], ...]:
        """Describe the keys that receipts are verified with, as JWKs."""
        return self._signer.public_keys()

    async def _admitted(self, act: BidAct) -> Gate:
        """Let a vendor pass that may file a bid on the lot now."""
        standing = await self._bids.eligibility(act.lot_id, vendor_id=act.vendor_id)
        gate = await self._known(act, standing)
        standing.require_region()
        if standing.prequalified_only:
            zone = self._policies.find(standing.policy_profile).zone
            standing.require_qualified(day_in(zone, act.received_at))
        return gate

    async def _known(self, act: BidAct, standing: Eligibility) -> Gate:
        """Let a vendor pass that may withdraw its bid: none is held by a lapsed qualification."""
        standing.require_vendor()
        gate = await self._bids.gate(act.lot_id)
        gate.admit(act.received_at)
        return gate

    async def _require_fit(
        self, gate: Gate, content: BidContent, technical: TechnicalContent | None
    ) -> None:
        require_envelopes(gate, has_technical=technical is not None)
        # A bid on one lot needs no more than that lot, and no question at the deadline.
        form = await self._bids.form(gate.opening_id) if content.packages else gate.form
        require_fit(content, form, gate.lot_id, technical)

    def _sealed(
        self, act: BidAct, gate: Gate, content: BidContent, technical: TechnicalContent | None
    ) -> tuple[bytes, bytes | None]:
        written = write_content(replace(content, nonce=self._new_nonce()))
        sealed = seal(written, gate.public_key, _context(act, gate.opening_id))
        if technical is None or gate.technical is None:
            return sealed, None
        written = write_technical(replace(technical, nonce=self._new_nonce()))
        context = _context(act, gate.technical.opening_id)
        return sealed, seal(written, gate.technical.public_key, context)

    async def _record(
        self, act: BidAct, gate: Gate, sealed: bytes | None, technical: bytes | None = None
    ) -> SignedReceipt:
        filing, decide = self._filing(act, gate, sealed, technical)
        return await self._bids.file(filing, decide, sign=self._signer.sign)

    def _filing(
        self, act: BidAct, gate: Gate, sealed: bytes | None, technical: bytes | None
    ) -> tuple[Filing, DecideFiling]:
        filing = Filing(
            version_id=act.version_id,
            opening_id=gate.opening_id,
            lot_id=gate.lot_id,
            vendor_id=act.vendor_id,
            received_at=act.received_at,
            sealed=sealed,
            technical=technical,
        )
        return filing, partial(decide_filing, filing=filing, new_bid_id=BidId(new_id()))

    @asynccontextmanager
    async def _in_time(self, received_at: datetime) -> AsyncIterator[None]:
        spent_s = (self._clock.now() - received_at).total_seconds()
        try:
            async with asyncio.timeout(max(0.0, self._deadline_s - spent_s)):
                yield
        except TimeoutError:
            sentence = "This took too long. Try again with the same Idempotency-Key."
            raise FilingTooSlow(sentence, retry_after_s=RETRY_AFTER_S) from None


def _refuse_unfit(
    table: Sequence[PricedLot], contents: Sequence[BidContent], form: BidForm
) -> None:
    errors = [
        CellError(priced.line, None, fault.sentence)
        for priced, content in zip(table, contents, strict=True)
        for fault in faults_of(content, form, priced.lot_id)
    ]
    if errors:
        raise BidTableInvalid(errors)


def _context(act: BidAct, opening_id: OpeningId) -> SealContext:
    return SealContext(
        opening_id=opening_id,
        lot_id=act.lot_id,
        vendor_id=act.vendor_id,
        bid_version_id=act.version_id,
    )


def _same(
    standing: SignedReceipt, act: BidAct, sealed: bytes, technical: bytes | None
) -> SignedReceipt:
    receipt = standing.receipt
    if receipt.lot_id != act.lot_id:
        raise reused()
    filing = Filing(
        version_id=act.version_id,
        opening_id=receipt.opening_id,
        lot_id=act.lot_id,
        vendor_id=act.vendor_id,
        received_at=receipt.received_at,
        sealed=sealed,
        technical=technical,
    )
    require_same((receipt.sealed_sha256, receipt.technical_sha256), filing)
    return standing
