"""Hold auctions for practice: under the same rules, in memory alone, and soon forgotten.

A practice auction has a desk like any other, but its record is a list: nothing of it is stored,
told to other services, or shown on the board. Robots bid beside those who practise, each down to a
limit of its own.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.auctions.desk import Desk
from services.auctions.domain.auction import Auction
from services.auctions.domain.commands import AcceptLevel, Command, PlaceOffer
from services.auctions.domain.log import Batch, LogRow
from services.auctions.domain.picture import Picture, seen_by
from services.auctions.domain.reading import read_entry
from services.auctions.domain.ruleset import FormatName
from services.auctions.hall import Hall
from services.auctions.ports import (
    Accepted,
    AuctionUnknown,
    Head,
    Loaded,
    PracticesTooMany,
    Written,
)
from shared.clock import Clock
from shared.domain.ids import AuctionId, PartyId
from shared.domain.money import UnitPrice
from shared.domain.refusals import Refusal

PRACTICES_MAX: Final = 200
LASTS_MAX: Final = timedelta(hours=2)
KEPT_FOR: Final = timedelta(minutes=15)
"""How long its outcome can be looked at after the close."""

ROBOT_PAUSE_S: Final = (0.5, 3.0)
"""A robot thinks for a moment, as a person would."""

SALT: Final = bytes(16)
"""Nothing that is practised needs to be hidden from history."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Robot:
    """A vendor that nobody is: it bids down to its limit, and no further."""

    vendor_id: PartyId
    alias: str
    limit: UnitPrice


@dataclass(slots=True)
class MemoryRecord:
    """What a desk writes, kept as long as the practice: the twin of the durable record."""

    rows: list[LogRow] = field(default_factory=list)

    async def commit(self, batch: Batch, *, token: int) -> None:  # noqa: ARG002 - nobody else writes
        """Keep what the desk decided."""
        self.rows.extend(batch.rows)

    async def written(self, auction_id: AuctionId, sequence: int) -> Written:  # noqa: ARG002 - one log
        """Read back a fact.

        Raises:
            AuctionUnknown: There is no such entry.
        """
        for row in self.rows:
            if row.sequence == sequence:
                return Written(row.sequence, row.hash, row.at, read_entry(row.entry).fact)
        raise AuctionUnknown


@dataclass(frozen=True, slots=True)
class Practice:
    """One auction for practice."""

    desk: Desk
    record: MemoryRecord
    tasks: Sequence["asyncio.Task[None]"]
    forgotten_at: datetime


class PracticeRoom:
    """The practice auctions of one process."""

    def __init__(self, hall: Hall, clock: Clock) -> None:
        """Seat practice desks in the hall, so that they are reached like any other."""
        self._hall = hall
        self._clock = clock
        self._practices: dict[AuctionId, Practice] = {}

    def hold(self, accepted: Accepted, robots: Sequence[Robot]) -> Picture:
        """Begin a practice auction.

        Raises:
            PracticesTooMany: This process holds as many as it may.
        """
        self._forget_old()
        if len(self._practices) >= PRACTICES_MAX:
            raise PracticesTooMany
        terms, first = accepted.terms, accepted.first_entry
        record = MemoryRecord([first])
        auction = Auction(terms)
        auction.apply(read_entry(first.entry).fact, sequence=first.sequence, at=first.at)
        loaded = Loaded(auction, Head(first.sequence, first.hash), {})
        desk = self._hall.seat_guest(record, loaded)
        tasks = [asyncio.create_task(self._play(robot, desk)) for robot in robots]
        forgotten_at = min(terms.closes_at, self._clock.now() + LASTS_MAX) + KEPT_FOR
        self._practices[terms.id] = Practice(desk, record, tasks, forgotten_at)
        return desk.picture

    def picture(self, auction_id: AuctionId) -> Picture | None:
        """Return the picture of a practice auction, also after its close; None for others."""
        practice = self._practices.get(auction_id)
        return practice.desk.picture if practice is not None else None

    def log(self, auction_id: AuctionId) -> Sequence[LogRow]:
        """Return the whole log of a practice auction; others have none here."""
        practice = self._practices.get(auction_id)
        return practice.record.rows if practice is not None else ()

    def _forget_old(self) -> None:
        now = self._clock.now()
        for auction_id, practice in list(self._practices.items()):
            if practice.forgotten_at <= now:
                practice.desk.leave()
                for task in practice.tasks:
                    task.cancel()
                del self._practices[auction_id]

    async def _play(self, robot: Robot, desk: Desk) -> None:
        """Bid until the auction is over or the limit is reached."""
        chance = random.Random(robot.alias)  # noqa: S311 - a robot's mood decides nothing
        while desk.is_open:
            await asyncio.sleep(chance.uniform(*ROBOT_PAUSE_S))
            command = next_move(robot, desk.picture)
            if command is None:
                continue
            try:
                await desk.do(command, key=None)
            except Refusal as refusal:
                log.info("robot_refused", code=refusal.code)


def next_move(robot: Robot, picture: Picture) -> Command | None:
    """Decide what a robot does now: undercut, accept a level, or wait."""
    own = seen_by(picture, robot.alias).own
    currency = picture.terms.currency
    if own is None or own.rank == 1:
        return None
    if picture.terms.rules.format in {FormatName.DUTCH, FormatName.JAPANESE}:
        return _accept(robot, picture)
    if own.price_to_beat is None or own.is_turn is False:
        return None
    price = UnitPrice.parse(own.price_to_beat, currency)
    if price < robot.limit:
        return None
    return PlaceOffer(party_id=robot.vendor_id, price=price, salt=SALT)


def _accept(robot: Robot, picture: Picture) -> Command | None:
    """Take a rising ticker at the limit; stay in a falling one down to it."""
    progress = picture.progress
    if progress is None or progress.level_e4 is None or robot.alias in progress.accepted:
        return None
    level = UnitPrice(progress.level_e4, picture.terms.currency)
    return AcceptLevel(party_id=robot.vendor_id, price=level) if level >= robot.limit else None
