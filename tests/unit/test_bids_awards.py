"""Winners by rank, lines that add up, and awards that become final."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.bids.domain.auctioning import Bidder, LotNotEvaluated, Rankings
from services.bids.domain.awards.award import AwardStatus, Course, LotAwards
from services.bids.domain.awards.course import decide_due
from services.bids.domain.awards.deciding import (
    AwardTooEarly,
    BidderUnknown,
    BidsMissing,
    BidsTooFew,
    Choice,
    LotDecided,
    Part,
    ReasonMissing,
    Verdict,
    decide,
    decide_no_award,
    require_awardable,
    whole_lot,
    winner_of,
)
from services.bids.domain.awards.lines import (
    AwardLineId,
    Pooled,
    Share,
    graduated_cost,
    lines_of,
)
from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.rfps import Rfp, RfpStatus
from services.bids.domain.terms import Terms
from shared.domain.bid_content import Pricing, Tier, TiersApply, one_price
from shared.domain.facts import Decision
from shared.domain.ids import AwardId, PartyId
from shared.domain.money import Currency, Money, UnitPrice
from shared.events.awards import (
    AwardIntended,
    AwardLineMade,
    AwardMade,
    AwardNoticed,
)
from tests.unit.bids_lot import MILK, USD, price

NOW = datetime(2027, 3, 16, 12, tzinfo=UTC)
STANDSTILL = timedelta(days=10)
AWARD_ID = AwardId(UUID(int=1))
LOT_ID = MILK.id
AUCTION_ID = UUID(int=3)
BUYER_ID = MILK.buyer_id
RFP_ID = MILK.rfp_id
BEST, SECOND, THIRD = (PartyId(UUID(int=number)) for number in (11, 12, 13))
NORTH, SOUTH = (PartyId(UUID(int=number)) for number in (21, 22))

LOT = MILK


SEALED = (
    Bidder(BEST, 1, price("0.25")),
    Bidder(SECOND, 2, price("0.28")),
    Bidder(THIRD, 3, price("0.30")),
)
SEALED_ONLY = Rankings(SEALED)
SHARES = (
    Share(member_id=SOUTH, quantity=Decimal(120), baseline=None),
    Share(member_id=NORTH, quantity=Decimal(300), baseline=price("0.31")),
)
RFP = Rfp(
    id=RFP_ID,
    buyer_id=BUYER_ID,
    title="Milk",
    currency=USD,
    consortium_model=ConsortiumModel.GROUP_PRICING,
    policy_profile="erate",
    custodian_id=PartyId(UUID(int=6)),
    standstill_s=0,
    status=RfpStatus.CLOSED,
    closes_at=NOW,
    drafted_at=NOW,
)
GRADUATED = Pricing(
    (Tier(Decimal(1), price("20")), Tier(Decimal(11), price("17")), Tier(Decimal(21), price("15"))),
    TiersApply.GRADUATED,
)
"""23 units cost 10 x 20 + 10 x 17 + 3 x 15 = 415.00, on average 18.0435 (18.04347…)."""


def choice(vendor_id: PartyId | None = None, reason: str | None = None) -> Choice:
    return Choice(award_id=AWARD_ID, vendor_id=vendor_id, reason=reason)


COURSE = Course(standstill=STANDSTILL)


def part(
    chosen: Choice,
    *,
    lot: Lot = LOT,
    rankings: Rankings = SEALED_ONLY,
    shares: Sequence[Share] = SHARES,
    pricing: Pricing | None = None,
) -> Part:
    winner = winner_of(chosen, rankings.deciding)
    return whole_lot(Pooled(lot=lot, shares=shares), winner, pricing)


def intent(
    chosen: Choice,
    *,
    lot: Lot = LOT,
    rankings: Rankings = SEALED_ONLY,
    won: Part | None = None,
) -> Decision[LotAwards]:
    won = won or part(chosen, lot=lot, rankings=rankings)
    verdict = Verdict(by="buyer 1", reason=chosen.reason)
    return decide(lot, verdict, [(AWARD_ID, won)], rankings=rankings, course=COURSE, now=NOW)


def made(
    standing: LotAwards, *, won: Part | None = None, now: datetime = NOW + STANDSTILL
) -> Decision[LotAwards]:
    lines = (won or part(choice())).lines
    numbered = [(AwardLineId(UUID(int=number)), line) for number, line in enumerate(lines)]
    return decide_due(standing, COURSE, {AWARD_ID: numbered}, {AWARD_ID: "Dairy"}, now=now)


def told_bidders(facts: Sequence[Any]) -> list[AwardNoticed]:
    assert all(isinstance(fact, AwardNoticed) for fact in facts)
    return list(facts)


def half_even(dividend: int, divisor: int) -> int:
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest + quotient % 2 > divisor)


def test_best_is_intended_and_its_ranking_goes_onto_the_chain() -> None:
    decision = intent(choice())

    award = decision.state.awards[0]
    assert (award.vendor_id, award.price, award.total) == (BEST, price("0.25"), Money(10500, USD))
    assert (award.quantity, award.standstill_ends_at) == (Decimal(420), NOW + STANDSTILL)
    assert decision.state.lot.status is LotStatus.INTENDED
    decided, told, *noticed = decision.facts
    assert isinstance(decided, LotDecided)
    assert isinstance(told, AwardIntended)
    assert not decided.by_auction
    assert [(each.vendor_id, each.is_winner, each.rank) for each in told_bidders(noticed)] == [
        (BEST, True, 1),
        (SECOND, False, 2),
        (THIRD, False, 3),
    ]
    assert [(place.vendor_id, place.unit_price) for place in decided.ranking] == [
        (BEST, "0.25"),
        (SECOND, "0.28"),
        (THIRD, "0.30"),
    ]


def test_best_may_be_named_without_a_reason() -> None:
    assert intent(choice(BEST)).state.awards[0].vendor_id == BEST


def test_auctions_ranking_decides_where_one_was_held() -> None:
    rankings = Rankings(SEALED, (Bidder(THIRD, 1, price("0.20")), Bidder(BEST, 2, price("0.24"))))

    decision = intent(choice(), rankings=rankings)

    assert (decision.state.awards[0].vendor_id, decision.state.awards[0].price) == (
        THIRD,
        price("0.20"),
    )
    with pytest.raises(BidderUnknown):
        intent(choice(SECOND, "why"), rankings=rankings)


@pytest.mark.parametrize("reason", [None, "", " \n"])
def test_another_than_the_best_needs_a_reason(reason: str | None) -> None:
    with pytest.raises(ReasonMissing):
        intent(choice(SECOND, reason))

    assert intent(choice(SECOND, "The best is insolvent.")).state.awards[0].vendor_id == SECOND


def test_vendor_outside_the_ranking_cannot_be_intended() -> None:
    with pytest.raises(BidderUnknown):
        intent(choice(NORTH, "why"))


def test_lot_without_opened_bids_cannot_be_intended() -> None:
    with pytest.raises(BidsMissing):
        intent(choice(), rankings=Rankings(()))


@pytest.mark.parametrize("status", [status for status in LotStatus if status != "evaluated"])
def test_lot_in_any_other_state_is_neither_intended_nor_ended(
    status: LotStatus,
) -> None:
    lot = replace(LOT, status=status)

    with pytest.raises(LotNotEvaluated):
        intent(choice(), lot=lot)
    with pytest.raises(LotNotEvaluated):
        decide_no_award(lot, "why")


def test_award_is_made_at_the_end_of_its_standstill_and_not_before() -> None:
    standing = intent(choice()).state

    early = made(standing, now=NOW + STANDSTILL - timedelta(microseconds=1))
    due = made(standing, now=NOW + STANDSTILL)

    assert (early.state, early.facts) == (standing, ())
    assert due.state.awards[0].status is AwardStatus.MADE
    assert due.state.lot.status is LotStatus.AWARDED
    assert [type(fact) for fact in due.facts] == [AwardMade, AwardLineMade, AwardLineMade]


def test_award_is_made_once() -> None:
    final = made(intent(choice()).state).state

    assert made(final).facts == ()


def test_award_of_a_lot_that_was_cancelled_is_not_made() -> None:
    standing = intent(choice()).state
    cancelled = replace(standing, lot=replace(standing.lot, status=LotStatus.CANCELLED))

    assert made(cancelled).facts == ()


@pytest.mark.parametrize(
    "changed", [{"total": Money(10501, USD)}, {"quantity": Decimal("420.001")}]
)
def test_award_whose_lines_do_not_add_up_is_a_defect(changed: dict[str, Any]) -> None:
    standing = intent(choice()).state
    award = replace(standing.awards[0], **changed)

    with pytest.raises(ValueError, match="do not add up"):
        made(replace(standing, awards=(award,)))


def test_line_tells_total_baseline_and_saving() -> None:
    _, north, south = made(intent(choice()).state).facts

    assert isinstance(north, AwardLineMade)
    assert isinstance(south, AwardLineMade)
    assert (north.member_id, north.total, north.baseline_total, north.saving) == (
        NORTH,
        "75.00",
        "93.00",
        "18.00",
    )
    assert (south.member_id, south.total, south.baseline_total, south.saving) == (
        SOUTH,
        "30.00",
        None,
        None,
    )
    assert (north.vendor_name, north.lot_title, north.quantity) == (
        "Dairy",
        "Whole milk",
        Decimal(300),
    )


def test_members_shares_make_one_line_rounded_once_on_their_sum() -> None:
    half = Share(member_id=NORTH, quantity=Decimal("0.5"), baseline=price("0.01"))

    (line,) = lines_of(Decimal("1.5"), price("0.01"), [half, half, half])

    # Each share alone is 0.005, which rounds half-even to 0.00; their sum of 0.015 is 0.02.
    assert (line.quantity, line.total) == (Decimal("1.5"), Money(2, USD))
    assert (line.baseline_total, line.saving) == (Money(0, USD), Money(-2, USD))


def test_line_has_no_saving_if_one_share_has_no_baseline() -> None:
    known = Share(member_id=NORTH, quantity=Decimal(1), baseline=price("1"))

    (line,) = lines_of(Decimal(2), price("0.5"), [known, replace(known, baseline=None)])

    assert (line.baseline_total, line.saving) == (None, None)


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 10**9)).map(
            lambda pair: Share(
                member_id=PartyId(UUID(int=pair[0])),
                quantity=Decimal(pair[1]).scaleb(-3),
                baseline=None,
            )
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 10**8),
)
def test_award_always_is_the_sum_of_its_lines(shares: list[Share], e4: int) -> None:
    best = Bidder(BEST, 1, UnitPrice(e4, USD))
    lot = replace(LOT, quantity=sum((share.quantity for share in shares), Decimal(0)))

    won = part(choice(), lot=lot, rankings=Rankings((best,)), shares=shares)
    award = intent(choice(), lot=lot, won=won).state.awards[0]

    lines = won.lines
    thousandths = {share.member_id: 0 for share in shares}
    for share in shares:
        thousandths[share.member_id] += int(share.quantity * 1000)
    cents = {member: half_even(e4 * count, 10**5) for member, count in thousandths.items()}
    assert {line.member_id: line.total.minor for line in lines} == cents
    assert award.total.minor == sum(cents.values())
    assert award.quantity * 1000 == sum(thousandths.values())


def test_lot_of_another_rule_than_the_sum_is_split_by_what_was_asked() -> None:
    seats = [
        Share(member_id=NORTH, quantity=Decimal(50), baseline=price("30")),
        Share(member_id=SOUTH, quantity=Decimal(15), baseline=None),
        Share(member_id=BEST, quantity=Decimal(30), baseline=None),
    ]
    sessions = replace(LOT, quantity=Decimal(5))

    won = part(choice(), lot=sessions, shares=seats)
    award = intent(choice(), lot=sessions, won=won).state.awards[0]
    lines = lines_of(award.quantity, price("1000"), seats)

    # 95 seats make 5 sessions of 20; 30, 50 and 15 of 95 parts of 5.000 and of 5,000.00.
    assert (award.quantity, award.total) == (Decimal(5), Money(125, USD))
    assert [(line.member_id, line.quantity, line.total.minor) for line in lines] == [
        (BEST, Decimal("1.579"), 157895),
        (NORTH, Decimal("2.632"), 263158),
        (SOUTH, Decimal("0.789"), 78947),
    ]
    assert lines[1].baseline_total == Money(150_000, USD)


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=8),
    st.integers(1, 10**9),
    st.integers(1, 10**8),
    st.sampled_from(TiersApply),
)
@example(thousandths=[1000, 1000, 1000], whole=2000, e4=3333, apply=TiersApply.ALL_UNITS)
def test_award_of_any_rule_and_any_bid_can_be_made_from_its_lines(
    thousandths: list[int], whole: int, e4: int, apply: TiersApply
) -> None:
    shares = [
        Share(member_id=PartyId(UUID(int=place)), quantity=Decimal(each).scaleb(-3), baseline=None)
        for place, each in enumerate(thousandths)
    ]
    lot = replace(LOT, quantity=Decimal(whole).scaleb(-3))
    steps = (Tier(Decimal(0), UnitPrice(e4 + 7, USD)), Tier(Decimal(2), UnitPrice(e4, USD)))
    pricing = Pricing(steps, apply)
    exact_e4 = pricing.exact_e4(lot.quantity)
    assert exact_e4 is not None
    best = Rankings((Bidder(BEST, 1, UnitPrice(round(exact_e4), USD)),))

    won = part(choice(), lot=lot, rankings=best, shares=shares, pricing=pricing)
    final = made(intent(choice(), lot=lot, rankings=best, won=won).state, won=won).state

    assert final.awards[0].status is AwardStatus.MADE
    assert sum(line.quantity for line in won.lines) * 1000 == whole
    assert final.awards[0].total.minor == sum(line.total.minor for line in won.lines)


def test_graduated_bid_costs_its_tiers_and_not_its_average() -> None:
    shares = [
        Share(member_id=NORTH, quantity=Decimal(20), baseline=None),
        Share(member_id=SOUTH, quantity=Decimal(1_000_003), baseline=None),
    ]

    few = graduated_cost(GRADUATED, Decimal(23), price("18.0435"))
    cost = graduated_cost(GRADUATED, Decimal(1_000_023), price("15.0001"))
    lines = lines_of(Decimal(1_000_023), price("15.0001"), shares, cost=cost)

    # 370 for the first twenty, 15 for each of the rest; by the average it would be 15,000,445.00.
    assert (few, cost) == (Money(41_500, USD), Money(1_500_041_500, USD))
    assert [line.total.minor for line in lines] == [30_000, 1_500_011_500]


def test_price_that_holds_for_every_unit_has_no_cost_of_its_own() -> None:
    improved = graduated_cost(GRADUATED, Decimal(23), price("18.0434"))
    all_units = graduated_cost(
        replace(GRADUATED, apply=TiersApply.ALL_UNITS), Decimal(23), price("15")
    )
    alone = graduated_cost(one_price(price("0.25")), Decimal(23), price("0.25"))

    assert (improved, all_units, alone) == (None, None, None)


def test_exact_cost_is_rounded_half_even_in_the_currencys_own_digits() -> None:
    yen = Currency("JPY")
    steps = (Tier(Decimal(1), UnitPrice(5_000, yen)), Tier(Decimal(2), UnitPrice(10_000, yen)))
    pricing = Pricing(steps, TiersApply.GRADUATED)

    costs = [
        graduated_cost(pricing, quantity, UnitPrice(average_e4, yen))
        for quantity, average_e4 in ((Decimal(2), 7_500), (Decimal(3), 8_333))
    ]

    # 0.5 + 1 = 1.5 and 0.5 + 2 = 2.5 yen.
    assert costs == [Money(2, yen), Money(2, yen)]


def test_lot_with_fewer_bids_than_the_terms_ask_for_is_not_awarded() -> None:
    three, four = (replace(RFP, terms=Terms(bids_min=least)) for least in (3, 4))

    require_awardable(three, SEALED_ONLY, now=NOW)
    with pytest.raises(BidsTooFew) as refused:
        require_awardable(four, SEALED_ONLY, now=NOW)

    assert refused.value.details == {"bids_min": 4, "bids_opened": 3}


def test_bids_are_counted_as_they_were_opened_and_not_as_an_auction_left_them() -> None:
    rankings = Rankings(SEALED, SEALED[:1])

    require_awardable(replace(RFP, terms=Terms(bids_min=3)), rankings, now=NOW)


def test_award_is_possible_from_the_beginning_of_its_first_day_and_not_before() -> None:
    rfp = replace(RFP, earliest_award_on=date(2027, 3, 16), earliest_award_at=NOW)

    require_awardable(rfp, SEALED_ONLY, now=NOW)
    with pytest.raises(
        AwardTooEarly, match="erate, no lot is awarded before 2027-03-16"
    ) as refused:
        require_awardable(rfp, SEALED_ONLY, now=NOW - timedelta(microseconds=1))

    assert refused.value.details == {"earliest_award_on": "2027-03-16"}
