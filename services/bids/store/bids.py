"""Keep sealed bids: versions, receipts, and their places in the opening's log.

Whoever files holds the opening's row FOR SHARE until its commit, so that the closer, who takes it
FOR UPDATE, waits for it; then, shortly and near the end, the log's row FOR UPDATE, which puts all
filings of one opening into one order.
"""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.bids import Bid, BidUnknown, Envelope, Filing, Gate, reused
from services.bids.domain.eligibility import Eligibility
from services.bids.domain.lots import LotStatus, LotUnknown
from services.bids.domain.openings import OpeningStatus
from services.bids.ports.sealed import DecideFiling, HeldBid, PublishedForm, SignedReceipt
from services.bids.store.forms import NOTHING, form_of, read_form, read_published_form
from services.bids.store.membership import vendor_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.bid_forms import BidForm
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency
from shared.journal import Aggregate, Entry, Journal, Link
from shared.receipts import Receipt, ReceiptAction

ACTOR: Final = "vendor"
"""Who filed, as the chain may tell it before the opening: a vendor, and not which one."""

_ELIGIBILITY: Final = """-- bids.read_eligibility
SELECT EXISTS (SELECT FROM party WHERE id = $2 AND kind = 'vendor') AS is_vendor,
    lot.item_code, rfp.policy_profile,
    (rfp.terms::jsonb ->> 'prequalified_only')::boolean AS prequalified_only,
    ARRAY(SELECT region FROM lot_region WHERE lot_region.lot_id = lot.id) AS lot_regions,
    profile.vendor_id, profile.registration, profile.category_prefixes, profile.regions,
    profile.qualified_until
FROM (SELECT $1::uuid AS lot_id) AS asked
LEFT JOIN lot ON lot.id = asked.lot_id
LEFT JOIN rfp ON rfp.id = lot.rfp_id
LEFT JOIN vendor_profile AS profile ON profile.vendor_id = $2
"""

_SELECT_GATE: Final = """
SELECT opening.id AS opening_id, lot.id AS lot_id, lot.status AS lot_status, opening.status,
    opening.closes_at, opening.public_key, rfp.currency, rfp.form, lot.quantity,
    technical.id AS technical_id, technical.public_key AS technical_key
FROM lot
JOIN rfp ON rfp.id = lot.rfp_id
JOIN opening ON opening.rfp_id = lot.rfp_id AND opening.purpose = 'price'
LEFT JOIN opening AS technical
    ON technical.rfp_id = lot.rfp_id AND technical.purpose = 'technical'
WHERE lot.id = $1
"""

_GATE: Final = f"-- bids.read_gate {_SELECT_GATE}"

_HOLD_GATE: Final = f"-- bids.hold_gate {_SELECT_GATE} FOR SHARE OF opening"

_LOCK_LOG: Final = """-- bids.lock_opening_log
SELECT opening_id FROM opening_log WHERE opening_id = $1 FOR UPDATE
"""

_FIND_BID: Final = """-- bids.find_bid
SELECT id, opening_id, lot_id, vendor_id, latest_version, is_withdrawn FROM bid
WHERE lot_id = $1 AND vendor_id = $2
"""

_SAVE_BID: Final = """-- bids.save_bid
INSERT INTO bid (id, opening_id, lot_id, vendor_id, latest_version, is_withdrawn)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET
    latest_version = excluded.latest_version, is_withdrawn = excluded.is_withdrawn
"""

_ADD_VERSION: Final = """-- bids.add_bid_version
INSERT INTO bid_version
    (id, bid_id, version, sealed, sealed_sha256, received_at, log_index, receipt, technical,
    technical_sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

_SELECT_RECEIPT: Final = """
SELECT bid.opening_id, bid.lot_id, bid.id AS bid_id, version.version, version.sealed_sha256,
    version.technical_sha256, version.received_at, version.log_index, audit.hash AS log_hash,
    version.receipt
