"""Gather by what bids are scored: the vendors' own numbers, and what evaluators' marks came to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from services.bids.domain.scoring.candidates import DAYS, Candidate
from services.bids.domain.scoring.eligible import ELIGIBLE, eligible_price
from services.bids.domain.scoring.judging import marks_of, passes, roll_up
from services.bids.domain.scoring.panels import Rolled, Scorebook
from services.bids.domain.scoring.plan import Plan
from services.bids.domain.scoring.stating import features_of
from services.bids.domain.terms import ContractTerms, CriterionKind
from shared.domain.bid_content import Answer
from shared.domain.ids import BidId, PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An opened bid with its vendor's answers, of both envelopes, the technical ones first."""

    bid_id: BidId
    vendor_id: PartyId
    price: Fraction = field(repr=False)
    received_at: datetime
    log_index: int
    answers: Sequence[Answer]


def candidate_of(plan: Plan, bid: Answered, contract: ContractTerms | None) -> Candidate:
    """Take of a vendor's answers what its bid is scored by; marks come from evaluators.

    The terms of the `contract` tell how much of a price is eligible where its vendor does not.
    """
    answers = numbers_in(bid.answers)
    numeric = (each.name for each in plan.criteria if each.kind is CriterionKind.NUMERIC)
    return Candidate(
        bid_id=bid.bid_id,
        vendor_id=bid.vendor_id,
        price=bid.price,
        eligible_price=eligible_price(bid.price, answers, contract),
        received_at=bid.received_at,
        log_index=bid.log_index,
        days=answers.get(DAYS),
        costs={name: answers[name] for name in plan.cost.added if name in answers},
        features=features_of(plan, answers),
        marks={name: answers[name] for name in numeric if name in answers},
    )


def numbers_of(plan: Plan) -> frozenset[str]:
    """Name the answers that a plan scores as numbers."""
    numeric = (each.name for each in plan.criteria if each.kind is CriterionKind.NUMERIC)
    return frozenset({*numeric, *plan.cost.added, *plan.cost.features_max, DAYS, ELIGIBLE})


def numbers_in(answers: Iterable[Answer]) -> dict[str, Fraction]:
    """Read the numbers among answers, by criterion; of two answers to one, the later holds."""
    numbers: dict[str, Fraction] = {}
    for answer in answers:
        try:
            numbers[answer.criterion] = Fraction(Decimal(answer.text))
        except (InvalidOperation, ValueError, OverflowError):
            continue  # A sentence is no number; evaluators read it.
    return numbers


def judged(
    book: Scorebook, candidates: Sequence[Candidate]
) -> tuple[tuple[Rolled, ...], tuple[Candidate, ...]]:
    """Join the evaluators' marks to the opened bids.

    Raises:
        ScoresIncomplete: Evaluators have not judged everything.
    """
    opened = frozenset(each.bid_id for each in candidates)
    rolled = roll_up(replace(book, bid_ids=opened))
    return rolled, tuple(_marked(book.plan, rolled, each) for each in candidates)


def _marked(plan: Plan, rolled: Sequence[Rolled], candidate: Candidate) -> Candidate:
    marks = marks_of(rolled, candidate.bid_id)
    passed = {each.name for each in plan.criteria if each.kind is CriterionKind.PASS_FAIL}
    return replace(
        candidate,
        marks={
            **candidate.marks,
            **{name: mark for name, mark in marks.items() if name not in passed},
        },
        passes={name: passes(marks[name]) for name in passed & marks.keys()},
    )
