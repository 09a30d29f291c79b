"""Build a published purchase in the database, and the services that act on it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.bids.ports.sealed import Lease, SignedReceipt
from services.bids.store.auctioning import AuctioningStore
from services.bids.store.awards import AwardStore
from services.bids.store.bids import BidStore
from services.bids.store.openings import OpeningStore
from services.bids.store.profiles import read_profiles
from services.bids.store.records import RecordStore
from services.bids.store.technical import TechnicalStore
from services.bids.store.unsealing import LEASE_NAME, UnsealingStore
from services.bids.usecases.auctioning import Auctioning
from services.bids.usecases.award_course import AwardCourse
from services.bids.usecases.awards import Awarding
from services.bids.usecases.bids import BidAct, ReceiptSigner, SealedBidding
from services.bids.usecases.openings import Closing, Custody
from services.bids.usecases.records import Recording
from services.bids.usecases.technical import Judgement
from services.bids.usecases.unsealing import Opener
from services.bids.worker import AwardKeeper, Closer, Unsealer
from shared.clock import FixedClock
from shared.db import Pool
from shared.domain.bid_content import NONCE_BYTES
from shared.domain.ids import LotId, OpeningId, PartyId, RfpId, new_id
from shared.domain.money import Currency, UnitPrice
from shared.journal import Journal
from shared.lease import LeaseHolder
from shared.receipts import generate_signing_key
from shared.sealing import (
    SALT_BYTES,
    KeyPair,
    commit_to,
    deal,
    generate_key_pair,
    seal_share,
    unseal_share,
)

USD: Final = Currency("USD")
EUR: Final = Currency("EUR")
OPENED_AT: Final = datetime(2027, 3, 1, 12, tzinfo=UTC)
CLOSES_AT: Final = datetime(2027, 3, 15, 12, tzinfo=UTC)
GRACE_S: Final = 2.0
GRACE: Final = timedelta(seconds=GRACE_S)
STANDSTILL: Final = timedelta(days=10)
WINDOW: Final = timedelta(hours=1)
MICROSECOND: Final = timedelta(microseconds=1)

Need = tuple[str, str | None]
"""A requirement: its quantity, and the unit price that its member pays today."""

_PARTY: Final = """-- tests.add_parties
INSERT INTO party (id, kind, reference, name, area, registered_at)
SELECT id, $2, id::text, $3 || ' ' || place, '', $4
FROM unnest($1::uuid[]) WITH ORDINALITY AS listed (id, place)
"""

_RFP: Final = """-- tests.add_rfp
INSERT INTO rfp (id, buyer_id, title, currency, consortium_model, policy_profile, custodian_id,
    standstill_s, status, closes_at, drafted_at, published_at)
VALUES ($1, $2, 'Milk', 'USD', 'group_pricing', 'open', $3, $4, 'published', $5, $6, $6)
"""

_LOTS: Final = """-- tests.add_lots
INSERT INTO lot (id, rfp_id, number, title, category, item_code, specification, unit,
    term_months, delivery_area, quantity, status)
SELECT id, $2, place, 'Whole milk ' || place, 'goods', '50131701', 'half pint', 'each', 12, '',
    $3, 'open'
FROM unnest($1::uuid[]) WITH ORDINALITY AS listed (id, place)
"""

_REQUIREMENT: Final = """-- tests.add_requirement
INSERT INTO requirement (id, member_id, reference, category, item_code, specification, unit,
    quantity, commitment, need_by, term_months, delivery_area, currency, baseline_price_e4,
    stated_at)
VALUES ($1, $2, $1::uuid::text, 'goods', '50131701', 'half pint', 'each', $3, 'firm', $4, 12, '',
    'USD', $5, $6)
"""

_SHARES: Final = """-- tests.add_shares
INSERT INTO share (lot_id, requirement_id, member_id, quantity)
SELECT lot_id, $2, $3, $4 FROM unnest($1::uuid[]) AS listed (lot_id)
"""

_OPENING: Final = """-- tests.add_opening
INSERT INTO opening (id, rfp_id, status, closes_at, public_key, threshold, window_s, purpose)
VALUES ($1, $2, 'sealed', $3, $4, $5, $6, $7)
"""

_SEAT: Final = """-- tests.add_seat
INSERT INTO seat (opening_id, index, custodian_id, sealed_share, salt, commitment)
VALUES ($1, $2, $3, $4, $5, $6)
"""

_LOG: Final = "INSERT INTO opening_log (opening_id) VALUES ($1)"

MILK: Final[Mapping[int, tuple[Need, ...]]] = {0: (("300", "0.31"),), 1: (("120", None),)}
"""Two members' needs in every lot, unless a test says otherwise."""


