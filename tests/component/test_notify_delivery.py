"""Hold notify to its promises on a real database, with real receivers on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from services.notify.domain.addresses import AddressRules
from services.notify.domain.deliveries import Delivery, DeliveryStatus, DeliveryUnknown, Failure
from services.notify.domain.endpoints import (
    GONE,
    Endpoint,
    EndpointStatus,
    EndpointsTooMany,
    EndpointUnknown,
)
from services.notify.domain.signing import secret_text
from services.notify.ports import Attempt, Secret, SendingLimits, Settlement
from services.notify.sender.loop import Sender
from services.notify.sender.post import HttpPoster, open_poster
from services.notify.store.deliveries import PostgresDeliveries
from services.notify.store.endpoints import PostgresEndpoints
from services.notify.store.queue import PostgresQueue
from services.notify.store.vault import Vault
from services.notify.usecases import Deliveries, Endpoints, QueueEvent, Wish
from shared import db, journal
from shared.clock import Clock, FixedClock, SystemClock
from shared.db import Pool
from shared.domain.facts import Event
from shared.domain.ids import DeliveryId, EndpointId, EventId, PartyId, new_id
from shared.events.auctions import AuctionLeadChanged
from shared.events.awards import (
    AwardLineMade,
)
from shared.events.bids import (
    LotClosed,
)
from shared.events.envelope import Envelope
from shared.idempotency import IdempotencyKeyReused
from shared.journal import Journal

WAIT_S = 30.0
POST_S = 10.0
LOOPBACK = AddressRules(is_loopback_allowed=True)
LOT_CLOSED = "lot.closed.v1"
LINE_MADE = "award.line_made.v1"
OWNER = PartyId(UUID("01890000-0000-7000-8000-00000000000a"))
STRANGER = PartyId(UUID("01890000-0000-7000-8000-00000000000b"))

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Received:
    """One request, as a receiver saw it."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(slots=True)
class Receiver:
    """A server of a district: keeps what it gets, answers as each path is told to."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    def on(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return f"{self.url}{path}"

    def always(self, path: str, status: int, **headers: str) -> str:
        async def answer(_request: web.Request) -> web.Response:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            return web.Response(status=status, text=f"answer {status}", headers=named)

        return self.on(path, answer)

    def at(self, path: str) -> list[Received]:
        return [request for request in self.requests if request.path == path]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        received = Received(
            request.path, dict(request.headers), body, asyncio.get_running_loop().time()
        )
        self.requests.append(received)
        return await self.answers[request.path](request)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def poster() -> AsyncIterator[HttpPoster]:
    async with open_poster(LOOPBACK, user_agent="commonlot/test", timeout_s=POST_S) as poster:
        yield poster


class Bench:
    """Everything of notify on one database, without HTTP in front and without a bus behind."""

    def __init__(self, pool: Pool, poster: HttpPoster, clock: Clock) -> None:
        record = Journal("notify")
        self.vault = Vault(bytes(32))
        self.pool = pool
        self.poster = poster
        self.clock = clock
        self.endpoint_store = PostgresEndpoints(pool, self.vault, record)
        self.delivery_store = PostgresDeliveries(pool, record)
        self.queue = PostgresQueue(pool, self.vault, record)
        self.endpoints = Endpoints(self.endpoint_store, clock, LOOPBACK)
        self.deliveries = Deliveries(self.delivery_store, clock)
        self.queue_event = QueueEvent(self.delivery_store, clock)

    def sender(self, **limits: object) -> Sender:
        chosen = SendingLimits(**limits)  # type: ignore[arg-type]
        return Sender(self.queue, self.poster, self.clock, chosen, jitter=lambda: 0.5)

    async def register(
        self, url: str, *types: str, party_id: PartyId = OWNER
    ) -> tuple[Endpoint, Secret]:
        wish = Wish(url=url, event_types=types or (LOT_CLOSED,), description="")
        endpoint_id = EndpointId(new_id())
        return await self.endpoints.register(endpoint_id, party_id, wish, key=None)

    async def delivered_to(self, endpoint: Endpoint) -> list[Delivery]:
        page = await self.deliveries.page(endpoint.id, endpoint.party_id, after=None, limit=200)
        return list(page)

    async def attempts_of(self, delivery: Delivery) -> list[Attempt]:
        return list(await self.deliveries.attempts(delivery.id, OWNER))

    async def count(self, table: str) -> int:
        async with db.reading(self.pool) as connection:
            number: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - a test's own words
            return number

    async def facts_of(self, aggregate_id: UUID) -> list[str]:
        async with db.reading(self.pool) as connection:
            rows = await journal.read_chain(connection, aggregate_id, after=0, limit=100)
        assert journal.first_broken(rows) is None
        return [json.loads(entry)["type"] for _, entry, _ in rows]

    async def told(self) -> list[str]:
        async with db.reading(self.pool) as connection:
            return [row["type"] for row in await connection.fetch("SELECT type FROM outbox")]


NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def bench(notify_database: Pool, poster: HttpPoster, clock: FixedClock) -> Bench:
    return Bench(notify_database, poster, clock)


@pytest.fixture
def live(notify_database: Pool, poster: HttpPoster) -> Bench:
    """The same with the machine's own time, for what verifiers hold against it."""
    return Bench(notify_database, poster, SystemClock())


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await holds():  # noqa: ASYNC110 - the record is what is asked
            await asyncio.sleep(0.01)


