"""Say what is known of a bid when it is scored, and what it costs by a plan's rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.domain.terms import CostCovered
from shared.domain.ids import BidId, PartyId
from shared.domain.refusals import Kind, Refusal

DAYS: Final = "days"
"""The name under which a vendor answers how many days it promises."""


class AnswerMissing(Refusal):
    """A bid was not scored on everything that its plan asks, so that nothing can be ranked."""

    kind = Kind.CONFLICT
    code = "answer_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One opened bid.

    `price` is in the currency's unit, of whatever is compared: one unit or the whole lot. `marks`
    are what rated and numeric criteria came to, on their own scales. `costs` are stated beside the
    price, `days` are promised, `features` are the shares that were taken of a coefficient.
    """

    bid_id: BidId
    vendor_id: PartyId
    price: Fraction = field(repr=False)
    received_at: datetime
    log_index: int
    eligible_price: Fraction | None = field(default=None, repr=False)
    days: Fraction | None = None
    costs: Mapping[str, Fraction] = field(default_factory=dict)
    features: Mapping[str, Fraction] = field(default_factory=dict)
    marks: Mapping[str, Fraction] = field(default_factory=dict)
    passes: Mapping[str, bool] = field(default_factory=dict)

    def price_covering(self, covers: CostCovered) -> Fraction:
        """Take the part of the price that a criterion weighs.

        Raises:
            AnswerMissing: The bid does not part the eligible cost from the rest.
        """
        if covers is CostCovered.ALL:
            return self.price
        eligible = required(self.eligible_price, "its eligible cost")
        return eligible if covers is CostCovered.ELIGIBLE else self.price - eligible


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRule:
    """What is added to a price, and by which coefficient it is divided, before it is compared.

    `added` names stated costs, as over a life-cycle; `rate_per_day` prices each promised day;
    `features_max` is the largest share of each feature. Their sum is below 1.
    """

    added: tuple[str, ...] = ()
    rate_per_day: Decimal | None = None
    features_max: Mapping[str, Decimal] = field(default_factory=dict)


def required(value: Fraction | None, what: str) -> Fraction:
    """Insist on an answer.

    Raises:
        AnswerMissing: There is none.
    """
    if value is None:
        sentence = f"A bid lacks {what}; without it the lot cannot be scored."
        raise AnswerMissing(sentence)
    return value


def coefficient(rule: CostRule, features: Mapping[str, Fraction]) -> Fraction:
    """Compute K = 1 + shares taken ÷ (1 - largest shares); a feature not taken counts 0.

    Source: the non-price criteria of the ProZorro system, whose prices are ranked as price ÷ K.
    """
    if not rule.features_max:
        return Fraction(1)
    largest = sum((Fraction(each) for each in rule.features_max.values()), Fraction(0))
    taken = sum((features.get(name, Fraction(0)) for name in rule.features_max), Fraction(0))
    return 1 + taken / (1 - largest)


def compared_cost(
    rule: CostRule, candidate: Candidate, covers: CostCovered = CostCovered.ALL
) -> Fraction:
    """Compute what a bid costs by a rule: (price + stated costs + days x rate) ÷ K.

    Raises:
        AnswerMissing: The bid does not state something that is added.
    """
    cost = candidate.price_covering(covers)
    for name in rule.added:
        cost += required(candidate.costs.get(name), f"the cost “{name}”")
    if rule.rate_per_day is not None:
        cost += days_of(candidate) * Fraction(rule.rate_per_day)
    return cost / coefficient(rule, candidate.features) if rule.features_max else cost


def days_of(candidate: Candidate) -> Fraction:
    """Read the days that a bid promises.

    Raises:
        AnswerMissing: It promises none.
    """
    return required(candidate.days, "its number of days")
