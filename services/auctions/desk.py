"""Write one live auction: a desk takes offers in order and commits them in groups.

Everything that arrived while the last commit was in flight becomes the next transaction, and only
after it are answers sent. An offer's instant is the one at which the desk took it; the queue keeps
the order, so instants never decrease by sequence. Whatever goes wrong with a commit ends the desk:
its state is thrown away, offers in doubt are answered 503, and a new desk folds the log.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Counter, Histogram

from services.auctions.domain import auction as rules
from services.auctions.domain.auction import Auction, Terms
from services.auctions.domain.facts import OfferPlaced
from services.auctions.domain.log import Batch, LogRow
from services.auctions.domain.picture import Picture, picture_of
from services.auctions.domain.telling import lead_changed, told_of
from services.auctions.ports import (
    Auctions,
    DeskBusy,
    DeskElsewhere,
    DeskLost,
    Head,
    Loaded,
    WrittenOffer,
)
from shared.clock import Clock
from shared.db import DatabaseUnavailable
from shared.domain.facts import Event, Fact
from shared.domain.ids import PartyId
from shared.domain.money import UnitPrice
from shared.domain.refusals import Refusal
from shared.journal import Aggregate, chain

QUEUE_MAX: Final = 5_000
"""Offers that may wait at one desk: above the rate of a second, below what memory feels."""

BATCH_MAX: Final = 1_000
"""Offers in one commit, so that no answer waits long for the others of its group."""

ACTOR: Final = "auctions"
"""Who the log names for what time brings about."""

OFFERS: Final = Counter("commonlot_offers_total", "Offers by outcome.", ["outcome"])
BATCHES: Final = Histogram(
    "commonlot_desk_batch_size", "Log rows in one commit.", buckets=(1, 2, 4, 8, 16, 32, 64, 128)
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer to an offer: as it stands in the log, and the highest price that may follow."""

    terms: Terms
    written: WrittenOffer
    price_to_beat: UnitPrice


@dataclass(frozen=True, slots=True)
class _Offered:
    """An offer that waits for its turn."""

    vendor_id: PartyId
    price: UnitPrice
    key: str | None
    at: datetime
    answer: "asyncio.Future[Placed]"


@dataclass(slots=True)
class _Draft:
    """What the batch under way will write, and who waits for it."""

    rows: list[LogRow] = field(default_factory=list)
    events: list[tuple[int, Event, datetime]] = field(default_factory=list)
    placed: list[tuple[_Offered, WrittenOffer]] = field(default_factory=list)
    refused: list[tuple[_Offered, Refusal]] = field(default_factory=list)
    repeated: list[tuple[_Offered, int]] = field(default_factory=list)