def wrap(event: Event) -> Envelope[Event]:
    subject = "lot/01890000-0000-7000-8000-000000000001"
    return Envelope(EventId(new_id()), "/commonlot/bids", subject, NOON, 3, event)


def lot_closed(bids: int = 3) -> Envelope[Event]:
    return wrap(LotClosed(lot_id=UUID(int=1), rfp_id=UUID(int=2), buyer_id=UUID(int=3), bids=bids))


def line_made(member_id: PartyId) -> Envelope[Event]:
    return wrap(
        AwardLineMade(
            award_line_id=UUID(int=1),
            award_id=UUID(int=2),
            lot_id=UUID(int=3),
            rfp_id=UUID(int=4),
            buyer_id=UUID(int=5),
            member_id=member_id,
            vendor_id=UUID(int=6),
            vendor_name="Molkerei Süd",
            lot_title="Milk, ½ pint",
            quantity=Decimal(300),
            unit="each",
            unit_price="0.2513",
            total="75.39",
            currency="USD",
        )
    )


async def test_receiver_gets_the_envelope_signed_as_the_standard_says(
    live: Bench, receiver: Receiver
) -> None:
    endpoint, secret = await live.register(receiver.always("/hook", 204), LINE_MADE)
    envelope = line_made(OWNER)
    await live.queue_event(envelope)

    await live.sender().step()

    (request,) = receiver.requests
    verified = Webhook(secret_text(secret.key)).verify(request.body, request.headers)
    assert verified["data"]["total"] == "75.39"
    assert verified["data"]["lot_title"] == "Milk, ½ pint"
    assert request.body.decode() == envelope.to_json()
    assert request.headers["webhook-id"] == str(envelope.id) == verified["id"]
    assert request.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["User-Agent"] == "commonlot/test"
    assert "Accept-Encoding" not in request.headers
    (delivery,) = await live.delivered_to(endpoint)
    assert delivery.status is DeliveryStatus.DELIVERED


async def test_member_s_event_goes_to_that_member_alone_and_a_public_one_to_all_who_want_it(
    bench: Bench, receiver: Receiver
) -> None:
    url = receiver.always("/hook", 200)
    own, _ = await bench.register(url, LINE_MADE, LOT_CLOSED)
    other, _ = await bench.register(url, LINE_MADE, LOT_CLOSED, party_id=STRANGER)
    deaf, _ = await bench.register(url, "award.made.v1")

    await bench.queue_event(line_made(OWNER))
    await bench.queue_event(lot_closed())
    internal = AuctionLeadChanged(
        auction_id=UUID(int=1), lot_id=UUID(int=1), rfp_id=UUID(int=1), buyer_id=OWNER, alias="A"
    )
    await bench.queue_event(wrap(internal))

    assert [one.event_type for one in await bench.delivered_to(own)] == [LINE_MADE, LOT_CLOSED]
    assert [one.event_type for one in await bench.delivered_to(other)] == [LOT_CLOSED]
    assert await bench.delivered_to(deaf) == []


