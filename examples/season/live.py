"""Take lots to live auctions in which the vendors' programs bid each other down."""

import asyncio
from typing import Final

from clients.client import Client
from clients.http import Document
from examples.season.cast import Cast
from examples.season.pace import for_each, until
from examples.season.plan import LiveLot
from examples.season.programs import Program, step_of
from examples.season.records import AuctionPlayed
from examples.season.sealed import link_of, ranking_of, settle

REQUESTS_MAX: Final = 3
"""A request that came too late, because a service was away, is repeated with later times."""

ANSWER_TIMEOUT_S: Final = 60.0
"""A message that a dying service held is delivered again half a minute later."""


class AuctionLost(Exception):  # noqa: N818 - a fact about the run
    """An auction was refused or cancelled."""


async def schedule(cast: Cast, lots: dict[str, Document]) -> dict[str, str]:
    """Request an auction of every live lot, and return the auctions' ids by the lots' keys."""
    auctions: dict[str, str] = {}

    async def request(live: LiveLot) -> None:
        auctions[live.lot_key] = await _scheduled(cast, live, lots[live.lot_key])

    title = f"{len(cast.season.live)} lots with the most vendors go to a live auction"
    with cast.screen.step(title):
        await for_each(cast.season.live, request)
    return auctions


async def play(cast: Cast, lots: dict[str, Document]) -> tuple[AuctionPlayed, ...]:
    """Hold all live auctions at once, to their end."""
    auctions = await schedule(cast, lots)
    vendors = sum(len(live.vendors) for live in cast.season.live)
    with cast.screen.step(f"{vendors} vendors' programs bid down to their limits"):
        played = await asyncio.gather(
            *(
                _held(cast, live, lots[live.lot_key]["id"], auctions[live.lot_key])
                for live in cast.season.live
            )
        )
    return tuple(played)


async def _scheduled(cast: Cast, live: LiveLot, lot: Document) -> str:
    for _ in range(REQUESTS_MAX):
        await _request(cast, live, lot["id"])
        auction_id = await until(
            lambda: _answer(cast.buyer, lot["id"]),
            awaited=f"an answer to the request for an auction of {live.lot_key}",
            timeout_s=ANSWER_TIMEOUT_S,
        )
        if auction_id:
            return auction_id
    sentence = f"The auction of {live.lot_key} was refused {REQUESTS_MAX} times."
    raise AuctionLost(sentence)


async def _request(cast: Cast, live: LiveLot, lot_id: str) -> None:
    bids, clocks = cast.buyer.bids, cast.clocks
    opens_at = cast.clock.now() + clocks.auction_lead
    rules = {
        "step": str(step_of(live, cast.season.currency)),
        "step_against": "own",
        "soft_close_window_s": clocks.soft_close_s,
        "soft_close_extension_s": clocks.soft_close_s,
        "extensions_max": 20,
        "show_rank": "own",
        "show_lead": "always",
    }

    async def is_requested() -> bool:
        lot = await bids.lot(lot_id)
        return bool(lot["status"] == "auctioning")

    await settle(
        lambda: bids.request_auction(
            lot_id, opens_at=opens_at, closes_at=opens_at + clocks.auction, rules=rules
        ),
        is_requested,
    )


async def _answer(buyer: Client, lot_id: str) -> str | None:
    """Return the auction's id, an empty text if it was refused, None if nothing is known yet."""
    async for auction in buyer.auctions.auctions():
        if auction["lot_id"] == lot_id:
            return str(auction["id"])
    lot = await buyer.bids.lot(lot_id)
    return "" if lot["status"] == "evaluated" else None


async def _held(cast: Cast, live: LiveLot, lot_id: str, auction_id: str) -> AuctionPlayed:
    over = asyncio.Event()
    step = step_of(live, cast.season.currency)
    programs = [
        Program(cast.vendors[vendor.vendor_reference], auction_id, vendor, step=step)
        for vendor in live.vendors
    ]
    watching = asyncio.create_task(_watch(cast.buyer, auction_id, over))
    try:
        await asyncio.gather(*(program.run(over) for program in programs))
        auction = await watching
    finally:
        watching.cancel()
    if auction["status"] != "closed":
        sentence = f"The auction of {live.lot_key} was {auction['status']}."
        raise AuctionLost(sentence)
    ranking = await until(
        lambda: _final_ranking(cast, lot_id),
        awaited=f"the final ranking of {live.lot_key}",
        timeout_s=ANSWER_TIMEOUT_S,
    )
    return AuctionPlayed(
        lot_key=live.lot_key,
        offers=tuple(offer for program in programs for offer in program.offers),
        counted=auction["offers"],
        log=tuple([link_of(link) async for link in cast.auditor.auctions.log(auction_id)]),
        ranking=ranking_of(cast, ranking),
    )


async def _watch(buyer: Client, auction_id: str, over: asyncio.Event) -> Document:
    """Follow an auction by its stream to its end, then tell the programs and return it."""
    try:
        async for _ in buyer.auctions.watch(auction_id):
            pass
        return await buyer.auctions.auction(auction_id)
    finally:
        over.set()


async def _final_ranking(cast: Cast, lot_id: str) -> list[Document] | None:
    evaluation = await cast.buyer.awards.evaluation(lot_id)
    ranking: list[Document] | None = evaluation["auction"]
    return ranking or None
