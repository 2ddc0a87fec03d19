"""The points of a version in the index: written when it is sealed, taken away when it is unsealed."""

from collections.abc import Iterable, Sequence

from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Chunk, embedded_text
from rag_service.domain.ids import PointId, point_id
from rag_service.domain.versions import OPEN, Corpus, Member, VersionDifference
from rag_service.errors import DependencyUnavailable
from rag_service.ports.catalog import Catalog
from rag_service.ports.embedder import TextVectors
from rag_service.ports.sparse_encoder import DocumentFrequencies, SparseEncoder, frequencies_of, minus, plus
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.ports.vectors import SparseVector
from rag_service.use_cases.seal_plan import SealPlan, StillHeld

_BATCH_MEMBERS = 256
"""Documents whose chunks are in memory at once."""


class WritePoints:
    """Brings the index from the highest version to a new one. Safe to repeat: point ids follow from the plan."""

    def __init__(
        self, *, catalog: Catalog, index: VectorIndex, vectors: TextVectors, sparse_encoder: SparseEncoder
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._vectors = vectors
        self._sparse_encoder = sparse_encoder

    async def __call__(self, scope: AccessScope, plan: SealPlan, *, still_held: StillHeld) -> DocumentFrequencies:
        """Write what is born, retire what dies, and return the document frequencies of the new version.

        Raises:
            DependencyUnavailable: a revision has no chunks under the build of the corpus.
            LeaseLost: by `still_held`; nothing is written after that.
        """
        born = await self._write_births(scope, plan, still_held)
        died = await self._retire_deaths(scope, plan, still_held)
        return minus(plus(plan.frequencies, born), died)

    async def _write_births(self, scope: AccessScope, plan: SealPlan, still_held: StillHeld) -> DocumentFrequencies:
        added = frequencies_of([])
        for members in _slices(plan.difference.born):
            chunks = await self._chunks(scope, plan.corpus, members)
            sparse = [self._encode(chunk) for chunk in chunks]
            points = await self._points(scope, plan, chunks, sparse)
            await still_held()
            await self._index.write(plan.corpus.fingerprint, points)
            added = plus(added, frequencies_of(sparse))
        return added

    async def _retire_deaths(self, scope: AccessScope, plan: SealPlan, still_held: StillHeld) -> DocumentFrequencies:
        removed = frequencies_of([])
        for members in _slices(plan.difference.died):
            chunks = await self._chunks(scope, plan.corpus, members)
            ids = await _ids_before(self._catalog, scope, plan.corpus, chunks, number=plan.number)
            await still_held()
            await self._index.retire(plan.corpus.fingerprint, ids, at=plan.number)
            removed = plus(removed, frequencies_of([self._encode(chunk) for chunk in chunks]))
        return removed

    async def _chunks(self, scope: AccessScope, corpus: Corpus, members: Sequence[Member]) -> list[Chunk]:
        async with self._catalog.reading() as tx:
            found = await tx.chunks.of_members(scope, corpus.fingerprint, members)
        missing = [member for member in members if member not in found]
        if missing:
            raise DependencyUnavailable(f"{len(missing)} revisions have no chunks under build {corpus.fingerprint}")
        return [chunk for member in members for chunk in found[member]]

    async def _points(
        self, scope: AccessScope, plan: SealPlan, chunks: Sequence[Chunk], sparse: Sequence[SparseVector]
    ) -> list[Point]:
        dense = await self._vectors.embed(
            scope.tenant_id, [embedded_text(chunk.headings, chunk.text) for chunk in chunks]
        )
        async with self._catalog.reading() as tx:
            principals = await tx.documents.principals(scope, [chunk.document_id for chunk in chunks])
        return [
            Point(
                id=point_id(chunk.id, plan.number),
                tenant_id=scope.tenant_id,
                corpus_id=plan.corpus.id,
                chunk_id=chunk.id,
                principals=principals[chunk.document_id],
                born=plan.number,
                died=OPEN,
                dense=vector,
                sparse=terms,
            )
            for chunk, vector, terms in zip(chunks, dense, sparse, strict=True)
        ]

    def _encode(self, chunk: Chunk) -> SparseVector:
        return self._sparse_encoder.encode_passage(embedded_text(chunk.headings, chunk.text))


class UndoPoints:
    """Brings the index back to what it was before a version was written, however much of it was. Safe to repeat."""

    def __init__(self, *, catalog: Catalog, index: VectorIndex) -> None:
        self._catalog = catalog
        self._index = index

    async def __call__(
        self, scope: AccessScope, corpus: Corpus, number: int, written: VersionDifference, *, still_held: StillHeld
    ) -> None:
        """Revive what died at `number` and purge what was born at it."""
        for members in _slices(written.died):
            chunks = await self._chunks(scope, corpus, members)
            ids = await _ids_before(self._catalog, scope, corpus, chunks, number=number)
            await still_held()
            await self._index.revive(corpus.fingerprint, ids)
        for members in _slices(written.born):
            chunks = await self._chunks(scope, corpus, members)
            await still_held()
            await self._index.purge(corpus.fingerprint, [point_id(chunk.id, number) for chunk in chunks])

    async def _chunks(self, scope: AccessScope, corpus: Corpus, members: Sequence[Member]) -> list[Chunk]:
        """Return the chunks there are: what has none was never written."""
        async with self._catalog.reading() as tx:
            found = await tx.chunks.of_members(scope, corpus.fingerprint, members)
        return [chunk for member in members for chunk in found.get(member, [])]


async def _ids_before(
    catalog: Catalog, scope: AccessScope, corpus: Corpus, chunks: Sequence[Chunk], *, number: int
) -> list[PointId]:
    """Return the points that show the chunks at the version before `number`."""
    members = [_member(chunk) for chunk in chunks]
    async with catalog.reading() as tx:
        births = await tx.versions.births(scope, corpus.id, sorted(set(members)), at=number - 1)
    return [point_id(chunk.id, births[member]) for chunk, member in zip(chunks, members, strict=True)]


def _member(chunk: Chunk) -> Member:
    return Member(document_id=chunk.document_id, revision=chunk.revision)


def _slices(members: Iterable[Member]) -> list[Sequence[Member]]:
    ordered = sorted(members)
    return [ordered[start : start + _BATCH_MEMBERS] for start in range(0, len(ordered), _BATCH_MEMBERS)]