async def test_event_heard_twice_is_queued_once_with_one_body_for_all(
    bench: Bench, receiver: Receiver
) -> None:
    url = receiver.always("/hook", 200)
    for _ in range(3):
        await bench.register(url)
    envelope = lot_closed()

    await bench.queue_event(envelope)
    await bench.queue_event(envelope)

    assert await bench.count("delivery") == 3
    assert await bench.count("event_body") == 1


async def test_event_that_nobody_wants_leaves_no_body(bench: Bench) -> None:
    await bench.queue_event(lot_closed())

    assert await bench.count("event_body") == 0
    assert await bench.count("inbox") == 1


async def test_failed_attempt_is_kept_and_repeated_when_due_under_the_same_id(
    bench: Bench, receiver: Receiver, clock: FixedClock
) -> None:
    endpoint, _ = await bench.register(receiver.always("/hook", 500))
    await bench.queue_event(lot_closed())
    sender = bench.sender()

    await sender.step()
    clock.advance(timedelta(seconds=4.999))
    assert await sender.step() == 0
    receiver.always("/hook", 200)
    clock.advance(timedelta(seconds=0.001))
    assert await sender.step() == 1

    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    (delivery,) = await bench.delivered_to(endpoint)
    tried = await bench.attempts_of(delivery)
    assert [one.number for one in tried] == [1, 2]
    assert [one.outcome.status_code for one in tried] == [500, 200]
    assert [one.outcome.answer for one in tried] == [b"answer 500", b"answer 200"]
    assert delivery.status is DeliveryStatus.DELIVERED
    assert await bench.facts_of(delivery.id) == []


async def test_retry_after_is_waited_for(
    bench: Bench, receiver: Receiver, clock: FixedClock
) -> None:
    await bench.register(receiver.always("/hook", 429, Retry_After="90"))
    await bench.queue_event(lot_closed())
    sender = bench.sender()

    await sender.step()
    clock.advance(timedelta(seconds=89))
    early = await sender.step()
    clock.advance(timedelta(seconds=1))
    due = await sender.step()

    assert (early, due) == (0, 1)


async def test_redirect_is_a_failure_and_is_not_followed(bench: Bench, receiver: Receiver) -> None:
    goal = receiver.always("/goal", 200)
    endpoint, _ = await bench.register(receiver.always("/hook", 307, Location=goal))
    await bench.queue_event(lot_closed())

    await bench.sender().step()

    assert receiver.at("/goal") == []
    (delivery,) = await bench.delivered_to(endpoint)
    assert delivery.status is DeliveryStatus.PENDING
    assert delivery.attempts == 1


async def test_last_failure_exhausts_and_tells_and_a_replay_begins_again(
    bench: Bench, receiver: Receiver, clock: FixedClock
) -> None:
    endpoint, _ = await bench.register(receiver.always("/hook", 500))
    await bench.queue_event(lot_closed())
    sender = bench.sender(schedule_s=(1.0, 2.0))
    for pause_s in (0, 1, 2):
        clock.advance(timedelta(seconds=pause_s))
        await sender.step()
    (exhausted,) = await bench.delivered_to(endpoint)

    receiver.always("/hook", 200)
    await bench.deliveries.replay(exhausted.id, OWNER)
    await sender.step()

    assert exhausted.status is DeliveryStatus.EXHAUSTED
    assert await bench.told() == ["delivery.exhausted.v1"]
    assert await bench.facts_of(exhausted.id) == ["delivery.exhausted.v1", "delivery.replayed"]
    (delivery,) = await bench.delivered_to(endpoint)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 4)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_gone_receiver_disables_its_endpoint_which_holds_all_until_enabled(
    bench: Bench, receiver: Receiver, clock: FixedClock
) -> None:
    endpoint, _ = await bench.register(receiver.always("/hook", 410))
    await bench.queue_event(lot_closed(1))
    sender = bench.sender()
    await sender.step()
    await bench.queue_event(lot_closed(2))
    clock.advance(timedelta(days=2))
    held = await sender.step()
    disabled = await bench.endpoints.read(endpoint.id, OWNER)

    receiver.always("/hook", 200)
    await bench.endpoints.enable(endpoint.id, OWNER)
    while await sender.step():
        pass

    assert held == 0
    assert (disabled.status, disabled.disabled_because) == (EndpointStatus.DISABLED, GONE)
    assert await bench.told() == ["endpoint.disabled.v1"]
    assert await bench.facts_of(endpoint.id) == [
        "endpoint.registered",
        "endpoint.disabled.v1",
        "endpoint.enabled",
    ]
    states = [delivery.status for delivery in await bench.delivered_to(endpoint)]
    assert states == [DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED]


