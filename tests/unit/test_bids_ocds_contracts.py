"""What a release tells of contracts: who buys under each model, for how long, and for how much."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.bids.domain.awards.award import Award, AwardStatus
from services.bids.domain.awards.lines import AwardLineId, Line
from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.erate import ErateCategory
from services.bids.domain.lots import LotStatus
from services.bids.domain.ocds.public import OpeningTold, RfpFile, public_purchase, release_of
from services.bids.domain.ocds.purchase import Purchase
from services.bids.domain.rfps import Rfp, RfpStatus
from services.bids.domain.terms import ContractTerms, Terms
from shared.domain.ids import AwardId, LotId, PartyId, RfpId
from shared.domain.money import Currency, Money, UnitPrice
from tests.unit.bids_lot import MILK

USD: Final = Currency("USD")
BUYER, VENDOR, NORTH, SOUTH = (PartyId(UUID(int=number)) for number in range(1, 5))
NEW_YORK: Final = ZoneInfo("America/New_York")
MADE_AT: Final = datetime(2027, 7, 1, 2, tzinfo=UTC)
"""In New York it is still the evening of 30 June."""

RFP: Final = Rfp(
    id=RfpId(UUID(int=12)),
    buyer_id=BUYER,
    title="Milk",
    currency=USD,
    consortium_model=ConsortiumModel.GROUP_PRICING,
    policy_profile="open",
    custodian_id=PartyId(UUID(int=9)),
    standstill_s=0,
    status=RfpStatus.CLOSED,
    closes_at=MADE_AT,
    drafted_at=MADE_AT,
    published_at=MADE_AT,
)
LOT: Final = replace(
    MILK,
    id=LotId(UUID(int=11)),
    rfp_id=RFP.id,
    buyer_id=BUYER,
    quantity=Decimal(1000),
    status=LotStatus.AWARDED,
)
AWARD: Final = Award(
    id=AwardId(UUID(int=13)),
    lot_id=LOT.id,
    vendor_id=VENDOR,
    price=UnitPrice.parse("1.00", USD),
    quantity=Decimal(1000),
    total=Money(100_001, USD),
    reason=None,
    status=AwardStatus.MADE,
    decided_at=MADE_AT,
    intended_at=MADE_AT,
    made_at=MADE_AT,
)
Lines = Sequence[tuple[AwardLineId, Line]]


def line(member_id: PartyId, quantity: str, cents: int, margin: int | None = None) -> Line:
    return Line(
        member_id=member_id,
        quantity=Decimal(quantity),
        total=Money(cents + (margin or 0), USD),
        baseline_total=Money(123_456, USD),
        margin=None if margin is None else Money(margin, USD),
    )


TAKEN: Final[Lines] = (
    (AwardLineId(UUID(int=21)), line(NORTH, "600", 60_000)),
    (AwardLineId(UUID(int=22)), line(SOUTH, "400.5", 40_001)),
)
RESOLD: Final[Lines] = (
    (AwardLineId(UUID(int=21)), line(NORTH, "600", 60_000, 7_777)),
    (AwardLineId(UUID(int=22)), line(SOUTH, "400.5", 40_001, 7_777)),
)


def file_of(
    model: ConsortiumModel = ConsortiumModel.GROUP_PRICING,
    *,
    terms: Terms | None = None,
    award: Award = AWARD,
    lines: Mapping[AwardId, Lines] | None = None,
) -> RfpFile:
    return RfpFile(
        rfp=replace(RFP, consortium_model=model, terms=terms or Terms()),
        lots=[LOT],
        auctioned=frozenset(),
        opening=OpeningTold(),
        bids=[],
        awards=[award],
        lines={AWARD.id: TAKEN} if lines is None else lines,
        members=2,
        names={BUYER: "Cooperative", VENDOR: "Dairy", NORTH: "North", SOUTH: "South"},
        changed_at=MADE_AT,
    )


def purchase_of(file: RfpFile) -> Purchase:
    return public_purchase(file, ocid="ocds-1", zone=NEW_YORK)


def roles_of(file: RfpFile) -> dict[str, object]:
    release = release_of(file, prefix="ocds-local0", zone=NEW_YORK)
    parties = release["parties"]
    assert isinstance(parties, list)
    return {str(each["name"]): each["roles"] for each in parties if isinstance(each, dict)}


def test_each_member_buys_for_itself_under_group_pricing() -> None:
    purchase = purchase_of(file_of())

    assert purchase.buyer_id is None
    assert [(each.buyer_id, str(each.value), each.id) for each in purchase.contracts] == [
        (str(NORTH), "600.00", str(UUID(int=21))),
        (str(SOUTH), "400.01", str(UUID(int=22))),
    ]
    assert [[item.quantity for item in each.items] for each in purchase.contracts] == [
        [Decimal(600)],
        [Decimal("400.5")],
    ]
    assert roles_of(file_of()) == {
        "Cooperative": ["procuringEntity"],
        "Dairy": ["supplier"],
        "North": ["buyer"],
        "South": ["buyer"],
    }


def test_consortium_signs_a_group_procurement_with_its_members_money() -> None:
    file = file_of(ConsortiumModel.GROUP_PROCUREMENT)

    purchase = purchase_of(file)

    (contract,) = purchase.contracts
    assert (contract.id, contract.buyer_id, str(contract.value)) == (str(AWARD.id), None, "1000.01")
    assert contract.items == ()
    assert purchase.buyer_id == str(BUYER)
    assert roles_of(file) == {
        "Cooperative": ["buyer", "procuringEntity"],
        "Dairy": ["supplier"],
        "North": ["buyer"],
        "South": ["buyer"],
    }


def test_consortium_that_resells_buys_for_itself_and_its_margin_is_not_in_the_contract() -> None:
    file = file_of(ConsortiumModel.RESALE, lines={AWARD.id: RESOLD})

    (contract,) = purchase_of(file).contracts

    assert str(contract.value) == "1000.01"
    assert roles_of(file) == {"Cooperative": ["buyer", "procuringEntity"], "Dairy": ["supplier"]}
    assert "77.77" not in str(release_of(file, prefix="ocds-local0", zone=NEW_YORK))


def test_contract_runs_by_the_days_of_the_laws_time_zone() -> None:
    renewed = Terms(contract=ContractTerms(renewals=2, renewal_months=6))

    once = purchase_of(file_of()).contracts[0].period
    twice = purchase_of(file_of(terms=renewed)).contracts[0].period

    assert once is not None
    assert twice is not None
    assert once.starts_at == datetime(2027, 6, 30, 4, tzinfo=UTC)
    assert once.ends_at == datetime(2028, 6, 30, 3, 59, 59, tzinfo=UTC)
    assert once.extends_to is None
    # Its last day with both renewals is 29 June 2029.
    assert twice.extends_to == datetime(2029, 6, 30, 3, 59, 59, tzinfo=UTC)


def test_single_delivery_has_no_end() -> None:
    file = replace(file_of(), lots=[replace(LOT, term_months=0)])

    period = purchase_of(file).contracts[0].period

    assert period is not None
    assert (period.ends_at, period.extends_to) == (None, None)


def test_contract_is_pending_and_cancelled_with_its_award() -> None:
    withdrawn = replace(
        AWARD, status=AwardStatus.WITHDRAWN, ended_at=MADE_AT, ended_reason="It cannot deliver."
    )

    stands, ended = purchase_of(file_of()), purchase_of(file_of(award=withdrawn))

    assert {each.status for each in stands.contracts} == {"pending"}
    assert {each.status for each in ended.contracts} == {"cancelled"}
    assert [each.id for each in ended.contracts] == [each.id for each in stands.contracts]
    assert release_of(file_of(), prefix="ocds-local0", zone=NEW_YORK)["tag"] == [
        "tender",
        "award",
        "contract",
    ]
    tags = release_of(file_of(award=withdrawn), prefix="ocds-local0", zone=NEW_YORK)["tag"]
    assert tags == ["tender", "awardCancellation", "contractUpdate"]


@pytest.mark.parametrize(
    "status", [AwardStatus.PROPOSED, AwardStatus.INTENDED, AwardStatus.RECOMMENDED]
)
def test_before_an_award_is_made_no_contract_is_told(status: AwardStatus) -> None:
    pending = replace(AWARD, status=status, made_at=None)

    assert purchase_of(file_of(award=pending)).contracts == ()


def test_planning_says_why_is_bought_together_and_tells_no_budget() -> None:
    planning = purchase_of(file_of(lines={})).planning

    assert planning is not None
    assert planning.rationale == (
        "What 2 members of the cooperative asked for was pooled into 1 lot, to be bought together. "
        "Contracts are with each member; each member pays the vendor for its own line."
    )
    assert planning.budget is None


def test_what_members_pay_today_and_what_a_programme_supports_is_told_nowhere() -> None:
    contract = ContractTerms(erate_category=ErateCategory.ONE, eligible_percent=Decimal(50))

    release = str(
        release_of(file_of(terms=Terms(contract=contract)), prefix="ocds-local0", zone=NEW_YORK)
    )

    assert "1234.56" not in release
    assert "300.00" not in release
