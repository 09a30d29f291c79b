"""Part the eligible cost of a bid from the rest, where a subsidy pays for eligible items alone.

A vendor states it in its bid. Where it says nothing, the contract's percentage of its price counts,
if the RFP's terms state one.

Source: 47 CFR 54.511(a), by which the price of eligible items weighs more than anything else.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.domain.scoring.plan import PERCENT, Plan
from services.bids.domain.terms import ContractTerms, CostCovered, Criterion
from shared.domain.bid_content import BidContent
from shared.domain.money import PRICE_SCALE

ELIGIBLE: Final = "eligible_unit_price"
"""The name under which a vendor answers which part of its unit price is eligible."""

_PARTED: Final = frozenset({CostCovered.ELIGIBLE, CostCovered.INELIGIBLE})


def is_parted(criteria: Iterable[Criterion], plan: Plan | None) -> bool:
    """Tell whether the criteria of an RFP, or its plan, weigh eligible or other cost apart."""
    planned = [] if plan is None else [each.covers for each in plan.prices]
    return not _PARTED.isdisjoint([*(each.covers for each in criteria), *planned])


def eligible_percent(contract: ContractTerms | None) -> Decimal | None:
    """Read how much of a price is eligible; None where the terms name no E-rate category."""
    if contract is None or contract.erate_category is None:
        return None
    return contract.eligible_percent


def stated_share(content: BidContent, quantity: Decimal) -> Fraction | None:
    """Find which share of its price a vendor states as eligible; None where it says nothing."""
    unit_e4 = content.pricing.exact_e4(quantity)
    stated = [answer.text for answer in content.answers if answer.criterion == ELIGIBLE]
    if not stated or not unit_e4:
        return None
    return Fraction(Decimal(stated[0])) * PRICE_SCALE / unit_e4


def eligible_price(
    price: Fraction, answers: Mapping[str, Fraction], contract: ContractTerms | None
) -> Fraction | None:
    """Find the eligible part of a price: what the vendor states, else the contract's percentage.

    None where neither is stated.
    """
    percent = eligible_percent(contract)
    if ELIGIBLE in answers or percent is None:
        return answers.get(ELIGIBLE)
    return price * Fraction(percent) / PERCENT
