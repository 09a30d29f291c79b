"""Read what releases of open contracting data tell of an RFP."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from services.bids.domain.awards.award import Award
from services.bids.domain.awards.lines import AwardLineId, Line
from services.bids.domain.consortium import SilenceMeans
from services.bids.domain.lots import Lot
from services.bids.domain.ocds.contracting import AwardLines, buying_members
from services.bids.domain.ocds.public import FiledBid, OpeningTold, RfpFile
from services.bids.domain.rfps import Rfp, RfpTooLarge
from services.bids.domain.terms import PRICE_ALONE
from services.bids.store.award_rows import awards_of_rfp, line_of, price_of
from services.bids.store.lots import LotStore
from services.bids.store.rfps import find_visible
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import AwardId, BidId, LotId, PartyId, RfpId
from shared.domain.money import Currency

BIDS_MAX: Final = 50_000
"""The most bids of one package, which has some thirty megabytes then."""

LINES_MAX: Final = 50_000
"""The most members' lines of one package: under group pricing each is a contract, as long as a
bid."""

NAMELESS: Final = "Purchasing cooperative"
"""How a buyer is called that is not registered as a party."""

_OPENING: Final = """-- bids.read_opening_to_publish
SELECT closed_at, unsealed_at, threshold,
    (SELECT count(*) FROM seat WHERE seat.opening_id = opening.id) AS custodians
FROM opening WHERE rfp_id = $1 AND purpose = 'price'
"""

# Ranks are those of the auction where one was held; else those by price, where that alone decides,
# among the bids that were not set aside.
_BIDS: Final = """-- bids.list_bids_for_open_data
SELECT bid.id AS bid_id, bid.lot_id, bid.vendor_id, version.received_at,
    coalesce(final.price_e4, opened.price_e4) AS price_e4,
    coalesce(final.rank, CASE WHEN $3 AND NOT auction.was_held THEN row_number() OVER (
        PARTITION BY bid.lot_id, disqualification.bid_id IS NULL AND opened.rank IS NOT NULL
        ORDER BY opened.rank
    ) END) AS rank,
    opening.unsealed_at IS NOT NULL
        AND (opened.price_e4 IS NULL OR disqualification.bid_id IS NOT NULL) AS is_out
FROM bid
JOIN bid_version AS version
    ON version.bid_id = bid.id AND version.version = bid.latest_version
JOIN opening ON opening.id = bid.opening_id
LEFT JOIN unsealed_bid AS opened ON opened.bid_id = bid.id
LEFT JOIN disqualification ON disqualification.bid_id = bid.id
LEFT JOIN auction_standing AS final
    ON final.lot_id = bid.lot_id AND final.vendor_id = bid.vendor_id
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM auction_standing WHERE lot_id = bid.lot_id) AS was_held
) AS auction
WHERE opening.rfp_id = $1 AND NOT bid.is_withdrawn
ORDER BY bid.lot_id, bid.id LIMIT $2
"""

# Of an award that its members answered, the lines hold that they accepted; silence means $3.
_LINES: Final = """-- bids.list_award_lines_for_open_data
SELECT line.award_id, line.id, line.member_id, line.quantity, line.total_minor,
    line.baseline_total_minor, line.margin_minor, award.currency
FROM award_line AS line
JOIN award ON award.id = line.award_id
JOIN lot ON lot.id = award.lot_id
WHERE lot.rfp_id = $1 AND award.made_at IS NOT NULL
    AND (award.answers_end_at IS NULL OR coalesce((
        SELECT accepts FROM award_line_answer
        WHERE award_line_id = line.id ORDER BY version DESC LIMIT 1
    ), $3))
