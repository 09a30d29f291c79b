"""Read all that was decided of an RFP, as of one instant, to publish it."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.bids.domain.auctioning import Bidder
from services.bids.domain.lots import Lot, LotUnknown
from services.bids.domain.openings import BidFailure
from services.bids.domain.sharing.of_lot import PLAIN_SUM, PoolRule
from services.bids.domain.winners.scenarios import Scenario
from services.bids.ports.awards import LineRecord
from services.bids.ports.publishing import (
    AuctionRow,
    Head,
    LotMaterial,
    OpenedRow,
    Place,
    Places,
    RfpMaterial,
)
from services.bids.store import award_rows
from services.bids.store.award_rows import price_of
from services.bids.store.lots import LotStore
from services.bids.store.pool_rules import pool_rules_of
from services.bids.store.rfps import find_visible
from services.bids.store.scenarios import scenarios_of
from services.bids.store.scorebooks import book_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import AuctionId, AwardId, BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice

_RFP_OF_LOT: Final = """-- bids.find_rfp_of_lot
SELECT rfp_id FROM lot WHERE id = $1
"""

_BIDS: Final = """-- bids.list_bids_to_publish
SELECT unsealed.bid_id, unsealed.vendor_id, unsealed.version, unsealed.received_at,
    unsealed.failure, unsealed.price_e4, unsealed.rank, unsealed.score, unsealed.content,
    version.log_index, technical.content AS technical_content
FROM unsealed_bid AS unsealed
JOIN bid_version AS version
    ON version.bid_id = unsealed.bid_id AND version.version = unsealed.version
LEFT JOIN technical_part AS technical ON technical.bid_id = unsealed.bid_id
WHERE unsealed.lot_id = $1 ORDER BY version.log_index
"""

_STANDING: Final = """-- bids.list_auction_standing_to_publish
SELECT auction_id, vendor_id, rank, price_e4 FROM auction_standing
WHERE lot_id = $1 ORDER BY place
"""

_LINES: Final = """-- bids.list_award_lines_to_publish
SELECT line.award_id, line.id, line.member_id, line.quantity, line.total_minor,
    line.baseline_total_minor, line.margin_minor, award.price_e4, award.currency, (
        SELECT accepts FROM award_line_answer
        WHERE award_line_id = line.id ORDER BY version DESC LIMIT 1
    ) AS accepts
