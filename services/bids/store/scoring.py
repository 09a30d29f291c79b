"""Keep how RFPs are scored, who judges, every single score, and what was set aside.

Whoever writes scores of a lot holds the lot's row; whoever declares holds the RFP's.
"""

from datetime import datetime
from typing import Final

from services.bids.domain.lots import Lot, LotUnknown
from services.bids.domain.scoring.cascade import BidDisqualified
from services.bids.domain.scoring.panels import (
    AgreedScore,
    Declaration,
    IndividualScore,
    Scorebook,
)
from services.bids.ports.scoring import (
    DecideBook,
    DecideDeclaration,
    DecideDisqualified,
    DecideMethod,
    LotBook,
    Method,
)
from services.bids.store import rfps
from services.bids.store.lots import LotStore
from services.bids.store.scorebooks import book_of, declarations_of, method_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.canonical import canonical
from shared.domain.ids import LotId, PartyId, RfpId
from shared.journal import Aggregate, Entry, Journal

_SAVE_PLAN: Final = """-- bids.save_scoring_plan
INSERT INTO scoring_plan (rfp_id, plan, stated_at) VALUES ($1, $2, $3)
ON CONFLICT (rfp_id) DO UPDATE SET plan = excluded.plan, stated_at = excluded.stated_at
"""

_DROP_PANELS: Final = """-- bids.drop_scoring_panels
DELETE FROM scoring_panel WHERE rfp_id = $1
"""

_ADD_PANEL: Final = """-- bids.add_scoring_panel
INSERT INTO scoring_panel (rfp_id, name, criteria, evaluator_ids) VALUES ($1, $2, $3, $4)
"""

_DECLARE: Final = """-- bids.add_conflict_declaration
INSERT INTO conflict_declaration (rfp_id, evaluator_id, has_conflict, statement, declared_at)
VALUES ($1, $2, $3, $4, $5)
"""

_SCORE: Final = """-- bids.add_individual_score
INSERT INTO individual_score
    (lot_id, bid_id, criterion, evaluator_id, version, mark, comment, scored_at)
SELECT $1, $2, $3, $4, coalesce(max(version), 0) + 1, $5, $6, $7 FROM individual_score
WHERE lot_id = $1 AND bid_id = $2 AND criterion = $3 AND evaluator_id = $4
"""

_AGREE: Final = """-- bids.add_agreed_score
INSERT INTO agreed_score (lot_id, bid_id, criterion, version, mark, reason, agreed_at)
SELECT $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6 FROM agreed_score
WHERE lot_id = $1 AND bid_id = $2 AND criterion = $3
"""

_RELEASE: Final = """-- bids.add_price_release
INSERT INTO price_release (lot_id, released_at) VALUES ($1, $2)
"""

_DISQUALIFY: Final = """-- bids.add_disqualification
INSERT INTO disqualification (bid_id, lot_id, place, reason, decided_at)
SELECT $1, $2, count(*) + 1, $3, $4 FROM disqualification WHERE lot_id = $2
"""


