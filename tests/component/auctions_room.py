"""Give tests of live auctions what they begin with: a valid request, a hall, a seated desk."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from services.auctions.desk import Desk
from services.auctions.domain.commands import PlaceOffer
from services.auctions.domain.picture import Moment
from services.auctions.draft import Done
from services.auctions.hall import Hall, HallRules
from services.auctions.ports import Auctions
from services.auctions.store import AuctionStore
from services.auctions.usecases import ScheduleAuction
from shared.clock import Clock
from shared.db import Pool
from shared.domain.ids import AuctionId, EventId, PartyId, new_id
from shared.domain.money import Currency, UnitPrice
from shared.events.bids import AuctionRequested, AuctionRules, QualifiedVendor
from shared.events.envelope import Envelope

NOW: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
USD: Final = Currency("USD")
VENDORS: Final = tuple(PartyId(new_id()) for _ in range(3))
LEASE_S: Final = 30.0
OUTAGE_S: Final = 60.0


def usd(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def request(**changes: object) -> AuctionRequested:
    """A valid request: three vendors at 10.00, 11.00 and 12.00, one hour, step 0.05."""
    fields: dict[str, object] = {
        "lot_id": new_id(),
        "rfp_id": new_id(),
        "buyer_id": new_id(),
        "title": "Laptops",
        "unit": "each",
        "quantity": Decimal(300),
        "currency": "USD",
        "policy_profile": "open",
        "opens_at": NOW,
        "closes_at": NOW + timedelta(hours=1),
        "rules": AuctionRules(
            format="english",
            step="0.05",
            step_against="own",
            soft_close_window_s=120,
            soft_close_extension_s=120,
            extensions_max=5,
            show_rank="own",
            show_lead="always",
        ),
        "vendors": tuple(
            QualifiedVendor(
                vendor_id=vendor, alias=f"Bidder {index + 1}", opening_price=f"{10 + index}.00"
            )
            for index, vendor in enumerate(VENDORS)
        ),
    }
    return AuctionRequested(**(fields | changes))  # type: ignore[arg-type]  # a builder's changes


def heard(event: AuctionRequested) -> Envelope[AuctionRequested]:
    return Envelope(EventId(new_id()), "/commonlot/bids", f"lot/{event.lot_id}", NOW, 1, event)


def make_hall(
    auctions: Auctions, clock: Clock, show: Callable[[Moment], None] = lambda _: None
) -> Hall:
    rules = HallRules(lease_s=LEASE_S, outage_s=OUTAGE_S)
    return Hall(auctions, clock, holder=new_id(), rules=rules, show=show)


async def scheduled(
    auctions: AuctionStore, clock: Clock, event: AuctionRequested | None = None
) -> AuctionId:
    """Schedule an auction and return its id: the newest there is."""
    await ScheduleAuction(auctions, clock)(heard(event or request()))
    (auction_id,) = await auctions.newest(limit=1)
    return auction_id


async def seated(hall: Hall, auction_id: AuctionId) -> Desk:
    await hall.step()
    desk = hall.desk(auction_id)
    assert desk is not None
    return desk


async def offer(desk: Desk, vendor: PartyId, price: UnitPrice, *, key: str | None) -> Done:
    return await desk.do(PlaceOffer(party_id=vendor, price=price), key=key)


async def let_leases_run_out(pool: Pool, *, ago_s: float = 1.0) -> None:
    await pool.execute(
        "UPDATE lease SET until = clock_timestamp() - make_interval(secs => $1)", ago_s
    )
