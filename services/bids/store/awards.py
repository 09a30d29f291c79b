"""Keep evaluations, awards and their lines. A lot's row lock guards its awards as well."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.awards.answers import AwardLineUnknown, is_accepted
from services.bids.domain.awards.award import AwardStatus, LotAwards, Protest
from services.bids.domain.awards.lines import AwardLineId
from services.bids.domain.contracts import Awarded
from services.bids.domain.lots import Lot, LotUnknown
from services.bids.domain.openings import BidFailure
from services.bids.domain.scoring.eligible import stated_share
from services.bids.domain.terms import ContractTerms
from services.bids.ports.awards import (
    Answered,
    AwardRecord,
    Change,
    DecideGround,
    DecideGrounds,
    DecideLot,
    DecideStanding,
    EvaluatedBid,
    EvaluationRecord,
    Ground,
    LineRecord,
    SignedAward,
    Standing,
)
from services.bids.ports.winners import Viewer
from services.bids.store import award_rows
from services.bids.store.auctioning import lock_own, read_rankings, refuse_while_claimed
from services.bids.store.award_rows import awards_of, price_of
from services.bids.store.lots import LotStore
from services.bids.store.rfps import find_visible
from services.bids.store.scenarios import read_scenario
from services.bids.store.scorebooks import book_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import AwardId, BidId, LotId, PartyId, RfpId
from shared.domain.money import Currency
from shared.journal import Aggregate, Entry, Journal

_EVALUATED: Final = """-- bids.read_evaluated_bids
SELECT bid_id, vendor_id, received_at, price_e4, rank, score, failure FROM unsealed_bid
WHERE lot_id = $1 ORDER BY rank NULLS LAST, received_at, bid_id
"""

_DUE: Final = """-- bids.list_due_awards
SELECT award.lot_id, min(coalesce(award.answers_end_at, award.standstill_ends_at)) AS due_at
FROM award JOIN lot ON lot.id = award.lot_id
WHERE lot.status = 'intended' AND award.suspended_at IS NULL AND (
    (award.status = 'intended' AND award.standstill_ends_at <= $1)
    OR (award.status = 'recommended' AND award.answers_end_at <= $1)
)
GROUP BY award.lot_id ORDER BY due_at, award.lot_id LIMIT $2
"""

_LOT_OF_LINE: Final = """-- bids.find_lot_of_award_line
SELECT award.lot_id FROM award_line AS line JOIN award ON award.id = line.award_id
WHERE line.id = $1 AND line.award_id = $2 AND line.member_id = $3 AND award.status <> 'proposed'
"""

_LINES: Final = """-- bids.page_of_award_lines
SELECT line.id, line.member_id, line.quantity, line.total_minor, line.baseline_total_minor,
    line.margin_minor, award.price_e4, award.currency, (
        SELECT accepts FROM award_line_answer
        WHERE award_line_id = line.id ORDER BY version DESC LIMIT 1
    ) AS accepts
