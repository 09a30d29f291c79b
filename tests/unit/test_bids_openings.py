"""The gate, the versions of a bid, the close, and the custodian's share, as pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
    OpenerChanged,
    OpenerKeyStale,
    Opening,
    OpeningClosed,
    OpeningNotClosed,
    OpeningStatus,
    ResealedShareMalformed,
    ShareFault,
    ShareRefused,
    ShareSubmitted,
    UnsealedBid,
    decide_close,
    decide_new_opener,
    decide_refuse_share,
    decide_submit,
    decide_unseal,
    lot_evaluated,
    recover_key,
)
from shared.domain import merkle
from shared.domain.ids import BidId, LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice
from shared.events.bids import BidsUnsealed
from shared.sealing import Share, deal, generate_key_pair, seal_share

USD = Currency("USD")
CLOSES_AT = datetime(2027, 3, 15, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
OPENING_ID = OpeningId(UUID(int=1))
LOT_ID = LotId(UUID(int=2))
VENDOR_ID = PartyId(UUID(int=3))
CUSTODIAN_ID = PartyId(UUID(int=4))
BID_ID = BidId(UUID(int=5))
KEYS, OPENER = generate_key_pair(), generate_key_pair()
SHARE = bytes(82)

GATE = Gate(
    opening_id=OPENING_ID,
    lot_id=LOT_ID,
    lot_status=LotStatus.OPEN,
    status=OpeningStatus.SEALED,
    closes_at=CLOSES_AT,
    currency=USD,
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
    custodian_id=CUSTODIAN_ID,
    status=OpeningStatus.CLOSED,
    closes_at=CLOSES_AT,
    public_key=KEYS.public,
    merkle_root=bytes(32),
    opener_key=OPENER.public,
)


def filed(bid: Bid | None = None) -> Bid:
    return decide_filing(GATE, bid, FILING, new_bid_id=BID_ID).state


def resealed(share: bytes) -> bytes:
    return seal_share(share, OPENER.public, opening_id=OPENING_ID, purpose="opening")


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

    decision = decide_close(replace(OPENING, status=OpeningStatus.SEALED), hashes, CLOSES_AT)

    assert decision.state.status is OpeningStatus.CLOSED
    assert decision.facts == (
        OpeningClosed(merkle_root=merkle.root(hashes).hex(), bids=3, closed_at=CLOSES_AT),
    )


def test_close_without_bids_publishes_the_root_of_the_empty_tree() -> None:
    decision = decide_close(replace(OPENING, status=OpeningStatus.SEALED), [], CLOSES_AT)

    assert decision.state.merkle_root == sha256(b"").digest()


def test_new_opener_voids_the_share_that_was_sealed_to_the_one_before() -> None:
    decision = decide_new_opener(replace(OPENING, submitted_share=SHARE), KEYS.public)

    assert (decision.state.opener_key, decision.state.submitted_share) == (KEYS.public, None)
    (fact,) = decision.facts
    assert isinstance(fact, OpenerChanged)
    assert fact.share_voided


def test_same_opener_changes_nothing() -> None:
    opening = replace(OPENING, submitted_share=SHARE)

    assert decide_new_opener(opening, OPENER.public).state == opening


@pytest.mark.parametrize(
    "status", [OpeningStatus.SEALED, OpeningStatus.UNSEALED, OpeningStatus.CANCELLED]
)
def test_opening_that_is_not_closed_gets_no_opener_and_takes_no_share(
    status: OpeningStatus,
) -> None:
    opening = replace(OPENING, status=status)

    assert decide_new_opener(opening, KEYS.public).facts == ()
    with pytest.raises(OpeningNotClosed):
        decide_submit(opening, opener_key=OPENER.public, share=SHARE)


def test_share_is_taken_and_clears_the_reason_of_the_last_refusal() -> None:
    refused = replace(OPENING, refused_share_reason="key_does_not_match")

    decision = decide_submit(refused, opener_key=OPENER.public, share=SHARE)

    assert decision.state.submitted_share == SHARE
    assert decision.state.refused_share_reason is None
    assert isinstance(decision.facts[0], ShareSubmitted)


@pytest.mark.parametrize("shown", [OPENER.public, None])
def test_share_for_another_openers_key_is_stale(shown: bytes | None) -> None:
    with pytest.raises(OpenerKeyStale):
        decide_submit(replace(OPENING, opener_key=shown), opener_key=KEYS.public, share=SHARE)


@pytest.mark.parametrize("length", [0, 81, 83])
def test_share_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(ResealedShareMalformed):
        decide_submit(OPENING, opener_key=OPENER.public, share=bytes(length))


def test_faulty_share_is_put_aside_with_its_reason() -> None:
    opening = replace(OPENING, submitted_share=SHARE)

    decision = decide_refuse_share(opening, share=SHARE, fault=ShareFault.MISMATCH)

    assert decision.state.submitted_share is None
    assert decision.state.refused_share_reason == "key_does_not_match"
    assert decision.facts == (ShareRefused(custodian_id=CUSTODIAN_ID, reason=ShareFault.MISMATCH),)


def test_share_that_was_submitted_meanwhile_is_not_put_aside() -> None:
    newer = replace(OPENING, submitted_share=bytes(81) + b"\x01")

    decision = decide_refuse_share(newer, share=SHARE, fault=ShareFault.BROKEN)

    assert (decision.state, decision.facts) == (newer, ())


def test_key_is_recovered_from_the_right_share() -> None:
    share = resealed(deal(KEYS.private)[0].to_bytes())

    assert recover_key(replace(OPENING, submitted_share=share), OPENER.private) == KEYS.private


def test_share_of_another_key_does_not_match() -> None:
    share = resealed(deal(generate_key_pair().private)[0].to_bytes())

    recovered = recover_key(replace(OPENING, submitted_share=share), OPENER.private)

    assert recovered is ShareFault.MISMATCH


@pytest.mark.parametrize(
    "share",
    [
        None,
        b"",
        bytes(82),
        seal_share(
            deal(KEYS.private)[0].to_bytes(),
            OPENER.public,
            opening_id=OPENING_ID,
            purpose="custody",
        ),
        resealed(Share(index=1, threshold=2, value=KEYS.private).to_bytes()),
    ],
)
def test_share_that_is_none_is_broken(share: bytes | None) -> None:
    recovered = recover_key(replace(OPENING, submitted_share=share), OPENER.private)

    assert recovered is ShareFault.BROKEN


def test_unsealing_tells_the_counts_and_records_each_failure() -> None:
    bids = [
        unsealed(UnitPrice(2500, USD), 1),
        unsealed(BidFailure.SEAL_BROKEN, 2),
        unsealed(UnitPrice(3000, USD), 3),
    ]

    decision = decide_unseal(replace(OPENING, submitted_share=SHARE), bids, CLOSES_AT)

    failed, event = decision.facts
    assert isinstance(failed, BidFailed)
    assert (failed.bid_id, failed.failure) == (BidId(UUID(int=2)), BidFailure.SEAL_BROKEN)
    assert isinstance(event, BidsUnsealed)
    assert (event.opened, event.failed) == (2, 1)
    assert decision.state.status is OpeningStatus.UNSEALED
    assert decision.state.submitted_share is None
    evaluated = lot_evaluated(OPENING_ID, bids)
    assert (evaluated.opened, evaluated.failed) == (2, 1)


def test_opening_never_shows_a_key_or_share_when_printed() -> None:
    opening = replace(OPENING, submitted_share=SHARE)

    shown = repr(opening)

    assert repr(OPENER.public) not in shown
    assert repr(SHARE) not in shown
