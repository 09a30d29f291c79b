"""The gate, the versions of a bid, the close and the unsealing, as pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import pytest

from services.bids.domain.bids import (
    Bid,
    BidFiled,
    BidLate,
    BidUnknown,
    BidWithdrawn,
    BidWithdrawnAlready,
    Filing,
    Gate,
    LotNotOpen,
    decide_filing,
)
from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import (
    BidFailed,
    BidFailure,
    Opening,
    OpeningClosed,
    OpeningStatus,
    UnsealedBid,
    decide_close,
    decide_unseal,
    lot_evaluated,
)
from shared.domain import merkle
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice
from shared.events.bids import BidsUnsealed
from shared.sealing import generate_key_pair

USD = Currency("USD")
CLOSES_AT = datetime(2027, 3, 15, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
OPENING_ID = OpeningId(UUID(int=1))
LOT_ID = LotId(UUID(int=2))
VENDOR_ID = PartyId(UUID(int=3))
BID_ID = BidId(UUID(int=5))
KEYS, OPENER = generate_key_pair(), generate_key_pair()

GATE = Gate(
    opening_id=OPENING_ID,
    lot_id=LOT_ID,
    lot_status=LotStatus.OPEN,
    status=OpeningStatus.SEALED,
    closes_at=CLOSES_AT,
    currency=USD,
    quantity=Decimal(420),
    public_key=KEYS.public,
)

FILING = Filing(
    version_id=UUID(int=6),
    opening_id=OPENING_ID,
    lot_id=LOT_ID,
    vendor_id=VENDOR_ID,
    received_at=CLOSES_AT - MICROSECOND,
    sealed=b"sealed",
)

OPENING = Opening(
    id=OPENING_ID,
    rfp_id=RfpId(UUID(int=7)),
    buyer_id=PartyId(UUID(int=8)),
    status=OpeningStatus.CLOSED,
    closes_at=CLOSES_AT,
    public_key=KEYS.public,
    merkle_root=bytes(32),
    opener_key=OPENER.public,
)
SEALED = replace(OPENING, status=OpeningStatus.SEALED)


def filed(bid: Bid | None = None) -> Bid:
    return decide_filing(GATE, bid, FILING, new_bid_id=BID_ID).state


def unsealed(outcome: UnitPrice | BidFailure, number: int) -> UnsealedBid:
    return UnsealedBid(
        bid_id=BidId(UUID(int=number)),
        lot_id=LOT_ID,
        vendor_id=VENDOR_ID,
        version=1,
        received_at=CLOSES_AT,
        log_index=number,
        outcome=outcome,
    )


def test_gate_admits_until_a_microsecond_before_the_close() -> None:
    GATE.admit(CLOSES_AT - MICROSECOND)

    with pytest.raises(BidLate):
        GATE.admit(CLOSES_AT)


@pytest.mark.parametrize("status", [OpeningStatus.CLOSED, OpeningStatus.UNSEALED])
def test_gate_that_was_shut_admits_nothing_though_received_in_time(
    status: OpeningStatus,
) -> None:
    with pytest.raises(BidLate):
        replace(GATE, status=status, lot_status=LotStatus.CLOSED).admit(CLOSES_AT - MICROSECOND)


def test_gate_of_a_cancelled_opening_says_that_the_lot_is_not_open() -> None:
    gate = replace(GATE, status=OpeningStatus.CANCELLED, lot_status=LotStatus.CANCELLED)

    with pytest.raises(LotNotOpen):
        gate.admit(CLOSES_AT)


def test_gate_of_a_cancelled_lot_alone_admits_nothing() -> None:
    with pytest.raises(LotNotOpen):
        replace(GATE, lot_status=LotStatus.CANCELLED).admit(CLOSES_AT - MICROSECOND)


def test_late_filing_is_refused_when_it_is_decided_too() -> None:
    with pytest.raises(BidLate):
        decide_filing(GATE, None, replace(FILING, received_at=CLOSES_AT), new_bid_id=BID_ID)


def test_first_filing_makes_version_1_under_the_new_id() -> None:
    decision = decide_filing(GATE, None, FILING, new_bid_id=BID_ID)

    assert (decision.state.id, decision.state.latest_version) == (BID_ID, 1)
    assert decision.facts == (
        BidFiled(
            bid_id=BID_ID,
            lot_id=LOT_ID,
            version=1,
            sealed_sha256=sha256(b"sealed").hexdigest(),
            received_at=FILING.received_at,
        ),
    )


def test_next_filing_replaces_under_the_first_id() -> None:
    decision = decide_filing(GATE, filed(), FILING, new_bid_id=BidId(UUID(int=99)))

    assert (decision.state.id, decision.state.latest_version) == (BID_ID, 2)


def test_withdrawal_is_a_version_of_its_own_and_filing_again_undoes_it() -> None:
    withdrawal = replace(FILING, sealed=None)

    withdrawn = decide_filing(GATE, filed(), withdrawal, new_bid_id=BID_ID)
    again = decide_filing(GATE, withdrawn.state, FILING, new_bid_id=BID_ID)

    assert (withdrawn.state.latest_version, withdrawn.state.is_withdrawn) == (2, True)
    assert isinstance(withdrawn.facts[0], BidWithdrawn)
    assert (again.state.latest_version, again.state.is_withdrawn) == (3, False)


def test_nothing_and_what_was_withdrawn_cannot_be_withdrawn() -> None:
    withdrawal = replace(FILING, sealed=None)
    withdrawn = decide_filing(GATE, filed(), withdrawal, new_bid_id=BID_ID).state

    with pytest.raises(BidUnknown):
        decide_filing(GATE, None, withdrawal, new_bid_id=BID_ID)
    with pytest.raises(BidWithdrawnAlready):
        decide_filing(GATE, withdrawn, withdrawal, new_bid_id=BID_ID)


def test_facts_of_a_filing_name_no_vendor() -> None:
    decision = decide_filing(GATE, None, FILING, new_bid_id=BID_ID)

    assert str(VENDOR_ID) not in str(decision.facts)


def test_close_publishes_root_and_count() -> None:
    hashes = [sha256(bytes([number])).digest() for number in range(3)]

    decision = decide_close(SEALED, hashes, due_by=CLOSES_AT, now=CLOSES_AT)

    assert decision.state.status is OpeningStatus.CLOSED
    assert decision.facts == (
        OpeningClosed(merkle_root=merkle.root(hashes).hex(), bids=3, closed_at=CLOSES_AT),
    )


def test_close_without_bids_publishes_the_root_of_the_empty_tree() -> None:
    decision = decide_close(SEALED, [], due_by=CLOSES_AT, now=CLOSES_AT)

    assert decision.state.merkle_root == sha256(b"").digest()


def test_opening_is_closed_at_its_deadline_and_not_a_microsecond_before() -> None:
    early = decide_close(SEALED, [], due_by=CLOSES_AT - MICROSECOND, now=CLOSES_AT)
    due = decide_close(SEALED, [], due_by=CLOSES_AT, now=CLOSES_AT)

    assert (early.state, early.facts) == (SEALED, ())
    assert due.state.status is OpeningStatus.CLOSED


def test_unsealing_tells_the_counts_and_records_each_failure() -> None:
    bids = [
        unsealed(UnitPrice(2500, USD), 1),
        unsealed(BidFailure.SEAL_BROKEN, 2),
        unsealed(UnitPrice(3000, USD), 3),
    ]

    decision = decide_unseal(OPENING, bids, CLOSES_AT)

    failed, event = decision.facts
    assert isinstance(failed, BidFailed)
    assert (failed.bid_id, failed.failure) == (BidId(UUID(int=2)), BidFailure.SEAL_BROKEN)
    assert isinstance(event, BidsUnsealed)
    assert (event.opened, event.failed) == (2, 1)
    assert decision.state.status is OpeningStatus.UNSEALED
    evaluated = lot_evaluated(OPENING_ID, bids)
    assert (evaluated.opened, evaluated.failed) == (2, 1)


def test_opening_never_shows_a_key_when_printed() -> None:
    assert repr(OPENER.public) not in repr(OPENING)
    assert repr(KEYS.public) not in repr(OPENING)
