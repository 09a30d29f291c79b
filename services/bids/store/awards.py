"""Keep evaluations, awards and their lines. A lot's row lock guards its award as well."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.awards import (
    Award,
    AwardLineId,
    AwardStatus,
    AwardUnknown,
    Line,
    LotAward,
    Share,
    cost_exactly,
    graduated_cost,
    lines_of,
    require_awardable,
)
from services.bids.domain.lots import Lot, exact
from services.bids.domain.openings import BidFailure
from services.bids.ports.sealed import (
    AwardRecord,
    DecideIntent,
    DecideLot,
    DecideMade,
    EvaluatedBid,
    EvaluationRecord,
    LineRecord,
)
from services.bids.store.auctioning import lock_own, read_rankings
from services.bids.store.lots import LotStore
from services.bids.store.rfps import find_visible
from shared import db
from shared.db import Connection, Pool
from shared.domain.bid_content import read_content
from shared.domain.ids import AwardId, BidId, LotId, PartyId, new_id
from shared.domain.money import Currency, Money, UnitPrice
from shared.journal import Aggregate, Entry, Journal

ACTOR: Final = "bids"

_EVALUATED: Final = """-- bids.read_evaluated_bids
SELECT bid_id, vendor_id, received_at, price_e4, rank, score, failure FROM unsealed_bid
WHERE lot_id = $1 ORDER BY rank NULLS LAST, received_at, bid_id
"""

_CONTENT: Final = """-- bids.read_content_of_winner
SELECT content FROM unsealed_bid WHERE lot_id = $1 AND vendor_id = $2 AND failure IS NULL
"""

_SHARES: Final = """-- bids.read_shares
SELECT share.member_id, share.quantity, requirement.baseline_price_e4
FROM share JOIN requirement ON requirement.id = share.requirement_id
WHERE share.lot_id = $1 ORDER BY share.requirement_id
"""

_SELECT: Final = """
SELECT award.id, award.lot_id, award.vendor_id, award.price_e4, award.currency, award.quantity,
    award.total_minor, award.reason, award.status, award.intended_at, award.standstill_ends_at,
    award.made_at, party.name AS vendor_name
