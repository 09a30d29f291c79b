"""The game of a lot: whatever was won of it, and by whichever rule its shares add up."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest

from services.bids.domain.pooling.portions import Asked
from services.bids.domain.pooling.rules import (
    CoincidenceTerms,
    LargestNeedsTerms,
    SessionTerms,
)
from services.bids.domain.sharing.beside import (
    RULES,
    Charged,
    LeftOut,
    SharingRuleUnknown,
    SharingTask,
    rules_named,
    share_beside,
    share_in_turn,
    told_core,
)
from services.bids.domain.sharing.core import CoreCheck, Looked, Objection
from services.bids.domain.sharing.games import AirportGame, cost_together, costs_alone
from services.bids.domain.sharing.of_lot import PoolRule, Won, game_of
from services.bids.domain.sharing.shares import Rule
from shared.domain.bid_content import Pricing, Tier, TiersApply
from shared.domain.ids import PartyId
from shared.domain.money import Currency, UnitPrice

USD = Currency("USD")
NORTH, SOUTH, EAST = (PartyId(UUID(int=number)) for number in (1, 2, 3))
STEPS = (("1", "20"), ("11", "17"), ("21", "15"))


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def priced(
    steps: Sequence[tuple[str, str]] = STEPS, apply: TiersApply = TiersApply.ALL_UNITS
) -> Pricing:
    return Pricing(tuple(Tier(Decimal(first), price(each)) for first, each in steps), apply)


def won(quantities: dict[PartyId, str], at: str, pricing: Pricing | None = None) -> Won:
    parts = {member_id: Decimal(quantity) for member_id, quantity in quantities.items()}
    return Won(pricing=pricing or priced(), price=price(at), quantities=parts)


def asked(quantities: dict[PartyId, str]) -> list[Asked]:
    return [Asked(member_id, Decimal(quantity)) for member_id, quantity in quantities.items()]


def test_whole_lot_is_shared_by_the_bids_own_tiers() -> None:
    needs = {NORTH: "3", SOUTH: "20"}

    built = game_of([won(needs, "15")], asked(needs))

    # 3 x 20, 20 x 17, and 23 x 15, in cents.
    assert costs_alone(built.game) == [6_000, 34_000]
    assert cost_together(built.game) == 34_500
    assert len(built.told) == 1


def test_average_price_of_a_graduated_bid_is_no_lowering() -> None:
    needs = {NORTH: "3", SOUTH: "20"}
    graduated = priced(apply=TiersApply.GRADUATED)

    # 10 x 20, 10 x 17 and 3 x 15 are 415, and 415 / 23 is 18.0435 in four decimals.
    built = game_of([won(needs, "18.0435", graduated)], asked(needs))

    assert cost_together(built.game) == 41_500
    assert len(built.told) == 1


def test_lower_price_than_the_bids_lowers_each_tier_in_proportion() -> None:
    needs = {NORTH: "3", SOUTH: "20"}

    built = game_of([won(needs, "12")], asked(needs))

    assert cost_together(built.game) == 27_600
    assert costs_alone(built.game)[0] == Fraction(4, 5) * 6_000
    assert "12.00 was awarded where the bid asks 15.00" in built.told[1]


def test_split_lot_adds_up_what_is_bought_of_each_vendor() -> None:
    parts = [
        won({NORTH: "3", SOUTH: "8"}, "17"),
        won({SOUTH: "2", EAST: "5"}, "10", priced([("1", "10")])),
    ]

    built = game_of(parts, asked({NORTH: "3", SOUTH: "10", EAST: "5"}))

    # 11 x 17 + 7 x 10 together; alone 3 x 20, 8 x 20 + 2 x 10, and 5 x 10.
    assert cost_together(built.game) == 25_700
    assert costs_alone(built.game) == [6_000, 18_000, 5_000]
    assert built.game.needs == {NORTH: 3, SOUTH: 10, EAST: 5}
    assert "split among 2 vendors" in built.told[0]
    assert "one price for every quantity" in built.told[1]


@pytest.mark.parametrize(
    ("rule", "alone", "together"),
    [
        (PoolRule(CoincidenceTerms(Decimal("0.5"))), [150, 200, 250], 600),
        (PoolRule(SessionTerms(2)), [200, 200, 300], 600),
        (PoolRule(LargestNeedsTerms(2)), [300, 400, 500], 900),
        (PoolRule(LargestNeedsTerms(1), {NORTH: "river", SOUTH: "river"}), [300, 400, 500], 700),
    ],
)
def test_group_needs_what_the_lots_rule_makes_of_its_own_needs(
    rule: PoolRule, alone: list[int], together: int
) -> None:
    needs = {NORTH: "3", SOUTH: "4", EAST: "5"}

    built = game_of([won(needs, "1", priced([("0", "1")]))], asked(needs), rule)

    assert costs_alone(built.game) == alone
    assert cost_together(built.game) == together
    assert not isinstance(built.game, AirportGame)


def test_capacity_for_one_need_is_an_airport() -> None:
    needs = {NORTH: "3", SOUTH: "4", EAST: "5"}
    rule = PoolRule(LargestNeedsTerms(1), {NORTH: "river", SOUTH: "hill"})

    built = game_of([won(needs, "1", priced([("0", "1")]))], asked(needs), rule)

    assert isinstance(built.game, AirportGame)
    assert built.game.levels == {NORTH: 300, SOUTH: 400, EAST: 500}


def test_larger_need_that_costs_less_makes_no_airport() -> None:
    # 5 units at 3 cost 15, less than 4 at 4.
    needs = {NORTH: "3", SOUTH: "4", EAST: "5"}
    pricing = priced([("1", "4"), ("5", "3")])

    built = game_of([won(needs, "3", pricing)], asked(needs), PoolRule(LargestNeedsTerms(1)))

    assert not isinstance(built.game, AirportGame)
    assert cost_together(built.game) == 1_500


def test_some_of_a_pooled_lot_is_shared_by_what_members_were_given() -> None:
    rule = PoolRule(LargestNeedsTerms(1))

    built = game_of([won({NORTH: "2"}, "20")], asked({NORTH: "3", SOUTH: "4"}), rule)

    assert built.game.needs == {NORTH: 2}


def test_rule_that_does_not_fit_is_left_out_and_the_others_are_not() -> None:
    needs = {NORTH: "3", SOUTH: "20"}
    built = game_of([won(needs, "15")], asked(needs))

    found = list(share_beside(SharingTask(game=built.game, currency=USD)))

    ruled = [each for each in found if not isinstance(each, Charged)]
    assert [each.rule for each in ruled] == list(RULES)
    assert len(ruled) == len(found)
    assert [each.rule for each in found if isinstance(each, LeftOut)] == [Rule.AIRPORT]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([("1", "20")], [("1", "19")], ["Each bid has one price"]),
        ([("1", "20"), ("3", "15")], [("1", "19")], ["Some of these bids have one price"]),
        ([("1", "20"), ("3", "15")], [("1", "19"), ("4", "18")], []),
    ],
)
def test_split_lot_says_which_of_its_bids_have_one_price(
    first: list[tuple[str, str]], second: list[tuple[str, str]], said: list[str]
) -> None:
    one = won({NORTH: "3"}, first[-1][1], priced(first))
    other = won({SOUTH: "4"}, second[-1][1], priced(second))

    built = game_of([one, other], asked({NORTH: "3", SOUTH: "4"}))

    assert [each.partition(" for ")[0] for each in built.told[1:]] == said


def test_easy_rules_of_all_lots_come_before_any_hard_one() -> None:
    needs = {NORTH: "3", SOUTH: "20"}
    game = game_of([won(needs, "15")], asked(needs)).game
    whole = SharingTask(game=game, currency=USD, charged=(Fraction(4_500), Fraction(30_000)))
    short = SharingTask(game=game, currency=USD, rules=(Rule.EQUAL_PRICE,))

    found = list(share_in_turn([whole, short]))

    first, second, third, *rest = found
    assert [place for place, _ in (first, second, third)] == [0, 1, 0]
    assert isinstance(first[1], Charged)
    assert not isinstance(second[1], Charged)
    assert second[1].rule is Rule.EQUAL_PRICE
    assert {place for place, _ in rest} == {0}
    assert len(found) == 1 + len(RULES) + 1


def test_rules_are_asked_for_by_name() -> None:
    assert rules_named(None) == RULES
    assert set(RULES) == set(Rule)
    assert rules_named("shapley") == (Rule.SHAPLEY,)
    with pytest.raises(SharingRuleUnknown, match="nucleolus"):
        rules_named("Shapley")


@pytest.mark.parametrize(
    ("looked", "objecting", "strongest", "said"),
    [
        (Looked.ALL_GROUPS, 0, None, "all 6 were looked at"),
        (Looked.SINGLES, 0, None, "(single members) would pay less by itself; another might"),
        (Looked.ALL_GROUPS, 1, Objection((NORTH,), Fraction(5, 2)), "one member, by USD 0.02"),
        (Looked.ALL_GROUPS, 2, Objection((NORTH, EAST), Fraction(7)), "2 members, by USD 0.07"),
    ],
)
def test_core_is_told_in_a_sentence(
    looked: Looked, objecting: int, strongest: Objection | None, said: str
) -> None:
    check = CoreCheck(looked=looked, groups=6, objecting=objecting, strongest=strongest)

    assert said in told_core(check, USD)