FROM bid_version AS version
JOIN bid ON bid.id = version.bid_id
JOIN audit ON audit.aggregate_id = bid.opening_id AND audit.sequence = version.log_index
"""

_RECEIPT: Final = f"""-- bids.find_receipt {_SELECT_RECEIPT}
WHERE version.id = $1 AND bid.vendor_id = $2
"""

_RECEIPTS_OF_BID: Final = f"""-- bids.read_receipts_of_bid {_SELECT_RECEIPT}
WHERE version.bid_id = $1 AND bid.vendor_id = $2 ORDER BY version.version
"""


_HELD: Final = """-- bids.page_of_held_bids
SELECT id, lot_id, latest_version, is_withdrawn FROM bid
WHERE vendor_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
"""


class BidStore:
    """The port `Bids` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the chain."""
        self._pool = pool
        self._journal = journal

    async def eligibility(self, lot_id: LotId, *, vendor_id: PartyId) -> Eligibility:
        """Read what the lot asks of its vendors, and what is known of this one.

        Of a lot that is not there nothing is asked; its gate is missing too.
        """
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(_ELIGIBILITY, lot_id, vendor_id)
        assert row is not None, "a query that always answers one row"
        return Eligibility(
            is_vendor=row["is_vendor"],
            profile=None if row["vendor_id"] is None else vendor_of(row),
            item_code=row["item_code"] or "",
            regions=tuple(row["lot_regions"]),
            prequalified_only=bool(row["prequalified_only"]),
            policy_profile=row["policy_profile"] or "",
        )

    async def gate(self, lot_id: LotId) -> Gate:
        """Read a lot's gate without holding it.

        Raises:
            LotUnknown: No such lot, or it is still a draft.
        """
        async with db.reading(self._pool) as connection:
            return _gate(await connection.fetchrow(_GATE, lot_id))

    async def form(self, opening_id: OpeningId) -> BidForm:
        """Read what bids of an opening's RFP are checked against."""
        async with db.reading(self._pool) as connection:
            return await read_form(connection, opening_id)

    async def receipt_of(self, version_id: UUID, *, vendor_id: PartyId) -> SignedReceipt | None:
        """Find the receipt that a vendor was given under an id."""
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(_RECEIPT, version_id, vendor_id)
        return None if row is None else _signed(row)

    async def file(
        self,
        filing: Filing,
        decide: DecideFiling,
        *,
        sign: Callable[[Receipt], str],
    ) -> SignedReceipt:
        """Record a version, its place in the log, and its receipt, in one transaction.

        Raises:
            LotUnknown: No such lot.
            BidVersionReused: The version's id is taken.
            Refusal: Whatever `decide` refuses, with the gate held and the log locked.
        """
        (signed,) = await self.file_all([(filing, decide)], sign=sign)
        return signed

    async def file_all(
        self,
        filings: Sequence[tuple[Filing, DecideFiling]],
        *,
        sign: Callable[[Receipt], str],
    ) -> list[SignedReceipt]:
        """Record several versions likewise, all of them or none.

        Raises:
            LotUnknown: No such lot.
            BidVersionReused: A version's id is taken.
            Refusal: Whatever a `decide` refuses, with the gate held and the log locked.
        """
        async with db.transaction(self._pool) as connection:
            return [await self._file(connection, *filing, sign) for filing in filings]

    async def _file(
        self,
        connection: Connection,
        filing: Filing,
        decide: DecideFiling,
        sign: Callable[[Receipt], str],
    ) -> SignedReceipt:
        gate = _gate(await connection.fetchrow(_HOLD_GATE, filing.lot_id))
        await connection.execute(_LOCK_LOG, gate.opening_id)
        row = await connection.fetchrow(_FIND_BID, filing.lot_id, filing.vendor_id)
        decision = decide(gate, None if row is None else _bid(row))
        opening = Aggregate("opening", gate.opening_id)
        links = await self._journal.record(
            connection, [Entry(opening, decision.facts)], actor=ACTOR, at=filing.received_at
        )
        signed = _sign(filing, decision.state, links[opening.id], sign)
        try:
            await _save(connection, filing, decision.state, signed)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "bid_version_pkey":
                raise
            raise reused() from error
        return signed

    async def published_form(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> PublishedForm:
        """Read the form of a published RFP with the lots that a viewer is shown; None sees all.

        Raises:
            OpeningUnknown: No such RFP, or it is still a draft.
        """
        async with db.reading(self._pool) as connection:
            return await read_published_form(connection, rfp_id, viewer_id)

    async def held_by(self, vendor_id: PartyId, *, after: UUID | None, limit: int) -> list[HeldBid]:
        """Read a vendor's own bids, by their ids."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_HELD, vendor_id, after, limit)
        return [
            HeldBid(
                BidId(row["id"]), LotId(row["lot_id"]), row["latest_version"], row["is_withdrawn"]
            )
            for row in rows
        ]

    async def receipts_of(self, bid_id: BidId, *, vendor_id: PartyId) -> list[SignedReceipt]:
        """Read the receipts of a vendor's own bid, oldest first.

        Raises:
            BidUnknown: No such bid, or another vendor's.
        """
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_RECEIPTS_OF_BID, bid_id, vendor_id)
        if not rows:
            sentence = "You have no such bid."
            raise BidUnknown(sentence)
        return [_signed(row) for row in rows]


async def _save(connection: Connection, filing: Filing, bid: Bid, signed: SignedReceipt) -> None:
    await connection.execute(
        _SAVE_BID,
        bid.id,
        bid.opening_id,
        bid.lot_id,
        bid.vendor_id,
        bid.latest_version,
        bid.is_withdrawn,
    )
    await connection.execute(
        _ADD_VERSION,
        filing.version_id,
        bid.id,
        bid.latest_version,
        filing.sealed,
        filing.sealed_sha256,
        filing.received_at,
        signed.receipt.log_index,
        signed.token,
        filing.technical,
        filing.technical_sha256,
    )


def _sign(filing: Filing, bid: Bid, link: Link, sign: Callable[[Receipt], str]) -> SignedReceipt:
    digest = filing.sealed_sha256
    receipt = Receipt(
        opening_id=bid.opening_id,
        lot_id=bid.lot_id,
        bid_id=bid.id,
        version=bid.latest_version,
        action=_action(digest),
        sealed_sha256=_hex(digest),
        received_at=filing.received_at,
        log_index=link.sequence,
        log_hash=link.hash.hex(),
        technical_sha256=_hex(filing.technical_sha256),
    )
    return SignedReceipt(receipt, sign(receipt))


def _signed(row: asyncpg.Record) -> SignedReceipt:
    digest: bytes | None = row["sealed_sha256"]
    receipt = Receipt(
        opening_id=OpeningId(row["opening_id"]),
        lot_id=LotId(row["lot_id"]),
        bid_id=BidId(row["bid_id"]),
        version=row["version"],
        action=_action(digest),
        sealed_sha256=_hex(digest),
        received_at=row["received_at"],
        log_index=row["log_index"],
        log_hash=row["log_hash"].hex(),
        technical_sha256=_hex(row["technical_sha256"]),
    )
    return SignedReceipt(receipt, row["receipt"])


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def _action(digest: bytes | None) -> ReceiptAction:
    return ReceiptAction.WITHDRAWN if digest is None else ReceiptAction.FILED


def _gate(row: asyncpg.Record | None) -> Gate:
    if row is None:
        raise LotUnknown
    return Gate(
        opening_id=OpeningId(row["opening_id"]),
        lot_id=LotId(row["lot_id"]),
        lot_status=LotStatus(row["lot_status"]),
        status=OpeningStatus(row["status"]),
        closes_at=row["closes_at"],
        currency=Currency(row["currency"]),
        quantity=row["quantity"],
        public_key=row["public_key"],
        technical=_envelope(row),
        stated=form_of(row["form"]) or NOTHING,
    )


def _envelope(row: asyncpg.Record) -> Envelope | None:
    if row["technical_id"] is None:
        return None
    return Envelope(OpeningId(row["technical_id"]), row["technical_key"])


def _bid(row: asyncpg.Record) -> Bid:
    return Bid(
        id=BidId(row["id"]),
        opening_id=OpeningId(row["opening_id"]),
        lot_id=LotId(row["lot_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        latest_version=row["latest_version"],
        is_withdrawn=row["is_withdrawn"],
    )
