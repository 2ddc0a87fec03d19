"""Uploaded bytes are there when the upload is acknowledged, or it is not."""

import shutil
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from rag_service.blobs.fsspec_store import FsspecBlobStore
from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.access import AccessScope
from rag_service.errors import BlobsUnavailable
from rag_service.ports.blob_store import StoredBlob
from rag_service.use_cases.store_file import StoreFile
from tests.contract.catalog_values import START, SYSTEM, add_tenants


class Swept(FsspecBlobStore):
    """A store in which the bytes are removed as soon as they are written."""

    async def write(self, scope: AccessScope, content: AsyncIterator[bytes], *, max_bytes: int) -> StoredBlob:
        stored = await super().write(scope, content, max_bytes=max_bytes)
        await self.delete(scope, stored.sha256)
        return stored


@pytest.fixture
async def catalog(migrated: Path, tmp_path: Path) -> AsyncIterator[SqlCatalog]:
    path = shutil.copy(migrated, tmp_path / "catalog.db")
    async with open_catalog(f"sqlite+aiosqlite:///{path}") as opened:
        async with opened.writing() as tx:
            await add_tenants(tx)
        yield opened


async def arriving() -> AsyncIterator[bytes]:
    yield b"snow"


def clock() -> datetime:
    return START


async def test_an_upload_whose_bytes_are_gone_is_not_acknowledged(catalog: SqlCatalog, tmp_path: Path) -> None:
    store_file = StoreFile(catalog=catalog, blobs=Swept(f"file://{tmp_path}/blobs"), clock=clock, max_bytes=10)

    with pytest.raises(BlobsUnavailable):
        await store_file(SYSTEM, filename="a.md", purpose="assistants", content=arriving())

    async with catalog.reading() as tx:
        assert await tx.files.hashes(SYSTEM, after=None, limit=1) == ([], None)
