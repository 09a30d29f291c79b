"""State what bids are asked beside their prices: answers by the plan of scoring, and attestations.

It is made once, at the publication, and kept with the RFP: what a vendor was asked then is what its
bid is checked against at the opening, whatever becomes of the policy profile's file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from services.bids.domain.policy import Profile
from services.bids.domain.scoring.candidates import DAYS, CostRule
from services.bids.domain.scoring.eligible import ELIGIBLE, eligible_percent, is_parted
from services.bids.domain.scoring.plan import Plan
from services.bids.domain.terms import Attestation, CriterionKind, Terms
from shared.domain.bid_content import Answer
from shared.domain.bid_documents import EnvelopeKind
from shared.domain.bid_forms import AnswerKind, Asked


@dataclass(frozen=True, slots=True)
class StatedForm:
    """What each bid is asked; where `asked` is None, nothing is, and answers may be to anything."""

    asked: tuple[Asked, ...] | None = None
    attestations: tuple[Attestation, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of all that is to be attested."""
        return frozenset(each.name for each in self.attestations)


def stated_form(terms: Terms, plan: Plan | None, profile: Profile) -> StatedForm:
    """State the form of an RFP that is published now.

    A number is asked for each numeric criterion, and for each cost, promised day and feature that
    the plan reckons with; without the first three nothing could be scored, so that they must be
    answered. What evaluators judge may be answered in words. The profile's attestations come first.

    Where eligible cost is weighed apart, the eligible part of the unit price is asked, and must be
    answered unless the contract's terms state a percentage. All that enters a price goes into its
    envelope, so that nobody learns of a cost before the prices are opened.
    """
    asked = {each.name: each for each in _asked(terms, plan)}
    attested = {each.name: each for each in (*_attested(profile), *terms.attestations)}
    return StatedForm(tuple(asked.values()) or None, tuple(attested.values()))


def answers_where_asked(
    stated: StatedForm, *, technical: Iterable[Answer], price: Iterable[Answer]
) -> Iterator[Answer]:
    """Take of a bid's two envelopes the answers that were asked in each, the technical ones first.

    Where nothing is asked, all are taken.
    """
    placed = {each.name: each.envelope for each in stated.asked or ()}
    for envelope, answers in ((EnvelopeKind.TECHNICAL, technical), (EnvelopeKind.PRICE, price)):
        for answer in answers:
            if stated.asked is None or placed.get(answer.criterion) is envelope:
                yield answer


def _asked(terms: Terms, plan: Plan | None) -> Iterator[Asked]:
    # What comes later stands: a cost that is also a criterion is asked as a cost, 0 or more.
    for criterion in terms.criteria:
        if criterion.kind is CriterionKind.NUMERIC:
            yield Asked(name=criterion.name, kind=AnswerKind.NUMBER, is_required=True)
        elif criterion.kind is not CriterionKind.PRICE:
            yield Asked(name=criterion.name)
    if plan is not None:
        yield from _asked_by_cost(plan.cost)
    if is_parted(terms.criteria, plan):
        is_required = eligible_percent(terms.contract) is None
        yield _priced(ELIGIBLE, is_required=is_required, is_part_of_price=True)


def _asked_by_cost(rule: CostRule) -> Iterator[Asked]:
    for name in rule.features_max:
        yield _priced(name)
    for name in rule.added if rule.rate_per_day is None else (*rule.added, DAYS):
        yield _priced(name, is_required=True)


def _priced(name: str, *, is_required: bool = False, is_part_of_price: bool = False) -> Asked:
    """Ask for a number that enters the price."""
    return Asked(
        name=name,
        kind=AnswerKind.NUMBER,
        is_required=is_required,
        least=Decimal(0),
        envelope=EnvelopeKind.PRICE,
        is_part_of_price=is_part_of_price,
    )


def _attested(profile: Profile) -> Iterator[Attestation]:
    for each in profile.attestations:
        yield Attestation(name=each.name, sentence=each.sentence)
