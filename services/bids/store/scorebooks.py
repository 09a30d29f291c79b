"""Read all that a lot is scored from: its plan, its panels, every score, and the opened bids."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

import asyncpg
from pydantic import TypeAdapter

from services.bids.domain.forms import StatedForm, answers_where_asked
from services.bids.domain.lots import Lot
from services.bids.domain.scoring.cascade import Disqualification
from services.bids.domain.scoring.gathering import Answered, candidate_of
from services.bids.domain.scoring.panels import (
    AgreedScore,
    Declaration,
    IndividualScore,
    Panel,
    Scorebook,
)
from services.bids.domain.scoring.plan import Plan, plan_of
from services.bids.domain.scoring.ties import Draw
from services.bids.domain.terms import Terms
from services.bids.ports.scoring import (
    LotBook,
    Method,
)
from services.bids.store.forms import NOTHING, form_of
from shared.db import Connection
from shared.domain.bid_content import Answer, read_content, read_technical
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from shared.domain.money import PRICE_SCALE

_PLAN: Final = """-- bids.read_scoring_plan
SELECT plan FROM scoring_plan WHERE rfp_id = $1
"""

_TERMS: Final = """-- bids.read_criteria_to_score
SELECT terms FROM rfp WHERE id = $1
"""

_ASKED: Final = """-- bids.read_what_scored_bids_were_asked
SELECT terms, form FROM rfp WHERE id = $1
"""

_PANELS: Final = """-- bids.list_scoring_panels
SELECT name, criteria, evaluator_ids FROM scoring_panel WHERE rfp_id = $1 ORDER BY name
"""

_DECLARATIONS: Final = """-- bids.list_conflict_declarations
SELECT evaluator_id, has_conflict, statement, declared_at FROM conflict_declaration
WHERE rfp_id = $1 ORDER BY declared_at, has_conflict
"""

_TO_SCORE: Final = """
FROM bid
JOIN bid_version AS version
    ON version.bid_id = bid.id AND version.version = bid.latest_version
LEFT JOIN unsealed_bid AS price ON price.bid_id = bid.id AND price.failure IS NULL
LEFT JOIN technical_part AS technical
    ON technical.bid_id = bid.id AND technical.content IS NOT NULL
WHERE bid.lot_id = $1 AND (price.bid_id IS NOT NULL OR technical.is_passed IS NOT FALSE)
    AND (price.bid_id IS NOT NULL OR technical.bid_id IS NOT NULL)
