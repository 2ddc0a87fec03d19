"""Points of what is erased, in every build, and their bytes in the files of the index."""

from collections.abc import Sequence

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import Counts, Erasure, ErasureKind, Removal
from rag_service.domain.ids import ChunkId, CorpusId, Fingerprint, PointId
from rag_service.ports.eraser import Held
from rag_service.ports.vector_index import VectorIndex

_AT_ONCE = 1_000


class ErasePoints:
    """The eraser of the index."""

    store = "index"
    claims = frozenset({"index"})

    def __init__(self, *, index: VectorIndex) -> None:
        self._index = index

    async def erase(self, scope: AccessScope, erasure: Erasure, *, still_held: Held) -> Removal:
        """Purge the points and let nothing of them lie in the files."""
        match erasure.kind:
            case ErasureKind.DOCUMENT:
                return await self._document(erasure)
            case ErasureKind.CORPUS:
                return await self._corpus(erasure)
            case ErasureKind.PERSON:
                return Removal()

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """Count the points that are found."""
        match erasure.kind:
            case ErasureKind.DOCUMENT:
                return {"points": sum([len(await self._found(erasure, one)) for one in _chunks(erasure)])}
            case ErasureKind.CORPUS:
                return {"points": await self._held(erasure)}
            case ErasureKind.PERSON:
                return {}

    async def _document(self, erasure: Erasure) -> Removal:
        planned = 0
        for erased in erasure.plan.chunks:
            planned += len(erased.point_ids)
            await self._purge(erased.fingerprint, erased.point_ids)
        notes: set[str] = set()
        for fingerprint in _chunks(erasure):
            # A worker that had lost its job may have written more of them.
            await self._purge(fingerprint, await self._found(erasure, fingerprint))
            notes.update(await self._index.compact(fingerprint))
        return Removal(removed={"points": planned}, notes=tuple(sorted(notes)))

    async def _corpus(self, erasure: Erasure) -> Removal:
        corpus_id = CorpusId(erasure.subject["corpus_id"])
        notes: set[str] = set()
        for fingerprint in await self._index.builds():
            await self._index.remove_corpus(fingerprint, corpus_id)
            notes.update(await self._index.compact(fingerprint))
        return Removal(removed={"points": erasure.plan.points or 0}, notes=tuple(sorted(notes)))

    async def _purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        for start in range(0, len(ids), _AT_ONCE):
            await self._index.purge(fingerprint, ids[start : start + _AT_ONCE])

    async def _found(self, erasure: Erasure, fingerprint: Fingerprint) -> list[PointId]:
        erased = _chunks(erasure)[fingerprint]
        states = self._index.states(fingerprint, corpus_id=CorpusId(erasure.subject["corpus_id"]))
        return [state.id async for page in states for state in page if state.chunk_id in erased]

    async def _held(self, erasure: Erasure) -> int:
        return await points_of_corpus(self._index, CorpusId(erasure.subject["corpus_id"]))


async def points_of_corpus(index: VectorIndex, corpus_id: CorpusId) -> int:
    """Return how many points of a corpus all builds hold together."""
    builds = [name for name, count in (await index.builds()).items() if count is not None]
    return sum([(await index.corpora(name)).get(corpus_id, 0) for name in builds])


def _chunks(erasure: Erasure) -> dict[Fingerprint, set[ChunkId]]:
    found: dict[Fingerprint, set[ChunkId]] = {}
    for erased in erasure.plan.chunks:
        found.setdefault(erased.fingerprint, set()).update(erased.chunk_ids)
    return found
