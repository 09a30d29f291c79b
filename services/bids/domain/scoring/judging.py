"""Judge: declare conflicts, score, agree, release prices, and make one mark of many scores."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.domain.lots import ENDED, Lot, LotStatus
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
    Rolled,
    ScoreAgreed,
    Scorebook,
    ScoreKey,
    ScoresFinal,
    ScoresIncomplete,
    ScoreUnfit,
)
from services.bids.domain.scoring.plan import Plan, Rollup, ScoredCriterion
from services.bids.domain.terms import CriterionKind
from shared.domain.facts import Decision
from shared.domain.ids import BidId, PartyId, RfpId

HALF: Final = Fraction(1, 2)
"""A bid passes when no more evaluators fail it than pass it; a split is flagged besides."""


def decide_declare(
    rfp_id: RfpId, panels: Iterable[Panel], before: Declaration | None, now: Declaration
) -> Decision[Declaration]:
    """Declare; the same again changes nothing, and a conflict that arises later is taken.

    Raises:
        EvaluatorUnknown: The evaluator is on no panel.
        DeclaredAlready: A conflict that was declared is not taken back.
    """
    if not any(now.evaluator_id in panel.evaluator_ids for panel in panels):
        sentence = "You are on no panel of this RFP."
        raise EvaluatorUnknown(sentence)
    if before is not None:
        if before.has_conflict == now.has_conflict:
            return Decision(before)
        if before.has_conflict:
            sentence = "You declared a conflict of interest; that is not taken back."
            raise DeclaredAlready(sentence)
    fact = ConflictDeclared(
        rfp_id=rfp_id,
        evaluator_id=now.evaluator_id,
        has_conflict=now.has_conflict,
        statement=now.statement,
    )
    return Decision(now, (fact,))


def refuse_once_decided(lot: Lot) -> None:
    """Let marks of a lot pass only while it is to be decided: what it was decided from stands.

    Raises:
        ScoresFinal: The lot is decided, or has ended.
    """
    if lot.status in {LotStatus.INTENDED, LotStatus.AWARDED, *ENDED}:
        sentence = f"The lot is {lot.status}; its scores are changed no more."
        raise ScoresFinal(sentence)


def decide_score(book: Scorebook, given: IndividualScore) -> Decision[Scorebook]:
    """Score one bid on one criterion, in place of what the evaluator gave it before.

    The same again changes nothing.

    Raises:
        EvaluatorUnknown: The evaluator is not on the panel that judges the criterion.
        DeclarationMissing: It has not declared whether there is a conflict.
        ConflictStands: It declared one.
        ScoresFinal: Prices were released.
        ScoreUnfit: No such bid or criterion here, or the mark is off its scale.
    """
    _require_evaluator(book, given.evaluator_id, given.criterion)
    _require_open(book)
    _require_mark(book, (given.bid_id, given.criterion), given.mark)
    if given in book.scores:
        return Decision(book)
    key = (given.bid_id, given.criterion, given.evaluator_id)
    others = tuple(
        each for each in book.scores if (each.bid_id, each.criterion, each.evaluator_id) != key
    )
    fact = BidScored(
        bid_id=given.bid_id,
        criterion=given.criterion,
        evaluator_id=given.evaluator_id,
        mark=given.mark,
        comment=given.comment,
    )
    return Decision(replace(book, scores=(*others, given)), (fact,))


def decide_agree(book: Scorebook, agreed: AgreedScore) -> Decision[Scorebook]:
    """Record what a panel agreed on, when each of its evaluators has given a score of its own.

    The same again changes nothing.

    Raises:
        ScoresFinal: Prices were released.
        ScoreUnfit: The plan takes means, or no such bid or criterion, or the mark is off its scale.
        ScoresIncomplete: An evaluator has not scored this yet.
    """
    _require_open(book)
    if book.plan.rollup is not Rollup.CONSENSUS:
        sentence = "The plan takes the mean of the scores; nothing is agreed on."
        raise ScoreUnfit(sentence)
    key = (agreed.bid_id, agreed.criterion)
    _require_mark(book, key, agreed.mark)
    lacking = _judges(book, agreed.criterion) - {
        each.evaluator_id for each in book.scores if (each.bid_id, each.criterion) == key
    }
    if lacking:
        _refuse_incomplete(len(lacking))
    if agreed in book.agreed:
        return Decision(book)
    others = tuple(each for each in book.agreed if (each.bid_id, each.criterion) != key)
    fact = ScoreAgreed(
        bid_id=agreed.bid_id, criterion=agreed.criterion, mark=agreed.mark, reason=agreed.reason
    )
    return Decision(replace(book, agreed=(*others, agreed)), (fact,))


def decide_release(book: Scorebook, *, now: datetime) -> Decision[Scorebook]:
    """Release prices to those who judge by them; from now on no technical score changes.

    Raises:
        ScoresIncomplete: A bid lacks a score, or the panel has not agreed on one.
    """
    if book.prices_released_at is not None:
        return Decision(book)
    rolled = roll_up(book)
    return Decision(replace(book, prices_released_at=now), (PricesReleased(scores=len(rolled)),))


def roll_up(book: Scorebook) -> tuple[Rolled, ...]:
    """Make one mark of each bid's scores on each criterion that evaluators judge.

    Those who declared a conflict are left out, also what they gave before it arose.

    Raises:
        ScoresIncomplete: An evaluator has not scored everything, or nothing was agreed on.
    """
    given = _given(book)
    agreed = {(each.bid_id, each.criterion): Fraction(each.mark) for each in book.agreed}
    judged = [
        (criterion, (bid_id, criterion.name))
        for criterion in _judged(book.plan)
        for bid_id in sorted(book.bid_ids)
    ]
    lacking = sum(
        len(_judges(book, criterion.name) - given[key].keys()) or (0 if given[key] else 1)
        for criterion, key in judged
    )
    if book.plan.rollup is Rollup.CONSENSUS:
        lacking += sum(1 for _, key in judged if key not in agreed)
    if lacking:
        _refuse_incomplete(lacking)
    return tuple(
        _rolled(book.plan, criterion, key[0], [*given[key].values()], agreed.get(key))
        for criterion, key in judged
    )


def marks_of(rolled: Iterable[Rolled], bid_id: BidId) -> dict[str, Fraction]:
    """Pick a bid's marks, by criterion."""
    return {each.criterion: each.mark for each in rolled if each.bid_id == bid_id}


