"""Do what a clock brings: close solicitations, open bids, bring awards on.

Every loop is a `step(now)` that is repeated. A defect in one item is logged and leaves the others
alone; while the database is away a step ends and is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog

from services.bids.domain.documents import DocumentStoreUnavailable
from services.bids.domain.openings import Opening, OpeningStatus
from services.bids.usecases.award_course import AwardCourse
from services.bids.usecases.documents import Documents
from services.bids.usecases.openings import Closing
from services.bids.usecases.unsealing import Opener
from shared.clock import Clock
from shared.db import DatabaseUnavailable
from shared.domain.ids import LotId, OpeningId

PERIOD_S: Final = 0.2
"""How often each loop looks: a deadline is noticed within a fifth of a second."""

RETRY_S: Final = 1.0
"""How long a loop rests while the database is away."""

Item = TypeVar("Item")


class Loop(Protocol):
    """A thing to be done again and again."""

    async def step(self, now: datetime) -> int:
        """Do all that is due at `now`; return how much that was."""


class Closer:
    """Close openings that are due."""

    def __init__(self, closing: Closing) -> None:
        """Close by a use case."""
        self._closing = closing

    async def step(self, now: datetime) -> int:
        """Close what is due; return how many openings that were."""
        return await _each(await self._closing.due(now), partial(self._close, now=now))

    async def _close(self, opening_id: OpeningId, *, now: datetime) -> bool:
        opening = await self._closing.close(opening_id, now)
        if opening.status is OpeningStatus.SEALED:
            return False
        structlog.get_logger().info("opening_closed", opening_id=str(opening.id))
        return True


class Unsealer:
    """Tend to the openings that are closed, while this process is the opener."""

    def __init__(self, opener: Opener) -> None:
        """Open by a use case."""
        self._opener = opener

    async def step(self, now: datetime) -> int:
        """Bring every closed opening forward; return how many were unsealed."""
        return await _each(await self._opener.waiting(), partial(self._tend, now=now))

    async def _tend(self, opening: Opening, *, now: datetime) -> bool:
        return await self._opener.tend(opening, now)


class AwardKeeper:
    """Bring awards on when their standstill has ended, or when their members' window has."""

    def __init__(self, course: AwardCourse) -> None:
        """Bring on by a use case."""
        self._course = course

    async def step(self, now: datetime) -> int:
        """Bring on what is due, each lot in a transaction of its own; return how many changed."""
        return await _each(await self._course.due(now), partial(self._bring_on, now=now))

    async def _bring_on(self, lot_id: LotId, *, now: datetime) -> bool:
        after = await self._course.bring_on(lot_id, now)
        if after is not None:
            log = structlog.get_logger()
            log.info("awards_brought_on", lot_id=str(lot_id), lot=after.lot.status)
        return after is not None


class DocumentSweeper:
    """Remove what uploads that were cut off have left."""

    def __init__(self, documents: Documents) -> None:
        """Sweep by a use case."""
        self._documents = documents

    async def step(self, now: datetime) -> int:
        """Sweep once; return how many objects were removed. A store that is away is tried later."""
        try:
            swept = await self._documents.sweep(now)
        except DocumentStoreUnavailable:
            structlog.get_logger().warning("document_sweep_waits")
            return 0
        if swept:
            structlog.get_logger().info("documents_swept", objects=swept)
        return swept


async def repeat(loop: Loop, clock: Clock, *, period_s: float = PERIOD_S) -> None:
    """Run a loop for ever."""
    log = structlog.get_logger()
    name = type(loop).__name__
    while True:
        pause_s = period_s
        try:
            await loop.step(clock.now())
        except DatabaseUnavailable:
            log.warning("loop_waits", loop=name)
            pause_s = RETRY_S
        except Exception:
            log.exception("defect", loop=name)
            pause_s = RETRY_S
        await asyncio.sleep(pause_s)


async def _each(items: Iterable[Item], act: Callable[[Item], Awaitable[bool]]) -> int:
    """Act on every item; a defect in one is logged and leaves the others alone."""
    done = 0
    for item in items:
        try:
            done += await act(item)
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - the loop's edge
            structlog.get_logger().exception("defect", act=type(item).__name__)
    return done