FROM award_line AS line JOIN award ON award.id = line.award_id
WHERE award.lot_id = $1 ORDER BY line.award_id, line.member_id
"""

_PLACES: Final = """-- bids.list_places_of_decisions
SELECT sequence, type, at, entry FROM audit
WHERE aggregate_id = $1 AND type = ANY($2::text[]) ORDER BY sequence
"""

_DECISIONS: Final = ("lot.decided", "bid.disqualified", "lot.auction_closed", "lot.not_awarded")

_OPENINGS: Final = """-- bids.list_openings_to_publish
SELECT id FROM opening
WHERE rfp_id = $1 AND purpose <> 'rehearsal' AND status = 'unsealed' ORDER BY purpose
"""

_HEADS: Final = """-- bids.list_chain_heads_to_publish
SELECT DISTINCT ON (aggregate_id) aggregate_id, sequence, hash, entry FROM audit
WHERE aggregate_id = ANY($1::uuid[]) ORDER BY aggregate_id, sequence DESC
"""

_NAMES: Final = """-- bids.list_names_to_publish
SELECT id, name FROM party WHERE id = ANY($1::uuid[])
"""


class DecidedStore:
    """The port `Publications` over PostgreSQL; nothing is written here."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's pool."""
        self._pool = pool
        self._lots = LotStore()

    async def rfp_of(self, lot_id: LotId) -> RfpId:
        """Find the RFP of a lot.

        Raises:
            LotUnknown: No such lot.
        """
        async with db.reading(self._pool) as connection:
            rfp_id: UUID | None = await connection.fetchval(_RFP_OF_LOT, lot_id)
        if rfp_id is None:
            raise LotUnknown
        return RfpId(rfp_id)

    async def material(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> RfpMaterial:
        """Read all of a visible RFP, as of one instant.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        async with db.snapshot(self._pool) as connection:
            rfp = await find_visible(connection, rfp_id, viewer_id)
            listed = await self._lots.lots_of(connection, rfp_id)
            rules = await pool_rules_of(connection, [lot.id for lot in listed])
            lots = [await _lot(connection, lot, rules.get(lot.id, PLAIN_SUM)) for lot in listed]
            scenarios = await scenarios_of(connection, rfp_id)
            openings = [row["id"] for row in await connection.fetch(_OPENINGS, rfp_id)]
            chained = [rfp_id, *(each.lot.id for each in lots), *openings]
            chained += [each.id for each in scenarios]
            parties = [rfp.buyer_id, *_parties(lots, scenarios)]
            return RfpMaterial(
                rfp=rfp,
                lots=lots,
                names=await _names(connection, parties),
                scenarios=scenarios,
                opening_ids=[OpeningId(each) for each in openings],
                heads=await _heads(connection, chained),
            )


async def _lot(connection: Connection, lot: Lot, rule: PoolRule) -> LotMaterial:
    return LotMaterial(
        lot=lot,
        shares=await award_rows.shares_of(connection, lot),
        rule=rule,
        enrolments=await award_rows.enrolments_of(connection, lot.id),
        book=await book_of(connection, lot),
        bids=[_bid(row, lot.currency) for row in await connection.fetch(_BIDS, lot.id)],
        auction=await _auction(connection, lot),
        awards=[record.award for record in await award_rows.awards_of(connection, lot.id)],
        lines=await _lines(connection, lot.id),
        protests=await award_rows.protests_of(connection, lot.id),
        places=_places(await connection.fetch(_PLACES, lot.id, list(_DECISIONS))),
    )


async def _auction(connection: Connection, lot: Lot) -> AuctionRow | None:
    rows = await connection.fetch(_STANDING, lot.id)
    if not rows:
        return None
    standing = tuple(
        Bidder(PartyId(row["vendor_id"]), row["rank"], UnitPrice(row["price_e4"], lot.currency))
        for row in rows
    )
    return AuctionRow(id=AuctionId(rows[0]["auction_id"]), standing=standing)


async def _lines(connection: Connection, lot_id: LotId) -> Mapping[AwardId, list[LineRecord]]:
    found: dict[AwardId, list[LineRecord]] = defaultdict(list)
    for row in await connection.fetch(_LINES, lot_id):
        found[AwardId(row["award_id"])].append(award_rows.line_record_of(row))
    return found


async def _names(connection: Connection, ids: Sequence[PartyId]) -> Mapping[PartyId, str]:
    rows = await connection.fetch(_NAMES, ids)
    return {PartyId(row["id"]): row["name"] for row in rows}


async def _heads(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, Head]:
    return {
        row["aggregate_id"]: Head(
            json.loads(row["entry"])["aggregate"], row["sequence"], row["hash"]
        )
        for row in await connection.fetch(_HEADS, ids)
    }


def _parties(lots: Sequence[LotMaterial], scenarios: Sequence[Scenario]) -> set[PartyId]:
    vendors = {bid.vendor_id for each in lots for bid in each.bids}
    members = {share.member_id for each in lots for share in each.shares}
    asked = {
        PartyId(UUID(vendor.id)) for scenario in scenarios for vendor in scenario.problem.vendors
    }
    return vendors | members | asked


def _places(rows: Sequence[asyncpg.Record]) -> Places:
    """Find where decisions stand on a lot's chain; of repeated ones the last."""
    awards: dict[AwardId, Place] = {}
    disqualified: dict[BidId, Place] = {}
    auction, reason = None, None
    for row in rows:
        place, told = _place(row), _data(row)
        match row["type"]:
            case "lot.decided":
                awards |= {AwardId(UUID(won["award_id"])): place for won in told["won"]}
            case "bid.disqualified":
                disqualified[BidId(UUID(told["bid_id"]))] = place
            case "lot.auction_closed":
                auction = place
            case _:
                reason = told["reason"]
    return Places(
        awards=awards, disqualified=disqualified, auction=auction, not_awarded_reason=reason
    )


def _place(row: asyncpg.Record) -> Place:
    at: datetime = row["at"]
    return Place(row["sequence"], at)


def _data(row: asyncpg.Record) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(row["entry"])["data"]
    return told


def _bid(row: asyncpg.Record, currency: Currency) -> OpenedRow:
    return OpenedRow(
        bid_id=BidId(row["bid_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        version=row["version"],
        received_at=row["received_at"],
        log_index=row["log_index"],
        failure=None if row["failure"] is None else BidFailure(row["failure"]),
        price=price_of(row["price_e4"], currency),
        rank=row["rank"],
        score=row["score"],
        content=row["content"],
        technical=row["technical_content"],
    )
