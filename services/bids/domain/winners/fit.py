"""Refuse a problem or rules that cannot mean anything, before anything is searched."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from services.bids.domain.winners.problem import Bid, Granularity, Lot, Problem, TierMode
from services.bids.domain.winners.rules import Rule, RuleKind
from shared.domain.refusals import Kind, Refusal

LOTS_MAX: Final = 5_000
OFFERS_MAX: Final = 100_000
RULES_MAX: Final = 2_000
"""Limits that no purchase we know of comes near; a larger one is a mistake."""

REASONS_MAX: Final = 20
"""How many reasons one refusal names."""

_COUNTS: Final = frozenset({RuleKind.MOST_WINNERS, RuleKind.FEWEST_WINNERS})
_SHARES: Final = frozenset(
    {RuleKind.LARGEST_SHARE, RuleKind.SMALLEST_SHARE, RuleKind.INCUMBENT_SHARE}
)
_OF_VENDOR: Final = frozenset({RuleKind.BARRED, RuleKind.REQUIRED})


class ProblemUnfit(Refusal):
    """The lots, offers or rules contradict themselves; `details` lists how."""

    kind = Kind.INVALID
    code = "award_problem_unfit"

    def __init__(self, reasons: Sequence[str]) -> None:
        """Name the reasons, the first of them in the sentence."""
        named = list(reasons[:REASONS_MAX])
        super().__init__(named[0], details={"reasons": named})


def require_fit(problem: Problem, rules: Sequence[Rule]) -> None:
    """Refuse a problem that cannot be solved as it stands.

    Raises:
        ProblemUnfit: At least one reason speaks against it.
    """
    reasons = [
        *_too_large(problem, rules),
        *_twice(problem, rules),
        *_unfit_lots(problem),
        *_unfit_offers(problem),
        *_unfit_rules(problem, rules),
    ]
    if reasons:
        raise ProblemUnfit(reasons)


def _too_large(problem: Problem, rules: Sequence[Rule]) -> Iterator[str]:
    if not 0 < len(problem.lots) <= LOTS_MAX:
        yield f"There are between 1 and {LOTS_MAX} lots."
    if len(problem.bids) + len(problem.packages) > OFFERS_MAX:
        yield f"There are at most {OFFERS_MAX} offers."
    if len(rules) > RULES_MAX:
        yield f"There are at most {RULES_MAX} rules."
    if problem.steps_per_unit < 1 or problem.money_step <= 0:
        yield "Steps of quantity and money are above 0."


def _twice(problem: Problem, rules: Sequence[Rule]) -> Iterator[str]:
    offers = [*(bid.id for bid in problem.bids), *(each.id for each in problem.packages)]
    for what, ids in (
        ("lots", [lot.id for lot in problem.lots]),
        ("vendors", [vendor.id for vendor in problem.vendors]),
        ("offers", offers),
        ("rules", [rule.id for rule in rules]),
    ):
        for name in _repeated(ids):
            yield f"Two {what} are named {name}."


def _unfit_lots(problem: Problem) -> Iterator[str]:
    vendors = {vendor.id for vendor in problem.vendors}
    for lot in problem.lots:
        if not lot.shares or any(share.quantity <= 0 for share in lot.shares):
            yield f"Lot {lot.id} needs shares, each above 0."
        for name in _repeated(share.district_id for share in lot.shares):
            yield f"Lot {lot.id} names district {name} twice."
        if lot.incumbent_id is not None and lot.incumbent_id not in vendors:
            yield f"Lot {lot.id} has an incumbent that is no vendor."
        if lot.switching_cost < 0 or (lot.reserve is not None and lot.reserve < 0):
            yield f"Lot {lot.id} has a negative cost."
    for vendor in problem.vendors:
        if vendor.minimum < 0 or vendor.participation_cost < 0 or (vendor.capacity or 0) < 0:
            yield f"Vendor {vendor.id} has a bound or a cost below 0."


def _unfit_offers(problem: Problem) -> Iterator[str]:
    vendors = {vendor.id for vendor in problem.vendors}
    lots = {lot.id: lot for lot in problem.lots}
    for bid in problem.bids:
        if bid.vendor_id not in vendors or bid.lot_id not in lots:
            yield f"Bid {bid.id} names a vendor or a lot that is not there."
        else:
            yield from _unfit_tiers(bid, lots[bid.lot_id])
    for package in problem.packages:
        if package.vendor_id not in vendors or not package.lot_ids <= lots.keys():
            yield f"Package {package.id} names a vendor or a lot that is not there."
        if not package.lot_ids or package.price < 0 or package.factor < 0:
            yield f"Package {package.id} needs lots, and a price and a factor of 0 or more."


def _unfit_tiers(bid: Bid, lot: Lot) -> Iterator[str]:
    tiers = sorted(bid.tiers, key=lambda tier: tier.lower)
    if not tiers or bid.setup_cost < 0 or bid.factor < 0:
        yield f"Bid {bid.id} needs tiers, and a set-up cost and a factor of 0 or more."
    for tier in tiers:
        if not 0 <= tier.lower <= tier.upper or tier.unit_price < 0:
            yield f"Bid {bid.id} has a tier that ends before it begins, or a price below 0."
    for tier, following in pairwise(tiers):
        gap = following.lower - tier.upper
        if gap < 0 or following.lower == tier.lower:
            yield f"Bid {bid.id} has tiers that overlap."
        if bid.mode is TierMode.GRADUATED and gap > 1:
            yield f"Bid {bid.id} has graduated tiers that do not meet."
    if lot.granularity is Granularity.WHOLE and bid.mode is TierMode.ALL_UNITS and not tiers:
        yield f"Bid {bid.id} has no price."


def _unfit_rules(problem: Problem, rules: Sequence[Rule]) -> Iterator[str]:
    lots = {lot.id: lot for lot in problem.lots}
    vendors = {vendor.id for vendor in problem.vendors}
    for rule in rules:
        if rule.lot_id is not None and rule.lot_id not in lots:
            yield f"Rule {rule.id} names a lot that is not there."
        elif rule.kind is RuleKind.INCUMBENT_SHARE and (
            rule.lot_id is None or lots[rule.lot_id].incumbent_id is None
        ):
            yield f"Rule {rule.id} needs a lot that has an incumbent."
        if rule.vendor_id is not None and rule.vendor_id not in vendors:
            yield f"Rule {rule.id} names a vendor that is not there."
        yield from _unfit_amount(rule)


def _unfit_amount(rule: Rule) -> Iterator[str]:
    if rule.kind in _COUNTS and (rule.amount.denominator != 1 or rule.amount < 0):
        yield f"Rule {rule.id} counts vendors: it needs a whole number."
    if rule.kind in _SHARES and not 0 <= rule.amount <= 1:
        yield f"Rule {rule.id} bounds a share: it needs a number from 0 to 1."
    if rule.kind in _OF_VENDOR and rule.vendor_id is None:
        yield f"Rule {rule.id} needs a vendor."
    if rule.kind is RuleKind.MINIMUM_SPEND and rule.lot_id is not None:
        yield f"Rule {rule.id} holds over all lots."
    if rule.amount < Fraction(0):
        yield f"Rule {rule.id} has an amount below 0."


def _repeated(ids: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(ids).items() if count > 1)
