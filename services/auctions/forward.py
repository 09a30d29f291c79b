"""Carry commands to desks at other replicas.

Replicas talk over plain NATS, sealed (see `line`), at most once and kept nowhere. On
`desk.<auction>` the process that holds a desk listens for commands and answers each with what its
desk answered, or refused, so that a caller cannot tell at which replica it asked. Without NATS
nothing is carried: commands are answered 503 here, and the owner goes on.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.auctions.domain.commands import Command
from services.auctions.draft import Done
from services.auctions.hall import Hall
from services.auctions.ports import DeskBusy, DeskElsewhere
from services.auctions.wire import (
    command_document,
    done_document,
    read_command,
    read_done,
    read_refusal,
    refusal_document,
)
from shared.bus import BusUnavailable, Ear, Line, NobodyListens, Spoken
from shared.domain.ids import AuctionId
from shared.domain.refusals import Refusal

VERSION: Final = 2
"""What another version says is answered with 503: replicas of two versions run side by side only
while a new one is rolled out."""

ANSWER_S_MAX: Final = 3.0
"""How long a carried command may take; longer than a commit, shorter than a person's patience."""

CARRIED_MAX: Final = 5_000
"""Commands of this process that wait for others, and of others that wait here."""

STEP_S: Final = 0.1
"""How soon a desk that was seated here can be reached from elsewhere."""

CARRIED: Final = Counter(
    "commonlot_carried_total", "Commands carried to another replica.", ["outcome"]
)

log = structlog.get_logger(__name__)


class DefectElsewhere(Exception):  # noqa: N818 - a fact about another process
    """The process that holds the desk failed on the command, and has logged why."""


class Porter:
    """The carrier of one process."""

    def __init__(self, line: Line, hall: Hall) -> None:
        """Carry to and from the desks of this process's hall."""
        self._line = line
        self._hall = hall
        self._carried = 0
        self._ears: dict[AuctionId, Ear] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def carry(self, auction_id: AuctionId, command: Command, *, key: str | None) -> Done:
        """Have a command done where its desk is.

        Raises:
            NobodyListens: No process holds the desk now.
            Refusal: Whatever the desk refused.
            DeskBusy: Too many commands wait already.
            DeskElsewhere: In doubt, or there is no talk; retry under the same key.
        """
        if self._carried >= CARRIED_MAX:
            raise DeskBusy
        self._carried += 1
        try:
            asked = {"v": VERSION, "key": key, "command": command_document(command)}
            body = await self._line.ask(
                _desk(auction_id), json.dumps(asked).encode(), timeout_s=ANSWER_S_MAX
            )
        except BusUnavailable as error:
            CARRIED.labels(type(error).__name__).inc()
            raise
        finally:
            self._carried -= 1
        answer: dict[str, Any] = json.loads(body)
        CARRIED.labels(next(iter(answer))).inc()
        match answer:
            case {"done": done}:
                return read_done(done, auction_id)
            case {"refused": refused}:
                raise read_refusal(refused) or DeskElsewhere()
            case {"absent": _}:
                raise NobodyListens
        raise DefectElsewhere

    async def run(self) -> None:
        """Listen at the desks of this process until cancelled; then answer what is under way."""
        try:
            while True:
                try:
                    await self._attend()
                except BusUnavailable:
                    log.warning("porter_waits", reason="BusUnavailable")
                await asyncio.sleep(STEP_S)
        finally:
            await self._close()

    async def _attend(self) -> None:
        """Listen where desks are, and nowhere else."""
        seated = set(self._hall.seated)
        for auction_id in self._ears.keys() - seated:
            await self._ears.pop(auction_id).close()
        for auction_id in seated - self._ears.keys():
            self._ears[auction_id] = await self._line.listen(_desk(auction_id), self._take)

    async def _close(self) -> None:
        for ear in self._ears.values():
            await ear.close()
        self._ears.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=ANSWER_S_MAX)

    def _take(self, spoken: Spoken) -> None:
        if spoken.answer is None or len(self._tasks) >= CARRIED_MAX:
            return  # who asked is told by its own timeout
        task = asyncio.create_task(self._answer(spoken, spoken.answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, spoken: Spoken, say: Callable[[bytes], Awaitable[None]]) -> None:
        try:
            answer = {"done": done_document(await self._do(spoken))}
        except NobodyListens:
            answer = {"absent": {}}
        except Refusal as refusal:
            answer = {"refused": refusal_document(refusal)}
        except Exception:
            log.exception("defect", subject=spoken.subject)
            answer = {"defect": {}}
        with suppress(BusUnavailable):
            await say(json.dumps(answer).encode())

    async def _do(self, spoken: Spoken) -> Done:
        asked = json.loads(spoken.body)
        desk = self._hall.desk(auction_of(spoken.subject))
        if desk is None:
            raise NobodyListens
        if asked["v"] != VERSION:
            raise DeskElsewhere
        try:
            command = read_command(asked["command"])
        except ValueError:
            raise DeskElsewhere from None
        return await desk.do(command, key=asked["key"])


def _desk(auction_id: AuctionId) -> str:
    return f"desk.{auction_id}"


def auction_of(subject: str) -> AuctionId:
    """Read which auction a subject is about."""
    return AuctionId(UUID(subject.rpartition(".")[2]))
