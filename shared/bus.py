"""Carry events over NATS JetStream: the one door to nats-py.

JetStream is transport, never the record: a stream may be lost and is then filled again from the
outboxes. A publish is confirmed by the server or it is in doubt, and what is in doubt is published
again under the same message id, which the server recognises for `DUPLICATE_WINDOW_S`.
Streams and consumers are declared here and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NoStreamResponseError, NotFoundError

from shared.transport import (
    Bus,
    BusUnavailable,
    Ear,
    Line,
    Message,
    NobodyListens,
    Spoken,
)

PUBLISHERS: Final = ("bids", "auctions", "notify")

HEARS: Final = {
    "bids": ("auctions",),
    "auctions": ("bids",),
    "notify": ("bids", "auctions"),
}
"""Which service consumes whose stream."""

CONNECT_TIMEOUT_S: Final = 5.0
PUBLISH_TIMEOUT_S: Final = 5.0
RECONNECT_PAUSE_S: Final = 1
PING_INTERVAL_S: Final = 5
PINGS_OUTSTANDING_MAX: Final = 2
DUPLICATE_WINDOW_S: Final = 30 * 60.0
STREAM_AGE_MAX_S: Final = 14 * 24 * 3600.0
ACK_WAIT_S: Final = 10.0
"""Handlers take milliseconds; a message whose consumer died comes again after this."""

ACKS_PENDING_MAX: Final = 512
DELIVERIES_MAX: Final = 20
"""A message that failed this often is buried as a dead letter by the consumer before the last."""


__all__ = [
    "Bus",
    "BusUnavailable",
    "Ear",
    "Line",
    "Message",
    "NatsBus",
    "NobodyListens",
    "Spoken",
    "StreamShape",
]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NatsEar:
    """An `Ear` as nats-py keeps it."""

    subscription: Subscription

    async def close(self) -> None:
        """Listen no longer; a lost connection has forgotten us anyway."""
        try:
            await self.subscription.unsubscribe()
        except NatsError:
            log.debug("ear_closed_without_connection")


@dataclass(frozen=True, slots=True)
class NatsMessage:
    """A `Message` as nats-py delivers it."""

    message: Msg

    @property
    def subject(self) -> str:
        """Name the subject under which it was published."""
        return self.message.subject

    @property
    def body(self) -> bytes:
        """Return the envelope's bytes."""
        return self.message.data

    @property
    def delivery(self) -> int:
        """Count the deliveries of this message to this consumer, this one included."""
        return self.message.metadata.num_delivered or 1

    async def ack(self) -> None:
        """Say that its effect is committed; a lost ack only brings it again."""
        await self.message.ack()

    async def retry(self, delay_s: float) -> None:
        """Ask for it again after a while."""
        await self.message.nak(delay=delay_s)

    async def bury(self) -> None:
        """Say that it must not come again."""
        await self.message.term()


@dataclass(frozen=True, slots=True)
class StreamShape:
    """How the streams are made.

    `namespace` is the first token of every subject. NATS sets `bytes_max` aside for each of the
    three streams when it makes them, on each of `replicas` servers.
    """

    namespace: str
    bytes_max: int
    replicas: int


