"""Keep award scenarios: each with the problem it was solved on, and what came of it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.auctioning import LotNotEvaluated
from services.bids.domain.pooling.portions import Asked
from services.bids.domain.rfps import RfpUnknown
from services.bids.domain.winners.offers import Need, Offer, at_last_price, needs_of
from services.bids.domain.winners.problem import Problem
from services.bids.domain.winners.rules import Rule
from services.bids.domain.winners.scenarios import (
    Scenario,
    ScenarioStatus,
    ScenarioUnknown,
    digest_text,
    read_result,
)
from services.bids.domain.winners.serial import read, written
from services.bids.ports.winners import Opened, Viewer
from services.bids.store.award_rows import price_of
from services.bids.store.contents import content_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.facts import Decision
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from shared.domain.money import Currency
from shared.journal import Aggregate, Entry, Journal

ACTOR: Final = "bids"

_OPENING: Final = """-- bids.read_opening_of_scenarios
SELECT opening.merkle_root FROM rfp JOIN opening
    ON opening.rfp_id = rfp.id AND opening.purpose = 'price'
WHERE rfp.id = $1 AND rfp.buyer_id = $2
"""

_IS_OWN: Final = """-- bids.is_own_rfp
SELECT 1 FROM rfp WHERE id = $1 AND (buyer_id = $2 OR $3)
"""

_NEEDS: Final = """-- bids.list_needs_to_award
SELECT share.lot_id, share.member_id, share.quantity, lot.quantity AS lot_quantity
FROM share JOIN lot ON lot.id = share.lot_id
WHERE lot.rfp_id = $1 AND lot.status = 'evaluated' ORDER BY share.lot_id, share.requirement_id
"""

_OFFERS: Final = """-- bids.list_offers_to_award
SELECT unsealed_bid.bid_id, unsealed_bid.lot_id, unsealed_bid.vendor_id, unsealed_bid.price_e4,
    unsealed_bid.content, rfp.currency, final.price_e4 AS final_price_e4
FROM unsealed_bid JOIN lot ON lot.id = unsealed_bid.lot_id JOIN rfp ON rfp.id = lot.rfp_id
LEFT JOIN auction_standing AS final
    ON final.lot_id = unsealed_bid.lot_id AND final.vendor_id = unsealed_bid.vendor_id
WHERE lot.rfp_id = $1 AND lot.status = 'evaluated' AND unsealed_bid.failure IS NULL
    AND unsealed_bid.bid_id NOT IN (SELECT bid_id FROM disqualification WHERE lot_id = lot.id)
    AND (final.vendor_id IS NOT NULL OR NOT EXISTS (
        SELECT FROM auction_standing AS held WHERE held.lot_id = unsealed_bid.lot_id
    ))
ORDER BY unsealed_bid.bid_id
"""

_SELECT: Final = """
SELECT scenario.id, scenario.rfp_id, scenario.name, scenario.rules, scenario.problem,
    scenario.seed, scenario.seconds, scenario.status, scenario.result, scenario.made_at,
    scenario.solved_at, scenario.chosen_at, scenario.chosen_reason, scenario.attempts
