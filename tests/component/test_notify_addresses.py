"""Hold the client to admitted addresses where sockets are made, on the way that packets go."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from services.notify.domain.addresses import AddressRules
from services.notify.domain.deliveries import Failure
from services.notify.ports import Post, Secret
from services.notify.sender.post import open_poster
from shared.clock import SystemClock
from shared.domain.ids import EventId

WAIT_S: Final = 30.0
STRICT = AddressRules()


class Inner:
    """A server inside, which no webhook may reach."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0

    async def take(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def inner() -> AsyncIterator[Inner]:
    inner = Inner()
    listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    inner.port = listening.getsockname()[1]
    server = await asyncio.start_server(inner.take, sock=listening)
    yield inner
    server.close()
    await server.wait_closed()


class Names(AbstractResolver):
    """A resolver that leads one name to the addresses it is told, one look-up after another."""

    def __init__(self, *look_ups: list[str]) -> None:
        self._look_ups = list(look_ups)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        addresses = self._look_ups.pop(0) if len(self._look_ups) > 1 else self._look_ups[0]
        if not addresses:
            raise OSError
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""


def post_to(url: str) -> Post:
    return Post(
        url=url,
        secret=Secret(b"k" * 32),
        event_id=EventId(UUID(int=1)),
        body=b"{}",
        at=SystemClock().now(),
    )


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "127.0.0.1%2e",
        "user@127.0.0.1",
    ],
)
async def test_no_spelling_of_an_inner_address_reaches_it(inner: Inner, host: str) -> None:
    async with open_poster(STRICT, user_agent="commonlot/test", timeout_s=2.0) as poster:
        outcome = await poster.post(post_to(f"http://{host}:{inner.port}/"))

    assert outcome.status_code is None
    assert outcome.failure is not None
    assert inner.connections == 0


async def test_server_inside_would_answer_were_it_not_for_the_guard(inner: Inner) -> None:
    rules = AddressRules(is_loopback_allowed=True)
    async with open_poster(rules, user_agent="commonlot/test", timeout_s=2.0) as poster:
        for host in ("127.0.0.1", "127.8.9.10", "[::1]", "localhost"):
            outcome = await poster.post(post_to(f"http://{host}:{inner.port}/"))
            assert outcome.status_code == 200

    assert inner.connections == 4


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["127.0.0.1", "::1", "::ffff:127.0.0.1"],
    ],
)
async def test_name_that_leads_inside_reaches_nothing(inner: Inner, addresses: list[str]) -> None:
    async with open_poster(
        STRICT, user_agent="commonlot/test", timeout_s=2.0, resolver=Names(addresses)
    ) as poster:
        outcome = await poster.post(post_to(f"http://hooks.example.org:{inner.port}/"))

    assert outcome.failure is Failure.ADDRESS_REFUSED
    assert inner.connections == 0


async def test_name_that_moves_inside_between_two_attempts_reaches_nothing(inner: Inner) -> None:
    loose_then_inside = Names(["127.0.0.1"], ["::ffff:127.0.0.1"])
    rules = AddressRules(is_loopback_allowed=True)
    connector_names = {"user_agent": "commonlot/test", "timeout_s": 2.0}
    async with open_poster(rules, resolver=loose_then_inside, **connector_names) as poster:  # type: ignore[arg-type]
        first = await poster.post(post_to(f"http://hooks.example.org:{inner.port}/"))
        second = await poster.post(post_to(f"http://more.example.org:{inner.port}/"))

    assert first.status_code == 200
    assert second.failure is Failure.ADDRESS_REFUSED
    assert inner.connections == 1


async def test_name_that_leads_nowhere_is_a_failure() -> None:
    async with open_poster(
        STRICT, user_agent="commonlot/test", timeout_s=2.0, resolver=Names([])
    ) as poster:
        outcome = await poster.post(post_to("https://hooks.example.org/"))

    assert outcome.failure is Failure.NAME_UNRESOLVED


async def test_proxy_of_the_environment_is_not_asked(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inner.port}")
    async with open_poster(STRICT, user_agent="commonlot/test", timeout_s=2.0) as poster:
        outcome = await poster.post(post_to("http://127.0.0.1:9/"))

    assert outcome.failure is Failure.ADDRESS_REFUSED
    assert inner.connections == 0


async def test_refused_and_wrong_receivers_are_failures_with_a_name() -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_024)
        writer.write(b"this is no HTTP\r\n\r\n")
        await writer.drain()
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_024)
        writer.close()

    rules = AddressRules(is_loopback_allowed=True)
    wrong = await asyncio.start_server(broken, "127.0.0.1", 0)
    quiet = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with open_poster(rules, user_agent="commonlot/test", timeout_s=2.0) as poster:
        ports = [server.sockets[0].getsockname()[1] for server in (wrong, quiet)]
        posts = [post_to(f"http://127.0.0.1:{port}/") for port in (*ports, 9)]
        tls = post_to(f"https://127.0.0.1:{ports[0]}/")
        outcomes = [await poster.post(post) for post in (*posts, tls)]
    for server in (wrong, quiet):
        server.close()
        await server.wait_closed()

    assert [outcome.failure for outcome in outcomes] == [
        Failure.ANSWER_MALFORMED,
        Failure.CONNECTION_LOST,
        Failure.CONNECTION_FAILED,
        Failure.TLS_FAILED,
    ]


async def test_compressed_answer_is_kept_as_it_came() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8bnot gzip", headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rules = AddressRules(is_loopback_allowed=True)
    async with open_poster(rules, user_agent="commonlot/test", timeout_s=2.0) as poster:
        outcome = await poster.post(post_to(f"http://127.0.0.1:{runner.addresses[0][1]}/"))
    await runner.cleanup()

    assert outcome.status_code == 200
    assert outcome.answer == b"\x1f\x8bnot gzip"


async def test_names_that_answer_slowly_do_not_hold_up_others(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    asked: set[str] = set()
    look_up = socket.getaddrinfo

    def look_up_slowly(host: str, *rest: Any, **named: Any) -> Any:
        if host.endswith(".slow.example.org"):
            asked.add(host)
            go_on.wait(WAIT_S)
            raise socket.gaierror
        return look_up(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_slowly)
    rules = AddressRules(is_loopback_allowed=True)
    async with (
        open_poster(rules, user_agent="commonlot/test", timeout_s=WAIT_S) as poster,
        asyncio.TaskGroup() as group,
        asyncio.timeout(WAIT_S),
    ):
        for number in range(20):
            url = f"https://{number}.slow.example.org/"
            group.create_task(poster.post(post_to(url)))
        while len(asked) < 20:  # noqa: ASYNC110 - threads set it
            await asyncio.sleep(0.01)

        outcome = await poster.post(post_to(f"http://localhost:{inner.port}/"))

        go_on.set()
    assert outcome.status_code == 200
