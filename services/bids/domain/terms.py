"""Hold what a buyer writes into an RFP beside its title and deadline: method, criteria, contract.

Terms change while the RFP is a draft, and freeze at its publication; what changes later is an
addendum, and criteria and weights never change.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from services.bids.domain.consortium import (
    ConsortiumModel,
    CostSharing,
    PriceOnDeclines,
    SilenceMeans,
)
from services.bids.domain.erate import ErateCategory
from shared.domain.refusals import Kind, Refusal

WEIGHTS_SUM: Final = Decimal(100)
"""Weights are hundredths of the whole; they need not be whole themselves."""

WEIGHT_DECIMALS: Final = 4
"""The finest weight: a ten-thousandth of a hundredth tells any two criteria apart."""

CRITERIA_MAX: Final = 50
"""More criteria than this nobody scores by."""

ATTESTATIONS_MAX: Final = 10
"""A bid carries 20: the rest are for those that policy profiles ask for."""

MARGIN_PERCENT_MAX: Final = Decimal(100)
"""The highest margin of a consortium that resells: twice what it pays."""

BIDS_MIN_MAX: Final = 100
"""No buyer waits for more bids than this on one lot."""

ACCEPTANCE_WINDOW_MAX: Final = timedelta(days=180)
"""The longest time for members to accept their lines: half a year, as prices move."""


RENEWALS_MAX: Final = 20
"""More renewals than this make a contract that nobody bids on again."""

RENEWAL_MONTHS_MAX: Final = 120
"""The longest renewal: ten years."""


class Advertised(StrEnum):
    """What vendors were told: sealed bids and nothing after, or that an auction may follow."""

    SEALED = "sealed"
    AUCTION_MAY_FOLLOW = "auction_may_follow"


class CriterionKind(StrEnum):
    """How a criterion is answered: by the price, by evaluators, by a number, by yes or no."""

    PRICE = "price"
    RATED = "rated"
    NUMERIC = "numeric"
    PASS_FAIL = "pass_fail"  # noqa: S105 - a kind of criterion, no password


class CostCovered(StrEnum):
    """Which cost a price criterion weighs, where a subsidy pays for eligible items alone."""

    ALL = "all"
    ELIGIBLE = "eligible"
    INELIGIBLE = "ineligible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """Something scored. A pass/fail criterion carries no weight; `covers` is a price's alone."""

    name: str
    kind: CriterionKind
    weight: Decimal | None = None
    covers: CostCovered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """What the contracts of an award will say, and what a cooperative charges for them.

    A contract may be renewed `renewals` times by `renewal_months`. The vendor owes the cooperative
    a percentage net of tax and shipping, or an amount per order, or nothing. Of what is bought
    under an E-rate category, `eligible_percent` is supported.
    """

    renewals: int = 0
    renewal_months: int = 0
    fee_percent: Decimal | None = None
    fee_per_order: Decimal | None = None
    erate_category: ErateCategory | None = None
    eligible_percent: Decimal = WEIGHTS_SUM


