"""Sharings of a lot's cost over HTTP: each rule, what it is built on, and who sees whose row."""

from collections.abc import AsyncIterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import pytest

from services.bids.domain.sharing.beside import Charged, SharingTask
from services.bids.domain.sharing.games import TierGame
from services.bids.domain.sharing.shares import Rule, Sharing
from services.bids.solver.sharing import SharingProcesses
from shared.db import Pool
from shared.domain.bid_content import one_price
from shared.domain.ids import PartyId, new_id
from shared.domain.money import UnitPrice
from tests.component.bids_published import Desk, file_tiers, open_desk
from tests.component.bids_purchase import STANDSTILL, USD, Purchase, publish

STEPS: Final = (("1", "10"), ("1000", "9"), ("5000", "8"), ("10000", "7.5"))
NEEDS: Final = {
    place: ((need, None),) for place, need in enumerate(("400", "1600", "3000", "6000"))
}

_PEAK: Final = """-- tests.pool_by_the_largest_need
INSERT INTO lot_volume (lot_id, rule, basis, terms, demand, firm)
VALUES ($1, 'largest_needs', 'demand', $2, 11000, 6000)
"""

_STANDING: Final = """-- tests.add_standing
INSERT INTO auction_standing (lot_id, vendor_id, auction_id, place, rank, price_e4)
VALUES ($1, $2, $1, 1, 1, 60000)
"""


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    """Four districts, and a bid that is cheaper by the quantity."""
    purchase = await publish(bids_database, needs=NEEDS, vendors=2)
    await file_tiers(purchase, STEPS)
    await purchase.file("9.99", vendor=1)
    await purchase.open_bids()
    return purchase


@pytest.fixture
async def desk(purchase: Purchase) -> AsyncIterator[Desk]:
    async with open_desk(purchase) as opened:
        yield opened


def by_rule(answer: Any) -> dict[str, Any]:
    return {each["rule"]: each for each in answer["sharings"]}


def savings(sharing: Any, purchase: Purchase) -> list[str]:
    found = {each["member_id"]: each["saving"] for each in sharing["shares"]}
    return [found[str(member_id)] for member_id in purchase.members]


async def test_lot_is_shared_by_every_rule_once_it_is_decided(desk: Desk) -> None:
    await desk.act(f"{desk.lot()}/intent", {})

    answer = await desk.get(f"{desk.lot()}/sharings")

    assert (answer["cost"], answer["currency"], answer["members"]) == ("82500.00", "USD", 4)
    alone = {each["member_id"]: each["cost"] for each in answer["alone"]}
    assert [alone[str(each)] for each in desk.purchase.members] == [
        "4000.00",
        "14400.00",
        "27000.00",
        "48000.00",
    ]
    rules = by_rule(answer)
    assert set(rules) == {
        "equal_price",
        "cost_alone",
        "equal_saving",
        "separable_cost",
        "shapley",
        "nucleolus",
    }
    assert {name: savings(rules[name], desk.purchase) for name in rules if "_" not in name} == {
        "shapley": ["966.66", "3066.67", "3766.67", "3100.00"],
        "nucleolus": ["500.00", "3550.00", "3950.00", "2900.00"],
    }
    assert savings(rules["equal_price"], desk.purchase) == [
        "1000.00",
        "2400.00",
        "4500.00",
        "3000.00",
    ]
    assert all(
        sum(Decimal(share["pays"]) for share in rule["shares"]) == Decimal("82500.00")
        for rule in rules.values()
    )
    (left_out,) = answer["left_out"]
    assert left_out["rule"] == "airport"
    assert "most demanding member" in left_out["reason"]


async def test_core_is_told_in_words_and_names_who_would_rather_buy_alone(desk: Desk) -> None:
    answer = await desk.get(f"{desk.lot()}/sharings")

    rules = by_rule(answer)
    nucleolus, equal = rules["nucleolus"]["core"], rules["equal_saving"]["core"]
    assert (nucleolus["is_stable"], nucleolus["groups"], nucleolus["strongest"]) == (True, 14, [])
    assert nucleolus["told"] == (
        "No group of members would pay less by itself; all 14 were looked at."
    )
    # By equal saving each saves 2,725.00; 1,600, 3,000 and 6,000 alone reach 7.50 and pay
    # 79,500.00, which is 1,725.00 less than the 81,225.00 that they are charged.
    first, *others = map(str, desk.purchase.members)
    assert (equal["is_stable"], equal["gain"]) == (False, "1725.00")
    assert set(equal["strongest"]) == set(others)
    assert first not in equal["strongest"]
    assert "a group of 3 members, by USD 1725.00" in equal["told"]


async def test_before_an_award_the_best_of_the_ranking_is_taken_and_that_is_said(
    desk: Desk,
) -> None:
    answer = await desk.get(f"{desk.lot()}/sharings?rule=equal_price")

    assert list(by_rule(answer)) == ["equal_price"]
    assert answer["cost"] == "82500.00"
    assert "Nothing is awarded yet" in answer["built_on"][0]
    assert "winning bid's own prices" in answer["built_on"][1]


async def test_price_below_the_bid_lowers_every_tier_and_that_is_said(desk: Desk) -> None:
    purchase = desk.purchase
    await purchase.pool.execute(_STANDING, purchase.lots[0], purchase.vendors[0])

    answer = await desk.get(f"{desk.lot()}/sharings?rule=equal_price")

    # 6.00 is four fifths of 7.50, and 400 units alone are 8.00 each.
    assert answer["cost"] == "66000.00"
    alone = {each["member_id"]: each["cost"] for each in answer["alone"]}
    assert alone[str(purchase.members[0])] == "3200.00"
    assert any(
        "A price of 6.00 was awarded where the bid asks 7.50" in each for each in answer["built_on"]
    )