@dataclass(slots=True, kw_only=True)
class Purchase:
    """A published RFP with its parties, and everything that acts on it."""

    pool: Pool
    clock: FixedClock
    rfp_id: RfpId
    opening_id: OpeningId
    buyer_id: PartyId
    custodian_ids: list[PartyId]
    custodians: list[KeyPair]
    opening_pair: KeyPair
    threshold: int
    technical_id: OpeningId
    technical_pair: KeyPair
    lots: list[LotId]
    vendors: list[PartyId]
    members: list[PartyId]
    bidding: SealedBidding = field(init=False)
    custody: Custody = field(init=False)
    recording: Recording = field(init=False)
    judgement: Judgement = field(init=False)
    signing_key: Ed25519PrivateKey = field(default_factory=generate_signing_key)
    awarding: Awarding = field(init=False)
    auctioning: Auctioning = field(init=False)
    closer: Closer = field(init=False)
    course: AwardCourse = field(init=False)
    keeper: AwardKeeper = field(init=False)

    def __post_init__(self) -> None:
        """Compose what the service's root composes."""
        journal = Journal("bids")
        openings = OpeningStore(self.pool, journal)
        signer = ReceiptSigner(self.signing_key)
        self.recording = Recording(RecordStore(self.pool), sign=signer.sign_document)
        self.judgement = Judgement(TechnicalStore(self.pool, journal), clock=self.clock)
        self.bidding = SealedBidding(
            BidStore(self.pool, journal),
            signer,
            clock=self.clock,
            policies=read_profiles(),
            deadline_s=5.0,
            new_nonce=lambda: secrets.token_bytes(NONCE_BYTES),
        )
        self.custody = Custody(openings, clock=self.clock)
        awards, policies = AwardStore(self.pool, journal), read_profiles()
        self.awarding = Awarding(awards, clock=self.clock, policies=policies)
        self.course = AwardCourse(awards, clock=self.clock, policies=policies)
        self.auctioning = Auctioning(
            AuctioningStore(self.pool, journal),
            clock=self.clock,
            draw=lambda size: list(reversed(range(size))),
            policies=policies,
        )
        self.closer = Closer(Closing(openings, intake_grace_s=GRACE_S))
        self.keeper = AwardKeeper(self.course)

    def lease(self, *, lease_s: float = 30.0) -> LeaseHolder:
        """Let another process ask for the opener's lease."""
        return LeaseHolder(self.pool, LEASE_NAME, holder=new_id(), lease_s=lease_s)

    def unsealer(self, lease: Lease | None = None) -> Unsealer:
        """Start another process's opener."""
        unsealings = UnsealingStore(self.pool, Journal("bids"))
        return Unsealer(Opener(unsealings, lease or self.lease()))

    def act(
        self, *, vendor: int = 0, lot: int = 0, at: datetime = OPENED_AT, under: UUID | None = None
    ) -> BidAct:
        """What the vendor at a position does on the lot at a position."""
        return BidAct(
            version_id=under or new_id(),
            lot_id=self.lots[lot],
            vendor_id=self.vendors[vendor],
            received_at=at,
        )

    async def file(
        self, price: str, *, vendor: int = 0, lot: int = 0, at: datetime = OPENED_AT
    ) -> SignedReceipt:
        """File a bid in dollars."""
        act = self.act(vendor=vendor, lot=lot, at=at)
        return await self.bidding.file(act, UnitPrice.parse(price, USD))

    async def close(self) -> None:
        """Let the deadline and the grace pass, and close."""
        self.clock.advance(max(timedelta(0), CLOSES_AT + GRACE - self.clock.now()))
        assert await self.closer.step(self.clock.now()) == 1

    @property
    def custodian_id(self) -> PartyId:
        """The first custodian."""
        return self.custodian_ids[0]

    @property
    def custodian(self) -> KeyPair:
        """The first custodian's key."""
        return self.custodians[0]

    async def resealed(
        self, *, private: bytes | None = None, seat: int = 0, opening_id: OpeningId | None = None
    ) -> tuple[bytes, bytes]:
        """Do a custodian's part: return the opener's key and the share sealed to it."""
        opening_id = opening_id or self.opening_id
        record = await self.custody.find(opening_id, viewer_id=None, sees_all=True)
        opener_key = record.opening.opener_key
        assert opener_key is not None
        if private is None:
            _, sealed = await self.custody.sealed_share(
                opening_id, custodian_id=self.custodian_ids[seat]
            )
            share = unseal_share(
                sealed,
                self.custodians[seat].private,
                opening_id=opening_id,
                purpose="custody",
            )
        else:
            share = deal(private)[0].to_bytes()
        return opener_key, seal_share(share, opener_key, opening_id=opening_id, purpose="opening")

    async def submit(
        self, *, private: bytes | None = None, seat: int = 0, opening_id: OpeningId | None = None
    ) -> None:
        """Hand a share over; `private` puts another key into it."""
        opening_id = opening_id or self.opening_id
        opener_key, share = await self.resealed(private=private, seat=seat, opening_id=opening_id)
        await self.custody.submit(
            opening_id,
            custodian_id=self.custodian_ids[seat],
            opener_key=opener_key,
            share=share,
        )

    async def open_bids(self) -> None:
        """Close, and open all bids."""
        await self.close()
        unsealer = self.unsealer()
        await unsealer.step(self.clock.now())
        for seat in range(self.threshold):
            await self.submit(seat=seat)
        assert await unsealer.step(self.clock.now()) == 1

    async def types_of(self, aggregate_id: UUID) -> list[str]:
        """List the types of the facts on a chain, in order."""
        rows = await self.pool.fetch(
            "SELECT type FROM audit WHERE aggregate_id = $1 ORDER BY sequence", aggregate_id
        )
        return [row["type"] for row in rows]

    async def events(self, event_type: str) -> list[str]:
        """Read the envelopes of one type from the outbox."""
        rows = await self.pool.fetch(
            "SELECT envelope FROM outbox WHERE type = $1 ORDER BY id", event_type
        )
        return [row["envelope"] for row in rows]

    async def status_of_lot(self, lot: int = 0) -> str:
        """Read a lot's status."""
        status: str = await self.pool.fetchval(
            "SELECT status FROM lot WHERE id = $1", self.lots[lot]
        )
        return status


