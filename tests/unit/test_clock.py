"""The clock: aware, in UTC, never backwards."""

from datetime import UTC, datetime, timedelta

from shared.clock import FixedClock, SystemClock


def test_time_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_offset_moves_the_time_forward() -> None:
    clock = SystemClock()
    before = clock.now()

    clock.set_offset(3600)

    assert clock.now() - before >= timedelta(hours=1)
    assert clock.offset_s == 3600
    assert clock.now_unoffset() - before < timedelta(hours=1)


def test_time_stands_still_rather_than_go_back() -> None:
    clock = SystemClock()
    clock.set_offset(3600)
    before = clock.now()

    clock.set_offset(0)

    assert clock.now() == before


def test_fixed_clock_moves_only_when_told() -> None:
    noon = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
    clock = FixedClock(noon)

    clock.advance(timedelta(seconds=5))

    assert [clock.now(), clock.now()] == [noon + timedelta(seconds=5)] * 2
