"""Take a lot's awards back, and with them the protests against them: their object is gone."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final

from services.bids.domain.awards.award import AwardStatus, LotAwards, Protest
from services.bids.domain.awards.lines import Lines
from services.bids.domain.awards.telling import withdrawn_events
from services.bids.domain.lots import Lot, LotStatus
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AwardId
from shared.domain.refusals import Kind, Refusal
from shared.events.awards import AwardProtestMooted

TOLD: Final = frozenset({AwardStatus.RECOMMENDED, AwardStatus.MADE})
"""Members have heard of their lines."""


class AwardNotStanding(Refusal):
    """The lot has no award that could be withdrawn."""

    kind = Kind.CONFLICT
    code = "award_not_standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardsWithdrawn(Fact):
    """The lot's awards hold no more; it is as it was before they were decided."""

    TYPE: ClassVar[str] = "lot.awards_withdrawn"

    award_ids: tuple[AwardId, ...]
    reason: str
    by: str


def decide_withdraw(
    standing: LotAwards, lines: Lines, *, reason: str, by: str, now: datetime
) -> Decision[LotAwards]:
    """Take a lot's awards back, on their way or made; the lot is evaluated again.

    Who is next in rank is named by deciding it anew, after the bid that failed was set aside.
    Protests that are still open are moot: whoever may object to the next award protests anew.

    Raises:
        AwardNotStanding: There is none.
    """
    if not standing.awards:
        sentence = "No award of this lot stands."
        raise AwardNotStanding(sentence)
    return withdrawn(standing, lines, reason=reason, by=by, now=now)


def withdrawn(
    standing: LotAwards, lines: Lines, *, reason: str, by: str, now: datetime
) -> Decision[LotAwards]:
    """Take back what stands; those who had heard of it, or objected to it, are told so."""
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
    protests = tuple(
        replace(each, moot_at=now) if each.is_open else each for each in standing.protests
    )
    mooted = tuple(_mooted(lot, each, reason) for each in standing.protests if each.is_open)
    after = LotAwards(lot, ended, protests)
    return Decision(after, (fact, *told, *mooted))


def _mooted(lot: Lot, protest: Protest, reason: str) -> AwardProtestMooted:
    return AwardProtestMooted(
        protest_id=protest.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=protest.vendor_id,
        reason=reason,
    )
