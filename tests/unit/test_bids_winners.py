"""The exact half of winner determination: prices by tier, costs, the check, rules in words."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from services.bids.domain.winners.award import Award, Left, Line, Outcome, price_of
from services.bids.domain.winners.check import violations
from services.bids.domain.winners.conflicts import relaxed_rules, smallest_conflict
from services.bids.domain.winners.fit import ProblemUnfit, require_fit
from services.bids.domain.winners.offers import Need, Offer, Terms, problem_of
from services.bids.domain.winners.problem import (
    Bid,
    Granularity,
    Lot,
    Package,
    Problem,
    Share,
    Tier,
    TierMode,
    Vendor,
    ordered,
)
from services.bids.domain.winners.rules import Rule, RuleKind, conditions_of, said
from services.bids.domain.winners.serial import read, written
from services.bids.domain.winners.tasks import WEIGHT_MAX, weigher
from services.bids.domain.winners.written import amount_text, rounded_up
from shared.domain.bid_content import (
    Alternate,
    BidContent,
    Pricing,
    TiersApply,
    one_price,
)
from shared.domain.bid_content import Package as OfferedPackage
from shared.domain.bid_content import Tier as OfferedTier
from shared.domain.ids import BidId, LotId, PartyId, new_id
from shared.domain.money import Currency, UnitPrice

USD = Currency("USD")
MILK = Lot(
    id="milk",
    shares=(Share(district_id="east", quantity=400), Share(district_id="west", quantity=600)),
    granularity=Granularity.DISTRICT,
)
BREAD = Lot(id="bread", shares=(Share(district_id="east", quantity=100),))


def flat(bid_id: str, vendor_id: str, lot_id: str, price: str) -> Bid:
    tier = Tier(lower=0, upper=10_000, unit_price=Fraction(price))
    return Bid(id=bid_id, vendor_id=vendor_id, lot_id=lot_id, tiers=(tier,))


PROBLEM = Problem(
    lots=(MILK, BREAD),
    vendors=(Vendor(id="ann"), Vendor(id="bob", participation_cost=Fraction(50))),
    bids=(
        flat("a-milk", "ann", "milk", "2"),
        flat("a-bread", "ann", "bread", "3"),
        flat("b-milk", "bob", "milk", "1.9"),
    ),
)
AWARD = Award(
    lines=(
        Line("bread", None, "a-bread", 100),
        Line("milk", "east", "a-milk", 400),
        Line("milk", "west", "b-milk", 600),
    )
)


def tiered(mode: TierMode) -> Bid:
    """10 from 1, 9 from 1,000, 8 from 5,000 and 7.50 from 10,000."""
    edges = ((1, 999, "10"), (1_000, 4_999, "9"), (5_000, 9_999, "8"), (10_000, 20_000, "7.5"))
    tiers = tuple(
        Tier(lower=lower, upper=upper, unit_price=Fraction(price)) for lower, upper, price in edges
    )
    return Bid(id="b", vendor_id="v", lot_id="l", tiers=tiers, mode=mode)


@pytest.mark.parametrize(
    ("quantity", "price"),
    [
        (400, 4_000),
        (999, 9_990),
        (1_000, 9_000),
        (3_000, 27_000),
        (6_000, 48_000),
        (11_000, 82_500),
    ],
)
def test_all_units_tier_is_that_of_the_pooled_quantity(quantity: int, price: int) -> None:
    assert price_of(tiered(TierMode.ALL_UNITS), quantity, 1) == price


@pytest.mark.parametrize(
    ("quantity", "price"), [(999, 9_990), (1_000, 9_999), (1_001, 10_008), (5_000, 45_998)]
)
def test_graduated_tier_prices_only_the_units_inside_it(quantity: int, price: int) -> None:
    assert price_of(tiered(TierMode.GRADUATED), quantity, 1) == price


def test_quantity_outside_all_tiers_has_no_price() -> None:
    with pytest.raises(LookupError):
        price_of(tiered(TierMode.ALL_UNITS), 20_001, 1)


def test_award_is_counted_exactly() -> None:
    costs = Outcome(PROBLEM, AWARD).costs()

    assert costs.bids == 300 + 800 + 1_140
    assert costs.participation == 50
    assert costs.ranked == costs.paid == 2_290


def test_factor_counts_in_the_ranking_and_not_in_what_is_paid() -> None:
    better = replace(PROBLEM.bids[2], factor=Fraction(9, 10))
    problem = replace(PROBLEM, bids=(*PROBLEM.bids[:2], better))

    costs = Outcome(problem, AWARD).costs()

    assert costs.paid == 2_290
    assert costs.ranked == 2_290 - 114


def test_switching_counts_when_the_incumbent_wins_no_part() -> None:
    lot = replace(BREAD, incumbent_id="bob", switching_cost=Fraction(7))
    kept = replace(MILK, incumbent_id="bob", switching_cost=Fraction(11))
    problem = replace(PROBLEM, lots=(lot, kept))

    assert Outcome(problem, AWARD).costs().switching == 7


def test_whole_award_breaks_nothing() -> None:
    assert violations(PROBLEM, (), AWARD) == ()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (AWARD.lines[:2], "covered by 0"),
        ((*AWARD.lines, Line("milk", "west", "a-milk", 600)), "covered by 1200"),
        ((*AWARD.lines[:2], Line("milk", "west", "b-milk", 599)), "cannot be parted"),
        ((*AWARD.lines[:2], Line("milk", "west", "a-bread", 600)), "does not offer"),
    ],
)
def test_check_finds_what_is_broken(lines: tuple[Line, ...], says: str) -> None:
    broken = violations(PROBLEM, (), Award(lines=lines))

    assert any(says in sentence for sentence in broken), broken


def test_check_finds_a_district_that_is_not_served() -> None:
    home = replace(PROBLEM.vendors[1], serves=frozenset({"east"}))
    problem = replace(PROBLEM, vendors=(PROBLEM.vendors[0], home))

    assert violations(problem, (), AWARD)


def test_check_finds_a_lot_left_without_reserve() -> None:
    left = Award(lines=AWARD.lines[1:], left=(Left("bread", None, 100),))

    assert "Lot bread has no reserve and is not awarded whole." in violations(PROBLEM, (), left)
    lots = (MILK, replace(BREAD, reserve=Fraction(4)))
    assert violations(replace(PROBLEM, lots=lots), (), left) == ()


@pytest.mark.parametrize(("capacity", "holds"), [(600, True), (599, False)])
def test_capacity_binds_to_the_unit(capacity: int, *, holds: bool) -> None:
    vendors = (PROBLEM.vendors[0], replace(PROBLEM.vendors[1], capacity=capacity))

    assert (violations(replace(PROBLEM, vendors=vendors), (), AWARD) == ()) is holds


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (Rule(id="r", kind=RuleKind.MOST_WINNERS, amount=Fraction(2), lot_id="milk"), True),
        (Rule(id="r", kind=RuleKind.MOST_WINNERS, amount=Fraction(1), lot_id="milk"), False),
        (Rule(id="r", kind=RuleKind.FEWEST_WINNERS, amount=Fraction(2), lot_id="milk"), True),
        (Rule(id="r", kind=RuleKind.FEWEST_WINNERS, amount=Fraction(3)), False),
        (Rule(id="r", kind=RuleKind.LARGEST_SHARE, amount=Fraction(3, 5), lot_id="milk"), True),
        (Rule(id="r", kind=RuleKind.LARGEST_SHARE, amount=Fraction(59, 100), lot_id="milk"), False),
        (Rule(id="r", kind=RuleKind.SMALLEST_SHARE, amount=Fraction(2, 5), lot_id="milk"), True),
        (Rule(id="r", kind=RuleKind.SMALLEST_SHARE, amount=Fraction(1, 2), lot_id="milk"), False),
        (Rule(id="r", kind=RuleKind.BUDGET, amount=Fraction(2_290)), True),
        (Rule(id="r", kind=RuleKind.BUDGET, amount=Fraction("2289.9999")), False),
        (Rule(id="r", kind=RuleKind.BUDGET, amount=Fraction(1_940), lot_id="milk"), True),
        (Rule(id="r", kind=RuleKind.MINIMUM_SPEND, amount=Fraction(1_100)), True),
        (Rule(id="r", kind=RuleKind.MINIMUM_SPEND, amount=Fraction(1_101)), False),
        (Rule(id="r", kind=RuleKind.BARRED, vendor_id="bob", lot_id="bread"), True),
        (Rule(id="r", kind=RuleKind.BARRED, vendor_id="bob"), False),
        (Rule(id="r", kind=RuleKind.REQUIRED, vendor_id="bob", lot_id="bread"), False),
        (Rule(id="r", kind=RuleKind.MINIMUM_SCORE, amount=Fraction(1)), False),
        (Rule(id="r", kind=RuleKind.ALL_AWARDED), True),
    ],
)
def test_rule_is_checked_exactly(rule: Rule, *, holds: bool) -> None:
    broken = violations(PROBLEM, (rule,), AWARD)

    assert broken == (() if holds else (said(rule),))


def test_every_kind_of_rule_has_words() -> None:
    for kind in RuleKind:
        assert said(Rule(id="r", kind=kind, amount=Fraction(1, 2))).endswith(".")


def test_conditions_name_lots_vendors_and_rules() -> None:
    vendors = (replace(PROBLEM.vendors[0], capacity=900, minimum=10), PROBLEM.vendors[1])
    rule = Rule(id="two", kind=RuleKind.FEWEST_WINNERS, amount=Fraction(2), lot_id="milk")

    conditions = conditions_of(replace(PROBLEM, vendors=vendors), (rule,))

    assert list(conditions) == [
        "rule:two",
        "capacity:ann",
        "minimum:ann",
        "cover:milk",
        "cover:bread",
    ]
    assert conditions["capacity:ann"] == "Vendor ann supplies at most 900 units."


def test_smallest_conflict_leaves_out_what_is_not_needed() -> None:
    clash = frozenset({"b", "e"})

    names = smallest_conflict(list("abcdefg"), lambda names: not clash <= names)

    assert names == ("b", "e")


def test_what_cannot_hold_whatever_is_left_out_names_nothing() -> None:
    assert smallest_conflict(["a", "b"], lambda _: False) == ()


def test_rules_give_way_in_the_order_of_their_priority() -> None:
    rules = [
        Rule(id=name, kind=RuleKind.ALL_AWARDED, priority=priority)
        for name, priority in (("soft", 3), ("middle", 2), ("hard", 1))
    ]

    relaxed = relaxed_rules(
        rules, frozenset(), lambda names: not {"rule:hard", "rule:middle"} <= names
    )

    assert relaxed == ("middle",)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lots": ()}, "between 1 and"),
        ({"lots": (MILK, MILK)}, "named milk"),
        ({"vendors": (PROBLEM.vendors[0],)}, "not there"),
        ({"lots": (MILK, replace(BREAD, shares=()))}, "needs shares"),
        ({"lots": (MILK, replace(BREAD, incumbent_id="eve"))}, "no vendor"),
        ({"steps_per_unit": 0}, "above 0"),
    ],
)
def test_unfit_problem_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ProblemUnfit, match=says):
        require_fit(replace(PROBLEM, **change), ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(id="r", kind=RuleKind.MOST_WINNERS, amount=Fraction(3, 2)),
        Rule(id="r", kind=RuleKind.LARGEST_SHARE, amount=Fraction(11, 10)),
        Rule(id="r", kind=RuleKind.BARRED),
        Rule(id="r", kind=RuleKind.BARRED, vendor_id="eve"),
        Rule(id="r", kind=RuleKind.BUDGET, amount=Fraction(1), lot_id="eggs"),
        Rule(id="r", kind=RuleKind.INCUMBENT_SHARE, amount=Fraction(1), lot_id="milk"),
        Rule(id="r", kind=RuleKind.MINIMUM_SPEND, amount=Fraction(1), lot_id="milk"),
    ],
)
def test_unfit_rule_is_refused(rule: Rule) -> None:
    with pytest.raises(ProblemUnfit):
        require_fit(PROBLEM, (rule,))


def test_fit_problem_passes() -> None:
    require_fit(PROBLEM, (Rule(id="r", kind=RuleKind.BUDGET, amount=Fraction(1)),))


def test_problem_is_read_as_it_was_written() -> None:
    package = Package(
        id="p", vendor_id="ann", lot_ids=frozenset({"milk", "bread"}), price=Fraction(7, 3)
    )
    problem = replace(PROBLEM, packages=(package,))

    assert read(Problem, written(problem)) == problem
    assert read(Award, written(AWARD)) == AWARD


def test_order_of_listing_writes_the_same_problem() -> None:
    turned = replace(
        PROBLEM,
        lots=(BREAD, replace(MILK, shares=MILK.shares[::-1])),
        vendors=PROBLEM.vendors[::-1],
        bids=PROBLEM.bids[::-1],
    )

    assert written(ordered(turned)) == written(ordered(PROBLEM))


def test_weights_are_drawn_from_the_seed_alone() -> None:
    drawn = [weigher("seed")(name) for name in ("a", "b", "a")]

    assert drawn[0] == drawn[2]
    assert drawn[0] != drawn[1]
    assert drawn[0] != weigher("other")("a")
    assert all(1 <= weight <= WEIGHT_MAX for weight in drawn)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("5/2", "2.5"), ("1/3", "1/3"), ("-7/50", "-0.14"), ("1200", "1200"), ("0", "0")],
)
def test_amounts_are_written_exactly(amount: str, text: str) -> None:
    assert amount_text(Fraction(amount)) == text


def test_gap_is_never_shown_smaller_than_it_is() -> None:
    assert rounded_up(Fraction(1, 3), places=2) == "0.34"
    assert rounded_up(Fraction(1, 100), places=2) == "0.01"


LOT, OTHER = LotId(new_id()), LotId(new_id())
MEMBERS = [PartyId(new_id()), PartyId(new_id())]
NEEDS = [
    Need(lot_id=LOT, member_id=MEMBERS[0], quantity=Decimal(300)),
    Need(lot_id=LOT, member_id=MEMBERS[1], quantity=Decimal(120)),
    Need(lot_id=OTHER, member_id=MEMBERS[1], quantity=Decimal(10)),
]


def offer(**changes: object) -> Offer:
    content = BidContent(
        currency=USD, nonce=bytes(32), pricing=one_price(UnitPrice.parse("0.25", USD))
    )
    changed: BidContent = replace(content, **changes)  # type: ignore[arg-type]
    return Offer(bid_id=BidId(new_id()), lot_id=LOT, vendor_id=PartyId(new_id()), content=changed)


def pricing(apply: TiersApply, *tiers: tuple[str, str]) -> Pricing:
    return Pricing(
        tuple(OfferedTier(Decimal(low), UnitPrice.parse(price, USD)) for low, price in tiers), apply
    )


def test_one_price_becomes_one_tier_of_the_whole_lot() -> None:
    problem = problem_of(NEEDS, [offer()], Terms())

    assert problem.steps_per_unit == 1
    assert problem.bids[0].tiers == (Tier(lower=0, upper=420, unit_price=Fraction(1, 4)),)
    assert [lot.quantity for lot in problem.lots if lot.id == str(LOT)] == [420]


def test_thousandths_are_counted_where_a_need_has_them() -> None:
    needs = [*NEEDS, Need(lot_id=LOT, member_id=MEMBERS[0], quantity=Decimal("0.125"))]

    problem = problem_of(needs, [offer()], Terms())

    assert problem.steps_per_unit == 1_000
    assert problem.bids[0].tiers[-1].upper == 420_125


@pytest.mark.parametrize("apply", list(TiersApply))
@pytest.mark.parametrize("quantity", [1, 99, 100, 101, 300, 420])
def test_tiers_price_as_the_bid_says(apply: TiersApply, quantity: int) -> None:
    priced = pricing(apply, ("1", "10"), ("100", "9"), ("300", "7.5"))

    problem = problem_of(NEEDS, [offer(pricing=priced)], Terms())

    exact = priced.exact_e4(Decimal(quantity))
    assert exact is not None
    assert price_of(problem.bids[0], quantity, 1) == exact * quantity / 10_000


def test_capacity_members_packages_and_alternates_are_taken_over() -> None:
    offered = offer(
        capacity=Decimal(200),
        members=(MEMBERS[0],),
        packages=(
            OfferedPackage(
                ((LOT, UnitPrice.parse("0.2", USD)), (OTHER, UnitPrice.parse("1", USD)))
            ),
        ),
        alternates=(Alternate("Cartons", one_price(UnitPrice.parse("0.2", USD))),),
    )

    problem = problem_of(NEEDS, [offered], Terms(takes_alternates=True))

    assert [bid.tiers[-1].upper for bid in problem.bids] == [200, 200]
    assert {bid.serves for bid in problem.bids} == {frozenset({str(MEMBERS[0])})}
    assert problem.packages[0].price == 84 + 10
    assert len(problem_of(NEEDS, [offered], Terms()).bids) == 1


def test_package_of_a_lot_that_is_not_to_be_decided_is_left_out() -> None:
    away = OfferedPackage(((LotId(new_id()), UnitPrice.parse("1", USD)),))

    assert problem_of(NEEDS, [offer(packages=(away,))], Terms()).packages == ()
