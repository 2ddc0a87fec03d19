"""The chunks that are truly nearest to questions, from the kept vectors: the index has no part in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag_service.domain.access import AccessScope
from rag_service.domain.fingerprints import digest_of
from rag_service.domain.ids import ChunkId
from rag_service.domain.index_checks import TOP, Neighbour
from rag_service.domain.points import ExpectedPoint
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.exact_scan import ExactScan
from rag_service.ports.kept_vectors import KeptVectors
from rag_service.ports.vectors import DenseVector

_MEMBERSHIPS_PER_PAGE = 500
_VECTORS_PER_SCAN = 8_192
_KEPT = TOP + 40
"""Those that tie with the tenth count as well."""
_PAUSE_S = 0.01
"""After each page: the catalog serves questions meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrulyNearest:
    """Best first for each question: of all that is visible, and of what `some` principals see (empty without them).

    `lost` chunks have no kept vector.
    """

    of_all: Sequence[Sequence[Neighbour]]
    of_some: Sequence[Sequence[Neighbour]]
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    chunk_ids: Sequence[ChunkId]
    is_granted: Sequence[bool]
    vectors: DenseVector


class ScanExactly:
    """Goes through what is visible at a version, block by block: a million chunks take no more memory than ten thousand."""

    def __init__(self, *, catalog: Catalog, kept: KeptVectors, scan: ExactScan) -> None:
        self._catalog = catalog
        self._kept = kept
        self._scan = scan

    async def __call__(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        parts: Parts,
        questions: DenseVector,
        *,
        some: frozenset[str] | None,
    ) -> TrulyNearest:
        """Return what is nearest to each row of `questions`."""
        of_all, of_some = _Nearest(self._scan, questions), _Nearest(self._scan, questions)
        lost = 0
        waiting: list[_Block] = []
        async for points in self._visible(scope, pinned):
            block = await self._block(scope, pinned, parts, points, some or frozenset())
            lost += len(points) - len(block.chunk_ids)
            waiting.append(block)
            if sum(len(one.chunk_ids) for one in waiting) >= _VECTORS_PER_SCAN:
                await asyncio.to_thread(_take, waiting, of_all, of_some)
                waiting = []
            await asyncio.sleep(_PAUSE_S)
        if waiting:
            await asyncio.to_thread(_take, waiting, of_all, of_some)
        return TrulyNearest(of_all=of_all.best, of_some=of_some.best if some else [], lost=lost)

    async def _visible(self, scope: AccessScope, pinned: PinnedVersion) -> AsyncIterator[list[ExpectedPoint]]:
        after = None
        while True:
            async with self._catalog.reading() as tx:
                points, after = await tx.points.page(
                    scope, pinned.corpus.id, pinned.fingerprint, after=after, limit=_MEMBERSHIPS_PER_PAGE
                )
            if after is None:
                return
            yield [point for point in points if point.born <= pinned.number < point.died]

    async def _block(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        parts: Parts,
        points: Sequence[ExpectedPoint],
        some: frozenset[str],
    ) -> _Block:
        async with self._catalog.reading() as tx:
            members = sorted({point.member for point in points})
            hashes = await tx.chunks.hashes(scope, pinned.fingerprint, members)
        known = await self._kept.find(
            scope.tenant_id, digest_of(parts.embedder.fingerprint), sorted(set(hashes.values()))
        )
        size = parts.embedder.fingerprint.dimensions
        found = [
            (point, vector)
            for point in points
            if (vector := known.get(hashes.get(point.chunk_id, ""))) is not None and vector.size == size
        ]
        return _Block(
            chunk_ids=[point.chunk_id for point, _ in found],
            is_granted=[not point.principals.isdisjoint(some) for point, _ in found],
            vectors=np.stack([vector for _, vector in found]) if found else np.empty((0, size), np.float32),
        )


class _Nearest:
    """The best so far, for each question."""

    def __init__(self, scan: ExactScan, questions: DenseVector) -> None:
        self._scan = scan
        self._questions = questions
        self.best: list[list[Neighbour]] = [[] for _ in questions]

    def add(self, chunk_ids: Sequence[ChunkId], vectors: DenseVector) -> None:
        scores, rows = self._scan.nearest(self._questions, vectors, limit=_KEPT)
        for place, (of_question, at) in enumerate(zip(scores.tolist(), rows.tolist(), strict=True)):
            more = [Neighbour(chunk_ids[row], score) for score, row in zip(of_question, at, strict=True)]
            ordered = sorted([*self.best[place], *more], key=lambda one: (-one.score, one.chunk_id))
            self.best[place] = ordered[:_KEPT]


def _take(blocks: Sequence[_Block], of_all: _Nearest, of_some: _Nearest) -> None:
    chunk_ids = [chunk_id for block in blocks for chunk_id in block.chunk_ids]
    vectors = np.concatenate([block.vectors for block in blocks])
    granted = np.array([granted for block in blocks for granted in block.is_granted], dtype=bool)
    of_all.add(chunk_ids, vectors)
    if granted.any():
        of_some.add([chunk_ids[row] for row in np.flatnonzero(granted)], vectors[granted])
