"""The points of a version in the index: written when it is sealed, taken away when it is unsealed."""

from collections.abc import Sequence

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Membership
from rag_service.domain.documents import Chunk
from rag_service.domain.ids import CorpusId, Fingerprint, PointId, point_id
from rag_service.domain.versions import OPEN, Member, VersionDifference
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.sparse_encoder import NO_FREQUENCIES, DocumentFrequencies, frequencies_of, minus, plus
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.build_points import WriteLives, chunks_of, counted, member_of, slices
from rag_service.use_cases.chunk_progress import ChunkProgress, OnChunks, progress_over, unheard
from rag_service.use_cases.seal_plan import SealPlan, StillHeld


class WritePoints:
    """Brings a build from the highest version to a new one. Safe to repeat: point ids follow from the plan."""

    def __init__(self, *, catalog: Catalog, index: VectorIndex, write_lives: WriteLives) -> None:
        self._catalog = catalog
        self._index = index
        self._write_lives = write_lives

    async def __call__(
        self,
        scope: AccessScope,
        plan: SealPlan,
        parts: Parts,
        *,
        highest: DocumentFrequencies,
        still_held: StillHeld,
        on_chunks: OnChunks = unheard,
    ) -> DocumentFrequencies:
        """Write what is born, retire what dies, and return the document frequencies of the new version.

        `highest` are those of the highest version under the same build.

        Raises:
            LeaseLost: by `still_held`; nothing is written after that.
        """
        progress = await progress_over(self._catalog, scope, plan.difference, on_chunks)
        born = await self._write_births(scope, plan, parts, still_held, progress)
        died = await self._retire_deaths(scope, plan, parts, still_held, progress)
        return minus(plus(highest, born), died)

    async def _write_births(
        self, scope: AccessScope, plan: SealPlan, parts: Parts, still_held: StillHeld, progress: ChunkProgress
    ) -> DocumentFrequencies:
        added = NO_FREQUENCIES
        for members in slices(sorted(plan.difference.born)):
            lives = [Membership(member=member, born=plan.number, died=OPEN) for member in members]
            points = await self._write_lives(scope, plan.corpus.id, parts, lives, still_held=still_held)
            added = plus(added, frequencies_of([point.sparse for point in points]))
            progress.add(len(points))
        return added

    async def _retire_deaths(
        self, scope: AccessScope, plan: SealPlan, parts: Parts, still_held: StillHeld, progress: ChunkProgress
    ) -> DocumentFrequencies:
        removed = NO_FREQUENCIES
        for members in slices(sorted(plan.difference.died)):
            chunks = await chunks_of(self._catalog, scope, parts, members)
            ids = await _ids_before(self._catalog, scope, plan.corpus.id, chunks, number=plan.number)
            await still_held()
            await self._index.retire(plan.fingerprint, ids, at=plan.number)
            removed = plus(removed, counted(parts, chunks))
            progress.add(len(chunks))
        return removed


class UndoPoints:
    """Brings the index back to what it was before a version was written, however much of it was. Safe to repeat."""

    def __init__(self, *, catalog: Catalog, index: VectorIndex) -> None:
        self._catalog = catalog
        self._index = index

    async def __call__(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        fingerprint: Fingerprint,
        number: int,
        written: VersionDifference,
        *,
        still_held: StillHeld,
        on_chunks: OnChunks = unheard,
    ) -> None:
        """Revive in the build what died at `number` and purge what was born at it."""
        progress = await progress_over(self._catalog, scope, written, on_chunks)
        for members in slices(sorted(written.died)):
            chunks = await self._chunks(scope, fingerprint, members)
            ids = await _ids_before(self._catalog, scope, corpus_id, chunks, number=number)
            await still_held()
            await self._index.revive(fingerprint, ids)
            progress.add(len(chunks))
        for members in slices(sorted(written.born)):
            chunks = await self._chunks(scope, fingerprint, members)
            await still_held()
            await self._index.purge(fingerprint, [point_id(chunk.id, number) for chunk in chunks])
            progress.add(len(chunks))

    async def _chunks(self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]) -> list[Chunk]:
        """Return the chunks there are: what has none was never written."""
        async with self._catalog.reading() as tx:
            found = await tx.chunks.of_members(scope, fingerprint, members)
        return [chunk for member in members for chunk in found.get(member, [])]


async def _ids_before(
    catalog: Catalog, scope: AccessScope, corpus_id: CorpusId, chunks: Sequence[Chunk], *, number: int
) -> list[PointId]:
    """Return the points that show the chunks at the version before `number`."""
    members = [member_of(chunk) for chunk in chunks]
    async with catalog.reading() as tx:
        births = await tx.versions.births(scope, corpus_id, sorted(set(members)), at=number - 1)
    return [point_id(chunk.id, births[member]) for chunk, member in zip(chunks, members, strict=True)]
