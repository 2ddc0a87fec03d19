import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.ids import ChunkId, PointId
from rag_service.ports.fusion import Ranked
from rag_service.ports.vector_index import Candidate
from rag_service.retrieval.fusion import fuse


def candidate(name: str, dense: float, sparse: float) -> Candidate:
    return Candidate(point_id=PointId(f"p-{name}"), chunk_id=ChunkId(name), dense_score=dense, sparse_score=sparse)


def names(ranked: Ranked) -> list[str]:
    return [str(found.chunk_id) for found, _ in ranked]


@st.composite
def candidate_lists(draw: st.DrawFn) -> list[Candidate]:
    ids = draw(st.lists(st.integers(0, 999), unique=True, max_size=20))
    scores = st.tuples(st.floats(-1, 1, width=32), st.floats(0, 50, width=32))
    return [candidate(f"{number:03}", *draw(scores)) for number in ids]


weights = st.floats(0, 1)


def ranking(found: list[Candidate], *, weight: float = 0.75) -> Ranked:
    return fuse(found, dense_weight=weight).ranked


@given(candidate_lists(), weights)
def test_fusion_keeps_each_chunk_once(found: list[Candidate], weight: float) -> None:
    ranked = names(ranking(found, weight=weight))

    assert len(ranked) == len(set(ranked)) == len(found)


@given(candidate_lists(), weights)
def test_the_dense_side_counts_at_most_what_it_may(found: list[Candidate], weight: float) -> None:
    assert 0 <= fuse(found, dense_weight=weight).dense_weight <= weight + 1e-9


@given(candidate_lists(), weights, st.randoms())
def test_fusion_ignores_the_order_of_its_input(found: list[Candidate], weight: float, random: object) -> None:
    shuffled = sorted(found, key=lambda _: random.random())

    assert ranking(found, weight=weight) == ranking(shuffled, weight=weight)


@given(candidate_lists(), weights)
def test_scores_lie_between_0_and_1_and_fall(found: list[Candidate], weight: float) -> None:
    scores = [score for _, score in ranking(found, weight=weight)]

    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for score in scores)


@given(candidate_lists(), weights)
def test_a_candidate_better_on_both_sides_is_never_behind(found: list[Candidate], weight: float) -> None:
    scores = {one.chunk_id: score for one, score in ranking(found, weight=weight)}

    for one in found:
        for other in found:
            if one.dense_score >= other.dense_score and one.sparse_score >= other.sparse_score:
                assert scores[one.chunk_id] >= scores[other.chunk_id]


@given(candidate_lists())
def test_with_all_weight_on_dense_the_cosine_decides(found: list[Candidate]) -> None:
    ranked = [one.dense_score for one, _ in ranking(found, weight=1)]

    assert ranked == pytest.approx(sorted(ranked, reverse=True), abs=1e-6)


def test_equal_scores_are_ordered_by_chunk_id() -> None:
    found = [candidate("b", 0.5, 3.0), candidate("a", 0.5, 3.0)]

    assert names(ranking(found)) == ["a", "b"]


def test_the_best_on_both_sides_scores_1() -> None:
    ranked = ranking([candidate("a", 0.5, 8.0), candidate("b", 0.1, 2.0)])

    assert ranked[0][1] == pytest.approx(1.0)


def many(count: int) -> list[Candidate]:
    """Return candidates that fall on both sides, the first far ahead."""
    return [candidate(f"{place:03}", 1 / (place + 1), 20 / (place + 1)) for place in range(count)]


def test_what_is_taken_beyond_the_best_fifty_does_not_move_the_others() -> None:
    assert ranking(many(200))[:30] == ranking(many(60))[:30]


def test_a_query_without_known_words_is_ranked_by_the_dense_side() -> None:
    found = [candidate("a", 0.2, 0.0), candidate("b", 0.6, 0.0)]

    assert names(ranking(found)) == ["b", "a"]
