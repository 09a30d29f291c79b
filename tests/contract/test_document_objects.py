"""Keep documents' bytes: the folder and the bucket keep the same word."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from services.bids.ports.documents import ObjectMissing, Objects
from services.bids.store.objects import PAGE_MAX, BucketObjects, FolderObjects, objects_at

KEY = f"ab/{'ab' * 32}/0190a1b2-0000-7000-8000-000000000001"
FAR = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

BUILDERS: dict[str, Callable[[Path], Objects]] = {
    "folder": FolderObjects,
    "bucket": lambda _: BucketObjects(MemoryStore()),
}


@pytest.fixture(params=sorted(BUILDERS))
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    return BUILDERS[request.param](tmp_path / "documents")


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def read(objects: Objects, key: str = KEY) -> bytes:
    return b"".join([piece async for piece in objects.read(key)])


async def listed(objects: Objects, before: datetime) -> list[str]:
    return [key async for page in objects.older_than(before) for key in page]


@pytest.mark.parametrize("content", [(), (b"one",), (b"one", b"two"), (bytes(2**20),) * 12])
async def test_object_is_read_as_it_was_put(objects: Objects, content: tuple[bytes, ...]) -> None:
    await objects.put(KEY, pieces(*content))

    assert await read(objects) == b"".join(content)


async def test_object_whose_pieces_end_in_an_error_is_not_there(objects: Objects) -> None:
    async def cut_off() -> AsyncIterator[bytes]:
        yield bytes(2**20)
        raise LookupError

    with pytest.raises(LookupError):
        await objects.put(KEY, cut_off())

    with pytest.raises(ObjectMissing):
        await read(objects)
    assert await listed(objects, FAR) == []


async def test_object_that_was_removed_is_not_there_and_removed_again_without_fault(
    objects: Objects,
) -> None:
    await objects.put(KEY, pieces(b"one"))

    await objects.delete(KEY)
    await objects.delete(KEY)

    with pytest.raises(ObjectMissing):
        await read(objects)


async def test_objects_are_listed_by_their_age(objects: Objects) -> None:
    keys = [f"{KEY[:-4]}{number:04}" for number in range(PAGE_MAX + 1)]
    for key in keys:
        await objects.put(key, pieces(b""))

    assert sorted(await listed(objects, FAR)) == keys
    assert await listed(objects, LONG_AGO) == []


async def test_empty_store_lists_nothing(objects: Objects) -> None:
    assert await listed(objects, FAR) == []


async def test_upload_whose_caller_goes_away_leaves_no_object(objects: Objects) -> None:
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"one"
        begun.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(objects.put(KEY, slow()))
    await begun.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload

    with pytest.raises(ObjectMissing):
        await read(objects)


def test_url_chooses_the_bucket(tmp_path: Path) -> None:
    assert isinstance(objects_at(None, tmp_path), FolderObjects)
    assert isinstance(objects_at("s3://documents/bids", tmp_path), BucketObjects)


async def test_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    await FolderObjects(tmp_path / "documents").put(KEY, pieces(b"one"))

    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "documents").rglob("*")}
    assert modes == {0}