FROM award JOIN party ON party.id = award.vendor_id
"""

_AWARD: Final = f"-- bids.read_award {_SELECT} WHERE award.id = $1"

_AWARD_OF_LOT: Final = f"-- bids.read_award_of_lot {_SELECT} WHERE award.lot_id = $1"

_ADD: Final = """-- bids.add_award
INSERT INTO award
    (id, lot_id, vendor_id, price_e4, currency, quantity, total_minor, reason, status,
    intended_at, standstill_ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

_DUE: Final = """-- bids.list_due_awards
SELECT award.lot_id FROM award JOIN lot ON lot.id = award.lot_id
WHERE award.status = 'intended' AND award.standstill_ends_at <= $1 AND lot.status = 'intended'
ORDER BY award.standstill_ends_at, award.id LIMIT $2
"""

_MAKE: Final = """-- bids.make_award
UPDATE award SET status = $2, made_at = $3 WHERE id = $1
"""

_ADD_LINES: Final = """-- bids.add_award_lines
INSERT INTO award_line
    (award_id, lot_id, id, member_id, quantity, total_minor, baseline_total_minor)
SELECT $1, $2, line.* FROM unnest(
    $3::uuid[], $4::uuid[], $5::numeric[], $6::bigint[], $7::bigint[]
) AS line
"""

_LINES: Final = """-- bids.page_of_award_lines
SELECT line.id, line.member_id, line.quantity, line.total_minor, line.baseline_total_minor,
    award.price_e4, award.currency
FROM award_line AS line
JOIN award ON award.id = line.award_id
JOIN lot ON lot.id = line.lot_id
JOIN rfp ON rfp.id = lot.rfp_id
WHERE line.award_id = $1 AND ($2 OR $3 IN (line.member_id, award.vendor_id, rfp.buyer_id))
    AND ($4::uuid IS NULL OR line.id > $4)
ORDER BY line.id LIMIT $5
"""


class AwardStore:
    """The port `Awards` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains and events."""
        self._pool = pool
        self._journal = journal
        self._lots = LotStore()

    async def lot(self, lot_id: LotId) -> Lot:
        """Read a lot.

        Raises:
            LotUnknown: No such lot.
        """
        async with db.reading(self._pool) as connection:
            return await self._lots.read(connection, lot_id)

    async def evaluation(self, lot_id: LotId) -> EvaluationRecord:
        """Read a lot's opened bids, best first, and behind them those that failed.

        Raises:
            LotUnknown: No such lot.
        """
        async with db.reading(self._pool) as connection:
            lot = await self._lots.read(connection, lot_id)
            rows = await connection.fetch(_EVALUATED, lot_id)
            rankings = await read_rankings(connection, lot)
        bids = tuple(_evaluated(row, lot.currency) for row in rows)
        return EvaluationRecord(lot, bids, rankings.auction)

    async def intend(
        self,
        lot_id: LotId,
        decide: DecideIntent,
        *,
        award_id: AwardId,
        buyer_id: PartyId,
        at: datetime,
    ) -> AwardRecord:
        """Award the buyer's own lot; an award that stands under `award_id` is returned as it is.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            BidsTooFew: Fewer bids were opened than the RFP's terms ask for.
            AwardTooEarly: The first day on which the RFP may be awarded has not begun.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await lock_own(connection, self._lots, lot_id, buyer_id=buyer_id)
            row = await connection.fetchrow(_AWARD, award_id)
            if row is not None and row["lot_id"] == lot_id:
                return _record(row)
            rankings = await read_rankings(connection, lot)
            rfp = await find_visible(connection, lot.rfp_id, buyer_id)
            standstill = timedelta(seconds=rfp.standstill_s)
            decision = decide(lot, rankings, await _shares(connection, lot), standstill)
            require_awardable(rfp, rankings, now=at)
            cost = await _graduated_cost(connection, lot, decision.state.award)
            decision = cost_exactly(decision, cost)
            await _add(connection, decision.state.award)
            await self._lots.save_status(connection, lot_id, decision.state.lot.status)
            entry = Entry(Aggregate("lot", lot_id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)
            return _known(await connection.fetchrow(_AWARD, award_id))

    async def end(
        self, lot_id: LotId, decide: DecideLot, *, buyer_id: PartyId, at: datetime
    ) -> Lot:
        """End the buyer's own lot without award.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await lock_own(connection, self._lots, lot_id, buyer_id=buyer_id)
            decision = decide(lot)
            await self._lots.save_status(connection, lot_id, decision.state.status)
            entry = Entry(Aggregate("lot", lot_id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)
        return decision.state

    async def due(self, now: datetime, *, limit: int) -> list[LotId]:
        """List lots whose award's standstill has ended, oldest first."""
        async with db.reading(self._pool) as connection:
            return [LotId(row["lot_id"]) for row in await connection.fetch(_DUE, now, limit)]

    async def make(self, lot_id: LotId, decide: DecideMade, *, at: datetime) -> bool:
        """Make a lot's award final, with a line for each member; False when it stays as it is.

        Raises:
            AwardUnknown: The lot has no award.
        """
        async with db.transaction(self._pool) as connection:
            lot = await self._lots.lock(connection, lot_id)
            record = _known(await connection.fetchrow(_AWARD_OF_LOT, lot_id))
            parts = await _parts(connection, lot, record.award)
            lines = [(AwardLineId(new_id()), line) for line in parts]
            decision = decide(LotAward(lot, record.award), lines, record.vendor_name)
            if not decision.facts:
                return False
            made = decision.state
            await connection.execute(_MAKE, made.award.id, made.award.status, made.award.made_at)
            await _add_lines(connection, made.award, lines)
            await self._lots.save_status(connection, lot_id, made.lot.status)
            entry = Entry(Aggregate("lot", lot_id), decision.facts)
            await self._journal.record(connection, [entry], actor=ACTOR, at=at)
        return True

    async def of_lot(self, lot_id: LotId) -> AwardRecord:
        """Read a lot's award.

        Raises:
            AwardUnknown: The lot has none.
        """
        async with db.reading(self._pool) as connection:
            return _known(await connection.fetchrow(_AWARD_OF_LOT, lot_id))

    async def lines(
        self,
        award_id: AwardId,
        *,
        viewer_id: PartyId | None,
        sees_all: bool,
        after: UUID | None,
        limit: int,
    ) -> list[LineRecord]:
        """Read lines: all for whoever `sees_all`, the lot's buyer and the winner; a member's own.

        Raises:
            AwardUnknown: No such award.
        """
        async with db.reading(self._pool) as connection:
            _known(await connection.fetchrow(_AWARD, award_id))
            rows = await connection.fetch(_LINES, award_id, sees_all, viewer_id, after, limit)
        return [_line(row) for row in rows]


async def _shares(connection: Connection, lot: Lot) -> list[Share]:
    return [
        Share(
            member_id=PartyId(row["member_id"]),
            quantity=row["quantity"],
            baseline=_price(row["baseline_price_e4"], lot.currency),
        )
        for row in await connection.fetch(_SHARES, lot.id)
    ]


async def _parts(connection: Connection, lot: Lot, award: Award) -> tuple[Line, ...]:
    shares = await _shares(connection, lot)
    cost = await _graduated_cost(connection, lot, award)
    return lines_of(lot.quantity, award.price, shares, cost=cost)


async def _graduated_cost(connection: Connection, lot: Lot, award: Award) -> Money | None:
    content: str | None = await connection.fetchval(_CONTENT, lot.id, award.vendor_id)
    if content is None:
        return None
    return graduated_cost(read_content(content.encode()).pricing, lot.quantity, award.price)


async def _add(connection: Connection, award: Award) -> None:
    await connection.execute(
        _ADD,
        award.id,
        award.lot_id,
        award.vendor_id,
        award.price.e4,
        award.price.currency,
        award.quantity,
        award.total.minor,
        award.reason,
        award.status,
        award.intended_at,
        award.standstill_ends_at,
    )


async def _add_lines(
    connection: Connection, award: Award, lines: Sequence[tuple[AwardLineId, Line]]
) -> None:
    await connection.execute(
        _ADD_LINES,
        award.id,
        award.lot_id,
        [line_id for line_id, _ in lines],
        [line.member_id for _, line in lines],
        [line.quantity for _, line in lines],
        [line.total.minor for _, line in lines],
        [None if line.baseline_total is None else line.baseline_total.minor for _, line in lines],
    )


def _evaluated(row: asyncpg.Record, currency: Currency) -> EvaluatedBid:
    return EvaluatedBid(
        bid_id=BidId(row["bid_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        received_at=row["received_at"],
        price=_price(row["price_e4"], currency),
        rank=row["rank"],
        score=row["score"],
        failure=None if row["failure"] is None else BidFailure(row["failure"]),
    )


def _known(row: asyncpg.Record | None) -> AwardRecord:
    if row is None:
        sentence = "There is no such award."
        raise AwardUnknown(sentence)
    return _record(row)


def _record(row: asyncpg.Record) -> AwardRecord:
    currency = Currency(row["currency"])
    award = Award(
        id=AwardId(row["id"]),
        lot_id=LotId(row["lot_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        price=UnitPrice(row["price_e4"], currency),
        quantity=exact(row["quantity"]),
        total=Money(row["total_minor"], currency),
        reason=row["reason"],
        status=AwardStatus(row["status"]),
        intended_at=row["intended_at"],
        standstill_ends_at=row["standstill_ends_at"],
        made_at=row["made_at"],
    )
    return AwardRecord(award, row["vendor_name"])


def _line(row: asyncpg.Record) -> LineRecord:
    currency = Currency(row["currency"])
    baseline: int | None = row["baseline_total_minor"]
    line = Line(
        member_id=PartyId(row["member_id"]),
        quantity=exact(row["quantity"]),
        total=Money(row["total_minor"], currency),
        baseline_total=None if baseline is None else Money(baseline, currency),
    )
    return LineRecord(AwardLineId(row["id"]), line, UnitPrice(row["price_e4"], currency))


def _price(e4: int | None, currency: Currency) -> UnitPrice | None:
    return None if e4 is None else UnitPrice(e4, currency)