class Desk:
    """The single writer of one auction, for as long as its lease's token stands."""

    def __init__(
        self,
        auctions: Auctions,
        clock: Clock,
        loaded: Loaded,
        *,
        token: int,
        show: Callable[[Picture], None],
    ) -> None:
        """Take over the auction as it was folded; `show` gets a picture after each commit."""
        self._auctions = auctions
        self._clock = clock
        self._auction: Auction = loaded.auction
        self._head: Head = loaded.head
        self._sequence_of_key = dict(loaded.sequence_of_key)
        self._token = token
        self._show = show
        self._queue: deque[_Offered] = deque()
        self._wake = asyncio.Event()
        self._cancel_reason: str | None = None
        self._is_open = True
        self._aggregate = Aggregate("auction", self._auction.terms.id)
        self._lead_alias = self._auction.lead().alias
        self.picture = picture_of(self._auction)

    @property
    def is_open(self) -> bool:
        """Whether the desk still takes offers."""
        return self._is_open

    async def place(self, vendor_id: PartyId, price: UnitPrice, *, key: str | None) -> Placed:
        """Take an offer and answer it once it is committed; the same key gets the same answer.

        Raises:
            VendorNotAdmitted, AuctionNotOpen, AuctionOver, CurrencyWrong, OfferTooHigh: By rule.
            DeskBusy: Too many offers wait already.
            DeskElsewhere, DatabaseUnavailable: In doubt; retry under the same key.
        """
        if not self._is_open:
            raise DeskElsewhere
        if len(self._queue) >= QUEUE_MAX:
            raise DeskBusy
        answer: asyncio.Future[Placed] = asyncio.get_running_loop().create_future()
        self._queue.append(_Offered(vendor_id, price, key, self._clock.now(), answer))
        self._wake.set()
        return await answer

    def cancel(self, reason: str) -> None:
        """Have the auction cancelled with the next commit."""
        self._cancel_reason = reason
        self._wake.set()

    def leave(self) -> None:
        """Stop writing: the lease was lost, or the process ends."""
        self._is_open = False
        self._wake.set()

    async def run(self) -> None:
        """Write the auction until it is over or the desk is lost."""
        self._show(self.picture)
        try:
            while self._is_open:
                timer = self._arm_timer()
                await self._wake.wait()
                self._wake.clear()
                if timer is not None:
                    timer.cancel()
                await self._write_next()
        except (DeskLost, DatabaseUnavailable) as error:
            log.warning("desk_ended", auction_id=str(self._aggregate.id), why=type(error).__name__)
        finally:
            self._is_open = False
            self._dismiss([offered.answer for offered in self._queue], DeskElsewhere())

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
        draft = _Draft()
        try:
            self._decide(taken, draft)
            await self._commit(draft)
            await self._answer(draft)
        except BaseException:
            # Whether the group was written, only the log can tell; nobody is left waiting.
            self._dismiss([offered.answer for offered in taken], DeskElsewhere())
            raise
        if self._auction.status.is_over:
            self._refuse_rest()

    # Deciding ----------------------------------------------------------------------------------

    def _decide(self, taken: list[_Offered], draft: _Draft) -> None:
        for offered in taken:
            self._append_due(draft, offered.at)
            self._decide_offer(offered, draft)
        now = self._clock.now()
        if self._cancel_reason is not None:
            facts = rules.cancel(self._auction, reason=self._cancel_reason)
            self._append(draft, facts, at=now)
        elif not self._queue:
            # An offer that waits was taken before `now`: its turn comes before the close.
            self._append_due(draft, now)
        self._note_lead(draft)

    def _decide_offer(self, offered: _Offered, draft: _Draft) -> None:
        key = (offered.vendor_id, offered.key or "")
        known = self._sequence_of_key.get(key) if offered.key is not None else None
        if known is not None:
            draft.repeated.append((offered, known))
            return
        try:
            facts = rules.place(self._auction, offered.vendor_id, offered.price, at=offered.at)
        except Refusal as refusal:
            OFFERS.labels("refused").inc()
            draft.refused.append((offered, refusal))
            return
        OFFERS.labels("placed").inc()
        first = len(draft.rows)
        self._append(draft, facts, at=offered.at, offered=offered)
        row, offer = draft.rows[first], facts[0]
        if isinstance(offer, OfferPlaced):
            written = WrittenOffer(row.sequence, row.hash, row.at, offer)
            draft.placed.append((offered, written))
        if offered.key is not None:
            self._sequence_of_key[key] = row.sequence

    def _append_due(self, draft: _Draft, at: datetime) -> None:
        while facts := rules.due(self._auction, at=at):
            self._append(draft, facts, at=at)

    def _append(
        self,
        draft: _Draft,
        facts: tuple[Fact, ...],
        *,
        at: datetime,
        offered: _Offered | None = None,
    ) -> None:
        """Chain the facts and fold them: the state runs ahead of the record until the commit."""
        for fact in facts:
            sequence = self._head.sequence + 1
            is_offer = offered is not None and isinstance(fact, OfferPlaced)
            actor = fact.alias if isinstance(fact, OfferPlaced) else ACTOR
            link = chain(self._aggregate, fact, (sequence, self._head.hash), actor=actor, at=at)
            draft.rows.append(
                LogRow(
                    sequence,
                    fact.TYPE,
                    at,
                    link.entry,
                    link.hash,
                    offered.vendor_id if is_offer and offered is not None else None,
                    offered.key if is_offer and offered is not None else None,
                )
            )
            self._auction.apply(fact, sequence=sequence, at=at)
            self._head = Head(sequence, link.hash)
            event = told_of(self._auction, fact, at=at)
            if event is not None:
                draft.events.append((sequence, event, at))

    def _note_lead(self, draft: _Draft) -> None:
        """Tell of a new leader once per commit, not once per offer."""
        alias = self._auction.lead().alias
        if alias != self._lead_alias and draft.rows:
            self._lead_alias = alias
            last = draft.rows[-1]
            draft.events.append((last.sequence, lead_changed(self._auction), last.at))

    # Committing --------------------------------------------------------------------------------

    async def _commit(self, draft: _Draft) -> None:
        if not draft.rows:
            return
        BATCHES.observe(len(draft.rows))
        batch = Batch(self._auction, draft.rows, draft.events)
        await self._auctions.commit(batch, token=self._token)
        self.picture = picture_of(self._auction)
        self._show(self.picture)

    async def _answer(self, draft: _Draft) -> None:
        for offered, written in draft.placed:
            _resolve(offered.answer, self._placed(offered, written))
        for offered, refusal in draft.refused:
            self._dismiss([offered.answer], refusal)
        for offered, sequence in draft.repeated:
            written = await self._auctions.offer(self._auction.terms.id, sequence)
            _resolve(offered.answer, self._placed(offered, written))

    def _placed(self, offered: _Offered, written: WrittenOffer) -> Placed:
        to_beat = self._auction.price_to_beat(self._auction.alias_of(offered.vendor_id))
        return Placed(self._auction.terms, written, to_beat)

    def _refuse_rest(self) -> None:
        """End the desk of an auction that is over; what still waits came too late."""
        self._is_open = False
        waiting = [offered.answer for offered in self._queue]
        self._queue.clear()
        self._dismiss(waiting, rules.over(self._auction))

    def _dismiss(self, answers: list["asyncio.Future[Placed]"], refusal: Refusal) -> None:
        for answer in answers:
            if not answer.done():
                answer.set_exception(refusal)


def _resolve(answer: "asyncio.Future[Placed]", placed: Placed) -> None:
    """Answer, unless the caller has gone."""
    if not answer.done():
        answer.set_result(placed)
