"""Sealed documents: they open with their key alone, whole, and tell next to nothing."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from shared.document_seal import (
    FRAME_BYTES,
    SCHEME,
    SEALED_FRAME_BYTES,
    DocumentOpener,
    DocumentSealBroken,
    is_sealed_length,
    new_key,
    opened_pieces,
    sealed_length,
    sealed_pieces,
)

KEY = bytes(range(32))


def seal(content: bytes, key: bytes = KEY) -> bytes:
    return b"".join(sealed_pieces([content], key))


def open_all(sealed: bytes, key: bytes = KEY) -> bytes:
    return b"".join(opened_pieces([sealed], key, sealed_bytes=len(sealed)))


@pytest.mark.parametrize(
    "length", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES]
)
def test_document_opens_to_what_was_sealed(length: int) -> None:
    content = bytes(n % 251 for n in range(length))

    sealed = seal(content)

    assert open_all(sealed) == content
    assert len(sealed) == sealed_length(length)
    assert is_sealed_length(len(sealed))


@given(content=st.binary(max_size=300), cut=st.integers(1, 90), trailing=st.integers(0, 3))
def test_pieces_of_any_length_make_the_same_document(
    content: bytes, cut: int, trailing: int
) -> None:
    content += bytes(trailing)
    pieces = [content[n : n + cut] for n in range(0, len(content), cut)]

    sealed = b"".join(sealed_pieces(pieces, KEY))
    opener = DocumentOpener(KEY, sealed_bytes=len(sealed))
    opened = b"".join(opener.open(sealed[n : n + 7 * cut]) for n in range(0, len(sealed), 7 * cut))
    opener.finish()

    assert sealed == seal(content)
    assert opened == content


def test_length_tells_no_more_than_how_many_frames_there_are() -> None:
    lengths = {len(seal(bytes(length))) for length in (0, 1, 1_000, FRAME_BYTES - 1)}

    assert lengths == {len(SCHEME) + SEALED_FRAME_BYTES}


@pytest.mark.parametrize(
    ("place", "frame"),
    [
        (0, 0),
        (len(SCHEME), 1),
        (len(SCHEME) + SEALED_FRAME_BYTES - 1, 1),
        (len(SCHEME) + SEALED_FRAME_BYTES, 2),
        (-1, 3),
    ],
)
def test_flipped_bit_is_found_and_its_frame_named(place: int, frame: int) -> None:
    sealed = bytearray(seal(bytes(2 * FRAME_BYTES + 5)))
    sealed[place] ^= 1

    with pytest.raises(DocumentSealBroken) as refused:
        open_all(bytes(sealed))

    assert refused.value.details == {"frame": frame}


def test_another_key_opens_nothing() -> None:
    sealed = seal(b"a drawing")

    with pytest.raises(DocumentSealBroken):
        open_all(sealed, new_key())


def test_frames_cannot_be_dropped_swapped_or_repeated() -> None:
    sealed = seal(bytes(FRAME_BYTES) + bytes([1]) * FRAME_BYTES + b"end")
    first, second, last = (
        sealed[len(SCHEME) + n * SEALED_FRAME_BYTES :][:SEALED_FRAME_BYTES] for n in range(3)
    )

    for frames in ((first, second), (first, last), (second, first, last), (first, first, last)):
        with pytest.raises(DocumentSealBroken):
            open_all(SCHEME + b"".join(frames))


def test_document_that_ends_early_is_not_whole() -> None:
    sealed = seal(bytes(FRAME_BYTES))
    opener = DocumentOpener(KEY, sealed_bytes=len(sealed))
    opener.open(sealed[:-SEALED_FRAME_BYTES])

    with pytest.raises(DocumentSealBroken):
        opener.finish()


@pytest.mark.parametrize("length", [0, len(SCHEME), len(SCHEME) + SEALED_FRAME_BYTES - 1])
def test_length_that_no_sealed_document_has_is_refused(length: int) -> None:
    with pytest.raises(DocumentSealBroken):
        DocumentOpener(KEY, sealed_bytes=length)


def test_frames_are_aes_gcm_as_others_know_it() -> None:
    """The scheme's written form, spelt out: who follows the page can open what was sealed here."""
    sealed = seal(bytes([7]) * (FRAME_BYTES + 1))

    head, first, last = sealed[:11], sealed[11 : 11 + 65_552], sealed[11 + 65_552 :]
    cipher = AESGCM(KEY)

    assert head == b"coop-doc/1\n"
    assert cipher.decrypt(bytes(12), first, head) == bytes([7]) * 65_536
    assert cipher.decrypt(bytes(10) + b"\x01\x01", last, head) == b"\x07\x80" + bytes(65_534)