FROM award_line AS line
JOIN award ON award.id = line.award_id
JOIN lot ON lot.id = line.lot_id
JOIN rfp ON rfp.id = lot.rfp_id
WHERE line.award_id = $1 AND (
        $2 OR $3 = rfp.buyer_id
        OR (award.status <> 'proposed' AND $3 IN (line.member_id, award.vendor_id))
    )
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

    async def ground(self, lot_id: LotId) -> Ground:
        """Read all that a lot is decided from, without a lock.

        Raises:
            LotUnknown: No such lot.
        """
        async with db.reading(self._pool) as connection:
            return await _ground(connection, await self._lots.read(connection, lot_id))

    async def decide(
        self,
        lot_id: LotId,
        decide: DecideGround,
        *,
        award_id: AwardId,
        buyer_id: PartyId,
        at: datetime,
    ) -> list[AwardRecord]:
        """Decide the buyer's own lot; one that has an award under `award_id` stays as it is.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            WithdrawalUndecided: A vendor claims its bid back, and that is not decided.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await lock_own(connection, self._lots, lot_id, buyer_id=buyer_id)
            standing = await awards_of(connection, lot_id)
            if any(record.award.id == award_id for record in standing):
                return standing
            await refuse_while_claimed(connection, lot_id)
            change = decide(await _ground(connection, lot))
            await self._save(connection, lot, change, actor=str(buyer_id), at=at)
            return await awards_of(connection, lot_id)

    async def decide_scenario(
        self,
        rfp_id: RfpId,
        scenario_id: UUID,
        decide: DecideGrounds,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> list[AwardRecord]:
        """Decide all lots of a scenario of the buyer's own, at once.

        Raises:
            ScenarioUnknown: No such scenario of this buyer's RFP.
            WithdrawalUndecided: A vendor claims a bid back, and that is not decided.
            Refusal: Whatever `decide` refuses.
        """
        viewer = Viewer(buyer_id, is_auditor=False)
        async with db.transaction(self._pool) as connection:
            lots = await self._lots.lock_lots_of(connection, rfp_id)
            scenario = await read_scenario(connection, scenario_id, rfp_id=rfp_id, viewer=viewer)
            concerned = {lot.id for lot in scenario.problem.lots}
            grounds = [await _ground(connection, lot) for lot in lots if str(lot.id) in concerned]
            for ground in grounds:
                await refuse_while_claimed(connection, ground.lot.id)
            for ground, change in zip(grounds, decide(scenario, grounds), strict=True):
                await self._save(connection, ground.lot, change, actor=str(buyer_id), at=at)
            return [
                record
                for ground in grounds
                for record in await awards_of(connection, ground.lot.id)
                if record.award.status is not AwardStatus.WITHDRAWN
            ]

    async def end(
        self, lot_id: LotId, decide: DecideLot, *, buyer_id: PartyId, at: datetime
    ) -> Lot:
        """End the buyer's own lot without award.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            WithdrawalUndecided: A vendor claims its bid back, and that is not decided.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await lock_own(connection, self._lots, lot_id, buyer_id=buyer_id)
            await refuse_while_claimed(connection, lot_id)
            decision = decide(lot)
            await self._lots.save_status(connection, lot_id, decision.state.status)
            entry = Entry(Aggregate("lot", lot_id), decision.facts)
            await self._journal.record(connection, [entry], actor=str(buyer_id), at=at)
        return decision.state

    async def change(
        self,
        lot_id: LotId,
        decide: DecideStanding,
        *,
        buyer_id: PartyId | None,
        actor: str,
        at: datetime,
        answered: Answered | None = None,
    ) -> LotAwards:
        """Change a lot's awards: a buyer its own, None any.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await self._lots.lock(connection, lot_id)
            if buyer_id is not None and lot.buyer_id != buyer_id:
                raise LotUnknown
            change = decide(await _standing(connection, lot))
            if change.decision.facts and answered is not None:
                await award_rows.add_answer(connection, answered, at=at)
            await self._save(connection, lot, change, actor=actor, at=at)
        return change.decision.state

    async def due(self, now: datetime, *, limit: int) -> list[LotId]:
        """List lots whose standstill or whose members' window has ended, oldest first."""
        async with db.reading(self._pool) as connection:
            return [LotId(row["lot_id"]) for row in await connection.fetch(_DUE, now, limit)]

    async def of_lot(self, lot_id: LotId) -> list[AwardRecord]:
        """Read a lot's awards, those that stand before those that were withdrawn."""
        async with db.reading(self._pool) as connection:
            return await awards_of(connection, lot_id)

    async def contracts(self, award_id: AwardId) -> SignedAward:
        """Read an award with all that its contracts say.

        Raises:
            AwardUnknown: No such award.
        """
        async with db.reading(self._pool) as connection:
            award = (await award_rows.read_award(connection, award_id)).award
            lot = await self._lots.read(connection, award.lot_id)
            rfp = await find_visible(connection, lot.rfp_id, lot.buyer_id)
            lines = await award_rows.lines_of_award(connection, award_id)
            answers = await award_rows.answers_of_lot(connection, lot.id)
            rates = await award_rows.rates_of(connection, award_id)
            opened = await award_rows.opened_of(connection, lot.id)
        accepted = [each for each in lines if is_accepted(each[0], answers, rfp.terms)]
        awarded = Awarded(
            lot=lot,
            award=award,
            lines=accepted,
            model=rfp.consortium_model,
            terms=rfp.terms.contract or ContractTerms(),
            eligible_share=next(
                (
                    stated_share(bid.content, lot.quantity)
                    for bid in opened
                    if bid.vendor_id == award.vendor_id
                ),
                None,
            ),
        )
        return SignedAward(awarded, rates, rfp.policy_profile)

    async def protests(self, lot_id: LotId) -> list[Protest]:
        """Read a lot's protests in the order of their filing."""
        async with db.reading(self._pool) as connection:
            return await award_rows.protests_of(connection, lot_id)

    async def of_line(
        self, award_id: AwardId, line_id: AwardLineId, *, member_id: PartyId
    ) -> LotId:
        """Find the lot of a member's own line.

        Raises:
            AwardLineUnknown: No such line of this member's.
        """
        async with db.reading(self._pool) as connection:
            lot_id = await connection.fetchval(_LOT_OF_LINE, line_id, award_id, member_id)
        if lot_id is None:
            raise AwardLineUnknown
        return LotId(lot_id)

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
            await award_rows.read_award(connection, award_id)
            rows = await connection.fetch(_LINES, award_id, sees_all, viewer_id, after, limit)
        return [award_rows.line_record_of(row) for row in rows]

    async def _save(
        self, connection: Connection, lot: Lot, change: Change, *, actor: str, at: datetime
    ) -> None:
        """Write a lot with its awards and protests; without a fact nothing has changed."""
        state, facts = change.decision.state, change.decision.facts
        if not facts:
            return
        for award in sorted(state.awards, key=lambda one: one.status is not AwardStatus.WITHDRAWN):
            await award_rows.save_award(connection, award)
            if award.id in change.new_lines:
                await award_rows.add_lines(connection, award, change.new_lines[award.id])
        for protest in state.protests:
            await award_rows.save_protest(connection, protest)
        await self._lots.save_status(connection, lot.id, state.lot.status)
        entry = Entry(Aggregate("lot", lot.id), facts)
        await self._journal.record(connection, [entry], actor=actor, at=at)


