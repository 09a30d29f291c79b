"""Shares of a cost: published figures, definitions, sums to the cent, and who would leave."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, permutations
from statistics import fmean, stdev
from typing import Final
from uuid import UUID

import highspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bids.domain.sharing.core import Looked, Objection, check_core
from services.bids.domain.sharing.games import AirportGame, CostGame, StatedGame, SumGame, TierGame
from services.bids.domain.sharing.groups import SharingTooLarge
from services.bids.domain.sharing.rules import by_separable_cost
from services.bids.domain.sharing.shapley import Sample, by_shapley, sampled
from services.bids.domain.sharing.shares import Rule, SharingRuleUnfit, rounded_to, share_cost
from shared.domain.bid_content import Pricing, Tier, TiersApply
from shared.domain.ids import PartyId
from shared.domain.money import Currency, Money, UnitPrice

USD: Final = Currency("USD")
RULES_OF_ANY_GAME: Final = [rule for rule in Rule if rule is not Rule.AIRPORT]


def member(number: int) -> PartyId:
    return PartyId(UUID(int=number))


def needs(*quantities: int) -> dict[PartyId, Decimal]:
    return {member(place): Decimal(each) for place, each in enumerate(quantities, start=1)}


def pricing(
    *steps: tuple[int, str], apply: TiersApply = TiersApply.ALL_UNITS, currency: str = "USD"
) -> Pricing:
    of = Currency(currency)
    return Pricing(
        tuple(Tier(Decimal(start), UnitPrice.parse(price, of)) for start, price in steps), apply
    )


VOLUME: Final = pricing((1, "10"), (1_000, "9"), (5_000, "8"), (10_000, "7.50"))
FOUR: Final = TierGame(VOLUME, needs(400, 1_600, 3_000, 6_000))


def airport(*dollars: int) -> AirportGame:
    levels = {member(place): Fraction(100 * each) for place, each in enumerate(dollars, start=1)}
    return AirportGame(levels, needs(*[1] * len(dollars)))


def stated(costs: Mapping[tuple[int, ...], int], count: int) -> StatedGame:
    """Make a game of costs in minor units, by the members' numbers."""
    by_group = {
        frozenset(member(each) for each in group): Fraction(cost) for group, cost in costs.items()
    }
    return StatedGame(by_group, needs(*[1] * count))


def paid(game: CostGame, rule: Rule) -> list[str]:
    return [str(share.pays) for share in share_cost(game, USD, rule).shares]


def saved(game: CostGame, rule: Rule) -> list[str]:
    return [str(share.saving) for share in share_cost(game, USD, rule).shares]


# Published figures ---------------------------------------------------------------------------


def test_four_districts_pay_by_the_tier_that_they_reach_alone_and_together() -> None:
    sharing = share_cost(FOUR, USD)

    assert [str(share.alone) for share in sharing.shares] == [
        "4000.00",
        "14400.00",
        "27000.00",
        "48000.00",
    ]
    assert str(sharing.cost) == "82500.00"


@pytest.mark.parametrize(
    ("rule", "savings"),
    [
        (Rule.EQUAL_PRICE, ["1000.00", "2400.00", "4500.00", "3000.00"]),
        (Rule.EQUAL_SAVING, ["2725.00", "2725.00", "2725.00", "2725.00"]),
        # 966.67 exactly rounded would make a cent too many: the first pays it.
        (Rule.SHAPLEY, ["966.66", "3066.67", "3766.67", "3100.00"]),
        (Rule.NUCLEOLUS, ["500.00", "3550.00", "3950.00", "2900.00"]),
    ],
)
def test_savings_of_four_districts_are_the_published_ones(rule: Rule, savings: list[str]) -> None:
    assert saved(FOUR, rule) == savings


def test_shapley_savings_before_rounding_are_the_published_ones() -> None:
    sharing = share_cost(FOUR, USD, Rule.SHAPLEY)

    alone = [400_000, 1_440_000, 2_700_000, 4_800_000]
    savings = [
        round((cost - share.exact) / 100, 2)
        for cost, share in zip(alone, sharing.shares, strict=True)
    ]
    assert savings == [
        Fraction("966.67"),
        Fraction("3066.67"),
        Fraction("3766.67"),
        Fraction("3100"),
    ]


