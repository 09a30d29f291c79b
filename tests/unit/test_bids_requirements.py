"""Requirements and parties: who may state what, and what goes on the chain."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest

from services.bids.domain.parties import (
    CustodianKey,
    CustodianNotRegistered,
    Party,
    PartyKind,
    decide_key,
    decide_register,
)
from services.bids.domain.requirements import (
    Category,
    Commitment,
    MemberMissing,
    Requirement,
    RequirementNotOwn,
    decide_state,
    member_stated_for,
)
from shared.domain.canonical import canonical
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import Currency, UnitPrice

NOW: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
CARROW: Final = PartyId(UUID(int=1))
DUNMERE: Final = PartyId(UUID(int=2))
USD: Final = Currency("USD")


def party(kind: PartyKind) -> Party:
    return Party(
        id=CARROW,
        kind=kind,
        reference="CARROW",
        name="Carrow Lake",
        area="North Shore",
        registered_at=NOW,
    )


def test_a_member_states_its_own_needs_without_naming_itself() -> None:
    assert member_stated_for(None, own=CARROW) == CARROW


def test_a_member_may_name_itself() -> None:
    assert member_stated_for(CARROW, own=CARROW) == CARROW


def test_a_member_that_names_another_is_refused() -> None:
    with pytest.raises(RequirementNotOwn):
        member_stated_for(DUNMERE, own=CARROW)


def test_a_buyer_states_the_needs_of_the_member_it_names() -> None:
    assert member_stated_for(DUNMERE, own=None) == DUNMERE


def test_a_buyer_that_names_nobody_is_refused() -> None:
    with pytest.raises(MemberMissing):
        member_stated_for(None, own=None)


def test_the_chain_says_all_of_a_requirement_in_one_written_form() -> None:
    requirement = Requirement(
        id=RequirementId(UUID(int=7)),
        member_id=CARROW,
        reference="CARROW-1",
        category=Category.GOODS,
        item_code="LAPTOP-14",
        specification="Laptop",
        unit="each",
        quantity=Decimal("300.000"),
        commitment=Commitment.FIRM,
        need_by=date(2027, 7, 1),
        term_months=36,
        delivery_area="North Shore",
        currency=USD,
        baseline=UnitPrice(3_845_000, USD),
        stated_at=NOW,
    )

    (fact,) = decide_state(requirement).facts

    assert fact.TYPE == "requirement.stated"
    assert canonical(fact) == (
        '{"baseline_unit_price":"384.50","category":"goods","commitment":"firm","currency":"USD",'
        '"delivery_area":"North Shore","item_code":"LAPTOP-14",'
        '"member_id":"00000000-0000-0000-0000-000000000001","need_by":"2027-07-01",'
        '"quantity":"300","reference":"CARROW-1",'
        '"requirement_id":"00000000-0000-0000-0000-000000000007","specification":"Laptop",'
        '"term_months":36,"unit":"each"}'
    )


def test_a_partys_name_is_kept_off_the_chain() -> None:
    (fact,) = decide_register(party(PartyKind.MEMBER)).facts

    assert "Carrow Lake" not in canonical(fact)


def test_a_custodians_key_is_written_to_the_chain() -> None:
    key = CustodianKey(custodian_id=CARROW, public_key=bytes(32), registered_at=NOW)

    (fact,) = decide_key(party(PartyKind.CUSTODIAN), key).facts

    assert f'"public_key":"{"A" * 43}"' in canonical(fact)


@pytest.mark.parametrize("registered", [None, party(PartyKind.VENDOR)])
def test_nobody_but_a_custodian_registers_a_key(registered: Party | None) -> None:
    key = CustodianKey(custodian_id=CARROW, public_key=bytes(32), registered_at=NOW)

    with pytest.raises(CustodianNotRegistered):
        decide_key(registered, key)
