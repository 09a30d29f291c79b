"""Keep what goes to auction and what comes back from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from services.bids.domain.auctioning import Bidder, Rankings
from services.bids.domain.lots import Lot, LotUnknown
from services.bids.domain.withdrawals import refuse_pending
from services.bids.ports.sealed import DecideAuction, DecideLot
from services.bids.store.lots import LotStore
from services.bids.store.rfps import find_visible
from shared import db, inbox
from shared.db import Connection, Pool
from shared.domain.ids import AuctionId, EventId, LotId, PartyId
from shared.domain.money import Currency, UnitPrice
from shared.journal import Aggregate, Entry, Journal

ACTOR: Final = "auctions"
"""Who made so what an event of the auctions service tells."""

_SEALED_RANKING: Final = """-- bids.read_sealed_ranking
SELECT vendor_id, rank, price_e4 FROM unsealed_bid
WHERE lot_id = $1 AND rank IS NOT NULL
    AND bid_id NOT IN (SELECT bid_id FROM disqualification WHERE lot_id = $1)
ORDER BY rank
"""

_AUCTION_RANKING: Final = """-- bids.read_auction_ranking
SELECT vendor_id, rank, price_e4 FROM auction_standing
WHERE lot_id = $1 AND vendor_id NOT IN (
    SELECT bid.vendor_id FROM disqualification JOIN bid ON bid.id = disqualification.bid_id
    WHERE disqualification.lot_id = $1
)
ORDER BY place
"""

_CLAIMS: Final = """-- bids.count_undecided_withdrawal_claims
SELECT count(*) FROM withdrawal_claim WHERE lot_id = $1 AND is_granted IS NULL
"""

_ADD_STANDING: Final = """-- bids.add_auction_standing
INSERT INTO auction_standing (lot_id, auction_id, vendor_id, rank, price_e4, place)
SELECT $1, $2, standing.* FROM unnest($3::uuid[], $4::integer[], $5::bigint[])
    WITH ORDINALITY AS standing
"""


class AuctioningStore:
    """The port `Auctionings` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains and events."""
        self._pool = pool
        self._journal = journal
        self._lots = LotStore()

    async def request(
        self, lot_id: LotId, decide: DecideAuction, *, buyer_id: PartyId, at: datetime
    ) -> Lot:
        """Send the buyer's own lot to auction.

        The request carries opening prices, which do not belong on the chain before the auction's
        close; it is told with the sequence of the fact that stands there for it.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            WithdrawalUndecided: A vendor's claim to withdraw its bid waits for the buyer.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await lock_own(connection, self._lots, lot_id, buyer_id=buyer_id)
            await refuse_while_claimed(connection, lot_id)
            rankings = await read_rankings(connection, lot)
            rfp = await find_visible(connection, lot.rfp_id, buyer_id)
            decision = decide(lot, rankings, rfp)
            await self._lots.save_status(connection, lot_id, decision.lot.status)
            aggregate = Aggregate("lot", lot_id)
            links = await self._journal.record(
                connection, [Entry(aggregate, (decision.fact,))], actor=str(buyer_id), at=at
            )
            told = [(links[lot_id].sequence, decision.request)]
            await self._journal.tell(connection, aggregate, told, at=at)
        return decision.lot

    async def hear(
        self,
        lot_id: LotId,
        decide: DecideLot,
        *,
        cause: EventId,
        at: datetime,
        standing: tuple[AuctionId, Sequence[Bidder]] | None = None,
    ) -> None:
        """Act on an event once, keeping the final ranking if the lot changes with it.

        A lot is there before its auction: one that is unknown is none, as where a buyer holds an
        auction without a solicitation, and nothing is done.
        """
        async with db.transaction(self._pool) as connection:
            if not await inbox.claim(connection, cause):
                return
            try:
                lot = await self._lots.lock(connection, lot_id)
            except LotUnknown:
                return
            decision = decide(lot)
            if not decision.facts:
                return
            await self._lots.save_status(connection, lot_id, decision.state.status)
            if standing is not None:
                auction_id, bidders = standing
                await _add_standing(connection, lot_id, auction_id, bidders)
            entry = Entry(Aggregate("lot", lot_id), decision.facts)
            await self._journal.record(connection, [entry], actor=ACTOR, at=at)


async def lock_own(
    connection: Connection, lots: LotStore, lot_id: LotId, *, buyer_id: PartyId
) -> Lot:
    """Lock a lot of the buyer's own.

    Raises:
        LotUnknown: No such lot, or another buyer's.
    """
    lot = await lots.lock(connection, lot_id)
    if lot.buyer_id != buyer_id:
        raise LotUnknown
    return lot


async def refuse_while_claimed(connection: Connection, lot_id: LotId) -> None:
    """Let a lot go on whose claims to withdraw are decided; the caller holds the lot's row.

    Raises:
        WithdrawalUndecided: Some are not.
    """
    refuse_pending(await connection.fetchval(_CLAIMS, lot_id))


async def read_rankings(connection: Connection, lot: Lot) -> Rankings:
    """Read a lot's sealed ranking and its auction's, best first, without disqualified bids.

    Of equal ranks in an auction the earlier stands before, as the auction told them.
    """
    sealed = await connection.fetch(_SEALED_RANKING, lot.id)
    auction = await connection.fetch(_AUCTION_RANKING, lot.id)
    return Rankings(_bidders(sealed, lot.currency), _bidders(auction, lot.currency))


async def _add_standing(
    connection: Connection, lot_id: LotId, auction_id: AuctionId, bidders: Sequence[Bidder]
) -> None:
    await connection.execute(
        _ADD_STANDING,
        lot_id,
        auction_id,
        [bidder.vendor_id for bidder in bidders],
        [bidder.rank for bidder in bidders],
        [bidder.price.e4 for bidder in bidders],
    )


def _bidders(rows: Sequence[asyncpg.Record], currency: Currency) -> tuple[Bidder, ...]:
    return tuple(
        Bidder(PartyId(row["vendor_id"]), row["rank"], UnitPrice(row["price_e4"], currency))
        for row in rows
    )