@pytest.mark.parametrize(
    ("rule", "shares"),
    [
        (Rule.AIRPORT, ["2.00", "3.00", "4.00", "9.00"]),
        (Rule.SHAPLEY, ["2.00", "3.00", "4.00", "9.00"]),
        (Rule.NUCLEOLUS, ["3.25", "3.25", "3.25", "8.25"]),
        (Rule.EQUAL_PRICE, ["4.50", "4.50", "4.50", "4.50"]),
    ],
)
def test_an_airport_is_shared_as_published(rule: Rule, shares: list[str]) -> None:
    assert paid(airport(8, 11, 13, 18), rule) == shares


@pytest.mark.parametrize(
    ("estate", "awards"),
    [(100, ["33.34", "33.33", "33.33"]), (200, ["50", "75", "75"]), (300, ["50", "100", "150"])],
)
def test_nucleolus_divides_an_estate_as_the_talmud_does(estate: int, awards: list[str]) -> None:
    """Source: R. Aumann and M. Maschler, J. Econ. Theory 36, 1985: claims 100, 200 and 300.

    As a cost: what a group loses of its claims, where the others are paid first.
    """
    claims = {1: 10_000, 2: 20_000, 3: 30_000}
    costs = {
        group: sum(claims[each] for each in group)
        - max(0, 100 * estate - sum(claim for each, claim in claims.items() if each not in group))
        for size in (1, 2, 3)
        for group in combinations(claims, size)
    }

    sharing = share_cost(stated(costs, 3), USD, Rule.NUCLEOLUS)

    received = [
        claims[place] - share.pays.minor for place, share in enumerate(sharing.shares, start=1)
    ]
    assert sum(received) == 100 * estate
    assert all(
        abs(got - 100 * Fraction(award)) <= 1 for got, award in zip(received, awards, strict=True)
    )


# Rules by their definitions -------------------------------------------------------------------


def test_separable_costs_and_the_rest_by_remaining_benefits() -> None:
    """Alone 6, 8 and 10; each adds 2, 3 and 5 of 16 in all; 6 are left for benefits of 4, 5, 5."""
    game = stated(
        {
            (1,): 600,
            (2,): 800,
            (3,): 1000,
            (1, 2): 1100,
            (1, 3): 1300,
            (2, 3): 1400,
            (1, 2, 3): 1600,
        },
        3,
    )

    shares = share_cost(game, USD, Rule.SEPARABLE_COST).shares

    assert [share.exact for share in shares] == [
        200 + Fraction(600 * 4, 14),
        300 + Fraction(600 * 5, 14),
        500 + Fraction(600 * 5, 14),
    ]


def test_separable_costs_that_leave_no_benefit_leave_the_rest_evenly() -> None:
    game = stated({(1,): 300, (2,): 500, (1, 2): 800}, 2)

    assert paid(game, Rule.SEPARABLE_COST) == ["3.00", "5.00"]


def test_proportional_shares_save_everybody_the_same_part() -> None:
    shares = share_cost(FOUR, USD, Rule.COST_ALONE).shares

    assert [share.exact for share in shares] == [
        Fraction(cost * 82_500, 934) for cost in (4_000, 14_400, 27_000, 48_000)
    ]


def test_equal_saving_pays_a_small_member_for_joining() -> None:
    assert paid(TierGame(pricing((1, "10"), (100, "1")), needs(10, 90)), Rule.EQUAL_SAVING) == [
        "-350.00",
        "450.00",
    ]


def test_airport_rule_is_refused_where_no_member_sets_the_cost() -> None:
    with pytest.raises(SharingRuleUnfit):
        share_cost(FOUR, USD, Rule.AIRPORT)


def test_graduated_tiers_price_each_unit_within_its_tier() -> None:
    game = TierGame(
        pricing((1, "20"), (11, "17"), (21, "15"), apply=TiersApply.GRADUATED), needs(10, 13)
    )

    sharing = share_cost(game, USD)

    assert [str(share.alone) for share in sharing.shares] == ["200.00", "251.00"]
    assert str(sharing.cost) == "415.00"


def test_less_than_the_first_tier_is_paid_at_its_price() -> None:
    sharing = share_cost(TierGame(pricing((100, "3"), (200, "2")), needs(99, 101)), USD)

    assert [str(share.alone) for share in sharing.shares] == ["297.00", "303.00"]
    assert str(sharing.cost) == "400.00"


def test_nobody_buys_beyond_the_need_though_a_tier_further_would_be_cheaper() -> None:
    """999 units cost 9,990, and 1,000 would cost 9,000."""
    sharing = share_cost(TierGame(VOLUME, needs(999)), USD)

    assert str(sharing.cost) == "9990.00"


