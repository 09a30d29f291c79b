"""Keep this process's desks: take the leases of auctions that are due, renew them, give them up.

Three loops share the work. One renews all leases, every third of a lease; one looks a few times a
second for auctions that nobody writes, and seats their desks; one folds what may be taken over soon
(see `ahead`). None asks about single auctions, so that an idle desk costs no more than its row in
the renewal.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from services.auctions.ahead import Foresight
from services.auctions.desk import Desk, to_nobody
from services.auctions.domain.auction import Status
from services.auctions.domain.commands import CancelAuction
from services.auctions.domain.picture import Moment
from services.auctions.draft import Done
from services.auctions.ports import Auctions, CloseMoved, DeskRecord, Hold, Loaded
from shared.clock import Clock
from shared.db import DatabaseUnavailable
from shared.domain.ids import AuctionId
from shared.domain.refusals import Refusal

STEP_S: Final = 0.2
"""How often the hall looks for auctions that need a desk."""

SLOW_STEP_S: Final = 1.0
"""How often it looks for auctions whose solicitation was cancelled."""

AHEAD: Final = timedelta(seconds=2)
"""How long before its opening an auction gets its desk, so that it opens on time."""

DESKS_MAX: Final = 5_000

TAKEN_MAX: Final = 64
"""Leases taken at a time: few enough that all their desks are seated well within a lease."""

LOADS_AT_ONCE: Final = 4
"""Logs folded side by side: half of the pool, so that desks at work are not kept waiting."""

SILENCE_S_MAX: Final = 1.0
"""How long the record may leave the hall without an answer before it counts as away."""

DESKS: Final = Gauge("commonlot_desks", "Auctions that this process writes.")
SEATED: Final = Counter(
    "commonlot_desks_seated_total", "Desks seated: new ones, and those taken over.", ["how"]
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seat:
    """A desk at work."""

    desk: Desk
    task: "asyncio.Task[None]"


@dataclass(frozen=True, slots=True)
class HallRules:
    """How the hall holds its leases; all of it comes from the settings."""

    lease_s: float
    outage_s: float = 5.0
    """From how long an absence on the time of a live auction is given back."""


class Hall:
    """The desks of one process."""

    def __init__(
        self,
        auctions: Auctions,
        clock: Clock,
        *,
        holder: UUID,
        rules: HallRules,
        show: Callable[[Moment], None],
        moved: Callable[[CloseMoved], None] = to_nobody,
    ) -> None:
        """Hold desks' leases as `holder`; `show` gets each moment that is committed.

        `moved` hears when a lot was extended that is held together with others.
        """
        self._auctions = auctions
        self._clock = clock
        self._holder = holder
        self._rules = rules
        self._show = show
        self._moved = moved
        self._seats: dict[AuctionId, Seat] = {}
        self._guests: dict[AuctionId, Seat] = {}
        self._seating: dict[AuctionId, float] = {}
        self._foresight = Foresight(auctions, holder=holder, lease_s=rules.lease_s)
        self._dropping = asyncio.Lock()
        self._asked_at: float | None = None
        self._is_cut = False

    def desk(self, auction_id: AuctionId) -> Desk | None:
        """Return the auction's desk if it is here and open."""
        seat = self._seats.get(auction_id) or self._guests.get(auction_id)
        return seat.desk if seat is not None and seat.desk.is_open else None

    def seat_guest(self, record: DeskRecord, loaded: Loaded) -> Desk:
        """Seat a desk that needs no lease, because nobody else can know of its record."""
        auction_id = loaded.auction.terms.id
        self._guests = {key: seat for key, seat in self._guests.items() if not seat.task.done()}
        desk = Desk(record, self._clock, loaded, token=0, held_until=math.inf, show=self._show)
        self._guests[auction_id] = Seat(desk, asyncio.create_task(desk.run()))
        return desk

    @property
    def seated(self) -> Collection[AuctionId]:
        """The auctions whose desks are here."""
        return self._seats.keys() | self._guests.keys()

    @property
    def is_cut_off(self) -> bool:
        """Whether the record is away, as far as the hall can tell without asking it."""
        asked_at = self._asked_at
        return self._is_cut or (
            asked_at is not None and time.monotonic() - asked_at > SILENCE_S_MAX
        )

    async def run(self) -> None:
        """Keep desks until cancelled; then stop writing and give the leases back."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._repeat(self.renew, pause_s=self._rules.lease_s / 3))
                group.create_task(self._repeat(self.seat_due, pause_s=STEP_S))
                group.create_task(self._repeat(self._foresight.step, pause_s=STEP_S))
                group.create_task(self._repeat(self.cancel_doomed, pause_s=SLOW_STEP_S))
        finally:
            await self.close()

    async def step(self) -> None:
        """Do once what `run` does again and again.

        Raises:
            DatabaseUnavailable: Nothing could be taken or renewed; desks at work notice it by
                themselves.
        """
        await self.renew()
        await self.seat_due()
        await self.cancel_doomed()

    async def _repeat(self, act: Callable[[], Awaitable[None]], *, pause_s: float) -> None:
        while True:
            began_at = time.monotonic()
            try:
                await act()
            except DatabaseUnavailable:
                self._is_cut = True
                log.warning("hall_waits", reason="DatabaseUnavailable")
                await asyncio.sleep(STEP_S)
            else:
                # The pause counts from the beginning, so that a slow answer delays no renewal.
                await asyncio.sleep(max(began_at + pause_s - time.monotonic(), 0.0))

    # Renewing ------------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Renew the leases of all desks here; a desk whose lease ran out is lost.

        Those whose log is still being folded are renewed too: a fold may outlast a lease.
        """
        await self._drop_ended()
        ids = [*self._seats, *self._seating]
        if not ids:
            return
        seats, asked_at = dict(self._seats), time.monotonic()
        held = await self._auctions.renew(ids, holder=self._holder, lease_s=self._rules.lease_s)
        for auction_id in self._seating.keys() & held:
            self._seating[auction_id] = asked_at + self._rules.lease_s
        for auction_id, seat in seats.items():
            if auction_id in held:
                seat.desk.hold(asked_at + self._rules.lease_s)
            else:
                seat.desk.lose()

    async def _drop_ended(self) -> None:
        # One at a time: a release that came late would give back what was taken anew meanwhile.
        async with self._dropping:
            ended = {key: seat for key, seat in self._seats.items() if seat.task.done()}
            for auction_id, seat in ended.items():
                error = seat.task.exception()
                if error is not None:
                    log.error("desk_defect", auction_id=str(auction_id), exc_info=error)
            if ended:
                await self._auctions.release(list(ended), holder=self._holder)
            for auction_id in ended:
                del self._seats[auction_id]
            DESKS.set(len(self._seats))

    # Seating -------------------------------------------------------------------------------------

    async def seat_due(self) -> None:
        """Drop desks that ended, and seat all that are due and that nobody else holds."""
        await self._drop_ended()
        while await self._seat_some():
            pass

    async def _seat_some(self) -> bool:
        """Seat up to `TAKEN_MAX` desks; tell whether there may be more."""
        room = min(TAKEN_MAX, DESKS_MAX - len(self._seats))
        self._asked_at = time.monotonic()
        due = await self._auctions.due(until=self._clock.now() + AHEAD, limit=room)
        missing = [auction_id for auction_id in due if auction_id not in self._seats]
        self._asked_at = asked_at = time.monotonic()
        taken: Mapping[AuctionId, Hold] = {}
        if missing:
            taken = await self._auctions.take(
                missing, holder=self._holder, lease_s=self._rules.lease_s
            )
        self._asked_at, self._is_cut = None, False
        self._seating = dict.fromkeys(taken, asked_at + self._rules.lease_s)
        gate = asyncio.Semaphore(LOADS_AT_ONCE)

        async def seat(auction_id: AuctionId, hold: Hold) -> None:
            try:
                async with gate:
                    await self._seat(auction_id, hold)
            finally:
                del self._seating[auction_id]

        outcomes = await asyncio.gather(*map(seat, taken, taken.values()), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        return len(missing) == room

    async def _seat(self, auction_id: AuctionId, hold: Hold) -> None:
        try:
            loaded = await self._foresight.load(auction_id)
        except DatabaseUnavailable:
            raise
        except Exception:
            # One log that cannot be folded must not keep the others from their desks.
            log.exception("desk_not_seated", auction_id=str(auction_id))
            return
        desk = Desk(
            self._auctions,
            self._clock,
            loaded,
            token=hold.token,
            held_until=self._seating[auction_id],
            show=self._show,
            moved=self._moved,
        )
        self._give_back(desk, loaded, hold)
        task = asyncio.create_task(desk.run(), name=f"desk {auction_id}")
        self._seats[auction_id] = Seat(desk, task)
        for moved in loaded.moves:
            # Whoever held the desk before may not have come to it; repeated, it changes nothing.
            self._moved(moved)
        SEATED.labels("taken over" if hold.token > 1 else "new").inc()
        log.info(
            "desk_seated",
            auction_id=str(auction_id),
            fence=hold.token,
            sequence=loaded.head.sequence,
            away_s=round(hold.away.total_seconds(), 3),
        )

    def _give_back(self, desk: Desk, loaded: Loaded, hold: Hold) -> None:
        """Give the bidders the time back for which nobody could take an offer."""
        auction, away = loaded.auction, hold.away
        if auction.status is Status.SCHEDULED:
            # It should have opened already: what was lost is the time since then.
            away = self._clock.now() - auction.opens_at
        elif auction.status is not Status.LIVE:
            return
        if away.total_seconds() <= self._rules.outage_s:
            return
        desk.give_back(away).add_done_callback(_note_given_back)
        log.warning("outage", auction_id=str(auction.terms.id), away_s=away.total_seconds())

    # Cancelling ----------------------------------------------------------------------------------

    async def cancel_doomed(self) -> None:
        """Cancel auctions whose solicitation was cancelled; the next round asks again."""
        if not self._seats:
            return
        doomed: Mapping[AuctionId, str] = await self._auctions.doomed()
        for auction_id, reason in doomed.items():
            desk = self.desk(auction_id)
            if desk is None:
                continue
            buyer_id = desk.moment.terms.buyer_id
            with suppress(Refusal):
                await desk.do(CancelAuction(party_id=buyer_id, reason=reason), key=None)

    async def close(self) -> None:
        """Stop writing, and give the leases back so that another may take over at once."""
        self._foresight.close()
        for seat in (*self._seats.values(), *self._guests.values()):
            seat.desk.leave()
        await asyncio.gather(*(one.task for one in self._seats.values()), return_exceptions=True)
        held, self._seats = list(self._seats), {}
        try:
            await self._auctions.release(held, holder=self._holder)
        except DatabaseUnavailable:
            log.warning("leases_left_to_run_out", desks=len(held))


def _note_given_back(answer: "asyncio.Future[Done]") -> None:
    error = None if answer.cancelled() else answer.exception()
    if error is not None:
        log.warning("time_not_given_back", why=type(error).__name__)
