"""A search of the rows of a build as they are at one moment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import ChunkId, PointId
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Candidate, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval.dense_structure import Allowed, DenseStructure
from rag_service.retrieval.faiss_rows import Rows
from rag_service.retrieval.faiss_scan import best, cosines
from rag_service.retrieval.postings import SparseScores, score

_SPARE = 16
"""What a structure finds is scored again by the true vectors: at least so many more than are wanted."""

Marks = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Rows, and a structure over the first ones of them; the others, written since, are scanned."""

    rows: Rows
    structure: DenseStructure | None


def search_rows(
    snapshot: Snapshot, query: QueryVectors, *, among: Visible, limit: int, exact_below: int
) -> list[Candidate]:
    """Return the best `limit` visible rows of each side by chunk id, scored on both.

    Up to `exact_below` visible rows are all looked at.
    """
    rows = snapshot.rows
    visible = rows.visible(among)
    count = int(np.count_nonzero(visible))
    if not count:
        return []
    sparse = score(rows.postings, query.sparse, visible)
    found = _best_of_sparse(rows, sparse, limit)
    if query.dense is not None:
        if count <= exact_below:
            near = _nearest_of(rows, np.flatnonzero(visible), query.dense, limit)
        else:
            near = _nearest(snapshot, visible, query.dense, limit)
        found = np.union1d(near, found)
    return _candidates(rows, found, query, sparse)


def _nearest(snapshot: Snapshot, visible: Marks, asked: DenseVector, limit: int) -> Places:
    """Let the structure look; look at every row where it does not find enough to be sure of the cut."""
    rows = snapshot.rows
    found = None if snapshot.structure is None else _found(snapshot.structure, visible, asked, limit)
    if found is None:
        return _nearest_of(rows, np.flatnonzero(visible), asked, limit)
    scores = np.sort(cosines(rows.vectors, rows.lengths, found, asked))
    if found.size > limit and scores[0] == scores[-limit]:
        return _nearest_of(rows, np.flatnonzero(visible), asked, limit)
    size = len(visible) if snapshot.structure is None else snapshot.structure.size
    newer = size + np.flatnonzero(visible[size:])
    return _nearest_of(rows, np.concatenate([found, newer]), asked, limit)


def _found(structure: DenseStructure, visible: Marks, asked: DenseVector, limit: int) -> Places | None:
    """Return what the structure finds, None when that is less than there is."""
    marks = visible[: structure.size]
    matching = int(np.count_nonzero(marks))
    wanted = min(max(limit + _SPARE, int(limit * structure.oversampling)), matching)
    if not wanted:
        return np.empty(0, dtype=np.int64)
    allowed = None if matching == structure.size else Allowed(np.packbits(marks, bitorder="little"), matching)
    length = np.linalg.norm(asked.astype(np.float64))
    found = structure.search((asked / length).astype(np.float32)[None], wanted, allowed=allowed).rows[0]
    found = found[found >= 0]
    if not marks[found].all():
        raise IndexUnavailable("The structure found what the filter leaves out.")
    return found if found.size >= wanted else None


def _nearest_of(rows: Rows, places: Places, asked: DenseVector, limit: int) -> Places:
    return best(places, cosines(rows.vectors, rows.lengths, places, asked), limit, rows.chunk_ids)


def _best_of_sparse(rows: Rows, sparse: SparseScores, limit: int) -> Places:
    places = sparse.scored.astype(np.int64)
    return best(places, sparse.of_rows[places].astype(np.float64), limit, rows.chunk_ids)


def _candidates(rows: Rows, places: Places, query: QueryVectors, sparse: SparseScores) -> list[Candidate]:
    near = np.zeros(places.size)
    if query.dense is not None:
        near = cosines(rows.vectors, rows.lengths, places, query.dense)
    # A chunk has several points over time, and one at a time: it comes once even where a version was damaged.
    columns = rows.chunk_ids[places], rows.point_ids[places], near, sparse.of_rows[places]
    by_chunk = {chunk_id: rest for chunk_id, *rest in zip(*(each.tolist() for each in columns), strict=True)}
    return [
        Candidate(
            point_id=PointId(point_id.decode()),
            chunk_id=ChunkId(chunk_id.decode()),
            dense_score=dense_score,
            sparse_score=sparse_score,
        )
        for chunk_id, (point_id, dense_score, sparse_score) in sorted(by_chunk.items())
    ]