class NatsBus:
    """A `Bus` and a `Line` over one NATS connection that reconnects for ever."""

    def __init__(self, url: str, *, name: str, shape: StreamShape) -> None:
        """Connect to `url` on first use, naming the connection after the service."""
        self._url = url
        self._name = name
        self._shape = shape
        self._client: Client | None = None
        self._has_streams = False
        self._connecting = asyncio.Lock()
        self._pulls: dict[tuple[str, str], JetStreamContext.PullSubscription] = {}

    async def publish(self, subject: str, body: bytes, *, message_id: str) -> None:
        """Publish under the namespace and return once the server has stored it."""
        jetstream = await self._jetstream()
        try:
            await jetstream.publish(
                f"{self._shape.namespace}.{subject}",
                body,
                timeout=PUBLISH_TIMEOUT_S,
                headers={"Nats-Msg-Id": message_id},
            )
        except NoStreamResponseError as error:
            # The stream was lost; once it is made again, the outbox can fill it.
            await _declare(jetstream, self._shape)
            raise BusUnavailable from error
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable from error

    async def fetch(
        self, service: str, publisher: str, *, batch: int, wait_s: float
    ) -> Sequence[Message]:
        """Pull the next messages; a stream or consumer that vanished is made again."""
        try:
            pull = await self._pull(service, publisher)
            messages = await pull.fetch(batch, timeout=wait_s)
        except TimeoutError:
            return ()
        except (NatsError, OSError) as error:
            self._pulls.pop((service, publisher), None)
            raise BusUnavailable from error
        return [NatsMessage(message) for message in messages]

    def is_connected(self) -> bool:
        """Tell whether the link stands now."""
        return self._client is not None and self._client.is_connected

    async def close(self) -> None:
        """Leave the server; what is in flight is in doubt and will come again."""
        if self._client is not None:
            await self._client.close()

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> bytes:
        """Return the answer of whoever listens on the subject."""
        client = self._standing_link()
        try:
            answer = await client.request(self._said_on(subject), body, timeout=timeout_s)
        except NoRespondersError as error:
            raise NobodyListens from error
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable from error
        return answer.data

    async def tell(self, subject: str, body: bytes) -> None:
        """Say something, without waiting to see who hears it."""
        client = self._standing_link()
        try:
            await client.publish(self._said_on(subject), body)
        except (NatsError, OSError) as error:
            raise BusUnavailable from error

    async def listen(self, subject: str, take: Callable[[Spoken], None]) -> NatsEar:
        """Hand whatever is said on the subject to `take`, which must not wait."""
        client = await self._link()

        async def hear(message: Msg) -> None:
            take(Spoken(message.subject, message.data, _answer_of(message)))

        try:
            heard = await client.subscribe(self._said_on(subject), cb=hear)
        except (NatsError, OSError) as error:
            raise BusUnavailable from error
        return NatsEar(heard)

    def _said_on(self, subject: str) -> str:
        return f"{self._shape.namespace}-{subject}"

    def _standing_link(self) -> Client:
        """Return the connection if it stands now: talk that waits in a buffer is worth nothing."""
        if self._client is None or not self._client.is_connected:
            raise BusUnavailable
        return self._client

    async def _link(self) -> Client:
        """Return the one connection, made on first use."""
        async with self._connecting:
            if self._client is None:
                self._client = await _connect(self._url, name=self._name)
        return self._client

    async def _jetstream(self) -> JetStreamContext:
        """Return JetStream over the one connection, with its streams declared on first use."""
        client = await self._link()
        if not self._has_streams:
            await _declare(client.jetstream(), self._shape)
            self._has_streams = True
        return client.jetstream(timeout=PUBLISH_TIMEOUT_S)

    async def _pull(self, service: str, publisher: str) -> JetStreamContext.PullSubscription:
        standing = self._pulls.get((service, publisher))
        if standing is None:
            jetstream = await self._jetstream()
            stream = stream_name(self._shape.namespace, publisher)
            try:
                await jetstream.consumer_info(stream, service)
            except NotFoundError:
                await _declare(jetstream, self._shape)
                await jetstream.add_consumer(stream, _consumer(service))
            standing = await jetstream.pull_subscribe_bind(durable=service, stream=stream)
            self._pulls[service, publisher] = standing
        return standing


async def _connect(url: str, *, name: str) -> Client:
    """Connect once; from then on the client reconnects by itself.

    Raises:
        BusUnavailable: No server answered within `CONNECT_TIMEOUT_S`.
    """
    client = Client()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.connect(
                url,
                name=f"commonlot {name}",
                ping_interval=PING_INTERVAL_S,
                max_outstanding_pings=PINGS_OUTSTANDING_MAX,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_PAUSE_S,
                error_cb=_on_error,
                disconnected_cb=_on_disconnect,
                reconnected_cb=_on_reconnect,
            )
    except (NatsError, OSError, TimeoutError) as error:
        # A client that failed to connect keeps its transport open until it is closed.
        await client.close()
        raise BusUnavailable from error
    return client


def _answer_of(message: Msg) -> Callable[[bytes], Awaitable[None]] | None:
    if not message.reply:
        return None

    async def answer(body: bytes) -> None:
        try:
            await message.respond(body)
        except NatsError as error:
            raise BusUnavailable from error

    return answer


async def _declare(jetstream: JetStreamContext, shape: StreamShape) -> None:
    """Make the streams that are missing; those that stand are left as they are."""
    for publisher in PUBLISHERS:
        try:
            await jetstream.add_stream(_stream(shape, publisher))
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable from error


async def _on_error(error: Exception) -> None:
    log.warning("bus_error", error=type(error).__name__)


async def _on_disconnect() -> None:
    log.warning("bus_disconnected")


async def _on_reconnect() -> None:
    log.info("bus_reconnected")


def stream_name(namespace: str, publisher: str) -> str:
    """Name a publisher's stream."""
    return f"{namespace}_{publisher}".upper()


def _stream(shape: StreamShape, publisher: str) -> StreamConfig:
    return StreamConfig(
        name=stream_name(shape.namespace, publisher),
        subjects=[f"{shape.namespace}.{publisher}.>"],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_age=STREAM_AGE_MAX_S,
        max_bytes=shape.bytes_max,
        num_replicas=shape.replicas,
        duplicate_window=DUPLICATE_WINDOW_S,
    )


def _consumer(service: str) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=service,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_deliver=DELIVERIES_MAX,
        max_ack_pending=ACKS_PENDING_MAX,
    )
