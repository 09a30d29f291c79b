"""Put routes, documents and probes into one application, and serve it until told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.auth import Verifier
from shared.clock import Clock
from shared.idempotency import IdempotencyStore
from shared.web.endpoint import Edge, Endpoint
from shared.web.middlewares import add_headers, edge_middleware
from shared.web.openapi import openapi_document
from shared.web.rates import Rates
from shared.web.reference import reference_page
from shared.web.routes import Api

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[bool]]

BACKLOG: Final = 1024
"""Connections that wait to be taken: a burst of bidders at an auction's last seconds."""

KEEPALIVE_S: Final = 75.0
"""How long an idle connection is kept: longer than the proxies before us keep theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of the HTTP edge; a service's settings fill them."""

    body_deadline_s: float = 10.0
    """How long a body may take to arrive."""

    requests_per_s: int = 2_000
    """How often one caller may ask for long: above any person, below what starves the others."""

    requests_burst: int = 4_000
    """How many requests of one caller may come at once."""

    check_timeout_s: float = 2.0
    """How long one readiness check may take before it counts as failed."""


def build_app(
    api: Api,
    *,
    verifier: Verifier,
    clock: Clock,
    idempotency: IdempotencyStore,
    checks: Mapping[str, Check],
    limits: Limits | None = None,
    outages: tuple[type[Exception], ...] = (),
) -> web.Application:
    """Build a service's application.

    Args:
        api: The service's routes.
        verifier: Verifies access tokens.
        clock: Tells when a body was fully received.
        idempotency: Keeps the keys of the routes that create.
        checks: What `/readyz` asks, each by the name that it shows when it fails.
        limits: The bounds of the edge.
        outages: Errors that say that the database or another server is away: answered as 503.
    """
    limits = limits or Limits()
    edge = Edge(
        verifier=verifier,
        clock=clock,
        idempotency=idempotency,
        rates=Rates(requests_per_s=limits.requests_per_s, burst=limits.requests_burst),
        body_deadline_s=limits.body_deadline_s,
    )
    app = web.Application(middlewares=[edge_middleware(outages)])
    app.on_response_prepare.append(add_headers)
    for route in api.routes:
        app.router.add_route(route.method, route.path, Endpoint(route, edge).answer)
    _add_documents(app, api)
    _add_probes(app, checks, timeout_s=limits.check_timeout_s)
    return app


def _add_documents(app: web.Application, api: Api) -> None:
    document = openapi_document(api)
    page = reference_page(document)

    async def openapi(_request: web.Request) -> web.Response:
        return web.json_response(document)

    async def docs(_request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": page.security_policy}
        return web.Response(text=page.html, content_type="text/html", headers=headers)

    app.router.add_get("/openapi.json", openapi, allow_head=False)
    app.router.add_get("/docs", docs, allow_head=False)


def _add_probes(app: web.Application, checks: Mapping[str, Check], *, timeout_s: float) -> None:
    async def livez(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        passed = await asyncio.gather(*(_passes(check, timeout_s) for check in checks.values()))
        failing = [name for name, is_ok in zip(checks, passed, strict=True) if not is_ok]
        if failing:
            return web.json_response({"status": "not ready", "failing": failing}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/livez", livez, allow_head=False)
    app.router.add_get("/readyz", readyz, allow_head=False)
    app.router.add_get("/metrics", metrics, allow_head=False)


async def _passes(check: Check, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await check()
    except Exception as error:  # noqa: BLE001 - whatever a check raises, it did not pass
        log.warning("check_failed", reason=repr(error))
        return False


async def serve(
    app: web.Application, host: str, port: int, *, stop: asyncio.Event, grace_s: float = 10.0
) -> None:
    """Serve until `stop` is set or the process is told to end (SIGTERM, SIGINT).

    Requests under way get `grace_s` to end; streams end by the application's own `on_shutdown`.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=grace_s,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        log.info("listening", addresses=[str(address) for address in runner.addresses])
        with _stopped_by_signals(stop):
            await stop.wait()
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
