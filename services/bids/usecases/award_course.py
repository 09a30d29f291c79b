"""Lead awards on: approval, protest, withdrawal, members' answers, and what a clock brings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from services.bids.domain.awards.answers import (
    Answer,
    Counting,
    Repriced,
    decide_answer,
    decide_count,
)
from services.bids.domain.awards.award import Award, AwardStatus, LotAwards, Protest
from services.bids.domain.awards.course import decide_approve, decide_due
from services.bids.domain.awards.lines import Line
from services.bids.domain.awards.protests import Ruling, decide_protest, decide_ruling
from services.bids.domain.awards.repricing import reprice
from services.bids.domain.awards.withdrawing import decide_withdraw
from services.bids.domain.policy import PolicyBook
from services.bids.ports.awards import (
    Answered,
    AwardRecord,
    Awards,
    Change,
    DecideStanding,
    Standing,
)
from services.bids.usecases.awards import course_of
from shared.auth import Principal, Role
from shared.clock import Clock
from shared.domain.ids import AwardId, LotId, PartyId, new_id

ACTOR: Final = "bids"
"""Who made so what a clock brings."""

DUE_MAX: Final = 100
"""How many lots one step brings on; the rest are taken by the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person who acts for a buyer, as its token names it."""

    buyer_id: PartyId
    subject: str


class AwardCourse:
    """Carry a lot's awards from their decision to their end."""

    def __init__(self, awards: Awards, *, clock: Clock, policies: PolicyBook) -> None:
        """Use a store of awards; a profile says whether a second person approves them."""
        self._awards = awards
        self._clock = clock
        self._policies = policies

    async def approve(self, lot_id: LotId, person: Person) -> list[AwardRecord]:
        """Approve what was proposed for the buyer's own lot, as a second person.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            AwardNotProposed: Nothing waits for approval.
            ApproverDecided: The same person decided it.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """
        now = self._clock.now()

        def decide(standing: Standing) -> Change:
            course = course_of(standing.rfp, self._policies)
            bidders = standing.rankings.deciding
            return Change(
                decide_approve(standing.lot_awards, course, bidders, by=person.subject, now=now)
            )

        return await self._change_own(lot_id, decide, person, now)

    async def protest(
        self, protest_id: UUID, lot_id: LotId, *, vendor_id: PartyId, grounds: str
    ) -> Protest:
        """Take a vendor's protest; until it is decided the standstill rests.

        Raises:
            LotUnknown: No such lot.
            ProtesterUnknown: The vendor did not bid on the lot.
            ProtestTooLate: No award of the lot is in its standstill.
        """
        now = self._clock.now()
        protest = Protest(
            id=protest_id, lot_id=lot_id, vendor_id=vendor_id, grounds=grounds, filed_at=now
        )

        def decide(standing: Standing) -> Change:
            bidders = frozenset(bid.vendor_id for bid in standing.opened)
            return Change(decide_protest(standing.lot_awards, protest, bidders=bidders))

        after = await self._awards.change(
            lot_id, decide, buyer_id=None, actor=str(vendor_id), at=now
        )
        return next(each for each in after.protests if each.id == protest_id)

    async def rule(self, lot_id: LotId, ruling: Ruling, *, buyer_id: PartyId) -> Protest:
        """Decide a protest against an award of the buyer's own lot.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            ProtestUnknown: The lot has no such protest.
            ProtestDecided: It was decided otherwise before.
            ProtestMoot: The award that it was against was withdrawn.
        """
        now = self._clock.now()

        def decide(standing: Standing) -> Change:
            return Change(decide_ruling(standing.lot_awards, ruling, standing.lines, now=now))

        after = await self._awards.change(
            lot_id, decide, buyer_id=buyer_id, actor=str(buyer_id), at=now
        )
        return next(each for each in after.protests if each.id == ruling.protest_id)

    async def withdraw(self, lot_id: LotId, reason: str, person: Person) -> list[AwardRecord]:
        """Take the awards of the buyer's own lot back; it can then be decided anew.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            AwardNotStanding: No award of it stands.
        """
        now = self._clock.now()

        def decide(standing: Standing) -> Change:
            return Change(
                decide_withdraw(
                    standing.lot_awards,
                    standing.lines,
                    reason=reason,
                    by=person.subject,
                    now=now,
                )
            )

        return await self._change_own(lot_id, decide, person, now)

    async def answer(self, award_id: AwardId, answer: Answer) -> None:
        """Take a member's answer to its own line, in place of an earlier one.

        Raises:
            AwardLineUnknown: No such line of this member's.
            AnswersClosed: The award is not recommended, or its window has passed.
        """
        now = self._clock.now()
        lot_id = await self._awards.of_line(award_id, answer.line_id, member_id=answer.member_id)

        def decide(standing: Standing) -> Change:
            before = standing.answers.get(answer.line_id)
            return Change(
                decide_answer(standing.lot_awards, award_id, answer, before=before, now=now)
            )

        answered = Answered(line_id=answer.line_id, accepts=answer.accepts, by=answer.by)
        await self._awards.change(
            lot_id, decide, buyer_id=None, actor=str(answer.member_id), at=now, answered=answered
        )

    async def protests(self, lot_id: LotId, viewer: Principal) -> list[Protest]:
        """Read a lot's protests: a vendor its own, others none, its buyer and auditors all.

        Raises:
            LotUnknown: No such lot.
        """
        lot = await self._awards.lot(lot_id)
        sees_all = viewer.role is Role.AUDITOR or viewer.party_id == lot.buyer_id
        return [
            protest
            for protest in await self._awards.protests(lot_id)
            if sees_all or protest.vendor_id == viewer.party_id
        ]

    async def due(self, now: datetime) -> list[LotId]:
        """List the lots whose awards are to be brought on now."""
        return await self._awards.due(now, limit=DUE_MAX)

    async def bring_on(self, lot_id: LotId, now: datetime) -> LotAwards | None:
        """Do what a lot's awards are due for; None when they stay as they are."""
        is_changed = False

        def decide(standing: Standing) -> Change:
            nonlocal is_changed
            change = self._due_change(standing, now)
            is_changed = bool(change.decision.facts)
            return change

        after = await self._awards.change(lot_id, decide, buyer_id=None, actor=ACTOR, at=now)
        return after if is_changed else None

    def _due_change(self, standing: Standing, now: datetime) -> Change:
        course = course_of(standing.rfp, self._policies)
        awards = standing.lot_awards.awards
        if any(award.status is AwardStatus.RECOMMENDED for award in awards):
            counted = decide_count(
                standing.lot_awards, course, standing.lines, _counting(standing), now=now
            )
            return Change(counted.decision, counted.new_lines)
        return Change(
            decide_due(standing.lot_awards, course, standing.lines, standing.names, now=now)
        )

    async def _change_own(
        self, lot_id: LotId, decide: DecideStanding, person: Person, now: datetime
    ) -> list[AwardRecord]:
        await self._awards.change(
            lot_id, decide, buyer_id=person.buyer_id, actor=str(person.buyer_id), at=now
        )
        return await self._awards.of_lot(lot_id)


def _counting(standing: Standing) -> Counting:
    return Counting(
        answers=standing.answers,
        bidders=standing.rankings.deciding,
        names=standing.names,
        terms=standing.rfp.terms,
        reprice=partial(repriced, standing),
        mint=lambda: AwardId(new_id()),
    )


def repriced(standing: Standing, award: Award, lines: Sequence[Line]) -> Repriced | None:
    """Price accepted lines anew by the bid's own tiers; see `reprice`."""
    before = [line for _, line in standing.lines[award.id]]
    return reprice(standing.pricing_of(award.vendor_id), award.price, before, lines)
