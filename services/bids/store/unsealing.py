"""Keep what an opening brings to light, and the opener's part in it.

What the opener writes, it writes only while its lease stands, in the same transaction.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from services.bids.domain.evaluation import Ranked, displayed
from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import (
    BidFailure,
    Opening,
    OpeningStatus,
    SealedBid,
    UnsealedBid,
    lot_evaluated,
)
from services.bids.domain.technical import TechnicalPart
from services.bids.ports.sealed import DecideOpening, Unsealing
from services.bids.store.amendments import COUNTS
from services.bids.store.bid_documents import ListedDocuments, add_documents
from services.bids.store.claims import ListedClaims, add_claims
from services.bids.store.forms import read_form
from services.bids.store.openings import (
    ACTOR,
    LOCK,
    SELECT,
    STANDING,
    change_opening,
    listed,
    lot_entry,
    move_lots,
    one,
    save,
)
from services.bids.store.technical import add_parts
from shared import db, lease
from shared.db import Connection, Pool
from shared.domain.bid_content import write_content
from shared.domain.bid_forms import BidForm
from shared.domain.facts import Decision
from shared.domain.ids import BidId, LotId, OpeningId, PartyId
from shared.journal import Aggregate, Entry, Journal

LEASE_NAME: Final = "opener"
"""The one process that opens bids holds this lease."""

_CLOSED: Final = f"""-- bids.list_closed_openings {SELECT}
WHERE opening.status = 'closed'
ORDER BY NOT EXISTS (
    SELECT FROM seat WHERE opening_id = opening.id AND submitted_share IS NOT NULL
), opening.closed_at DESC, opening.id LIMIT $1
"""

_SEALED_BIDS: Final = f"""-- bids.page_of_sealed_bids
SELECT bid.id AS bid_id, bid.lot_id, bid.vendor_id, version.id AS version_id, version.version,
    version.received_at, version.log_index, version.sealed_sha256, version.sealed,
    {COUNTS} AS is_counted, NOT EXISTS (
        SELECT FROM opening AS price JOIN opening AS technical
            ON technical.rfp_id = price.rfp_id AND technical.purpose = 'technical'
        WHERE price.id = $1 AND NOT EXISTS (
            SELECT FROM technical_part AS part WHERE part.bid_id = bid.id AND part.is_passed
        )
    ) AS is_passed
{STANDING} AND version.log_index > $2 ORDER BY version.log_index LIMIT $3
"""  # noqa: S608 - joins constants of these files

_TECHNICAL: Final = f"""-- bids.page_of_technical_envelopes
SELECT bid.id AS bid_id, bid.lot_id, bid.vendor_id, version.id AS version_id, version.version,
    version.received_at, version.log_index, version.technical_sha256 AS sealed_sha256,
    version.technical AS sealed, {COUNTS} AS is_counted, true AS is_passed
FROM opening
JOIN opening AS price ON price.rfp_id = opening.rfp_id AND price.purpose = 'price'
JOIN bid ON bid.opening_id = price.id AND NOT bid.is_withdrawn
JOIN bid_version AS version ON version.bid_id = bid.id AND version.version = bid.latest_version
WHERE opening.id = $1 AND version.log_index > $2 ORDER BY version.log_index LIMIT $3
"""  # noqa: S608 - joins constants of these files

_ADD_UNSEALED: Final = """-- bids.add_unsealed_bids
INSERT INTO unsealed_bid
    (bid_id, lot_id, vendor_id, version, received_at, price_e4, failure, rank, score, content)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::timestamptz[], $6::bigint[],
    $7::text[], $8::integer[], $9::numeric[], $10::text[]
)
"""


_ADD_PACKAGES: Final = """-- bids.add_packages
INSERT INTO package (bid_id, place, lot_id, price_e4)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::bigint[])
"""


class UnsealingStore:
    """The port `Unsealings` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for chains and events."""
        self._pool = pool
        self._journal = journal

    async def closed(self, *, limit: int) -> list[Opening]:
        """List openings that wait: those with a share first, then the latest closed.

        Those that nobody ever opens thus hide none that somebody wants to open.
        """
        async with db.reading(self._pool) as connection:
            return await listed(connection, _CLOSED, limit)

    async def change(
        self, opening_id: OpeningId, decide: DecideOpening, *, token: int, at: datetime
    ) -> Opening | None:
        """Change an opening while the lease stands; None when it was lost."""
        async with db.transaction(self._pool) as connection:
            if not await lease.is_held(connection, LEASE_NAME, token=token):
                return None
            opening = await one(connection, LOCK, opening_id)
            return await change_opening(connection, self._journal, decide(opening), (ACTOR, at))

    async def form(self, opening_id: OpeningId) -> BidForm:
        """Read what bids of an opening's RFP are checked against."""
        async with db.reading(self._pool) as connection:
            return await read_form(connection, opening_id)

    async def sealed_bids(
        self, opening_id: OpeningId, *, after_index: int, limit: int
    ) -> list[SealedBid]:
        """Read the bids that stand, by their place in the log, behind `after_index`."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_SEALED_BIDS, opening_id, after_index, limit)
        return [_sealed_bid(row) for row in rows]

    async def technical_parts(
        self, opening_id: OpeningId, *, after_index: int, limit: int
    ) -> list[SealedBid]:
        """Read the technical envelopes of the bids that stand, by their place in the log."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_TECHNICAL, opening_id, after_index, limit)
        return [_sealed_bid(row) for row in rows]

    async def unseal_technical(
        self,
        opening_id: OpeningId,
        decide: DecideOpening,
        parts: Sequence[TechnicalPart],
        *,
        token: int,
        at: datetime,
    ) -> bool:
        """Write all technical parts at once; lots and prices are left as they are.

        False when the lease was lost, or when the opening is closed no more.
        """
        async with db.transaction(self._pool) as connection:
            if not await lease.is_held(connection, LEASE_NAME, token=token):
                return False
            opening = await one(connection, LOCK, opening_id)
            if opening.status is not OpeningStatus.CLOSED:
                return False
            await add_parts(connection, opening_id, parts)
            missed = await add_documents(connection, "technical", _listed_in_parts(parts))
            claimed = await add_claims(connection, _claimed_in_parts(parts), at)
            decision = decide(opening)
            decision = Decision(decision.state, (*missed, *claimed, *decision.facts))
            await change_opening(connection, self._journal, decision, (ACTOR, at))
        return True

    async def unseal(
        self,
        opening_id: OpeningId,
        decide: DecideOpening,
        unsealing: Unsealing,
        *,
        token: int,
        at: datetime,
    ) -> bool:
        """Write prices, failures, ranks and scores, and the lots' evaluation, all at once.

        False when the lease was lost, or when the opening is closed no more.
        """
        async with db.transaction(self._pool) as connection:
            if not await lease.is_held(connection, LEASE_NAME, token=token):
                return False
            opening = await one(connection, LOCK, opening_id)
            if opening.status is not OpeningStatus.CLOSED:
                return False
            decision = decide(opening)
            await save(connection, decision.state)
            await _add_unsealed(connection, unsealing)
            missed = await add_documents(connection, "price", _listed_in_bids(unsealing.bids))
            claimed = await add_claims(connection, _claimed_in_bids(unsealing.bids), at)
            told = (*missed, *claimed, *decision.facts)
            facts = [Entry(Aggregate("opening", opening.id), told)]
            facts += await _evaluate_lots(connection, opening, unsealing.bids)
            await self._journal.record(connection, facts, actor=ACTOR, at=at)
        return True


