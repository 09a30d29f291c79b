"""Keep deliveries going out: claim what is due, send side by side, record in groups.

Everything that finished while the last commit was in flight is recorded in the next transaction.
A process that dies between sending and recording leaves a claim that runs out, and the event is
sent again under the same `webhook-id`: at least once.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from services.notify.domain.deliveries import (
    Delivery,
    Failure,
    Outcome,
    Retrying,
    decide_settle,
)
from services.notify.ports import (
    Attempt,
    Claim,
    DeliveryQueue,
    Post,
    Poster,
    SendingLimits,
    Settlement,
    Target,
)
from services.notify.sender.slots import Slots
from shared.clock import Clock
from shared.db import DatabaseUnavailable
from shared.domain.ids import EndpointId

TARGETS_MAX: Final = 1_000
"""Endpoints looked at in one round; the next round goes on behind them."""

RETRY_S: Final = 0.5
"""The pause while the database is away, and after a defect."""

FLUSH_S: Final = 5.0
"""How long a sender that is told to stop tries to record what it has sent."""

COLLECTOR_THRESHOLDS: Final = (20_000, 20, 50)
"""The young objects of some 300 attempts; Python's own default is 700."""

ATTEMPTS: Final = Counter("commonlot_webhook_attempts_total", "Attempts by outcome.", ["outcome"])
LATENCY: Final = Histogram("commonlot_webhook_seconds", "From request to answer.")
IN_AIR: Final = Gauge("commonlot_webhooks_in_air", "Attempts that wait for their answer.")
LATE: Final = Counter(
    "commonlot_webhook_claims_lost_total", "Outcomes that came after their claim had run out."
)


