"""A corpus at its second version with an index to match: for tests that damage something and reconcile.

Version 1 has a, b and c. Version 2 has a new revision of a, lacks b, and keeps c.
"""

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rag_service.blobs.fsspec_store import FsspecBlobStore
from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import EVERYONE
from rag_service.domain.findings import FindingKind, FoundKind
from rag_service.domain.ids import CorpusId, PointId, TenantId, point_id
from rag_service.domain.versions import OPEN
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.ports.vector_index import Point, PointState, VectorIndex
from rag_service.use_cases.reconcile import Reconcile
from tests.build_parts import own_parts
from tests.contract.catalog_values import (
    CORPUS,
    FINGERPRINT,
    OURS,
    START,
    SYSTEM,
    add_corpus,
    chunk,
    prepare,
    publish,
    remove,
    seal,
    upload,
)

NOW = START + timedelta(days=100)
_EMBEDDER = HashingEmbedder(8)


def pid(name: str, revision: int = 1, born: int = 1) -> PointId:
    return point_id(chunk(name, revision).id, born)


async def a_point(name: str, revision: int = 1, *, born: int = 1, died: int = OPEN, **changes: str) -> Point:
    made = chunk(name, revision)
    return Point(
        id=pid(name, revision, born),
        tenant_id=TenantId(changes.get("tenant", OURS)),
        corpus_id=CorpusId(changes.get("corpus", CORPUS)),
        document_id=made.document_id,
        chunk_id=made.id,
        principals=frozenset({changes.get("principal", EVERYONE)}),
        born=born,
        died=died,
        dense=await _EMBEDDER.embed_query(made.text),
        sparse=Bm25Encoder().encode_passage(made.text),
    )


async def points_of_two_versions() -> list[Point]:
    return [
        await a_point("a", died=2),
        await a_point("b", died=2),
        await a_point("c"),
        await a_point("a", 2, born=2),
    ]


@dataclass
class World:
    """Catalog, index and blobs, and the reconciler over them."""

    catalog: SqlCatalog
    index: VectorIndex
    blobs: FsspecBlobStore
    folder: Path

    def reconciler(self) -> Reconcile:
        return Reconcile(
            catalog=self.catalog,
            index=self.index,
            blobs=self.blobs,
            build_parts=own_parts(FINGERPRINT, _EMBEDDER, kept=self.catalog.kept_vectors),
            clock=lambda: NOW,
        )

    async def states(self, corpus: str = CORPUS) -> list[PointState]:
        pages = self.index.states(FINGERPRINT, corpus_id=CorpusId(corpus))
        return [state async for page in pages for state in page]

    async def store(self, content: bytes, *, written: datetime = START) -> str:
        """Store bytes that no file has."""
        stored = await self.blobs.write(SYSTEM, _once(content), max_bytes=100)
        [path] = self.folder.rglob(stored.sha256)
        os.utime(path, (written.timestamp(), written.timestamp()))
        return stored.sha256

    def lose_blobs(self) -> None:
        shutil.rmtree(self.folder)


async def two_versions(catalog: SqlCatalog, index: VectorIndex, folder: Path) -> World:
    await add_corpus(catalog)
    await publish(catalog, "a", "b", "c")
    await upload(catalog, "a", 2)
    await prepare(catalog, "a", 2)
    await seal(catalog, await remove(catalog, "b"))
    await index.write(FINGERPRINT, await points_of_two_versions())
    world = World(catalog, index, FsspecBlobStore(f"file://{folder}"), folder)
    await _store_named(world)
    return world


def counts(found: Sequence[FoundKind]) -> dict[FindingKind, tuple[int, int]]:
    """How many were found and mended, by kind."""
    return {each.kind: (each.found, each.mended) for each in found}


async def _store_named(world: World) -> None:
    # The files of the catalog's tests have a made-up hash.
    content = b"what was uploaded"
    async with world.catalog._database.writing() as connection:
        await connection.exec_driver_sql(f"UPDATE files SET sha256 = '{hashlib.sha256(content).hexdigest()}'")  # noqa: S608
    await world.store(content)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
