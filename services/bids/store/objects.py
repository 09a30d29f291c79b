"""Keep the bytes of documents: in a folder, or in a bucket that speaks S3.

The folder is written here and not by the bucket's library: that one does not wait for the disk, and
leaves hidden files behind where an upload is cut off.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, S3Store

from services.bids.domain.documents import DocumentStoreUnavailable
from services.bids.ports.documents import ObjectMissing, Objects

Result = TypeVar("Result")

PIECE_BYTES: Final = 256 * 1024
"""How much of an object is read at once: a millisecond of hashing in which nobody is heard."""

PAGE_MAX: Final = 500
INCOMING: Final = "incoming"
"""Where a folder's objects are written before they get their name."""

PART_BYTES: Final = 5 * 1024 * 1024
"""The smallest part of an S3 upload."""

PARTS_AT_ONCE: Final = 2
"""Bounds the memory of one upload to ten megabytes."""

REQUEST_TIMEOUT: Final = timedelta(seconds=30)
RETRY_AFTER_S: Final = 2

_PRIVATE_FOLDER: Final = 0o700
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_PRIVATE_FILE: Final = 0o600


class FolderObjects:
    """The port `Objects` over a folder, which all replicas of the service share."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is made when the first object comes."""
        self._folder = folder

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Write beside, force to disk, then give the name; half an object never has it."""
        draft = self._folder / INCOMING / key.rpartition("/")[2]
        try:
            await _off_loop(_make_folder, draft.parent)
            await self._write(draft, pieces)
            await _off_loop(self._name, draft, self._folder / key)
        except BaseException:
            # Not awaited: this must happen also where the caller has gone away.
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Read an object piece by piece."""
        try:
            file = await _off_loop(_opened, self._folder / key)
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        with file:
            while piece := await _off_loop(file.read, PIECE_BYTES):
                yield piece

    async def delete(self, key: str) -> None:
        """Remove an object."""
        await _off_loop((self._folder / key).unlink, True)

    async def older_than(self, instant: datetime) -> AsyncIterator[Sequence[str]]:
        """List old objects, and what uploads that were cut off have left."""
        found = _files_before(self._folder, instant)
        while page := await _off_loop(_some_of, found):
            yield page

    async def _write(self, draft: Path, pieces: AsyncIterator[bytes]) -> None:
        descriptor = await _off_loop(os.open, draft, _NEW_FILE, _PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            async for piece in pieces:
                await _off_loop(file.write, piece)
            await _off_loop(file.flush)
            await _off_loop(os.fsync, file.fileno())

    def _name(self, draft: Path, place: Path) -> None:
        _make_folder(place.parent)
        draft.replace(place)
        # A name is durable when its folder is, up to the first that was there before.
        for folder in (place.parent, place.parent.parent, self._folder):
            _force(folder)


class BucketObjects:
    """The port `Objects` over a bucket; what it acknowledged, it keeps."""

    def __init__(self, store: ObjectStore) -> None:
        """Use a store of the library's."""
        self._store = store

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Upload in parts; an upload that ends in an error is aborted by the library."""
        try:
            await obstore.put_async(
                self._store, key, pieces, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )
        except (BaseError, OSError) as error:
            raise _away() from error

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Read an object piece by piece."""
        try:
            result = await obstore.get_async(self._store, key)
            async for piece in result.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        except (BaseError, OSError) as error:
            raise _away() from error

    async def delete(self, key: str) -> None:
        """Remove an object."""
        try:
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, key)
        except (BaseError, OSError) as error:
            raise _away() from error

    async def older_than(self, instant: datetime) -> AsyncIterator[Sequence[str]]:
        """List old objects; parts of uploads that were cut off are the bucket's lifecycle rule."""
        try:
            async for page in obstore.list(self._store, chunk_size=PAGE_MAX):
                yield [meta["path"] for meta in page if meta["last_modified"] < instant]
        except (BaseError, OSError) as error:
            raise _away() from error


def objects_at(url: str | None, folder: Path) -> Objects:
    """Choose where documents lie: in the bucket that a URL names, else in a folder.

    Credentials and the region come from where the bucket's library looks for them: `AWS_…`.
    """
    if url is None:
        return FolderObjects(folder)
    store = S3Store.from_url(
        url, client_options={"timeout": REQUEST_TIMEOUT, "connect_timeout": REQUEST_TIMEOUT}
    )
    return BucketObjects(store)


async def _off_loop(act: Callable[..., Result], *arguments: object) -> Result:
    """Do what may wait for a disk, away from the event loop."""
    try:
        return await asyncio.to_thread(act, *arguments)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _away() from error


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _make_folder(folder: Path) -> None:
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)


def _force(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files_before(folder: Path, instant: datetime) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(FileNotFoundError):
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < instant:
                    yield path.relative_to(folder).as_posix()


def _some_of(found: Iterator[str]) -> list[str]:
    return list(islice(found, PAGE_MAX))


def _away() -> DocumentStoreUnavailable:
    sentence = "The store of documents is away. Try again shortly."
    return DocumentStoreUnavailable(sentence, retry_after_s=RETRY_AFTER_S)
