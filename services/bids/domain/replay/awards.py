"""Decide a lot again from a bundle: its winners, and each member's line to the cent."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final
from uuid import UUID

from services.bids.domain.awards.answers import PRICED_ANEW, is_accepted
from services.bids.domain.awards.award import PENDING, AwardStatus
from services.bids.domain.awards.deciding import (
    Choice,
    Part,
    require_awardable,
    whole_lot,
    winner_of,
)
from services.bids.domain.awards.lines import AwardLineId, Line, cost_of
from services.bids.domain.awards.repricing import reprice
from services.bids.domain.awards.splitting import PackagePrices, split_of
from services.bids.domain.lots import LotStatus, exact
from services.bids.domain.replay.bundle import (
    AwardBundle,
    PublishedAward,
    PublishedLine,
    PublishedLot,
)
from services.bids.domain.replay.differing import Differs, Naming, require, require_same
from services.bids.domain.replay.rebuilding import RebuiltLot, rfp_of, terms_of
from services.bids.domain.winners.award import Outcome
from shared.domain.ids import PartyId
from shared.domain.money import Money, digits_of
from shared.domain.refusals import Refusal

Outcomes = Mapping[UUID, Outcome]
"""The awards of the scenarios that are told, by their ids."""


RESCORED: Final = "Marks could be changed after the award was withdrawn."
"""Stands in for a reason where a withdrawn award need not be the best of today's ranking."""


def line_told(line_id: UUID, line: Line, *, accepts: bool | None) -> PublishedLine:
    """Tell a member's line."""
    return PublishedLine(
        id=line_id,
        member_id=line.member_id,
        quantity=exact(line.quantity),
        total=str(line.total),
        margin=_text(line.margin),
        baseline_total=_text(line.baseline_total),
        saving=_text(line.saving),
        accepts=accepts,
    )


def check_awards(rebuilt: RebuiltLot, outcomes: Outcomes, naming: Naming) -> Iterator[str]:
    """Decide a lot again, each time that it was decided.

    Raises:
        Differs: A winner, a price, a line or a sum is another, or a reason is missing.
    """
    told, place = rebuilt.told, naming.place(rebuilt.told)
    decided = [award for award in told.awards if award.sequence is not None]
    decided.sort(key=lambda award: (award.sequence or 0, award.vendor_id))
    for sequence, group in groupby(decided, key=lambda award: award.sequence or 0):
        awards = tuple(group)
        parts = _parts(rebuilt, awards, (sequence, outcomes), naming)
        if parts is None:
            yield f"{place}: not checked: an award follows a scenario that is left out."
            continue
        winners = tuple(naming.party(part.vendor_id) for part in parts)
        stated = tuple(naming.party(award.vendor_id) for award in awards)
        require_same(f"{place}: winners", stated, winners, lambda _, index: f"winner {index}")
        for award, part in zip(awards, parts, strict=True):
            _check_part(rebuilt, award, part, naming)
        yield _found(place, awards, winners)
    for award in told.awards:
        if award.sequence is None:
            _check_repriced(rebuilt, award, naming)
            yield f"{place}: the award that followed from declined lines has its price and lines."
    _check_course(told, place)


def outcomes_price(bundle: AwardBundle) -> PackagePrices:
    """Find what each package asks for a unit of each of its lots."""
    return {
        f"{bid_id}:package:{place}": dict(package.prices)
        for lot in bundle.lots
        for bid_id, content in RebuiltLot(bundle, lot).contents.items()
        for place, package in enumerate(content.packages, start=1)
    }


def _found(place: str, awards: Sequence[PublishedAward], winners: Sequence[str]) -> str:
    lines = sum(len(award.lines) for award in awards)
    what = "withdrawn award" if awards[0].status is AwardStatus.WITHDRAWN else "award"
    return (
        f"{place}: the {what} to {' and '.join(winners)} follows from the rules, "
        f"and its {lines} lines are right to the cent."
    )


def _parts(
    rebuilt: RebuiltLot,
    awards: Sequence[PublishedAward],
    given: tuple[int, Outcomes],
    naming: Naming,
) -> tuple[Part, ...] | None:
    """Decide once more; None where a scenario decided that is not told."""
    (sequence, outcomes), first = given, awards[0]
    place = f"{naming.place(rebuilt.told)}: award to {naming.party(first.vendor_id)}"
    try:
        rankings = rebuilt.rankings(sequence)
        require_awardable(rfp_of(rebuilt.bundle), rankings, now=first.decided_at)
        if first.scenario_id is None:
            reason = RESCORED if _may_be_rescored(rebuilt, first) else first.reason
            choice = Choice(award_id=first.id, vendor_id=first.vendor_id, reason=reason)
            winner = winner_of(choice, rankings.deciding)
            pricing = rebuilt.pricing_of(winner.vendor_id)
            return (whole_lot(rebuilt.pooled, winner, pricing),)
        if first.scenario_id not in outcomes:
            return None
        outcome = outcomes[first.scenario_id]
        return split_of(rebuilt.pooled, outcome, outcomes_price(rebuilt.bundle)).parts
    except Refusal as refusal:
        wrong = f"{place}: {refusal}"
        raise Differs(wrong) from refusal


def _may_be_rescored(rebuilt: RebuiltLot, award: PublishedAward) -> bool:
    """Tell whether marks could change after an award that was withdrawn: then it may rank lower."""
    released_at = rebuilt.told.prices_released_at
    is_fixed = released_at is not None and released_at <= award.decided_at
    return award.ended_at is not None and bool(rebuilt.told.marks) and not is_fixed