async def test_deleted_endpoint_gets_nothing_and_keeps_no_secret(
    bench: Bench, receiver: Receiver
) -> None:
    endpoint, _ = await bench.register(receiver.always("/hook", 200))
    await bench.queue_event(lot_closed())

    await bench.endpoints.delete(endpoint.id, OWNER)

    assert await bench.sender().step() == 0
    async with db.reading(bench.pool) as connection:
        assert await connection.fetchval("SELECT secret_sealed FROM endpoint") is None
    with pytest.raises(EndpointUnknown):
        await bench.endpoints.read(endpoint.id, OWNER)
    with pytest.raises(EndpointUnknown):
        await bench.endpoints.enable(endpoint.id, OWNER)


async def test_hanging_receiver_does_not_delay_a_fast_one(live: Bench, receiver: Receiver) -> None:
    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(WAIT_S)
        raise AssertionError

    await live.register(receiver.on("/slow", hang))
    fast, _ = await live.register(receiver.always("/fast", 200))
    for number in range(40):
        await live.queue_event(lot_closed(number))

    async def all_fast_delivered() -> bool:
        states = {delivery.status for delivery in await live.delivered_to(fast)}
        return states == {DeliveryStatus.DELIVERED}

    began = asyncio.get_running_loop().time()
    async with running(live.sender(concurrency_max=4)):
        await until(all_fast_delivered)
    took_s = asyncio.get_running_loop().time() - began

    assert len(receiver.at("/fast")) == 40
    assert len(receiver.at("/slow")) >= 1
    assert took_s < POST_S / 2  # nothing waited for the slow one


async def test_many_dead_receivers_leave_room_for_a_live_one(
    live: Bench, receiver: Receiver
) -> None:
    for _ in range(12):
        await live.register("http://127.0.0.1:9/dead")
    await live.register(receiver.always("/fast", 200))
    limits = {"concurrency_max": 4, "schedule_s": (0.01,) * 500, "poll_s": 0.01}
    for number in range(5):
        await live.queue_event(lot_closed(number))

    async def all_arrived() -> bool:
        return len(receiver.requests) == 5

    async with running(live.sender(**limits)):
        await until(all_arrived)


async def test_killed_sender_s_claim_runs_out_and_the_event_is_sent_again_under_its_id(
    bench: Bench, receiver: Receiver, clock: FixedClock
) -> None:
    endpoint, _ = await bench.register(receiver.always("/hook", 200))
    await bench.queue_event(lot_closed())

    class Dead(PostgresQueue):
        async def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> int:
            raise db.DatabaseUnavailable

    dying = Dead(bench.pool, bench.vault, Journal("notify"))
    limits = SendingLimits(claim_s=60.0)
    with pytest.raises(db.DatabaseUnavailable):
        await Sender(dying, bench.poster, clock, limits, jitter=lambda: 0.5).step()
    clock.advance(timedelta(seconds=59.9))
    early = await bench.sender().step()
    clock.advance(timedelta(seconds=0.1))
    again = await bench.sender().step()

    assert (early, again) == (0, 1)
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    (delivery,) = await bench.delivered_to(endpoint)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)


