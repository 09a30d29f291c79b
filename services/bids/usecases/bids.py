"""File, replace and withdraw sealed bids, and give receipts for them.

A price that comes in the clear is sealed in memory at once; what is passed on from there is sealed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.bids.domain.bids import (
    Filing,
    FilingTooSlow,
    Gate,
    VendorUnknown,
    decide_filing,
    write_content,
)
from services.bids.ports.sealed import Bids, SignedReceipt, Signer
from shared.clock import Clock
from shared.domain.ids import BidId, LotId, PartyId, new_id
from shared.domain.money import UnitPrice
from shared.receipts import Receipt, jwk_of, key_id_of, sign_receipt
from shared.sealing import SealContext, seal

RETRY_AFTER_S: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BidAct:
    """What a vendor does to its bid on a lot; repetitions of one request carry one `version_id`."""

    version_id: UUID
    lot_id: LotId
    vendor_id: PartyId
    received_at: datetime


class ReceiptSigner:
    """Sign receipts with one Ed25519 key, whose public half is served."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Sign with `key`, named by its thumbprint."""
        self._key = key
        self._key_id = key_id_of(key.public_key())

    def sign(self, receipt: Receipt) -> str:
        """Sign a receipt as a compact JWS."""
        return sign_receipt(receipt, self._key, self._key_id)

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
        deadline_s: float,
        new_nonce: Callable[[], bytes],
    ) -> None:
        """Use a store and a signer; `new_nonce` draws `NONCE_BYTES` random bytes."""
        self._bids = bids
        self._signer = signer
        self._clock = clock
        self._deadline_s = deadline_s
        self._new_nonce = new_nonce

    async def file(self, act: BidAct, price: UnitPrice) -> SignedReceipt:
        """Seal a price and file it as the vendor's next version; a repetition changes nothing.

        Raises:
            VendorUnknown: The caller is not a registered vendor.
            LotUnknown: No such lot.
            LotNotOpen: The lot takes no bids.
            BidLate: Not received before the deadline.
            CurrencyWrong: Not in the solicitation's currency.
            PriceZero: The price is 0.
            FilingTooSlow: Not recorded in time; a retry tells whether it stands.
        """
        async with self._in_time(act.received_at):
            standing = await self._bids.receipt_of(act.version_id, vendor_id=act.vendor_id)
            if standing is not None:
                return standing
            gate = await self._admitted(act)
            sealed = self._sealed(act, gate, price)
            return await self._record(act, gate, sealed)

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
            gate = await self._admitted(act)
            return await self._record(act, gate, None)

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
        if not await self._bids.is_vendor(act.vendor_id):
            sentence = "Only a registered vendor files bids."
            raise VendorUnknown(sentence)
        gate = await self._bids.gate(act.lot_id)
        gate.admit(act.received_at)
        return gate

    def _sealed(self, act: BidAct, gate: Gate, price: UnitPrice) -> bytes:
        context = SealContext(
            opening_id=gate.opening_id,
            lot_id=gate.lot_id,
            vendor_id=act.vendor_id,
            bid_version_id=act.version_id,
        )
        content = write_content(price, gate.currency, nonce=self._new_nonce())
        return seal(content, gate.public_key, context)

    async def _record(self, act: BidAct, gate: Gate, sealed: bytes | None) -> SignedReceipt:
        filing = Filing(
            version_id=act.version_id,
            opening_id=gate.opening_id,
            lot_id=gate.lot_id,
            vendor_id=act.vendor_id,
            received_at=act.received_at,
            sealed=sealed,
        )
        decide = partial(decide_filing, filing=filing, new_bid_id=BidId(new_id()))
        return await self._bids.file(filing, decide, sign=self._signer.sign)

    @asynccontextmanager
    async def _in_time(self, received_at: datetime) -> AsyncIterator[None]:
        spent_s = (self._clock.now() - received_at).total_seconds()
        try:
            async with asyncio.timeout(max(0.0, self._deadline_s - spent_s)):
                yield
        except TimeoutError:
            sentence = "This took too long. Try again with the same Idempotency-Key."
            raise FilingTooSlow(sentence, retry_after_s=RETRY_AFTER_S) from None
