"""Write a build of the index into a folder, while it is in use."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from rag_service.domain.fingerprints import POINT_LAYOUT
from rag_service.domain.ids import Fingerprint
from rag_service.errors import Conflict, DataDamaged, NotFound
from rag_service.ports.snapshots import SnapshotManifest, SnapshotPart, Snapshots
from rag_service.ports.vector_index import Candidate, VectorIndex
from rag_service.use_cases.indexes.reading_points import ask_like, ask_probe, in_parts, probe_like, spread_points
from rag_service.use_cases.indexes.telling import OnStep, untold

_POINTS_PER_PART = 10_000
_PROBES = 8


class TakeSnapshot:
    """Cut short, it goes on after the last part that is whole. Points hold ids and vectors, no text."""

    def __init__(
        self,
        *,
        index: VectorIndex,
        snapshots: Snapshots,
        clock: Callable[[], datetime],
        points_per_part: int = _POINTS_PER_PART,
    ) -> None:
        self._index = index
        self._snapshots = snapshots
        self._clock = clock
        self._points_per_part = points_per_part

    async def __call__(self, fingerprint: Fingerprint, *, on_step: OnStep = untold) -> SnapshotManifest:
        """Write what is missing, and return the complete manifest; a complete one is left as it is.

        Raises:
            NotFound: there is no such build, or it cannot be read.
            Conflict: so much was removed meanwhile that no question has the answer that it had: take another one.
            BlobsUnavailable: the folder cannot be written to.
        """
        total = (await self._index.builds()).get(fingerprint)
        if total is None:
            raise NotFound("readable build", fingerprint)
        manifest = await self._snapshots.manifest(fingerprint) or await self._begin(fingerprint)
        if manifest.finished_at is None:
            manifest = await self._write(replace(manifest, parts=await self._whole(manifest)), total, on_step)
            manifest = await self._finish(manifest)
        return manifest

    async def _begin(self, fingerprint: Fingerprint) -> SnapshotManifest:
        manifest = SnapshotManifest(
            fingerprint=fingerprint,
            layout=POINT_LAYOUT,
            begun_at=self._clock(),
            finished_at=None,
            dimensions=0,
            parts=(),
            probes=[
                probe_like(point, await ask_like(self._index, fingerprint, point, exact=True))
                for point in await spread_points(self._index, fingerprint, _PROBES)
            ],
        )
        await self._snapshots.note(manifest)
        return manifest

    async def _whole(self, manifest: SnapshotManifest) -> list[SnapshotPart]:
        whole: list[SnapshotPart] = []
        for part in manifest.parts:
            try:
                await self._snapshots.read_part(manifest.fingerprint, part)
            except DataDamaged:
                break
            whole.append(part)
        return whole

    async def _write(self, manifest: SnapshotManifest, total: int, on_step: OnStep) -> SnapshotManifest:
        after = manifest.parts[-1].last if manifest.parts else None
        pages = self._index.points(manifest.fingerprint, after=after)
        async for points in in_parts(pages, self._points_per_part):
            part = await self._snapshots.write_part(manifest.fingerprint, len(manifest.parts) + 1, points)
            manifest = replace(manifest, parts=[*manifest.parts, part], dimensions=points[0].dense.size)
            await self._snapshots.note(manifest)
            on_step("writing", manifest.points, total)
        return manifest

    async def _finish(self, manifest: SnapshotManifest) -> SnapshotManifest:
        """Keep the questions whose answers did not change while the parts were written: these are in the parts."""
        lasting = [
            probe
            for probe in manifest.probes
            if _ids(await ask_probe(self._index, manifest.fingerprint, probe)) == _ids(probe.found)
        ]
        if manifest.probes and not lasting:
            raise Conflict("The index changed too much while it was read. Take the snapshot again, in another folder.")
        manifest = replace(manifest, probes=lasting, finished_at=self._clock())
        await self._snapshots.note(manifest)
        return manifest


def _ids(found: Sequence[Candidate]) -> list[str]:
    return [candidate.point_id for candidate in found]
