"""Score a lot's bids for a bundle, and score them anew from it: by one function, and compare."""

from collections.abc import Iterator, Sequence

from services.bids.domain.replay.bundle import (
    AsideBid,
    PublishedFlip,
    PublishedHinge,
    PublishedLow,
    PublishedScores,
    PublishedStep,
    RolledMark,
    ScoredBid,
)
from services.bids.domain.replay.differing import Naming, require_same
from services.bids.domain.replay.rebuilding import RebuiltLot
from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.cascade import Disqualification, Step, cascade
from services.bids.domain.scoring.gathering import judged
from services.bids.domain.scoring.low import OfferedPrice, low_flags
from services.bids.domain.scoring.panels import Scorebook
from services.bids.domain.scoring.ranking import Scored
from services.bids.domain.scoring.sensitivity import flips
from services.bids.domain.scoring.stability import stability
from services.bids.domain.scoring.ties import Draw
from shared.domain.refusals import Refusal


def scores_of(
    book: Scorebook,
    candidates: Sequence[Candidate],
    disqualifications: Sequence[Disqualification],
    *,
    draw: Draw | None,
) -> PublishedScores:
    """Score a lot through its disqualifications; where it cannot be scored, say why."""
    try:
        return _scored(book, candidates, disqualifications, draw)
    except Refusal as refusal:
        return PublishedScores(unscored=str(refusal))


def check_scores(rebuilt: RebuiltLot, naming: Naming) -> Iterator[str]:
    """Score a lot anew from its marks and answers.

    Raises:
        Differs: A mark, point, rank, tie or reason is another.
    """
    told, place = rebuilt.told, naming.place(rebuilt.told)
    computed = scores_of(rebuilt.book, rebuilt.candidates, rebuilt.set_aside(), draw=rebuilt.draw)
    require_same(f"{place}: scores", told.scores, computed, naming.label)
    if told.scores.unscored is not None:
        yield f"{place}: nothing is scored, as stated: {told.scores.unscored}"
        return
    out = len(told.disqualifications)
    yield (
        f"{place}: {len(told.scores.rolled)} rolled marks, the points, ranks and ties of "
        f"{len(told.scores.steps[-1].ranked)} bids, and the way through {out} disqualifications "
        "come out as stated; so do stability, sensitivity and low prices."
    )


def _scored(
    book: Scorebook,
    candidates: Sequence[Candidate],
    disqualifications: Sequence[Disqualification],
    draw: Draw | None,
) -> PublishedScores:
    plan, (rolled, marked) = book.plan, judged(book, candidates)
    steps = cascade(plan, marked, disqualifications, draw=draw)
    out = {each.bid_id: each.reason for each in disqualifications}
    offers = [
        OfferedPrice(each.bid_id, each.price, each.price)
        for each in marked
        if each.bid_id not in out
    ]
    return PublishedScores(
        rolled=tuple(
            RolledMark(
                bid_id=each.bid_id,
                criterion=each.criterion,
                mark=each.mark,
                variance=each.variance,
                is_flagged=each.is_flagged,
            )
            for each in rolled
        ),
        steps=tuple(_step(step) for step in steps),
        hinges=tuple(
            PublishedHinge(loser_id=each.loser_id, winner_without_id=each.winner_without_id)
            for each in stability(plan, steps[-1].scoring, draw=draw).hinges
        ),
        flips=tuple(
            PublishedFlip(
                weight=each.weight,
                change=each.change,
                new_weight=each.new_weight,
                is_reached=each.is_reached,
                winner_id=each.winner_id,
            )
            for each in flips(plan, marked, disqualified=out, draw=draw)
        ),
        low=tuple(
            PublishedLow(
                bid_id=each.bid_id,
                rule=each.rule,
                compared_to=each.compared_to,
                below=each.below,
            )
            for each in low_flags(offers)
        ),
    )


def _step(step: Step) -> PublishedStep:
    return PublishedStep(
        ranked=tuple(_bid(each) for each in step.scoring.ranked),
        set_aside=tuple(
            AsideBid(bid_id=each.candidate.bid_id, why=each.why, about=each.about)
            for each in step.scoring.set_aside
        ),
        ended_by=None if step.ended_by is None else step.ended_by.bid_id,
        is_as_ranked=step.is_as_ranked,
    )


def _bid(each: Scored) -> ScoredBid:
    rule = each.parted_by
    return ScoredBid(
        bid_id=each.candidate.bid_id,
        rank=each.rank,
        value=each.value,
        cost=each.cost,
        points=dict(each.points),
        parted_by=None if rule is None else ": ".join(filter(None, (rule.by, rule.criterion))),
    )