ORDER BY version.log_index
"""

_BIDS: Final = f"""-- bids.list_bids_to_score
SELECT bid.id AS bid_id, bid.vendor_id, price.received_at, price.price_e4,
    price.content AS price_content, technical.content AS technical_content,
    version.log_index
{_TO_SCORE}"""

_BID_IDS: Final = f"""-- bids.list_ids_of_bids_to_score
SELECT bid.id AS bid_id {_TO_SCORE}"""

_SCORES: Final = """-- bids.list_individual_scores
SELECT DISTINCT ON (bid_id, criterion, evaluator_id) bid_id, criterion, evaluator_id, mark, comment
FROM individual_score WHERE lot_id = $1
ORDER BY bid_id, criterion, evaluator_id, version DESC
"""

_AGREED: Final = """-- bids.list_agreed_scores
SELECT DISTINCT ON (bid_id, criterion) bid_id, criterion, mark, reason
FROM agreed_score WHERE lot_id = $1 ORDER BY bid_id, criterion, version DESC
"""

_RELEASED: Final = """-- bids.read_price_release
SELECT released_at FROM price_release WHERE lot_id = $1
"""

_DISQUALIFIED: Final = """-- bids.list_disqualifications
SELECT bid_id, reason FROM disqualification WHERE lot_id = $1 ORDER BY place
"""

_ROOT: Final = """-- bids.read_root_to_draw_from
SELECT merkle_root FROM opening WHERE rfp_id = $1 AND purpose = 'price'
"""

_PLAN_TEXT: Final = TypeAdapter(Plan)
_TERMS_TEXT: Final = TypeAdapter(Terms)


async def method_of(connection: Connection, rfp_id: RfpId) -> Method:
    """Read how an RFP is scored; where no plan was stated, by its criteria."""
    plan = await stated_plan(connection, rfp_id)
    if plan is None:
        plan = plan_of(
            _TERMS_TEXT.validate_json(await connection.fetchval(_TERMS, rfp_id)).criteria
        )
    panels = tuple(
        Panel(
            name=row["name"],
            criteria=frozenset(row["criteria"]),
            evaluator_ids=frozenset(map(PartyId, row["evaluator_ids"])),
        )
        for row in await connection.fetch(_PANELS, rfp_id)
    )
    return Method(plan, panels)


async def stated_plan(connection: Connection, rfp_id: RfpId) -> Plan | None:
    """Read the plan that was stated for an RFP; None where there is none."""
    text: str | None = await connection.fetchval(_PLAN, rfp_id)
    return None if text is None else _PLAN_TEXT.validate_json(text)


async def declarations_of(connection: Connection, rfp_id: RfpId) -> Mapping[PartyId, Declaration]:
    """Read what each evaluator declared last."""
    return {
        PartyId(row["evaluator_id"]): Declaration(
            evaluator_id=PartyId(row["evaluator_id"]),
            has_conflict=row["has_conflict"],
            statement=row["statement"],
            declared_at=row["declared_at"],
        )
        for row in await connection.fetch(_DECLARATIONS, rfp_id)
    }


async def book_of(connection: Connection, lot: Lot) -> LotBook:
    """Read all that a lot is scored from."""
    rows = await connection.fetch(_BIDS, lot.id)
    scorebook = await _scorebook(connection, lot, rows)
    asked = await connection.fetchrow(_ASKED, lot.rfp_id)
    assert asked is not None, "a lot without its RFP"
    contract = _TERMS_TEXT.validate_json(asked["terms"]).contract
    stated = form_of(asked["form"]) or NOTHING
    disqualified = await connection.fetch(_DISQUALIFIED, lot.id)
    root: bytes | None = await connection.fetchval(_ROOT, lot.rfp_id)
    return LotBook(
        lot=lot,
        book=scorebook,
        candidates=tuple(
            candidate_of(scorebook.plan, _answered(stated, row), contract)
            for row in rows
            if row["price_e4"] is not None
        ),
        disqualifications=tuple(
            Disqualification(BidId(row["bid_id"]), row["reason"]) for row in disqualified
        ),
        draw=None if root is None else Draw(root, lot.id),
    )


async def scorebook_of(connection: Connection, lot: Lot) -> Scorebook:
    """Read a lot's scores as they stand, without what its bids offer."""
    return await _scorebook(connection, lot, await connection.fetch(_BID_IDS, lot.id))


async def _scorebook(connection: Connection, lot: Lot, bids: Sequence[asyncpg.Record]) -> Scorebook:
    method = await method_of(connection, lot.rfp_id)
    return Scorebook(
        lot_id=lot.id,
        plan=method.plan,
        panels=method.panels,
        bid_ids=frozenset(BidId(row["bid_id"]) for row in bids),
        declarations=await declarations_of(connection, lot.rfp_id),
        scores=await _scores(connection, lot.id),
        agreed=await _agreed(connection, lot.id),
        prices_released_at=await connection.fetchval(_RELEASED, lot.id),
    )


async def _scores(connection: Connection, lot_id: LotId) -> tuple[IndividualScore, ...]:
    return tuple(
        IndividualScore(
            bid_id=BidId(row["bid_id"]),
            criterion=row["criterion"],
            evaluator_id=PartyId(row["evaluator_id"]),
            mark=row["mark"],
            comment=row["comment"],
        )
        for row in await connection.fetch(_SCORES, lot_id)
    )


async def _agreed(connection: Connection, lot_id: LotId) -> tuple[AgreedScore, ...]:
    return tuple(
        AgreedScore(
            bid_id=BidId(row["bid_id"]),
            criterion=row["criterion"],
            mark=row["mark"],
            reason=row["reason"],
        )
        for row in await connection.fetch(_AGREED, lot_id)
    )


def _answered(stated: StatedForm, row: asyncpg.Record) -> Answered:
    return Answered(
        bid_id=BidId(row["bid_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        price=Fraction(row["price_e4"], PRICE_SCALE),
        received_at=row["received_at"],
        log_index=row["log_index"],
        answers=_answers(stated, row),
    )


def _answers(stated: StatedForm, row: asyncpg.Record) -> Sequence[Answer]:
    """Read a vendor's answers, of two envelopes each from where it was asked."""
    price = read_content(row["price_content"].encode()).answers if row["price_content"] else ()
    if row["technical_content"] is None:
        return price
    technical = read_technical(row["technical_content"].encode()).answers
    return tuple(answers_where_asked(stated, technical=technical, price=price))
