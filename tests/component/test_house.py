"""What all services stand on, on real servers: chain, outbox, inbox, leases, migrations."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
import pytest

from deploy.local.postgres import PostgresServer
from shared import db, inbox, journal, lease, migrate, outbox
from shared.bus import DELIVERIES_MAX, BusUnavailable, Message, NatsBus, stream_name
from shared.db import DatabaseUnavailable, Pool
from shared.domain.facts import Event
from shared.domain.ids import EventId, new_id
from shared.domain.refusals import Kind, Refusal
from shared.events import envelope
from shared.events.bids import LotClosed, RfpCancelled
from shared.events.envelope import Envelope
from shared.inbox import Inbox, handles
from shared.journal import Aggregate, Entry, Journal
from shared.outbox import Relay
from tests.patience import PATIENCE_S

AT: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def lot_closed(lot_id: UUID | None = None, bids: int = 3) -> LotClosed:
    return LotClosed(lot_id=lot_id or new_id(), rfp_id=new_id(), buyer_id=new_id(), bids=bids)


async def record(pool: Pool, *events: LotClosed) -> None:
    """Record events, each on its lot's chain, in one transaction."""
    entries = [Entry(Aggregate("lot", event.lot_id), (event,)) for event in events]
    for entry in entries:
        async with db.transaction(pool) as connection:
            await Journal("bids").record(connection, [entry], actor="test", at=AT)


def relay(pool: Pool, bus: "NatsBus | FlakyBus", holder: UUID | None = None) -> Relay:
    return Relay(pool, bus, service="bids", holder=holder or new_id(), lease_s=30.0, batch_max=100)


@dataclass
class FlakyBus:
    """A twin of the bus that keeps what it stored and fails when told to."""

    stored: list[tuple[str, str]] = field(default_factory=list)
    fails_at: set[int] = field(default_factory=set)
    tries: int = 0

    async def publish(self, subject: str, body: bytes, *, message_id: str) -> None:
        self.tries += 1
        if self.tries in self.fails_at:
            raise BusUnavailable
        self.stored.append((subject, str(envelope.read(body).sequence)))

    async def fetch(
        self, service: str, publisher: str, *, batch: int, wait_s: float
    ) -> Sequence[Message]:
        raise BusUnavailable

    def is_connected(self) -> bool:
        return True


@dataclass
class Letter:
    """A message whose fate a test reads."""

    body: bytes
    delivery: int = 1
    subject: str = "t.bids.lot.closed.v1"
    fate: str = "none"

    async def ack(self) -> None:
        self.fate = "acknowledged"

    async def retry(self, delay_s: float) -> None:
        self.fate = f"retried after {delay_s}"

    async def bury(self) -> None:
        self.fate = "buried"


# The chain -------------------------------------------------------------------------------------


async def test_facts_of_one_aggregate_follow_one_another_by_hash(bids_database: Pool) -> None:
    lot_id = new_id()
    await record(bids_database, lot_closed(lot_id), lot_closed(lot_id), lot_closed())

    async with db.reading(bids_database) as connection:
        rows = await journal.read_chain(connection, lot_id, after=0, limit=10)

    assert [sequence for sequence, _, _ in rows] == [1, 2]
    assert journal.first_broken(rows) is None
    tampered = [rows[0], (2, rows[1][1].replace('"bids":3', '"bids":2'), rows[1][2])]
    assert journal.first_broken(tampered) == 2


