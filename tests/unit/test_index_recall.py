"""Recall of the ten best, with chunks that are equally near; the exact scan behind it."""

import numpy as np
import pytest

from rag_service.domain.ids import ChunkId
from rag_service.domain.index_checks import CheckFindings, Neighbour, Recall, recall_of, recall_over
from rag_service.retrieval.exact_scan import FaissScan

NEAREST = [Neighbour(ChunkId(f"c{rank}"), 1 - rank / 100) for rank in range(20)]


def test_all_of_the_ten_nearest_are_all() -> None:
    assert recall_of(NEAREST[:10], NEAREST) == 1.0


def test_one_of_ten_that_is_not_found_costs_a_tenth() -> None:
    assert recall_of([*NEAREST[:9], NEAREST[15]], NEAREST) == pytest.approx(0.9)


def test_what_comes_after_the_tenth_counts_for_nothing() -> None:
    assert recall_of([*NEAREST[5:15], *NEAREST[:5]], NEAREST) == pytest.approx(0.5)


def test_where_chunks_tie_each_is_as_good_as_another() -> None:
    equal = [Neighbour(ChunkId(f"e{number}"), 0.5 + number * 1e-8) for number in range(30)]

    assert recall_of(equal[20:], equal) == 1.0


def test_a_tie_that_the_scan_did_not_keep_counts_by_its_score() -> None:
    other = Neighbour(ChunkId("another"), NEAREST[9].score)

    assert recall_of([*NEAREST[:9], other], NEAREST[:10]) == 1.0


def test_fewer_chunks_than_ten_can_all_be_found() -> None:
    assert recall_of(NEAREST[:3], NEAREST[:3]) == 1.0
    assert recall_of(NEAREST[:2], NEAREST[:4]) == 0.5


def test_nothing_to_be_found_is_no_recall() -> None:
    assert recall_of(NEAREST, []) is None
    assert recall_over([NEAREST], [[]]) is None


def test_recall_over_questions_tells_the_mean_and_the_worst() -> None:
    found = [NEAREST[:10], NEAREST[:5], []]

    assert recall_over(found, [NEAREST, NEAREST, []]) == Recall(mean=0.75, least=0.5, queries=2)


def test_the_worst_recall_is_that_of_whoever_finds_less() -> None:
    all_of_it, half = Recall(mean=1.0, least=1.0, queries=5), Recall(mean=0.5, least=0.1, queries=5)

    assert CheckFindings(recall=all_of_it, restricted=half).worst_recall == 0.5
    assert CheckFindings().worst_recall is None


def test_a_point_too_many_is_not_a_point_missing() -> None:
    assert CheckFindings(points_expected=3, points_held=4).points_missing == 0


def test_a_scan_returns_the_nearest_by_inner_product() -> None:
    vectors = np.random.default_rng(5).normal(size=(300, 16)).astype(np.float32)

    scores, rows = FaissScan().nearest(vectors[:4], vectors, limit=3)

    products = vectors[:4] @ vectors.T
    assert rows.tolist() == np.argsort(-products, axis=1)[:, :3].tolist()
    assert np.allclose(scores, -np.sort(-products, axis=1)[:, :3], atol=1e-5)


def test_a_scan_of_few_vectors_returns_them_all_and_of_none_nothing() -> None:
    questions = np.eye(3, dtype=np.float32)

    assert FaissScan().nearest(questions, questions[:2], limit=9)[1].shape == (3, 2)
    assert FaissScan().nearest(questions, questions[:0], limit=9)[0].shape == (3, 0)