async def _ground(connection: Connection, lot: Lot) -> Ground:
    return Ground(
        standing=await _standing(connection, lot),
        book=await book_of(connection, lot),
        shares=await award_rows.shares_of(connection, lot),
        enrolments=await award_rows.enrolments_of(connection, lot.id),
    )


async def _standing(connection: Connection, lot: Lot) -> Standing:
    records = [
        record
        for record in await awards_of(connection, lot.id)
        if record.award.status is not AwardStatus.WITHDRAWN
    ]
    awards = tuple(record.award for record in records)
    protests = tuple(await award_rows.protests_of(connection, lot.id))
    return Standing(
        lot_awards=LotAwards(lot, awards, protests),
        rfp=await find_visible(connection, lot.rfp_id, lot.buyer_id),
        rankings=await read_rankings(connection, lot),
        opened=await award_rows.opened_of(connection, lot.id),
        lines=await award_rows.lines_of_lot(connection, lot.id),
        names={record.award.id: record.vendor_name for record in records},
        answers=await award_rows.answers_of_lot(connection, lot.id),
    )


def _evaluated(row: asyncpg.Record, currency: Currency) -> EvaluatedBid:
    score: Decimal | None = row["score"]
    return EvaluatedBid(
        bid_id=BidId(row["bid_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        received_at=row["received_at"],
        price=price_of(row["price_e4"], currency),
        rank=row["rank"],
        score=score,
        failure=None if row["failure"] is None else BidFailure(row["failure"]),
    )
