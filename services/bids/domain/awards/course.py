"""Lead awards from their proposal to their end: approval, protest, standstill, withdrawal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.award import (
    Award,
    AwardStatus,
    Course,
    LotAwards,
    Protest,
)
from services.bids.domain.awards.deciding import announced
from services.bids.domain.awards.lines import AwardLineId, Line, cost_of
from services.bids.domain.awards.telling import (
    intended_events,
    made_events,
    recommended_events,
    withdrawn_events,
)
from services.bids.domain.lots import LotStatus
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AwardId, PartyId
from shared.domain.refusals import Kind, Refusal
from shared.events.awards import (
    AwardProtested,
)

TOLD: Final = frozenset({AwardStatus.RECOMMENDED, AwardStatus.MADE})
"""Members have heard of their lines."""


class AwardNotProposed(Refusal):
    """The lot has no award that waits for a second person."""

    kind = Kind.CONFLICT
    code = "award_not_proposed"


class ApproverDecided(Refusal):
    """The person who decided an award cannot be the second who approves it."""

    kind = Kind.FORBIDDEN
    code = "approver_decided"


class ProtestTooLate(Refusal):
    """No award of the lot is in its standstill."""

    kind = Kind.CONFLICT
    code = "protest_too_late"


class ProtesterUnknown(Refusal):
    """Only a vendor that bid on the lot may protest."""

    kind = Kind.FORBIDDEN
    code = "protester_unknown"


class ProtestUnknown(Refusal):
    """The lot has no such protest."""

    kind = Kind.NOT_FOUND
    code = "protest_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such protest.")


class ProtestDecided(Refusal):
    """The protest was decided otherwise; that stands."""

    kind = Kind.CONFLICT
    code = "protest_decided"


class AwardNotStanding(Refusal):
    """The lot has no award that could be withdrawn."""

    kind = Kind.CONFLICT
    code = "award_not_standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardsApproved(Fact):
    """A second person approved what was decided."""

    TYPE: ClassVar[str] = "lot.awards_approved"

    award_ids: tuple[AwardId, ...]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardProtestDecided(Fact):
    """The buyer decided on a protest; where it is upheld, the lot is to be decided anew."""

    TYPE: ClassVar[str] = "lot.award_protest_decided"

    protest_id: UUID
    is_upheld: bool
    decision: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardsWithdrawn(Fact):
    """The lot's awards hold no more; it is as it was before they were decided."""

    TYPE: ClassVar[str] = "lot.awards_withdrawn"

    award_ids: tuple[AwardId, ...]
    reason: str
    by: str


Lines = Mapping[AwardId, Sequence[tuple[AwardLineId, Line]]]
"""Every award's lines."""


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


