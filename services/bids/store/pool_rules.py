"""Read by which rules lots were pooled, for what costs are shared by and held against."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.bids.domain.pooling import Rule
from services.bids.domain.pooling.rules import terms_written
from services.bids.domain.sharing.of_lot import PLAIN_SUM, PoolRule
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import LotId, PartyId

_RULES: Final = """-- bids.list_pool_rules
SELECT lot_id, rule, terms FROM lot_volume WHERE lot_id = ANY($1::uuid[]) AND rule <> 'sum'
"""

_ZONES: Final = """-- bids.list_hazard_zones_of_lots
SELECT DISTINCT share.lot_id, share.member_id, profile.hazard_zone
FROM share JOIN member_profile AS profile ON profile.member_id = share.member_id
WHERE share.lot_id = ANY($1::uuid[]) AND profile.hazard_zone <> ''
"""


class PoolRuleStore:
    """The port `PoolRules` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's pool; nothing is written here."""
        self._pool = pool

    async def of_lot(self, lot_id: LotId) -> PoolRule:
        """Read a lot's rule; one without a rule is a plain sum."""
        async with db.reading(self._pool) as connection:
            return (await pool_rules_of(connection, [lot_id])).get(lot_id, PLAIN_SUM)


async def pool_rules_of(
    connection: Connection, lot_ids: Sequence[LotId]
) -> Mapping[LotId, PoolRule]:
    """Read the rules of lots that are no plain sums, with their members' hazard zones."""
    rules = await connection.fetch(_RULES, lot_ids)
    pooled = [LotId(row["lot_id"]) for row in rules]
    zones: dict[LotId, dict[PartyId, str]] = {lot_id: {} for lot_id in pooled}
    for row in await connection.fetch(_ZONES, pooled):
        zones[LotId(row["lot_id"])][PartyId(row["member_id"])] = row["hazard_zone"]
    return {
        LotId(row["lot_id"]): PoolRule(
            terms_written(Rule(row["rule"]), row["terms"]), zones[LotId(row["lot_id"])]
        )
        for row in rules
    }