def _listed_in_bids(bids: Sequence[UnsealedBid]) -> list[ListedDocuments]:
    return [(bid.bid_id, bid.content.documents) for bid in bids if bid.content is not None]


def _listed_in_parts(parts: Sequence[TechnicalPart]) -> list[ListedDocuments]:
    return [(part.bid_id, part.content.documents) for part in parts if part.content is not None]


def _claimed_in_bids(bids: Sequence[UnsealedBid]) -> list[ListedClaims]:
    return [(bid.bid_id, bid.content.claims) for bid in bids if bid.content is not None]


def _claimed_in_parts(parts: Sequence[TechnicalPart]) -> list[ListedClaims]:
    return [(part.bid_id, part.content.claims) for part in parts if part.content is not None]


async def _evaluate_lots(
    connection: Connection, opening: Opening, bids: Sequence[UnsealedBid]
) -> list[Entry]:
    by_lot: dict[LotId, list[UnsealedBid]] = defaultdict(list)
    for bid in bids:
        by_lot[bid.lot_id].append(bid)
    lots = await move_lots(connection, opening, LotStatus.CLOSED, LotStatus.EVALUATED)
    return [lot_entry(lot_id, lot_evaluated(opening.id, by_lot[lot_id])) for lot_id in lots]


async def _add_unsealed(connection: Connection, unsealing: Unsealing) -> None:
    ranked = {place.bid.bid_id: place for place in unsealing.ranked}
    rows = [_unsealed_row(bid, ranked.get(bid.bid_id)) for bid in unsealing.bids]
    if rows:
        await connection.execute(_ADD_UNSEALED, *map(list, zip(*rows, strict=True)))
    packages = [row for bid in unsealing.bids for row in _package_rows(bid)]
    if packages:
        await connection.execute(_ADD_PACKAGES, *map(list, zip(*packages, strict=True)))


def _package_rows(bid: UnsealedBid) -> list[tuple[object, ...]]:
    """List the lots of a bid's packages, each package by its place from 1."""
    return [
        (bid.bid_id, place, lot_id, price.e4)
        for place, package in enumerate(bid.content.packages if bid.content else (), start=1)
        for lot_id, price in package.prices
    ]


def _unsealed_row(bid: UnsealedBid, place: Ranked | None) -> tuple[object, ...]:
    failure = bid.outcome.value if isinstance(bid.outcome, BidFailure) else None
    return (
        bid.bid_id,
        bid.lot_id,
        bid.vendor_id,
        bid.version,
        bid.received_at,
        None if place is None else place.price.e4,
        failure,
        None if place is None else place.rank,
        None if place is None else displayed(place.score),
        None if bid.content is None else write_content(bid.content).decode(),
    )


def _sealed_bid(row: asyncpg.Record) -> SealedBid:
    return SealedBid(
        bid_id=BidId(row["bid_id"]),
        lot_id=LotId(row["lot_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        version_id=row["version_id"],
        version=row["version"],
        received_at=row["received_at"],
        log_index=row["log_index"],
        sealed_sha256=row["sealed_sha256"],
        sealed=row["sealed"],
        withheld=_withheld(row),
    )


def _withheld(row: asyncpg.Record) -> BidFailure | None:
    if not row["is_counted"]:
        return BidFailure.NOT_CONFIRMED
    return None if row["is_passed"] else BidFailure.TECHNICAL_NOT_PASSED
