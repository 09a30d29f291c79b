"""Evaluators: conflicts declared first, single scores kept, prices released apart, one mark."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest

from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.scoring.formulas import LowestOverThis
from services.bids.domain.scoring.judging import (
    decide_agree,
    decide_declare,
    decide_release,
    decide_score,
    marks_of,
    passes,
    reads_documents,
    roll_up,
    sees_prices,
)
from services.bids.domain.scoring.panels import (
    AgreedScore,
    BidScored,
    ConflictDeclared,
    ConflictStands,
    Declaration,
    DeclarationMissing,
    DeclaredAlready,
    EvaluatorUnknown,
    IndividualScore,
    Panel,
    PricesReleased,
    Scorebook,
    ScoresFinal,
    ScoresIncomplete,
    ScoreUnfit,
)
from services.bids.domain.scoring.plan import Plan, Rollup, ScoredCriterion
from services.bids.domain.terms import CriterionKind
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from tests.unit.bids_lot import MILK

NOW = datetime(2027, 4, 1, 9, tzinfo=UTC)
RFP_ID = RfpId(UUID(int=9))
BID = BidId(UUID(int=1))
ANNA, BELA, CORA = (PartyId(UUID(int=number)) for number in (21, 22, 23))
PLAN = Plan(
    criteria=(
        ScoredCriterion(name="method", kind=CriterionKind.RATED, weight=Decimal(60)),
        ScoredCriterion(name="insured", kind=CriterionKind.PASS_FAIL),
        ScoredCriterion(
            name="price", kind=CriterionKind.PRICE, weight=Decimal(40), formula=LowestOverThis()
        ),
    )
)
TECHNICAL = Panel(
    name="technical",
    criteria=frozenset({"method", "insured"}),
    evaluator_ids=frozenset({ANNA, BELA}),
)
PRICE = Panel(name="price", criteria=frozenset({"price"}), evaluator_ids=frozenset({CORA}))


def declared(evaluator_id: PartyId, *, has_conflict: bool = False) -> Declaration:
    return Declaration(
        evaluator_id=evaluator_id,
        has_conflict=has_conflict,
        statement="As I know.",
        declared_at=NOW,
    )


BOOK = Scorebook(
    lot_id=LotId(UUID(int=8)),
    plan=PLAN,
    panels=(TECHNICAL, PRICE),
    bid_ids=frozenset({BID}),
    declarations={each: declared(each) for each in (ANNA, BELA, CORA)},
)
AGREEING = replace(BOOK, plan=replace(PLAN, rollup=Rollup.CONSENSUS))


def mark(
    value: str, *, by: PartyId = ANNA, criterion: str = "method", bid_id: BidId = BID
) -> IndividualScore:
    return IndividualScore(bid_id=bid_id, criterion=criterion, evaluator_id=by, mark=Decimal(value))


def scored(book: Scorebook, *marks: IndividualScore) -> Scorebook:
    for each in marks:
        book = decide_score(book, each).state
    return book


def complete(book: Scorebook, anna: str = "8", bela: str = "6") -> Scorebook:
    return scored(
        book,
        mark(anna),
        mark(bela, by=BELA),
        mark("1", criterion="insured"),
        mark("1", by=BELA, criterion="insured"),
    )


def agreed(value: str, criterion: str = "method") -> AgreedScore:
    return AgreedScore(bid_id=BID, criterion=criterion, mark=Decimal(value), reason="We talked.")


def test_mean_of_single_scores_is_exact() -> None:
    book = complete(
        replace(BOOK, panels=(replace(TECHNICAL, evaluator_ids=frozenset({ANNA, BELA, CORA})),))
    )
    book = scored(book, mark("6", by=CORA), mark("1", by=CORA, criterion="insured"))

    marks = marks_of(roll_up(book), BID)

    assert marks == {"method": Fraction(20, 3), "insured": 1}


def test_later_score_stands_in_place_of_an_earlier_one() -> None:
    book = scored(complete(BOOK), mark("10"))

    assert marks_of(roll_up(book), BID)["method"] == 8


def test_scoring_is_a_fact_of_its_own() -> None:
    decision = decide_score(BOOK, mark("7.5"))

    assert decision.facts == (
        BidScored(
            bid_id=BID, criterion="method", evaluator_id=ANNA, mark=Decimal("7.5"), comment=""
        ),
    )


def test_same_score_again_is_no_fact() -> None:
    once = scored(BOOK, mark("7"))

    assert decide_score(once, mark("7")).facts == ()
    assert decide_score(once, mark("7.5")).facts != ()


def test_evaluator_declares_before_scoring() -> None:
    silent = replace(BOOK, declarations={})

    with pytest.raises(DeclarationMissing):
        decide_score(silent, mark("7"))


def test_evaluator_with_a_conflict_scores_nothing_and_what_it_gave_counts_no_more() -> None:
    book = complete(BOOK, anna="2", bela="6")
    conflicted = {**BOOK.declarations, ANNA: declared(ANNA, has_conflict=True)}
    book = replace(book, declarations=conflicted)

    with pytest.raises(ConflictStands):
        decide_score(book, mark("7"))

    assert marks_of(roll_up(book), BID)["method"] == 6


def test_panel_that_is_all_in_conflict_leaves_its_scores_missing() -> None:
    book = complete(BOOK)
    conflicted = {each: declared(each, has_conflict=True) for each in (ANNA, BELA)}

    with pytest.raises(ScoresIncomplete):
        roll_up(replace(book, declarations=conflicted))


@pytest.mark.parametrize("by", [CORA, PartyId(UUID(int=99))])
def test_evaluator_scores_what_its_panel_judges_and_nothing_else(by: PartyId) -> None:
    with pytest.raises(EvaluatorUnknown):
        decide_score(BOOK, mark("7", by=by))


@pytest.mark.parametrize(
    "given",
    [
        mark("10.01"),
        mark("-0.01"),
        mark("0.5", criterion="insured"),
        mark("5", bid_id=BidId(UUID(int=2))),
    ],
)
def test_score_off_the_scale_or_of_nothing_known_is_refused(given: IndividualScore) -> None:
    with pytest.raises(ScoreUnfit):
        decide_score(BOOK, given)


@pytest.mark.parametrize("value", ["0", "10"])
def test_scores_at_both_ends_of_the_scale_are_taken(value: str) -> None:
    assert decide_score(BOOK, mark(value)).state.scores[0].mark == Decimal(value)


def test_price_is_judged_by_its_formula_and_by_no_evaluator() -> None:
    with pytest.raises(ScoreUnfit):
        decide_score(BOOK, mark("5", by=CORA, criterion="price"))


# Variance ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bela", "is_flagged"), [("5.2", False), ("5.1", True)])
def test_scores_that_stray_are_flagged(bela: str, is_flagged: bool) -> None:  # noqa: FBT001 - a parameter
    # Two marks d apart have a variance of d²/2; 0.2 of the scale of 10 is 2, at d = 2.828.
    rolled = roll_up(complete(BOOK, anna="8", bela=bela))

    method = next(each for each in rolled if each.criterion == "method")
    assert method.variance == (Fraction(8) - Fraction(bela)) ** 2 / 200
    assert method.is_flagged is is_flagged


def test_split_on_pass_or_fail_is_flagged_and_lets_the_bid_pass() -> None:
    book = scored(complete(BOOK), mark("0", criterion="insured"))

    insured = next(each for each in roll_up(book) if each.criterion == "insured")

    assert (insured.is_flagged, insured.mark, passes(insured.mark)) == (True, Fraction(1, 2), True)


def test_more_fails_than_passes_fail() -> None:
    book = scored(
        complete(BOOK), *(mark("0", by=each, criterion="insured") for each in (ANNA, BELA))
    )

    assert not passes(marks_of(roll_up(book), BID)["insured"])


# Consensus and release --------------------------------------------------------------------------


def test_consensus_takes_what_was_agreed_and_keeps_the_single_scores() -> None:
    book = complete(AGREEING)
    for each in (agreed("7.5"), agreed("1", "insured")):
        book = decide_agree(book, each).state

    assert marks_of(roll_up(book), BID)["method"] == Fraction(15, 2)
    assert {each.mark for each in book.scores} == {Decimal(8), Decimal(6), Decimal(1)}


def test_consensus_waits_for_every_single_score() -> None:
    with pytest.raises(ScoresIncomplete):
        decide_agree(scored(AGREEING, mark("8")), agreed("7"))


def test_consensus_that_was_not_reached_leaves_the_scores_incomplete() -> None:
    with pytest.raises(ScoresIncomplete) as caught:
        roll_up(complete(AGREEING))

    assert caught.value.details == {"missing": 2}


def test_nothing_is_agreed_on_where_the_plan_takes_means() -> None:
    with pytest.raises(ScoreUnfit):
        decide_agree(complete(BOOK), agreed("7"))


def test_prices_are_released_when_all_technical_scores_are_there() -> None:
    book = complete(BOOK)

    decision = decide_release(book, now=NOW)

    assert decision.facts == (PricesReleased(scores=2),)
    assert not sees_prices(book, CORA)
    assert sees_prices(decision.state, CORA)


def test_technical_evaluators_never_see_prices() -> None:
    released = decide_release(complete(BOOK), now=NOW).state

    assert not sees_prices(released, ANNA)


RELEASED = replace(
    BOOK,
    declarations={each: declared(each) for each in (ANNA, BELA, CORA)},
    prices_released_at=NOW,
)


def reads(book: Scorebook, evaluator_id: PartyId, *, lot: Lot = MILK) -> list[str]:
    """Tell which documents of the bid an evaluator reads."""
    return [
        kind
        for kind, with_prices in (("technical", False), ("priced", True))
        if reads_documents(lot, book, evaluator_id, BID, with_prices=with_prices)
    ]


def test_evaluators_read_documents_and_priced_ones_as_they_see_prices() -> None:
    unreleased = replace(RELEASED, prices_released_at=None)

    assert [reads(unreleased, each) for each in (ANNA, CORA)] == [["technical"], ["technical"]]
    assert [reads(RELEASED, each) for each in (ANNA, CORA)] == [
        ["technical"],
        ["technical", "priced"],
    ]


def test_evaluators_read_no_priced_document_while_the_lot_is_at_auction() -> None:
    at_auction = replace(MILK, status=LotStatus.AUCTIONING)

    assert reads(RELEASED, CORA, lot=at_auction) == ["technical"]


@pytest.mark.parametrize(
    "book",
    [
        replace(RELEASED, declarations={}),
        replace(RELEASED, declarations={CORA: declared(CORA, has_conflict=True)}),
        replace(RELEASED, bid_ids=frozenset()),
        replace(RELEASED, panels=(TECHNICAL,)),
    ],
    ids=["undeclared", "conflicted", "another bid", "on no panel"],
)
def test_who_does_not_score_a_bid_reads_no_document_of_it(book: Scorebook) -> None:
    assert reads(book, CORA) == []


def test_prices_stay_back_while_a_score_is_missing() -> None:
    with pytest.raises(ScoresIncomplete) as caught:
        decide_release(scored(BOOK, mark("8")), now=NOW)

    assert caught.value.details == {"missing": 3}


def test_no_score_changes_after_prices_were_released() -> None:
    released = decide_release(complete(BOOK), now=NOW).state

    with pytest.raises(ScoresFinal):
        decide_score(released, mark("9"))
    with pytest.raises(ScoresFinal):
        decide_agree(released, agreed("9"))


def test_prices_released_twice_are_released_once() -> None:
    released = decide_release(complete(BOOK), now=NOW).state

    again = decide_release(released, now=datetime(2027, 5, 1, tzinfo=UTC))

    assert again.facts == ()
    assert again.state.prices_released_at == NOW


# Declarations -----------------------------------------------------------------------------------


def test_declaration_is_a_fact_and_the_same_again_is_none() -> None:
    first = decide_declare(RFP_ID, BOOK.panels, None, declared(ANNA))
    again = decide_declare(RFP_ID, BOOK.panels, first.state, declared(ANNA))

    assert isinstance(first.facts[0], ConflictDeclared)
    assert again.facts == ()


def test_conflict_that_arises_is_taken_and_never_taken_back() -> None:
    clear, conflicted = declared(ANNA), declared(ANNA, has_conflict=True)

    assert decide_declare(RFP_ID, BOOK.panels, clear, conflicted).state.has_conflict
    with pytest.raises(DeclaredAlready):
        decide_declare(RFP_ID, BOOK.panels, conflicted, clear)


def test_only_evaluators_declare() -> None:
    with pytest.raises(EvaluatorUnknown):
        decide_declare(RFP_ID, BOOK.panels, None, declared(PartyId(UUID(int=99))))