PRICE_ALONE: Final = (
    Criterion(name="price", kind=CriterionKind.PRICE, weight=WEIGHTS_SUM, covers=CostCovered.ALL),
)
"""What an RFP that names no criteria is scored by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Something that each vendor must attest in its bid, by its name."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a buyer writes; None where the consortium model knows no such term.

    `certified_on` is the day on which the form that begins the waiting period was certified.
    `declarations` are the names of those that the policy profile asks of the buyer, `attestations`
    what the buyer asks of each vendor beyond what the profile does. A member accepts or declines
    its line within `acceptance_window_s` of being told; `silence_means` what it says by nothing.
    """

    advertised_as: Advertised = Advertised.AUCTION_MAY_FOLLOW
    prequalified_only: bool = False
    bids_min: int = 1
    certified_on: date | None = None
    questions_close_at: datetime | None = None
    declarations: tuple[str, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    criteria: tuple[Criterion, ...] = PRICE_ALONE
    acceptance_window_s: int | None = None
    silence_means: SilenceMeans | None = None
    price_on_declines: PriceOnDeclines | None = None
    cost_shared_by: CostSharing | None = None
    margin_percent: Decimal | None = None
    contract: ContractTerms | None = None


class TermsUnfit(Refusal):
    """The terms contradict the consortium model, the deadline or each other."""

    kind = Kind.INVALID
    code = "terms_unfit"

    def __init__(self, reasons: list[str]) -> None:
        """Name every reason."""
        super().__init__(" ".join(reasons), details={"reasons": reasons})


def require_fit(terms: Terms, *, model: ConsortiumModel, closes_at: datetime) -> None:
    """Let only terms pass that an RFP of this model and deadline can have.

    Raises:
        TermsUnfit: At least one reason speaks against it; all are named.
    """
    reasons = [
        *_unfit_criteria(terms.criteria),
        *_unfit_for_model(terms, model),
        *_unfit_bounds(terms, closes_at),
        *_unfit_contract(terms.contract or ContractTerms()),
    ]
    if reasons:
        raise TermsUnfit(reasons)


def _unfit_criteria(criteria: tuple[Criterion, ...]) -> Iterator[str]:
    if len(criteria) > CRITERIA_MAX:
        yield f"An RFP has at most {CRITERIA_MAX} criteria."
    names = Counter(criterion.name.casefold() for criterion in criteria)
    for name in sorted(name for name, count in names.items() if count > 1):
        yield f"Two criteria are named {name}."
    for criterion in criteria:
        yield from _unfit_criterion(criterion)
    covered = Counter(each.covers for each in criteria if each.covers is not None)
    if any(count > 1 for count in covered.values()) or (
        CostCovered.ALL in covered and len(covered) > 1
    ):
        yield "Price is weighed once for all cost, or once for eligible and once for other cost."
    weighed = sum((each.weight for each in criteria if each.weight is not None), Decimal(0))
    if weighed != WEIGHTS_SUM:
        yield f"The weights sum to {weighed:f}; they must sum to {WEIGHTS_SUM}."


def _unfit_criterion(criterion: Criterion) -> Iterator[str]:
    name, weight = criterion.name, criterion.weight
    is_price = criterion.kind is CriterionKind.PRICE
    if is_price != (criterion.covers is not None):
        yield f"{name}: a price criterion, and no other, says which cost it covers."
    if criterion.kind is CriterionKind.PASS_FAIL:
        if weight is not None:
            yield f"{name}: a pass/fail criterion carries no weight."
    elif weight is None or weight <= 0:
        yield f"{name}: the criterion needs a weight above 0."
    elif weight != round(weight, WEIGHT_DECIMALS):
        yield f"{name}: a weight has at most {WEIGHT_DECIMALS} decimals."


def _unfit_for_model(terms: Terms, model: ConsortiumModel) -> Iterator[str]:
    belongs = {
        "acceptance_window_s": ConsortiumModel.GROUP_PRICING,
        "silence_means": ConsortiumModel.GROUP_PRICING,
        "price_on_declines": ConsortiumModel.GROUP_PRICING,
        "cost_shared_by": ConsortiumModel.GROUP_PROCUREMENT,
        "margin_percent": ConsortiumModel.RESALE,
    }
    for name, of_model in belongs.items():
        if getattr(terms, name) is not None and model is not of_model:
            yield f"{name} is a term of {of_model}, and this RFP is under {model}."


def _unfit_bounds(terms: Terms, closes_at: datetime) -> Iterator[str]:
    if terms.questions_close_at is not None and terms.questions_close_at > closes_at:
        yield "Questions must close when bidding closes, or earlier."
    if not 1 <= terms.bids_min <= BIDS_MIN_MAX:
        yield f"bids_min is between 1 and {BIDS_MIN_MAX}."
    names = {each.name.casefold() for each in terms.attestations}
    if len(names) != len(terms.attestations):
        yield "Two attestations have the same name."
    if len(terms.attestations) > ATTESTATIONS_MAX:
        yield f"An RFP asks for at most {ATTESTATIONS_MAX} attestations of its own."
    window_s = terms.acceptance_window_s
    if window_s is not None and not 0 < window_s <= ACCEPTANCE_WINDOW_MAX.total_seconds():
        yield f"acceptance_window_s is above 0 and at most {ACCEPTANCE_WINDOW_MAX.days} days."
    margin = terms.margin_percent
    if margin is not None and not 0 <= margin <= MARGIN_PERCENT_MAX:
        yield f"margin_percent is between 0 and {MARGIN_PERCENT_MAX}."


def _unfit_contract(contract: ContractTerms) -> Iterator[str]:
    if not 0 <= contract.renewals <= RENEWALS_MAX:
        yield f"renewals is between 0 and {RENEWALS_MAX}."
    if (contract.renewals > 0) != (contract.renewal_months > 0):
        yield "A contract that may be renewed says how often, and by how many months."
    if contract.renewal_months > RENEWAL_MONTHS_MAX:
        yield f"renewal_months is at most {RENEWAL_MONTHS_MAX}."
    if contract.fee_percent is not None and contract.fee_per_order is not None:
        yield "A fee is a percentage or an amount per order, not both."
    for name in ("fee_percent", "eligible_percent"):
        percent: Decimal | None = getattr(contract, name)
        if percent is not None and not 0 <= percent <= WEIGHTS_SUM:
            yield f"{name} is between 0 and {WEIGHTS_SUM}."
    if contract.erate_category is None and contract.eligible_percent != WEIGHTS_SUM:
        yield "eligible_percent belongs to an E-rate category; say which."
