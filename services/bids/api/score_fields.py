"""Write a lot's scores over HTTP: exact values as fractions, and rounded ones to be read."""

from fractions import Fraction
from itertools import pairwise
from uuid import UUID

from services.bids.domain.evaluation import displayed
from services.bids.domain.lots import LotStatus
from services.bids.domain.scoring.cascade import Step
from services.bids.domain.scoring.low import LowRule
from services.bids.domain.scoring.plan import TieBreak
from services.bids.domain.scoring.ranking import Scored, Why
from services.bids.ports.scoring import LotScores
from shared.web.fields import AnswerModel


class NumberAnswer(AnswerModel):
    """One number: `exact`, as `3283/9`, ranks; `shown` is rounded half-even to six decimals."""

    exact: str
    shown: str


class ScoredBidAnswer(AnswerModel):
    """A ranked bid; `parted_by` is the tie rule that put it behind the equal bid before it."""

    bid_id: UUID
    vendor_id: UUID
    rank: int
    value: NumberAnswer
    cost: NumberAnswer
    points: dict[str, NumberAnswer]
    parted_by: TieBreak | None


class SetAsideAnswer(AnswerModel):
    """A bid that may not win; `about` is the criterion, or the reason it was disqualified for."""

    bid_id: UUID
    vendor_id: UUID
    why: Why
    about: str


class StepAnswer(AnswerModel):
    """A bid that was disqualified while it stood in a ranking, and who was first then.

    `is_as_ranked` is false where scoring anew put another first than the one that was next.
    """

    bid_id: UUID
    reason: str
    first_before: UUID | None
    is_as_ranked: bool


class RolledAnswer(AnswerModel):
    """What evaluators' scores on one criterion came to; flagged where they stray too far."""

    bid_id: UUID
    criterion: str
    mark: NumberAnswer
    variance: NumberAnswer
    is_flagged: bool


class GivenAnswer(AnswerModel):
    """What one evaluator gave."""

    bid_id: UUID
    criterion: str
    evaluator_id: UUID
    mark: str
    comment: str


class HingeAnswer(AnswerModel):
    """A losing bid without which another would win."""

    loser_id: UUID
    winner_without_id: UUID


class FlipAnswer(AnswerModel):
    """The smallest change of a weight at which another bid wins, or beyond which it does."""

    weight: str
    change: NumberAnswer
    new_weight: NumberAnswer
    winner_id: UUID | None
    is_reached: bool


class LowAnswer(AnswerModel):
    """A price that asks for an explanation, and by what share it lies below."""

    bid_id: UUID
    rule: LowRule
    compared_to: NumberAnswer
    below: NumberAnswer


class LotScoresAnswer(AnswerModel):
    """A lot scored: the ranking, how it came about, and how firm it is."""

    lot_id: UUID
    status: LotStatus
    ranked: list[ScoredBidAnswer]
    set_aside: list[SetAsideAnswer]
    disqualified: list[StepAnswer]
    rolled: list[RolledAnswer]
    scores: list[GivenAnswer]
    is_stable: bool
    hinges: list[HingeAnswer]
    flips: list[FlipAnswer]
    abnormally_low: list[LowAnswer]


def number(value: Fraction) -> NumberAnswer:
    """Write a number both ways."""
    return NumberAnswer(exact=str(value), shown=f"{displayed(value):f}")


def lot_scores_answer(scores: LotScores) -> LotScoresAnswer:
    """Render a lot's scores."""
    standing = scores.steps[-1].scoring
    return LotScoresAnswer(
        lot_id=scores.lot.id,
        status=scores.lot.status,
        ranked=[_scored(each) for each in standing.ranked],
        set_aside=[
            SetAsideAnswer(
                bid_id=each.candidate.bid_id,
                vendor_id=each.candidate.vendor_id,
                why=each.why,
                about=each.about,
            )
            for each in standing.set_aside
        ],
        disqualified=_steps(scores.steps),
        rolled=_rolled(scores),
        scores=_given(scores),
        is_stable=scores.stability.is_stable,
        hinges=[
            HingeAnswer(loser_id=each.loser_id, winner_without_id=each.winner_without_id)
            for each in scores.stability.hinges
        ],
        flips=_flips(scores),
        abnormally_low=[
            LowAnswer(
                bid_id=each.bid_id,
                rule=each.rule,
                compared_to=number(each.compared_to),
                below=number(each.below),
            )
            for each in scores.low
        ],
    )


def _scored(each: Scored) -> ScoredBidAnswer:
    return ScoredBidAnswer(
        bid_id=each.candidate.bid_id,
        vendor_id=each.candidate.vendor_id,
        rank=each.rank,
        value=number(each.value),
        cost=number(each.cost),
        points={name: number(points) for name, points in each.points.items()},
        parted_by=None if each.parted_by is None else each.parted_by.by,
    )


def _steps(steps: tuple[Step, ...]) -> list[StepAnswer]:
    """Tell each disqualification, and whether the next in rank came next after it."""
    answers = []
    for step, following in pairwise(steps):
        if step.ended_by is not None:
            first = step.scoring.winner
            answers.append(
                StepAnswer(
                    bid_id=step.ended_by.bid_id,
                    reason=step.ended_by.reason,
                    first_before=None if first is None else first.candidate.bid_id,
                    is_as_ranked=following.is_as_ranked,
                )
            )
    return answers


def _rolled(scores: LotScores) -> list[RolledAnswer]:
    return [
        RolledAnswer(
            bid_id=each.bid_id,
            criterion=each.criterion,
            mark=number(each.mark),
            variance=number(each.variance),
            is_flagged=each.is_flagged,
        )
        for each in scores.rolled
    ]


def _given(scores: LotScores) -> list[GivenAnswer]:
    return [
        GivenAnswer(
            bid_id=each.bid_id,
            criterion=each.criterion,
            evaluator_id=each.evaluator_id,
            mark=f"{each.mark:f}",
            comment=each.comment,
        )
        for each in scores.scores
    ]


def _flips(scores: LotScores) -> list[FlipAnswer]:
    return [
        FlipAnswer(
            weight=each.weight,
            change=number(each.change),
            new_weight=number(each.new_weight),
            winner_id=each.winner_id,
            is_reached=each.is_reached,
        )
        for each in scores.flips
    ]