async def test_outcome_under_a_claim_that_was_taken_over_changes_nothing(
    bench: Bench, receiver: Receiver, clock: FixedClock
) -> None:
    endpoint, _ = await bench.register(receiver.always("/hook", 500))
    await bench.queue_event(lot_closed())
    kept: list[Settlement] = []

    class Sleepy(PostgresQueue):
        async def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> int:
            kept.extend(settlements)
            return len(kept)

    sleepy = Sleepy(bench.pool, bench.vault, Journal("notify"))
    await Sender(sleepy, bench.poster, clock, SendingLimits(), jitter=lambda: 0.5).step()
    receiver.always("/hook", 200)
    clock.advance(timedelta(seconds=60))
    await bench.sender().step()

    assert await bench.queue.settle(kept, at=clock.now()) == 0
    (delivery,) = await bench.delivered_to(endpoint)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert [one.outcome.status_code for one in await bench.attempts_of(delivery)] == [200]


async def test_two_senders_side_by_side_send_each_delivery_once(
    live: Bench, receiver: Receiver
) -> None:
    endpoints = [await live.register(receiver.always(f"/hook{n}", 200)) for n in range(5)]
    for number in range(20):
        await live.queue_event(lot_closed(number))

    async def all_delivered() -> bool:
        states = [one.status for end, _ in endpoints for one in await live.delivered_to(end)]
        return states.count(DeliveryStatus.DELIVERED) == 100

    async with running(live.sender()), running(live.sender()):
        await until(all_delivered)

    sent = [(request.path, request.headers["webhook-id"]) for request in receiver.requests]
    assert len(sent) == len(set(sent)) == 100
    assert await live.count("attempt") == 100


async def test_stopped_sender_records_what_it_has_sent(live: Bench, receiver: Receiver) -> None:
    endpoint, _ = await live.register(receiver.always("/hook", 200))
    await live.queue_event(lot_closed())

    class Slow(PostgresQueue):
        async def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> int:
            if not self.is_stopping:
                self.is_stopping = True
                stopping.set()
                await asyncio.sleep(WAIT_S)
            return await super().settle(settlements, at=at)

        is_stopping = False

    stopping = asyncio.Event()
    queue = Slow(live.pool, live.vault, Journal("notify"))
    sender = Sender(queue, live.poster, live.clock, SendingLimits(), jitter=lambda: 0.5)
    async with running(sender), asyncio.timeout(WAIT_S):
        await stopping.wait()

    (delivery,) = await live.delivered_to(endpoint)
    assert delivery.status is DeliveryStatus.DELIVERED


async def test_answer_is_read_to_its_first_kib_only(bench: Bench, receiver: Receiver) -> None:
    sent = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        for _ in range(4096):
            await response.write(b"x" * 16_384)
            sent += 16_384
        return response

    endpoint, _ = await bench.register(receiver.on("/hook", pour))
    await bench.queue_event(lot_closed())

    await bench.sender().step()

    (delivery,) = await bench.delivered_to(endpoint)
    (attempt,) = await bench.attempts_of(delivery)
    assert attempt.outcome.answer == b"x" * 1_024
    assert delivery.status is DeliveryStatus.DELIVERED
    assert sent < 4096 * 16_384


@pytest.mark.parametrize("status", [200, 500])
async def test_status_decides_although_the_answer_breaks_off(
    bench: Bench, receiver: Receiver, status: int
) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    endpoint, _ = await bench.register(receiver.on("/hook", break_off))
    await bench.queue_event(lot_closed())

    await bench.sender().step()

    (delivery,) = await bench.delivered_to(endpoint)
    (attempt,) = await bench.attempts_of(delivery)
    assert attempt.outcome.status_code == status
    assert (delivery.status is DeliveryStatus.DELIVERED) == (status == 200)


