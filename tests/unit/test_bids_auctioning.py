"""What happens to a lot at auction: the request, its answers, and the standing that it leaves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

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
from services.bids.domain.lots import Lot, LotStatus
from shared.domain.ids import PartyId
from shared.events.auctions import (
    AuctionCancelled,
    AuctionClosed,
    AuctionRefused,
    AuctionScheduled,
    FinalOffer,
)
from shared.events.bids import AuctionRules, PriceFactor
from tests.unit.bids_lot import MILK, price

NOW = datetime(2027, 3, 16, 12, tzinfo=UTC)
LOT_ID = MILK.id
AUCTION_ID = UUID(int=3)
BUYER_ID = MILK.buyer_id
RFP_ID = MILK.rfp_id
BEST, SECOND, THIRD = (PartyId(UUID(int=number)) for number in (11, 12, 13))

LOT = MILK


SEALED = (
    Bidder(BEST, 1, price("0.25")),
    Bidder(SECOND, 2, price("0.28")),
    Bidder(THIRD, 3, price("0.30")),
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


@pytest.mark.parametrize("status", [status for status in LotStatus if status != "evaluated"])
def test_lot_in_any_other_state_is_not_auctioned(status: LotStatus) -> None:
    with pytest.raises(LotNotEvaluated):
        auction(Rankings(SEALED), lot=replace(LOT, status=status))


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
