"""Where the points of a build and the law of points differ: a merge of two lists in order of point id."""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build
from rag_service.domain.findings import FindingKind
from rag_service.domain.ids import ChunkId, PointId, TenantId
from rag_service.domain.points import ExpectedPoint
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import PointState, VectorIndex

_MEMBERSHIPS_PER_PAGE = 200
_PAUSE_S = 0.02
"""After each page: the index answers nobody else while it lists one."""

_ROW = struct.Struct(">16s16sqqI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A point that looked wrong while the lists were read: `state` is None when the index does not have it."""

    id: PointId
    chunk_id: ChunkId
    state: PointState | None


@dataclass(frozen=True, slots=True)
class _Row:
    """What decides whether a point is as it should be."""

    id: PointId
    chunk_id: ChunkId
    born: int
    died: int
    principals: frozenset[str]


async def suspects(catalog: Catalog, index: VectorIndex, scope: AccessScope, build: Build) -> AsyncIterator[Suspect]:
    """Yield what differs. The two lists are read one after the other, so each suspect has to be looked at once more."""
    # The catalog first: what it has by then, the index has had for longer.
    wanted = await _read_expected(catalog, scope, build)
    rows = wanted.rows()
    row = next(rows, None)
    async for page in index.states(build.fingerprint, corpus_id=build.corpus_id):
        for state in page:
            while row is not None and row.id < state.id:
                yield Suspect(id=row.id, chunk_id=row.chunk_id, state=None)
                row = next(rows, None)
            if row is not None and row.id == state.id:
                if not _agrees(row, state, scope.tenant_id):
                    yield Suspect(id=row.id, chunk_id=row.chunk_id, state=state)
                row = next(rows, None)
            else:
                yield Suspect(id=state.id, chunk_id=state.chunk_id, state=state)
        await asyncio.sleep(_PAUSE_S)
    while row is not None:
        yield Suspect(id=row.id, chunk_id=row.chunk_id, state=None)
        row = next(rows, None)


def kind_of(expected: ExpectedPoint | None, state: PointState | None, tenant_id: TenantId) -> FindingKind | None:
    """Say what is wrong with a point, if anything is."""
    if expected is None:
        return FindingKind.ORPHAN_POINT if state else None
    if state is None:
        return FindingKind.MISSING_POINT
    if (state.tenant_id, state.chunk_id, state.born) != (tenant_id, expected.chunk_id, expected.born):
        return FindingKind.WRONG_POINT
    if state.died != expected.died:
        return FindingKind.WRONG_INTERVAL
    return FindingKind.WRONG_PRINCIPALS if state.principals != expected.principals else None


def _agrees(row: _Row, state: PointState, tenant_id: TenantId) -> bool:
    seen = _Row(state.id, state.chunk_id, state.born, state.died, state.principals)
    return seen == row and state.tenant_id == tenant_id


class _Expected:
    """Expected points, packed: a million take about 100 MB."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._principals: dict[frozenset[str], int] = {}

    def add(self, points: Sequence[ExpectedPoint]) -> None:
        for point in points:
            principals = self._principals.setdefault(point.principals, len(self._principals))
            self._packed.append(
                _ROW.pack(UUID(point.id).bytes, UUID(point.chunk_id).bytes, point.born, point.died, principals)
            )

    def sort(self) -> None:
        self._packed.sort()

    def rows(self) -> Iterator[_Row]:
        principals = list(self._principals)
        for packed in self._packed:
            point, chunk, born, died, number = _ROW.unpack(packed)
            yield _Row(_id_of(point), ChunkId(_id_of(chunk)), born, died, principals[number])


def _id_of(packed: bytes) -> PointId:
    return PointId(str(UUID(bytes=packed)))


async def _read_expected(catalog: Catalog, scope: AccessScope, build: Build) -> _Expected:
    expected, after = _Expected(), None
    while True:
        async with catalog.reading() as tx:
            points, after = await tx.points.page(
                scope, build.corpus_id, build.fingerprint, after=after, limit=_MEMBERSHIPS_PER_PAGE
            )
        if after is None:
            await asyncio.to_thread(expected.sort)
            return expected
        expected.add(points)
