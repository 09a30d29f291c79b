"""State a buyer's rules, and every other condition that an award keeps, by name and in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from services.bids.domain.winners.problem import Problem
from services.bids.domain.winners.written import amount_text, percent_text


class RuleKind(StrEnum):
    """What a rule bounds.

    Shares of one lot are shares of its units. Shares over all lots are shares of what is paid for
    bids and packages, because units of different lots cannot be added.
    """

    MOST_WINNERS = "most_winners"
    FEWEST_WINNERS = "fewest_winners"
    LARGEST_SHARE = "largest_share"
    SMALLEST_SHARE = "smallest_share"
    INCUMBENT_SHARE = "incumbent_share"
    BUDGET = "budget"
    MINIMUM_SPEND = "minimum_spend"
    MINIMUM_SCORE = "minimum_score"
    BARRED = "barred"
    REQUIRED = "required"
    ALL_AWARDED = "all_awarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the buyer.

    `amount` is a number of winners, a share from 0 to 1, a sum of money or a score, as the kind
    says. Without `lot_id` it holds over all lots together, without `vendor_id` for each vendor.
    Without `priority` it is mandatory; of the others, the higher number gives way first.
    """

    id: str
    kind: RuleKind
    amount: Fraction = Fraction(0)
    lot_id: str | None = None
    vendor_id: str | None = None
    priority: int | None = None


def capacity_name(vendor_id: str) -> str:
    """Name the condition that a vendor wins no more than it can supply."""
    return f"capacity:{vendor_id}"


def minimum_name(vendor_id: str) -> str:
    """Name the condition that a vendor wins its least quantity or nothing."""
    return f"minimum:{vendor_id}"


def cover_name(lot_id: str) -> str:
    """Name the condition that a lot is awarded whole, where no reserve lets it be left."""
    return f"cover:{lot_id}"


def rule_name(rule: Rule) -> str:
    """Name a rule among the conditions."""
    return f"rule:{rule.id}"


def conditions_of(problem: Problem, rules: Sequence[Rule]) -> Mapping[str, str]:
    """List by name, in words, all that an award must keep: lots, vendors' bounds, rules."""
    return dict(
        (
            *((rule_name(rule), said(rule)) for rule in rules),
            *_vendors_conditions(problem),
            *(
                (cover_name(lot.id), f"Lot {lot.id} is awarded whole.")
                for lot in problem.lots
                if lot.reserve is None
            ),
        )
    )


def said(rule: Rule) -> str:
    """Say a rule in words."""
    where = "over all lots" if rule.lot_id is None else f"in lot {rule.lot_id}"
    who = "Each winner" if rule.vendor_id is None else f"Vendor {rule.vendor_id}"
    count, share, sum_ = rule.amount, percent_text(rule.amount), amount_text(rule.amount)
    return {
        RuleKind.MOST_WINNERS: f"At most {count} vendors win {where}.",
        RuleKind.FEWEST_WINNERS: f"At least {count} vendors win {where}.",
        RuleKind.LARGEST_SHARE: f"{who} has at most {share} {where}.",
        RuleKind.SMALLEST_SHARE: f"{who} has at least {share} {where}.",
        RuleKind.INCUMBENT_SHARE: f"The incumbent has at least {share} {where}.",
        RuleKind.BUDGET: f"At most {sum_} is paid {where}.",
        RuleKind.MINIMUM_SPEND: f"{who} is paid at least {sum_} over all lots.",
        RuleKind.MINIMUM_SCORE: f"Only offers that score at least {sum_} win {where}.",
        RuleKind.BARRED: f"{who} wins nothing {where}.",
        RuleKind.REQUIRED: f"{who} wins something {where}.",
        RuleKind.ALL_AWARDED: f"Everything is awarded {where}.",
    }[rule.kind]


def _vendors_conditions(problem: Problem) -> Iterator[tuple[str, str]]:
    steps = problem.steps_per_unit
    for vendor in problem.vendors:
        if vendor.capacity is not None:
            most = amount_text(Fraction(vendor.capacity, steps))
            yield capacity_name(vendor.id), f"Vendor {vendor.id} supplies at most {most} units."
        if vendor.minimum:
            least = amount_text(Fraction(vendor.minimum, steps))
            sentence = f"Vendor {vendor.id} supplies at least {least} units, or nothing."
            yield minimum_name(vendor.id), sentence
