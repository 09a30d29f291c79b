"""Render notices to vendors, and summaries of contracts."""

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from services.bids.api.score_fields import NumberAnswer, number
from services.bids.domain.awards.notices import BidderScore, Notice, NoticedWinner
from services.bids.domain.contracts import Contract, ContractLine
from services.bids.domain.lots import LotStatus
from shared.web.fields import AnswerModel


class BidderScoreAnswer(AnswerModel):
    """What a bid was ranked by; null where the price alone was. `points` go by criterion."""

    value: NumberAnswer | None
    points: dict[str, NumberAnswer] | None
    set_aside: str | None


class NoticedWinnerAnswer(AnswerModel):
    """What a winner wins, and how it was scored."""

    vendor_id: UUID
    vendor_name: str
    unit_price: str
    quantity: str
    total: str
    score: BidderScoreAnswer


class NoticeAnswer(AnswerModel):
    """One vendor's notice; rank and price are null where its bid has no place in the ranking."""

    lot_id: UUID
    lot_title: str
    status: LotStatus
    rank: int | None
    unit_price: str | None
    score: BidderScoreAnswer
    winners: list[NoticedWinnerAnswer]
    currency: str
    by_auction: bool
    by_scenario: bool
    reason: str | None
    standstill_ends_at: datetime | None
    is_suspended: bool


class ContractLineAnswer(AnswerModel):
    """One member's part: `total` is billed, `net` is left after E-rate support."""

    award_line_id: UUID
    member_id: UUID
    order_reference: str
    quantity: str
    cost: str
    margin: str | None
    total: str
    eligible: str | None
    ineligible: str | None
    support: str | None
    net: str


class ContractAnswer(AnswerModel):
    """What one party signs with the vendor; `ends_on` is null for a single delivery."""

    signed_by: UUID
    vendor_id: UUID
    begins_on: date
    ends_on: date | None
    renewals: int
    renewal_months: int
    renewed_until: date | None
    total: str
    fee: str
    currency: str
    lines: list[ContractLineAnswer]


class ContractsAnswer(AnswerModel):
    """The contracts that an award asks for."""

    items: list[ContractAnswer]


def notice_answer(notice: Notice) -> NoticeAnswer:
    """Render a notice."""
    return NoticeAnswer(
        lot_id=notice.lot.id,
        lot_title=notice.lot.title,
        status=notice.lot.status,
        rank=notice.rank,
        unit_price=_text(notice.price),
        score=_score(notice.score),
        winners=[_winner(each) for each in notice.winners],
        currency=notice.lot.currency,
        by_auction=notice.by_auction,
        by_scenario=notice.by_scenario,
        reason=notice.reason,
        standstill_ends_at=notice.standstill_ends_at,
        is_suspended=notice.is_suspended,
    )


def contract_answer(contract: Contract) -> ContractAnswer:
    """Render a contract's summary."""
    return ContractAnswer(
        signed_by=contract.signed_by,
        vendor_id=contract.vendor_id,
        begins_on=contract.begins_on,
        ends_on=contract.ends_on,
        renewals=contract.renewals,
        renewal_months=contract.renewal_months,
        renewed_until=contract.renewed_until,
        total=str(contract.total),
        fee=str(contract.fee),
        currency=contract.total.currency,
        lines=[_line(line) for line in contract.lines],
    )


def _winner(winner: NoticedWinner) -> NoticedWinnerAnswer:
    return NoticedWinnerAnswer(
        vendor_id=winner.vendor_id,
        vendor_name=winner.vendor_name,
        unit_price=str(winner.price),
        quantity=f"{winner.quantity:f}",
        total=str(winner.total),
        score=_score(winner.score),
    )


def _score(score: BidderScore) -> BidderScoreAnswer:
    return BidderScoreAnswer(
        value=None if score.value is None else number(score.value),
        points=None if score.points is None else _points(score.points),
        set_aside=score.set_aside,
    )


def _points(points: Mapping[str, Fraction]) -> dict[str, NumberAnswer]:
    return {name: number(each) for name, each in points.items()}


def _line(line: ContractLine) -> ContractLineAnswer:
    return ContractLineAnswer(
        award_line_id=line.line_id,
        member_id=line.member_id,
        order_reference=line.order_reference,
        quantity=f"{line.quantity:f}",
        cost=str(line.cost),
        margin=_text(line.margin),
        total=str(line.total),
        eligible=_text(line.eligible),
        ineligible=_text(line.ineligible),
        support=_text(line.support),
        net=str(line.net),
    )


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
