"""What the broker between replicas can read and change of their talk: nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.auctions.domain.commands import SetProxy
from services.auctions.gallery import Watched
from services.auctions.line import HEAD_BYTES, SealedLine
from services.auctions.ports import DeskElsewhere
from services.auctions.store import AuctionStore
from shared.bus import BusUnavailable, Ear, NatsBus, Spoken, StreamShape
from shared.clock import FixedClock
from tests.component.auctions_room import VENDORS, request, scheduled, usd
from tests.component.test_auctions_forward import (
    VAULT_KEY,
    Replica,
    an_offer,
    at_work,
    reached,
    until_shown,
)
from tests.conftest import STREAM_BYTES_MAX
from tests.patience import until

LIMIT: Final = "7.77"
SEALED: Final = "6.66"
OTHER_KEY: Final = bytes(reversed(VAULT_KEY))
SALT: Final = b"0123456789abcdef"
ALTERED: Final = (0, 5, HEAD_BYTES - 1, HEAD_BYTES, -1)
"""A byte of the format, the salt, the counter, the ciphertext, and the tag."""


@dataclass
class Tap:
    """Everything that goes through the broker, subject and body."""

    client: Client
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    async def take(self, message: Msg) -> None:
        self.heard.append((message.subject, message.data))

    def bodies(self, part: str) -> list[bytes]:
        return [body for subject, body in self.heard if part in subject]

    def all_of_it(self) -> bytes:
        return b"".join(body for _, body in self.heard)


@pytest.fixture
async def tap(nats_url: str) -> AsyncIterator[Tap]:
    client = await nats.connect(nats_url)
    tap = Tap(client)
    await client.subscribe(">", cb=tap.take)
    await client.flush()
    yield tap
    await client.close()


@pytest.fixture
async def owner(
    auctions: AuctionStore, standing_clock: FixedClock, bus: NatsBus
) -> AsyncIterator[Replica]:
    async with at_work(Replica(auctions, bus, standing_clock)) as replica:
        yield replica


@pytest.fixture
async def other_bus(nats_url: str, namespace: str) -> AsyncIterator[NatsBus]:
    shape = StreamShape(namespace, bytes_max=STREAM_BYTES_MAX, replicas=1)
    bus = NatsBus(nats_url, name="other", shape=shape)
    yield bus
    await bus.close()


@pytest.fixture
async def other(
    auctions: AuctionStore, standing_clock: FixedClock, other_bus: NatsBus
) -> AsyncIterator[Replica]:
    async with at_work(Replica(auctions, other_bus, standing_clock)) as replica:
        await connected(replica)
        yield replica


async def connected(replica: Replica) -> None:
    """Wait until a replica can talk."""

    async def talks() -> bool:
        return replica.bus.is_connected()

    await until(talks)


def a_proxy() -> SetProxy:
    return SetProxy(party_id=VENDORS[0], limit=usd(LIMIT), decrement=usd("0.05"), salt=SALT)


async def test_no_limit_of_a_proxy_can_be_read_at_the_broker(
    owner: Replica, other: Replica, standing_clock: FixedClock, tap: Tap
) -> None:
    rules = replace(request().rules, proxies=True)
    auction_id = await scheduled(owner.auctions, standing_clock, request(rules=rules))
    await reached(owner, auction_id)
    other.watched = Watched(frozenset({auction_id}), is_all=False)

    await other.ask(auction_id, a_proxy(), key="proxy")
    placed = await other.ask(auction_id, an_offer(VENDORS[1], "9.00"), key="offer")
    await until_shown(other, placed.written.sequence + 1)

    assert tap.bodies("desk.")
    assert tap.bodies("picture.")
    assert tap.bodies("_INBOX")
    for told in (LIMIT, "77700", "9.00", "SetProxy", "limit", "Bidder", SALT.hex()):
        assert told.encode() not in tap.all_of_it()


async def test_no_sealed_offer_can_be_read_at_the_broker(
    owner: Replica, other: Replica, standing_clock: FixedClock, tap: Tap
) -> None:
    rules = replace(
        request().rules,
        format="vickrey",
        show_lead="never",
        soft_close_window_s=0,
        soft_close_extension_s=0,
        extensions_max=0,
    )
    auction_id = await scheduled(owner.auctions, standing_clock, request(rules=rules))
    await reached(owner, auction_id)
    other.watched = Watched(frozenset({auction_id}), is_all=False)

    offer = replace(an_offer(VENDORS[1], SEALED), salt=SALT)
    placed = await other.ask(auction_id, offer, key="a")
    await until_shown(other, placed.written.sequence)

    assert other.shown[-1].sealed == {"Bidder 2": 66_600}
    assert tap.bodies("picture.")
    for told in (SEALED, "66600", "Bidder 2", SALT.hex()):
        assert told.encode() not in tap.all_of_it()


@pytest.mark.parametrize("place", ALTERED)
async def test_a_command_that_was_altered_on_its_way_does_nothing(
    owner: Replica, other: Replica, standing_clock: FixedClock, tap: Tap, place: int
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    await reached(owner, auction_id)
    await other.ask(auction_id, an_offer(VENDORS[1], "9.90"), key=None)
    (command,) = tap.bodies("desk.")
    altered = bytearray(command)
    altered[place] ^= 1

    with pytest.raises(TimeoutError):
        await _said_again(tap, f"desk.{auction_id}", bytes(altered))

    # The same command unaltered would have been refused by a rule, and so answered.
    assert await _said_again(tap, f"desk.{auction_id}", command)
    assert len(await owner.auctions.log(auction_id, after=2, limit=10)) == 1


async def test_a_command_in_clear_or_from_another_auction_does_nothing(
    owner: Replica, other: Replica, standing_clock: FixedClock, tap: Tap
) -> None:
    first, second = [await scheduled(owner.auctions, standing_clock) for _ in range(2)]
    await reached(owner, first)
    await reached(owner, second)
    await other.ask(first, an_offer(VENDORS[1], "9.90"), key=None)
    (command,) = tap.bodies("desk.")
    clear = json.dumps({"v": 2, "key": None, "command": {"name": "LeaveAuction", "fields": {}}})

    for body in (command, clear.encode(), b""):
        with pytest.raises(TimeoutError):
            await _said_again(tap, f"desk.{second}", body)

    assert len(await owner.auctions.log(second, after=2, limit=10)) == 0


async def test_replicas_of_another_key_do_not_understand_each_other(
    owner: Replica, auctions: AuctionStore, standing_clock: FixedClock, other_bus: NatsBus
) -> None:
    auction_id = await scheduled(owner.auctions, standing_clock)
    await reached(owner, auction_id)
    stranger = Replica(auctions, other_bus, standing_clock, vault_key=OTHER_KEY)

    async with at_work(stranger):
        await connected(stranger)
        with pytest.raises(DeskElsewhere):
            await stranger.ask(auction_id, an_offer(VENDORS[1], "9.90"), key=None)

    assert len(await owner.auctions.log(auction_id, after=2, limit=10)) == 0


# One line alone ----------------------------------------------------------------------------------


@dataclass
class Room:
    """A line whose one listener hears everything, by way of whatever stands between."""

    between: Callable[[bytes], bytes] = bytes
    take: Callable[[Spoken], None] | None = None

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> bytes:
        answers: list[bytes] = []

        async def answer(told: bytes) -> None:
            answers.append(told)

        async with asyncio.timeout(timeout_s):
            assert self.take is not None
            self.take(Spoken(f"house-{subject}", body, answer))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return self.between(answers[0])

    async def tell(self, subject: str, body: bytes) -> None:
        assert self.take is not None
        self.take(Spoken(f"house-{subject}", body, None))

    async def listen(self, subject: str, take: Callable[[Spoken], None]) -> Ear:
        del subject
        self.take = take
        return Silence()


class Silence:
    """An ear that need not be closed."""

    async def close(self) -> None:
        """Do nothing."""


async def test_what_is_said_and_answered_comes_out_as_it_went_in() -> None:
    room, heard = Room(), list[bytes]()
    here, there = SealedLine(room, VAULT_KEY), SealedLine(room, VAULT_KEY)
    await there.listen("desk.*", lambda spoken: _echo(spoken, heard))

    answer = await here.ask("desk.a", b"asked", timeout_s=1.0)

    assert (heard, answer) == ([b"asked"], b"asked, answered")


async def test_an_answer_that_was_altered_leaves_the_question_in_doubt() -> None:
    room = Room(between=lambda answer: answer[:-1] + bytes([answer[-1] ^ 1]))
    here, there = SealedLine(room, VAULT_KEY), SealedLine(room, VAULT_KEY)
    await there.listen("desk.*", lambda spoken: _echo(spoken, []))

    with pytest.raises(BusUnavailable):
        await here.ask("desk.a", b"asked", timeout_s=1.0)


async def test_the_answer_to_one_question_is_no_answer_to_another() -> None:
    answers: list[bytes] = []

    def first_again(answer: bytes) -> bytes:
        answers.append(answer)
        return answers[0]

    room = Room(between=first_again)
    here, there = SealedLine(room, VAULT_KEY), SealedLine(room, VAULT_KEY)
    await there.listen("desk.*", lambda spoken: _echo(spoken, []))
    await here.ask("desk.a", b"first", timeout_s=1.0)

    with pytest.raises(BusUnavailable):
        await here.ask("desk.a", b"second", timeout_s=1.0)


async def test_the_same_words_are_never_sealed_alike() -> None:
    told: list[bytes] = []
    room = Room(take=lambda spoken: told.append(spoken.body))
    lines = [SealedLine(room, VAULT_KEY) for _ in range(2)]

    for line in (*lines, *lines):
        await line.tell("watch", b"the same")

    assert len({body[:HEAD_BYTES] for body in told}) == 4
    assert len({body[HEAD_BYTES:] for body in told}) == 4


_TASKS: Final[set["asyncio.Future[None]"]] = set()


def _echo(spoken: Spoken, heard: list[bytes]) -> None:
    heard.append(spoken.body)
    assert spoken.answer is not None
    answering: Awaitable[None] = spoken.answer(spoken.body + b", answered")
    task = asyncio.ensure_future(answering)
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


async def _said_again(tap: Tap, subject: str, body: bytes) -> bytes:
    """Say something on a subject as anybody at the broker could; return the answer."""
    (heard_on,) = {one for one, _ in tap.heard if one.endswith(subject)} or {
        next(one for one, _ in tap.heard if "desk." in one).partition("desk.")[0] + subject
    }
    answer = await tap.client.request(heard_on, body, timeout=0.5)
    return answer.data
