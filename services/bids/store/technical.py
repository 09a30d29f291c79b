"""Keep the technical parts of bids, what was judged of them, and the release of the results."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from services.bids.domain.bids import BidUnknown
from services.bids.domain.openings import BidFailure, OpeningUnknown
from services.bids.domain.technical import Judging, TechnicalPart
from services.bids.store.openings import SELECT, one
from shared import db
from shared.db import Connection, Pool
from shared.domain.bid_content import read_technical, write_technical
from shared.domain.facts import Decision
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.journal import Aggregate, Entry, Journal

_OF_RFP: Final = f"""-- bids.read_technical_opening {SELECT}
WHERE opening.rfp_id = $1 AND opening.purpose = 'technical' AND ($3 OR rfp.buyer_id = $2)
"""

_LOCK_OWN: Final = f"""-- bids.lock_technical_opening {SELECT}
WHERE opening.rfp_id = $1 AND opening.purpose = 'technical' AND rfp.buyer_id = $2
FOR UPDATE OF opening
"""

_RFP_OF_BID: Final = """-- bids.read_rfp_of_bid
SELECT lot.rfp_id FROM bid JOIN lot ON lot.id = bid.lot_id WHERE bid.id = $1
"""

_PARTS: Final = """-- bids.read_technical_parts
SELECT bid_id, lot_id, content, failure, is_passed, reason FROM technical_part
WHERE opening_id = $1 ORDER BY lot_id, bid_id
"""

_RELEASED: Final = """-- bids.read_technical_release
SELECT released_at FROM opening WHERE id = $1
"""

_ADD: Final = """-- bids.add_technical_parts
INSERT INTO technical_part (opening_id, bid_id, lot_id, content, failure, is_passed)
SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[])
"""

_JUDGE: Final = """-- bids.save_technical_judgement
UPDATE technical_part SET is_passed = $2, reason = $3 WHERE bid_id = $1
"""

_RELEASE: Final = """-- bids.release_technical_results
UPDATE opening SET released_at = $2 WHERE id = $1
"""


class TechnicalStore:
    """The port `Technicals` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the opening's chain."""
        self._pool = pool
        self._journal = journal

    async def of_rfp(self, rfp_id: RfpId, *, viewer_id: PartyId | None, sees_all: bool) -> Judging:
        """Read the technical parts of the viewer's own RFP.

        Raises:
            OpeningUnknown: No such RFP with two envelopes, or another's.
        """
        async with db.reading(self._pool) as connection:
            return await _judging(connection, _OF_RFP, rfp_id, viewer_id, sees_all)

    async def judge(
        self,
        bid_id: BidId,
        decide: Callable[[Judging], Decision[TechnicalPart]],
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> TechnicalPart:
        """Record a judgement.

        Raises:
            BidUnknown: No such bid of an RFP of this buyer's with two envelopes.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            rfp_id = await connection.fetchval(_RFP_OF_BID, bid_id)
            try:
                judging = await _judging(connection, _LOCK_OWN, rfp_id, buyer_id)
            except OpeningUnknown:
                sentence = "No such bid has a technical part to be judged."
                raise BidUnknown(sentence) from None
            decision = decide(judging)
            part = decision.state
            await connection.execute(_JUDGE, bid_id, part.is_passed, part.reason)
            entry = Entry(Aggregate("opening", judging.opening.id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)
        return part

    async def release(
        self,
        rfp_id: RfpId,
        decide: Callable[[Judging], Decision[Judging]],
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> Judging:
        """Release the results of a buyer's own RFP.

        Raises:
            OpeningUnknown: No such RFP with two envelopes, or another's.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            judging = await _judging(connection, _LOCK_OWN, rfp_id, buyer_id)
            decision = decide(judging)
            await connection.execute(_RELEASE, judging.opening.id, decision.state.released_at)
            entry = Entry(Aggregate("opening", judging.opening.id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)
        return decision.state


async def add_parts(
    connection: Connection, opening_id: OpeningId, parts: Sequence[TechnicalPart]
) -> None:
    """Write what the technical opening brought to light."""
    await connection.execute(
        _ADD,
        opening_id,
        [part.bid_id for part in parts],
        [part.lot_id for part in parts],
        [part.content and write_technical(part.content).decode() for part in parts],
        [part.failure for part in parts],
        [part.is_passed for part in parts],
    )


async def _judging(connection: Connection, query: str, *arguments: object) -> Judging:
    opening = await one(connection, query, *arguments)
    rows = await connection.fetch(_PARTS, opening.id)
    released_at = await connection.fetchval(_RELEASED, opening.id)
    return Judging(
        opening=opening, parts=tuple(_part(row) for row in rows), released_at=released_at
    )


def _part(row: asyncpg.Record) -> TechnicalPart:
    content: str | None = row["content"]
    failure: str | None = row["failure"]
    return TechnicalPart(
        bid_id=BidId(row["bid_id"]),
        lot_id=LotId(row["lot_id"]),
        content=None if content is None else read_technical(content.encode()),
        failure=None if failure is None else BidFailure(failure),
        is_passed=row["is_passed"],
        reason=row["reason"],
    )
