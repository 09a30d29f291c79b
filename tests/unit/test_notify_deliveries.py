"""Hold deliveries to their schedule, their audience, and their end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.deliveries import (
    SCHEDULE_S,
    Delivery,
    DeliveryPending,
    DeliveryReplayed,
    DeliveryStatus,
    Everyone,
    Failure,
    Nobody,
    OneParty,
    Outcome,
    Retrying,
    decide_replay,
    decide_settle,
    recipients_of,
    retry_after,
)
from shared.domain.facts import Decision
from shared.domain.ids import DeliveryId, EndpointId, EventId, PartyId
from shared.events.auctions import AuctionLeadChanged, AuctionRefused
from shared.events.awards import (
    AwardLineMade,
)
from shared.events.bids import (
    LotClosed,
)
from shared.events.notify import DeliveryExhausted

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PARTY = PartyId(UUID(int=9))
MEMBER, VENDOR, BUYER = UUID(int=21), UUID(int=22), UUID(int=23)

FRESH = Delivery(
    id=DeliveryId(UUID(int=1)),
    endpoint_id=EndpointId(UUID(int=2)),
    event_id=EventId(UUID(int=3)),
    event_type="award.made.v1",
    status=DeliveryStatus.PENDING,
    attempts=0,
    failures=0,
    next_attempt_at=NOW,
    created_at=NOW,
)
GOOD = Outcome(status_code=200)
BAD = Outcome(status_code=500)


def settled(
    outcome: Outcome,
    delivery: Delivery = FRESH,
    *,
    schedule_s: tuple[float, ...] = SCHEDULE_S,
    jitter: float = 0.5,
) -> Decision[Delivery]:
    retrying = Retrying(schedule_s, jitter)
    return decide_settle(delivery, outcome, party_id=PARTY, retrying=retrying, now=NOW)


@pytest.mark.parametrize("status_code", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status_code: int) -> None:
    decision = settled(Outcome(status_code=status_code))

    assert decision.state.status is DeliveryStatus.DELIVERED
    assert decision.state.attempts == 1
    assert decision.state.next_attempt_at is None
    assert decision.facts == ()


@pytest.mark.parametrize("status_code", [199, 300, 301, 302, 304, 307, 308, 400, 410, 429, 503])
def test_any_other_status_is_tried_again(status_code: int) -> None:
    decision = settled(Outcome(status_code=status_code))

    assert decision.state.status is DeliveryStatus.PENDING
    assert decision.state.attempts == decision.state.failures == 1
    assert decision.facts == ()


@pytest.mark.parametrize("failure", list(Failure))
def test_no_answer_is_tried_again(failure: Failure) -> None:
    decision = settled(Outcome(status_code=None, failure=failure))

    assert decision.state.status is DeliveryStatus.PENDING


@pytest.mark.parametrize(
    ("failures_before", "pause_s"),
    list(enumerate([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400])),
)
def test_pauses_follow_the_schedule(failures_before: int, pause_s: int) -> None:
    delivery = replace(FRESH, attempts=failures_before, failures=failures_before)

    decision = settled(BAD, delivery)

    assert decision.state.next_attempt_at == NOW + timedelta(seconds=pause_s)
    assert decision.state.failures == failures_before + 1


@pytest.mark.parametrize(("jitter", "pause_s"), [(0.0, 4.0), (0.25, 4.5), (0.5, 5.0), (0.75, 5.5)])
def test_jitter_stretches_a_pause_by_a_fifth_either_way(jitter: float, pause_s: float) -> None:
    decision = settled(BAD, jitter=jitter)

    assert decision.state.next_attempt_at == NOW + timedelta(seconds=pause_s)


@given(jitter=st.floats(min_value=0, max_value=1, exclude_max=True), failures=st.integers(1, 9))
def test_no_pause_leaves_its_fifth(jitter: float, failures: int) -> None:
    pause = Retrying(SCHEDULE_S, jitter).pause(failures)

    planned = timedelta(seconds=SCHEDULE_S[failures - 1])
    assert 0.8 * planned <= pause <= 1.2 * planned


def test_tenth_failure_exhausts_and_the_ninth_does_not() -> None:
    ninth = settled(BAD, replace(FRESH, attempts=8, failures=8))
    tenth = settled(BAD, replace(FRESH, attempts=9, failures=9))

    assert ninth.state.status is DeliveryStatus.PENDING
    assert tenth.state.status is DeliveryStatus.EXHAUSTED
    assert tenth.state.next_attempt_at is None
    assert tenth.facts == (
        DeliveryExhausted(
            delivery_id=UUID(int=1),
            endpoint_id=UUID(int=2),
            party_id=UUID(int=9),
            event_type="award.made.v1",
            attempts=10,
        ),
    )


def test_last_attempt_that_is_taken_is_delivered() -> None:
    decision = settled(GOOD, replace(FRESH, attempts=9, failures=9))

    assert decision.state.status is DeliveryStatus.DELIVERED
    assert decision.facts == ()


def test_without_pauses_the_first_failure_exhausts() -> None:
    assert settled(BAD, schedule_s=()).state.status is DeliveryStatus.EXHAUSTED


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("0", 0),
        ("1", 1),
        (" 120 ", 120),
        ("86400", 86_400),
        ("86401", 86_400),
        ("9999999999", 86_400),
        ("Mon, 01 Mar 2027 12:00:30 GMT", 30),
        ("Mon, 01 Mar 2027 12:00:00 GMT", 0),
        ("Mon, 01 Mar 2027 11:59:59 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Tue, 02 Mar 2027 12:00:00 GMT", 86_400),
        ("Tue, 02 Mar 2027 12:00:01 GMT", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Monday, 01-Mar-27 12:00:30 GMT", 30),
    ],
)
def test_retry_after_is_read_and_held_between_now_and_a_day(header: str, wait_s: int) -> None:
    assert retry_after(header, now=NOW) == timedelta(seconds=wait_s)


@pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "1e3", "٣", "99999999999"])
def test_unreadable_retry_after_is_no_wish(header: str) -> None:
    assert retry_after(header, now=NOW) is None


@given(st.text(max_size=80))
def test_any_retry_after_is_read_without_a_defect(header: str) -> None:
    wait = retry_after(header, now=NOW)

    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


@pytest.mark.parametrize(("header", "wait_s"), [("1", 1), ("3600", 3600), ("soon", 5)])
def test_readable_retry_after_takes_the_place_of_the_pause(header: str, wait_s: int) -> None:
    decision = settled(Outcome(status_code=429, retry_after=header))

    assert decision.state.next_attempt_at == NOW + timedelta(seconds=wait_s)


def test_retry_after_does_not_lengthen_the_schedule() -> None:
    delivery = replace(FRESH, attempts=9, failures=9)

    decision = settled(Outcome(status_code=429, retry_after="1"), delivery)

    assert decision.state.status is DeliveryStatus.EXHAUSTED


@pytest.mark.parametrize("status", [DeliveryStatus.EXHAUSTED, DeliveryStatus.DELIVERED])
def test_ended_delivery_is_replayed_from_the_start_of_the_schedule(status: DeliveryStatus) -> None:
    ended = replace(FRESH, status=status, attempts=10, failures=10, next_attempt_at=None)

    decision = decide_replay(ended, now=NOW)

    assert decision.state == replace(FRESH, attempts=10)
    assert decision.facts == (
        DeliveryReplayed(
            delivery_id=FRESH.id,
            endpoint_id=FRESH.endpoint_id,
            event_id=FRESH.event_id,
            attempts=10,
        ),
    )


def test_pending_delivery_is_not_replayed() -> None:
    with pytest.raises(DeliveryPending):
        decide_replay(FRESH, now=NOW)


def test_public_event_is_for_everyone() -> None:
    event = LotClosed(lot_id=UUID(int=1), rfp_id=UUID(int=2), buyer_id=BUYER, bids=3)

    assert recipients_of(event) == Everyone()


def test_member_s_event_is_for_that_member_alone() -> None:
    event = AwardLineMade(
        award_line_id=UUID(int=1),
        award_id=UUID(int=2),
        lot_id=UUID(int=3),
        rfp_id=UUID(int=4),
        buyer_id=BUYER,
        member_id=MEMBER,
        vendor_id=VENDOR,
        vendor_name="Vendor",
        lot_title="Milk",
        quantity=Decimal(300),
        unit="each",
        unit_price="0.25",
        total="75.00",
        currency="USD",
    )

    assert recipients_of(event) == OneParty(PartyId(MEMBER))


def test_buyer_s_event_is_for_that_buyer_alone() -> None:
    event = AuctionRefused(
        lot_id=UUID(int=1), rfp_id=UUID(int=2), buyer_id=BUYER, reasons=("too few",)
    )

    assert recipients_of(event) == OneParty(PartyId(BUYER))


def test_internal_event_is_for_nobody() -> None:
    event = AuctionLeadChanged(
        auction_id=UUID(int=1), lot_id=UUID(int=2), rfp_id=UUID(int=3), buyer_id=BUYER, alias="A"
    )

    assert recipients_of(event) == Nobody()
