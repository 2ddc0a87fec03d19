"""How far the best hits of two engines agree."""

from rag_service.domain.ids import ChunkId, PointId
from rag_service.domain.overlaps import overlap_at
from rag_service.ports.vector_index import Candidate


def hit(name: str, dense: float, sparse: float = 0.0) -> Candidate:
    return Candidate(point_id=PointId(name), chunk_id=ChunkId(name), dense_score=dense, sparse_score=sparse)


A, B, C, D = hit("a", 0.9), hit("b", 0.8), hit("c", 0.7), hit("d", 0.7)


def test_the_same_hits_agree_in_any_order() -> None:
    assert overlap_at(10, [A, B, C], [C, A, B]) == 1.0


def test_what_the_other_does_not_find_is_missing_on_its_side() -> None:
    assert overlap_at(10, [A, B], [A]) == (0.5 + 1.0) / 2


def test_where_a_tie_is_cut_means_nothing() -> None:
    assert overlap_at(3, [A, B, C], [A, B, D]) == 1.0


def test_only_the_best_count() -> None:
    assert overlap_at(1, [A, B], [A, C]) == 1.0


def test_nothing_agrees_with_nothing_only() -> None:
    assert overlap_at(10, [], []) == 1.0
    assert overlap_at(10, [], [A]) == 0.5
    assert overlap_at(10, [A], []) == 0.5


def test_words_are_a_side_of_their_own() -> None:
    assert overlap_at(10, [hit("a", 0.9, 3.0)], [hit("a", 0.9)]) == 0.5
