"""Write one live auction: a desk takes offers in order and commits them in groups.

Everything that arrived while the last commit was in flight becomes the next transaction, and only
after it are answers sent. An offer's instant is the one at which the desk took it; the queue keeps
the order, so instants never decrease by sequence. Whatever goes wrong with a commit ends the desk:
its state is thrown away, offers in doubt are answered 503, and a new desk folds the log. A desk
also ends by itself when its lease was not renewed in time: while a process sleeps it cannot know
whether another has taken over.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import structlog
from prometheus_client import Counter, Histogram

from services.auctions.domain import auction as rules
from services.auctions.domain.auction import Auction
from services.auctions.domain.commands import Command, GiveBack, Step
from services.auctions.domain.log import Batch, LogRow
from services.auctions.domain.picture import Moment, Picture
from services.auctions.domain.telling import lead_changed, told_of
from services.auctions.draft import Asked, Done, Draft, dismiss, resolve
from services.auctions.ports import (
    EXTENSIONS,
    CloseMoved,
    DeskBusy,
    DeskElsewhere,
    DeskLost,
    DeskRecord,
    Head,
    LeaseRanOut,
    Loaded,
    Written,
)
from shared.clock import Clock
from shared.db import DatabaseUnavailable
from shared.domain.refusals import Refusal
from shared.journal import Aggregate, chain

QUEUE_MAX: Final = 5_000
"""Commands that may wait at one desk: above the rate of a second, below what memory feels."""

BATCH_MAX: Final = 1_000
"""Commands in one commit, so that no answer waits long for the others of its group."""

COMMIT_S_MAX: Final = 2.0
"""How long a commit may take before those who wait are told that it is in doubt."""

ACTOR: Final = "auctions"
"""Who the log names for what time brings about."""

COMMANDS: Final = Counter(
    "commonlot_desk_commands_total", "Commands by kind and outcome.", ["command", "outcome"]
)
BATCHES: Final = Histogram(
    "commonlot_desk_batch_size", "Log rows in one commit.", buckets=(1, 2, 4, 8, 16, 32, 64, 128)
)
ENDED: Final = Counter(
    "commonlot_desks_ended_total", "Desks that ended before their auction did.", ["why"]
)
REPEATED: Final = Counter(
    "commonlot_desk_repeated_total", "Commands whose key was known: answered from the log."
)

log = structlog.get_logger(__name__)


def to_nobody(_moved: CloseMoved) -> None:
    """Tell nobody that a lot was extended."""


class Desk:
    """The single writer of one auction, for as long as its lease's token stands."""

    def __init__(
        self,
        record: DeskRecord,
        clock: Clock,
        loaded: Loaded,
        *,
        token: int,
        held_until: float,
        show: Callable[[Moment], None],
        moved: Callable[[CloseMoved], None] = to_nobody,
    ) -> None:
        """Take over the auction as it was folded; `show` gets the moment after each commit.

        `moved` hears when a lot was extended that is held together with others.

        `held_until` is when the lease runs out unless `hold` says more, by the monotonic clock.
        """
        self._record = record
        self._clock = clock
        self._auction: Auction = loaded.auction
        self._head: Head = loaded.head
        self._keys = {party_id: dict(keys) for party_id, keys in loaded.keys.items()}
        self._token = token
        self._held_until = held_until
        self._show = show
        self._moved = moved
        self._queue: deque[Asked] = deque()
        self._wake = asyncio.Event()
        self._is_open = True
        self._aggregate = Aggregate("auction", self._auction.terms.id)
        self._is_grouped = self._auction.terms.group_id is not None
        self._lead_alias = self._auction.lead().alias
        self._alias_of = {one.vendor_id: one.alias for one in self._auction.terms.entrants}
        self.moment = Moment.of(self._auction)

    @property
    def picture(self) -> Picture:
        """The picture of what is committed: never of what is in flight."""
        return self.moment.picture

    @property
    def is_open(self) -> bool:
        """Whether the desk still takes commands."""
        return self._is_open

    async def do(self, command: Command, *, key: str | None) -> Done:
        """Take a command and answer once it is committed; the same key gets the same fact.

        Raises:
            Refusal: A rule says no (see `auction.decide`).
            DeskBusy: Too many commands wait already.
            DeskElsewhere: In doubt; retry under the same key.
        """
        if not self._is_open:
            raise DeskElsewhere
        if len(self._queue) >= QUEUE_MAX:
            raise DeskBusy
        return await self._put(command, key)

    def give_back(self, away: timedelta) -> "asyncio.Future[Done]":
        """Give back the time for which nobody wrote the auction, before anything else happens.

        Call it before `run`: what fell due meanwhile waits for it.
        """
        buyer_id = self._auction.terms.buyer_id
        return self._put(GiveBack(party_id=buyer_id, away=away), None)

    def _put(self, command: Command, key: str | None) -> "asyncio.Future[Done]":
        answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._queue.append(Asked(command, key, self._clock.now(), answer))
        self._wake.set()
        return answer

    def hold(self, until: float) -> None:
        """Write on until `until` of the monotonic clock: the lease was renewed."""
        self._held_until = until

    def leave(self) -> None:
        """Take nothing more: the process ends. What waits already is written first."""
        self._is_open = False
        self._wake.set()

    def lose(self) -> None:
        """Write nothing more, not even what waits: the lease is another's, or was not renewed."""
        self._held_until = 0.0
        self.leave()

    async def run(self) -> None:
        """Write the auction until it is over or the desk is lost."""
        self._show(self.moment)
        try:
            while self._is_open or self._queue:
                timer = self._arm_timer()
                await self._wake.wait()
                self._wake.clear()
                if timer is not None:
                    timer.cancel()
                await self._write_next()
            if not self._auction.status.is_over:
                self._require_lease()
        except (DeskLost, DatabaseUnavailable) as error:
            ENDED.labels(type(error).__name__).inc()
            log.warning("desk_ended", auction_id=str(self._aggregate.id), why=type(error).__name__)
        finally:
            self._give_up([])

    def _arm_timer(self) -> asyncio.TimerHandle | None:
        """Wake when time brings something about; at once while offers wait."""
        if self._queue:
            self._wake.set()
        due_at = rules.due_at(self._auction)
        if due_at is None:
            return None
        delay_s = (due_at - self._clock.now()).total_seconds()
        return asyncio.get_running_loop().call_later(max(delay_s, 0.0), self._wake.set)

    async def _write_next(self) -> None:
        taken = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]
        draft = Draft()
        try:
            self._require_lease()
            self._decide(taken, draft)
            await self._commit(draft, taken)
            await self._answer(draft)
        except BaseException:
            # Whether the group was written, only the log can tell.
            self._give_up(taken)
            raise
        if self._auction.status.is_over:
            await self._refuse_rest()

    def _require_lease(self) -> None:
        """Write nothing once the lease may have run out, whoever holds it then.

        Raises:
            LeaseRanOut: It was not renewed: this process slept, or the record is away.
        """
        if time.monotonic() >= self._held_until:
            raise LeaseRanOut

    def _give_up(self, taken: list[Asked]) -> None:
        """Take nothing more, and tell everyone who waits to try again."""
        self._is_open = False
        waiting = [*taken, *self._queue]
        self._queue.clear()
        dismiss([asked.answer for asked in waiting], DeskElsewhere())

    def _lose_patience(self, taken: list[Asked]) -> None:
        log.warning("commit_slow", auction_id=str(self._aggregate.id), waiting=len(self._queue))
        self._give_up(taken)

    # Deciding ----------------------------------------------------------------------------------

    def _decide(self, taken: list[Asked], draft: Draft) -> None:
        for asked in taken:
            if not isinstance(asked.command, GiveBack):
                self._append_due(draft, asked.at)
            self._decide_one(asked, draft)
        if not self._queue:
            # A command that waits was taken before now: its turn comes before what is due.
            self._append_due(draft, self._clock.now())
        self._note_lead(draft)

    def _decide_one(self, asked: Asked, draft: Draft) -> None:
        known = self._known(asked)
        if known is not None:
            REPEATED.inc()
            draft.repeated.append((asked, known))
            return
        try:
            steps = rules.decide(self._auction, asked.command, at=asked.at)
        except Refusal as refusal:
            _count_of(type(asked.command).__name__, "refused").inc()
            draft.refused.append((asked, refusal))
            return
        _count_of(type(asked.command).__name__, "done").inc()
        first = len(draft.rows)
        self._append(draft, steps, at=asked.at, asked=asked)
        row = draft.rows[first]
        written = Written(row.sequence, row.hash, row.at, steps[0].fact)
        draft.done.append((asked, written))
        if asked.key is not None:
            keys = self._keys.setdefault(asked.command.party_id, {})
            keys[asked.key] = row.sequence

    def _known(self, asked: Asked) -> int | None:
        """Find where a command stands that was written before under the same key."""
        if asked.key is None:
            return None
        return self._keys.get(asked.command.party_id, {}).get(asked.key)

    def _append_due(self, draft: Draft, at: datetime) -> None:
        while steps := rules.due(self._auction, at=at):
            self._append(draft, steps, at=at)

    def _append(
        self,
        draft: Draft,
        steps: tuple[Step, ...],
        *,
        at: datetime,
        asked: Asked | None = None,
    ) -> None:
        """Chain the facts and fold them: the state runs ahead of the record until the commit."""
        for step in steps:
            sequence = self._head.sequence + 1
            actor = self._actor_of(asked)
            head = (sequence, self._head.hash)
            link = chain(self._aggregate, step.fact, head, actor=actor, at=at)
            key = (asked.command.party_id, asked.key) if asked is not None else (None, None)
            draft.rows.append(LogRow(sequence, link.type, at, link.entry, link.hash, *key))
            closes_at = self._auction.closes_at
            self._auction.apply(step.fact, sequence=sequence, at=at, secret=step.secret)
            if step.secret is not None:
                draft.secrets.append((sequence, step.secret))
            self._head = Head(sequence, link.hash)
            if self._is_grouped and link.type in EXTENSIONS:
                after = self._auction.closes_at
                draft.moves.append(CloseMoved(self._auction.terms, sequence, closes_at, after))
            event = told_of(self._auction, step.fact, at=at)
            if event is not None:
                draft.events.append((sequence, event, at))
            asked = None  # what follows from the command's own step is the auction's doing

    def _actor_of(self, asked: Asked | None) -> str:
        """Name who did it as the log may name them: vendors by their alias."""
        if asked is None:
            return ACTOR
        party_id = asked.command.party_id
        return self._alias_of.get(party_id, str(party_id))

    def _note_lead(self, draft: Draft) -> None:
        """Tell of a new leader once per commit, not once per offer."""
        alias = self._auction.lead().alias
        if alias != self._lead_alias and draft.rows:
            self._lead_alias = alias
            last = draft.rows[-1]
            draft.events.append((last.sequence, lead_changed(self._auction), last.at))

    # Committing --------------------------------------------------------------------------------

    async def _commit(self, draft: Draft, taken: list[Asked]) -> None:
        if not draft.rows:
            return
        BATCHES.observe(len(draft.rows))
        batch = Batch(self._auction, draft.rows, draft.events, draft.secrets)
        # The commit itself ends by the pool's own timeout; until then it holds the desk alone.
        patience = asyncio.get_running_loop().call_later(COMMIT_S_MAX, self._lose_patience, taken)
        try:
            await self._record.commit(batch, token=self._token)
        finally:
            patience.cancel()
        self.moment = Moment.of(self._auction)
        self._show(self.moment)
        for moved in draft.moves:
            self._moved(moved)

    async def _answer(self, draft: Draft) -> None:
        for asked, written in draft.done:
            resolve(asked.answer, self._done(written))
        for asked, refusal in draft.refused:
            dismiss([asked.answer], refusal)
        for asked, sequence in draft.repeated:
            written = await self._record.written(self._auction.terms.id, sequence)
            resolve(asked.answer, self._done(written))

    def _done(self, written: Written) -> Done:
        """Tell whoever asked how it stands now."""
        return Done(self._auction.terms.id, written, self.moment.after(written.audience))

    async def _refuse_rest(self) -> None:
        """End the desk of an auction that is over; what still waits came too late.

        A command that is in the log already is answered from there, as it would be at any time.
        """
        self._is_open = False
        waiting, draft = list(self._queue), Draft()
        self._queue.clear()
        for asked in waiting:
            known = self._known(asked)
            if known is None:
                draft.refused.append((asked, rules.over(self._auction)))
            else:
                draft.repeated.append((asked, known))
        try:
            await self._answer(draft)
        finally:
            self._give_up(waiting)


@cache
def _count_of(command: str, outcome: str) -> Counter:
    """Look a series up once; there are twice as many as kinds of commands."""
    return COMMANDS.labels(command, outcome)