async def test_capacity_for_the_largest_need_is_shared_by_the_airport_rule(
    bids_database: Pool,
) -> None:
    needs = {place: ((need, None),) for place, need in enumerate(("8", "11", "13", "18"))}
    purchase = await publish(bids_database, needs=needs, vendors=1)
    await purchase.pool.execute("UPDATE lot SET quantity = 18")
    await purchase.pool.execute(_PEAK, purchase.lots[0], {"simultaneous": 1})
    await purchase.file("1.00")
    await purchase.open_bids()
    async with open_desk(purchase) as desk:
        await desk.act(f"{desk.lot()}/intent", {})

        answer = await desk.get(f"{desk.lot()}/sharings")

        rules = by_rule(answer)
        pays = {
            name: {each["member_id"]: each["pays"] for each in rules[name]["shares"]}
            for name in ("airport", "shapley", "nucleolus")
        }
        members = [str(each) for each in purchase.members]
        assert [pays["airport"][each] for each in members] == ["2.00", "3.00", "4.00", "9.00"]
        assert pays["shapley"] == pays["airport"]
        assert [pays["nucleolus"][each] for each in members] == ["3.25", "3.25", "3.25", "8.25"]
        assert "largest_needs" in answer["built_on"][0]


async def test_members_see_their_own_row_from_the_announced_award_on(desk: Desk) -> None:
    path = f"{desk.lot()}/sharings?rule=equal_saving"
    before, refused = await desk.ask("GET", path, by="member 1")
    await desk.act(f"{desk.lot()}/intent", {})

    own = await desk.get(path, by="member 1")

    assert (before, refused["code"]) == (404, "evaluation_unknown")
    member_id = str(desk.purchase.members[1])
    (rule,) = own["sharings"]
    assert [each["member_id"] for each in own["alone"]] == [member_id]
    assert [(each["member_id"], each["saving"]) for each in rule["shares"]] == [
        (member_id, "2725.00")
    ]
    assert (rule["core"]["objecting"] > 0, rule["core"]["strongest"]) == (True, [])


@pytest.mark.parametrize("by", ["vendor 0", "vendor 1", "stranger", "rival"])
async def test_sharings_are_nothing_to_others_even_when_all_is_awarded(desk: Desk, by: str) -> None:
    await desk.act(f"{desk.lot()}/intent", {})
    await desk.pass_time(STANDSTILL)

    status, refused = await desk.ask("GET", f"{desk.lot()}/sharings", by=by)

    assert (status, refused["code"]) == (404, "evaluation_unknown")
    assert len((await desk.get(f"{desk.lot()}/sharings", by="auditor"))["alone"]) == 4


async def test_sharings_of_a_sealed_lot_are_unknown(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    async with open_desk(purchase) as desk:
        status, refused = await desk.ask("GET", f"{desk.lot()}/sharings")

        assert (status, refused["code"]) == (404, "evaluation_unknown")


async def test_what_members_are_charged_is_looked_at_beside_the_rules() -> None:
    first, second = PartyId(new_id()), PartyId(new_id())
    needs = {first: Decimal(1), second: Decimal(1)}
    game = TierGame(one_price(UnitPrice.parse("1.00", USD)), needs)
    paid = tuple(Fraction(minor) for _, minor in sorted({first: 103, second: 97}.items()))
    task = SharingTask(game=game, currency=USD, rules=(Rule.EQUAL_PRICE,), charged=paid)

    ((charged, sharing),) = await SharingProcesses(seconds=60).share([task])

    assert isinstance(charged, Charged)
    assert isinstance(sharing, Sharing)
    strongest = charged.core.strongest
    assert strongest is not None
    assert strongest.members == (first,)
    assert strongest.gain == 3


async def test_unknown_rule_is_refused(desk: Desk) -> None:
    status, refused = await desk.ask("GET", f"{desk.lot()}/sharings?rule=coin")

    assert (status, refused["code"]) == (422, "sharing_rule_unknown")


async def test_rules_too_large_are_left_out_with_their_reason(bids_database: Pool) -> None:
    needs = dict.fromkeys(range(13), (("10", None),))
    purchase = await publish(bids_database, needs=needs, vendors=1)
    await file_tiers(purchase, (("1", "2"), ("100", "1.50")))
    await purchase.open_bids()
    async with open_desk(purchase) as desk:
        nucleolus = await desk.get(f"{desk.lot()}/sharings?rule=nucleolus")
        shapley = await desk.get(f"{desk.lot()}/sharings?rule=shapley")

    assert (nucleolus["sharings"], nucleolus["cost"]) == ([], None)
    assert "at most 12 members" in nucleolus["left_out"][0]["reason"]
    # Thirteen alike are estimated from drawn orders, with an error that is told.
    shares = shapley["sharings"][0]["shares"]
    assert sum(Decimal(each["pays"]) for each in shares) == Decimal("195.00")
    assert all(Decimal(each["standard_error"]) > 0 for each in shares)
    assert len(shapley["seed"]) == 64


async def test_rules_that_take_too_long_are_left_out_and_the_process_ends(
    purchase: Purchase,
) -> None:
    async with open_desk(purchase, sharers=SharingProcesses(seconds=0.01)) as desk:
        answer = await desk.get(f"{desk.lot()}/sharings")

    assert answer["sharings"] == []
    assert {each["rule"] for each in answer["left_out"]} >= {"equal_price", "nucleolus"}
    assert "within 0.01 seconds" in answer["left_out"][0]["reason"]
