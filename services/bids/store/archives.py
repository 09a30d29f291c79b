"""Write a bundle as a ZIP file whose bytes depend on its files alone."""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import BinaryIO, Final

from services.bids.domain.documents import Readable
from services.bids.ports.disclosures import Written
from services.bids.store.objects import PIECE_BYTES

NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest instant that a ZIP file can tell: a real one would change its bytes."""

UNIX: Final = 3
_READABLE: Final = 0o644 << 16


class ZipArchive:
    """The port `Archive`: files are stored and not compressed, since compressors differ."""

    @asynccontextmanager
    async def write(
        self,
        texts: Mapping[str, bytes],
        documents: Mapping[str, Readable],
        *,
        pieces_of: Callable[[Readable], AsyncIterator[bytes]],
    ) -> AsyncIterator[Written]:
        """Write texts, documents and the manifest into a file that is gone afterwards.

        Raises:
            DocumentBroken: A document is not as it was put.
        """
        digests = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
        with tempfile.TemporaryFile() as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name in sorted(texts):
                    archive.writestr(_entry(name), texts[name])
                for name in sorted(documents):
                    with archive.open(_entry(name), "w") as entry:
                        async for piece in pieces_of(documents[name]):
                            entry.write(piece)
                    digests[name] = documents[name].sha256
                manifest = json.dumps(digests, indent=1, sort_keys=True) + "\n"
                archive.writestr(_entry("manifest.json"), manifest.encode())
            yield _WrittenFile(file)


class _WrittenFile:
    """A bundle in a file: the port `Written`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        digest = hashlib.sha256()
        for piece in self._read():
            digest.update(piece)
        self.sha256 = digest.hexdigest()
        self.length_bytes = file.tell()

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in self._read():
            yield piece

    def _read(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, NO_TIME)
    entry.create_system = UNIX
    entry.external_attr = _READABLE
    return entry
