"""A search of the rows of a build as they are at one moment."""

import numpy as np

from rag_service.domain.ids import ChunkId, PointId
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Candidate, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval.dense_structure import DenseStructure
from rag_service.retrieval.faiss_rows import Places, Rows
from rag_service.retrieval.faiss_scan import best, cosines
from rag_service.retrieval.faiss_snapshot import Snapshot, VisibleRows
from rag_service.retrieval.postings_scan import Scores, highest, scores_of

_SPARE = 16
"""What a structure finds is scored again by the true vectors: at least so many more than are wanted."""


def search_rows(
    snapshot: Snapshot, query: QueryVectors, *, among: Visible, limit: int, exact_below: int
) -> list[Candidate]:
    """Return the best `limit` visible rows of each side by chunk id, scored on both.

    Up to `exact_below` visible rows are all looked at.
    """
    rows, visible = snapshot.rows, snapshot.visible(among)
    if visible is None or not visible.count:
        return []
    scores = scores_of(rows.postings, query.sparse, row_count=len(visible.marks))
    found = _best_of_words(rows, scores, visible, limit)
    if query.dense is not None:
        if visible.count <= exact_below:
            near = _nearest_of(rows, visible.places, query.dense, limit)
        else:
            near = _nearest(snapshot, visible, query.dense, limit)
        found = np.union1d(near, found)
    return _candidates(snapshot, found, query, scores)


def _nearest(snapshot: Snapshot, visible: VisibleRows, asked: DenseVector, limit: int) -> Places:
    """Let the structure look; look at every row where it does not find enough to be sure of the cut."""
    rows, structure = snapshot.rows, snapshot.structure
    found = None if structure is None else _found(structure, visible, asked, limit)
    if structure is None or found is None:
        return _nearest_of(rows, visible.places, asked, limit)
    scores = np.sort(cosines(rows.vectors, rows.lengths, found, asked))
    if found.size > limit and scores[0] == scores[-limit]:
        return _nearest_of(rows, visible.places, asked, limit)
    newer = structure.size + np.flatnonzero(visible.marks[structure.size :])
    return _nearest_of(rows, np.concatenate([found, newer]), asked, limit)


def _found(structure: DenseStructure, visible: VisibleRows, asked: DenseVector, limit: int) -> Places | None:
    """Return what the structure finds, None when that is less than there is."""
    matching = visible.allowed.count
    wanted = min(max(limit + _SPARE, int(limit * structure.oversampling)), matching)
    if not wanted:
        return np.empty(0, dtype=np.int64)
    allowed = None if matching == structure.size else visible.allowed
    length = np.linalg.norm(asked.astype(np.float64))
    found = structure.search((asked / length).astype(np.float32)[None], wanted, allowed=allowed).rows[0]
    found = found[found >= 0]
    if not visible.marks[found].all():
        raise IndexUnavailable("The structure found what the filter leaves out.")
    return found if found.size >= wanted else None


def _nearest_of(rows: Rows, places: Places, asked: DenseVector, limit: int) -> Places:
    return best(places, cosines(rows.vectors, rows.lengths, places, asked), limit, rows.chunk_ids)


def _best_of_words(rows: Rows, scores: Scores, visible: VisibleRows, limit: int) -> Places:
    places = highest(scores, visible.marks, limit)
    return best(places, scores[places].astype(np.float64), limit, rows.chunk_ids)


def _candidates(snapshot: Snapshot, places: Places, query: QueryVectors, scores: Scores) -> list[Candidate]:
    rows, near = snapshot.rows, np.zeros(places.size)
    if query.dense is not None:
        near = cosines(rows.vectors, rows.lengths, places, query.dense)
    point_ids = [PointId(each.decode()) for each in rows.point_ids[places].tolist()]
    snapshot.remember(point_ids, places)
    chunk_ids = (ChunkId(each.decode()) for each in rows.chunk_ids[places].tolist())
    # A chunk has several points over time, and one at a time: it comes once even where a version was damaged.
    by_chunk = {
        chunk_id: Candidate(point_id=point_id, chunk_id=chunk_id, dense_score=dense_score, sparse_score=sparse_score)
        for point_id, chunk_id, dense_score, sparse_score in zip(
            point_ids, chunk_ids, near.tolist(), scores[places].tolist(), strict=True
        )
    }
    return [by_chunk[chunk_id] for chunk_id in sorted(by_chunk)]