FROM scenario JOIN rfp ON rfp.id = scenario.rfp_id
"""

_READ: Final = f"""-- bids.read_scenario
{_SELECT}WHERE scenario.id = $1 AND scenario.rfp_id = $2 AND (rfp.buyer_id = $3 OR $4)
"""

_LOCK: Final = f"""-- bids.lock_scenario
{_SELECT}WHERE scenario.id = $1 FOR UPDATE OF scenario
"""

_LOCK_OWN_RFP: Final = """-- bids.lock_rfp_of_scenarios
SELECT id FROM rfp WHERE id = $1 AND buyer_id = $2 FOR UPDATE
"""

_CHOSEN: Final = f"""-- bids.read_chosen_scenario
{_SELECT}WHERE scenario.rfp_id = $1 AND scenario.chosen_at IS NOT NULL
"""

_PAGE: Final = f"""-- bids.page_scenarios
{_SELECT}WHERE scenario.rfp_id = $1 AND ($2::uuid IS NULL OR scenario.id > $2)
ORDER BY scenario.id LIMIT $3
"""

_OF_RFP: Final = f"""-- bids.list_scenarios_of_rfp
{_SELECT}WHERE scenario.rfp_id = $1 ORDER BY scenario.id
"""

_ADD: Final = """-- bids.add_scenario
INSERT INTO scenario
    (id, rfp_id, name, rules, problem, problem_sha256, seed, seconds, status, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO NOTHING RETURNING id
"""

_CLAIM: Final = """-- bids.claim_scenario
UPDATE scenario SET claimed_until = $2, attempts = attempts + 1 WHERE id = (
    SELECT id FROM scenario
    WHERE status = 'waiting' AND (claimed_until IS NULL OR claimed_until <= $1)
    ORDER BY made_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""

_SAVE: Final = """-- bids.save_scenario
UPDATE scenario SET status = $2, result = $3, solved_at = $4, claimed_until = NULL WHERE id = $1
"""

_UNCHOOSE: Final = """-- bids.unchoose_scenario
UPDATE scenario SET chosen_at = NULL, chosen_reason = NULL
WHERE rfp_id = $1 AND chosen_at IS NOT NULL
"""

_CHOOSE: Final = """-- bids.choose_scenario
UPDATE scenario SET chosen_at = $2, chosen_reason = $3 WHERE id = $1
"""


class ScenarioStore:
    """The port `Scenarios` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains."""
        self._pool = pool
        self._journal = journal

    async def opened(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Opened:
        """Read what an RFP's opening showed of the lots that are still to be decided.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            LotNotEvaluated: No lot's bids are opened and still to be decided.
        """
        async with db.transaction(self._pool) as connection:
            if await connection.fetchval(_IS_OWN, rfp_id, buyer_id, False) is None:
                raise RfpUnknown
            root = await connection.fetchval(_OPENING, rfp_id, buyer_id)
            needs = await connection.fetch(_NEEDS, rfp_id)
            offers = await connection.fetch(_OFFERS, rfp_id)
        if root is None or not needs:
            sentence = "The RFP has no lot whose bids are opened and which is still to be decided."
            raise LotNotEvaluated(sentence)
        return Opened(
            needs=_needs(needs),
            offers=[_offer(row) for row in offers],
            seed=root.hex(),
        )

    async def add(self, decision: Decision[Scenario], *, actor: str) -> Scenario:
        """Add a scenario; one of the same id is returned as it stands."""
        scenario = decision.state
        problem = written(scenario.problem)
        async with db.transaction(self._pool) as connection:
            is_new = await connection.fetchval(
                _ADD,
                scenario.id,
                scenario.rfp_id,
                scenario.name,
                written(scenario.rules),
                problem,
                bytes.fromhex(digest_text(problem)),
                scenario.seed,
                scenario.seconds,
                scenario.status,
                scenario.made_at,
            )
            if is_new is not None:
                await self._record(connection, decision, actor=actor, at=scenario.made_at)
            return _one(await connection.fetchrow(_LOCK, scenario.id))

    async def find(self, scenario_id: UUID, *, rfp_id: RfpId, viewer: Viewer) -> Scenario:
        """Read a scenario.

        Raises:
            ScenarioUnknown: No such scenario of an RFP that the viewer may look into.
        """
        async with db.reading(self._pool) as connection:
            return await read_scenario(connection, scenario_id, rfp_id=rfp_id, viewer=viewer)

    async def page(
        self, rfp_id: RfpId, *, viewer: Viewer, after: UUID | None, limit: int
    ) -> list[Scenario]:
        """Read an RFP's scenarios by id.

        Raises:
            RfpUnknown: No such RFP that the viewer may look into.
        """
        async with db.reading(self._pool) as connection:
            own = (rfp_id, viewer.party_id, viewer.is_auditor)
            if await connection.fetchval(_IS_OWN, *own) is None:
                raise RfpUnknown
            rows = await connection.fetch(_PAGE, rfp_id, after, limit)
        return [_scenario(row) for row in rows]

    async def claim(self, now: datetime, until: datetime) -> Scenario | None:
        """Take the scenario that waits longest, so that until then no other process does."""
        async with db.transaction(self._pool) as connection:
            scenario_id = await connection.fetchval(_CLAIM, now, until)
            if scenario_id is None:
                return None
            return _one(await connection.fetchrow(_LOCK, scenario_id))

    async def save(
        self, scenario_id: UUID, decide: Callable[[Scenario], Decision[Scenario]], *, at: datetime
    ) -> Scenario:
        """Save what a search came to, and let go of the scenario.

        Raises:
            ScenarioUnknown: No such scenario.
        """
        async with db.transaction(self._pool) as connection:
            decision = decide(_one(await connection.fetchrow(_LOCK, scenario_id)))
            saved = decision.state
            result = None if saved.result is None else written(saved.result)
            await connection.execute(_SAVE, saved.id, saved.status, result, saved.solved_at)
            await self._record(connection, decision, actor=ACTOR, at=at)
        return saved

    async def choose(
        self,
        scenario_id: UUID,
        decide: Callable[[Scenario, Scenario | None], Decision[Scenario]],
        *,
        rfp_id: RfpId,
        buyer_id: PartyId,
        at: datetime,
    ) -> Scenario:
        """Choose a scenario in place of the one that was chosen before; the RFP's row is locked.

        Raises:
            ScenarioUnknown: No such scenario of this buyer's RFP.
        """
        async with db.transaction(self._pool) as connection:
            await connection.fetchrow(_LOCK_OWN_RFP, rfp_id, buyer_id)
            scenario = _one(await connection.fetchrow(_READ, scenario_id, rfp_id, buyer_id, False))
            before = await connection.fetchrow(_CHOSEN, rfp_id)
            decision = decide(scenario, None if before is None else _scenario(before))
            if decision.facts:
                chosen = decision.state
                await connection.execute(_UNCHOOSE, rfp_id)
                await connection.execute(_CHOOSE, chosen.id, chosen.chosen_at, chosen.chosen_reason)
                await self._record(connection, decision, actor=str(buyer_id), at=at)
        return decision.state

    async def _record(
        self, connection: Connection, decision: Decision[Scenario], *, actor: str, at: datetime
    ) -> None:
        """Write facts to the scenario's own chain; its row is new or locked."""
        if decision.facts:
            entry = Entry(Aggregate("scenario", decision.state.id), decision.facts)
            await self._journal.record(connection, [entry], actor=actor, at=at)


async def read_scenario(
    connection: Connection, scenario_id: UUID, *, rfp_id: RfpId, viewer: Viewer
) -> Scenario:
    """Read a scenario within the caller's transaction.

    Raises:
        ScenarioUnknown: No such scenario of an RFP that the viewer may look into.
    """
    return _one(
        await connection.fetchrow(_READ, scenario_id, rfp_id, viewer.party_id, viewer.is_auditor)
    )


async def scenarios_of(connection: Connection, rfp_id: RfpId) -> list[Scenario]:
    """Read all scenarios of an RFP within the caller's transaction."""
    return [_scenario(row) for row in await connection.fetch(_OF_RFP, rfp_id)]


def _needs(rows: Sequence[asyncpg.Record]) -> list[Need]:
    by_lot: dict[LotId, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        by_lot[LotId(row["lot_id"])].append(row)
    return [
        need
        for lot_id, own in by_lot.items()
        for need in needs_of(
            lot_id,
            own[0]["lot_quantity"],
            [Asked(PartyId(row["member_id"]), row["quantity"]) for row in own],
        )
    ]


def _offer(row: asyncpg.Record) -> Offer:
    """Read what a bid offers; where its lot was auctioned, at its vendor's last price there."""
    currency = Currency(row["currency"])
    offer = Offer(
        bid_id=BidId(row["bid_id"]),
        lot_id=LotId(row["lot_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        content=content_of(row),
    )
    opened, final = (price_of(row[name], currency) for name in ("price_e4", "final_price_e4"))
    return at_last_price(offer, opened, final)


def _one(row: asyncpg.Record | None) -> Scenario:
    if row is None:
        raise ScenarioUnknown
    return _scenario(row)


def _scenario(row: asyncpg.Record) -> Scenario:
    return Scenario(
        id=row["id"],
        rfp_id=RfpId(row["rfp_id"]),
        name=row["name"],
        rules=read(tuple[Rule, ...], row["rules"]),
        problem=read(Problem, row["problem"]),
        seed=row["seed"],
        seconds=row["seconds"],
        made_at=row["made_at"],
        status=ScenarioStatus(row["status"]),
        result=None if row["result"] is None else read_result(row["result"]),
        solved_at=row["solved_at"],
        chosen_at=row["chosen_at"],
        chosen_reason=row["chosen_reason"],
        attempts=row["attempts"],
    )
