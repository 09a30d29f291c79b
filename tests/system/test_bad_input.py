"""Bad input: each fault a clear problem with a stable code, and nothing stored."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import aiohttp
import asyncpg
import pytest

from clients.http import Document
from deploy.local.stack import RunningStack
from shared.domain.ids import new_id
from tests.patience import until
from tests.system.conftest import People, requirement, until_instant

COUNTED: Final = (
    "party",
    "requirement",
    "rfp",
    "lot",
    "bid",
    "bid_version",
    "award",
    "audit",
    "outbox",
)
"""The tables in which something would stand if anything had been stored."""

BY_THE_CLOCK: Final = {"audit": "WHERE entry::json ->> 'actor' <> 'bids'"}
"""What the service does by itself, such as closing the bids of an earlier test, is left out."""


@dataclass(frozen=True)
class Answer:
    """What a service said: its status, its problem's members, its headers."""

    status: int
    problem: Document
    media_type: str


class Edge:
    """Send what a client library would not, and count what is stored."""

    def __init__(self, stack: RunningStack, people: People, session: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.people = people
        self.session = session

    async def send(
        self, method: str, path: str, body: object, *, who: str, media: str = "application/json"
    ) -> Answer:
        """Send a body as it stands (text), or as JSON."""
        headers = {"Content-Type": media, "Idempotency-Key": new_id().hex}
        if who in self.people.tokens:
            headers["Authorization"] = f"Bearer {self.people.tokens[who]}"
        elif who:
            headers["Authorization"] = f"Bearer {who}"
        data = body if isinstance(body, (str, bytes)) else json.dumps(body)
        url = f"{self.stack.facts.bids}{path}"
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            text = await answer.text()
            return Answer(answer.status, json.loads(text) if text else {}, answer.content_type)

    async def counts(self) -> dict[str, int]:
        connection = await asyncpg.connect(self.stack.facts.database_url)
        try:
            return {
                table: await connection.fetchval(
                    f"SELECT count(*) FROM bids.{table} {BY_THE_CLOCK.get(table, '')}"  # noqa: S608 - names of ours
                )
                for table in COUNTED
            }
        finally:
            await connection.close()


@pytest.fixture
async def edge(stack: RunningStack, people: People) -> AsyncIterator[Edge]:
    async with aiohttp.ClientSession() as session:
        yield Edge(stack, people, session)


async def refused(edge: Edge, answer: Answer, before: dict[str, int], expected: str) -> None:
    """A refusal is a whole problem document with the expected status and code, and no effect."""
    status, code = expected.split(" ")
    problem = answer.problem
    assert (answer.status, problem["code"]) == (int(status), code)
    assert answer.media_type == "application/problem+json"
    assert problem["status"] == answer.status
    assert problem["type"] == f"urn:commonlot:problem:{code}"
    assert problem["detail"].endswith(".")
    assert await edge.counts() == before


STATED: Final = dict(requirement(None))

FAULTS: Final = {
    "an unknown field": (STATED | {"colour": "red"}, "422 body_invalid"),
    "a float amount": (STATED | {"baseline_unit_price": 12.5}, "422 body_invalid"),
    "a price with five decimals": (
        STATED | {"baseline_unit_price": "0.12345"},
        "422 body_invalid",
    ),
    "a negative quantity": (STATED | {"quantity": "-3"}, "422 body_invalid"),
    "a quantity of nothing": (STATED | {"quantity": 0}, "422 body_invalid"),
    "a float quantity": (STATED | {"quantity": 1.5}, "422 body_invalid"),
    "an unknown currency": (STATED | {"currency": "XAU"}, "422 body_invalid"),
    "a missing member": (
        {name: value for name, value in STATED.items() if name != "unit"},
        "422 body_invalid",
    ),
    "a malformed date": (STATED | {"need_by": "soon"}, "422 body_invalid"),
    "a body that is no JSON": ('{"unit": ', "400 json_malformed"),
    "a member written twice": (
        json.dumps(STATED)[:-1] + ', "unit": "dozen"}',
        "400 json_malformed",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_requirement_is_refused(edge: Edge, fault: str) -> None:
    body, expected = FAULTS[fault]
    before = await edge.counts()

    answer = await edge.send("POST", "/v1/requirements", body, who="member-0")

    await refused(edge, answer, before, expected)


async def test_a_valid_requirement_is_stored(edge: Edge) -> None:
    """The faults above are the only reason why nothing was stored."""
    before = await edge.counts()

    answer = await edge.send("POST", "/v1/requirements", requirement(None), who="member-0")

    assert answer.status == 201
    assert (await edge.counts())["requirement"] == before["requirement"] + 1


async def test_a_body_over_the_limit_is_refused(edge: Edge) -> None:
    before = await edge.counts()

    answer = await edge.send(
        "POST", "/v1/requirements", requirement(None, unit="x" * 70_000), who="member-0"
    )

    await refused(edge, answer, before, "413 body_too_large")


async def test_another_media_type_is_refused(edge: Edge) -> None:
    before = await edge.counts()

    answer = await edge.send(
        "POST", "/v1/requirements", "<xml/>", who="member-0", media="application/xml"
    )

    await refused(edge, answer, before, "415 media_type_unsupported")


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("", "401 token_missing"),
        ("a.stranger.token", "401 token_invalid"),
        ("vendor-0", "403 scope_missing"),
        ("observer", "403 scope_missing"),
    ],
)
async def test_a_stranger_states_nothing(edge: Edge, who: str, expected: str) -> None:
    before = await edge.counts()

    answer = await edge.send("POST", "/v1/requirements", requirement(None), who=who)

    await refused(edge, answer, before, expected)


@pytest.mark.parametrize("id_", ["1", "not-an-id", "%00", "0190" * 9])
async def test_a_malformed_id_is_refused(edge: Edge, id_: str) -> None:
    before = await edge.counts()

    answer = await edge.send("GET", f"/v1/rfps/{id_}", "", who="buyer")

    await refused(edge, answer, before, "400 id_malformed")


@pytest.mark.parametrize(
    ("path", "code"), [("/v1/rfps/{}", "rfp_unknown"), ("/v1/lots/{}", "lot_unknown")]
)
async def test_an_unknown_id_is_not_found(edge: Edge, path: str, code: str) -> None:
    before = await edge.counts()

    answer = await edge.send("GET", path.format(new_id()), "", who="buyer")

    await refused(edge, answer, before, f"404 {code}")


async def test_a_bid_in_another_currency_is_refused(edge: Edge, people: People) -> None:
    _, lot = await people.published_lot()
    before = await edge.counts()

    answer = await edge.send(
        "POST",
        f"/v1/lots/{lot['id']}/bids",
        {"unit_price": "1.00", "currency": "EUR"},
        who="vendor-0",
    )

    await refused(edge, answer, before, "422 currency_wrong")


async def test_a_late_bid_is_refused(edge: Edge, people: People) -> None:
    rfp, lot = await people.published_lot(closes_in_s=1.0)
    await until_instant(rfp["closes_at"])
    before = await edge.counts()

    answer = await edge.send(
        "POST",
        f"/v1/lots/{lot['id']}/bids",
        {"unit_price": "1.00", "currency": "USD"},
        who="vendor-0",
    )

    assert (answer.status, answer.problem["code"]) == (409, "bid_late")
    assert (await edge.counts())["bid"] == before["bid"]
    await until(partial(is_closed, people, rfp["id"]))


async def is_closed(people: People, rfp_id: str) -> bool:
    """The closing's own facts must not be counted by the next test."""
    opening = await people.buyer.bids.opening(rfp_id)
    return bool(opening["status"] != "sealed")


async def test_another_vendors_bid_is_as_good_as_none(edge: Edge, people: People) -> None:
    _, lot = await people.published_lot()
    receipt = await people.vendors[0].bids.file_bid(lot["id"], unit_price="1.00", currency="USD")
    before = await edge.counts()

    answer = await edge.send("GET", f"/v1/bids/{receipt['bid_id']}", "", who="vendor-1")

    await refused(edge, answer, before, "404 bid_unknown")


async def test_another_buyers_draft_is_as_good_as_none(edge: Edge, people: People) -> None:
    rfp = await people.draft()
    before = await edge.counts()

    answer = await edge.send("POST", f"/v1/rfps/{rfp['id']}/publish", "", who="vendor-0")
    seen = await edge.send("GET", f"/v1/rfps/{rfp['id']}", "", who="vendor-0")

    await refused(edge, answer, before, "403 scope_missing")
    await refused(edge, seen, before, "404 rfp_unknown")


async def test_three_bad_rows_among_a_thousand_are_all_named_and_none_is_stored(
    edge: Edge, people: People
) -> None:
    (party,) = [
        one async for one in people.buyer.bids.parties() if one["id"] == people.member_ids[0]
    ]
    header = (
        "member_reference,category,item_code,specification,unit,quantity,commitment,need_by,"
        "term_months,delivery_area,baseline_unit_price,reference"
    )
    rows = [
        f"{party['reference']},goods,43211503,laptop,each,10,firm,2030-01-01,12,,400.00,row-{n}"
        for n in range(1000)
    ]
    rows[10] = rows[10].replace(",10,firm", ",-10,firm")
    rows[500] = rows[500].replace(party["reference"], "nobody")
    rows[999] = rows[999].replace("2030-01-01", "someday")
    before = await edge.counts()

    answer = await edge.send(
        "POST",
        "/v1/requirements/import?currency=USD",
        "\n".join([header, *rows]),
        who="buyer",
        media="text/csv",
    )

    await refused(edge, answer, before, "422 csv_rows_invalid")
    named = [(error["line"], error["column"]) for error in answer.problem["errors"]]
    assert named == [(12, "quantity"), (502, "member_reference"), (1001, "need_by")]


async def test_the_same_key_creates_once_and_another_body_is_refused(
    edge: Edge, people: People
) -> None:
    body = requirement(people.member_ids[0])
    key = new_id().hex
    first = await keyed(edge, key, body)
    again = await keyed(edge, key, body)
    other = await keyed(edge, key, {**body, "quantity": "301"})

    assert (first.status, again.status) == (201, 201)
    assert again.problem == first.problem
    assert (other.status, other.problem["code"]) == (422, "idempotency_key_reused")


async def keyed(edge: Edge, key: str, body: Document) -> Answer:
    headers = {"Authorization": f"Bearer {edge.people.tokens['buyer']}", "Idempotency-Key": key}
    url = f"{edge.stack.facts.bids}/v1/requirements"
    async with edge.session.post(url, json=body, headers=headers) as answer:
        return Answer(answer.status, await answer.json(content_type=None), answer.content_type)
