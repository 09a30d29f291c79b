"""Write what many desks decided in few statements.

Each desk has one commit under way at a time. Commits that arrive while others are being written go
into the next statement together, so that a thousand auctions with an offer a second cost a few
dozen round trips and flushes a second, and a desk that is alone waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, NamedTuple

from prometheus_client import Histogram

from services.auctions.domain.log import Batch
from services.auctions.ports import DeskLost

GROUP_MAX: Final = 256
"""Batches in one statement, so that none waits long for the others."""

WRITERS_MAX: Final = 2
"""Statements under way: while one is flushed, the next is sent."""

GROUPS: Final = Histogram(
    "commonlot_desk_commits_together",
    "Desks' commits in one statement.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)


class Filed(NamedTuple):
    """A batch with its desk's token, and who waits for it."""

    batch: Batch
    token: int
    written: "asyncio.Future[None]"


Write = Callable[[Sequence[Filed]], Awaitable[Collection[int]]]


class Clerk:
    """Collect batches, and write them in groups."""

    def __init__(self, write: Write) -> None:
        """Write by `write`, which tells the places in the group, from 1, whose token stood.

        The others wrote nothing. It raises `DeskLost`, and writes nothing at all, where one of the
        group took a sequence that stands already.
        """
        self._write = write
        self._waiting: deque[Filed] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def file(self, batch: Batch, token: int) -> None:
        """Return once the batch is written.

        Raises:
            DeskLost: Its token is no longer the lease's, or its sequence was taken; nothing of it
                was written.
            DatabaseUnavailable: The outcome is in doubt.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(Filed(batch, token, written))
        if len(self._writers) < WRITERS_MAX:
            writer = asyncio.create_task(self._write_on(), name="clerk")
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        await written

    async def _write_on(self) -> None:
        """Write until nothing waits."""
        while self._waiting:
            count = min(len(self._waiting), GROUP_MAX)
            group = [self._waiting.popleft() for _ in range(count)]
            GROUPS.observe(count)
            try:
                await self._write_group(group)
            except BaseException as error:
                # Whether it was written, only the log can tell; each desk folds its own again.
                for filed in group:
                    _fail(filed, error)
                if not isinstance(error, Exception):
                    raise
            # The desks that were told just now file their next batch before we look again, so that
            # the next statement is on its way while they answer those who asked.
            await asyncio.sleep(0)

    async def _write_group(self, group: Sequence[Filed]) -> None:
        try:
            stood = await self._write(group)
        except DeskLost as error:
            if len(group) == 1:
                _fail(group[0], error)
                return
            # Halved until whoever took a sequence that stands is alone, and only it is lost.
            middle = len(group) // 2
            await self._write_group(group[:middle])
            await self._write_group(group[middle:])
            return
        for place, filed in enumerate(group, start=1):
            if place not in stood:
                _fail(filed, DeskLost())
            elif not filed.written.done():
                filed.written.set_result(None)


def _fail(filed: Filed, error: BaseException) -> None:
    """Tell who waits, unless it was told already or has gone."""
    if not filed.written.done():
        filed.written.set_exception(error)
