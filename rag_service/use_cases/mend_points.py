"""Bring points of the index to where the law of points has them, a batch at a time."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Chunk, embedded_text
from rag_service.domain.findings import Finding, FindingKind, Findings
from rag_service.domain.ids import ChunkId, PointId
from rag_service.domain.points import ExpectedPoint, SlotState
from rag_service.domain.versions import OPEN, Corpus
from rag_service.errors import IndexUnavailable
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.embedder import TextVectors
from rag_service.ports.sparse_encoder import SparseEncoder
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.use_cases.point_differences import Suspect, kind_of

_WRITTEN_WHOLE = frozenset({FindingKind.MISSING_POINT, FindingKind.WRONG_POINT})
# A draft that is being sealed may end the life of any point that lives: only the seal knows whether it does.
_LEFT_TO_A_SEAL = frozenset({FindingKind.MISSING_POINT, FindingKind.WRONG_POINT, FindingKind.WRONG_INTERVAL})
# Others wait for the catalog meanwhile, and give up after 15 s.
_LONGEST_HOLD_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """A suspect that is wrong by the catalog as it is now."""

    kind: FindingKind
    suspect: Suspect
    expected: ExpectedPoint | None

    def is_left_to(self, slot: SlotState) -> bool:
        """Say whether a seal that goes on may be about to change this point itself."""
        if slot.moving is None or self.expected is None:
            return False
        return self.expected.lives and self.kind in _LEFT_TO_A_SEAL


class MendPoints:
    """Looks at suspects once more, and mends what is wrong, while no draft of the corpus can begin or end a seal."""

    def __init__(
        self, *, catalog: Catalog, index: VectorIndex, vectors: TextVectors, sparse_encoder: SparseEncoder
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._vectors = vectors
        self._sparse_encoder = sparse_encoder

    async def __call__(
        self, scope: AccessScope, corpus: Corpus, batch: Sequence[Suspect], findings: Findings, *, dry_run: bool
    ) -> None:
        """Note what is wrong among the suspects; unless `dry_run`, mend it. Safe to repeat."""
        async with self._catalog.reading() as tx:
            _, faults = await _faults(tx, scope, corpus, batch, hold=False)
        if dry_run:
            findings.add(_findings(corpus, faults), mended=False)
            return
        # Before the lock: a vector that nobody kept is computed, and kept in a transaction of its own.
        points = await self._points(scope, corpus, [fault for fault in faults if fault.kind in _WRITTEN_WHOLE])
        async with self._catalog.writing() as tx:
            slot, faults = await _faults(tx, scope, corpus, batch, hold=True)
            mendable = [fault for fault in faults if not fault.is_left_to(slot) and _can_mend(fault, points)]
            await _in_time(self._mend(corpus, mendable, points))
        findings.add(_findings(corpus, mendable), mended=True)
        findings.add(_findings(corpus, [fault for fault in faults if fault not in mendable]), mended=False)

    async def _mend(self, corpus: Corpus, faults: Sequence[_Fault], points: Mapping[PointId, Point]) -> None:
        orphans = [fault.suspect.id for fault in faults if fault.expected is None]
        wanted = [fault.expected for fault in faults if fault.expected and fault.kind not in _WRITTEN_WHOLE]
        written = [fault.expected for fault in faults if fault.expected and fault.kind in _WRITTEN_WHOLE]
        if orphans:
            await self._index.purge(corpus.fingerprint, orphans)
        if written:
            whole = [replace(points[one.id], died=one.died, principals=one.principals) for one in written]
            await self._index.write(corpus.fingerprint, whole)
        await self._set_lives(corpus, wanted)
        await self._set_principals(corpus, wanted)

    async def _set_lives(self, corpus: Corpus, wanted: Sequence[ExpectedPoint]) -> None:
        for died, points in groupby(sorted(wanted, key=lambda one: one.died), key=lambda one: one.died):
            ids = [point.id for point in points]
            if died == OPEN:
                await self._index.revive(corpus.fingerprint, ids)
            else:
                await self._index.retire(corpus.fingerprint, ids, at=died)

    async def _set_principals(self, corpus: Corpus, wanted: Sequence[ExpectedPoint]) -> None:
        for principals in {point.principals for point in wanted}:
            ids = [point.id for point in wanted if point.principals == principals]
            await self._index.grant(corpus.fingerprint, ids, principals=principals)

    async def _points(self, scope: AccessScope, corpus: Corpus, faults: Sequence[_Fault]) -> dict[PointId, Point]:
        wanted = [fault.expected for fault in faults if fault.expected]
        if not wanted:
            return {}
        chunks = await self._chunks(scope, corpus, wanted)
        texts = [embedded_text(chunks[one.chunk_id].headings, chunks[one.chunk_id].text) for one in wanted]
        dense = await self._vectors.embed(scope.tenant_id, texts)
        return {
            one.id: Point(
                id=one.id,
                tenant_id=scope.tenant_id,
                corpus_id=corpus.id,
                chunk_id=one.chunk_id,
                principals=one.principals,
                born=one.born,
                died=one.died,
                dense=vector,
                sparse=self._sparse_encoder.encode_passage(text),
            )
            for one, text, vector in zip(wanted, texts, dense, strict=True)
        }

    async def _chunks(
        self, scope: AccessScope, corpus: Corpus, wanted: Sequence[ExpectedPoint]
    ) -> dict[ChunkId, Chunk]:
        async with self._catalog.reading() as tx:
            found = await tx.chunks.of_members(scope, corpus.fingerprint, sorted({one.member for one in wanted}))
        return {chunk.id: chunk for of_member in found.values() for chunk in of_member}


async def _in_time(mending: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(_LONGEST_HOLD_S):
            await mending
    except TimeoutError as exc:
        raise IndexUnavailable(f"The index did not take a batch in within {_LONGEST_HOLD_S:g} s.") from exc


async def _faults(
    tx: Transaction, scope: AccessScope, corpus: Corpus, batch: Sequence[Suspect], *, hold: bool
) -> tuple[SlotState, list[_Fault]]:
    slot = await tx.points.slot(scope, corpus.id, hold=hold)
    expected = await tx.points.of_chunks(scope, corpus.id, sorted({suspect.chunk_id for suspect in batch}))
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


def _findings(corpus: Corpus, faults: Sequence[_Fault]) -> list[Finding]:
    return [Finding(kind=fault.kind, subject=fault.suspect.id, corpus_id=corpus.id) for fault in faults]