def test_a_currency_without_minor_units_is_shared_in_whole_units() -> None:
    game = TierGame(pricing((1, "100"), currency="JPY"), needs(1, 2))

    sharing = share_cost(game, Currency("JPY"))

    assert [str(share.pays) for share in sharing.shares] == ["100", "200"]


def test_a_common_set_up_is_shared_beside_the_goods() -> None:
    """Of a set-up of 30 each bears 10 by Shapley; the value of a sum is the sum of values."""
    levels = {member(place): Fraction(3_000) for place in (1, 2, 3)}
    three = needs(100, 200, 300)
    goods = TierGame(pricing((1, "2")), three)

    game = SumGame((goods, AirportGame(levels, three)), three)

    assert paid(game, Rule.SHAPLEY) == ["210.00", "410.00", "610.00"]


@pytest.mark.parametrize("rule", Rule)
def test_one_member_pays_all(rule: Rule) -> None:
    assert paid(airport(7), rule) == ["7.00"]


# The core -------------------------------------------------------------------------------------


def test_the_group_that_objects_most_is_named_with_its_gain() -> None:
    """At an equal price the small three pay 13.50 and could build for 13.00."""
    core = share_cost(airport(8, 11, 13, 18), USD, Rule.EQUAL_PRICE).core

    assert core.is_stable is False
    assert core.objecting == 1
    assert core.strongest == Objection((member(1), member(2), member(3)), Fraction(50))


def test_a_group_that_pays_just_what_it_would_alone_does_not_object() -> None:
    game = stated({(1,): 300, (2,): 500, (1, 2): 800}, 2)

    assert check_core(game, [Fraction(300), Fraction(500)]).is_stable is True
    assert check_core(game, [Fraction(299), Fraction(501)]).is_stable is False


def test_of_equal_objections_the_smaller_group_is_named() -> None:
    game = stated({(1,): 0, (2,): 9, (3,): 9, (1, 2): 4, (1, 3): 18, (2, 3): 18, (1, 2, 3): 12}, 3)

    core = check_core(game, [Fraction(4), Fraction(4), Fraction(4)])

    assert core.objecting == 2
    assert core.strongest == Objection((member(1),), Fraction(4))


@pytest.mark.parametrize(
    ("count", "looked", "groups"),
    [
        (15, Looked.ALL_GROUPS, 2**15 - 2),
        (16, Looked.SINGLES_PAIRS_AND_ALL_BUT_ONE, 16 + 120 + 16),
        (200, Looked.SINGLES_PAIRS_AND_ALL_BUT_ONE, 200 + 19_900 + 200),
        (201, Looked.SINGLES_AND_ALL_BUT_ONE, 402),
        (1_001, Looked.SINGLES, 1_001),
    ],
)
def test_a_check_says_at_which_groups_it_looked(count: int, looked: Looked, groups: int) -> None:
    game = airport(*[1] * count)

    core = check_core(game, [Fraction(100, count)] * count)

    assert (core.looked, core.groups, core.objecting) == (looked, groups, 0)
    assert core.is_stable is (True if looked is Looked.ALL_GROUPS else None)


# Large groups ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [Rule.SHAPLEY, Rule.NUCLEOLUS])
def test_twelve_members_are_shared_exactly(rule: Rule) -> None:
    sharing = share_cost(airport(*[12] * 12), USD, rule)

    assert [str(share.pays) for share in sharing.shares] == ["1.00"] * 12
    assert all(share.standard_error is None for share in sharing.shares)


def test_nucleolus_of_thirteen_members_is_refused() -> None:
    with pytest.raises(SharingTooLarge):
        share_cost(airport(*[13] * 13), USD, Rule.NUCLEOLUS)


def test_separable_costs_are_found_for_a_thousand_members_and_no_more() -> None:
    assert sum(by_separable_cost(airport(*[1] * 1_000))) == 100
    with pytest.raises(SharingTooLarge):
        by_separable_cost(airport(*[1] * 1_001))


def test_shapley_of_an_airport_is_exact_for_any_number() -> None:
    found = by_shapley(airport(*range(1, 101)), Sample(b""))

    assert found.errors_minor is None
    assert found.shares[0] == 1
    assert sum(found.shares) == 10_000


