"""Where chunk vectors live and are searched."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, Fingerprint, PointId, TenantId
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """A chunk, visible from version `born` up to, not including, `died`. Ids, numbers and principals only: no text."""

    id: PointId
    tenant_id: TenantId
    corpus_id: CorpusId
    document_id: DocumentId
    chunk_id: ChunkId
    principals: frozenset[str]
    born: int
    died: int
    dense: DenseVector
    sparse: SparseVector


@dataclass(frozen=True, slots=True, kw_only=True)
class PointState:
    """What the index knows of a point, without its vectors."""

    id: PointId
    tenant_id: TenantId
    corpus_id: CorpusId
    chunk_id: ChunkId
    principals: frozenset[str]
    born: int
    died: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """What a search may find: chunks of a corpus that `scope` sees at `version`, of all documents or of `documents`."""

    scope: AccessScope
    corpus_id: CorpusId
    version: int
    documents: frozenset[DocumentId] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A chunk found, with its true scores on both sides: cosine in [-1, 1], BM25 in [0, inf)."""

    point_id: PointId
    chunk_id: ChunkId
    dense_score: float
    sparse_score: float


class VectorIndex(Protocol):
    """Points by build. Rules every backend keeps: tests/contract/test_vector_index*.py.

    `fingerprint` names the build; writing the first point of a build makes its place.

    Raises:
        IndexUnavailable: the backend cannot be reached, did not answer in time, or has no room left on its disk.
        InvalidRequest: a vector is not finite, is zero or nearly so, or has other dimensions than the build.
    """

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        """Add or overwrite `points` by id; durable when this returns. Safe to repeat."""

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        """Make the points invisible from version `at` on. Unknown ids are ignored."""

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        """Undo `retire`: the points live on. Unknown ids are ignored."""

    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        """Replace who may see the points, at every version. Unknown ids are ignored."""

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        """Remove the points from every version. Unknown ids are ignored."""

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        """Remove every point of a corpus from a build. What is written meanwhile may stay. Safe to repeat."""

    async def search(
        self, fingerprint: Fingerprint, query: QueryVectors, *, among: Visible, limit: int, exact: bool = False
    ) -> list[Candidate]:
        """Return the best `limit` chunks of each side `among` those visible, each chunk once.

        So up to 2 x `limit` candidates come back, by chunk id; each carries both raw scores. The sparse side
        brings only chunks with a score above zero. `exact` asks for a full scan instead of the graph.
        A build that does not exist has no candidates.
        """

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        """Return the dense vectors of those of the points that there are, dead ones too; their lengths mean nothing.

        For a few points that a search has found: nobody's rights are looked at. One that is written again at this
        moment may be left out.
        """

    async def builds(self) -> dict[Fingerprint, int | None]:
        """Return how many points each build holds, dead ones too; None for one that cannot be opened."""

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        """Return how many points of each corpus a build holds, dead ones too."""

    def states(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int = -1
    ) -> AsyncIterator[Sequence[PointState]]:
        """Yield the points of a corpus in a build, dead ones too, in pages by point id.

        `born_after` narrows to points born after that version. What is written meanwhile may be there or not.
        """

    def points(self, fingerprint: Fingerprint, *, after: PointId | None = None) -> AsyncIterator[Sequence[Point]]:
        """Yield every point of a build with its vectors, dead ones too, in pages by point id, those after `after`.

        Dense vectors have length 1. What is written meanwhile may be there or not.
        """

    async def optimise(self, fingerprint: Fingerprint) -> None:
        """Build or rebuild the search structures, while searches and writes go on."""

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        """Optimise, and leave no byte of points that were purged or removed before this call in any file of the index.

        Their ids, vectors, payloads and logs are gone when this returns; when it raises, repeat it. Dead points stay:
        they are history. What is purged while it runs is not found any more, but needs another call to leave the disk.
        Searches and writes go on meanwhile.

        Returns what the backend cannot promise of this, in sentences for the receipt of an erasure; usually nothing.
        """

    async def drop(self, fingerprint: Fingerprint) -> None:
        """Remove a whole build from the index and its disk. An unknown one is ignored; a damaged one goes as well."""
