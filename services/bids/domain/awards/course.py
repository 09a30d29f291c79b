"""Lead awards from their proposal to their end: approval, standstill, and what is due then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.award import (
    Award,
    AwardStatus,
    Course,
    LotAwards,
)
from services.bids.domain.awards.deciding import announced
from services.bids.domain.awards.lines import Line, Lines, cost_of
from services.bids.domain.awards.telling import (
    intended_events,
    made_events,
    recommended_events,
)
from services.bids.domain.lots import LotStatus
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AwardId
from shared.domain.refusals import Kind, Refusal


class AwardNotProposed(Refusal):
    """The lot has no award that waits for a second person."""

    kind = Kind.CONFLICT
    code = "award_not_proposed"


class ApproverDecided(Refusal):
    """The person who decided an award cannot be the second who approves it."""

    kind = Kind.FORBIDDEN
    code = "approver_decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardsApproved(Fact):
    """A second person approved what was decided."""

    TYPE: ClassVar[str] = "lot.awards_approved"

    award_ids: tuple[AwardId, ...]
    by: str


def decide_approve(
    standing: LotAwards, course: Course, bidders: Sequence[Bidder], *, by: str, now: datetime
) -> Decision[LotAwards]:
    """Approve what was proposed, as a second person: now it is intended, and vendors are told.

    Raises:
        AwardNotProposed: Nothing waits for approval.
        ApproverDecided: The same person decided it.
    """
    lot, awards = standing.lot, standing.awards
    if not awards or any(each.status is not AwardStatus.PROPOSED for each in awards):
        sentence = "No award of this lot waits for a second person."
        raise AwardNotProposed(sentence)
    if any(each.decided_by == by for each in awards):
        sentence = "Another person than the one who decided must approve it."
        raise ApproverDecided(sentence)
    approved = tuple(announced(replace(award, approved_by=by), course, now=now) for award in awards)
    fact = AwardsApproved(award_ids=tuple(award.id for award in approved), by=by)
    told = intended_events(lot, approved, bidders)
    return Decision(replace(standing, awards=approved), (fact, *told))


def decide_due(
    standing: LotAwards,
    course: Course,
    lines: Lines,
    names: Mapping[AwardId, str],
    *,
    now: datetime,
) -> Decision[LotAwards]:
    """Once the standstill has ended, make awards final, or ask the members where they answer.

    Changes nothing before, afterwards, or while a protest is open. What an award totals must be the
    sum of its lines; anything else is a defect.

    Raises:
        ValueError: An award's lines do not add up to it.
    """
    lot, awards = standing.lot, standing.awards
    if lot.status is not LotStatus.INTENDED or not _standstill_over(awards, now):
        return Decision(standing)
    for award in awards:
        require_sum(award, [line for _, line in lines[award.id]])
    if course.window is not None:
        asked = tuple(
            replace(award, status=AwardStatus.RECOMMENDED, answers_end_at=now + course.window)
            for award in awards
        )
        told = tuple(
            event
            for award in asked
            for event in recommended_events(
                lot, award, lines[award.id], vendor_name=names[award.id]
            )
        )
        return Decision(replace(standing, awards=asked), told)
    return made(standing, lines, names, now=now)


def made(
    standing: LotAwards, lines: Lines, names: Mapping[AwardId, str], *, now: datetime
) -> Decision[LotAwards]:
    """Make awards final with these lines."""
    lot = replace(standing.lot, status=LotStatus.AWARDED)
    awards = tuple(
        replace(award, status=AwardStatus.MADE, made_at=now) for award in standing.awards
    )
    told = tuple(
        event
        for award in awards
        for event in made_events(lot, award, lines[award.id], vendor_name=names[award.id])
    )
    return Decision(replace(standing, lot=lot, awards=awards), told)


def require_sum(award: Award, lines: Sequence[Line]) -> None:
    """Insist that lines add up to their award.

    Raises:
        ValueError: They do not, which is a defect.
    """
    quantity = sum(line.quantity for line in lines)
    if not lines or cost_of(lines) != award.total or quantity != award.quantity:
        sentence = f"the lines of award {award.id} do not add up to it"
        raise ValueError(sentence)


def _standstill_over(awards: Sequence[Award], now: datetime) -> bool:
    return bool(awards) and all(
        award.status is AwardStatus.INTENDED
        and award.suspended_at is None
        and award.standstill_ends_at is not None
        and award.standstill_ends_at <= now
        for award in awards
    )
