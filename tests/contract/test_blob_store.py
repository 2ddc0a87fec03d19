import errno
import hashlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rag_service.blobs.fsspec_store import FsspecBlobStore
from rag_service.domain.access import system_scope
from rag_service.domain.ids import TenantId
from rag_service.errors import BlobsUnavailable, DocumentRejected, Misconfigured, NotFound, TooLarge

OURS, THEIRS = system_scope(TenantId("ours/../theirs")), system_scope(TenantId("theirs"))
CONTENT = b"snow" * 400_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FsspecBlobStore:
    folder = f"{tmp_path}/blobs" if request.param == "file" else f"/{uuid.uuid4().hex}"
    return FsspecBlobStore(f"{request.param}://{folder}")


async def arriving(content: bytes = CONTENT, *, breaks: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]
    if breaks:
        raise ConnectionAbortedError


async def everything(store: FsspecBlobStore) -> list[bytes]:
    return [piece async for piece in store.read(OURS, SHA256)]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_blob_comes_back_as_it_was(store: FsspecBlobStore) -> None:
    written = await store.write(OURS, arriving(), max_bytes=len(CONTENT))

    assert (written.sha256, written.size_bytes) == (SHA256, len(CONTENT))
    assert b"".join(await everything(store)) == CONTENT


async def test_a_blob_is_read_in_pieces(store: FsspecBlobStore) -> None:
    await store.write(OURS, arriving(), max_bytes=len(CONTENT))

    assert max(len(piece) for piece in await everything(store)) <= 2**20


@pytest.mark.parametrize("content", [CONTENT, b"snow", b""])
async def test_bytes_that_were_changed_on_disk_are_never_read_to_their_end(tmp_path: Path, content: bytes) -> None:
    store = FsspecBlobStore(f"file://{tmp_path}")
    stored = await store.write(OURS, arriving(content), max_bytes=len(CONTENT))
    [path] = files_in(tmp_path)
    path.write_bytes(content[:-1] + b"W")

    got: list[bytes] = []
    with pytest.raises(DocumentRejected, match="damaged"):
        got.extend([piece async for piece in store.read(OURS, stored.sha256)])

    assert len(b"".join(got)) < len(content) or not content


async def test_writing_the_same_bytes_again_mends_a_damaged_blob(tmp_path: Path) -> None:
    store = FsspecBlobStore(f"file://{tmp_path}")
    await store.write(OURS, arriving(), max_bytes=len(CONTENT))
    [path] = files_in(tmp_path)
    path.write_bytes(b"torn")

    await store.write(OURS, arriving(), max_bytes=len(CONTENT))

    assert b"".join(await everything(store)) == CONTENT


async def test_the_same_bytes_can_be_written_again(store: FsspecBlobStore) -> None:
    for _ in range(2):
        await store.write(OURS, arriving(), max_bytes=len(CONTENT))

    assert b"".join(await everything(store)) == CONTENT


async def test_an_empty_blob_is_a_blob(store: FsspecBlobStore) -> None:
    written = await store.write(OURS, arriving(b""), max_bytes=0)

    assert written.size_bytes == 0
    assert await store.exists(OURS, written.sha256)


async def test_too_many_bytes_are_refused_and_not_kept(store: FsspecBlobStore) -> None:
    with pytest.raises(TooLarge):
        await store.write(OURS, arriving(), max_bytes=len(CONTENT) - 1)

    assert not await store.exists(OURS, SHA256)


async def test_a_broken_upload_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ConnectionAbortedError):
        await FsspecBlobStore(f"file://{tmp_path}").write(OURS, arriving(breaks=True), max_bytes=len(CONTENT))

    assert files_in(tmp_path) == []


async def test_tenants_share_nothing(store: FsspecBlobStore) -> None:
    await store.write(OURS, arriving(), max_bytes=len(CONTENT))

    assert not await store.exists(THEIRS, SHA256)
    with pytest.raises(NotFound):
        await anext(store.read(THEIRS, SHA256))


async def test_a_deleted_blob_is_gone(store: FsspecBlobStore) -> None:
    await store.write(OURS, arriving(), max_bytes=len(CONTENT))

    for _ in range(2):
        await store.delete(OURS, SHA256)

    assert not await store.exists(OURS, SHA256)


@pytest.mark.parametrize("name", ["../../etc/passwd", "0" * 64, ""])
async def test_what_is_not_there_is_not_found(store: FsspecBlobStore, name: str) -> None:
    assert not await store.exists(OURS, name)
    await store.delete(OURS, name)
    with pytest.raises(NotFound):
        await anext(store.read(OURS, name))


async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(BlobsUnavailable):
        await FsspecBlobStore(f"file://{tmp_path}").write(OURS, arriving(), max_bytes=len(CONTENT))

    assert files_in(tmp_path) == []


async def test_what_a_crash_left_half_written_is_swept_by_age(store: FsspecBlobStore) -> None:
    await store.write(OURS, arriving(), max_bytes=len(CONTENT))
    store._create(f"{store._tenant_folder(THEIRS)}/incoming/half").close()
    now = datetime.now(UTC)

    assert await store.sweep(before=now - timedelta(hours=1)) == 0
    assert await store.sweep(before=now + timedelta(hours=1)) == 1
    assert await store.sweep(before=now + timedelta(hours=1)) == 0
    assert await store.exists(OURS, SHA256)


async def test_a_store_without_uploads_has_nothing_to_sweep(store: FsspecBlobStore) -> None:
    assert await store.sweep(before=datetime.now(UTC)) == 0


async def test_hashes_of_a_tenant_are_listed_in_order(store: FsspecBlobStore) -> None:
    written = [await store.write(OURS, arriving(text), max_bytes=10) for text in (b"one", b"two", b"three")]
    await store.write(THEIRS, arriving(b"four"), max_bytes=10)

    listed = [sha256 async for page in store.hashes(OURS) for sha256 in page]

    assert listed == sorted(blob.sha256 for blob in written)


async def test_a_blob_written_again_is_as_young_as_its_last_writing(store: FsspecBlobStore) -> None:
    stored = await store.write(OURS, arriving(b"one"), max_bytes=10)
    later = datetime.now(UTC) + timedelta(seconds=60)

    assert await store.is_older(OURS, stored.sha256, later)
    assert not await store.is_older(OURS, stored.sha256, later - timedelta(days=1))
    assert not await store.is_older(OURS, "0" * 64, later)


async def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(Misconfigured):
        FsspecBlobStore("nosuchstore://somewhere")
