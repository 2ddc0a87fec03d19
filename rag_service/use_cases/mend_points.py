"""Bring points of the index to where the law of points has them, a batch at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.documents import Chunk
from rag_service.domain.findings import Finding, FindingKind, Findings
from rag_service.domain.ids import ChunkId, PointId
from rag_service.domain.points import ExpectedPoint, SlotState
from rag_service.domain.versions import OPEN, Member
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.use_cases.build_points import points_of
from rag_service.use_cases.longest_hold import in_time
from rag_service.use_cases.point_differences import Suspect, kind_of
from rag_service.use_cases.seal_plan import number_of, written_by_seal

_WRITTEN_WHOLE = frozenset({FindingKind.MISSING_POINT, FindingKind.WRONG_POINT})
_LIVES_WRITTEN = _WRITTEN_WHOLE | {FindingKind.WRONG_INTERVAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seal:
    """What a seal that goes on ends in a build: nobody else writes the lives of these members."""

    number: int
    ends: frozenset[Member]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """A suspect that is wrong by the catalog as it is now."""

    kind: FindingKind
    suspect: Suspect
    expected: ExpectedPoint | None

    def is_left_to(self, moving: int | None, seal: _Seal | None) -> bool:
        """Say whether the seal that goes on under this number may be about to change this point itself.

        When it is not the one that was looked at, it may be about to change any.
        """
        if moving is None or self.expected is None or not self.expected.lives or self.kind not in _LIVES_WRITTEN:
            return False
        return seal is None or seal.number != moving or self.expected.member in seal.ends


class MendPoints:
    """Looks at suspects once more, and mends what is wrong, while no draft of the corpus can begin or end a seal."""

    def __init__(self, *, catalog: Catalog, index: VectorIndex) -> None:
        self._catalog = catalog
        self._index = index

    async def __call__(
        self,
        scope: AccessScope,
        build: Build,
        parts: Parts | None,
        batch: Sequence[Suspect],
        findings: Findings,
        *,
        dry_run: bool,
    ) -> None:
        """Note what is wrong among the suspects; unless `dry_run`, mend it. Safe to repeat.

        Without the parts of the build, what it takes vectors to mend is noted only.
        """
        async with self._catalog.reading() as tx:
            slot, faults = await _faults(tx, scope, build, batch, hold=False)
            # What a seal ends is read from the whole draft: only when it may matter.
            may_be_left = not dry_run and any(fault.is_left_to(slot.moving, None) for fault in faults)
            seal = await _seal(tx, scope, build) if may_be_left else None
        if dry_run:
            findings.add(_findings(build, faults), mended=False)
            return
        # Before the lock: a vector that nobody kept is computed, and kept in a transaction of its own.
        whole = [fault for fault in faults if fault.kind in _WRITTEN_WHOLE]
        points = await self._points(scope, build, parts, whole) if parts else {}
        async with self._catalog.writing() as tx:
            slot, faults = await _faults(tx, scope, build, batch, hold=True)
            mendable = [
                fault for fault in faults if not fault.is_left_to(slot.moving, seal) and _can_mend(fault, points)
            ]
            await in_time(self._mend(build, mendable, points))
            if mendable:
                await tx.corpora.raise_rights_epoch(scope, build.corpus_id)
        findings.add(_findings(build, mendable), mended=True)
        findings.add(_findings(build, [fault for fault in faults if fault not in mendable]), mended=False)

    async def _mend(self, build: Build, faults: Sequence[_Fault], points: Mapping[PointId, Point]) -> None:
        orphans = [fault.suspect.id for fault in faults if fault.expected is None]
        wanted = [fault.expected for fault in faults if fault.expected and fault.kind not in _WRITTEN_WHOLE]
        written = [fault.expected for fault in faults if fault.expected and fault.kind in _WRITTEN_WHOLE]
        if orphans:
            await self._index.purge(build.fingerprint, orphans)
        if written:
            whole = [replace(points[one.id], died=one.died, principals=one.principals) for one in written]
            await self._index.write(build.fingerprint, whole)
        await self._set_lives(build, wanted)
        await self._set_principals(build, wanted)

    async def _set_lives(self, build: Build, wanted: Sequence[ExpectedPoint]) -> None:
        for died, points in groupby(sorted(wanted, key=lambda one: one.died), key=lambda one: one.died):
            ids = [point.id for point in points]
            if died == OPEN:
                await self._index.revive(build.fingerprint, ids)
            else:
                await self._index.retire(build.fingerprint, ids, at=died)

    async def _set_principals(self, build: Build, wanted: Sequence[ExpectedPoint]) -> None:
        for principals in {point.principals for point in wanted}:
            ids = [point.id for point in wanted if point.principals == principals]
            await self._index.grant(build.fingerprint, ids, principals=principals)

    async def _points(
        self, scope: AccessScope, build: Build, parts: Parts, faults: Sequence[_Fault]
    ) -> dict[PointId, Point]:
        wanted = [fault.expected for fault in faults if fault.expected]
        if not wanted:
            return {}
        chunks = await self._chunks(scope, build, wanted)
        return {point.id: point for point in await points_of(scope, build.corpus_id, parts, wanted, chunks)}

    async def _chunks(self, scope: AccessScope, build: Build, wanted: Sequence[ExpectedPoint]) -> dict[ChunkId, Chunk]:
        async with self._catalog.reading() as tx:
            found = await tx.chunks.of_members(scope, build.fingerprint, sorted({one.member for one in wanted}))
        return {chunk.id: chunk for of_member in found.values() for chunk in of_member}


async def _seal(tx: Transaction, scope: AccessScope, build: Build) -> _Seal | None:
    draft = await tx.drafts.in_slot(scope, build.corpus_id)
    if draft is None:
        return None
    written = await written_by_seal(tx, scope, draft)
    return _Seal(number=number_of(draft), ends=written.died if draft.fingerprint == build.fingerprint else frozenset())


async def _faults(
    tx: Transaction, scope: AccessScope, build: Build, batch: Sequence[Suspect], *, hold: bool
) -> tuple[SlotState, list[_Fault]]:
    slot = await tx.points.slot(scope, build.corpus_id, hold=hold)
    if (await tx.builds.get(scope, build.corpus_id, build.fingerprint)).state is not BuildState.READY:
        return slot, []  # it is being filled, and brought to the law of points by that
    chunk_ids = sorted({suspect.chunk_id for suspect in batch})
    expected = await tx.points.of_chunks(scope, build.corpus_id, build.fingerprint, chunk_ids)
    by_id = {point.id: point for point in expected}
    faults = []
    for suspect in batch:
        point = by_id.get(suspect.id)
        kind = kind_of(point, suspect.state, scope.tenant_id)
        if kind and not any(slot.owns(known.born, known.died) for known in (point, suspect.state) if known):
            faults.append(_Fault(kind=kind, suspect=suspect, expected=point))
    return slot, faults


def _can_mend(fault: _Fault, points: Mapping[PointId, Point]) -> bool:
    return fault.kind not in _WRITTEN_WHOLE or fault.suspect.id in points


def _findings(build: Build, faults: Sequence[_Fault]) -> list[Finding]:
    return [Finding(kind=fault.kind, subject=fault.suspect.id, corpus_id=build.corpus_id) for fault in faults]
