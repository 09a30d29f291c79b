"""Who signs what after an award: terms, renewals, fees, E-rate support, order references."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest

from services.bids.domain.awards.award import Award, AwardStatus
from services.bids.domain.awards.lines import AwardLineId, Line
from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.contracts import Awarded, contracts_of, months_after
from services.bids.domain.erate import ErateCategory
from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.scoring.eligible import stated_share
from services.bids.domain.terms import ContractTerms, Terms, TermsUnfit, require_fit
from shared.domain.bid_content import Answer, BidContent, Pricing, Tier
from shared.domain.ids import AwardId, LotId, PartyId, RfpId
from shared.domain.money import Currency, Money, UnitPrice

USD = Currency("USD")
BUYER, VENDOR, NORTH, SOUTH = (PartyId(UUID(int=number)) for number in range(1, 5))
BEGINS = date(2027, 7, 1)

LOT = Lot(
    id=LotId(UUID(int=11)),
    rfp_id=RfpId(UUID(int=12)),
    buyer_id=BUYER,
    number=1,
    title="Internet access",
    category="bandwidth",
    item_code="81112101",
    specification="10 Gbit/s",
    unit="Mbit/s",
    term_months=36,
    delivery_area="",
    quantity=Decimal(1000),
    currency=USD,
    status=LotStatus.AWARDED,
)
AWARD = Award(
    id=AwardId(UUID("0193a4f2-7c00-7000-8000-0123456789ab")),
    lot_id=LOT.id,
    vendor_id=VENDOR,
    price=UnitPrice.parse("1.00", USD),
    quantity=Decimal(1000),
    total=Money(100_001, USD),
    reason=None,
    status=AwardStatus.MADE,
    decided_at=datetime(2027, 5, 1, tzinfo=UTC),
)


def line(member_id: PartyId, cents: int, *, margin: int | None = None) -> Line:
    return Line(
        member_id=member_id,
        quantity=Decimal(500),
        total=Money(cents + (margin or 0), USD),
        baseline_total=None,
        margin=None if margin is None else Money(margin, USD),
    )


LINES = (
    (AwardLineId(UUID(int=21)), line(NORTH, 60_000)),
    (AwardLineId(UUID(int=22)), line(SOUTH, 40_001)),
)


def awarded(
    terms: ContractTerms, model: ConsortiumModel = ConsortiumModel.GROUP_PRICING
) -> Awarded:
    return Awarded(lot=LOT, award=AWARD, lines=LINES, model=model, terms=terms)


def test_each_member_signs_for_its_own_line_under_group_pricing() -> None:
    north, south = contracts_of(awarded(ContractTerms()), {}, begins_on=BEGINS)

    assert (north.signed_by, north.total.minor) == (NORTH, 60_000)
    assert (south.signed_by, south.total.minor) == (SOUTH, 40_001)
    assert [each.lines[0].order_reference for each in (north, south)] == [
        "0123456789AB-1",
        "0123456789AB-2",
    ]


@pytest.mark.parametrize("model", [ConsortiumModel.GROUP_PROCUREMENT, ConsortiumModel.RESALE])
def test_consortium_signs_for_all_under_the_other_models(model: ConsortiumModel) -> None:
    (contract,) = contracts_of(awarded(ContractTerms(), model), {}, begins_on=BEGINS)

    assert (contract.signed_by, contract.total.minor, len(contract.lines)) == (BUYER, 100_001, 2)


def test_contract_ends_on_the_last_day_of_its_term_and_later_with_its_renewals() -> None:
    terms = ContractTerms(renewals=2, renewal_months=12)

    contract, _ = contracts_of(awarded(terms), {}, begins_on=BEGINS)

    assert (contract.ends_on, contract.renewed_until) == (date(2030, 6, 30), date(2032, 6, 30))


def test_single_delivery_has_no_end() -> None:
    once = replace(awarded(ContractTerms()), lot=replace(LOT, term_months=0))

    contract, _ = contracts_of(once, {}, begins_on=BEGINS)

    assert (contract.ends_on, contract.renewed_until) == (None, None)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2027, 12, 1), 1, date(2028, 1, 1)),
        (date(2027, 7, 1), 36, date(2030, 7, 1)),
    ],
)
def test_months_are_counted_as_the_calendar_does(day: date, months: int, expected: date) -> None:
    assert months_after(day, months) == expected


def test_fee_is_a_percentage_of_what_the_vendor_gets_or_so_much_an_order() -> None:
    percent = ContractTerms(fee_percent=Decimal("0.25"))
    flat = ContractTerms(fee_per_order=Decimal(800))

    by_percent = contracts_of(awarded(percent), {}, begins_on=BEGINS)
    by_order = contracts_of(awarded(flat, ConsortiumModel.RESALE), {}, begins_on=BEGINS)

    # A quarter of a percent of 600.00 and of 400.01 is 1.50 and 1.000025.
    assert [each.fee.minor for each in by_percent] == [150, 100]
    assert [each.fee.minor for each in by_order] == [160_000]


def test_members_own_rate_supports_its_line_and_the_shared_rate_a_consortiums() -> None:
    terms = ContractTerms(
        erate_category=ErateCategory.ONE, eligible_percent=Decimal(80), renewals=0
    )
    rates = {NORTH: {ErateCategory.ONE: 90}, SOUTH: {ErateCategory.ONE: 40}}

    own = contracts_of(awarded(terms), rates, begins_on=BEGINS)
    (shared,) = contracts_of(
        awarded(terms, ConsortiumModel.GROUP_PROCUREMENT), rates, begins_on=BEGINS
    )

    north, south = own[0].lines[0], own[1].lines[0]
    assert north.eligible is not None
    assert north.ineligible is not None
    assert north.support is not None
    # 80 % of 600.00 is 480.00, of which 90 % is 432.00; 80 % of 400.01 is 320.01, 40 % 128.00.
    assert (north.eligible.minor, north.ineligible.minor) == (48_000, 12_000)
    assert (north.support.minor, north.net.minor, south.net.minor) == (43_200, 16_800, 27_201)
    # Together they share the mean of 90 and 40: 65 % of 480.00 is 312.00.
    assert [each.net.minor for each in shared.lines] == [28_800, 19_200]


def test_vendors_own_eligible_part_goes_before_the_contracts_percentage() -> None:
    terms = ContractTerms(erate_category=ErateCategory.ONE, eligible_percent=Decimal(80))
    stated = replace(awarded(terms), eligible_share=Fraction(3, 4))

    north, _ = contracts_of(stated, {NORTH: {ErateCategory.ONE: 90}}, begins_on=BEGINS)

    (own,) = north.lines
    assert own.eligible is not None
    # Three quarters of 600.00 are 450.00, of which 90 % is 405.00.
    assert (own.eligible.minor, own.net.minor) == (45_000, 19_500)


@pytest.mark.parametrize(
    ("answers", "share"),
    [
        ((Answer("eligible_unit_price", "0.30"),), Fraction(3, 4)),
        ((Answer("uptime", "0.30"),), None),
        ((), None),
    ],
)
def test_share_is_the_stated_part_of_the_price_at_the_lots_quantity(
    answers: tuple[Answer, ...], share: Fraction | None
) -> None:
    tiers = (
        Tier(Decimal(1), UnitPrice.parse("0.50", USD)),
        Tier(Decimal(1000), UnitPrice.parse("0.40", USD)),
    )
    content = BidContent(currency=USD, nonce=b"", pricing=Pricing(tiers), answers=answers)

    assert stated_share(content, LOT.quantity) == share


def test_margin_is_the_members_and_not_the_vendors() -> None:
    lines = ((AwardLineId(UUID(int=21)), line(NORTH, 60_000, margin=1_500)),)
    resold = replace(awarded(ContractTerms(), ConsortiumModel.RESALE), lines=lines)

    (contract,) = contracts_of(resold, {}, begins_on=BEGINS)

    assert (contract.total.minor, contract.lines[0].total.minor) == (60_000, 61_500)


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        (ContractTerms(renewals=1), "how often, and by how many months"),
        (ContractTerms(renewals=21, renewal_months=1), "renewals is between 0 and 20"),
        (ContractTerms(renewals=1, renewal_months=121), "renewal_months is at most 120"),
        (
            ContractTerms(fee_percent=Decimal(1), fee_per_order=Decimal(1)),
            "a percentage or an amount per order",
        ),
        (ContractTerms(fee_percent=Decimal("100.01")), "fee_percent is between 0 and 100"),
        (ContractTerms(eligible_percent=Decimal(80)), "belongs to an E-rate category"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(contract: ContractTerms, reason: str) -> None:
    with pytest.raises(TermsUnfit, match=reason):
        require_fit(
            Terms(contract=contract),
            model=ConsortiumModel.GROUP_PRICING,
            closes_at=datetime(2027, 3, 1, tzinfo=UTC),
        )