async def test_silent_receiver_times_out(
    notify_database: Pool, clock: FixedClock, receiver: Receiver
) -> None:
    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(WAIT_S)
        raise AssertionError

    async with open_poster(LOOPBACK, user_agent="commonlot/test", timeout_s=0.1) as hasty:
        bench = Bench(notify_database, hasty, clock)
        endpoint, _ = await bench.register(receiver.on("/hook", hang))
        await bench.queue_event(lot_closed())

        await bench.sender().step()

    (delivery,) = await bench.delivered_to(endpoint)
    (attempt,) = await bench.attempts_of(delivery)
    assert attempt.outcome.failure is Failure.TIMEOUT
    assert attempt.outcome.status_code is None


async def test_secret_is_not_in_the_database_in_clear(bench: Bench, receiver: Receiver) -> None:
    _, secret = await bench.register(receiver.always("/hook", 200))

    async with db.reading(bench.pool) as connection:
        sealed: bytes = await connection.fetchval("SELECT secret_sealed FROM endpoint")

    assert secret.key not in sealed
    assert len(secret.key) == 32


async def test_stranger_sees_and_changes_nothing(bench: Bench, receiver: Receiver) -> None:
    endpoint, _ = await bench.register(receiver.always("/hook", 500))
    await bench.queue_event(lot_closed())
    (delivery,) = await bench.delivered_to(endpoint)

    with pytest.raises(EndpointUnknown):
        await bench.endpoints.read(endpoint.id, STRANGER)
    with pytest.raises(EndpointUnknown):
        await bench.endpoints.disable(endpoint.id, STRANGER)
    with pytest.raises(EndpointUnknown):
        await bench.endpoints.delete(endpoint.id, STRANGER)
    with pytest.raises(EndpointUnknown):
        await bench.deliveries.page(endpoint.id, STRANGER, after=None, limit=10)
    with pytest.raises(DeliveryUnknown):
        await bench.deliveries.attempts(delivery.id, STRANGER)
    with pytest.raises(DeliveryUnknown):
        await bench.deliveries.replay(delivery.id, STRANGER)
    with pytest.raises(DeliveryUnknown):
        await bench.deliveries.replay(DeliveryId(new_id()), OWNER)
    assert await bench.endpoints.page(STRANGER, after=None, limit=10) == []


async def test_pages_follow_one_another(bench: Bench, receiver: Receiver) -> None:
    url = receiver.always("/hook", 200)
    ids = [(await bench.register(url))[0].id for _ in range(3)]

    first = await bench.endpoints.page(OWNER, after=None, limit=2)
    second = await bench.endpoints.page(OWNER, after=first[-1].id, limit=2)

    assert [one.id for one in first] + [one.id for one in second] == sorted(ids)


async def test_same_key_finds_the_endpoint_that_stands_and_its_secret(
    bench: Bench, receiver: Receiver
) -> None:
    wish = Wish(url=receiver.always("/hook", 200), event_types=(LOT_CLOSED,), description="")
    other = Wish(url=receiver.url, event_types=(LOT_CLOSED,), description="")

    first = await bench.endpoints.register(EndpointId(new_id()), OWNER, wish, key="k")
    again = await bench.endpoints.register(EndpointId(new_id()), OWNER, wish, key="k")

    assert first == again
    assert await bench.facts_of(first[0].id) == ["endpoint.registered"]
    with pytest.raises(IdempotencyKeyReused):
        await bench.endpoints.register(EndpointId(new_id()), OWNER, other, key="k")
    stranger = await bench.endpoints.register(EndpointId(new_id()), STRANGER, wish, key="k")
    assert stranger[0].id != first[0].id
    await bench.endpoints.delete(first[0].id, OWNER)
    with pytest.raises(EndpointUnknown):
        await bench.endpoints.register(EndpointId(new_id()), OWNER, wish, key="k")


async def test_party_has_at_most_so_many_endpoints(bench: Bench, receiver: Receiver) -> None:
    url = receiver.always("/hook", 200)
    store = PostgresEndpoints(bench.pool, bench.vault, Journal("notify"), per_party_max=2)
    bench.endpoints = Endpoints(store, bench.clock, LOOPBACK)
    first, _ = await bench.register(url)
    await bench.register(url)

    with pytest.raises(EndpointsTooMany):
        await bench.register(url)

    await bench.endpoints.delete(first.id, OWNER)
    await bench.register(url)
