"""Tell the time: aware UTC instants from a port, so that every rule is given `now`."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Whatever tells the present instant."""

    def now(self) -> datetime:
        """Tell the present instant, aware, in UTC."""
        ...


class SystemClock:
    """Tell the machine's time, corrected to the database's, never going backwards.

    The wall clock is read once. From then on monotonic time is counted, so that a step of the wall
    clock moves nothing; `set_offset` follows the database, which is the clock that all processes
    share. When a new offset would take the time back, it stands still until it has caught up.
    """

    def __init__(self) -> None:
        """Anchor monotonic time to the wall clock."""
        self._anchor = datetime.now(UTC)  # noqa: TID251 - the one place where the wall clock is read
        self._anchor_ns = time.monotonic_ns()
        self._offset = timedelta(0)
        self._start = self._anchor
        self._latest = self._anchor

    @property
    def offset_s(self) -> float:
        """How far the database's clock is ahead of this machine's, in seconds."""
        return self._offset.total_seconds()

    def set_offset(self, seconds: float) -> None:
        """Follow a clock that is `seconds` ahead of this machine's (behind, when negative)."""
        self._offset = timedelta(seconds=seconds)
        self._start = self._anchor + self._offset

    def now(self) -> datetime:
        """Tell the present instant; two calls in a row never decrease."""
        self._latest = max(self._latest, self._start + self._elapsed())
        return self._latest

    def now_unoffset(self) -> datetime:
        """Tell this machine's own time, from which the offset to the database is measured."""
        return self._anchor + self._elapsed()

    def _elapsed(self) -> timedelta:
        return timedelta(0, 0, (time.monotonic_ns() - self._anchor_ns) // 1000)


class FixedClock:
    """Stand still until told to advance: the twin of `SystemClock` for tests."""

    def __init__(self, now: datetime) -> None:
        """Begin at an aware instant."""
        self._now = now

    def now(self) -> datetime:
        """Tell the instant at which the clock stands."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self._now += by
