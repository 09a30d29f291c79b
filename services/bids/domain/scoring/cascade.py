"""Follow a lot through disqualifications: who is next when the best falls away, and why.

After each one the rest are scored anew without it, because a relative formula may have measured
the others by it; a step says whether that changed who comes next.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.plan import Plan
from services.bids.domain.scoring.ranking import Scoring, score
from services.bids.domain.scoring.ties import Draw
from shared.domain.facts import Fact
from shared.domain.ids import BidId, LotId
from shared.domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True)
class Disqualification:
    """A bid that may not win, and the written reason."""

    bid_id: BidId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BidDisqualified(Fact):
    """A bid was set aside, with its reason; the lot's other bids are scored without it."""

    TYPE: ClassVar[str] = "bid.disqualified"

    lot_id: LotId
    bid_id: BidId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A ranking on the way, and what ended it: a disqualification, or None at the last.

    `is_as_ranked` is false where scoring anew put another in front than the one that was next.
    """

    scoring: Scoring
    ended_by: Disqualification | None
    is_as_ranked: bool = True


class BidUnscored(Refusal):
    """The bid is not among those of the lot, or it was disqualified before."""

    kind = Kind.CONFLICT
    code = "bid_unscored"


def cascade(
    plan: Plan,
    candidates: Sequence[Candidate],
    disqualifications: Iterable[Disqualification],
    *,
    draw: Draw | None = None,
) -> tuple[Step, ...]:
    """Disqualify bids one after another; the last step is the ranking that stands.

    Raises:
        BidUnscored: A bid is none of these, or was disqualified before.
    """
    out: dict[BidId, str] = {}
    scoring = score(plan, candidates, draw=draw)
    is_as_ranked = True
    steps: list[Step] = []
    for each in disqualifications:
        if each.bid_id in out or each.bid_id not in scoring.order:
            sentence = "The bid is not among those of the lot, or it is disqualified already."
            raise BidUnscored(sentence)
        steps.append(Step(scoring=scoring, ended_by=each, is_as_ranked=is_as_ranked))
        expected = _next(scoring, each.bid_id)
        out[each.bid_id] = each.reason
        scoring = score(plan, candidates, disqualified=out, draw=draw)
        is_as_ranked = expected == _first(scoring)
    return (*steps, Step(scoring=scoring, ended_by=None, is_as_ranked=is_as_ranked))


def _next(scoring: Scoring, without: BidId) -> BidId | None:
    ranked = (each.candidate.bid_id for each in scoring.ranked)
    return next((bid_id for bid_id in ranked if bid_id != without), None)


def _first(scoring: Scoring) -> BidId | None:
    return None if scoring.winner is None else scoring.winner.candidate.bid_id
