"""Before the opening no price can be found: not in a table, a stream, a log, or an answer."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from clients.custodian import open_rfp
from clients.errors import Problem
from deploy.local.stack import RunningStack
from shared.bus import PUBLISHERS, NatsBus, StreamShape, stream_name
from tests.system.conftest import People, until_instant

CANARY: Final = "76543.2198"
FORMS: Final = (
    CANARY.encode(),
    b"765432198",
    base64.b64encode(CANARY.encode()),
    base64.urlsafe_b64encode(b'"' + CANARY.encode() + b'"').rstrip(b"="),
    CANARY.encode().hex().encode(),
    (765432198).to_bytes(8, "big"),
    (765432198).to_bytes(8, "little"),
)
"""How the price could be written down: as text, scaled, in base64, in hex, as a bigint in a
packet and on a disk."""


def files_of(data: Path) -> Iterator[Path]:
    """Everything that the servers keep: tables, streams, logs, and the write-ahead log.

    What was committed stands in the write-ahead log at the latest.
    """
    return (path for path in data.rglob("*") if path.is_file() and path.stat().st_size)


def finds(data: Path) -> list[str]:
    """Name the files in which the price is found in any of its forms."""
    found = []
    for path in files_of(data):
        content = path.read_bytes()
        if any(form in content for form in FORMS):
            found.append(str(path.relative_to(data)))
    return found


async def events_of(stack: RunningStack) -> bytes:
    """Read every message that the broker holds."""
    shape = StreamShape("commonlot", bytes_max=1024**3, replicas=1)
    bus = NatsBus(stack.facts.nats_url, name="insider", shape=shape)
    jetstream = await bus._jetstream()
    bodies = []
    try:
        for publisher in PUBLISHERS:
            name = stream_name("commonlot", publisher)
            last = (await jetstream.stream_info(name)).state.last_seq
            bodies += [
                (await jetstream.get_msg(name, sequence)).data or b""
                for sequence in range(1, last + 1)
            ]
    finally:
        await bus.close()
    return b"\n".join(bodies)


async def refusals_of(people: People, lot_id: str, base_url: str) -> str:
    """Provoke what could echo the price: a wrong currency, an unknown member, a float."""
    bodies = (
        f'{{"unit_price": "{CANARY}", "currency": "EUR"}}',
        f'{{"unit_price": "{CANARY}", "currency": "USD", "extra": "{CANARY}"}}',
        f'{{"unit_price": {CANARY}, "currency": "USD"}}',
        f'{{"unit_price": "{CANARY}0", "currency": "USD"}}',
        f'{{"unit_price": "{CANARY}", "currency": "{CANARY}"}}',
        f"{CANARY}",
    )
    headers = {
        "Authorization": f"Bearer {people.tokens['vendor-1']}",
        "Content-Type": "application/json",
    }
    answers = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for body in bodies:
            async with session.post(f"{base_url}/v1/lots/{lot_id}/bids", data=body) as answer:
                assert 400 <= answer.status < 500
                answers.append(await answer.text() + str(answer.headers))
    return "\n".join(answers)


async def test_no_price_is_found_anywhere_before_the_opening_and_it_is_afterwards(
    stack: RunningStack, people: People
) -> None:
    rfp, lot = await people.published_lot(closes_in_s=4)
    receipt = await people.vendors[0].bids.file_bid(lot["id"], unit_price=CANARY, currency="USD")
    answers = await refusals_of(people, lot["id"], stack.facts.bids)
    own = await people.vendors[0].bids.bid(receipt["bid_id"])

    before = finds(stack.facts.data)
    told = await events_of(stack)
    with pytest.raises(Problem) as early:
        await people.buyer.awards.evaluation(lot["id"])

    assert before == []
    assert not any(form in told for form in FORMS)
    assert CANARY not in answers
    assert CANARY not in f"{receipt}{own}{early.value}"

    await until_instant(rfp["closes_at"])
    await open_rfp(people.custodian.bids, rfp["id"], people.custodian_key)
    # The search can find: what was sealed is now in the tables.
    assert finds(stack.facts.data) != []
    evaluation = await people.buyer.awards.evaluation(lot["id"])
    assert evaluation["bids"][0]["unit_price"] == CANARY
