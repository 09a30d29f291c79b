"""Talk between replicas so that the broker between them reads nothing, and can change nothing.

What replicas tell each other names vendors, limits of proxies and sealed offers. Every body is
sealed (AES-256-GCM) under a key that is derived from the vault's, which replicas share and the
broker does not know, and is bound to its subject; an answer also to what was asked.

A body is `FORMAT ‖ salt ‖ counter ‖ ciphertext`. Each process draws its salt once and has a key of
its own by it, under which it counts what it says: no nonce comes twice, however much is said.
"""

import secrets
from collections.abc import Awaitable, Callable
from functools import lru_cache
from itertools import count
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from prometheus_client import Counter

from shared.transport import BusUnavailable, Ear, Line, Spoken
from shared.vault import derived_key

LABEL: Final = b"commonlot/auctions/between-replicas/1"

FORMAT: Final = b"\x01"
SALT_BYTES: Final = 16
COUNTER_BYTES: Final = 8
NONCE_BYTES: Final = 12
HEAD_BYTES: Final = len(FORMAT) + SALT_BYTES + COUNTER_BYTES

KEYS_MAX: Final = 256
"""Other processes whose keys are remembered: more replicas than anybody runs, and their past."""

UNREADABLE: Final = Counter(
    "commonlot_talk_unreadable_total", "What was heard that no replica of ours had said so."
)

log = structlog.get_logger(__name__)


class TalkUnreadable(Exception):  # noqa: N818 - a fact about what was heard
    """It was not sealed by a replica of ours, for this subject, or not as an answer to this."""


class SealedLine:
    """A `Line` on which only those who have the vault's key can speak and understand."""

    def __init__(self, line: Line, vault_key: bytes) -> None:
        """Seal what is said on `line`."""
        self._line = line
        self._salt = secrets.token_bytes(SALT_BYTES)
        self._said = count()

        @lru_cache(maxsize=KEYS_MAX)
        def cipher_of(salt: bytes) -> AESGCM:
            return AESGCM(derived_key(vault_key, salt=salt, label=LABEL))

        self._cipher_of = cipher_of

    async def ask(self, subject: str, body: bytes, *, timeout_s: float) -> bytes:
        """Return the answer of whoever listens on the subject.

        Raises:
            NobodyListens: It was heard by no one.
            BusUnavailable: No answer came in time that could be read; whether it was heard is in
                doubt.
        """
        asked = self._seal(body, _place(subject))
        answer = await self._line.ask(subject, asked, timeout_s=timeout_s)
        try:
            return self._open(answer, _place(subject, asked))
        except TalkUnreadable as error:
            _note_unreadable(subject)
            raise BusUnavailable from error

    async def tell(self, subject: str, body: bytes) -> None:
        """Say something, without waiting to see who hears it. Raises `BusUnavailable`."""
        await self._line.tell(subject, self._seal(body, _place(subject)))

    async def listen(self, subject: str, take: Callable[[Spoken], None]) -> Ear:
        """Hand what is said on the subject to `take`, and leave out what cannot be read.

        Raises `BusUnavailable`.
        """
        stem = subject.removesuffix("*")

        def take_sealed(spoken: Spoken) -> None:
            # A line may put a prefix of its own before its subjects.
            local = spoken.subject[spoken.subject.rindex(stem) :]
            try:
                body = self._open(spoken.body, _place(local))
            except TalkUnreadable:
                _note_unreadable(local)
                return
            answer = spoken.answer and self._answering(spoken.answer, _place(local, spoken.body))
            take(Spoken(spoken.subject, body, answer))

        return await self._line.listen(subject, take_sealed)

    def _answering(
        self, say: Callable[[bytes], Awaitable[None]], place: bytes
    ) -> Callable[[bytes], Awaitable[None]]:
        async def answer(body: bytes) -> None:
            await say(self._seal(body, place))

        return answer

    def _seal(self, body: bytes, place: bytes) -> bytes:
        counter = next(self._said).to_bytes(COUNTER_BYTES, "big")
        ciphertext = self._cipher_of(self._salt).encrypt(_nonce(counter), body, place)
        return FORMAT + self._salt + counter + ciphertext

    def _open(self, sealed: bytes, place: bytes) -> bytes:
        head, ciphertext = sealed[:HEAD_BYTES], sealed[HEAD_BYTES:]
        if len(head) < HEAD_BYTES or not head.startswith(FORMAT):
            raise TalkUnreadable
        salt, counter = head[len(FORMAT) : -COUNTER_BYTES], head[-COUNTER_BYTES:]
        try:
            return self._cipher_of(salt).decrypt(_nonce(counter), ciphertext, place)
        except (InvalidTag, ValueError) as error:
            raise TalkUnreadable from error


def _place(subject: str, asked: bytes | None = None) -> bytes:
    """Name what a body is bound to: its subject, and for an answer the head of what was asked."""
    if asked is None:
        return b"said/" + subject.encode()
    return b"answered/" + subject.encode() + b"/" + asked[:HEAD_BYTES]


def _nonce(counter: bytes) -> bytes:
    return counter.rjust(NONCE_BYTES, b"\x00")


def _note_unreadable(subject: str) -> None:
    UNREADABLE.inc()
    log.warning("talk_unreadable", subject=subject)
