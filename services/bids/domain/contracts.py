"""Sum up what is signed after an award: who signs for what, until when, for how much in the end.

Under group pricing each member signs for its own line; under the other models the consortium does
for all of them. Months are counted as the calendar does: from 31 January, one month ends on the
last day of February.
"""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.domain.awards.award import Award
from services.bids.domain.awards.lines import AwardLineId, Line
from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.erate import ErateCategory
from services.bids.domain.fees import (
    Billed,
    Charge,
    EligibleLine,
    Percentage,
    PerOrder,
    Supported,
    eligible_part,
    fees_of,
    support,
)
from services.bids.domain.lots import Lot
from services.bids.domain.terms import ContractTerms
from shared.domain.ids import PartyId
from shared.domain.money import Currency, Money, digits_of

MONTHS: Final = 12

REFERENCE_DIGITS: Final = 12
"""How much of an award's id an order reference bears: its random part, so that no two agree."""

Rates = Mapping[PartyId, Mapping[ErateCategory, int]]
"""Members' E-rate discounts, where they have any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLine:
    """One member's part: `total` is what it is billed, `net` what is left after E-rate support."""

    line_id: AwardLineId
    member_id: PartyId
    order_reference: str
    quantity: Decimal
    cost: Money
    margin: Money | None
    total: Money
    eligible: Money | None
    ineligible: Money | None
    support: Money | None
    net: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What one party signs with the vendor.

    `ends_on` is the last day, None for a single delivery; `renewed_until` the last day with all
    renewals taken. `fee` is what the vendor owes the cooperative for it.
    """

    signed_by: PartyId
    vendor_id: PartyId
    begins_on: date
    ends_on: date | None
    renewals: int
    renewal_months: int
    renewed_until: date | None
    total: Money
    fee: Money
    lines: tuple[ContractLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Awarded:
    """An award as it is signed: its lot, its lines, and the terms of its RFP.

    `eligible_share` is which part of its price the vendor stated as eligible, if it did.
    """

    lot: Lot
    award: Award
    lines: Sequence[tuple[AwardLineId, Line]]
    model: ConsortiumModel
    terms: ContractTerms
    eligible_share: Fraction | None = None


def contracts_of(awarded: Awarded, rates: Rates, *, begins_on: date) -> tuple[Contract, ...]:
    """Write the contracts that an award asks for, by the ids of their lines' members."""
    lines = _lines(awarded, rates)
    if awarded.model is not ConsortiumModel.GROUP_PRICING:
        return (_contract(awarded, awarded.lot.buyer_id, lines, begins_on),)
    return tuple(_contract(awarded, line.member_id, (line,), begins_on) for line in lines)


def months_after(day: date, months: int) -> date:
    """Count months on; a day that the month does not have is its last."""
    years, month = divmod(day.month - 1 + months, MONTHS)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _contract(
    awarded: Awarded, signed_by: PartyId, lines: tuple[ContractLine, ...], begins_on: date
) -> Contract:
    terms, months = awarded.terms, awarded.lot.term_months
    renewed = months + terms.renewals * terms.renewal_months
    currency = awarded.lot.currency
    return Contract(
        signed_by=signed_by,
        vendor_id=awarded.award.vendor_id,
        begins_on=begins_on,
        ends_on=_last_day(begins_on, months),
        renewals=terms.renewals,
        renewal_months=terms.renewal_months,
        renewed_until=_last_day(begins_on, renewed),
        total=_sum([line.cost for line in lines], currency),
        fee=_fee(terms, [line.cost for line in lines], currency),
        lines=lines,
    )


def _lines(awarded: Awarded, rates: Rates) -> tuple[ContractLine, ...]:
    supported = _supported(awarded, rates)
    stem = awarded.award.id.hex[-REFERENCE_DIGITS:].upper()
    return tuple(
        ContractLine(
            line_id=line_id,
            member_id=line.member_id,
            order_reference=f"{stem}-{number}",
            quantity=line.quantity,
            cost=line.cost,
            margin=line.margin,
            total=line.total,
            eligible=None if own is None else own.eligible,
            ineligible=None if own is None else own.ineligible,
            support=None if own is None else own.support,
            net=line.total if own is None else own.net,
        )
        for number, ((line_id, line), own) in enumerate(
            zip(awarded.lines, supported, strict=True), start=1
        )
    )


def _supported(awarded: Awarded, rates: Rates) -> Sequence[Supported | None]:
    """Part each line by what E-rate supports: by own rates where each member applies for itself."""
    category = awarded.terms.erate_category
    if category is None:
        return [None] * len(awarded.lines)
    eligible = [
        EligibleLine(
            member_id=line.member_id,
            total=line.total,
            eligible=_eligible(line.total, awarded),
            percent=rates.get(line.member_id, {}).get(category),
        )
        for _, line in awarded.lines
    ]
    if awarded.model is ConsortiumModel.GROUP_PRICING:
        return [support([each], category)[0] for each in eligible]
    return support(eligible, category)


def _eligible(total: Money, awarded: Awarded) -> Money:
    """Take the eligible part of a line: by what the vendor stated, else by the contract's terms."""
    share = awarded.eligible_share
    if share is None:
        return eligible_part(total, awarded.terms.eligible_percent)
    return Money(round(total.minor * share), total.currency)


def _fee(terms: ContractTerms, costs: Sequence[Money], currency: Currency) -> Money:
    charge: Charge | None = None
    if terms.fee_percent is not None:
        charge = Percentage(terms.fee_percent)
    elif terms.fee_per_order is not None:
        scale = 10 ** digits_of(currency)
        charge = PerOrder(Money(round(terms.fee_per_order * scale), currency))
    nothing = Money(0, currency)
    if charge is None:
        return nothing
    billed = [Billed(total=cost, tax=nothing, shipping=nothing) for cost in costs]
    return _sum(fees_of(charge, billed), currency)


def _last_day(begins_on: date, months: int) -> date | None:
    return None if months == 0 else months_after(begins_on, months) - timedelta(days=1)


def _sum(amounts: Sequence[Money], currency: Currency) -> Money:
    return Money(sum(amount.minor for amount in amounts), currency)
