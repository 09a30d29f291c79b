"""Ask the members of group pricing: each accepts or declines its line while the window is open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.award import Award, AwardStatus, Course, LotAwards
from services.bids.domain.awards.course import made
from services.bids.domain.awards.deciding import LotNotAwarded, announced
from services.bids.domain.awards.lines import AwardLineId, Line, Lines, cost_of
from services.bids.domain.awards.telling import intended_events, withdrawn_events
from services.bids.domain.consortium import PriceOnDeclines, SilenceMeans
from services.bids.domain.lots import LotStatus, exact
from services.bids.domain.terms import Terms
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AwardId, PartyId
from shared.domain.money import UnitPrice
from shared.domain.refusals import Kind, Refusal

DECLINED: Final = "Every member declined its line."
PRICED_ANEW: Final = "Members declined, and the lower quantity has another price."


class AwardLineUnknown(Refusal):
    """There is no such line of the caller's."""

    kind = Kind.NOT_FOUND
    code = "award_line_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("You have no such award line.")


class AnswersClosed(Refusal):
    """The member is not asked, or not any more."""

    kind = Kind.CONFLICT
    code = "answers_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a member says to its line, and which person says so."""

    line_id: AwardLineId
    member_id: PartyId
    accepts: bool
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardLineAnswered(Fact):
    """A member accepted or declined its line; the last answer in the window counts."""

    TYPE: ClassVar[str] = "lot.award_line_answered"

    award_id: AwardId
    award_line_id: AwardLineId
    member_id: PartyId
    accepts: bool
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersCounted(Fact):
    """The window is over, or all have answered; what silence means the RFP's terms say."""

    TYPE: ClassVar[str] = "lot.award_answers_counted"

    accepted: tuple[AwardLineId, ...]
    declined: tuple[AwardLineId, ...]
    silent: tuple[AwardLineId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repriced:
    """An award's accepted lines at the price that their quantity together reaches."""

    price: UnitPrice
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """What the count of answers needs to know.

    `answers` are the last ones, by line; what silence means the RFP's `terms` say. `reprice` finds
    an award's price anew for the lines that were accepted; None where its price holds at any
    quantity, or there is no other.
    """

    answers: Mapping[AwardLineId, bool]
    bidders: Sequence[Bidder]
    names: Mapping[AwardId, str]
    terms: Terms
    reprice: Callable[[Award, Sequence[Line]], Repriced | None]
    mint: Callable[[], AwardId]


@dataclass(frozen=True, slots=True)
class Counted:
    """What the count came to: the awards after it, and the lines of those that are new."""

    decision: Decision[LotAwards]
    new_lines: Mapping[AwardId, tuple[Line, ...]]


def is_accepted(line_id: AwardLineId, answers: Mapping[AwardLineId, bool], terms: Terms) -> bool:
    """Tell whether a line is taken: as its member said, or as the RFP says that silence means.

    Without a window nobody is asked, and every line is.
    """
    if terms.acceptance_window_s is None:
        return True
    return answers.get(line_id, terms.silence_means is SilenceMeans.ACCEPTED)


def accepted_of(
    award: Award,
    lines: Sequence[tuple[AwardLineId, Line]],
    answers: Mapping[AwardLineId, bool],
    terms: Terms,
) -> list[tuple[AwardLineId, Line]]:
    """Keep the lines that hold: of an award that its members answered, those that are taken."""
    if award.status is not AwardStatus.MADE or award.answers_end_at is None:
        return list(lines)
    return [each for each in lines if is_accepted(each[0], answers, terms)]


def decide_answer(
    standing: LotAwards, award_id: AwardId, answer: Answer, *, before: bool | None, now: datetime
) -> Decision[LotAwards]:
    """Take a member's answer to its line; the same again changes nothing.

    Raises:
        AnswersClosed: The award is not recommended, or its window has passed.
    """
    if not any(award.id == award_id and _is_asked(award, now) for award in standing.awards):
        sentence = "Members answer to a recommended award while its window is open."
        raise AnswersClosed(sentence)
    if before == answer.accepts:
        return Decision(standing)
    fact = AwardLineAnswered(
        award_id=award_id,
        award_line_id=answer.line_id,
        member_id=answer.member_id,
        accepts=answer.accepts,
        by=answer.by,
    )
    return Decision(standing, (fact,))


def decide_count(
    standing: LotAwards, course: Course, lines: Lines, counting: Counting, *, now: datetime
) -> Counted:
    """Once the window has passed, or all have answered, make awards of the accepted lines.

    Where a price is to be found anew at the lower quantity and it differs, the lot is intended anew
    for those who accepted, who will be asked again. Without any acceptance the lot ends without
    award. Changes nothing before or afterwards.
    """
    if not _is_due(standing, lines, counting, now):
        return Counted(Decision(standing), {})
    accepted: Lines = {
        award_id: [each for each in own if is_accepted(each[0], counting.answers, counting.terms)]
        for award_id, own in lines.items()
    }
    fact = _fact(lines, counting)
    if not any(accepted.values()):
        return _nobody(standing, lines, fact, now=now)
    prices = {award.id: _price_anew(award, lines, accepted, counting) for award in standing.awards}
    if any(prices.values()):
        return _anew(standing, course, (fact, lines, accepted, prices), counting, now=now)
    kept, emptied = _parted(standing.awards, accepted, now=now)
    final = made(replace(standing, awards=kept), accepted, counting.names, now=now)
    state = replace(final.state, awards=(*final.state.awards, *emptied))
    # Members know that they declined; that nothing is left of an award is news to its vendor.
    ended = (
        event
        for award in emptied
        for event in withdrawn_events(state.lot, award, [], reason=DECLINED)
    )
    return Counted(Decision(state, (fact, *final.facts, *ended)), {})


Anew = tuple[AnswersCounted, Lines, Lines, Mapping[AwardId, Repriced | None]]


def _anew(
    standing: LotAwards, course: Course, found: Anew, counting: Counting, *, now: datetime
) -> Counted:
    """Intend every award of the lot anew that somebody accepted, at the prices found."""
    fact, lines, accepted, prices = found
    new_lines: dict[AwardId, tuple[Line, ...]] = {}
    renewed: list[Award] = []
    told: list[Fact] = [fact]
    for award in standing.awards:
        told += withdrawn_events(standing.lot, award, lines[award.id], reason=PRICED_ANEW)
        if not accepted[award.id]:
            continue
        repriced = prices[award.id]
        own = tuple(line for _, line in accepted[award.id])
        price, own = (award.price, own) if repriced is None else (repriced.price, repriced.lines)
        fresh = replace(
            _of_lines(award, own),
            id=counting.mint(),
            price=price,
            answers_end_at=None,
            decided_at=now,
        )
        renewed.append(announced(fresh, course, now=now))
        new_lines[fresh.id] = own
    told += intended_events(standing.lot, renewed, counting.bidders)
    ended = (_ended(award, PRICED_ANEW, now=now) for award in standing.awards)
    state = replace(standing, awards=(*renewed, *ended))
    return Counted(Decision(state, tuple(told)), new_lines)


def _nobody(standing: LotAwards, lines: Lines, fact: Fact, *, now: datetime) -> Counted:
    """End a lot of which nobody wants any part."""
    lot = replace(standing.lot, status=LotStatus.NO_AWARD)
    told = tuple(
        event
        for award in standing.awards
        for event in withdrawn_events(lot, award, lines[award.id], reason=DECLINED)
    )
    ended = tuple(_ended(award, DECLINED, now=now) for award in standing.awards)
    facts = (fact, *told, LotNotAwarded(reason=DECLINED))
    return Counted(Decision(replace(standing, lot=lot, awards=ended), facts), {})


def _parted(
    awards: Sequence[Award], accepted: Lines, *, now: datetime
) -> tuple[tuple[Award, ...], tuple[Award, ...]]:
    """Keep awards with what was accepted of them; end those of which nothing was."""
    kept = tuple(
        _of_lines(award, [line for _, line in accepted[award.id]])
        for award in awards
        if accepted[award.id]
    )
    emptied = tuple(_ended(award, DECLINED, now=now) for award in awards if not accepted[award.id])
    return kept, emptied


def _price_anew(award: Award, lines: Lines, accepted: Lines, counting: Counting) -> Repriced | None:
    is_less = 0 < len(accepted[award.id]) < len(lines[award.id])
    if counting.terms.price_on_declines is not PriceOnDeclines.ANEW or not is_less:
        return None
    return counting.reprice(award, [line for _, line in accepted[award.id]])


def _is_asked(award: Award, now: datetime) -> bool:
    return (
        award.status is AwardStatus.RECOMMENDED
        and award.answers_end_at is not None
        and now < award.answers_end_at
    )


def _is_due(standing: LotAwards, lines: Lines, counting: Counting, now: datetime) -> bool:
    awards = standing.awards
    if not awards or any(each.status is not AwardStatus.RECOMMENDED for each in awards):
        return False
    have_answered = all(line_id in counting.answers for own in lines.values() for line_id, _ in own)
    return have_answered or not any(_is_asked(award, now) for award in awards)


def _of_lines(award: Award, lines: Sequence[Line]) -> Award:
    quantity = exact(sum((line.quantity for line in lines), Decimal(0)))
    return replace(award, quantity=quantity, total=cost_of(lines))


def _ended(award: Award, reason: str, *, now: datetime) -> Award:
    return replace(award, status=AwardStatus.WITHDRAWN, ended_at=now, ended_reason=reason)


def _fact(lines: Lines, counting: Counting) -> AnswersCounted:
    line_ids = [line_id for own in lines.values() for line_id, _ in own]
    given = counting.answers
    return AnswersCounted(
        accepted=tuple(each for each in line_ids if given.get(each) is True),
        declined=tuple(each for each in line_ids if given.get(each) is False),
        silent=tuple(each for each in line_ids if each not in given),
    )
