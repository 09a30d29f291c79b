"""The smallest change of a weight that lets another bid win, exactly."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.scoring.candidates import Candidate, CostRule
from services.bids.domain.scoring.formulas import BelowCeiling, LowestOverThis
from services.bids.domain.scoring.plan import (
    LowestCost,
    Monetised,
    Plan,
    ScoredCriterion,
    UtilityIndex,
)
from services.bids.domain.scoring.ranking import score
from services.bids.domain.scoring.sensitivity import Flip, flips
from services.bids.domain.scoring.values import QUALITY_OVER_PRICE, RATE_PER_DAY, weights_of
from services.bids.domain.terms import CriterionKind
from shared.domain.ids import BidId, PartyId

A, B, C = (BidId(UUID(int=number)) for number in range(1, 4))
QUALITY = ScoredCriterion(
    name="quality", kind=CriterionKind.RATED, weight=Decimal(60), best=Decimal(60)
)
PRICE = ScoredCriterion(
    name="price", kind=CriterionKind.PRICE, weight=Decimal(40), formula=LowestOverThis()
)
RELATIVE = Plan(criteria=(QUALITY, PRICE))


def bid(bid_id: BidId, price: int, quality: int = 0, days: int | None = None) -> Candidate:
    return Candidate(
        bid_id=bid_id,
        vendor_id=PartyId(bid_id),
        price=Fraction(price),
        received_at=datetime(2027, 3, 1, tzinfo=UTC),
        log_index=bid_id.int,
        days=None if days is None else Fraction(days),
        marks={"quality": Fraction(quality)},
    )


PAIR = (bid(A, 100, 50), bid(B, 120, 56))


def winner_under(
    plan: Plan, bids: Sequence[Candidate], flip: Flip, change: Fraction
) -> BidId | None:
    weights = weights_of(plan)
    moved = {**weights, flip.weight: weights[flip.weight] + change}
    won = score(plan, bids, weights=moved).winner
    return None if won is None else won.candidate.bid_id


def test_smallest_change_of_each_weight_is_exact() -> None:
    # A 90, B 268/3: A leads by 2/3. B gains 6/60 a point of quality, A 1/6 a point of price.
    found = flips(RELATIVE, PAIR)

    assert [(flip.weight, flip.change, flip.winner_id) for flip in found] == [
        ("price", Fraction(-4), B),
        ("quality", Fraction(20, 3), B),
    ]
    assert [flip.new_weight for flip in found] == [36, Fraction(200, 3)]
    assert found[0].weight_of_sum == Fraction(36, 96)
    assert not found[0].is_reached


def test_equal_bids_flip_by_any_change() -> None:
    equal = (bid(A, 100, 50), bid(B, 125, 58))

    found = flips(RELATIVE, equal)

    assert {(flip.weight, flip.change) for flip in found} == {
        ("price", Fraction(0)),
        ("quality", Fraction(0)),
    }


def test_bid_that_is_better_in_everything_flips_by_no_weight() -> None:
    assert flips(RELATIVE, (bid(A, 100, 56), bid(B, 120, 50))) == ()


def test_technical_minimum_can_flip_the_winner() -> None:
    # 30 of 60 and 20 of 40 points: A has the half that is asked, and no more when either rises.
    halves = Plan(
        criteria=(
            QUALITY,
            ScoredCriterion(
                name="team", kind=CriterionKind.RATED, weight=Decimal(40), best=Decimal(40)
            ),
            ScoredCriterion(
                name="price",
                kind=CriterionKind.PRICE,
                weight=Decimal(40),
                formula=BelowCeiling(Decimal(1000)),
            ),
        ),
        technical_minimum=Decimal(50),
    )
    low, high = (
        Candidate(
            bid_id=bid_id,
            vendor_id=PartyId(bid_id),
            price=Fraction(price),
            received_at=datetime(2027, 3, 1, tzinfo=UTC),
            log_index=1,
            marks={"quality": Fraction(quality), "team": Fraction(team)},
        )
        for bid_id, price, quality, team in ((A, 1, 40, 14), (B, 999, 30, 20))
    )
    # A earns 2/3 x 60 + 14/40 x 40 = 54 of 100. At a weight of team t it earns 40 + 0.35 t of
    # 60 + t, which is the half at t = 200/3; B earns the half at any weight.

    found = {(flip.weight, flip.change > 0): flip for flip in flips(halves, (low, high))}

    team = found["team", True]
    assert (team.new_weight, team.winner_id, team.is_reached) == (Fraction(200, 3), B, False)


def test_rate_per_day_at_which_the_slower_bid_wins() -> None:
    timed = Plan(method=LowestCost(), cost=CostRule(rate_per_day=Decimal(3500)))
    bids = (bid(A, 1_369_000, days=95), bid(B, 1_360_179, days=105))

    found = flips(timed, bids)

    # 8,821 dearer for 10 days less: from 882.10 a day down the slower one wins.
    assert [(flip.weight, flip.new_weight, flip.winner_id) for flip in found] == [
        (RATE_PER_DAY, Fraction("882.1"), B)
    ]


def test_value_of_a_point_at_which_the_better_bid_wins() -> None:
    monetised = Plan(method=Monetised({"quality": Decimal(1)}), criteria=(QUALITY,))

    found = flips(monetised, PAIR)

    assert [(flip.new_weight, flip.winner_id) for flip in found] == [(Fraction(20, 6), B)]


def test_ratio_of_a_utility_index_at_which_the_better_bid_wins() -> None:
    index = Plan(method=UtilityIndex(Decimal(1)), criteria=(QUALITY,))

    found = flips(index, PAIR)

    # 1 - n/10 equals 100/120 at n = 10/6.
    assert [(flip.weight, flip.new_weight) for flip in found] == [
        (QUALITY_OVER_PRICE, Fraction(5, 3))
    ]


ROWS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 60)), min_size=2, max_size=5)


@given(ROWS, st.integers(1, 99))
def test_winner_stays_up_to_the_change_and_falls_just_beyond(
    rows: list[tuple[int, int]], percent: int
) -> None:
    bids = [bid(BidId(UUID(int=place)), *row) for place, row in enumerate(rows, start=1)]
    winner = score(RELATIVE, bids).ranked[0].candidate.bid_id

    for flip in flips(RELATIVE, bids):
        short = flip.change * percent / 100
        step = 0 if flip.is_reached else Fraction(1 if flip.change > 0 else -1, 10**9)
        if flip.change:
            assert winner_under(RELATIVE, bids, flip, short) == winner
            assert (
                winner_under(RELATIVE, bids, flip, flip.change + step) == flip.winner_id != winner
            )


@given(ROWS, st.sampled_from(["price", "quality"]), st.fractions(0, 200))
def test_no_weight_short_of_a_flip_changes_the_winner(
    rows: list[tuple[int, int]], name: str, weight: Fraction
) -> None:
    bids = [bid(BidId(UUID(int=place)), *row) for place, row in enumerate(rows, start=1)]
    winner = score(RELATIVE, bids).ranked[0].candidate.bid_id
    change = weight - weights_of(RELATIVE)[name]
    reached = [
        flip
        for flip in flips(RELATIVE, bids)
        if flip.weight == name
        and (flip.change == 0 or (flip.change * change > 0 and abs(flip.change) <= abs(change)))
    ]

    moved = score(RELATIVE, bids, weights={**weights_of(RELATIVE), name: weight}).ranked[0]

    assert moved.candidate.bid_id == winner or reached