def passes(mark: Fraction) -> bool:
    """Tell whether what pass/fail scores came to is a pass."""
    return mark >= HALF


def sees_prices(book: Scorebook, evaluator_id: PartyId) -> bool:
    """Tell whether an evaluator may see prices: on a panel that judges by price, once released."""
    prices = {each.name for each in book.plan.prices}
    return book.prices_released_at is not None and any(
        evaluator_id in panel.evaluator_ids and panel.criteria & prices for panel in book.panels
    )


def reads_documents(
    lot: Lot, book: Scorebook, evaluator_id: PartyId, bid_id: BidId, *, with_prices: bool
) -> bool:
    """Tell whether an evaluator may read documents of a bid: one that it scores, unconflicted.

    Those that are read with the prices wait until these are released to it, and while its lot is
    at auction nobody but the buyer sees any.
    """
    declared = book.declarations.get(evaluator_id)
    if declared is None or declared.has_conflict or bid_id not in book.bid_ids:
        return False
    if with_prices:
        return lot.status is not LotStatus.AUCTIONING and sees_prices(book, evaluator_id)
    return any(evaluator_id in panel.evaluator_ids for panel in book.panels)


def _rolled(
    plan: Plan,
    criterion: ScoredCriterion,
    bid_id: BidId,
    marks: list[Fraction],
    agreed: Fraction | None,
) -> Rolled:
    mean = sum(marks, Fraction(0)) / len(marks)
    length = Fraction(criterion.best - criterion.worst) if criterion.is_technical else Fraction(1)
    squares = sum(((mark - mean) ** 2 for mark in marks), Fraction(0))
    variance = squares / (len(marks) - 1) / length**2 if len(marks) > 1 else Fraction(0)
    return Rolled(
        bid_id=bid_id,
        criterion=criterion.name,
        mark=mean if plan.rollup is Rollup.MEAN or agreed is None else agreed,
        variance=variance,
        is_flagged=variance > Fraction(plan.spread_flagged) ** 2,
    )


def _judged(plan: Plan) -> list[ScoredCriterion]:
    """List what evaluators judge; a numeric criterion is answered by the vendor itself."""
    judged = {CriterionKind.RATED, CriterionKind.PASS_FAIL}
    return [each for each in plan.criteria if each.kind in judged]


def _given(book: Scorebook) -> Mapping[ScoreKey, dict[PartyId, Fraction]]:
    given: dict[ScoreKey, dict[PartyId, Fraction]] = defaultdict(dict)
    for each in book.scores:
        if each.evaluator_id in _judges(book, each.criterion):
            given[each.bid_id, each.criterion][each.evaluator_id] = Fraction(each.mark)
    return given


def _judges(book: Scorebook, criterion: str) -> AbstractSet[PartyId]:
    """List who judges a criterion: its panels, without those who declared a conflict."""
    on_panels = {
        evaluator_id
        for panel in book.panels
        if criterion in panel.criteria
        for evaluator_id in panel.evaluator_ids
    }
    conflicted = {each.evaluator_id for each in book.declarations.values() if each.has_conflict}
    return on_panels - conflicted


def _require_evaluator(book: Scorebook, evaluator_id: PartyId, criterion: str) -> None:
    if not any(
        evaluator_id in panel.evaluator_ids and criterion in panel.criteria for panel in book.panels
    ):
        sentence = "You are not on the panel that judges this."
        raise EvaluatorUnknown(sentence)
    declared = book.declarations.get(evaluator_id)
    if declared is None:
        sentence = "Declare first whether you have a conflict of interest in this RFP."
        raise DeclarationMissing(sentence)
    if declared.has_conflict:
        sentence = "You declared a conflict of interest in this RFP, so you score nothing in it."
        raise ConflictStands(sentence)


def _require_open(book: Scorebook) -> None:
    if book.prices_released_at is not None:
        sentence = "Prices were released; technical scores are changed no more."
        raise ScoresFinal(sentence)


def _require_mark(book: Scorebook, key: ScoreKey, mark: Decimal) -> None:
    bid_id, name = key
    criterion = book.plan.criterion(name)
    if bid_id not in book.bid_ids or criterion is None or criterion not in _judged(book.plan):
        sentence = "There is no such bid of this lot, or no such criterion that evaluators judge."
        raise ScoreUnfit(sentence)
    if criterion.kind is CriterionKind.PASS_FAIL:
        if mark not in {Decimal(0), Decimal(1)}:
            sentence = f"{name}: a bid passes with 1 and fails with 0."
            raise ScoreUnfit(sentence)
        return
    least, most = sorted((criterion.worst, criterion.best))
    if not least <= mark <= most:
        sentence = f"{name}: a score lies from {least:f} to {most:f}."
        raise ScoreUnfit(sentence)


def _refuse_incomplete(count: int) -> None:
    lacking = "One score is" if count == 1 else f"{count} scores are"
    sentence = f"{lacking} still missing."
    raise ScoresIncomplete(sentence, details={"missing": count})