ORDER BY line.award_id, line.member_id LIMIT $2
"""

_MEMBERS: Final = """-- bids.count_members_to_publish
SELECT count(DISTINCT share.member_id) FROM share JOIN lot ON lot.id = share.lot_id
WHERE lot.rfp_id = $1
"""

_BY_PRICE: Final = """-- bids.is_published_by_price
SELECT NOT EXISTS (SELECT FROM scoring_plan WHERE rfp_id = $1)
"""

_AUCTIONED: Final = """-- bids.list_auctioned_lots_to_publish
SELECT id FROM lot WHERE rfp_id = $1 AND (
    status = 'auctioning' OR EXISTS (SELECT FROM auction_standing WHERE lot_id = lot.id)
)
"""

_NAMES: Final = """-- bids.list_names_for_open_data
SELECT id, name FROM party WHERE id = ANY($1::uuid[])
"""

_ISSUED: Final = """-- bids.read_last_addendum_to_publish
SELECT max(issued_at) FROM addendum WHERE rfp_id = $1
"""

_CHANGED: Final = """-- bids.read_last_public_change
SELECT max(at) FROM audit WHERE aggregate_id = ANY($1::uuid[]) AND type = ANY($2::text[])
"""

_PUBLIC_TYPES: Final = (
    "rfp.cancelled.v1",
    "lot.cancelled",
    "lot.not_awarded",
    "lot.auction_sought",
    "lot.auction_refused",
    "lot.auction_cancelled",
    "lot.auction_closed",
    "lot.award_answers_counted",
)
"""What changes a release and has its instant on a chain alone."""


class OpenDataStore:
    """The port `RfpFiles` over PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        """Use the service's pool; nothing is written here."""
        self._pool = pool
        self._lots = LotStore()

    async def of_rfp(self, rfp_id: RfpId) -> RfpFile:
        """Read a published RFP at one instant.

        Raises:
            RfpUnknown: No such RFP, or a draft.
            RfpTooLarge: It has more bids, or award lines, than one package carries.
        """
        async with db.snapshot(self._pool) as connection:
            rfp = await find_visible(connection, rfp_id, None)
            lots = await self._lots.lots_of(connection, rfp_id)
            opening = _opening(await connection.fetchrow(_OPENING, rfp_id))
            bids = await _bids(connection, rfp)
            awards = await awards_of_rfp(connection, rfp_id)
            auctioned = await connection.fetch(_AUCTIONED, rfp_id)
            lines = await _lines(connection, rfp)
            parties = {bid.vendor_id for bid in bids} | {award.vendor_id for award in awards}
            parties |= buying_members(rfp, lines)
            members = await connection.fetchval(_MEMBERS, rfp_id)
            names = await connection.fetch(_NAMES, [rfp.buyer_id, *parties])
            changed_at = await _changed_at(connection, rfp, lots, (opening, awards))
        return RfpFile(
            rfp=rfp,
            lots=lots,
            auctioned=frozenset(LotId(row["id"]) for row in auctioned),
            opening=opening,
            bids=bids,
            awards=awards,
            lines=lines,
            members=members,
            names={rfp.buyer_id: NAMELESS} | {PartyId(row["id"]): row["name"] for row in names},
            changed_at=changed_at,
        )


async def _bids(connection: Connection, rfp: Rfp) -> list[FiledBid]:
    by_price = rfp.terms.criteria == PRICE_ALONE and await connection.fetchval(_BY_PRICE, rfp.id)
    rows = await connection.fetch(_BIDS, rfp.id, BIDS_MAX + 1, by_price)
    if len(rows) > BIDS_MAX:
        sentence = f"The RFP has more than {BIDS_MAX} bids, which no package carries."
        raise RfpTooLarge(sentence)
    return [_bid(row, rfp.currency) for row in rows]


async def _lines(connection: Connection, rfp: Rfp) -> AwardLines:
    silence_accepts = rfp.terms.silence_means is SilenceMeans.ACCEPTED
    rows = await connection.fetch(_LINES, rfp.id, LINES_MAX + 1, silence_accepts)
    if len(rows) > LINES_MAX:
        sentence = f"The RFP has more than {LINES_MAX} award lines, which no package carries."
        raise RfpTooLarge(sentence)
    found: defaultdict[AwardId, list[tuple[AwardLineId, Line]]] = defaultdict(list)
    for row in rows:
        found[AwardId(row["award_id"])].append((AwardLineId(row["id"]), line_of(row)))
    return found


async def _changed_at(
    connection: Connection,
    rfp: Rfp,
    lots: Sequence[Lot],
    dated: tuple[OpeningTold, Sequence[Award]],
) -> datetime:
    """Find when anything last changed that is told; sealed bids and proposals leave no trace."""
    opening, awards = dated
    chains = [rfp.id, *(lot.id for lot in lots)]
    instants: list[datetime | None] = [
        rfp.published_at,
        await connection.fetchval(_ISSUED, rfp.id),
        await connection.fetchval(_CHANGED, chains, _PUBLIC_TYPES),
        opening.closed_at,
        opening.unsealed_at,
        *(
            instant
            for award in awards
            if award.intended_at is not None
            for instant in (award.intended_at, award.made_at, award.ended_at)
        ),
    ]
    return max(each for each in instants if each is not None)


def _opening(row: asyncpg.Record | None) -> OpeningTold:
    if row is None:
        return OpeningTold()
    return OpeningTold(
        closed_at=row["closed_at"],
        unsealed_at=row["unsealed_at"],
        threshold=row["threshold"],
        custodians=row["custodians"],
    )


def _bid(row: asyncpg.Record, currency: Currency) -> FiledBid:
    return FiledBid(
        bid_id=BidId(row["bid_id"]),
        lot_id=LotId(row["lot_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        received_at=row["received_at"],
        price=price_of(row["price_e4"], currency),
        rank=row["rank"],
        is_out=row["is_out"],
    )