def _check_part(rebuilt: RebuiltLot, award: PublishedAward, part: Part, naming: Naming) -> None:
    place = naming.place(rebuilt.told)
    to = f"{place}: award to {naming.party(award.vendor_id)}"
    require_same(f"{to}: unit price", award.unit_price, str(part.price), naming.label)
    _check_lines(award, part.lines, place, naming)
    _check_sums(rebuilt, award, part.lines, naming)


def _check_lines(award: PublishedAward, lines: Sequence[Line], place: str, naming: Naming) -> None:
    stated = {line.member_id: line for line in award.lines}
    computed = tuple(
        line_told(own.id, line, accepts=own.accepts)
        for line in lines
        if (own := stated.get(line.member_id)) is not None
    )
    require_same(place, award.lines, computed, naming.label)
    missing = {line.member_id for line in lines} - stated.keys()
    names = ", ".join(sorted(map(naming.party, missing)))
    require(place, holds=not missing, sentence=f"there is no line of {names}")


def _check_sums(
    rebuilt: RebuiltLot, award: PublishedAward, lines: Sequence[Line], naming: Naming
) -> None:
    """Hold an award's sums against its lines; those that members declined do not count."""
    taken = _taken(rebuilt, award)
    counted = {
        line.member_id for line in award.lines if award.made_at is None or line.member_id in taken
    }
    kept = [line for line in lines if line.member_id in counted]
    to = f"{naming.place(rebuilt.told)}: award to {naming.party(award.vendor_id)}"
    require(to, holds=bool(kept), sentence="nobody took any line of it")
    quantity = exact(sum((line.quantity for line in kept), Decimal(0)))
    require_same(f"{to}: quantity", award.quantity, quantity, naming.label)
    require_same(f"{to}: total", award.total, str(cost_of(kept)), naming.label)


def _check_repriced(rebuilt: RebuiltLot, award: PublishedAward, naming: Naming) -> None:
    """Check an award that followed another when members declined, at the price of fewer units."""
    place = naming.place(rebuilt.told)
    before = [
        each
        for each in rebuilt.told.awards
        if each.vendor_id == award.vendor_id
        and each.ended_reason == PRICED_ANEW
        and each.ended_at == award.decided_at
    ]
    to = f"{place}: award to {naming.party(award.vendor_id)}"
    require(to, holds=len(before) == 1, sentence="no decision of the lot leads to it")
    lines = [_line(rebuilt, line) for line in before[0].lines]
    taken = _taken(rebuilt, before[0])
    accepted = [line for line in lines if line.member_id in taken]
    price = rebuilt.price(before[0].unit_price)
    anew = reprice(rebuilt.pricing_of(award.vendor_id), price, lines, accepted)
    kept = accepted if anew is None else anew.lines
    expected = Part(
        vendor_id=award.vendor_id,
        price=price if anew is None else anew.price,
        lines=tuple(kept),
    )
    _check_part(rebuilt, award, expected, naming)


def _taken(rebuilt: RebuiltLot, award: PublishedAward) -> set[PartyId]:
    """Name the members whose lines are taken: by what they said, or by what silence means."""
    answers = {
        AwardLineId(line.id): line.accepts for line in award.lines if line.accepts is not None
    }
    terms = terms_of(rebuilt.bundle)
    return {
        line.member_id for line in award.lines if is_accepted(AwardLineId(line.id), answers, terms)
    }


def _line(rebuilt: RebuiltLot, told: PublishedLine) -> Line:
    return Line(
        member_id=told.member_id,
        quantity=told.quantity,
        total=_money(rebuilt, told.total),
        baseline_total=None
        if told.baseline_total is None
        else _money(rebuilt, told.baseline_total),
        margin=None if told.margin is None else _money(rebuilt, told.margin),
    )


def _check_course(told: PublishedLot, place: str) -> None:
    """Check that awards went their way: standstill, protests, and what the lot became."""
    for award in told.awards:
        ends = award.standstill_ends_at
        is_early = award.made_at is not None and (ends is None or award.made_at < ends)
        require(place, holds=not is_early, sentence="an award was made before its standstill ended")
        is_ended = award.status is AwardStatus.WITHDRAWN
        sentence = "an award was withdrawn without a reason"
        require(place, holds=not is_ended or bool(award.ended_reason), sentence=sentence)
    made = any(award.status is AwardStatus.MADE for award in told.awards)
    pending = any(award.status in PENDING for award in told.awards)
    agreeing = (made == (told.status is LotStatus.AWARDED)) and (
        pending <= (told.status is LotStatus.INTENDED)
    )
    require(place, holds=agreeing, sentence=f"its awards are not those of a lot {told.status}")
    _check_protests(told, place, is_made=made)
    unreasoned = told.status is LotStatus.NO_AWARD and not told.not_awarded_reason
    require(place, holds=not unreasoned, sentence="it ended without award and without a reason")
    reasons = [(each.reason or "").strip() for each in told.disqualifications]
    require(place, holds=all(reasons), sentence="a bid was set aside without a reason")


def _check_protests(told: PublishedLot, place: str, *, is_made: bool) -> None:
    """Check that no protest was passed over: each was decided, or lost its award undecided."""
    undecided = any(each.is_upheld is None and each.moot_at is None for each in told.protests)
    require(place, holds=not (is_made and undecided), sentence="a protest was never decided")
    gone = {award.ended_at for award in told.awards if award.status is AwardStatus.WITHDRAWN}
    mooted = [each for each in told.protests if each.moot_at is not None]
    sentence = "a protest is moot without its award's withdrawal"
    lost = all(each.moot_at in gone and each.is_upheld is None for each in mooted)
    require(place, holds=lost, sentence=sentence)


def _money(rebuilt: RebuiltLot, text: str) -> Money:
    return Money(int(Decimal(text).scaleb(digits_of(rebuilt.currency))), rebuilt.currency)


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)
