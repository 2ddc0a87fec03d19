"""A catalog and an index that fail at the k-th thing they do, as a machine that loses power there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.vector_index import Point, VectorIndex


class CrashError(Exception):
    """The power is gone."""


@dataclass(kw_only=True)
class Fuse:
    """Blows at the `at`-th step, counted from 1; never at 0."""

    at: int = 0
    steps: int = field(default=0)

    def step(self) -> None:
        """Count a step and blow if it is the one."""
        self.steps += 1
        if self.steps == self.at:
            raise CrashError


@dataclass(frozen=True, kw_only=True)
class CrashingCatalog:
    """Fails after a transaction was committed; failing inside of one is the same as failing after the one before."""

    inner: Catalog
    fuse: Fuse

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        async with self.inner.reading() as tx:
            yield tx
        self.fuse.step()

    @asynccontextmanager
    async def glancing(self) -> AsyncIterator[Transaction]:
        async with self.inner.glancing() as tx:
            yield tx
        self.fuse.step()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        async with self.inner.writing() as tx:
            yield tx
        self.fuse.step()


@dataclass(frozen=True, kw_only=True)
class CrashingIndex:
    """Fails half-way through an operation, and after it."""

    inner: VectorIndex
    fuse: Fuse

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        for part in _halves(points):
            await self.inner.write(fingerprint, part)
            self.fuse.step()

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        for part in _halves(ids):
            await self.inner.retire(fingerprint, part, at=at)
            self.fuse.step()

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        for part in _halves(ids):
            await self.inner.revive(fingerprint, part)
            self.fuse.step()

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        for part in _halves(ids):
            await self.inner.purge(fingerprint, part)
            self.fuse.step()

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        await self.inner.remove_corpus(fingerprint, corpus_id)
        self.fuse.step()

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        notes = await self.inner.compact(fingerprint)
        self.fuse.step()
        return notes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass(frozen=True, kw_only=True)
class CrashingBlobs:
    """Fails after a deletion."""

    inner: BlobStore
    fuse: Fuse

    async def delete(self, scope: AccessScope, sha256: str) -> None:
        await self.inner.delete(scope, sha256)
        self.fuse.step()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def _halves(items: Sequence[Any]) -> list[Sequence[Any]]:
    middle = len(items) // 2
    return [items[:middle], items[middle:]]
