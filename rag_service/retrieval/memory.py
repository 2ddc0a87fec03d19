"""The index without an engine: exact, in this process only, gone when it ends."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.domain.versions import OPEN
from rag_service.ports.vector_index import Candidate, Point, PointState, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval.vector_checks import check_points, check_query, dimensions_of

_Points = dict[PointId, Point]
# Equal vectors must tie, whatever the order in which a matrix product adds them up.
_SCORE_DECIMALS = 7


class MemoryIndex:
    """VectorIndex over dictionaries and NumPy, for tests and very small installations."""

    def __init__(self) -> None:
        self._builds: dict[Fingerprint, _Points] = {}
        self._dimensions: dict[Fingerprint, int] = {}

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        if not points:
            return
        dimensions = self._dimensions.get(fingerprint, dimensions_of(points))
        check_points(points, dimensions=dimensions)
        self._dimensions[fingerprint] = dimensions
        self._builds.setdefault(fingerprint, {}).update({point.id: point for point in points})

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        self._change(fingerprint, ids, died=at)

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        self._change(fingerprint, ids, died=OPEN)

    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        self._change(fingerprint, ids, principals=principals)

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        for point_id in ids:
            self._points(fingerprint).pop(point_id, None)

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        points = self._points(fingerprint)
        await self.purge(fingerprint, [point.id for point in points.values() if point.corpus_id == corpus_id])

    async def search(
        self, fingerprint: Fingerprint, query: QueryVectors, *, among: Visible, limit: int, exact: bool = False
    ) -> list[Candidate]:
        if fingerprint not in self._builds:
            return []
        check_query(query, dimensions=self._dimensions[fingerprint])
        points = self._points(fingerprint).values()
        visible = [point for point in points if _is_visible(point, among)]
        return _best(visible, query, limit) if visible else []

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        points = self._points(fingerprint)
        return {point_id: points[point_id].dense for point_id in ids if point_id in points}

    async def builds(self) -> dict[Fingerprint, int | None]:
        return {fingerprint: len(points) for fingerprint, points in self._builds.items()}

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        return dict(Counter(point.corpus_id for point in self._points(fingerprint).values()))

    async def states(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int = -1
    ) -> AsyncIterator[Sequence[PointState]]:
        points = self._points(fingerprint).values()
        found = [_state(point) for point in points if point.corpus_id == corpus_id and point.born > born_after]
        if found:
            yield sorted(found, key=lambda state: state.id)

    async def points(self, fingerprint: Fingerprint, *, after: PointId | None = None) -> AsyncIterator[Sequence[Point]]:
        points = self._points(fingerprint)
        found = [points[point_id] for point_id in sorted(points) if after is None or point_id > after]
        if found:
            yield found

    async def optimise(self, fingerprint: Fingerprint) -> None:
        """Nothing to build: every search is a full scan."""

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        """Nothing on any disk."""
        return []

    async def drop(self, fingerprint: Fingerprint) -> None:
        self._builds.pop(fingerprint, None)
        self._dimensions.pop(fingerprint, None)

    def _points(self, fingerprint: Fingerprint) -> _Points:
        return self._builds.get(fingerprint, {})

    def _change(self, fingerprint: Fingerprint, ids: Sequence[PointId], **changes: Any) -> None:
        points = self._points(fingerprint)
        points.update({point_id: replace(points[point_id], **changes) for point_id in ids if point_id in points})


def _is_visible(point: Point, among: Visible) -> bool:
    scope = among.scope
    return (
        point.tenant_id == scope.tenant_id
        and point.corpus_id == among.corpus_id
        and scope.covers(among.corpus_id)
        and point.born <= among.version < point.died
        and (scope.sees_all_documents or not point.principals.isdisjoint(scope.principals))
        and (among.documents is None or point.document_id in among.documents)
    )


def _best(visible: list[Point], query: QueryVectors, limit: int) -> list[Candidate]:
    visible.sort(key=lambda point: (point.chunk_id, point.id))
    sparse = _sparse_scores(visible, query)
    dense = np.zeros(len(visible)) if query.dense is None else _cosines(visible, query.dense)
    # A stable sort of points that are in order of chunk id breaks ties by it.
    of_dense = [] if query.dense is None else np.argsort(-dense, kind="stable")[:limit].tolist()
    of_sparse = [row for row in np.argsort(-sparse, kind="stable")[:limit] if sparse[row] > 0]
    return [
        Candidate(
            point_id=visible[row].id,
            chunk_id=visible[row].chunk_id,
            dense_score=float(dense[row]),
            sparse_score=float(sparse[row]),
        )
        for row in sorted({*of_dense, *of_sparse})
    ]


def _cosines(points: list[Point], asked: DenseVector) -> NDArray[np.float64]:
    matrix = np.stack([point.dense for point in points]).astype(np.float64)
    wanted = asked.astype(np.float64)
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(wanted)
    cosines: NDArray[np.float64] = np.round((matrix @ wanted) / lengths, _SCORE_DECIMALS).clip(-1.0, 1.0)
    return cosines


def _sparse_scores(points: list[Point], query: QueryVectors) -> NDArray[np.float64]:
    return np.array([query.sparse.dot(point.sparse) for point in points], dtype=np.float64)


def _state(point: Point) -> PointState:
    return PointState(
        id=point.id,
        tenant_id=point.tenant_id,
        corpus_id=point.corpus_id,
        chunk_id=point.chunk_id,
        principals=point.principals,
        born=point.born,
        died=point.died,
    )
