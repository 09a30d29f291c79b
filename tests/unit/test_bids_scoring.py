"""Scoring bids exactly: every worked figure, thresholds, ties and stability."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.erate import ErateCategory
from services.bids.domain.evaluation import displayed
from services.bids.domain.scoring.candidates import (
    AnswerMissing,
    Candidate,
    CostRule,
    coefficient,
    compared_cost,
)
from services.bids.domain.scoring.cascade import BidUnscored, Disqualification, cascade
from services.bids.domain.scoring.eligible import ELIGIBLE, eligible_price
from services.bids.domain.scoring.formulas import (
    BelowCeiling,
    BetweenBids,
    LinearPenalty,
    LowestOverThis,
    PriceFormula,
)
from services.bids.domain.scoring.plan import (
    HighestValue,
    LowestCost,
    Method,
    Monetised,
    Plan,
    PlanUnfit,
    QualityPerPrice,
    ScoredCriterion,
    TieBreak,
    TieRule,
    UtilityIndex,
    WeighedPoints,
    plan_of,
    require_plan,
)
from services.bids.domain.scoring.ranking import Scoring, Why, score
from services.bids.domain.scoring.stability import Hinge, is_provably_stable, stability
from services.bids.domain.scoring.ties import Draw, LotNotDrawable
from services.bids.domain.scoring.values import CostUnfit
from services.bids.domain.terms import (
    PRICE_ALONE,
    ContractTerms,
    CostCovered,
    Criterion,
    CriterionKind,
)
from shared.domain.ids import BidId, LotId, PartyId

RECEIVED_AT = datetime(2027, 3, 1, 12, tzinfo=UTC)
A, B, C, D = (BidId(UUID(int=number)) for number in range(1, 5))
DRAW = Draw(bytes(range(32)), LotId(UUID(int=77)))
E_RATE = ContractTerms(erate_category=ErateCategory.ONE, eligible_percent=Decimal("82.5"))
POINTS = WeighedPoints()
COSTS = LowestCost()


def bid(
    bid_id: BidId,
    price: str,
    quality: str | None = None,
    *,
    after_s: int = 0,
    days: int | None = None,
    costs: Mapping[str, Fraction] | None = None,
    features: Mapping[str, Fraction] | None = None,
    marks: Mapping[str, str] | None = None,
) -> Candidate:
    named = dict(marks or {})
    if quality is not None:
        named["quality"] = quality
    return Candidate(
        bid_id=bid_id,
        vendor_id=PartyId(bid_id),
        price=Fraction(price),
        received_at=RECEIVED_AT + timedelta(seconds=after_s),
        log_index=bid_id.int,
        days=None if days is None else Fraction(days),
        costs=costs or {},
        features=features or {},
        marks={name: Fraction(mark) for name, mark in named.items()},
    )


def rated(
    name: str = "quality", weight: str = "60", *, minimum: str | None = None
) -> ScoredCriterion:
    """A criterion whose points are given up to its weight."""
    return ScoredCriterion(
        name=name,
        kind=CriterionKind.RATED,
        weight=Decimal(weight),
        best=Decimal(weight),
        minimum=None if minimum is None else Decimal(minimum),
    )


def priced(weight: str = "40", formula: PriceFormula | None = None) -> ScoredCriterion:
    return ScoredCriterion(
        name="price",
        kind=CriterionKind.PRICE,
        weight=Decimal(weight),
        formula=formula or LowestOverThis(),
    )


def plan(*criteria: ScoredCriterion, method: Method = POINTS, **others: object) -> Plan:
    return Plan(method=method, criteria=criteria, **others)  # type: ignore[arg-type]  # a builder


def values(scoring: Scoring) -> dict[BidId, Fraction]:
    return {each.candidate.bid_id: each.value for each in scoring.ranked}


def order(scoring: Scoring) -> list[BidId]:
    return [each.candidate.bid_id for each in scoring.ranked]


# Worked figures ------------------------------------------------------------------------------


def test_lowest_over_this_gives_300_and_272_7_of_300_points() -> None:
    scored = score(
        plan(rated(weight="700"), priced("300")),
        [
            bid(A, "50000", "0"),
            bid(B, "55000", "0"),
        ],
    )

    assert values(scored) == {A: 300, B: Fraction(3000, 11)}
    assert f"{displayed(values(scored)[B]):.1f}" == "272.7"


def test_linear_penalty_gives_300_and_270_of_300_points() -> None:
    by_penalty = plan(rated(weight="700"), priced("300", LinearPenalty()))

    scored = score(by_penalty, [bid(A, "50000", "0"), bid(B, "55000", "0")])

    assert values(scored) == {A: 300, B: 270}


def test_linear_penalty_ends_at_twice_the_lowest() -> None:
    by_penalty = plan(priced("300", LinearPenalty()))

    scored = score(by_penalty, [bid(A, "100"), bid(B, "200"), bid(C, "199"), bid(D, "201")])

    assert values(scored) == {A: 300, B: 0, C: 3, D: 0}


def test_four_factors_sum_to_65_55_and_80() -> None:
    names = ("price", "experience", "references", "schedule")
    matrix = plan(
        *(rated(name, weight) for name, weight in zip(names, ("50", "25", "15", "10"), strict=True))
    )
    rows = {A: "20 25 10 10", B: "50 0 5 0", C: "40 25 15 0"}

    scored = score(
        matrix,
        [
            bid(bid_id, "1", marks=dict(zip(names, row.split(), strict=True)))
            for bid_id, row in rows.items()
        ],
    )

    assert values(scored) == {A: 65, B: 55, C: 80}
    assert order(scored) == [C, A, B]


def test_coefficient_of_features_is_nine_sevenths_and_469_ranks_as_3283_ninths() -> None:
    rule = CostRule(features_max={"warranty": Decimal("0.15"), "delivery": Decimal("0.15")})
    taken = {"warranty": Fraction(1, 10), "delivery": Fraction(1, 10)}

    scored = score(Plan(method=COSTS, cost=rule), [bid(A, "469", features=taken)])

    assert coefficient(rule, taken) == Fraction(9, 7)
    assert values(scored) == {A: Fraction(3283, 9)}


def test_coefficient_lets_a_dearer_bid_win() -> None:
    rule = CostRule(features_max={"warranty": Decimal("0.2")})
    taken = {"warranty": Fraction(2, 10)}

    scored = score(
        Plan(method=COSTS, cost=rule),
        [
            bid(A, "100"),
            bid(B, "124.99", features=taken),
            bid(C, "125.01", features=taken),
        ],
    )

    assert order(scored) == [B, A, C]


# A loser that decides between two others ------------------------------------------------------

TRIO = (bid(A, "100", "50"), bid(B, "120", "56"), bid(C, "60", "20"))
PAIR = TRIO[:2]


def test_losing_bid_decides_between_two_others_by_a_relative_formula() -> None:
    relative = plan(rated(), priced())

    without, with_it = score(relative, PAIR), score(relative, TRIO)

    assert values(without) == {A: 90, B: Fraction(268, 3)}
    assert f"{displayed(values(without)[B]):.2f}" == "89.33"
    assert values(with_it) == {A: 74, B: 76, C: 60}
    assert stability(relative, with_it).hinges == (Hinge(C, A),)
    assert stability(relative, without).is_stable


def test_losing_high_bid_decides_between_two_others_by_the_line_between_bids() -> None:
    relative = plan(rated(), priced(formula=BetweenBids()))
    trio = [bid(A, "100", "40"), bid(B, "110", "55"), bid(C, "200", "0")]

    without, with_it = score(relative, trio[:2]), score(relative, trio)

    assert values(without) == {A: 80, B: 55}
    assert values(with_it) == {A: 80, B: 91, C: 0}
    assert stability(relative, with_it).hinges == (Hinge(C, A),)


def test_absolute_formula_lets_no_loser_decide() -> None:
    absolute = plan(rated(), priced(formula=BelowCeiling(Decimal(160))))

    without, with_it = score(absolute, PAIR), score(absolute, TRIO)

    assert values(without) == {A: 65, B: 66}
    assert values(with_it) == {A: 65, B: 66, C: 45}
    assert is_provably_stable(absolute)
    assert stability(absolute, with_it).is_stable


def test_monetised_quality_lets_no_loser_decide() -> None:
    monetised = plan(rated(), method=Monetised({"quality": Decimal("1.20")}))

    scored = score(monetised, TRIO)

    assert values(scored) == {A: 40, B: Fraction("52.8"), C: 36}
    assert order(scored) == [C, A, B]
    assert is_provably_stable(monetised)


METHODS = st.sampled_from(
    [
        plan(rated(), priced()),
        plan(rated(), priced(formula=LinearPenalty())),
        plan(rated(), priced(formula=BetweenBids())),
        plan(rated(), priced(formula=BelowCeiling(Decimal(50)))),
        plan(rated(), method=UtilityIndex(Decimal("1.5"))),
        plan(rated(), method=QualityPerPrice()),
        plan(rated(), method=Monetised({"quality": Decimal("0.7")})),
    ]
)
FIELDS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=6).map(
    lambda rows: [
        bid(BidId(UUID(int=place)), str(price), str(quality))
        for place, (price, quality) in enumerate(rows, start=1)
    ]
)


@given(METHODS, FIELDS)
def test_stability_equals_leaving_out_every_loser(scored_by: Plan, bids: list[Candidate]) -> None:
    scored = score(scored_by, bids)
    winner = order(scored)[0]

    found = {
        (each.loser_id, each.winner_without_id) for each in stability(scored_by, scored).hinges
    }

    by_hand = set()
    for loser in bids:
        without = [each for each in bids if each is not loser]
        if loser.bid_id != winner and (then := order(score(scored_by, without))[0]) != winner:
            by_hand.add((loser.bid_id, then))
    assert found == by_hand


@given(METHODS, FIELDS, st.randoms(use_true_random=False))
def test_order_of_input_changes_nothing(
    scored_by: Plan, bids: list[Candidate], chance: object
) -> None:
    shuffled = list(bids)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a `random.Random`

    assert score(scored_by, shuffled) == score(scored_by, bids)


# Other methods --------------------------------------------------------------------------------


def test_price_and_time_lets_the_faster_bid_win() -> None:
    timed = Plan(method=COSTS, cost=CostRule(rate_per_day=Decimal(3500)))

    scored = score(timed, [bid(A, "1360179", days=105), bid(B, "1369000", days=95)])

    assert order(scored) == [B, A]
    assert values(scored) == {B: 1701500, A: 1727679}


def test_life_cycle_cost_adds_what_is_stated() -> None:
    cycle = Plan(method=COSTS, cost=CostRule(added=("energy", "disposal")))
    costs = {"energy": Fraction(30), "disposal": Fraction(5)}

    scored = score(
        cycle,
        [
            bid(A, "100", costs={**costs, "energy": Fraction(50)}),
            bid(B, "110", costs=costs),
        ],
    )

    assert values(scored) == {B: 145, A: 155}


def test_cost_that_is_not_stated_stops_the_scoring() -> None:
    cycle = CostRule(added=("energy",))

    with pytest.raises(AnswerMissing, match="energy"):
        compared_cost(cycle, bid(A, "100"))


def test_quality_per_price_ranks_points_per_unit_of_cost() -> None:
    scored = score(plan(rated(), method=QualityPerPrice()), TRIO)

    assert values(scored) == {A: Fraction(1, 2), B: Fraction(7, 15), C: Fraction(1, 3)}


def test_utility_index_takes_the_missing_quality_off_before_dividing() -> None:
    # Quality is 50/60, 56/60 and 20/60; n is 60/40. A: (1 - 6/60 x 1.5) x 60/100 = 0.51.
    scored = score(plan(rated(), method=UtilityIndex(Decimal("1.5"))), TRIO)

    assert values(scored) == {A: Fraction(51, 100), B: Fraction(1, 2), C: Fraction(1, 10)}


def test_highest_value_ranks_what_is_offered_to_the_buyer() -> None:
    scored = score(Plan(method=HighestValue()), TRIO)

    assert order(scored) == [B, A, C]


@pytest.mark.parametrize("method", [QualityPerPrice(), UtilityIndex(Decimal(1))])
def test_cost_of_nothing_is_not_divided_by(method: Method) -> None:
    with pytest.raises(CostUnfit):
        score(plan(rated(), method=method), [bid(A, "0", "50")])


def test_cost_of_nothing_earns_all_points_and_leaves_others_none() -> None:
    scored = score(plan(priced()), [bid(A, "0"), bid(B, "0"), bid(C, "0.0001")])

    assert values(scored) == {A: 40, B: 40, C: 0}


def test_cost_below_nothing_is_not_weighed_by_points() -> None:
    rebate = plan(priced(), cost=CostRule(added=("rebate",)))

    with pytest.raises(CostUnfit):
        score(rebate, [bid(A, "1", costs={"rebate": Fraction(-2)})])


def test_eligible_and_other_cost_are_weighed_apart() -> None:
    parts = [
        ScoredCriterion(
            name=name,
            kind=CriterionKind.PRICE,
            weight=Decimal(weight),
            formula=LowestOverThis(),
            covers=covers,
        )
        for name, weight, covers in (
            ("eligible", "60", CostCovered.ELIGIBLE),
            ("other", "40", CostCovered.INELIGIBLE),
        )
    ]
    bids = [
        Candidate(
            bid_id=bid_id,
            vendor_id=PartyId(bid_id),
            price=Fraction(price),
            eligible_price=Fraction(eligible),
            received_at=RECEIVED_AT,
            log_index=1,
        )
        for bid_id, price, eligible in ((A, 100, 80), (B, 90, 50))
    ]

    scored = score(plan(*parts), bids)

    assert values(scored) == {B: 60 + 20, A: Fraction(60 * 50, 80) + 40}


@pytest.mark.parametrize(
    ("stated", "contract", "eligible"),
    [
        ("6", None, 6),
        ("6", E_RATE, 6),
        ("0", E_RATE, 0),
        (None, E_RATE, Fraction(33, 4)),
        (None, ContractTerms(erate_category=ErateCategory.TWO), 10),
        (None, ContractTerms(), None),
        (None, None, None),
    ],
)
def test_eligible_price_is_what_the_vendor_states_or_else_the_contracts_percentage(
    stated: str | None, contract: ContractTerms | None, eligible: Fraction | int | None
) -> None:
    answers = {} if stated is None else {ELIGIBLE: Fraction(stated)}

    assert eligible_price(Fraction(10), answers, contract) == eligible


def test_plan_that_covers_another_cost_than_the_criteria_say_is_unfit() -> None:
    stated = (
        Criterion(
            name="price",
            kind=CriterionKind.PRICE,
            weight=Decimal(100),
            covers=CostCovered.ELIGIBLE,
        ),
    )
    of_all = replace(stated[0], covers=CostCovered.ALL)

    require_plan(plan_of(stated), stated)
    with pytest.raises(PlanUnfit, match="price: the plan and the RFP's criteria differ"):
        require_plan(plan_of((of_all,)), stated)


def test_points_are_ranked_unrounded() -> None:
    # The scores differ in the eighth decimal; shown to six they are alike.
    scored = score(
        plan(priced("100")),
        [
            bid(A, "1.0000"),
            bid(C, "3000.0001"),
            bid(B, "3000.0000", after_s=5),
        ],
    )

    assert order(scored) == [A, B, C]
    assert displayed(values(scored)[B]) == displayed(values(scored)[C])


# Thresholds and what is set aside -------------------------------------------------------------


def test_mark_at_the_minimum_passes_and_below_it_is_set_aside_before_prices_are_compared() -> None:
    strict = plan(rated(minimum="42"), priced())

    scored = score(strict, [bid(A, "100", "42"), bid(B, "200", "50"), bid(C, "10", "41.9")])

    assert values(scored) == {A: 82, B: 70}
    assert [(each.candidate.bid_id, each.why) for each in scored.set_aside] == [
        (C, Why.BELOW_MINIMUM)
    ]


def test_technical_minimum_counts_all_technical_points() -> None:
    strict = plan(
        rated("method", "40"), rated("team", "20"), priced(), technical_minimum=Decimal(70)
    )
    bids = [
        bid(A, "100", marks={"method": "40", "team": "2"}),
        bid(B, "50", marks={"method": "40", "team": "1.9"}),
    ]

    scored = score(strict, bids)

    assert values(scored) == {A: 82}
    assert scored.set_aside[0].why is Why.BELOW_TECHNICAL_MINIMUM


def test_failing_a_pass_fail_criterion_sets_aside() -> None:
    insured = ScoredCriterion(name="insured", kind=CriterionKind.PASS_FAIL)
    passing = bid(A, "100")
    bids = [
        Candidate(
            bid_id=each.bid_id,
            vendor_id=each.vendor_id,
            price=each.price,
            received_at=each.received_at,
            log_index=each.log_index,
            passes={"insured": passes},
        )
        for each, passes in ((passing, True), (bid(B, "50"), False))
    ]

    scored = score(plan(insured, priced()), bids)

    assert order(scored) == [A]
    assert [(each.why, each.about) for each in scored.set_aside] == [(Why.FAILED, "insured")]


def test_missing_answers_stop_the_scoring() -> None:
    insured = ScoredCriterion(name="insured", kind=CriterionKind.PASS_FAIL)

    for asked in (plan(rated(), priced()), plan(rated(minimum="1")), plan(insured, priced())):
        with pytest.raises(AnswerMissing):
            score(asked, [bid(A, "100")])


def test_numeric_answer_where_less_is_better_falls_in_a_line() -> None:
    response = ScoredCriterion(
        name="hours",
        kind=CriterionKind.NUMERIC,
        weight=Decimal(10),
        worst=Decimal(24),
        best=Decimal(4),
        minimum=Decimal(24),
    )

    scored = score(
        plan(response),
        [
            bid(A, "1", marks={"hours": "2"}),
            bid(B, "1", marks={"hours": "14"}),
            bid(C, "1", marks={"hours": "24"}),
            bid(D, "1", marks={"hours": "24.5"}),
        ],
    )

    assert values(scored) == {A: 10, B: 5, C: 0}
    assert [each.candidate.bid_id for each in scored.set_aside] == [D]


def test_disqualified_bid_moves_nobodys_points() -> None:
    relative = plan(rated(), priced())

    scored = score(relative, TRIO, disqualified={C: "no licence"})

    assert values(scored) == values(score(relative, PAIR))
    assert scored.order == (A, B, C)
    assert scored.set_aside[0].about == "no licence"


def test_cascade_says_where_scoring_anew_changed_who_is_next() -> None:
    # C leads; B is next behind it, but without C the relative formula puts A in front.
    relative = plan(rated(), priced())
    trio = [bid(A, "100", "50"), bid(B, "120", "56"), bid(C, "60", "40")]

    steps = cascade(relative, trio, [Disqualification(C, "withdrew"), Disqualification(A, "late")])

    assert [order(step.scoring) for step in steps] == [[C, B, A], [A, B], [B]]
    assert [step.is_as_ranked for step in steps] == [True, False, True]
    assert [each.ended_by.reason for each in steps if each.ended_by] == ["withdrew", "late"]


def test_cascade_may_end_with_nobody() -> None:
    steps = cascade(plan(priced()), [bid(A, "1")], [Disqualification(A, "fraud")])

    assert steps[-1].scoring.winner is None
    assert steps[-1].scoring.order == (A,)


def test_bid_is_disqualified_once() -> None:
    twice = [Disqualification(A, "late"), Disqualification(A, "late")]

    with pytest.raises(BidUnscored):
        cascade(plan(priced()), [bid(A, "1")], twice)


def test_no_bids_have_no_winner() -> None:
    scored = score(plan(priced()), [])

    assert scored.winner is None
    assert stability(plan(priced()), scored).is_stable


# Ties -----------------------------------------------------------------------------------------


def test_equals_go_by_the_earlier_receipt() -> None:
    scored = score(plan(priced()), [bid(A, "5", after_s=2), bid(B, "5", after_s=1), bid(C, "4")])

    assert order(scored) == [C, B, A]
    parted = [each.parted_by and each.parted_by.by for each in scored.ranked]
    assert parted == [None, None, TieBreak.EARLIEST_RECEIPT]


def test_declared_rules_part_equals_in_their_order() -> None:
    rules = (TieRule(TieBreak.CRITERION, "quality"), TieRule(TieBreak.LOWER_PRICE))
    ties = plan(rated(), priced(formula=BelowCeiling(Decimal(160))), ties=rules)
    # A: 15 + 50, B: 10 + 55, C: 15 + 50 as A, received later.
    bids = [bid(A, "100", "50"), bid(B, "120", "55"), bid(C, "100", "50", after_s=-1)]

    scored = score(ties, bids)

    assert order(scored) == [B, C, A]
    parted = [each.parted_by and each.parted_by.by for each in scored.ranked]
    assert parted == [None, TieBreak.CRITERION, TieBreak.EARLIEST_RECEIPT]


def test_lower_price_parts_equal_points() -> None:
    cheap = plan(
        rated(), priced(formula=BelowCeiling(Decimal(160))), ties=(TieRule(TieBreak.LOWER_PRICE),)
    )

    scored = score(cheap, [bid(B, "120", "55"), bid(A, "100", "50", after_s=9)])

    assert order(scored) == [A, B]


def test_drawn_lot_can_be_redone_by_anyone() -> None:
    lots = plan(priced(), ties=(TieRule(TieBreak.DRAWN_LOT),))
    bids = [bid(each, "5") for each in (A, B, C, D)]

    scored = score(lots, bids, draw=DRAW)

    by_hand = {
        each: sha256(
            b"commonlot/drawn-lot/1\x00" + bytes(range(32)) + UUID(int=77).bytes + each.bytes
        ).digest()
        for each in (A, B, C, D)
    }
    assert order(scored) == sorted(by_hand, key=lambda each: by_hand[each])
    assert [each.parted_by and each.parted_by.by for each in scored.ranked[1:]] == [
        TieBreak.DRAWN_LOT
    ] * 3


def test_another_root_draws_another_lot() -> None:
    lots = plan(priced(), ties=(TieRule(TieBreak.DRAWN_LOT),))
    bids = [bid(each, "5") for each in (A, B, C, D)]

    drawn = {
        tuple(order(score(lots, bids, draw=Draw(bytes([number]) * 32, DRAW.lot_id))))
        for number in range(20)
    }

    assert len(drawn) > 5


def test_lot_is_not_drawn_before_the_hashes_are_published() -> None:
    lots = plan(priced(), ties=(TieRule(TieBreak.DRAWN_LOT),))

    with pytest.raises(LotNotDrawable):
        score(lots, [bid(A, "5"), bid(B, "5")])


# Plans ----------------------------------------------------------------------------------------


def test_rfp_that_states_price_alone_is_scored_lowest_over_this() -> None:
    stated = plan_of(PRICE_ALONE)

    scored = score(stated, [bid(A, "0.25"), bid(B, "0.20")])

    require_plan(stated, PRICE_ALONE)
    assert values(scored) == {B: 100, A: 80}


@pytest.mark.parametrize(
    ("unfit", "reason"),
    [
        (plan(), "need a criterion"),
        (plan(priced(), priced()), "Two criteria are named price"),
        (plan(rated(), method=Monetised({"speed": Decimal(1)})), "speed is no rated"),
        (plan(priced(), method=QualityPerPrice()), "weighs quality"),
        (plan(priced(formula=BelowCeiling(Decimal(5), Decimal(5)))), "ceiling lies above"),
        (plan(priced(), technical_minimum=Decimal(70)), "technical minimum"),
        (plan(priced(), ties=(TieRule(TieBreak.CRITERION),)), "names a criterion"),
        (plan(priced(), ties=(TieRule(TieBreak.CRITERION, "hue"),)), "hue is no criterion"),
        (plan(priced(), spread_flagged=Decimal(0)), "spread"),
        (plan(priced("0")), "weight above 0"),
        (plan(priced(), cost=CostRule(features_max={"all": Decimal(1)})), "less than 1"),
        (plan(priced(), cost=CostRule(rate_per_day=Decimal(-1))), "A day costs"),
        (
            plan(
                ScoredCriterion(
                    name="x", kind=CriterionKind.RATED, weight=Decimal(1), best=Decimal(0)
                )
            ),
            "best and the worst",
        ),
    ],
)
def test_plan_that_contradicts_itself_is_refused(unfit: Plan, reason: str) -> None:
    with pytest.raises(PlanUnfit, match=reason):
        require_plan(unfit)


def test_plan_keeps_the_weights_that_were_published() -> None:
    with pytest.raises(PlanUnfit, match="price: the plan and the RFP's criteria differ"):
        require_plan(plan(priced("99")), PRICE_ALONE)
