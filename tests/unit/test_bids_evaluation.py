"""Opening single bids, ranking them, and who may see what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.evaluation import Sight, displayed, open_bid, rank_bids, sight_of
from services.bids.domain.lots import LotStatus
from services.bids.domain.openings import BidFailure, SealedBid, UnsealedBid
from shared.domain.bid_content import (
    BidContent,
    ContentMalformed,
    Pricing,
    Tier,
    TiersApply,
    one_price,
    read_content,
    write_content,
)
from shared.domain.bid_forms import BidForm
from shared.domain.ids import BidId, OpeningId, PartyId
from shared.domain.money import Currency, UnitPrice
from shared.sealing import SealContext, generate_key_pair, seal
from tests.unit.bids_lot import MILK, USD, price

EUR = Currency("EUR")
RECEIVED_AT = datetime(2027, 3, 1, 12, tzinfo=UTC)
OPENING_ID = OpeningId(UUID(int=1))
LOT_ID = MILK.id
VENDOR_ID = PartyId(UUID(int=3))
BUYER_ID = MILK.buyer_id
NONCE = bytes(range(32))
KEYS = generate_key_pair()

LOT = MILK


FORM = BidForm(currency=USD, closes_at=RECEIVED_AT + timedelta(days=1), lots={LOT_ID: LOT.quantity})


def bare(unit_price: UnitPrice, *, nonce: bytes = NONCE) -> bytes:
    return write_content(
        BidContent(currency=unit_price.currency, nonce=nonce, pricing=one_price(unit_price))
    )


def sealed_bid(content: bytes) -> SealedBid:
    context = SealContext(
        opening_id=OPENING_ID,
        lot_id=LOT_ID,
        vendor_id=VENDOR_ID,
        bid_version_id=UUID(int=9),
    )
    sealed = seal(content, KEYS.public, context)
    return SealedBid(
        bid_id=BidId(UUID(int=8)),
        lot_id=LOT_ID,
        vendor_id=VENDOR_ID,
        version_id=UUID(int=9),
        version=1,
        received_at=RECEIVED_AT,
        log_index=1,
        sealed_sha256=sha256(sealed).digest(),
        sealed=sealed,
    )


def outcome_of(bid: SealedBid) -> UnitPrice | BidFailure:
    opened = open_bid(bid, opening_id=OPENING_ID, form=FORM, private_key=KEYS.private)
    return opened.outcome


def unsealed(
    outcome: UnitPrice | BidFailure, *, number: int = 1, late_us: int = 0, log_index: int = 1
) -> UnsealedBid:
    return UnsealedBid(
        bid_id=BidId(UUID(int=100 + number)),
        lot_id=LOT_ID,
        vendor_id=PartyId(UUID(int=200 + number)),
        version=1,
        received_at=RECEIVED_AT + timedelta(microseconds=late_us),
        log_index=log_index,
        outcome=outcome,
    )


def test_bid_opens_to_the_price_that_was_sealed() -> None:
    bid = sealed_bid(bare(price("0.2875")))

    assert outcome_of(bid) == UnitPrice(2875, USD)


def test_sealed_bid_never_shows_its_bytes_when_printed() -> None:
    bid = sealed_bid(bare(price("0.2875")))

    assert repr(bid.sealed) not in repr(bid)


def test_bid_whose_bytes_do_not_fit_their_hash_fails_as_such() -> None:
    bid = sealed_bid(bare(price("0.2875")))
    other = sealed_bid(bare(price("0.1000")))

    assert outcome_of(replace(bid, sealed=other.sealed)) is BidFailure.HASH_MISMATCH


def test_bid_moved_to_another_vendor_fails_as_broken() -> None:
    bid = sealed_bid(bare(price("0.2875")))

    assert outcome_of(replace(bid, vendor_id=BUYER_ID)) is BidFailure.SEAL_BROKEN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"currency":"USD","nonce":"00","unit_price":"0.2875"}',
        b'{"currency":"USD","nonce":"' + b"00" * 32 + b'","unit_price":0.2875}',
        b'{"currency":"USD","nonce":"' + b"00" * 32 + b'","unit_price":"-1"}',
        b'{"currency":"USD","nonce":"' + b"00" * 32 + b'","unit_price":"0.28750"}',
        b'{"currency":"XXX","nonce":"' + b"00" * 32 + b'","unit_price":"0.2875"}',
        b'{"currency":"USD","nonce":"' + b"00" * 32 + b'","unit_price":"0.2875","x":1}',
        b'{"currency":"USD", "nonce":"' + b"00" * 32 + b'","unit_price":"0.2875"}',
    ],
)
def test_content_that_is_not_that_of_a_bid_fails_as_malformed(content: bytes) -> None:
    with pytest.raises(ContentMalformed):
        read_content(content)

    assert outcome_of(sealed_bid(content)) is BidFailure.CONTENT_MALFORMED


def test_content_in_another_currency_fails_as_such() -> None:
    content = bare(UnitPrice.parse("0.2875", EUR))

    assert outcome_of(sealed_bid(content)) is BidFailure.CURRENCY_WRONG


def test_content_with_a_price_of_zero_fails_as_such() -> None:
    content = bare(price("0.0001")).replace(b"0.0001", b"0.00")

    assert outcome_of(sealed_bid(content)) is BidFailure.PRICE_ZERO


@given(e4=st.integers(1, 99_999_999_999), nonce=st.binary(min_size=32, max_size=32))
def test_every_price_that_can_be_written_is_read_back(e4: int, nonce: bytes) -> None:
    written = bare(UnitPrice(e4, USD), nonce=nonce)

    assert read_content(written).pricing.tiers[0].unit_price == UnitPrice(e4, USD)


def test_lowest_price_scores_100_and_others_in_proportion() -> None:
    ranked = rank_bids([unsealed(price("0.30"), number=1), unsealed(price("0.25"), number=2)])

    assert [(place.rank, place.bid.bid_id.int, place.score) for place in ranked] == [
        (1, 102, Fraction(100)),
        (2, 101, Fraction(250, 3)),
    ]


def test_equal_prices_are_ranked_by_the_earlier_receipt() -> None:
    ranked = rank_bids(
        [
            unsealed(price("0.25"), number=1, late_us=1, log_index=1),
            unsealed(price("0.25"), number=2, late_us=0, log_index=2),
        ]
    )

    assert [place.bid.bid_id.int for place in ranked] == [102, 101]


def test_equal_prices_of_one_instant_are_ranked_by_the_place_in_the_log() -> None:
    ranked = rank_bids(
        [
            unsealed(price("0.25"), number=1, log_index=8),
            unsealed(price("0.25"), number=2, log_index=7),
        ]
    )

    assert [(place.rank, place.bid.bid_id.int) for place in ranked] == [(1, 102), (2, 101)]


def test_prices_that_round_to_one_score_keep_their_own_ranks() -> None:
    ranked = rank_bids(
        [
            unsealed(price("9999999.9999"), number=1, log_index=1),
            unsealed(price("9999999.9998"), number=2, log_index=2),
            unsealed(price("0.0001"), number=3, log_index=3),
        ]
    )

    assert [place.bid.bid_id.int for place in ranked] == [103, 102, 101]
    assert displayed(ranked[1].score) == displayed(ranked[2].score) == 0


def test_bid_that_failed_takes_no_part_in_the_ranking() -> None:
    ranked = rank_bids(
        [unsealed(BidFailure.SEAL_BROKEN, number=1), unsealed(price("0.25"), number=2)]
    )

    assert [place.bid.bid_id.int for place in ranked] == [102]


def test_lot_without_bids_has_no_ranking() -> None:
    assert rank_bids([]) == ()


@given(st.permutations(range(6)), st.lists(st.integers(1, 4), min_size=6, max_size=6))
def test_ranking_does_not_depend_on_the_order_in_which_bids_are_read(
    order: list[int], prices: list[int]
) -> None:
    bids = [
        unsealed(UnitPrice(e4, USD), number=place, late_us=place % 2, log_index=place)
        for place, e4 in enumerate(prices, 1)
    ]

    ranked = rank_bids([bids[place] for place in order])

    # A plain rule to compare with: nobody who was cheaper, or as cheap and earlier, stands behind.
    assert [place.rank for place in ranked] == [1, 2, 3, 4, 5, 6]
    for before, after in pairwise(ranked):
        assert before.price.e4 <= after.price.e4
        if before.price.e4 == after.price.e4:
            assert before.bid.received_at <= after.bid.received_at
            if before.bid.received_at == after.bid.received_at:
                assert before.bid.log_index < after.bid.log_index


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (Fraction(250, 3), "83.333333"),
        (Fraction(200, 3), "66.666667"),
        (Fraction(1, 2_000_000), "0.000000"),
        (Fraction(3, 2_000_000), "0.000002"),
        (Fraction(100), "100.000000"),
    ],
)
def test_score_is_shown_rounded_half_even_to_six_decimals(score: Fraction, shown: str) -> None:
    assert f"{displayed(score):f}" == shown


@pytest.mark.parametrize("status", [LotStatus.DRAFT, LotStatus.OPEN, LotStatus.CLOSED])
def test_nobody_sees_anything_before_the_opening(status: LotStatus) -> None:
    lot = replace(LOT, status=status)

    assert sight_of(lot, viewer_id=BUYER_ID, is_auditor=False) is Sight.NOTHING
    assert sight_of(lot, viewer_id=None, is_auditor=True) is Sight.NOTHING


@pytest.mark.parametrize(
    ("status", "buyer", "auditor", "other"),
    [
        (LotStatus.EVALUATED, Sight.WHOLE, Sight.WHOLE, Sight.NOTHING),
        (LotStatus.AUCTIONING, Sight.WHOLE, Sight.COUNTS, Sight.NOTHING),
        (LotStatus.INTENDED, Sight.WHOLE, Sight.WHOLE, Sight.NOTHING),
        (LotStatus.NO_AWARD, Sight.WHOLE, Sight.WHOLE, Sight.NOTHING),
        (LotStatus.CANCELLED, Sight.WHOLE, Sight.WHOLE, Sight.NOTHING),
        (LotStatus.AWARDED, Sight.WHOLE, Sight.WHOLE, Sight.WHOLE),
    ],
)
def test_sight_widens_from_the_buyer_to_all(
    status: LotStatus, buyer: Sight, auditor: Sight, other: Sight
) -> None:
    lot = replace(LOT, status=status)

    assert sight_of(lot, viewer_id=BUYER_ID, is_auditor=False) is buyer
    assert sight_of(lot, viewer_id=None, is_auditor=True) is auditor
    assert sight_of(lot, viewer_id=VENDOR_ID, is_auditor=False) is other
    assert sight_of(lot, viewer_id=None, is_auditor=False) is other


def tiered(apply: TiersApply, *steps: tuple[str, str]) -> bytes:
    tiers = tuple(Tier(Decimal(start), price(unit_price)) for start, unit_price in steps)
    return write_content(BidContent(currency=USD, nonce=NONCE, pricing=Pricing(tiers, apply)))


def test_bid_with_tiers_is_ranked_by_what_the_lots_whole_quantity_costs() -> None:
    steps = (("1", "0.30"), ("400", "0.25"))

    assert outcome_of(sealed_bid(tiered(TiersApply.ALL_UNITS, *steps))) == price("0.25")
    # 399 at 0.30 and 21 at 0.25 are 124.95: 0.2975 a unit.
    assert outcome_of(sealed_bid(tiered(TiersApply.GRADUATED, *steps))) == price("0.2975")


def test_bid_whose_first_tier_is_beyond_the_lot_fails_as_such() -> None:
    content = tiered(TiersApply.ALL_UNITS, ("421", "0.25"))

    assert outcome_of(sealed_bid(content)) is BidFailure.QUANTITY_NOT_REACHED


def test_prices_that_round_alike_are_ranked_by_what_they_are() -> None:
    dear = replace(unsealed(price("0.25"), number=1), exact_e4=Fraction(2500))
    cheap = replace(
        unsealed(price("0.25"), number=2, late_us=9), exact_e4=Fraction(2500) - Fraction(1, 420)
    )

    ranked = rank_bids([dear, cheap])

    assert [place.bid.bid_id.int for place in ranked] == [102, 101]
