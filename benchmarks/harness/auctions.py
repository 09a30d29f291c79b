"""Make auctions as `auction.requested` makes them, and give them a past.

The use case that hears the event is called with the event; only the bus is left out. A past is laid
by the same rules that a desk asks, chained and committed as a desk commits, so that the service
that takes the auction over finds a log like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from benchmarks.harness.ground import VAULT_KEY
from services.auctions.domain import auction as rules
from services.auctions.domain.auction import Auction
from services.auctions.domain.commands import PlaceOffer, Step
from services.auctions.domain.log import Batch, LogRow
from services.auctions.ports import Head
from services.auctions.store import AuctionStore
from services.auctions.usecases import ScheduleAuction
from shared.clock import SystemClock
from shared.db import Pool
from shared.domain.ids import AuctionId, EventId, PartyId, new_id
from shared.domain.money import Currency, UnitPrice
from shared.events.bids import AuctionRequested, AuctionRules, QualifiedVendor
from shared.events.envelope import Envelope
from shared.journal import Aggregate, Journal, chain
from shared.vault import Vault

CURRENCY: Final = Currency("USD")

OPENING_E4: Final = 9_000_000_000
"""Every vendor begins at 900,000.0000 and goes down by ten-thousandths: room for any number."""

STEP_E4: Final = 1

LIFE: Final = timedelta(hours=6)

PAST_BATCH: Final = 1_000
LEASE_S: Final = 120.0

_FOUND: Final = """-- benchmarks.find_auctions
SELECT id, lot_id FROM auction WHERE lot_id = ANY($1::uuid[])
"""


@dataclass(slots=True)
class Bidder:
    """A vendor of the load: its next offer is always below its last, and so always good."""

    vendor_id: UUID
    token: str
    price_e4: int = OPENING_E4
    offers: int = 0

    def next_body(self, by_e4: int) -> bytes:
        """Go down, and write the offer."""
        self.price_e4 -= by_e4
        self.offers += 1
        price = UnitPrice(self.price_e4, CURRENCY)
        return b'{"unit_price":"%b","currency":"USD"}' % str(price).encode()


class Auctioneer:
    """Make auctions in the service's own record, before the service starts."""

    def __init__(self, pool: Pool) -> None:
        """Write through the service's own store, sealing by the key that the service will have."""
        self._pool = pool
        self._clock = SystemClock()
        self._store = AuctionStore(pool, Journal("auctions"), Vault(VAULT_KEY))

    async def schedule(self, fields: Sequence[Sequence[UUID]]) -> list[AuctionId]:
        """Schedule one auction for each field of vendors, open from now on; return their ids."""
        lots = [uuid4() for _ in fields]
        use_case = ScheduleAuction(self._store, self._clock)
        for lot_id, vendors in zip(lots, fields, strict=True):
            await use_case(_heard(lot_id, vendors, self._clock))
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_FOUND, lots)
        id_of = {row["lot_id"]: row["id"] for row in rows}
        return [AuctionId(id_of[lot_id]) for lot_id in lots]

    async def lay_past(self, auction_id: AuctionId, bidders: Sequence[Bidder], offers: int) -> None:
        """Log `offers` offers of the bidders in turn, and leave each at its last price."""
        loaded = await self._store.load(auction_id)
        past = _Past(loaded.auction, loaded.head)
        holder = new_id()
        held = await self._store.take([auction_id], holder=holder, lease_s=LEASE_S)
        token = held[auction_id].token
        past.append(rules.due(past.auction, at=self._clock.now()), clock=self._clock)
        for number in range(offers):
            past.offer(bidders[number % len(bidders)], clock=self._clock)
            if len(past.rows) >= PAST_BATCH:
                await self._store.commit(past.batch(), token=token)
        await self._store.commit(past.batch(), token=token)
        await self._store.release([auction_id], holder=holder)


class _Past:
    """The rows of a log to come."""

    def __init__(self, auction: Auction, head: Head) -> None:
        self.auction = auction
        self.rows: list[LogRow] = []
        self._sequence, self._hash = head.sequence, head.hash
        self._alias_of = {one.vendor_id: one.alias for one in auction.terms.entrants}

    def offer(self, bidder: Bidder, *, clock: SystemClock) -> None:
        bidder.price_e4 -= STEP_E4
        bidder.offers += 1
        vendor_id = PartyId(bidder.vendor_id)
        command = PlaceOffer(party_id=vendor_id, price=UnitPrice(bidder.price_e4, CURRENCY))
        steps = rules.decide(self.auction, command, at=clock.now())
        self.append(steps, clock=clock, key=(vendor_id, f"past-{bidder.offers}"))

    def append(
        self,
        steps: Sequence[Step],
        *,
        clock: SystemClock,
        key: tuple[PartyId, str] | tuple[None, None] = (None, None),
    ) -> None:
        aggregate, at = Aggregate("auction", self.auction.terms.id), clock.now()
        for step in steps:
            self._sequence += 1
            vendor_id, _ = key
            actor = "auctions" if vendor_id is None else self._alias_of[vendor_id]
            head = (self._sequence, self._hash)
            link = chain(aggregate, step.fact, head, actor=actor, at=at)
            self._hash = link.hash
            row = LogRow(self._sequence, link.type, at, link.entry, link.hash, *key)
            self.rows.append(row)
            self.auction.apply(step.fact, sequence=self._sequence, at=at)
            key = (None, None)

    def batch(self) -> Batch:
        rows, self.rows = self.rows, []
        return Batch(self.auction, rows, [])


def path_of(auction_id: UUID) -> str:
    """Name where an auction takes offers."""
    return f"/v1/auctions/{auction_id}/offers"


def bidders_of(tokens: Mapping[UUID, str]) -> list[Bidder]:
    """Make a bidder of each vendor that has a token."""
    return [Bidder(vendor_id, token) for vendor_id, token in tokens.items()]


def _heard(lot_id: UUID, vendors: Sequence[UUID], clock: SystemClock) -> Envelope[AuctionRequested]:
    now = clock.now()
    opening = str(UnitPrice(OPENING_E4, CURRENCY))
    event = AuctionRequested(
        lot_id=lot_id,
        rfp_id=UUID(int=2),
        buyer_id=UUID(int=3),
        title="Half-pint cartons of 1 % milk",
        unit="carton",
        quantity=Decimal(300_000),
        currency=CURRENCY,
        policy_profile="open",
        opens_at=now,
        closes_at=now + LIFE,
        rules=AuctionRules(
            format="english",
            step=str(UnitPrice(STEP_E4, CURRENCY)),
            step_against="own",
            soft_close_window_s=120,
            soft_close_extension_s=120,
            extensions_max=10,
            show_rank="own",
            show_lead="always",
        ),
        vendors=tuple(
            QualifiedVendor(vendor_id=vendor_id, alias=f"V{number:02d}", opening_price=opening)
            for number, vendor_id in enumerate(vendors, start=1)
        ),
    )
    return Envelope(EventId(new_id()), "/commonlot/bids", f"lot/{lot_id}", now, 1, event)
