"""Run a service: what all three have in common, from the pool to the last answer.

A service's `app.py` opens the house, fills its ports, and hands over its routes, its event handlers
and its loops. A loop that fails ends the process with its error; whoever supervises starts it
again, and it goes on from the record.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Final
from uuid import UUID

import structlog
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler as RequestHandler
from aiohttp.typedefs import Middleware

from shared import db, logs, operate, telemetry
from shared.auth import TokenVerifier
from shared.bus import NatsBus, StreamShape
from shared.clock import SystemClock
from shared.db import DatabaseUnavailable, Pool
from shared.domain.facts import Event
from shared.domain.ids import new_id
from shared.domain.refusals import Kind, Refusal
from shared.idempotency import PostgresIdempotencyStore
from shared.inbox import Handler, Inbox
from shared.journal import Journal
from shared.migrate import missing_migrations
from shared.outbox import Relay
from shared.settings import ServiceSettings
from shared.web import Api, Limits, build_app, serve

Loop = Callable[[], Awaitable[None]]

CLOCK_STEP_S: Final = 5.0
SWEEP_STEP_S: Final = 3600.0
START_PAUSE_S: Final = 0.5
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

log = structlog.get_logger(__name__)


class ClockOff(Refusal):
    """This process's clock is too far from the database's; writing would misdate what is done."""

    kind = Kind.UNAVAILABLE
    code = "clock_off"


class SchemaBehind(Exception):  # noqa: N818 - a fact about the database
    """The database lacks migrations that this code needs."""


@dataclass(frozen=True, slots=True)
class House:
    """What a service is built on; `holder` names this process where leases are held."""

    settings: ServiceSettings
    service: str
    pool: Pool
    bus: NatsBus
    clock: SystemClock
    journal: Journal
    holder: UUID


@asynccontextmanager
async def open_house(settings: ServiceSettings, *, service: str) -> AsyncIterator[House]:
    """Open what the service stands on, waiting for the database if it is not up yet.

    Raises:
        SchemaBehind: Migrations are missing; run `python -m shared.migrate` first.
    """
    logs.configure(settings.log_format, service=service)
    telemetry.BUILD.info({"service": service, "version": version("commonlot")})
    pool = await _open_pool(settings, service)
    shape = StreamShape(
        settings.bus_namespace, settings.bus_stream_bytes_max, settings.bus_replicas
    )
    bus = NatsBus(settings.nats_url.get_secret_value(), name=service, shape=shape)
    house = House(settings, service, pool, bus, SystemClock(), Journal(service), new_id())
    try:
        await set_clock(house)
        yield house
    finally:
        await bus.close()
        await pool.close()


async def run(
    house: House,
    api: Api,
    *,
    fill: Callable[[web.Application], None],
    handlers: Mapping[type[Event], Handler],
    loops: Sequence[Loop],
    on_shutdown: Sequence[Loop] = (),
) -> None:
    """Serve the routes and run the loops until the process is told to stop.

    `fill` puts what handlers fetch by `call.of(KEY)` into the application.
    """
    settings = house.settings
    relay = Relay(
        house.pool,
        house.bus,
        service=house.service,
        holder=house.holder,
        lease_s=settings.lease_s,
        batch_max=settings.outbox_batch_max,
    )
    inbox = Inbox(house.pool, house.bus, service=house.service, handlers=handlers)
    api.include(operate.routes(house.service))
    app = _build(house, api)
    app[operate.POOL] = house.pool
    app[operate.INBOX] = inbox
    fill(app)
    for hook in on_shutdown:
        app.on_shutdown.append(_without_app(hook))

    async def relay_for_ever() -> None:
        await relay.run(poll_s=settings.outbox_poll_s)

    background = [relay_for_ever, inbox.run, *_housekeeping(house), *loops]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_named(loop)) for loop in background]
        try:
            await serve(
                app,
                settings.host,
                settings.port,
                stop=asyncio.Event(),
                grace_s=settings.shutdown_grace_s,
            )
        finally:
            for task in tasks:
                task.cancel()
    await relay.release()


def start(main: Callable[[], Awaitable[None]]) -> None:
    """Run a service's `main` on uvloop."""

    async def run_main() -> None:
        await main()

    uvloop.run(run_main())


