"""Put documents into keeping and fetch them, each checked by its hash; seal those of a bid.

    told = await deposit(client.bids, Path("drawing.pdf"))   # sealed here, then put
    await attach(client.bids, Path("terms.pdf"), rfp_id=rfp_id)
    await fetch(client.bids, sha256, Path("copy.pdf"))

A bid's document is sealed on the vendor's side under a key of its own, which goes into the sealed
bid: the service keeps bytes that it cannot read before the opening.
"""

import hashlib
import mimetypes
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from clients.bids import BidsClient
from clients.errors import ClientError
from clients.http import Document as Answer
from shared.document_seal import new_key, sealed_pieces
from shared.domain.bid_documents import (
    ANY_MEDIA_TYPE,
    Document,
    EnvelopeKind,
    SealedCopy,
    envelope_named,
)

DOCUMENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""The largest document that the service keeps."""

_PIECE_BYTES: Final = 1024 * 1024


class DocumentTooLarge(ClientError):  # noqa: N818 - a fact about a file
    """The file is larger than any document that is kept."""

    code = "document_too_large"


class DocumentAltered(ClientError):  # noqa: N818 - a fact about a file
    """What was fetched is not the document that was asked for."""

    code = "document_altered"


async def deposit(
    bids: BidsClient, path: Path, *, envelope: EnvelopeKind = EnvelopeKind.TECHNICAL
) -> Document:
    """Seal a bid's document and put its sealed copy (vendor); the answer goes into the bid.

    One of the price's `envelope`, such as a cost sheet, is read with the prices alone.

    Raises:
        DocumentTooLarge: It is larger than any document that is kept.
        Problem: The service refuses.
        Unreachable: No answer came; do it again.
    """
    length_bytes = _fitting_length(path)
    key = new_key()
    plain, sealed = hashlib.sha256(), hashlib.sha256()
    with tempfile.NamedTemporaryFile(prefix="commonlot-") as copy:
        for piece in sealed_pieces(_read(path, plain), key):
            sealed.update(piece)
            copy.write(piece)
        copy.flush()
        sealed_bytes = copy.tell()
        sha256 = sealed.hexdigest()
        await bids.put_document(Path(copy.name), sha256=sha256, purpose="bid")
    return Document(
        name=path.name,
        sha256=plain.hexdigest(),
        length_bytes=length_bytes,
        media_type=media_type_of(path),
        copy=SealedCopy(sha256, sealed_bytes, key.hex()),
        envelope=envelope_named(envelope),
    )


async def attach(bids: BidsClient, path: Path, *, rfp_id: str) -> Answer:
    """Put a document of a solicitation (buyer). Raises as `deposit`."""
    return await _put(bids, path, purpose="solicitation", rfp_id=rfp_id)


async def put_authority(bids: BidsClient, path: Path) -> Answer:
    """Put the document by which a member lets others buy for it. Raises as `deposit`."""
    return await _put(bids, path, purpose="authority")


async def fetch(bids: BidsClient, sha256: str, file: BinaryIO) -> int:
    """Write a document into a file, check it, and tell its length.

    Raises:
        DocumentAltered: What came has another SHA-256.
        Problem: The service refuses: no such document, or none that one may read now.
        Unreachable: No answer came.
    """
    await bids.fetch_document(sha256, file)
    return checked(file, sha256)


def checked(file: BinaryIO, sha256: str) -> int:
    """See that a file holds what it ought to, and tell its length.

    Raises:
        DocumentAltered: It has another SHA-256.
    """
    file.seek(0)
    digest = hashlib.sha256()
    length_bytes = sum(len(piece) for piece in _pieces(file, digest))
    if digest.hexdigest() != sha256:
        sentence = "What was fetched has another SHA-256 than was asked for; do not use it."
        raise DocumentAltered(sentence)
    return length_bytes


def media_type_of(path: Path) -> str:
    """Guess a file's media type by its name."""
    guessed, encoding = mimetypes.guess_type(path.name)
    return guessed if guessed and not encoding else ANY_MEDIA_TYPE


async def _put(bids: BidsClient, path: Path, **said: str) -> Answer:
    _fitting_length(path)
    digest = hashlib.sha256()
    for _ in _read(path, digest):
        pass
    return await bids.put_document(
        path,
        sha256=digest.hexdigest(),
        name=path.name,
        media_type=media_type_of(path),
        **said,
    )


def _fitting_length(path: Path) -> int:
    length_bytes = path.stat().st_size
    if length_bytes > DOCUMENT_BYTES_MAX:
        sentence = f"{path.name} is larger than {DOCUMENT_BYTES_MAX} bytes; split it."
        raise DocumentTooLarge(sentence)
    return length_bytes


def _read(path: Path, digest: "hashlib._Hash") -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from _pieces(file, digest)


def _pieces(file: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
        yield piece