class Sender:
    """Send one installation's webhooks, beside any number of other senders."""

    def __init__(
        self,
        queue: DeliveryQueue,
        poster: Poster,
        clock: Clock,
        limits: SendingLimits,
        *,
        jitter: Callable[[], float],
    ) -> None:
        """Send from `queue` through `poster`; `jitter` draws evenly from [0, 1)."""
        self._queue = queue
        self._poster = poster
        self._clock = clock
        self._limits = limits
        self._jitter = jitter
        self._slots = Slots(
            concurrency_max=limits.concurrency_max, per_endpoint_max=limits.per_endpoint_max
        )
        self._after: EndpointId | None = None
        self._finished: list[Settlement] = []
        self._has_finished = asyncio.Event()
        self._has_free = asyncio.Event()
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Send for ever; when told to stop, record what has been sent."""
        _spare_the_collector()
        try:
            async with asyncio.TaskGroup() as attempts, asyncio.TaskGroup() as loops:
                loops.create_task(self._claim_on(attempts))
                loops.create_task(self._record_on())
        finally:
            async with asyncio.timeout(FLUSH_S):
                await self._record()

    async def step(self) -> int:
        """Claim once, send it all, and record it; return how many attempts were made.

        Raises:
            DatabaseUnavailable: What was sent and not recorded will be sent again.
        """
        async with asyncio.TaskGroup() as attempts:
            begun = await self._begin(attempts)
        await self._record()
        return begun

    async def _claim_on(self, attempts: asyncio.TaskGroup) -> None:
        while True:
            self._has_free.clear()
            begun = 0
            try:
                begun = await self._begin(attempts)
            except DatabaseUnavailable:
                self._log.warning("sender_waits", reason="DatabaseUnavailable")
                await asyncio.sleep(RETRY_S)
            except Exception:  # noqa: BLE001 - the loop's edge
                self._log.exception("defect", loop="claim")
                await asyncio.sleep(RETRY_S)
            if not begun:
                await self._rest()

    async def _rest(self) -> None:
        """Wait until a slot becomes free, or until it is time to look for new work."""
        try:
            async with asyncio.timeout(self._limits.poll_s):
                await self._has_free.wait()
        except TimeoutError:
            return

    async def _record_on(self) -> None:
        while True:
            await self._has_finished.wait()
            try:
                await self._record()
            except DatabaseUnavailable:
                self._log.warning("sender_waits", reason="DatabaseUnavailable")
                await asyncio.sleep(RETRY_S)

    async def _begin(self, attempts: asyncio.TaskGroup) -> int:
        """Begin what one batch claims; 0 says that nothing is due, or that no slot is free.

        Rounds go on where the last one ended, so nothing is due only once all have been looked at.
        """
        ends_left = 1 if self._after is None else 2
        while ends_left and self._slots.free:
            begun = await self._round(attempts)
            if begun:
                return begun
            ends_left -= self._after is None
        return 0

    async def _round(self, attempts: asyncio.TaskGroup) -> int:
        """Claim one batch of the next endpoints, and begin its attempts."""
        most = min(self._slots.free, self._limits.claim_batch_max)
        targets = await self._queue.targets(after=self._after, limit=TARGETS_MAX)
        quotas = self._slots.quotas(target.endpoint_id for target in targets)
        if not quotas:
            self._after = targets[-1].endpoint_id if len(targets) == TARGETS_MAX else None
            return 0
        claim = await self._queue.claim(
            quotas, limit=most, now=self._clock.now(), claim_s=self._limits.claim_s
        )
        self._after = _last_served(targets, claim, most=most)
        by_id = {target.endpoint_id: target for target in targets}
        for delivery in claim.deliveries:
            self._slots.begin(delivery.endpoint_id)
            attempts.create_task(self._attempt(delivery, by_id[delivery.endpoint_id], claim))
        IN_AIR.set(self._slots.in_air)
        return len(claim.deliveries)

    async def _attempt(self, delivery: Delivery, target: Target, claim: Claim) -> None:
        at = self._clock.now()
        began_s = time.perf_counter()
        post = Post(
            url=target.url,
            secret=target.secret,
            event_id=delivery.event_id,
            body=claim.bodies[delivery.event_id],
            at=at,
        )
        outcome = Outcome(status_code=None, failure=Failure.INTERNAL)
        try:
            outcome = await self._poster.post(post)
        except Exception:  # noqa: BLE001 - the attempt's edge
            self._log.exception("defect", loop="attempt", delivery_id=str(delivery.id))
        took_s = time.perf_counter() - began_s
        self._finish(
            delivery,
            target,
            claim,
            Attempt(
                delivery_id=delivery.id,
                number=delivery.attempts + 1,
                at=at,
                latency_ms=round(took_s * 1000),
                outcome=outcome,
            ),
        )

    def _finish(self, delivery: Delivery, target: Target, claim: Claim, attempt: Attempt) -> None:
        outcome = attempt.outcome
        decision = decide_settle(
            delivery,
            outcome,
            party_id=target.party_id,
            retrying=Retrying(self._limits.schedule_s, self._jitter()),
            now=self._clock.now(),
        )
        self._finished.append(
            Settlement(
                token=claim.token,
                attempt=attempt,
                delivery=decision.state,
                facts=decision.facts,
            )
        )
        self._slots.end(delivery.endpoint_id, is_good=outcome.is_good)
        self._has_finished.set()
        self._has_free.set()

    async def _record(self) -> None:
        """Record all that has finished, in one transaction.

        Raises:
            DatabaseUnavailable: Nothing was recorded, and all of it is kept for the next try.
        """
        self._has_finished.clear()
        batch, self._finished = self._finished, []
        if not batch:
            return
        try:
            settled = await self._queue.settle(batch, at=self._clock.now())
        except (DatabaseUnavailable, asyncio.CancelledError):
            self._finished = batch + self._finished
            self._has_finished.set()
            raise
        except Exception:  # noqa: BLE001 - the loop's edge
            # Their claims run out, and they are sent again; holding them would hold all others.
            self._log.exception("defect", loop="record", lost=len(batch))
            settled = 0
        self._slots.recorded(len(batch))
        self._has_free.set()
        LATE.inc(len(batch) - settled)
        IN_AIR.set(self._slots.in_air)
        _measure(batch)


def _spare_the_collector() -> None:
    """Let Python's cycle collector look less often, and no more at what stands when sending begins.

    What an attempt holds lives until it is recorded, so that with hundreds in the air the collector
    went through it again and again: a fifth of the sender's CPU. Sending itself makes no cycles.
    """
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _measure(batch: Sequence[Settlement]) -> None:
    """Count a batch's outcomes; once a batch, because each look-up of a label takes its time."""
    words: dict[str, int] = {}
    for settlement in batch:
        outcome = settlement.attempt.outcome
        word = "delivered" if outcome.is_good else outcome.failure or "refused"
        words[word] = words.get(word, 0) + 1
        LATENCY.observe(settlement.attempt.latency_ms / 1000)
    for word, count in words.items():
        ATTEMPTS.labels(word).inc(count)


def _last_served(targets: Sequence[Target], claim: Claim, *, most: int) -> EndpointId | None:
    """Tell behind which endpoint the next round goes on; None begins again at the first."""
    if len(claim.deliveries) == most:
        return max(delivery.endpoint_id for delivery in claim.deliveries)
    return targets[-1].endpoint_id if len(targets) == TARGETS_MAX else None
