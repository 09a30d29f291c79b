"""Terms, consortium models, addenda, questions and invitations, each as plain decisions."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from services.bids.domain.amendments import (
    ADDENDA_MAX,
    AddendaTooMany,
    Addendum,
    AddendumUnknown,
    Amendment,
    Confirmable,
    ConfirmationLate,
    DeadlineMoved,
    DeadlineMovedBack,
    NewAddendum,
    RfpNotPublished,
    decide_amend,
    decide_confirm,
    is_counted,
    with_award_wait,
)
from services.bids.domain.consortium import (
    MODEL_RULES,
    ConsortiumModel,
    CostSharing,
    PriceOnDeclines,
    SilenceMeans,
    Volume,
    shown_volume,
)
from services.bids.domain.invitations import (
    Intent,
    Invitation,
    InvitedUnknown,
    decide_intent,
    decide_invite,
)
from services.bids.domain.questions import (
    QUESTIONS_MAX,
    Question,
    QuestionAnsweredAlready,
    QuestionsClosed,
    QuestionsTooMany,
    decide_answer,
    decide_ask,
)
from services.bids.domain.rfps import Rfp, RfpStatus, RfpUnknown
from services.bids.domain.terms import (
    CostCovered,
    Criterion,
    CriterionKind,
    Terms,
    TermsUnfit,
    require_fit,
)
from services.bids.store.profiles import read_profiles
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency
from shared.events.bids import QuestionAnswered, RfpAmended

BOOK: Final = read_profiles()
NOW: Final = datetime(2024, 1, 10, 15, tzinfo=UTC)
CLOSES_AT: Final = NOW + timedelta(days=30)
TICK: Final = timedelta(microseconds=1)
OPENING: Final = OpeningId(UUID(int=5))
VENDOR: Final = PartyId(UUID(int=6))
OTHER: Final = PartyId(UUID(int=7))
CANARY: Final = str(VENDOR)


def rfp(**changes: Any) -> Rfp:
    published = Rfp(
        id=RfpId(UUID(int=1)),
        buyer_id=PartyId(UUID(int=2)),
        title="Links",
        currency=Currency("USD"),
        consortium_model=ConsortiumModel.GROUP_PRICING,
        policy_profile="erate",
        custodian_id=PartyId(UUID(int=3)),
        standstill_s=0,
        status=RfpStatus.PUBLISHED,
        closes_at=CLOSES_AT,
        drafted_at=NOW,
        published_at=NOW,
        terms=Terms(certified_on=date(2024, 1, 1)),
        earliest_award_on=date(2024, 2, 7),
    )
    return dataclasses.replace(published, **changes)


def weighted(name: str, weight: str | None, kind: CriterionKind = CriterionKind.RATED) -> Criterion:
    covers = CostCovered.ALL if kind is CriterionKind.PRICE else None
    exactly = None if weight is None else Decimal(weight)
    return Criterion(name=name, kind=kind, weight=exactly, covers=covers)


PRICE_60: Final = weighted("price", "60", CriterionKind.PRICE)


def fit(terms: Terms, model: ConsortiumModel = ConsortiumModel.GROUP_PRICING) -> None:
    require_fit(terms, model=model, closes_at=CLOSES_AT)


# Terms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "criteria",
    [
        (PRICE_60, weighted("experience", "40")),
        (PRICE_60, weighted("a", "13.3333"), weighted("b", "26.6667")),
        (PRICE_60, weighted("a", "40"), weighted("licence", None, CriterionKind.PASS_FAIL)),
    ],
)
def test_weights_that_sum_to_a_hundred_are_fit(criteria: tuple[Criterion, ...]) -> None:
    fit(Terms(criteria=criteria))


@pytest.mark.parametrize(
    ("criteria", "reason"),
    [
        ((PRICE_60, weighted("a", "39.9999")), "99.9999"),
        ((PRICE_60, weighted("a", "40"), weighted("A", "0.0001")), "named a"),
        ((PRICE_60, weighted("a", "39.99995"), weighted("b", "0.00005")), "4 decimals"),
        ((PRICE_60, weighted("a", "40"), weighted("b", "0")), "above 0"),
        ((PRICE_60, weighted("a", "40", CriterionKind.PASS_FAIL)), "no weight"),
        ((PRICE_60, weighted("cost", "40", CriterionKind.PRICE)), "weighed once"),
        (
            (dataclasses.replace(PRICE_60, covers=None), weighted("a", "40")),
            "which cost it covers",
        ),
        ((), "sum to 0"),
    ],
)
def test_criteria_that_cannot_be_scored_are_named(
    criteria: tuple[Criterion, ...], reason: str
) -> None:
    with pytest.raises(TermsUnfit, match=reason):
        fit(Terms(criteria=criteria))


@pytest.mark.parametrize(
    ("terms", "model"),
    [
        (Terms(acceptance_window_s=60), ConsortiumModel.GROUP_PRICING),
        (Terms(silence_means=SilenceMeans.ACCEPTED), ConsortiumModel.GROUP_PRICING),
        (Terms(price_on_declines=PriceOnDeclines.HOLDS), ConsortiumModel.GROUP_PRICING),
        (Terms(cost_shared_by=CostSharing.DEMAND), ConsortiumModel.GROUP_PROCUREMENT),
        (Terms(margin_percent=Decimal("2.5")), ConsortiumModel.RESALE),
    ],
)
def test_each_model_has_its_own_terms(terms: Terms, model: ConsortiumModel) -> None:
    fit(terms, model)

    for other in set(ConsortiumModel) - {model}:
        with pytest.raises(TermsUnfit):
            fit(terms, other)


def test_every_unfit_term_is_named_at_once() -> None:
    terms = Terms(bids_min=0, margin_percent=Decimal(101), questions_close_at=CLOSES_AT + TICK)

    with pytest.raises(TermsUnfit) as refused:
        fit(terms, ConsortiumModel.RESALE)

    reasons: Any = refused.value.details["reasons"]
    assert len(reasons) == 3


# Consortium models ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "firm", "estimated"),
    [
        (ConsortiumModel.GROUP_PRICING, "60", "40"),
        (ConsortiumModel.GROUP_PROCUREMENT, "100", "0"),
        (ConsortiumModel.RESALE, "100", "0"),
    ],
)
def test_each_model_promises_vendors_its_own_volume(
    model: ConsortiumModel, firm: str, estimated: str
) -> None:
    shown = shown_volume(model, quantity=Decimal(100), firm=Decimal(60))

    assert shown == Volume(Decimal(firm), Decimal(estimated))


def test_each_model_says_who_signs_and_who_pays() -> None:
    assert MODEL_RULES[ConsortiumModel.GROUP_PRICING].contract_with == "each member"
    assert MODEL_RULES[ConsortiumModel.GROUP_PROCUREMENT].contract_with == "the consortium"
    assert MODEL_RULES[ConsortiumModel.RESALE].contract_with == "the consortium, which resells"
    assert len({rules.paid_by for rules in MODEL_RULES.values()}) == len(ConsortiumModel)


# Addenda -------------------------------------------------------------------------------------


def amend(
    standing: Rfp, *, at: datetime = NOW + timedelta(days=2), **changes: Any
) -> tuple[Rfp, tuple[object, ...]]:
    new = NewAddendum(id=UUID(int=9), is_substantial=True, text="Ten more links.")
    decision = decide_amend(
        Amendment(rfp=standing, opening_ids=(OPENING,)),
        dataclasses.replace(new, **changes),
        profile=BOOK.find(standing.policy_profile),
        now=at,
    )
    return decision.state.rfp, decision.facts


def test_an_addendum_is_numbered_and_told_to_all() -> None:
    amended, facts = amend(rfp(addendum=3), is_substantial=False)

    (told,) = facts
    assert isinstance(told, RfpAmended)
    assert (amended.addendum, told.version, told.closes_at) == (4, 4, CLOSES_AT)


def test_a_substantial_addendum_begins_the_wait_anew() -> None:
    amended, facts = amend(rfp())

    (told,) = facts
    assert amended.earliest_award_on == date(2024, 2, 9)
    assert amended.earliest_award_at == datetime(2024, 2, 9, 5, tzinfo=UTC)
    assert isinstance(told, RfpAmended)
    assert told.earliest_award_on == "2024-02-09"


def test_a_slight_addendum_leaves_the_wait_as_it_is() -> None:
    amended, _ = amend(rfp(), is_substantial=False)

    assert amended.earliest_award_on == date(2024, 2, 7)


def test_a_wait_that_begins_at_the_certification_is_never_shortened() -> None:
    began = with_award_wait(
        rfp(earliest_award_on=date(2024, 3, 1)), BOOK.find("erate"), began_at=NOW
    )
    first = with_award_wait(
        rfp(earliest_award_on=None),
        BOOK.find("erate"),
        began_at=datetime(2024, 1, 1, 15, tzinfo=UTC),
    )

    assert began.earliest_award_on == date(2024, 3, 1)
    assert first.earliest_award_on == date(2024, 1, 29)


def test_a_moved_deadline_moves_every_opening() -> None:
    later = CLOSES_AT + timedelta(days=7)

    amended, facts = amend(rfp(), closes_at=later)

    moved = facts[1]
    assert amended.closes_at == later
    assert isinstance(moved, DeadlineMoved)
    assert (moved.opening_id, moved.closes_at) == (OPENING, later)


def test_a_deadline_never_moves_back() -> None:
    with pytest.raises(DeadlineMovedBack):
        amend(rfp(), closes_at=CLOSES_AT - TICK)


@pytest.mark.parametrize(
    ("standing", "at"),
    [
        (rfp(status=RfpStatus.DRAFT), NOW),
        (rfp(status=RfpStatus.CLOSED), NOW),
        (rfp(status=RfpStatus.CANCELLED), NOW),
        (rfp(), CLOSES_AT),
    ],
)
def test_only_a_published_rfp_is_amended_and_only_before_its_deadline(
    standing: Rfp, at: datetime
) -> None:
    with pytest.raises(RfpNotPublished):
        amend(standing, at=at)


def test_an_rfp_is_amended_up_to_the_last_microsecond() -> None:
    amended, _ = amend(rfp(), at=CLOSES_AT - TICK)

    assert amended.addendum == 1


def test_the_most_addenda_pass_and_one_more_is_refused() -> None:
    amended, _ = amend(rfp(addendum=ADDENDA_MAX - 1))

    with pytest.raises(AddendaTooMany):
        amend(amended)


def addendum(version: int, *, issued_at: datetime, is_substantial: bool = True) -> Addendum:
    return Addendum(
        id=UUID(int=version),
        rfp_id=RfpId(UUID(int=1)),
        version=version,
        is_substantial=is_substantial,
        text="",
        closes_at=CLOSES_AT,
        issued_at=issued_at,
    )


@pytest.mark.parametrize(
    ("received_at", "confirmed", "counts"),
    [
        (NOW - TICK, 0, False),
        (NOW - TICK, 1, False),
        (NOW - TICK, 2, True),
        (NOW - TICK, 3, True),
        (NOW, 0, True),
    ],
)
def test_a_bid_counts_if_it_is_younger_than_what_changed_or_confirmed(
    received_at: datetime,
    confirmed: int,
    counts: bool,  # noqa: FBT001 - a table
) -> None:
    addenda = [
        addendum(1, issued_at=NOW - timedelta(days=1)),
        addendum(2, issued_at=NOW),
        addendum(3, issued_at=NOW + timedelta(days=1), is_substantial=False),
    ]

    assert is_counted(received_at, confirmed=confirmed, addenda=addenda) is counts
    assert is_counted(received_at, confirmed=0, addenda=addenda[2:])


def confirmable(**changes: Any) -> Confirmable:
    bid = Confirmable(
        opening_id=OPENING,
        bid_id=BidId(UUID(int=20)),
        lot_id=LotId(UUID(int=21)),
        is_sealed=True,
        closes_at=CLOSES_AT,
        addendum=2,
    )
    return dataclasses.replace(bid, **changes)


def test_a_confirmation_names_the_bid_and_not_its_vendor() -> None:
    (fact,) = decide_confirm(confirmable(), version=2, received_at=CLOSES_AT - TICK).facts

    assert fact.TYPE == "bid.confirmed"
    assert CANARY not in repr(fact)


@pytest.mark.parametrize(
    ("changes", "version", "received_at", "refusal"),
    [
        ({}, 2, CLOSES_AT, ConfirmationLate),
        ({"is_sealed": False}, 2, NOW, ConfirmationLate),
        ({}, 1, NOW, AddendumUnknown),
        ({}, 3, NOW, AddendumUnknown),
        ({"addendum": 0}, 0, NOW, AddendumUnknown),
    ],
)
def test_only_the_last_addendum_is_confirmed_and_only_before_the_deadline(
    changes: dict[str, Any], version: int, received_at: datetime, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        decide_confirm(confirmable(**changes), version=version, received_at=received_at)


# Questions -----------------------------------------------------------------------------------


def question(**changes: Any) -> Question:
    asked = Question(
        id=UUID(int=30), rfp_id=RfpId(UUID(int=1)), asker_id=VENDOR, text="Why?", asked_at=NOW
    )
    return dataclasses.replace(asked, **changes)


def test_neither_question_nor_answer_tells_who_asked() -> None:
    asked = decide_ask(rfp(), question(), asked=0)
    answered = decide_answer(rfp(), question(), text=None, answer="So.", now=NOW)

    (told,) = answered.facts
    assert isinstance(told, QuestionAnswered)
    assert (told.question, told.answer) == ("Why?", "So.")
    assert CANARY not in repr((asked.facts, answered.facts))


def test_a_question_is_published_in_the_buyers_words() -> None:
    decision = decide_answer(rfp(), question(), text="Why so?", answer="So.", now=NOW)

    assert decision.state.published_text == "Why so?"
    assert "Why?" not in repr(decision.facts)


def test_a_question_is_answered_once() -> None:
    with pytest.raises(QuestionAnsweredAlready):
        decide_answer(rfp(), question(answer="So."), text=None, answer="No.", now=NOW)


@pytest.mark.parametrize(
    ("standing", "asked", "refusal"),
    [
        (rfp(status=RfpStatus.DRAFT), 0, RfpUnknown),
        (rfp(status=RfpStatus.CANCELLED), 0, RfpNotPublished),
        (rfp(terms=Terms(questions_close_at=NOW)), 0, QuestionsClosed),
        (rfp(), QUESTIONS_MAX, QuestionsTooMany),
    ],
)
def test_questions_are_taken_of_a_published_rfp_until_their_deadline(
    standing: Rfp, asked: int, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        decide_ask(standing, question(), asked=asked)


def test_a_question_in_the_last_microsecond_is_taken() -> None:
    open_still = rfp(terms=Terms(questions_close_at=NOW + TICK))

    decision = decide_ask(open_still, question(), asked=QUESTIONS_MAX - 1)

    assert decision.state == question()


# Invitations ---------------------------------------------------------------------------------


def test_vendors_are_invited_once_and_each_is_told() -> None:
    inviting = decide_invite(
        rfp(),
        [VENDOR, OTHER, VENDOR],
        known=frozenset({VENDOR, OTHER}),
        invited=frozenset({OTHER}),
        now=NOW,
    )

    assert [each.vendor_id for each in inviting.invitations] == [VENDOR]
    assert [event.vendor_id for event in inviting.told] == [VENDOR]
    assert CANARY not in repr(inviting.facts)


def test_those_invited_to_a_draft_are_not_told_of_it() -> None:
    inviting = decide_invite(
        rfp(status=RfpStatus.DRAFT),
        [VENDOR],
        known=frozenset({VENDOR}),
        invited=frozenset(),
        now=NOW,
    )

    assert len(inviting.invitations) == 1
    assert inviting.told == ()


def test_who_is_no_vendor_is_not_invited() -> None:
    with pytest.raises(InvitedUnknown) as refused:
        decide_invite(
            rfp(), [VENDOR, OTHER], known=frozenset({OTHER}), invited=frozenset(), now=NOW
        )

    assert refused.value.details == {"vendor_ids": [str(VENDOR)]}


def test_a_vendor_may_change_its_mind_until_the_deadline() -> None:
    standing = Invitation(rfp_id=rfp().id, vendor_id=VENDOR, invited_at=NOW)
    declined = decide_intent(
        rfp(), standing, intent=Intent.DECLINE, reason="too far", now=NOW
    ).state

    again = decide_intent(rfp(), declined, intent=Intent.BID, reason=None, now=CLOSES_AT - TICK)

    assert (again.state.intent, again.state.reason) == (Intent.BID, None)
    assert again.state.invited_at == NOW
    assert CANARY not in repr(again.facts)
    with pytest.raises(RfpNotPublished):
        decide_intent(rfp(), declined, intent=Intent.BID, reason=None, now=CLOSES_AT)
