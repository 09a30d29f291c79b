"""Say what the house needs of a message bus, whichever library carries it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class BusUnavailable(Exception):  # noqa: N818 - a fact about the server
    """The bus is away, or did not confirm in time; what was published is in doubt."""


class NobodyListens(BusUnavailable):
    """Nobody listens on the subject; what was asked was heard by no one."""


class Message(Protocol):
    """One delivery of a message to a consumer."""

    @property
    def subject(self) -> str:
        """Name the subject under which it was published."""

    @property
    def body(self) -> bytes:
        """Return the envelope's bytes."""

    @property
    def delivery(self) -> int:
        """Count the deliveries of this message to this consumer, this one included."""

    async def ack(self) -> None:
        """Say that its effect is committed."""

    async def retry(self, delay_s: float) -> None:
        """Ask for it again after a while."""

    async def bury(self) -> None:
        """Say that it must not come again."""


class Bus(Protocol):
    """What the outbox and the inbox need of a message bus.

    Raises, from every method: `BusUnavailable`.
    """

    async def publish(self, subject: str, body: bytes, *, message_id: str) -> None:
        """Publish and return once the server has stored it."""

    async def fetch(
        self, service: str, publisher: str, *, batch: int, wait_s: float
    ) -> Sequence[Message]:
        """Return up to `batch` messages of `publisher`'s stream; none is an answer."""

    def is_connected(self) -> bool:
        """Tell whether the link stands now."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said on a line; `answer` is None where nobody waits for one."""

    subject: str
    body: bytes
    answer: Callable[[bytes], Awaitable[None]] | None


class Ear(Protocol):
    """A listener at work."""

    async def close(self) -> None:
        """Listen no longer."""


class Line(Protocol):
    """Talk between replicas: at most once, kept nowhere, and outside every stream.

    Subjects stand under `<namespace>-`, so that no stream takes what is said.
    """

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> bytes:
        """Return the answer of whoever listens on the subject.

        Raises:
            NobodyListens: It was heard by no one.
            BusUnavailable: No answer came in time; whether it was heard is in doubt.
        """

    async def tell(self, subject: str, body: bytes) -> None:
        """Say something, without waiting to see who hears it. Raises `BusUnavailable`."""

    async def listen(self, subject: str, take: Callable[[Spoken], None]) -> Ear:
        """Hand whatever is said on the subject to `take`, which must not wait.

        A listener outlives a lost connection. Raises `BusUnavailable`.
        """