async def test_the_services_role_can_neither_change_nor_delete_its_chain(
    bids_database: Pool,
) -> None:
    await record(bids_database, lot_closed())

    for statement in ("UPDATE audit SET entry = ''", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await bids_database.execute(statement)


async def test_a_transaction_that_fails_leaves_neither_fact_nor_event(bids_database: Pool) -> None:
    event = lot_closed()

    with pytest.raises(ZeroDivisionError):
        await record_and_fail(bids_database, event)

    assert await bids_database.fetchval("SELECT count(*) FROM audit") == 0
    assert await bids_database.fetchval("SELECT count(*) FROM outbox") == 0


async def record_and_fail(pool: Pool, event: LotClosed) -> None:
    async with db.transaction(pool) as connection:
        entry = Entry(Aggregate("lot", event.lot_id), (event,))
        await Journal("bids").record(connection, [entry], actor="test", at=AT)
        raise ZeroDivisionError


# The outbox ------------------------------------------------------------------------------------


async def test_an_event_that_commits_late_is_still_sent(bids_database: Pool) -> None:
    """A cursor over ids would have passed the lower id by."""
    bus = FlakyBus()
    slow = await bids_database.acquire()
    transaction = slow.transaction()
    await transaction.start()
    late = lot_closed()
    entry = Entry(Aggregate("lot", late.lot_id), (late,))
    await Journal("bids").record(slow, [entry], actor="test", at=AT)
    await record(bids_database, lot_closed())
    sender = relay(bids_database, bus)

    first = await sender.step()
    await transaction.commit()
    await bids_database.release(slow)
    second = await sender.step()

    assert (first, second) == (1, 1)


async def test_what_was_not_confirmed_is_sent_again_in_the_order_of_its_aggregate(
    bids_database: Pool,
) -> None:
    lot_id = new_id()
    await record(bids_database, *(lot_closed(lot_id, bids) for bids in range(4)))
    bus = FlakyBus(fails_at={3})
    sender = relay(bids_database, bus)

    with pytest.raises(BusUnavailable):
        await sender.step()
    await sender.step()

    assert [sequence for _, sequence in bus.stored] == ["1", "2", "3", "4"]
    assert (
        await bids_database.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
    )


async def test_one_relay_sends_while_the_other_waits_for_its_lease(bids_database: Pool) -> None:
    await record(bids_database, lot_closed())
    bus = FlakyBus()
    await relay(bids_database, bus).step()
    await record(bids_database, lot_closed())

    assert await relay(bids_database, bus).step() == 0
    assert len(bus.stored) == 1


async def test_a_relay_that_lost_its_lease_marks_nothing(bids_database: Pool) -> None:
    await record(bids_database, lot_closed())

    class Overtaken(FlakyBus):
        async def publish(self, subject: str, body: bytes, *, message_id: str) -> None:
            await super().publish(subject, body, message_id=message_id)
            await bids_database.execute("UPDATE lease SET token = token + 1")

    await relay(bids_database, Overtaken()).step()

    assert (
        await bids_database.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 1
    )


async def test_every_stream_can_be_deleted_and_filled_again_without_a_second_effect(
    bids_database: Pool, notify_database: Pool, bus: NatsBus, namespace: str
) -> None:
    await record(bids_database, *(lot_closed() for _ in range(5)))
    heard: list[UUID] = []
    ear = counting_inbox(notify_database, bus, heard)
    sender = relay(bids_database, bus)
    await sender.step()
    await drain(ear)
    jetstream = await bus._jetstream()
    await jetstream.delete_stream(stream_name(namespace, "bids"))
    await record(bids_database, lot_closed())

    await outbox.republish(bids_database)
    await until_sent(sender, 6)
    await drain(ear)

    assert len(heard) == len(set(heard)) == 6


async def until_sent(sender: Relay, wanted: int) -> None:
    """Step until all is confirmed; a stream that vanished is made again on the way."""
    sent = 0
    async with asyncio.timeout(PATIENCE_S):
        while sent < wanted:
            try:
                sent += await sender.step()
            except BusUnavailable:
                await asyncio.sleep(0.05)


# The inbox -------------------------------------------------------------------------------------


def counting_inbox(pool: Pool, bus: NatsBus, heard: list[UUID]) -> Inbox:
    """An inbox that counts the effect of each event once."""

    async def on_closed(message: Envelope[LotClosed]) -> None:
        async with db.transaction(pool) as connection:
            if await inbox.claim(connection, message.id):
                heard.append(message.event.lot_id)

    return Inbox(pool, bus, service="notify", handlers=dict([handles(LotClosed, on_closed)]))


async def drain(ear: Inbox) -> None:
    """Handle what is there, until a fetch brings nothing."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if not await ear.step("bids", wait_s=0.5):
                    return
            except BusUnavailable:
                await asyncio.sleep(0.05)


async def test_a_message_delivered_twice_has_its_effect_once(
    notify_database: Pool, bus: NatsBus
) -> None:
    heard: list[UUID] = []
    ear = counting_inbox(notify_database, bus, heard)
    body = wrapped(lot_closed())
    first, second = Letter(body), Letter(body, delivery=2)

    await ear.take(first)
    await ear.take(second)

    assert len(heard) == 1
    assert (first.fate, second.fate) == ("acknowledged", "acknowledged")


def wrapped(event: Event) -> bytes:
    made = Envelope(EventId(new_id()), "/commonlot/bids", "lot/x", AT, 1, event)
    return made.to_json().encode()


class NotNow(Refusal):
    """A refusal for tests."""

    kind = Kind.CONFLICT
    code = "not_now"


def failing_inbox(pool: Pool, bus: NatsBus, error: Exception) -> Inbox:
    async def fail(_message: Envelope[LotClosed]) -> None:
        raise error

    return Inbox(pool, bus, service="notify", handlers=dict([handles(LotClosed, fail)]))


async def test_a_refused_message_is_asked_for_again_and_buried_at_last(
    notify_database: Pool, bus: NatsBus
) -> None:
    ear = failing_inbox(notify_database, bus, NotNow("not now"))
    early, last = (
        Letter(wrapped(lot_closed())),
        Letter(wrapped(lot_closed()), delivery=DELIVERIES_MAX - 1),
    )

    await ear.take(early)
    await ear.take(last)

    assert early.fate == "retried after 0.1"
    assert last.fate == "buried"
    (letter,) = await inbox.dead_letters(notify_database, limit=10)
    assert (letter["reason"], letter["subject"]) == ("NotNow", last.subject)


async def test_what_is_no_event_is_buried_at_once(notify_database: Pool, bus: NatsBus) -> None:
    ear = failing_inbox(notify_database, bus, NotNow("never asked"))
    letter = Letter(b'{"specversion": "1.0"}')

    await ear.take(letter)

    assert letter.fate == "buried"
    assert len(await inbox.dead_letters(notify_database, limit=10)) == 1


async def test_while_the_database_is_away_a_message_is_neither_buried_nor_lost(
    notify_database: Pool, bus: NatsBus
) -> None:
    ear = failing_inbox(notify_database, bus, DatabaseUnavailable())
    letter = Letter(wrapped(lot_closed()), delivery=DELIVERIES_MAX)

    with pytest.raises(DatabaseUnavailable):
        await ear.take(letter)

    assert letter.fate == "retried after 0.1"


async def test_a_dead_letter_can_be_replayed_once_its_cause_is_gone(
    notify_database: Pool, bus: NatsBus
) -> None:
    event = lot_closed()
    body = wrapped(event)
    broken = failing_inbox(notify_database, bus, NotNow("not now"))
    await broken.take(Letter(body, delivery=DELIVERIES_MAX))
    heard: list[UUID] = []

    await counting_inbox(notify_database, bus, heard).replay(str(envelope.read(body).id))

    assert heard == [event.lot_id]
    assert await inbox.dead_letters(notify_database, limit=10) == []


async def test_a_type_that_nobody_here_hears_is_acknowledged(
    notify_database: Pool, bus: NatsBus
) -> None:
    ear = counting_inbox(notify_database, bus, [])
    cancelled = RfpCancelled(rfp_id=new_id(), buyer_id=new_id(), lot_ids=(), reason="none")
    unheard = Letter(wrapped(cancelled))
    unknown = Letter(wrapped(cancelled).replace(b"rfp.cancelled.v1", b"rfp.cancelled.v9"))

    await ear.take(unheard)
    await ear.take(unknown)

    assert (unheard.fate, unknown.fate) == ("acknowledged", "acknowledged")


# Leases ----------------------------------------------------------------------------------------


async def test_a_lease_has_one_holder_and_each_change_raises_its_token(
    bids_database: Pool,
) -> None:
    ann, bob = new_id(), new_id()
    async with db.reading(bids_database) as connection:
        first = await lease.acquire(connection, ["x"], holder=ann, lease_s=30)
        refused = await lease.acquire(connection, ["x"], holder=bob, lease_s=30)
        renewed = await lease.acquire(connection, ["x"], holder=ann, lease_s=30)
        await lease.release(connection, ["x"], holder=ann)
        taken = await lease.acquire(connection, ["x"], holder=bob, lease_s=30)
        standing = [await lease.is_held(connection, "x", token=token) for token in (1, 2)]

    assert (first, refused, renewed, taken) == ({"x": 1}, {}, {"x": 1}, {"x": 2})
    assert standing == [False, True]


async def test_a_lease_is_free_once_it_ran_out(bids_database: Pool) -> None:
    async with db.reading(bids_database) as connection:
        await lease.acquire(connection, ["x"], holder=new_id(), lease_s=0.05)
        await asyncio.sleep(0.1)
        taken = await lease.acquire(connection, ["x"], holder=new_id(), lease_s=30)

    assert taken == {"x": 2}


# Migrations ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("bids_database")
async def test_migrating_twice_changes_nothing(postgres_server_: PostgresServer) -> None:
    assert await migrate.migrate(postgres_server_.url, "bids") == []


async def test_a_database_that_is_ahead_of_the_code_is_refused(
    postgres_server_: PostgresServer, bids_database: Pool
) -> None:
    owner = await asyncpg.connect(postgres_server_.url)
    await owner.execute(
        "INSERT INTO bids.migration (room, name, sha256) VALUES ('bids', '9999_pre_new.sql', '')"
    )
    try:
        with pytest.raises(migrate.SchemaUnknown, match=r"bids/9999_pre_new\.sql"):
            await migrate.migrate(postgres_server_.url, "bids")
        async with db.reading(bids_database) as connection:
            missing = await migrate.missing_migrations(connection, "bids")
    finally:
        await owner.execute("DELETE FROM bids.migration WHERE name = '9999_pre_new.sql'")
        await owner.close()

    # Old code runs on the new schema: a service starts all the same.
    assert missing == []
