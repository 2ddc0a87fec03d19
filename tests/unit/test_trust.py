import pytest
from hypothesis import given

from rag_service.domain.ids import ChunkId, PointId
from rag_service.ports.vector_index import Candidate
from rag_service.retrieval.fusion import fuse
from rag_service.retrieval.trust import trust_in_meaning
from tests.unit.test_fusion import candidate, candidate_lists


def scored(dense: list[float], sparse: list[float]) -> list[Candidate]:
    return [
        Candidate(point_id=PointId(f"p{place}"), chunk_id=ChunkId(f"{place:03}"), dense_score=cosine, sparse_score=bm25)
        for place, (cosine, bm25) in enumerate(zip(dense, sparse, strict=True))
    ]


STANDS_OUT = [0.9, *(0.2 - place / 1000 for place in range(119))]
"""Cosines of a model that knows what is meant."""

ALL_ALIKE = [0.7 + place / 2000 for place in range(120)]
"""Cosines of a model that does not: what the words find is liked least."""

WORDS = [18.0, 9.0, 8.0, *(6 - place / 100 for place in range(57)), *([0.0] * 60)]


@given(candidate_lists())
def test_trust_lies_between_0_and_1(found: list[Candidate]) -> None:
    assert 0 <= trust_in_meaning(found) <= 1


def test_a_model_whose_best_stands_out_and_is_found_by_words_too_is_trusted() -> None:
    assert trust_in_meaning(scored(STANDS_OUT, WORDS)) > 0.95


def test_a_model_that_likes_everything_alike_and_not_what_the_words_find_is_not_trusted() -> None:
    assert trust_in_meaning(scored(ALL_ALIKE, WORDS)) < 0.05


def test_equal_scores_tell_nothing_apart_though_their_mean_rounds_above_them() -> None:
    assert trust_in_meaning(scored([0.1, 0.2, 0.3], [0.1, 0.1, 0.1])) == 1.0
    assert trust_in_meaning(scored([0.1, 0.1, 0.1], [3.0, 2.0, 1.0])) == 0.0


def test_words_decide_where_the_model_is_not_trusted() -> None:
    ranked = fuse(scored(ALL_ALIKE, WORDS), dense_weight=0.75).ranked

    assert [str(one.chunk_id) for one, _ in ranked[:3]] == ["000", "001", "002"]


def test_how_high_the_cosines_are_does_not_matter() -> None:
    raised = [0.5 + cosine / 2 for cosine in STANDS_OUT]

    assert trust_in_meaning(scored(raised, WORDS)) == pytest.approx(trust_in_meaning(scored(STANDS_OUT, WORDS)))


def test_a_model_that_tells_nothing_apart_is_not_trusted() -> None:
    assert trust_in_meaning([candidate("a", 0.0, 3.0), candidate("b", 0.0, 2.0)]) == 0


def test_a_model_is_trusted_where_no_word_is_known() -> None:
    assert trust_in_meaning([candidate("a", 0.2, 0.0), candidate("b", 0.6, 0.0)]) == 1


@pytest.mark.parametrize("count", [15, 25, 46, 55])
def test_that_both_sides_find_the_same_in_a_small_corpus_is_no_sign(count: int) -> None:
    assert trust_in_meaning(scored(ALL_ALIKE[:count], WORDS[:count])) < 0.2
    assert trust_in_meaning(scored(STANDS_OUT[:count], WORDS[:count])) > 0.9


@pytest.mark.parametrize("count", [20, 21, 30, 31, 50, 51])
def test_a_chunk_more_does_not_take_all_trust_where_the_model_misses_the_only_hit_of_words(count: int) -> None:
    of_words = [0.0] * (count - 1) + [5.0]

    assert trust_in_meaning(scored(STANDS_OUT[:count], of_words)) > 0.001