def test_shapley_of_thirteen_members_by_tiers_is_estimated_with_its_error() -> None:
    sharing = share_cost(TierGame(VOLUME, needs(*range(500, 1_800, 100))), USD, Rule.SHAPLEY)

    assert sum(share.pays.minor for share in sharing.shares) == sharing.cost.minor
    assert all(share.standard_error and share.standard_error.minor > 0 for share in sharing.shares)


def test_an_estimate_lies_within_four_standard_errors_of_the_exact_share() -> None:
    game = TierGame(VOLUME, needs(300, 500, 700, 1_100, 1_300, 1_700, 1_900, 2_300, 2_900))
    exact = by_shapley(game, Sample(b"")).shares

    estimate = sampled(game, Sample(b"seed"))

    assert estimate.errors_minor is not None
    rows = zip(estimate.shares, exact, estimate.errors_minor, strict=True)
    assert all(abs(share - right) <= 4 * error for share, right, error in rows)


def test_the_standard_error_is_that_of_the_mean_of_drawn_orders() -> None:
    """The first member adds 10 at the beginning, 9 for itself less 1 for the others later."""
    game = TierGame(pricing((1, "10"), (2, "9"), (3, "8")), needs(1, 1, 1))
    sample = Sample(b"seed", draws=20)
    added = {0: 1_000, 1: 800, 2: 600}

    estimate = sampled(game, sample)

    observed = []
    for number in range(20):
        place = sample.order(number, list(game.needs)).index(member(1))
        observed.append((added[place] + added[2 - place]) / 2)
    assert estimate.shares[0] == Fraction(fmean(observed))
    assert estimate.errors_minor is not None
    assert 0 <= estimate.errors_minor[0] - stdev(observed) / 20**0.5 < 1


def test_the_same_seed_gives_the_same_estimate_whatever_the_order() -> None:
    quantities = needs(*range(500, 1_800, 100))
    turned = dict(reversed(quantities.items()))

    one = share_cost(TierGame(VOLUME, quantities), USD, Rule.SHAPLEY, Sample(b"a", draws=20))
    other = share_cost(TierGame(VOLUME, turned), USD, Rule.SHAPLEY, Sample(b"a", draws=20))
    another_seed = share_cost(TierGame(VOLUME, turned), USD, Rule.SHAPLEY, Sample(b"b", draws=20))

    assert one == other
    assert one != another_seed


# Properties -----------------------------------------------------------------------------------

QUANTITIES: Final = st.lists(st.integers(1, 4_000), min_size=1, max_size=5)


@st.composite
def tier_games(draw: st.DrawFn) -> TierGame:
    prices = sorted(draw(st.lists(st.integers(1, 200_000), min_size=3, max_size=3)), reverse=True)
    tiers = tuple(
        Tier(Decimal(start), UnitPrice(price, USD))
        for start, price in zip((1, 1_000, 5_000), prices, strict=True)
    )
    return TierGame(Pricing(tiers, draw(st.sampled_from(TiersApply))), needs(*draw(QUANTITIES)))


@st.composite
def any_games(draw: st.DrawFn) -> StatedGame:
    count = draw(st.integers(2, 4))
    groups = [
        group for size in range(1, count + 1) for group in combinations(range(1, count + 1), size)
    ]
    return stated({group: draw(st.integers(0, 40)) for group in groups}, count)


@given(game=tier_games() | any_games(), rule=st.sampled_from(RULES_OF_ANY_GAME))
def test_shares_sum_to_the_cost_to_the_cent(game: CostGame, rule: Rule) -> None:
    sharing = share_cost(game, USD, rule)

    together = game.cost(frozenset(game.needs))
    assert sum(share.pays.minor for share in sharing.shares) == sharing.cost.minor
    assert sum(share.exact for share in sharing.shares) == together
    assert abs(sharing.cost.minor - together) <= Fraction(1, 2)
    assert all(abs(share.pays.minor - share.exact) < 1 for share in sharing.shares)


@given(game=tier_games(), rule=st.sampled_from(RULES_OF_ANY_GAME), data=st.data())
def test_the_order_of_input_never_matters(game: TierGame, rule: Rule, data: st.DataObject) -> None:
    turned = TierGame(game.pricing, dict(data.draw(st.permutations(list(game.needs.items())))))

    assert share_cost(turned, USD, rule) == share_cost(game, USD, rule)


