"""Taking an opened bid back for a clerical error, by the rule of each policy profile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest

from services.bids.domain.auctioning import LotNotEvaluated
from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.policy import Profile
from services.bids.domain.scoring.cascade import BidDisqualified, BidUnscored
from services.bids.domain.withdrawals import (
    ClaimDecided,
    ClaimId,
    ClericalMistake,
    MistakeNotClerical,
    NewClaim,
    OpenedBid,
    WithdrawalBarred,
    WithdrawalClaimed,
    WithdrawalClaimUnknown,
    WithdrawalJudged,
    WithdrawalLate,
    WithdrawalSought,
    WithdrawalUndecided,
    WithdrawalUnfounded,
    Withdrawing,
    decide_claim,
    decide_withdrawal,
    refuse_pending,
)
from services.bids.store.profiles import read_profiles
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from shared.domain.money import Currency

BOOK: Final = read_profiles()
OHIO: Final = BOOK.find("ohio_9_31")
NEW_YORK: Final = BOOK.find("new_york_gml")

FRIDAY: Final = datetime(2027, 3, 5, 20, tzinfo=UTC)
"""Three in the afternoon in New York and in Ohio, where summer time has not begun."""

SATURDAY_BEGINS: Final = datetime(2027, 3, 6, 5, tzinfo=UTC)
DAY: Final = timedelta(days=1)
MICROSECOND: Final = timedelta(microseconds=1)

LOT: Final = Lot(
    id=LotId(UUID(int=1)),
    rfp_id=RfpId(UUID(int=2)),
    buyer_id=PartyId(UUID(int=3)),
    number=1,
    title="Milk",
    category="goods",
    item_code="50131701",
    specification="",
    unit="each",
    term_months=12,
    delivery_area="",
    quantity=Decimal(420),
    currency=Currency("USD"),
    status=LotStatus.EVALUATED,
)

BID: Final = OpenedBid(
    lot=LOT,
    bid_id=BidId(UUID(int=4)),
    vendor_id=PartyId(UUID(int=5)),
    price_e4=2000,
    lowest_other_e4=3000,
    unsealed_at=FRIDAY,
    policy_profile="ohio_9_31",
    is_set_aside=False,
    claim=None,
)

NEW: Final = NewClaim(
    id=ClaimId(UUID(int=6)),
    lot_id=LOT.id,
    vendor_id=BID.vendor_id,
    mistake=ClericalMistake.ARITHMETIC_ERROR,
    reason="A column of 0.11 each was not added.",
    evidence_sha256=bytes(32),
)


def claimed(
    bid: OpenedBid = BID,
    new: NewClaim = NEW,
    *,
    profile: Profile = OHIO,
    at: datetime = FRIDAY + DAY,
) -> Withdrawing:
    return decide_claim(bid, new, profile=profile, received_at=at)


def with_claim(bid: OpenedBid = BID) -> OpenedBid:
    return replace(bid, claim=claimed(bid).claim)


def decided(
    bid: OpenedBid, *, is_granted: bool, profile: Profile = OHIO, reason: str = "Shown."
) -> Withdrawing | None:
    return decide_withdrawal(
        bid, is_granted=is_granted, reason=reason, profile=profile, now=FRIDAY + 2 * DAY
    )


def in_status(status: LotStatus, bid: OpenedBid = BID) -> OpenedBid:
    return replace(bid, lot=replace(LOT, status=status))


class TestClaim:
    def test_claim_goes_on_the_chain_without_the_vendors_words_or_name(self) -> None:
        withdrawing = claimed()

        (fact,) = withdrawing.facts
        assert isinstance(fact, WithdrawalSought)
        assert (fact.bid_id, fact.mistake) == (BID.bid_id, ClericalMistake.ARITHMETIC_ERROR)
        assert "0.11" not in f"{fact}{withdrawing.told}{withdrawing.claim!r}"
        assert str(BID.vendor_id) not in str(fact)

    def test_two_working_days_of_ohio_end_with_tuesday_after_a_friday(self) -> None:
        wednesday = SATURDAY_BEGINS + 4 * DAY

        withdrawing = claimed(at=wednesday - MICROSECOND)

        assert withdrawing.claim.claimed_at == wednesday - MICROSECOND
        with pytest.raises(WithdrawalLate, match="2 working days of the opening on 2027-03-05"):
            claimed(at=wednesday)

    def test_three_days_of_new_york_count_the_weekend(self) -> None:
        tuesday = SATURDAY_BEGINS + 3 * DAY

        withdrawing = claimed(profile=NEW_YORK, at=tuesday - MICROSECOND)

        assert withdrawing.claim.is_granted is None
        with pytest.raises(WithdrawalLate) as refused:
            claimed(profile=NEW_YORK, at=tuesday)
        assert refused.value.details["law"] == "New York General Municipal Law 103(11)"

    def test_slip_in_copying_is_clerical_where_only_custom_rules(self) -> None:
        new = replace(NEW, mistake=ClericalMistake.TRANSCRIPTION)

        assert claimed(new=new, profile=BOOK.find("open")).claim.mistake is new.mistake
        with pytest.raises(MistakeNotClerical, match="arithmetic_error, omission"):
            claimed(new=new, profile=OHIO)

    @pytest.mark.parametrize("name", ["rhode_island_37_2_18_1", "texas_44_031"])
    def test_profile_that_forbids_it_or_is_silent_lets_no_bid_be_withdrawn(self, name: str) -> None:
        with pytest.raises(WithdrawalBarred) as refused:
            claimed(profile=BOOK.find(name))

        assert ("source" in refused.value.details) is (name == "rhode_island_37_2_18_1")

    def test_lot_at_auction_takes_a_claim(self) -> None:
        assert claimed(in_status(LotStatus.AUCTIONING)).claim.bid_id == BID.bid_id

    @pytest.mark.parametrize(
        "status", [LotStatus.INTENDED, LotStatus.AWARDED, LotStatus.NO_AWARD, LotStatus.CANCELLED]
    )
    def test_lot_that_is_decided_takes_no_claim(self, status: LotStatus) -> None:
        with pytest.raises(LotNotEvaluated):
            claimed(in_status(status))

    def test_bid_is_claimed_once_and_not_when_it_was_set_aside(self) -> None:
        with pytest.raises(WithdrawalClaimed):
            claimed(with_claim())
        with pytest.raises(BidUnscored):
            claimed(replace(BID, is_set_aside=True))


class TestDecision:
    def test_granted_claim_sets_the_bid_aside(self) -> None:
        withdrawing = decided(with_claim(), is_granted=True)

        assert withdrawing is not None
        judged, out = withdrawing.facts
        assert isinstance(judged, WithdrawalJudged)
        assert isinstance(out, BidDisqualified)
        assert (judged.is_granted, out.bid_id) == (True, BID.bid_id)
        assert out.reason == (
            "Withdrawn by its vendor for a clerical error (arithmetic_error): Shown."
        )

    def test_refused_claim_leaves_the_bid_where_it_is(self) -> None:
        withdrawing = decided(with_claim(), is_granted=False)

        assert withdrawing is not None
        assert [type(fact) for fact in withdrawing.facts] == [WithdrawalJudged]
        assert withdrawing.claim.is_granted is False

    def test_ohio_lets_only_the_lowest_bid_go_and_an_equal_one_is_not_lower(self) -> None:
        equal = with_claim(replace(BID, lowest_other_e4=2000))

        with pytest.raises(WithdrawalUnfounded):
            decided(equal, is_granted=True)
        assert decided(equal, is_granted=False) is not None
        assert decided(replace(equal, lowest_other_e4=2001), is_granted=True) is not None
        assert decided(equal, is_granted=True, profile=NEW_YORK) is not None

    def test_only_bid_of_a_lot_is_the_lowest(self) -> None:
        alone = with_claim(replace(BID, lowest_other_e4=None))

        assert decided(alone, is_granted=True) is not None

    def test_decision_stands_and_the_same_again_changes_nothing(self) -> None:
        withdrawing = decided(with_claim(), is_granted=False)
        assert withdrawing is not None
        after = replace(BID, claim=withdrawing.claim)

        assert decided(after, is_granted=False) is None
        with pytest.raises(ClaimDecided):
            decided(after, is_granted=True)

    def test_nothing_is_decided_unclaimed_at_auction_or_once_the_lot_is(self) -> None:
        with pytest.raises(WithdrawalClaimUnknown):
            decided(BID, is_granted=True)
        for status in (LotStatus.AUCTIONING, LotStatus.INTENDED):
            with pytest.raises(LotNotEvaluated):
                decided(in_status(status, with_claim()), is_granted=True)

    def test_bid_that_was_set_aside_since_cannot_be_withdrawn_too(self) -> None:
        with pytest.raises(BidUnscored):
            decided(replace(with_claim(), is_set_aside=True), is_granted=True)


def test_lot_waits_for_a_claim_that_is_not_decided() -> None:
    refuse_pending(0)

    with pytest.raises(WithdrawalUndecided):
        refuse_pending(1)
