"""The client goes on asking until it is answered, and never does one act twice."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from click.testing import CliRunner, Result

from clients import Client, Http, Patience, Problem, Services, Unreachable
from clients.cli import cli
from clients.stream import Frame

HASTE = Patience(total_s=10.0, attempt_s=0.5, first_wait_s=0.001, longest_wait_s=0.01)

AUCTION = "01890000-0000-7000-8000-000000000001"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Script:
    """A server that gives its answers in their order, and remembers what it was asked."""

    answers: list[Answer]
    keys: list[str | None] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    last_event_ids: list[str | None] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Idempotency-Key"))
        self.queries.append(dict(request.query))
        self.last_event_ids.append(request.headers.get("Last-Event-ID"))
        self.bodies.append(await request.read())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[tuple[Script, str]]:
    script = Script(list(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    async with TestServer(app) as server:
        yield script, str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def client_of(url: str, patience: Patience = HASTE) -> AsyncIterator[Client]:
    async with Http(patience=patience) as http:
        yield Client(Services.behind(url), "a-token", http)


def says(status: int, document: Mapping[str, object], **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(document, status=status, headers=named)

    return answer


def refuses(status: int, code: str, **headers: str) -> Answer:
    return says(status, {"code": code, "detail": "No.", "status": status}, **headers)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hangs(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


RECEIPT: dict[str, object] = {"bid_id": "b", "version": 1}


class TestRetries:
    @pytest.mark.parametrize(
        "not_now",
        [
            refuses(503, "outside_unavailable"),
            refuses(429, "rate_exceeded"),
            refuses(409, "idempotency_key_running"),
            hangs_up,
            hangs,
        ],
        ids=["away", "too often", "still running", "connection lost", "no answer"],
    )
    async def test_one_act_has_one_key_however_often_it_is_asked(self, not_now: Answer) -> None:
        answers = (not_now, not_now, says(201, RECEIPT))
        async with serving(*answers) as (script, url), client_of(url) as client:
            receipt = await client.bids.file_bid("lot", unit_price="1.00", currency="USD")

        assert receipt == RECEIPT
        assert len(script.keys) == 3
        assert len(set(script.keys)) == 1
        assert script.keys[0]
        assert len(set(script.bodies)) == 1

    async def test_two_acts_have_two_keys(self) -> None:
        async with serving(says(201, RECEIPT)) as (script, url), client_of(url) as client:
            for _ in range(2):
                await client.bids.file_bid("lot", unit_price="1.00", currency="USD")

        assert len(set(script.keys)) == 2

    async def test_a_refusal_is_told_at_once_with_all_its_members(self) -> None:
        errors = [{"line": 2, "column": "quantity", "reason": "not a number"}]
        document = {"code": "csv_rows_invalid", "detail": "One row.", "errors": errors}
        async with serving(says(422, document)) as (script, url), client_of(url) as client:
            with pytest.raises(Problem) as refused:
                await client.bids.import_requirements("a,b\n", currency="USD")

        problem = refused.value
        assert (problem.status, problem.code) == (422, "csv_rows_invalid")
        assert problem.detail == "One row."
        assert list(problem.errors) == errors
        assert len(script.keys) == 1

    async def test_another_conflict_is_not_asked_again(self) -> None:
        async with serving(refuses(409, "bid_late")) as (script, url), client_of(url) as client:
            with pytest.raises(Problem, match="bid_late"):
                await client.bids.file_bid("lot", unit_price="1.00", currency="USD")

        assert len(script.keys) == 1

    async def test_patience_ends_with_the_last_refusal(self) -> None:
        patience = Patience(total_s=0.3, first_wait_s=0.01, longest_wait_s=0.02)
        answer = refuses(503, "desk_busy")
        async with serving(answer) as (script, url), client_of(url, patience) as client:
            began_s = time.monotonic()
            with pytest.raises(Problem, match="desk_busy"):
                await client.auctions.offer(AUCTION, unit_price="1.00", currency="USD")

        assert time.monotonic() - began_s < 2.0
        assert len(script.keys) > 2

    async def test_a_wait_that_was_asked_for_and_is_too_long_is_not_waited(self) -> None:
        answer = refuses(429, "rate_exceeded", Retry_After="60")
        async with serving(answer) as (script, url), client_of(url) as client:
            began_s = time.monotonic()
            with pytest.raises(Problem, match="rate_exceeded"):
                await client.bids.lot("lot")

        assert time.monotonic() - began_s < 2.0
        assert len(script.keys) == 1

    async def test_nobody_there_is_unreachable(self) -> None:
        patience = Patience(total_s=0.1, first_wait_s=0.01, longest_wait_s=0.02)
        async with client_of(f"http://127.0.0.1:{unused_port()}", patience) as client:
            with pytest.raises(Unreachable, match="GET"):
                await client.bids.lot("lot")

    async def test_reading_carries_no_key(self) -> None:
        async with serving(says(200, {"id": "lot"})) as (script, url), client_of(url) as client:
            await client.bids.lot("lot")

        assert script.keys == [None]


class TestLists:
    async def test_pages_are_followed_to_the_last(self) -> None:
        first = says(200, {"items": [{"id": "1"}, {"id": "2"}], "next_after": "2"})
        last = says(200, {"items": [{"id": "3"}], "next_after": None})
        async with serving(first, last) as (script, url), client_of(url) as client:
            ids = [party["id"] async for party in client.bids.parties()]

        assert ids == ["1", "2", "3"]
        assert [query.get("after") for query in script.queries] == [None, "2"]


def streams(*frames: bytes, breaks: bool = False) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for frame in frames:
            await response.write(frame)
        if breaks and request.transport is not None:
            await response.drain()
            request.transport.close()
        return response

    return answer


def picture(sequence: int, status: str) -> bytes:
    return f'id: {sequence}\nevent: picture\ndata: {{"status": "{status}"}}\n\n'.encode()


async def watched(client: Client) -> list[Frame]:
    return [frame async for frame in client.auctions.watch(AUCTION)]


class TestWatch:
    async def test_a_broken_stream_is_taken_up_with_a_new_ticket_where_it_broke(self) -> None:
        answers = (
            says(201, {"ticket": "first"}),
            streams(picture(4, "live"), breaks=True),
            refuses(503, "desk_elsewhere"),
            says(201, {"ticket": "second"}),
            streams(picture(5, "live"), picture(6, "closed")),
        )
        async with serving(*answers) as (script, url), client_of(url) as client:
            frames = await watched(client)

        assert [frame.id for frame in frames] == ["4", "5", "6"]
        assert [query["ticket"] for query in script.queries if query] == ["first", "second"]
        assert script.last_event_ids[-1] == "4"

    async def test_a_refused_stream_is_told(self) -> None:
        async with serving(refuses(404, "auction_unknown")) as (_, url), client_of(url) as client:
            with pytest.raises(Problem, match="auction_unknown"):
                await watched(client)

    async def test_a_stream_that_stays_away_is_unreachable(self) -> None:
        patience = Patience(total_s=0.2, first_wait_s=0.01, longest_wait_s=0.02)
        ticket = says(201, {"ticket": "one"})
        broken = [ticket, streams(breaks=True)] * 200
        async with serving(*broken) as (_, url), client_of(url, patience) as client:
            with pytest.raises(Unreachable, match="did not come back"):
                await watched(client)


async def run_cli(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments)


class TestCommandLine:
    async def test_an_auction_that_is_over_ends_the_watch(self) -> None:
        shown = {
            "status": "closed",
            "offers": 3,
            "lead": {"alias": None, "unit_price": "0.12"},
            "closes_at": "2027-03-01T12:00:00Z",
            "server_time": "2027-03-01T12:00:01Z",
        }
        time_only = b'event: time\ndata: {"server_time": "2027-03-01T12:00:00Z"}\n\n'
        frame = f"id: 9\nevent: picture\ndata: {json.dumps(shown)}\n\n".encode()
        async with serving(says(201, {"ticket": "t"}), streams(time_only, frame)) as (_, url):
            result = await run_cli("auctions", "watch", "--url", url, "--token", "t", AUCTION)

        assert result.exit_code == 0
        assert result.output == (
            "2027-03-01T12:00:01Z  closed     3 offers  lead 0.12  closes 2027-03-01T12:00:00Z\n"
        )

    async def test_a_refusal_is_exit_status_1(self) -> None:
        async with serving(refuses(404, "auction_unknown")) as (_, url):
            result = await run_cli("auctions", "watch", "--url", url, "--token", "t", AUCTION)

        assert result.exit_code == 1
        assert "auction_unknown" in result.stderr
