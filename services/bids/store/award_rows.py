"""Read and write the rows of awards, lines, protests and answers, within a caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from services.bids.domain.awards.award import Award, AwardStatus, AwardUnknown, Protest
from services.bids.domain.awards.lines import AwardLineId, Line, Share
from services.bids.domain.contracts import Rates
from services.bids.domain.erate import ErateCategory
from services.bids.domain.lots import Lot, exact
from services.bids.ports.awards import Answered, AwardRecord, LineRecord, OpenedBid
from services.bids.store.contents import content_of
from shared.db import Connection
from shared.domain.ids import AwardId, BidId, LotId, PartyId, RfpId, new_id
from shared.domain.money import Currency, Money, UnitPrice

SELECT: Final = """
SELECT award.id, award.lot_id, award.vendor_id, award.price_e4, award.currency, award.quantity,
    award.total_minor, award.reason, award.status, award.decided_at, award.decided_by,
    award.approved_by, award.scenario_id, award.intended_at, award.standstill_ends_at,
    award.suspended_at, award.answers_end_at, award.made_at, award.ended_at, award.ended_reason,
    party.name AS vendor_name
FROM award JOIN party ON party.id = award.vendor_id
"""

_AWARD: Final = f"-- bids.read_award {SELECT} WHERE award.id = $1"

_OF_LOT: Final = f"""-- bids.list_awards_of_lot
{SELECT} WHERE award.lot_id = $1
ORDER BY award.status = 'withdrawn', award.decided_at DESC, award.vendor_id
"""

_OF_RFP: Final = f"""-- bids.list_awards_of_rfp
{SELECT} JOIN lot ON lot.id = award.lot_id WHERE lot.rfp_id = $1
ORDER BY award.decided_at, award.id
"""

_SAVE: Final = """-- bids.save_award
INSERT INTO award
    (id, lot_id, vendor_id, price_e4, currency, quantity, total_minor, reason, status, decided_at,
    decided_by, approved_by, scenario_id, intended_at, standstill_ends_at, suspended_at,
    answers_end_at, made_at, ended_at, ended_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (id) DO UPDATE SET
    quantity = excluded.quantity, total_minor = excluded.total_minor, status = excluded.status,
    approved_by = excluded.approved_by, intended_at = excluded.intended_at,
    standstill_ends_at = excluded.standstill_ends_at, suspended_at = excluded.suspended_at,
    answers_end_at = excluded.answers_end_at, made_at = excluded.made_at,
    ended_at = excluded.ended_at, ended_reason = excluded.ended_reason
"""

_ADD_LINES: Final = """-- bids.add_award_lines
INSERT INTO award_line
    (award_id, lot_id, id, member_id, quantity, total_minor, baseline_total_minor, margin_minor)
SELECT $1, $2, line.* FROM unnest(
    $3::uuid[], $4::uuid[], $5::numeric[], $6::bigint[], $7::bigint[], $8::bigint[]
) AS line
"""

_LINES_OF_LOT: Final = """-- bids.list_award_lines_of_lot
SELECT line.award_id, line.id, line.member_id, line.quantity, line.total_minor,
    line.baseline_total_minor, line.margin_minor, award.currency
FROM award_line AS line JOIN award ON award.id = line.award_id
WHERE award.lot_id = $1 AND award.status <> 'withdrawn' ORDER BY line.award_id, line.member_id
"""

_ANSWERS_OF_LOT: Final = """-- bids.list_answers_to_award_lines
SELECT DISTINCT ON (answer.award_line_id) answer.award_line_id, answer.accepts
FROM award_line_answer AS answer
JOIN award_line AS line ON line.id = answer.award_line_id
JOIN award ON award.id = line.award_id
WHERE award.lot_id = $1 AND award.status <> 'withdrawn'
ORDER BY answer.award_line_id, answer.version DESC
"""

_ANSWER: Final = """-- bids.add_answer_to_award_line
INSERT INTO award_line_answer (award_line_id, version, accepts, answered_by, answered_at)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM award_line_answer
WHERE award_line_id = $1
"""

_PROTESTS: Final = """-- bids.list_protests
SELECT id, lot_id, vendor_id, grounds, filed_at, is_upheld, decision, decided_at, moot_at
FROM protest
WHERE lot_id = $1 ORDER BY filed_at, id
"""

_SAVE_PROTEST: Final = """-- bids.save_protest
INSERT INTO protest
    (id, lot_id, vendor_id, grounds, filed_at, is_upheld, decision, decided_at, moot_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET
    is_upheld = excluded.is_upheld, decision = excluded.decision,
    decided_at = excluded.decided_at, moot_at = excluded.moot_at
"""

_SHARES: Final = """-- bids.read_shares
SELECT share.member_id, share.quantity, requirement.baseline_price_e4
FROM share JOIN requirement ON requirement.id = share.requirement_id
WHERE share.lot_id = $1 ORDER BY share.requirement_id
"""

_OPENED: Final = """-- bids.list_opened_contents
SELECT unsealed_bid.bid_id, unsealed_bid.vendor_id, unsealed_bid.price_e4, unsealed_bid.content,
    rfp.currency
FROM unsealed_bid JOIN lot ON lot.id = unsealed_bid.lot_id JOIN rfp ON rfp.id = lot.rfp_id
WHERE unsealed_bid.lot_id = $1 AND unsealed_bid.failure IS NULL ORDER BY unsealed_bid.bid_id
"""

_ENROLMENTS: Final = """-- bids.list_enrolments_of_lot
SELECT DISTINCT share.member_id, profile.enrolment
FROM share JOIN member_profile AS profile ON profile.member_id = share.member_id
WHERE share.lot_id = $1 AND profile.enrolment IS NOT NULL
"""

_RATES: Final = """-- bids.list_discounts_of_award
SELECT line.member_id, profile.category_one_percent, profile.category_two_percent
FROM award_line AS line JOIN member_profile AS profile ON profile.member_id = line.member_id
WHERE line.award_id = $1
"""

_LINES_OF_AWARD: Final = """-- bids.list_lines_of_award
SELECT line.id, line.member_id, line.quantity, line.total_minor, line.baseline_total_minor,
    line.margin_minor, award.currency
FROM award_line AS line JOIN award ON award.id = line.award_id
WHERE line.award_id = $1 ORDER BY line.member_id
"""

LinesByAward = dict[AwardId, list[tuple[AwardLineId, Line]]]


async def read_award(connection: Connection, award_id: AwardId) -> AwardRecord:
    """Read an award.

    Raises:
        AwardUnknown: There is none of this id.
    """
    row = await connection.fetchrow(_AWARD, award_id)
    if row is None:
        sentence = "There is no such award."
        raise AwardUnknown(sentence)
    return _record(row)


async def awards_of(connection: Connection, lot_id: LotId) -> list[AwardRecord]:
    """Read a lot's awards, those that stand first, the latest before the earlier."""
    return [_record(row) for row in await connection.fetch(_OF_LOT, lot_id)]


async def awards_of_rfp(connection: Connection, rfp_id: RfpId) -> list[Award]:
    """Read all awards of an RFP's lots, the earlier first, withdrawn ones among them."""
    return [_record(row).award for row in await connection.fetch(_OF_RFP, rfp_id)]


async def save_award(connection: Connection, award: Award) -> None:
    """Write an award, new or changed."""
    await connection.execute(
        _SAVE,
        award.id,
        award.lot_id,
        award.vendor_id,
        award.price.e4,
        award.price.currency,
        award.quantity,
        award.total.minor,
        award.reason,
        award.status,
        award.decided_at,
        award.decided_by,
        award.approved_by,
        award.scenario_id,
        award.intended_at,
        award.standstill_ends_at,
        award.suspended_at,
        award.answers_end_at,
        award.made_at,
        award.ended_at,
        award.ended_reason,
    )


async def add_lines(connection: Connection, award: Award, lines: Sequence[Line]) -> None:
    """Write the lines of a new award."""
    await connection.execute(
        _ADD_LINES,
        award.id,
        award.lot_id,
        [new_id() for _ in lines],
        [line.member_id for line in lines],
        [line.quantity for line in lines],
        [line.total.minor for line in lines],
        [None if line.baseline_total is None else line.baseline_total.minor for line in lines],
        [None if line.margin is None else line.margin.minor for line in lines],
    )


async def lines_of_lot(connection: Connection, lot_id: LotId) -> LinesByAward:
    """Read the lines of the awards of a lot that stand, each award's by member."""
    found: LinesByAward = {}
    for row in await connection.fetch(_LINES_OF_LOT, lot_id):
        own = found.setdefault(AwardId(row["award_id"]), [])
        own.append((AwardLineId(row["id"]), line_of(row)))
    return found


async def answers_of_lot(connection: Connection, lot_id: LotId) -> Mapping[AwardLineId, bool]:
    """Read the last answer to each line of the awards that stand."""
    rows = await connection.fetch(_ANSWERS_OF_LOT, lot_id)
    return {AwardLineId(row["award_line_id"]): row["accepts"] for row in rows}


async def add_answer(connection: Connection, answered: Answered, *, at: datetime) -> None:
    """Write a member's answer as a further version."""
    await connection.execute(_ANSWER, answered.line_id, answered.accepts, answered.by, at)


async def protests_of(connection: Connection, lot_id: LotId) -> list[Protest]:
    """Read a lot's protests in the order of their filing."""
    return [
        Protest(
            id=row["id"],
            lot_id=LotId(row["lot_id"]),
            vendor_id=PartyId(row["vendor_id"]),
            grounds=row["grounds"],
            filed_at=row["filed_at"],
            is_upheld=row["is_upheld"],
            decision=row["decision"],
            decided_at=row["decided_at"],
            moot_at=row["moot_at"],
        )
        for row in await connection.fetch(_PROTESTS, lot_id)
    ]


async def save_protest(connection: Connection, protest: Protest) -> None:
    """Write a protest, new or decided."""
    await connection.execute(
        _SAVE_PROTEST,
        protest.id,
        protest.lot_id,
        protest.vendor_id,
        protest.grounds,
        protest.filed_at,
        protest.is_upheld,
        protest.decision,
        protest.decided_at,
        protest.moot_at,
    )


async def shares_of(connection: Connection, lot: Lot) -> list[Share]:
    """Read whose requirements a lot is made of."""
    return [
        Share(
            member_id=PartyId(row["member_id"]),
            quantity=row["quantity"],
            baseline=price_of(row["baseline_price_e4"], lot.currency),
        )
        for row in await connection.fetch(_SHARES, lot.id)
    ]


async def opened_of(connection: Connection, lot_id: LotId) -> list[OpenedBid]:
    """Read the bids that were opened, with what they offer."""
    return [
        OpenedBid(BidId(row["bid_id"]), PartyId(row["vendor_id"]), content_of(row))
        for row in await connection.fetch(_OPENED, lot_id)
    ]


async def enrolments_of(connection: Connection, lot_id: LotId) -> Mapping[PartyId, int]:
    """Read the enrolments that are known of a lot's members."""
    rows = await connection.fetch(_ENROLMENTS, lot_id)
    return {PartyId(row["member_id"]): row["enrolment"] for row in rows}


async def lines_of_award(
    connection: Connection, award_id: AwardId
) -> list[tuple[AwardLineId, Line]]:
    """Read an award's lines by their members' ids."""
    rows = await connection.fetch(_LINES_OF_AWARD, award_id)
    return [(AwardLineId(row["id"]), line_of(row)) for row in rows]


async def rates_of(connection: Connection, award_id: AwardId) -> Rates:
    """Read the E-rate discounts of an award's members, those that there are."""
    return {
        PartyId(row["member_id"]): {
            category: percent
            for category, percent in (
                (ErateCategory.ONE, row["category_one_percent"]),
                (ErateCategory.TWO, row["category_two_percent"]),
            )
            if percent is not None
        }
        for row in await connection.fetch(_RATES, award_id)
    }


def line_of(row: asyncpg.Record) -> Line:
    """Build a line from the columns that every query here lists."""
    currency = Currency(row["currency"])
    baseline: int | None = row["baseline_total_minor"]
    margin: int | None = row["margin_minor"]
    return Line(
        member_id=PartyId(row["member_id"]),
        quantity=exact(row["quantity"]),
        total=Money(row["total_minor"], currency),
        baseline_total=None if baseline is None else Money(baseline, currency),
        margin=None if margin is None else Money(margin, currency),
    )


def line_record_of(row: asyncpg.Record) -> LineRecord:
    """Build a line as it is shown."""
    price = UnitPrice(row["price_e4"], Currency(row["currency"]))
    return LineRecord(AwardLineId(row["id"]), line_of(row), price, row["accepts"])


def price_of(e4: int | None, currency: Currency) -> UnitPrice | None:
    """Build a price that may be missing."""
    return None if e4 is None else UnitPrice(e4, currency)


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
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        approved_by=row["approved_by"],
        scenario_id=row["scenario_id"],
        intended_at=row["intended_at"],
        standstill_ends_at=row["standstill_ends_at"],
        suspended_at=row["suspended_at"],
        answers_end_at=row["answers_end_at"],
        made_at=row["made_at"],
        ended_at=row["ended_at"],
        ended_reason=row["ended_reason"],
    )
    return AwardRecord(award, row["vendor_name"])