async def publish(
    pool: Pool,
    *,
    lots: int = 1,
    vendors: int = 3,
    needs: Mapping[int, tuple[Need, ...]] = MILK,
    standstill: timedelta = STANDSTILL,
    custodians: int = 1,
    threshold: int = 1,
    envelopes: int = 1,
) -> Purchase:
    """Put a published RFP into the database; every lot pools the same needs."""
    purchase = Purchase(
        pool=pool,
        clock=FixedClock(OPENED_AT),
        rfp_id=RfpId(new_id()),
        opening_id=OpeningId(new_id()),
        buyer_id=PartyId(new_id()),
        custodian_ids=[PartyId(new_id()) for _ in range(custodians)],
        custodians=[generate_key_pair() for _ in range(custodians)],
        opening_pair=generate_key_pair(),
        threshold=threshold,
        technical_id=OpeningId(new_id()),
        technical_pair=generate_key_pair(),
        lots=[LotId(new_id()) for _ in range(lots)],
        vendors=[PartyId(new_id()) for _ in range(vendors)],
        members=[PartyId(new_id()) for _ in needs],
    )
    await _add_parties(purchase)
    await pool.execute(
        _RFP,
        purchase.rfp_id,
        purchase.buyer_id,
        purchase.custodian_id,
        int(standstill.total_seconds()),
        CLOSES_AT,
        OPENED_AT,
    )
    await _add_lots(purchase, needs)
    await _deal(purchase, purchase.opening_id, purchase.opening_pair, "price")
    if envelopes > 1:
        await _deal(purchase, purchase.technical_id, purchase.technical_pair, "technical")
    return purchase


async def _deal(purchase: Purchase, opening_id: OpeningId, pair: KeyPair, purpose: str) -> None:
    await purchase.pool.execute(
        _OPENING,
        opening_id,
        purchase.rfp_id,
        CLOSES_AT,
        pair.public,
        purchase.threshold,
        int(WINDOW.total_seconds()),
        purpose,
    )
    await purchase.pool.execute(_LOG, opening_id)
    shares = deal(pair.private, threshold=purchase.threshold, custodians=len(purchase.custodians))
    for share, party_id, keys in zip(
        shares, purchase.custodian_ids, purchase.custodians, strict=True
    ):
        sealed = seal_share(share.to_bytes(), keys.public, opening_id=opening_id, purpose="custody")
        salt = secrets.token_bytes(SALT_BYTES)
        await purchase.pool.execute(
            _SEAT, opening_id, share.index, party_id, sealed, salt, commit_to(share, salt)
        )


async def _add_parties(purchase: Purchase) -> None:
    for kind, name, ids in (
        ("buyer", "Cooperative", [purchase.buyer_id]),
        ("custodian", "Notary", purchase.custodian_ids),
        ("vendor", "Dairy", purchase.vendors),
        ("member", "District", purchase.members),
    ):
        await purchase.pool.execute(_PARTY, ids, kind, name, OPENED_AT)


async def _add_lots(purchase: Purchase, needs: Mapping[int, tuple[Need, ...]]) -> None:
    quantities = [Decimal(quantity) for needed in needs.values() for quantity, _ in needed]
    await purchase.pool.execute(_LOTS, purchase.lots, purchase.rfp_id, sum(quantities))
    for member, needed in needs.items():
        for quantity, baseline in needed:
            requirement_id = new_id()
            await purchase.pool.execute(
                _REQUIREMENT,
                requirement_id,
                purchase.members[member],
                Decimal(quantity),
                date(2027, 8, 1),
                None if baseline is None else UnitPrice.parse(baseline, USD).e4,
                OPENED_AT,
            )
            await purchase.pool.execute(
                _SHARES,
                purchase.lots,
                requirement_id,
                purchase.members[member],
                Decimal(quantity),
            )