@given(game=tier_games() | any_games())
def test_shapley_is_the_average_over_all_orders(game: CostGame) -> None:
    added: dict[PartyId, list[Fraction]] = {each: [] for each in game.needs}
    for order in permutations(game.needs):
        for place, each in enumerate(order):
            before, after = frozenset(order[:place]), frozenset(order[: place + 1])
            added[each].append(game.cost(after) - game.cost(before))

    shares = share_cost(game, USD, Rule.SHAPLEY).shares

    assert [share.exact for share in shares] == [
        sum(added[each], Fraction(0)) / len(added[each]) for each in sorted(added)
    ]


@given(levels=st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_the_airport_rule_is_the_average_over_all_orders(levels: list[int]) -> None:
    game = airport(*levels)
    same = StatedGame(
        {
            frozenset(group): game.cost(frozenset(group))
            for size in range(1, len(levels) + 1)
            for group in combinations(game.needs, size)
        },
        game.needs,
    )

    by_airport = share_cost(game, USD, Rule.AIRPORT)
    by_orders = share_cost(same, USD, Rule.SHAPLEY)

    assert [share.exact for share in by_airport.shares] == [
        share.exact for share in by_orders.shares
    ]


@given(game=tier_games())
def test_equal_savings_are_equal_and_separable_shares_lie_between_added_and_alone(
    game: TierGame,
) -> None:
    everybody = frozenset(game.needs)
    alone = [game.cost(frozenset({each})) for each in sorted(game.needs)]
    added = [game.cost(everybody) - game.cost(everybody - {each}) for each in sorted(game.needs)]

    equal = share_cost(game, USD, Rule.EQUAL_SAVING).shares
    separable = share_cost(game, USD, Rule.SEPARABLE_COST).shares

    assert len({cost - share.exact for cost, share in zip(alone, equal, strict=True)}) == 1
    parts = {
        (share.exact - own) / (cost - own)
        for share, own, cost in zip(separable, added, alone, strict=True)
        if cost != own
    }
    assert len(parts) <= 1


@given(exact=st.lists(st.fractions(-50, 50, max_denominator=30), min_size=1, max_size=8))
def test_rounded_shares_sum_to_the_rounded_sum(exact: list[Fraction]) -> None:
    whole = round(sum(exact, Fraction(0)))

    parts = rounded_to(whole, exact)

    assert sum(parts) == whole
    assert all(abs(part - share) < 1 for part, share in zip(parts, exact, strict=True))


def test_money_is_in_the_game_s_currency() -> None:
    assert share_cost(FOUR, USD).shares[0].saving == Money(100_000, USD)


# The nucleolus by Kohlberg's criterion ---------------------------------------------------------


@settings(max_examples=40)
@given(game=tier_games() | any_games())
def test_nucleolus_meets_kohlbergs_criterion(game: CostGame) -> None:
    shares = [share.exact for share in share_cost(game, USD, Rule.NUCLEOLUS).shares]

    assert gains_of_least_content(game, shares) == []


def test_kohlbergs_criterion_tells_other_shares_from_the_nucleolus() -> None:
    shares = [Fraction(each) for each in (200, 300, 400, 900)]

    assert gains_of_least_content(airport(8, 11, 13, 18), shares)


def gains_of_least_content(game: CostGame, shares: Sequence[Fraction]) -> list[Fraction]:
    """List the levels of content at which some move helps groups up to it, and hurts none.

    At the nucleolus there is none. Source: E. Kohlberg, *On the nucleolus of a characteristic
    function game*, SIAM J. Appl. Math. 20, 1971. The moves are sought by another solver than ours.
    """
    members = sorted(game.needs)
    pays = dict(zip(members, shares, strict=True))
    contents = {
        group: game.cost(frozenset(group)) - sum(pays[each] for each in group)
        for size in range(1, len(members))
        for group in combinations(members, size)
    }
    return [
        level
        for level in sorted(set(contents.values()))
        if _best_move(members, [group for group, each in contents.items() if each <= level]) > 1e-6
    ]


def _best_move(members: Sequence[PartyId], groups: Sequence[tuple[PartyId, ...]]) -> float:
    """Relieve groups by the most in all, while none of them pays more and all pay the same."""
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    for place, each in enumerate(members):
        highs.addVar(-1, 1)
        highs.changeColCost(place, -sum(each in group for group in groups))
    for group in [tuple(members), *groups]:
        places = [members.index(each) for each in group]
        most = 0 if len(group) == len(members) else highspy.kHighsInf
        highs.addRow(0, most, len(places), places, [1] * len(places))
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return -float(highs.getObjectiveValue())