async def set_clock(house: House) -> None:
    """Measure how far the database's clock is ahead, and follow it.

    Raises:
        DatabaseUnavailable: It did not answer; the last offset stands.
    """
    async with db.reading(house.pool) as connection:
        asked_at = house.clock.now_unoffset()
        theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
        answered_at = house.clock.now_unoffset()
    middle = asked_at + (answered_at - asked_at) / 2
    house.clock.set_offset((theirs - middle).total_seconds())
    telemetry.CLOCK_OFFSET.set(house.clock.offset_s)


def _build(house: House, api: Api) -> web.Application:
    running_for = timedelta(seconds=house.settings.idempotency_running_s)
    idempotency = PostgresIdempotencyStore(house.pool, running_for=running_for)
    verifier = TokenVerifier(house.settings.issuer, house.settings.audience, clock=house.clock)

    async def database_answers() -> bool:
        return await db.is_reachable(house.pool)

    async def clock_is_right() -> bool:
        return _is_clock_right(house)

    app = build_app(
        api,
        verifier=verifier,
        clock=house.clock,
        idempotency=idempotency,
        checks={"database": database_answers, "clock": clock_is_right},
        limits=Limits(
            body_deadline_s=house.settings.body_deadline_s,
            requests_per_s=house.settings.requests_per_s,
            requests_burst=house.settings.requests_burst,
        ),
        outages=db.LOST,
    )
    app.middlewares.append(_refuse_writes_when_off(house))
    return app


def _is_clock_right(house: House) -> bool:
    return abs(house.clock.offset_s) <= house.settings.clock_skew_max_s


def _refuse_writes_when_off(house: House) -> Middleware:
    @web.middleware
    async def refuse(request: web.Request, handler: RequestHandler) -> web.StreamResponse:
        if request.method not in SAFE_METHODS and not _is_clock_right(house):
            sentence = "This server's clock is being set right. Try again in a moment."
            raise ClockOff(sentence, retry_after_s=int(CLOCK_STEP_S))
        return await handler(request)

    return refuse


def _housekeeping(house: House) -> Sequence[Loop]:
    async def keep_clock() -> None:
        while True:
            await asyncio.sleep(CLOCK_STEP_S)
            telemetry.BUS_CONNECTED.set(house.bus.is_connected())
            try:
                await set_clock(house)
            except DatabaseUnavailable:
                log.warning("clock_not_measured", reason="DatabaseUnavailable")

    async def sweep_idempotency_keys() -> None:
        store = PostgresIdempotencyStore(house.pool)
        while True:
            try:
                await store.sweep()
            except db.LOST:
                log.warning("keys_not_swept", reason="DatabaseUnavailable")
            await asyncio.sleep(SWEEP_STEP_S)

    return keep_clock, sweep_idempotency_keys


async def _open_pool(settings: ServiceSettings, service: str) -> Pool:
    """Open the pool, trying until the start's timeout; then make sure the schema fits."""
    pool = await _first_pool(settings, service)
    async with db.reading(pool) as connection:
        missing = await missing_migrations(connection, service)
    if missing:
        await pool.close()
        sentence = (
            f"The schema {service} lacks {', '.join(missing)}: run `python -m shared.migrate`."
        )
        raise SchemaBehind(sentence)
    return pool


async def _first_pool(settings: ServiceSettings, service: str) -> Pool:
    async with asyncio.timeout(settings.start_timeout_s):
        while True:
            try:
                return await db.open_pool(settings, service=service)
            except db.LOST as error:
                log.warning("database_waited_for", reason=type(error).__name__)
                await asyncio.sleep(START_PAUSE_S)


async def _named(loop: Loop) -> None:
    """Run a loop; a loop that ends or fails ends the process, saying which one it was."""
    try:
        await loop()
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("loop_failed", loop=getattr(loop, "__qualname__", str(loop)))
        raise


def _without_app(hook: Loop) -> Callable[[web.Application], Awaitable[None]]:
    async def call(_app: web.Application) -> None:
        await hook()

    return call
