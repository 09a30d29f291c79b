"""Take vendors' protests against an award, and decide them; the standstill rests meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.bids.domain.awards.award import Award, AwardStatus, LotAwards, Protest
from services.bids.domain.awards.lines import Lines
from services.bids.domain.awards.withdrawing import withdrawn
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal
from shared.events.awards import AwardProtested


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


class ProtestMoot(Refusal):
    """The award that the protest was against is gone, so that nothing is left to decide."""

    kind = Kind.CONFLICT
    code = "protest_moot"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardProtestDecided(Fact):
    """The buyer decided on a protest; where it is upheld, the lot is to be decided anew."""

    TYPE: ClassVar[str] = "lot.award_protest_decided"

    protest_id: UUID
    is_upheld: bool
    decision: str
    by: str


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

    Others that are still open are moot, where the award is taken back by that. With the last one
    decided, the standstill ends as much later as it rested.

    Raises:
        ProtestUnknown: The lot has no such protest.
        ProtestDecided: It was decided otherwise before.
        ProtestMoot: The award that it was against was withdrawn.
    """
    found = next((each for each in standing.protests if each.id == ruling.protest_id), None)
    if found is None:
        raise ProtestUnknown
    if found.moot_at is not None:
        sentence = "The award was withdrawn, so that nothing is left to decide."
        raise ProtestMoot(sentence)
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
        ended = withdrawn(after, lines, reason=ruling.decision, by=ruling.by, now=now)
        return Decision(ended.state, (fact, *ended.facts))
    if any(each.is_open for each in protests):
        return Decision(after, (fact,))
    resumed = tuple(_resumed(award, now=now) for award in after.awards)
    return Decision(replace(after, awards=resumed), (fact,))


def _in_standstill(awards: Sequence[Award], now: datetime) -> bool:
    return bool(awards) and all(
        award.status is AwardStatus.INTENDED
        and award.standstill_ends_at is not None
        and (award.suspended_at is not None or now < award.standstill_ends_at)
        for award in awards
    )


def _resumed(award: Award, *, now: datetime) -> Award:
    if award.suspended_at is None or award.standstill_ends_at is None:
        return award
    rested = now - award.suspended_at
    return replace(award, suspended_at=None, standstill_ends_at=award.standstill_ends_at + rested)