def decide_protest(
    standing: LotAwards, protest: Protest, *, bidders: frozenset[PartyId]
) -> Decision[LotAwards]:
    """Take a protest; the standstill rests from here on. The same again changes nothing.

    Raises:
        ProtesterUnknown: The vendor did not bid on the lot.
        ProtestTooLate: No award of the lot is in its standstill.
    """
    if protest.vendor_id not in bidders:
        sentence = "Only a vendor that bid on the lot may protest against its award."
        raise ProtesterUnknown(sentence)
    if any(each.id == protest.id for each in standing.protests):
        return Decision(standing)
    if not _in_standstill(standing.awards, protest.filed_at):
        sentence = "No award of the lot is in its standstill; a protest comes too early or late."
        raise ProtestTooLate(sentence)
    suspended = tuple(
        replace(award, suspended_at=award.suspended_at or protest.filed_at)
        for award in standing.awards
    )
    lot = standing.lot
    told = AwardProtested(
        protest_id=protest.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=protest.vendor_id,
        grounds=protest.grounds,
    )
    protests = (*standing.protests, protest)
    return Decision(replace(standing, awards=suspended, protests=protests), (told,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the buyer decides on a protest, why, and which person does."""

    protest_id: UUID
    is_upheld: bool
    decision: str
    by: str


def decide_ruling(
    standing: LotAwards, ruling: Ruling, lines: Lines, *, now: datetime
) -> Decision[LotAwards]:
    """Decide a protest. Upheld, the lot is to be decided anew; else the standstill goes on.

    With the last protest decided, the standstill ends as much later as it rested.

    Raises:
        ProtestUnknown: The lot has no such protest.
        ProtestDecided: It was decided otherwise before.
    """
    found = next((each for each in standing.protests if each.id == ruling.protest_id), None)
    if found is None:
        raise ProtestUnknown
    if not found.is_open:
        if found.is_upheld == ruling.is_upheld:
            return Decision(standing)
        sentence = "The protest was decided otherwise; that stands."
        raise ProtestDecided(sentence)
    decided = replace(found, is_upheld=ruling.is_upheld, decision=ruling.decision, decided_at=now)
    protests = tuple(decided if each is found else each for each in standing.protests)
    after = replace(standing, protests=protests)
    fact = AwardProtestDecided(
        protest_id=found.id,
        is_upheld=ruling.is_upheld,
        decision=ruling.decision,
        by=ruling.by,
    )
    if ruling.is_upheld:
        withdrawn = _withdrawn(after, lines, reason=ruling.decision, by=ruling.by, now=now)
        return Decision(withdrawn.state, (fact, *withdrawn.facts))
    if any(each.is_open for each in protests):
        return Decision(after, (fact,))
    resumed = tuple(_resumed(award, now=now) for award in after.awards)
    return Decision(replace(after, awards=resumed), (fact,))


def decide_withdraw(
    standing: LotAwards, lines: Lines, *, reason: str, by: str, now: datetime
) -> Decision[LotAwards]:
    """Take a lot's awards back, on their way or made; the lot is evaluated again.

    Who is next in rank is named by deciding it anew, after the bid that failed was set aside.

    Raises:
        AwardNotStanding: There is none.
    """
    if not standing.awards:
        sentence = "No award of this lot stands."
        raise AwardNotStanding(sentence)
    return _withdrawn(standing, lines, reason=reason, by=by, now=now)


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


def _withdrawn(
    standing: LotAwards, lines: Lines, *, reason: str, by: str, now: datetime
) -> Decision[LotAwards]:
    """Take back what stands; those who had heard of it are told so."""
    lot = replace(standing.lot, status=LotStatus.EVALUATED)
    fact = AwardsWithdrawn(
        award_ids=tuple(award.id for award in standing.awards), reason=reason, by=by
    )
    told = tuple(
        event
        for award in standing.awards
        if award.status is not AwardStatus.PROPOSED
        for event in withdrawn_events(
            lot, award, lines[award.id] if award.status in TOLD else [], reason=reason
        )
    )
    ended = tuple(
        replace(award, status=AwardStatus.WITHDRAWN, ended_at=now, ended_reason=reason)
        for award in standing.awards
    )
    return Decision(replace(standing, lot=lot, awards=ended), (fact, *told))


def _in_standstill(awards: Sequence[Award], now: datetime) -> bool:
    return bool(awards) and all(
        award.status is AwardStatus.INTENDED
        and award.standstill_ends_at is not None
        and (award.suspended_at is not None or now < award.standstill_ends_at)
        for award in awards
    )


def _standstill_over(awards: Sequence[Award], now: datetime) -> bool:
    return bool(awards) and all(
        award.status is AwardStatus.INTENDED
        and award.suspended_at is None
        and award.standstill_ends_at is not None
        and award.standstill_ends_at <= now
        for award in awards
    )


def _resumed(award: Award, *, now: datetime) -> Award:
    if award.suspended_at is None or award.standstill_ends_at is None:
        return award
    rested = now - award.suspended_at
    return replace(award, suspended_at=None, standstill_ends_at=award.standstill_ends_at + rested)