class ScoringStore:
    """The port `Scorings` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the chains."""
        self._pool = pool
        self._journal = journal
        self._lots = LotStore()

    async def method_of(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Method:
        """Read how a visible RFP is scored.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        async with db.reading(self._pool) as connection:
            await rfps.find_visible(connection, rfp_id, viewer_id)
            return await method_of(connection, rfp_id)

    async def state(
        self, rfp_id: RfpId, decide: DecideMethod, *, buyer_id: PartyId, at: datetime
    ) -> Method:
        """State how a buyer's RFP is scored, in place of what was stated before.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            decision = decide(await rfps.lock_own(connection, rfp_id, buyer_id))
            method = decision.state
            await connection.execute(_SAVE_PLAN, rfp_id, canonical(method.plan), at)
            await connection.execute(_DROP_PANELS, rfp_id)
            for panel in method.panels:
                await connection.execute(
                    _ADD_PANEL,
                    rfp_id,
                    panel.name,
                    sorted(panel.criteria),
                    sorted(panel.evaluator_ids),
                )
            entry = Entry(Aggregate("rfp", rfp_id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)
        return method

    async def declare(
        self, rfp_id: RfpId, decide: DecideDeclaration, *, evaluator_id: PartyId, at: datetime
    ) -> Declaration:
        """Keep an evaluator's declaration.

        Raises:
            RfpUnknown: No such RFP.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            await rfps.lock(connection, rfp_id)
            method = await method_of(connection, rfp_id)
            before = (await declarations_of(connection, rfp_id)).get(evaluator_id)
            decision = decide(method.panels, before)
            if decision.facts:
                given = decision.state
                await connection.execute(
                    _DECLARE, rfp_id, evaluator_id, given.has_conflict, given.statement, at
                )
                entry = Entry(Aggregate("rfp", rfp_id), decision.facts)
                await self._journal.record(connection, [entry], actor=str(evaluator_id), at=at)
        return decision.state

    async def book(self, lot_id: LotId) -> LotBook:
        """Read all that a lot is scored from.

        Raises:
            LotUnknown: No such lot.
        """
        async with db.transaction(self._pool) as connection:
            return await book_of(connection, await self._lots.read(connection, lot_id))

    async def score(
        self, lot_id: LotId, given: IndividualScore, decide: DecideBook, *, at: datetime
    ) -> None:
        """Keep a score as a further version.

        Raises:
            LotUnknown: No such lot.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            book = await book_of(connection, await self._lots.lock(connection, lot_id))
            decision = decide(book)
            if not decision.facts:
                return
            await connection.execute(
                _SCORE,
                lot_id,
                given.bid_id,
                given.criterion,
                given.evaluator_id,
                given.mark,
                given.comment,
                at,
            )
            entry = Entry(Aggregate("lot", lot_id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(given.evaluator_id), at=at)

    async def agree(
        self,
        lot_id: LotId,
        agreed: AgreedScore,
        decide: DecideBook,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> None:
        """Keep what a panel agreed on.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            book = await book_of(connection, await self._lock_own(connection, lot_id, buyer_id))
            decision = decide(book)
            if not decision.facts:
                return
            await connection.execute(
                _AGREE, lot_id, agreed.bid_id, agreed.criterion, agreed.mark, agreed.reason, at
            )
            entry = Entry(Aggregate("lot", lot_id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)

    async def release(
        self, lot_id: LotId, decide: DecideBook, *, buyer_id: PartyId, at: datetime
    ) -> Scorebook:
        """Release a lot's prices to those who judge by them, once.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            book = await book_of(connection, await self._lock_own(connection, lot_id, buyer_id))
            decision = decide(book)
            if decision.facts:
                await connection.execute(_RELEASE, lot_id, at)
                entry = Entry(Aggregate("lot", lot_id), decision.facts)
                await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)
        return decision.state

    async def disqualify(
        self, lot_id: LotId, decide: DecideDisqualified, *, buyer_id: PartyId, at: datetime
    ) -> None:
        """Set a bid of the buyer's own lot aside.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            book = await book_of(connection, await self._lock_own(connection, lot_id, buyer_id))
            fact = decide(book)
            await set_aside(connection, fact, at=at)
            entry = Entry(Aggregate("lot", lot_id), (fact,))
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)

    async def _lock_own(self, connection: Connection, lot_id: LotId, buyer_id: PartyId) -> Lot:
        lot = await self._lots.lock(connection, lot_id)
        if lot.buyer_id != buyer_id:
            raise LotUnknown
        return lot


async def set_aside(connection: Connection, fact: BidDisqualified, *, at: datetime) -> None:
    """Let a bid leave its lot's ranking; the caller holds the lot's row, and records the fact."""
    await connection.execute(_DISQUALIFY, fact.bid_id, fact.lot_id, fact.reason, at)
