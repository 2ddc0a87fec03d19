"""Bring a build back from a snapshot, and ask whether it answers as it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.domain.fingerprints import POINT_LAYOUT
from rag_service.domain.ids import ChunkId, Fingerprint
from rag_service.domain.overlaps import overlap_at
from rag_service.errors import Conflict, DataDamaged, NotFound
from rag_service.ports.catalog import Catalog
from rag_service.ports.snapshots import SnapshotManifest, Snapshots
from rag_service.ports.vector_index import Candidate, Point, VectorIndex
from rag_service.use_cases.indexes.copy_points import CopyPoints
from rag_service.use_cases.indexes.forget_found import forget_found
from rag_service.use_cases.indexes.reading_points import HITS, ask_probe, points_among
from rag_service.use_cases.indexes.telling import OnStep, untold

_SAME_SCORE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of a restore. `left_out` points are of documents that the catalog does not have: erased since.

    All points of `parts_there` were in the index already.
    """

    points: int
    left_out: int
    parts: int
    parts_there: int
    probes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What came of a part: how many of its points the index holds, and the chunks that were left out."""

    held: int
    was_there: bool
    left_out: frozenset[ChunkId]


class RestoreSnapshot:
    """Leaves out the points that are in the index, so that it can be repeated. The reconciler is to run when it has ended."""

    def __init__(self, *, catalog: Catalog, index: VectorIndex, snapshots: Snapshots) -> None:
        self._catalog = catalog
        self._index = index
        self._snapshots = snapshots
        self._copy = CopyPoints(catalog=catalog)

    async def __call__(self, fingerprint: Fingerprint, *, on_step: OnStep = untold) -> Restored:
        """Write the points that the catalog still knows the documents of, count them, and ask the probe questions.

        Raises:
            NotFound: there is no snapshot of the build.
            Conflict: it is not complete, or of another layout of points.
            DataDamaged: a part is not what was written, or the index does not hold or find what it should.
        """
        manifest = await self._complete(fingerprint)
        parts = await self._bring_all(manifest, on_step)
        held = sum(part.held for part in parts)
        await self._assert_count(fingerprint, held)
        await self._ask(manifest, left_out=frozenset().union(*(part.left_out for part in parts)))
        return Restored(
            points=held,
            left_out=manifest.points - held,
            parts=len(parts),
            parts_there=sum(part.was_there for part in parts),
            probes=len(manifest.probes),
        )

    async def _bring_all(self, manifest: SnapshotManifest, on_step: OnStep) -> list[_Part]:
        brought: list[_Part] = []
        try:
            for part in manifest.parts:
                points = await self._snapshots.read_part(manifest.fingerprint, part)
                brought.append(await self._bring(manifest.fingerprint, points))
                on_step("restoring", sum(part.held for part in brought), manifest.points)
        finally:
            # What came back before something failed is to be found as well.
            if sum(part.was_there for part in brought) < len(manifest.parts):
                await forget_found(self._catalog)
        return brought

    async def _bring(self, fingerprint: Fingerprint, points: Sequence[Point]) -> _Part:
        known = await self._copy.known(points)
        missing = await self._missing(fingerprint, known)
        written = await self._copy(self._index, fingerprint, missing) if missing else []
        return _Part(
            held=len(known) - len(missing) + len(written),
            was_there=not missing,
            left_out=frozenset(point.chunk_id for point in points) - {point.chunk_id for point in known},
        )

    async def _ask(self, manifest: SnapshotManifest, *, left_out: frozenset[ChunkId]) -> None:
        for number, probe in enumerate(manifest.probes, start=1):
            found = await ask_probe(self._index, manifest.fingerprint, probe)
            if not _agrees(probe.found, found, left_out=left_out):
                raise DataDamaged(f"Question {number} of the snapshot finds other chunks than before, or other scores.")

    async def _complete(self, fingerprint: Fingerprint) -> SnapshotManifest:
        manifest = await self._snapshots.manifest(fingerprint)
        if manifest is None:
            raise NotFound("snapshot of the build", fingerprint)
        if manifest.finished_at is None:
            raise Conflict(f"The snapshot of {fingerprint} is not complete. Take it to its end first.")
        if manifest.layout != POINT_LAYOUT:
            raise Conflict(f"The snapshot has {manifest.layout}, this release {POINT_LAYOUT}. Rebuild the corpora.")
        return manifest

    async def _missing(self, fingerprint: Fingerprint, points: Sequence[Point]) -> list[Point]:
        missing = {point.id for point in points}
        async for held in points_among(self._index, fingerprint, [point.id for point in points]):
            missing -= {point.id for point in held}
        return [point for point in points if point.id in missing]

    async def _assert_count(self, fingerprint: Fingerprint, wanted: int) -> None:
        held = (await self._index.builds()).get(fingerprint, 0)
        if held is None or held < wanted:
            raise DataDamaged(f"The index holds {held} of {wanted} points that were written.")


def _agrees(before: Sequence[Candidate], now: Sequence[Candidate], *, left_out: frozenset[ChunkId]) -> bool:
    kept = [candidate for candidate in before if candidate.chunk_id not in left_out]
    scores = {candidate.chunk_id: candidate for candidate in now}
    both = [(one, scores[one.chunk_id]) for one in kept if one.chunk_id in scores]
    # Where one of the best is left out, what came next was not noted.
    best = HITS - (len(before) - len(kept))
    return (best < 1 or overlap_at(best, kept, now) == 1.0) and all(
        abs(one.dense_score - other.dense_score) <= _SAME_SCORE
        and abs(one.sparse_score - other.sparse_score) <= _SAME_SCORE
        for one, other in both
    )
