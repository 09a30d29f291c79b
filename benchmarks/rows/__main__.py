"""Serve auctions in rows: `python -m benchmarks.rows`."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from aiohttp import web

from benchmarks.harness.bare import SCHEMA, OfferBody
from benchmarks.rows.store import Placed, RowAuction, RowStore
from services.auctions.domain.refused import AuctionOver, OfferTooHigh
from services.auctions.ports import AuctionUnknown
from shared import house
from shared.clock import Clock
from shared.domain.facts import Fact
from shared.domain.money import Currency, UnitPrice
from shared.journal import Aggregate, Link, chain
from shared.settings import ServiceSettings
from shared.web import Api, Call
from shared.web.fields import AnswerModel

STORE: Final = web.AppKey("rows", RowStore)
CLOCK: Final = web.AppKey("clock", Clock)

CURRENCY: Final = Currency("USD")

api: Final = Api("rows", title="Auctions in rows", version="1")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferInRow(Fact):
    """An offer was taken, with what its vendor was answered."""

    TYPE: ClassVar[str] = "offer.placed"

    alias: str
    price: str
    rank: int
    lead: str
    closes_at: datetime


class RowAnswer(AnswerModel):
    """What the auctions service answers to an offer."""

    auction_id: UUID
    seq: int
    hash: str
    at: datetime
    unit_price: str
    rank: int
    lead_price: str | None
    price_to_beat: str
    closes_at: datetime


@api.post(
    "/v1/auctions/{auction_id}/offers",
    scope="offer:write",
    body=OfferBody,
    answer=RowAnswer,
    status=201,
    summary="Place an offer",
    keyed=True,
)
async def place_offer(call: Call[OfferBody]) -> RowAnswer:
    """Answer once the offer is durable."""
    price = UnitPrice.parse(call.body.unit_price, call.body.currency)
    clock = call.of(CLOCK)

    def decide(auction: RowAuction, place: int) -> tuple[Link, int]:
        return offer(auction, place, price, at=clock.now()), price.e4

    auction_id, key = call.id("auction_id"), call.idempotency_key
    placed = await call.of(STORE).place(auction_id, call.caller_party, key, decide)
    if placed is None:
        raise AuctionUnknown
    return _answer(placed)


def offer(auction: RowAuction, place: int, price: UnitPrice, *, at: datetime) -> Link:
    """Check an offer by the rules, rank it, and chain it to the log.

    Raises:
        AuctionOver: It comes before the opening or after the close.
        OfferTooHigh: It does not keep the step below the vendor's own last offer.
    """
    if not auction.opens_at <= at < auction.closes_at:
        sentence = "This auction is not open."
        raise AuctionOver(sentence)
    if price.e4 > auction.prices_e4[place] - auction.step_e4:
        sentence = "An offer must be lower."
        raise OfferTooHigh(sentence)
    others = [one for index, one in enumerate(auction.prices_e4) if index != place]
    fact = OfferInRow(
        alias=auction.aliases[place],
        price=str(price),
        rank=1 + sum(one <= price.e4 for one in others),
        lead=str(UnitPrice(min([price.e4, *others]), CURRENCY)),
        closes_at=auction.closes_at,
    )
    head = (auction.sequence + 1, auction.hash)
    return chain(Aggregate("auction", auction.id), fact, head, actor=fact.alias, at=at)


def _answer(placed: Placed) -> RowAnswer:
    link, data = placed.link, placed.data
    price = UnitPrice.parse(str(data["price"]), CURRENCY)
    return RowAnswer(
        auction_id=link.aggregate_id,
        seq=link.sequence,
        hash=link.hash.hex(),
        at=link.at,
        unit_price=str(price),
        rank=int(str(data["rank"])),
        lead_price=str(data["lead"]),
        price_to_beat=str(UnitPrice(price.e4 - 1, CURRENCY)),
        closes_at=datetime.fromisoformat(str(data["closes_at"])),
    )


async def main() -> None:
    """Serve until told to stop."""
    async with house.open_house(ServiceSettings.load(), service=SCHEMA) as opened:

        def fill(app: web.Application) -> None:
            app[STORE] = RowStore(opened.pool)
            app[CLOCK] = opened.clock

        await house.run(opened, api, fill=fill, handlers={}, loops=[])


if __name__ == "__main__":
    house.start(main)
