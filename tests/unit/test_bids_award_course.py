"""What follows a decision: a second person, protest, standstill, withdrawal, members' answers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.answers import (
    Answer,
    AnswersClosed,
    AnswersCounted,
    AwardLineAnswered,
    Counted,
    Counting,
    Repriced,
    decide_answer,
    decide_count,
)
from services.bids.domain.awards.award import Award, AwardStatus, Course, LotAwards, Protest
from services.bids.domain.awards.course import (
    ApproverDecided,
    AwardNotProposed,
    decide_approve,
    decide_due,
)
from services.bids.domain.awards.lines import AwardLineId, Line
from services.bids.domain.awards.protests import (
    ProtestDecided,
    ProtesterUnknown,
    ProtestMoot,
    ProtestTooLate,
    ProtestUnknown,
    Ruling,
    decide_protest,
    decide_ruling,
)
from services.bids.domain.awards.withdrawing import AwardNotStanding, decide_withdraw
from services.bids.domain.consortium import PriceOnDeclines, SilenceMeans
from services.bids.domain.lots import LotStatus
from services.bids.domain.terms import Terms
from shared.domain.ids import AwardId, PartyId
from shared.domain.money import Money
from shared.events.awards import (
    AwardIntended,
    AwardLineMade,
    AwardLineRecommended,
    AwardLineWithdrawn,
    AwardMade,
    AwardNoticed,
    AwardProtested,
    AwardProtestMooted,
    AwardRecommended,
    AwardWithdrawn,
)
from tests.unit.bids_lot import MILK, USD, price

NOW = datetime(2027, 3, 16, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
COURSE = Course(standstill=10 * DAY)
ASKING = replace(COURSE, window=30 * DAY)
AWARD_ID = AwardId(UUID(int=1))
WINNER, LOSER, STRANGER = (PartyId(UUID(int=number)) for number in (11, 12, 13))
NORTH, SOUTH = (PartyId(UUID(int=number)) for number in (21, 22))
NORTHS, SOUTHS = (AwardLineId(UUID(int=number)) for number in (31, 32))
PROTEST_ID = UUID(int=41)
BIDDERS = frozenset({WINNER, LOSER})

LOT = replace(MILK, status=LotStatus.INTENDED)


RANKING = (Bidder(WINNER, 1, price("0.25")), Bidder(LOSER, 2, price("0.28")))


def line(member_id: PartyId, quantity: int, cents: int) -> Line:
    return Line(
        member_id=member_id,
        quantity=Decimal(quantity),
        total=Money(cents, USD),
        baseline_total=None,
    )


LINES = {AWARD_ID: [(NORTHS, line(NORTH, 300, 7500)), (SOUTHS, line(SOUTH, 120, 3000))]}
NAMES = {AWARD_ID: "Dairy"}

PROPOSED = Award(
    id=AWARD_ID,
    lot_id=LOT.id,
    vendor_id=WINNER,
    price=price("0.25"),
    quantity=Decimal(420),
    total=Money(10500, USD),
    reason=None,
    status=AwardStatus.PROPOSED,
    decided_at=NOW,
    decided_by="first person",
)
INTENDED = replace(
    PROPOSED,
    status=AwardStatus.INTENDED,
    intended_at=NOW,
    standstill_ends_at=NOW + 10 * DAY,
)
RECOMMENDED = replace(INTENDED, status=AwardStatus.RECOMMENDED, answers_end_at=NOW + 40 * DAY)


def standing(award: Award, *protests: Protest) -> LotAwards:
    return LotAwards(LOT, (award,), protests)


def protest(vendor_id: PartyId = LOSER, *, at: datetime = NOW + DAY, number: int = 0) -> Protest:
    return Protest(
        id=UUID(int=PROTEST_ID.int + number),
        lot_id=LOT.id,
        vendor_id=vendor_id,
        grounds="Our delivery time was read wrong.",
        filed_at=at,
    )


def ruling(*, is_upheld: bool, number: int = 0) -> Ruling:
    return Ruling(
        protest_id=UUID(int=PROTEST_ID.int + number),
        is_upheld=is_upheld,
        decision="The offer states ten days.",
        by="first person",
    )


def test_second_person_starts_the_standstill_and_vendors_are_told() -> None:
    decision = decide_approve(standing(PROPOSED), COURSE, RANKING, by="second", now=NOW + DAY)

    (award,) = decision.state.awards
    assert (award.status, award.approved_by) == (AwardStatus.INTENDED, "second")
    assert (award.intended_at, award.standstill_ends_at) == (NOW + DAY, NOW + 11 * DAY)
    _, told, *noticed = decision.facts
    assert isinstance(told, AwardIntended)
    assert [
        (each.vendor_id, each.is_winner, each.rank, each.unit_price)
        for each in noticed
        if isinstance(each, AwardNoticed)
    ] == [(WINNER, True, 1, "0.25"), (LOSER, False, 2, "0.28")]


def test_who_decided_cannot_be_the_second_person() -> None:
    with pytest.raises(ApproverDecided):
        decide_approve(standing(PROPOSED), COURSE, RANKING, by="first person", now=NOW)


@pytest.mark.parametrize("awards", [(), (INTENDED,), (PROPOSED, INTENDED)])
def test_nothing_is_approved_but_what_is_proposed(awards: tuple[Award, ...]) -> None:
    with pytest.raises(AwardNotProposed):
        decide_approve(LotAwards(LOT, awards), COURSE, RANKING, by="second", now=NOW)


def test_protest_rests_the_standstill_and_its_denial_gives_the_time_back() -> None:
    protested = decide_protest(standing(INTENDED), protest(at=NOW + 3 * DAY), bidders=BIDDERS)
    denied = decide_ruling(protested.state, ruling(is_upheld=False), LINES, now=NOW + 8 * DAY).state

    (told,) = protested.facts
    assert isinstance(told, AwardProtested)
    assert protested.state.awards[0].suspended_at == NOW + 3 * DAY
    assert decide_due(protested.state, COURSE, LINES, NAMES, now=NOW + 99 * DAY).facts == ()
    assert denied.awards[0].suspended_at is None
    assert denied.awards[0].standstill_ends_at == NOW + 15 * DAY
    assert denied.protests[0].decision == "The offer states ten days."


def test_standstill_rests_until_the_last_of_several_protests_is_decided() -> None:
    first = decide_protest(standing(INTENDED), protest(at=NOW + DAY), bidders=BIDDERS).state
    second = protest(at=NOW + 20 * DAY, number=1)
    both = decide_protest(first, second, bidders=BIDDERS).state

    one_left = decide_ruling(both, ruling(is_upheld=False), LINES, now=NOW + 21 * DAY).state
    none_left = decide_ruling(
        one_left, ruling(is_upheld=False, number=1), LINES, now=NOW + 25 * DAY
    ).state

    # Its ten days began at NOW, one of them had passed, and it rested from the 1st to the 25th.
    assert one_left.awards[0].suspended_at == NOW + DAY
    assert none_left.awards[0].standstill_ends_at == NOW + 34 * DAY


def test_upheld_protest_takes_the_award_back_and_the_lot_is_evaluated() -> None:
    protested = decide_protest(standing(INTENDED), protest(), bidders=BIDDERS).state

    upheld = decide_ruling(protested, ruling(is_upheld=True), LINES, now=NOW + 2 * DAY)

    assert upheld.state.lot.status is LotStatus.EVALUATED
    assert upheld.state.awards[0].status is AwardStatus.WITHDRAWN
    assert upheld.state.awards[0].ended_reason == "The offer states ten days."
    assert [type(fact) for fact in upheld.facts][-1] is AwardWithdrawn


def test_other_protests_are_moot_once_one_is_upheld_and_their_vendors_are_told() -> None:
    first = decide_protest(standing(INTENDED), protest(), bidders=BIDDERS).state
    denied = decide_ruling(
        decide_protest(first, protest(number=1), bidders=BIDDERS).state,
        ruling(is_upheld=False, number=1),
        LINES,
        now=NOW + 2 * DAY,
    ).state
    three = decide_protest(denied, protest(WINNER, number=2), bidders=BIDDERS).state

    upheld = decide_ruling(three, ruling(is_upheld=True), LINES, now=NOW + 3 * DAY)

    assert [each.status for each in upheld.state.protests] == ["upheld", "denied", "moot"]
    moot = upheld.state.protests[2]
    assert (moot.moot_at, moot.decision, moot.is_open) == (NOW + 3 * DAY, None, False)
    told = [fact for fact in upheld.facts if isinstance(fact, AwardProtestMooted)]
    assert [(each.protest_id, each.vendor_id, each.reason) for each in told] == [
        (moot.id, WINNER, "The offer states ten days.")
    ]


def test_withdrawal_leaves_no_protest_open() -> None:
    protested = decide_protest(standing(INTENDED), protest(), bidders=BIDDERS).state

    taken_back = decide_withdraw(protested, LINES, reason="why", by="first person", now=NOW + DAY)

    assert [each.status for each in taken_back.state.protests] == ["moot"]
    assert isinstance(taken_back.facts[-1], AwardProtestMooted)


@pytest.mark.parametrize("is_upheld", [True, False])
def test_moot_protest_is_decided_no_more(is_upheld: bool) -> None:  # noqa: FBT001 - a table
    moot = replace(protest(), moot_at=NOW + 2 * DAY)

    with pytest.raises(ProtestMoot):
        decide_ruling(
            standing(INTENDED, moot), ruling(is_upheld=is_upheld), LINES, now=NOW + 3 * DAY
        )


def test_moot_protest_does_not_hold_up_the_next_standstill() -> None:
    moot = replace(protest(), moot_at=NOW + 2 * DAY)
    again = protest(at=NOW + 3 * DAY, number=1)
    protested = decide_protest(standing(INTENDED, moot), again, bidders=BIDDERS).state

    denied = decide_ruling(
        protested, ruling(is_upheld=False, number=1), LINES, now=NOW + 5 * DAY
    ).state

    assert denied.awards[0].suspended_at is None
    assert denied.awards[0].standstill_ends_at == NOW + 12 * DAY
    assert denied.protests[0] == moot


@pytest.mark.parametrize(
    ("award", "at"),
    [
        (INTENDED, NOW + 10 * DAY),
        (PROPOSED, NOW),
        (RECOMMENDED, NOW),
        (replace(INTENDED, status=AwardStatus.MADE), NOW),
    ],
)
def test_protest_outside_the_standstill_is_refused(award: Award, at: datetime) -> None:
    with pytest.raises(ProtestTooLate):
        decide_protest(standing(award), protest(at=at), bidders=BIDDERS)


def test_protest_in_the_standstills_last_microsecond_is_taken() -> None:
    late = protest(at=NOW + 10 * DAY - MICROSECOND)

    assert decide_protest(standing(INTENDED), late, bidders=BIDDERS).facts


def test_only_a_bidder_protests() -> None:
    with pytest.raises(ProtesterUnknown):
        decide_protest(standing(INTENDED), protest(STRANGER), bidders=BIDDERS)


def test_protest_filed_again_changes_nothing() -> None:
    once = decide_protest(standing(INTENDED), protest(), bidders=BIDDERS).state

    assert decide_protest(once, protest(), bidders=BIDDERS).facts == ()


def test_protest_is_decided_once() -> None:
    once = decide_protest(standing(INTENDED), protest(), bidders=BIDDERS).state
    denied = decide_ruling(once, ruling(is_upheld=False), LINES, now=NOW + 2 * DAY).state

    assert decide_ruling(denied, ruling(is_upheld=False), LINES, now=NOW + 3 * DAY).facts == ()
    with pytest.raises(ProtestDecided):
        decide_ruling(denied, ruling(is_upheld=True), LINES, now=NOW + 3 * DAY)
    with pytest.raises(ProtestUnknown):
        decide_ruling(denied, ruling(is_upheld=True, number=9), LINES, now=NOW + 3 * DAY)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (AwardStatus.PROPOSED, []),
        (AwardStatus.INTENDED, [AwardWithdrawn]),
        (AwardStatus.RECOMMENDED, [AwardWithdrawn, AwardLineWithdrawn, AwardLineWithdrawn]),
        (AwardStatus.MADE, [AwardWithdrawn, AwardLineWithdrawn, AwardLineWithdrawn]),
    ],
)
def test_withdrawal_tells_those_who_had_heard_of_the_award(
    status: AwardStatus, told: list[type]
) -> None:
    award = replace(INTENDED, status=status)

    decision = decide_withdraw(
        standing(award), LINES, reason="The vendor gave it back.", by="first person", now=NOW + DAY
    )

    assert [type(fact) for fact in decision.facts[1:]] == told
    assert decision.state.lot.status is LotStatus.EVALUATED
    assert (decision.state.awards[0].ended_at, decision.state.awards[0].ended_reason) == (
        NOW + DAY,
        "The vendor gave it back.",
    )


def test_lot_without_an_award_has_nothing_to_withdraw() -> None:
    with pytest.raises(AwardNotStanding):
        decide_withdraw(LotAwards(LOT), {}, reason="why", by="first person", now=NOW)


def test_members_of_group_pricing_are_asked_once_the_standstill_is_over() -> None:
    early = decide_due(standing(INTENDED), ASKING, LINES, NAMES, now=NOW + 10 * DAY - MICROSECOND)
    due = decide_due(standing(INTENDED), ASKING, LINES, NAMES, now=NOW + 10 * DAY)

    assert early.facts == ()
    assert due.state.lot.status is LotStatus.INTENDED
    assert due.state.awards[0].answers_end_at == NOW + 40 * DAY
    assert [type(fact) for fact in due.facts] == [
        AwardRecommended,
        AwardLineRecommended,
        AwardLineRecommended,
    ]


def answer(*, accepts: bool) -> Answer:
    return Answer(line_id=NORTHS, member_id=NORTH, accepts=accepts, by="superintendent")


def test_member_answers_while_the_window_is_open_and_not_after() -> None:
    open_at, shut_at = NOW + 40 * DAY - MICROSECOND, NOW + 40 * DAY

    decision = decide_answer(
        standing(RECOMMENDED), AWARD_ID, answer(accepts=True), before=None, now=open_at
    )

    (fact,) = decision.facts
    assert isinstance(fact, AwardLineAnswered)
    assert (fact.member_id, fact.accepts) == (NORTH, True)
    for award, at in ((RECOMMENDED, shut_at), (INTENDED, open_at)):
        with pytest.raises(AnswersClosed):
            decide_answer(standing(award), AWARD_ID, answer(accepts=True), before=None, now=at)


def test_answer_that_is_given_again_changes_nothing_and_another_does() -> None:
    asked = standing(RECOMMENDED)

    same = decide_answer(asked, AWARD_ID, answer(accepts=True), before=True, now=NOW)
    other = decide_answer(asked, AWARD_ID, answer(accepts=False), before=True, now=NOW)

    assert (same.facts, len(other.facts)) == ((), 1)


def counting(
    answers: dict[AwardLineId, bool],
    *,
    repriced: Repriced | None = None,
    anew: bool = False,
    silence: SilenceMeans = SilenceMeans.DECLINED,
) -> Counting:
    def reprice(_award: Award, _lines: Sequence[Line]) -> Repriced | None:
        return repriced

    return Counting(
        answers=answers,
        bidders=RANKING,
        names=NAMES,
        terms=Terms(
            acceptance_window_s=1,
            silence_means=silence,
            price_on_declines=PriceOnDeclines.ANEW if anew else PriceOnDeclines.HOLDS,
        ),
        reprice=reprice,
        mint=lambda: AwardId(UUID(int=77)),
    )


def count(given: Counting, *, now: datetime = NOW + 40 * DAY) -> Counted:
    return decide_count(standing(RECOMMENDED), ASKING, LINES, given, now=now)


def test_window_that_is_open_counts_nothing_unless_all_have_answered() -> None:
    before = NOW + 40 * DAY - MICROSECOND

    waiting = count(counting({NORTHS: True}), now=before)
    all_in = count(counting({NORTHS: True, SOUTHS: True}), now=before)

    assert waiting.decision.facts == ()
    assert all_in.decision.state.lot.status is LotStatus.AWARDED


def test_silence_declines_and_the_award_is_made_of_what_was_accepted() -> None:
    counted = count(counting({NORTHS: True}))

    (award,) = counted.decision.state.awards
    assert (award.status, award.quantity, award.total) == (
        AwardStatus.MADE,
        Decimal(300),
        Money(7500, USD),
    )
    tally, made, own = counted.decision.facts
    assert isinstance(tally, AnswersCounted)
    assert (tally.accepted, tally.declined, tally.silent) == ((NORTHS,), (), (SOUTHS,))
    assert isinstance(made, AwardMade)
    assert isinstance(own, AwardLineMade)
    assert (made.total, made.lines, own.member_id) == ("75.00", 1, NORTH)


def test_silence_accepts_where_the_rfp_says_so() -> None:
    counted = count(counting({NORTHS: False}, silence=SilenceMeans.ACCEPTED))

    (award,) = counted.decision.state.awards
    assert (award.status, award.quantity, award.total) == (
        AwardStatus.MADE,
        Decimal(120),
        Money(3000, USD),
    )


def test_vendor_of_whose_part_nothing_was_accepted_is_told_so() -> None:
    other = replace(RECOMMENDED, id=AwardId(UUID(int=9)), vendor_id=LOSER)
    split = LotAwards(LOT, (RECOMMENDED, other))
    lines = {AWARD_ID: LINES[AWARD_ID][:1], other.id: LINES[AWARD_ID][1:]}
    given = replace(counting({NORTHS: True, SOUTHS: False}), names={AWARD_ID: "A", other.id: "B"})

    counted = decide_count(split, ASKING, lines, given, now=NOW)

    told = [fact for fact in counted.decision.facts if isinstance(fact, AwardWithdrawn)]
    assert [(each.award_id, each.vendor_id) for each in told] == [(other.id, LOSER)]
    assert [award.status for award in counted.decision.state.awards] == [
        AwardStatus.MADE,
        AwardStatus.WITHDRAWN,
    ]


def test_lot_that_everyone_declines_ends_without_award() -> None:
    counted = count(counting({NORTHS: False, SOUTHS: False}), now=NOW)

    assert counted.decision.state.lot.status is LotStatus.NO_AWARD
    assert counted.decision.state.awards[0].status is AwardStatus.WITHDRAWN


def test_price_of_the_lower_quantity_is_intended_anew_for_those_who_accepted() -> None:
    dearer = Repriced(price=price("0.30"), lines=(line(NORTH, 300, 9000),))

    counted = count(counting({NORTHS: True}, repriced=dearer, anew=True))

    renewed, ended = counted.decision.state.awards
    assert counted.decision.state.lot.status is LotStatus.INTENDED
    assert (renewed.id, renewed.status, renewed.price) == (
        AwardId(UUID(int=77)),
        AwardStatus.INTENDED,
        price("0.30"),
    )
    assert (renewed.quantity, renewed.total) == (Decimal(300), Money(9000, USD))
    assert renewed.standstill_ends_at == NOW + 50 * DAY
    assert (ended.id, ended.status) == (AWARD_ID, AwardStatus.WITHDRAWN)
    assert counted.new_lines == {renewed.id: dearer.lines}


@pytest.mark.parametrize("answers", [{NORTHS: True, SOUTHS: True}, {NORTHS: True}])
def test_price_that_holds_is_never_asked_for_anew(answers: dict[AwardLineId, bool]) -> None:
    dearer = Repriced(price=price("0.30"), lines=(line(NORTH, 300, 9000),))

    counted = count(counting(answers, repriced=dearer, anew=len(answers) == 2))

    assert counted.decision.state.lot.status is LotStatus.AWARDED
