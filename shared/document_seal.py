"""Seal whole documents by the scheme coop-doc/1, so that who keeps them cannot read them.

A document's key is 32 random bytes, used for this document alone; it travels inside the sealed bid,
so that nobody holds it before the opening. A sealed copy is the scheme's name and a line's end,
then frames of AES-256-GCM, each over 65,536 bytes. The last frame ends with the byte 0x80 and as
many zeros as fill it, so that a length tells no more than how many frames there are. A frame's
nonce is its number and whether it is the last, so that none can be moved, dropped or added: the
construction STREAM. Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption
and its Nonce-Reuse Misuse-Resistance" (2015), section 7.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.refusals import Kind, Refusal

SCHEME: Final = b"coop-doc/1\n"
KEY_BYTES: Final = 32
FRAME_BYTES: Final = 65_536
TAG_BYTES: Final = 16
SEALED_FRAME_BYTES: Final = FRAME_BYTES + TAG_BYTES

_COUNTER_BYTES: Final = 11
_END: Final = b"\x80"


class DocumentSealBroken(Refusal):
    """A sealed document does not open: another key, or altered bytes; `frame` says where."""

    kind = Kind.CONFLICT
    code = "document_seal_broken"

    def __init__(self, frame: int) -> None:
        """Name the frame, counted from 1; 0 is the scheme's name, or a length that none has."""
        sentence = f"The sealed document does not open at its frame {frame}."
        super().__init__(sentence, details={"frame": frame})


def new_key() -> bytes:
    """Draw the key of one document."""
    return AESGCM.generate_key(8 * KEY_BYTES)


def sealed_length(length_bytes: int) -> int:
    """Tell how long the sealed copy of a document is."""
    frames = length_bytes // FRAME_BYTES + 1
    return len(SCHEME) + frames * SEALED_FRAME_BYTES


def is_sealed_length(length_bytes: int) -> bool:
    """Tell whether a sealed copy can have this length."""
    frames, rest = divmod(length_bytes - len(SCHEME), SEALED_FRAME_BYTES)
    return rest == 0 and frames >= 1


def sealed_pieces(pieces: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """Seal a document, piece by piece; nothing of it is held but what fills no frame yet."""
    cipher = AESGCM(key)
    held = bytearray()
    number = 0
    yield SCHEME
    for piece in pieces:
        held += piece
        while len(held) >= FRAME_BYTES:
            # A full frame is never the last, for that one holds the end as well.
            yield cipher.encrypt(_nonce(number, is_last=False), bytes(held[:FRAME_BYTES]), SCHEME)
            del held[:FRAME_BYTES]
            number += 1
    last = bytes(held + _END).ljust(FRAME_BYTES, b"\x00")
    yield cipher.encrypt(_nonce(number, is_last=True), last, SCHEME)


class DocumentOpener:
    """Open one sealed document, piece by piece; what it hands on is authentic."""

    def __init__(self, key: bytes, *, sealed_bytes: int) -> None:
        """Open with a key what has a known length.

        Raises:
            DocumentSealBroken: No sealed document has this length, or no document this key.
        """
        if not is_sealed_length(sealed_bytes) or len(key) != KEY_BYTES:
            raise DocumentSealBroken(0)
        self._cipher = AESGCM(key)
        self._frames = (sealed_bytes - len(SCHEME)) // SEALED_FRAME_BYTES
        self._number = 0
        self._held = bytearray()
        self._is_begun = False

    def open(self, piece: bytes) -> bytes:
        """Take the next bytes, and return what can be opened by now.

        Raises:
            DocumentSealBroken: A frame does not open, or there are more than were announced.
        """
        self._held += piece
        if not self._is_begun:
            if len(self._held) < len(SCHEME):
                return b""
            if not self._held.startswith(SCHEME):
                raise DocumentSealBroken(0)
            del self._held[: len(SCHEME)]
            self._is_begun = True
        opened = bytearray()
        while len(self._held) >= SEALED_FRAME_BYTES:
            opened += self._frame(bytes(self._held[:SEALED_FRAME_BYTES]))
            del self._held[:SEALED_FRAME_BYTES]
        return bytes(opened)

    def finish(self) -> None:
        """Say that there are no more bytes.

        Raises:
            DocumentSealBroken: Frames are missing, or bytes are left over.
        """
        if self._number != self._frames or self._held:
            raise DocumentSealBroken(self._number + 1)

    def _frame(self, sealed: bytes) -> bytes:
        self._number += 1
        is_last = self._number == self._frames
        try:
            frame = self._cipher.decrypt(_nonce(self._number - 1, is_last=is_last), sealed, SCHEME)
        except InvalidTag:
            raise DocumentSealBroken(self._number) from None
        return self._without_padding(frame) if is_last else frame

    def _without_padding(self, frame: bytes) -> bytes:
        content = frame.rstrip(b"\x00")
        if not content.endswith(_END):
            raise DocumentSealBroken(self._number)
        return content[: -len(_END)]


def opened_pieces(pieces: Iterable[bytes], key: bytes, *, sealed_bytes: int) -> Iterator[bytes]:
    """Open a sealed document, piece by piece.

    Raises:
        DocumentSealBroken: It does not open.
    """
    opener = DocumentOpener(key, sealed_bytes=sealed_bytes)
    for piece in pieces:
        yield opener.open(piece)
    opener.finish()


def _nonce(number: int, *, is_last: bool) -> bytes:
    # The key is drawn for this document alone, so that a counter is a nonce that never repeats.
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes((is_last,))
