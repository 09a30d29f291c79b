"""Winners, lines that add up, and what happens to a lot at auction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.auctioning import (
    AuctionHeldAlready,
    AuctionPlan,
    Bidder,
    BiddersTooFew,
    Handicap,
    HandicapUnknown,
    LotNotEvaluated,
    Rankings,
    decide_auction,
    decide_cancelled,
    decide_closed,
    decide_refused,
    decide_scheduled,
    standing_of,
)
from services.bids.domain.awards import (
    Award,
    AwardLineId,
    AwardStatus,
    BidderUnknown,
    BidsMissing,
    Choice,
    LotAward,
    LotDecided,
    ReasonMissing,
    Share,
    decide_intent,
    decide_made,
    decide_no_award,
    lines_of,
)
from services.bids.domain.lots import Lot, LotStatus
from shared.domain.facts import Decision
from shared.domain.ids import AwardId, LotId, PartyId, RfpId
from shared.domain.money import Currency, Money, UnitPrice
from shared.events.auctions import (
    AuctionCancelled,
    AuctionClosed,
    AuctionRefused,
    AuctionScheduled,
    FinalOffer,
)
from shared.events.bids import (
    AuctionRules,
    AwardIntended,
    AwardLineMade,
    AwardMade,
    PriceFactor,
)

USD = Currency("USD")
NOW = datetime(2027, 3, 16, 12, tzinfo=UTC)
STANDSTILL = timedelta(days=10)
AWARD_ID = AwardId(UUID(int=1))
LOT_ID = LotId(UUID(int=2))
AUCTION_ID = UUID(int=3)
BUYER_ID = PartyId(UUID(int=4))
RFP_ID = RfpId(UUID(int=5))
BEST, SECOND, THIRD = (PartyId(UUID(int=number)) for number in (11, 12, 13))
NORTH, SOUTH = (PartyId(UUID(int=number)) for number in (21, 22))

LOT = Lot(
    id=LOT_ID,
    rfp_id=RFP_ID,
    buyer_id=BUYER_ID,
    number=1,
    title="Whole milk",
    category="goods",
    item_code="50131701",
    specification="half pint",
    unit="each",
    term_months=12,
    delivery_area="",
    quantity=Decimal(420),
    currency=USD,
    status=LotStatus.EVALUATED,
)


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


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
PLAN = AuctionPlan(
    opens_at=NOW,
    closes_at=NOW + timedelta(hours=1),
    rules=AuctionRules(
        format="english",
        step="0.0010",
        step_against="own",
        soft_close_window_s=120,
        soft_close_extension_s=120,
        extensions_max=10,
        show_rank="own",
        show_lead="never",
    ),
)


def choice(vendor_id: PartyId | None = None, reason: str | None = None) -> Choice:
    return Choice(award_id=AWARD_ID, vendor_id=vendor_id, reason=reason)


def intent(
    chosen: Choice, *, lot: Lot = LOT, rankings: Rankings = SEALED_ONLY
) -> Decision[LotAward]:
    return decide_intent(
        lot, chosen, rankings=rankings, shares=SHARES, standstill=STANDSTILL, now=NOW
    )


def made(standing: LotAward, *, now: datetime = NOW + STANDSTILL) -> Decision[LotAward]:
    lines = lines_of(SHARES, standing.award.price)
    numbered = [(AwardLineId(UUID(int=number)), line) for number, line in enumerate(lines)]
    return decide_made(standing, numbered, "Dairy", now=now)


def auction(
    rankings: Rankings, *, lot: Lot = LOT, handicaps: Mapping[PartyId, Handicap] | None = None
) -> Any:
    draw = list(range(len(rankings.sealed)))[::-1]
    plan = replace(PLAN, handicaps=handicaps or {})
    return decide_auction(lot, plan, rankings=rankings, policy_profile="open", draw=draw)


def named() -> dict[str, Any]:
    return {"lot_id": LOT_ID, "rfp_id": RFP_ID, "buyer_id": BUYER_ID}


def closed(currency: str = "USD") -> AuctionClosed:
    return AuctionClosed(
        auction_id=AUCTION_ID,
        currency=currency,
        closed_at=NOW,
        offers=5,
        ranking=(
            FinalOffer(vendor_id=BEST, rank=2, unit_price="0.24"),
            FinalOffer(vendor_id=THIRD, rank=1, unit_price="0.2"),
        ),
        **named(),
    )


def half_even(dividend: int, divisor: int) -> int:
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest + quotient % 2 > divisor)


def test_best_is_intended_and_its_ranking_goes_onto_the_chain() -> None:
    decision = intent(choice())

    award = decision.state.award
    assert (award.vendor_id, award.price, award.total) == (BEST, price("0.25"), Money(10500, USD))
    assert (award.quantity, award.standstill_ends_at) == (Decimal(420), NOW + STANDSTILL)
    assert decision.state.lot.status is LotStatus.INTENDED
    decided, told = decision.facts
    assert isinstance(decided, LotDecided)
    assert isinstance(told, AwardIntended)
    assert not decided.by_auction
    assert [(place.vendor_id, place.unit_price) for place in decided.ranking] == [
        (BEST, "0.25"),
        (SECOND, "0.28"),
        (THIRD, "0.30"),
    ]


def test_best_may_be_named_without_a_reason() -> None:
    assert intent(choice(BEST)).state.award.vendor_id == BEST


def test_auctions_ranking_decides_where_one_was_held() -> None:
    rankings = Rankings(SEALED, (Bidder(THIRD, 1, price("0.20")), Bidder(BEST, 2, price("0.24"))))

    decision = intent(choice(), rankings=rankings)

    assert (decision.state.award.vendor_id, decision.state.award.price) == (THIRD, price("0.20"))
    with pytest.raises(BidderUnknown):
        intent(choice(SECOND, "why"), rankings=rankings)


@pytest.mark.parametrize("reason", [None, "", " \n"])
def test_another_than_the_best_needs_a_reason(reason: str | None) -> None:
    with pytest.raises(ReasonMissing):
        intent(choice(SECOND, reason))

    assert intent(choice(SECOND, "The best is insolvent.")).state.award.vendor_id == SECOND


def test_vendor_outside_the_ranking_cannot_be_intended() -> None:
    with pytest.raises(BidderUnknown):
        intent(choice(NORTH, "why"))


def test_lot_without_opened_bids_cannot_be_intended() -> None:
    with pytest.raises(BidsMissing):
        intent(choice(), rankings=Rankings(()))


@pytest.mark.parametrize("status", [status for status in LotStatus if status != "evaluated"])
def test_lot_in_any_other_state_is_neither_intended_nor_auctioned_nor_ended(
    status: LotStatus,
) -> None:
    lot = replace(LOT, status=status)

    with pytest.raises(LotNotEvaluated):
        intent(choice(), lot=lot)
    with pytest.raises(LotNotEvaluated):
        auction(Rankings(SEALED), lot=lot)
    with pytest.raises(LotNotEvaluated):
        decide_no_award(lot, "why")


def test_award_is_made_at_the_end_of_its_standstill_and_not_before() -> None:
    standing = intent(choice()).state

    early = made(standing, now=NOW + STANDSTILL - timedelta(microseconds=1))
    due = made(standing, now=NOW + STANDSTILL)

    assert (early.state, early.facts) == (standing, ())
    assert due.state.award.status is AwardStatus.MADE
    assert due.state.lot.status is LotStatus.AWARDED
    assert [type(fact) for fact in due.facts] == [AwardMade, AwardLineMade, AwardLineMade]


def test_award_is_made_once() -> None:
    final = made(intent(choice()).state).state

    assert made(final).facts == ()


def test_award_of_a_lot_that_was_cancelled_is_not_made() -> None:
    standing = intent(choice()).state
    cancelled = LotAward(replace(standing.lot, status=LotStatus.CANCELLED), standing.award)

    assert made(cancelled).facts == ()


@pytest.mark.parametrize(
    "changed", [{"total": Money(10501, USD)}, {"quantity": Decimal("420.001")}]
)
def test_award_whose_lines_do_not_add_up_is_a_defect(changed: dict[str, Any]) -> None:
    standing = intent(choice()).state
    award: Award = replace(standing.award, **changed)

    with pytest.raises(ValueError, match="do not add up"):
        made(LotAward(standing.lot, award))


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

    (line,) = lines_of([half, half, half], price("0.01"))

    # Each share alone is 0.005, which rounds half-even to 0.00; their sum of 0.015 is 0.02.
    assert (line.quantity, line.total) == (Decimal("1.5"), Money(2, USD))
    assert (line.baseline_total, line.saving) == (Money(0, USD), Money(-2, USD))


def test_line_has_no_saving_if_one_share_has_no_baseline() -> None:
    known = Share(member_id=NORTH, quantity=Decimal(1), baseline=price("1"))

    (line,) = lines_of([known, replace(known, baseline=None)], price("0.5"))

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

    award = decide_intent(
        LOT,
        choice(),
        rankings=Rankings((best,)),
        shares=shares,
        standstill=STANDSTILL,
        now=NOW,
    ).state.award

    lines = lines_of(shares, best.price)
    thousandths = {share.member_id: 0 for share in shares}
    for share in shares:
        thousandths[share.member_id] += int(share.quantity * 1000)
    cents = {member: half_even(e4 * count, 10**5) for member, count in thousandths.items()}
    assert {line.member_id: line.total.minor for line in lines} == cents
    assert award.total.minor == sum(cents.values())
    assert award.quantity * 1000 == sum(thousandths.values())


def test_auction_is_requested_under_the_aliases_that_were_drawn() -> None:
    decision = auction(Rankings(SEALED))

    assert decision.lot.status is LotStatus.AUCTIONING
    assert [
        (vendor.alias, vendor.vendor_id, vendor.opening_price)
        for vendor in decision.request.vendors
    ] == [("Bidder 3", BEST, "0.25"), ("Bidder 2", SECOND, "0.28"), ("Bidder 1", THIRD, "0.30")]
    assert decision.fact.vendors == 3
    assert str(BEST) not in str(decision.fact)


def test_auction_carries_each_vendors_own_handicap_and_refuses_a_strangers() -> None:
    factor = PriceFactor(percent="5", addend="2", bonus="0")

    request = auction(Rankings(SEALED), handicaps={SECOND: Handicap(factor)}).request

    assert [vendor.factor for vendor in request.vendors] == [None, factor, None]
    with pytest.raises(HandicapUnknown):
        auction(Rankings(SEALED), handicaps={PartyId(uuid4()): Handicap(factor)})


@pytest.mark.parametrize("bidders", [0, 1])
def test_auction_needs_two_bidders(bidders: int) -> None:
    with pytest.raises(BiddersTooFew):
        auction(Rankings(SEALED[:bidders]))

    assert len(auction(Rankings(SEALED[:2])).request.vendors) == 2


def test_auction_is_held_once() -> None:
    with pytest.raises(AuctionHeldAlready):
        auction(Rankings(SEALED, SEALED))


def test_every_outcome_gives_a_lot_at_auction_back() -> None:
    lot = replace(LOT, status=LotStatus.AUCTIONING)
    refused = AuctionRefused(reasons=("too soon",), **named())
    cancelled = AuctionCancelled(auction_id=AUCTION_ID, reason="power cut", **named())

    for decision in (
        decide_refused(lot, refused),
        decide_cancelled(lot, cancelled),
        decide_closed(lot, closed()),
    ):
        assert decision.state.status is LotStatus.EVALUATED
        assert len(decision.facts) == 1


@pytest.mark.parametrize("status", [status for status in LotStatus if status != "auctioning"])
def test_outcomes_leave_a_lot_alone_that_is_not_at_auction(status: LotStatus) -> None:
    lot = replace(LOT, status=status)
    scheduled = AuctionScheduled(auction_id=AUCTION_ID, opens_at=NOW, closes_at=NOW, **named())

    decisions = (
        decide_scheduled(lot, scheduled),
        decide_refused(lot, AuctionRefused(reasons=(), **named())),
        decide_cancelled(lot, AuctionCancelled(auction_id=AUCTION_ID, reason="", **named())),
        decide_closed(lot, closed()),
    )

    assert [(decision.state, decision.facts) for decision in decisions] == [(lot, ())] * 4


def test_final_standing_is_read_best_first() -> None:
    assert standing_of(closed()) == (
        Bidder(THIRD, 1, price("0.20")),
        Bidder(BEST, 2, price("0.24")),
    )


def test_auction_in_another_currency_is_a_defect() -> None:
    with pytest.raises(ValueError, match="another currency"):
        decide_closed(replace(LOT, status=LotStatus.AUCTIONING), closed("EUR"))
