"""Ranking metrics, against hand-computed figures, laws and trec_eval."""

import math

import pytest
import pytrec_eval
from hypothesis import assume, given
from hypothesis import strategies as st

from eval.metrics import ranking
from eval.metrics.scores import Score

DOCUMENTS = [f"d{number}" for number in range(12)]
rankings = st.lists(st.sampled_from(DOCUMENTS), unique=True, max_size=12)
judgements = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 4), min_size=1)
cut_offs = st.integers(1, 12)
METRICS = [ranking.recall_at, ranking.reciprocal_rank_at, ranking.ndcg_at]


def test_ndcg_discounts_by_the_logarithm_of_the_rank_and_gains_the_grade() -> None:
    found, grades = ["x", "a", "b"], {"a": 3, "b": 1, "c": 2}

    expected = (3 / math.log2(3) + 1 / math.log2(4)) / (3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4))

    assert ranking.ndcg_at(found, grades, 10).value == pytest.approx(expected)


def test_recall_counts_relevant_documents_within_the_cut() -> None:
    assert ranking.recall_at(["a", "x", "b"], {"a": 1, "b": 2, "c": 1}, 2) == Score(1 / 3)


def test_the_reciprocal_rank_is_that_of_the_first_relevant_document() -> None:
    assert ranking.reciprocal_rank_at(["x", "y", "a", "b"], {"a": 1, "b": 1}, 10) == Score(1 / 3)


def test_beyond_the_cut_nothing_counts() -> None:
    assert ranking.reciprocal_rank_at(["x", "a"], {"a": 1}, 1) == Score(0.0)


@pytest.mark.parametrize("metric", METRICS)
def test_a_query_without_relevant_documents_is_missing_not_zero(metric) -> None:
    assert metric(["a"], {"a": 0}, 10) == Score(None, ranking.UNJUDGED)


def test_a_document_counts_once_at_its_best_chunk() -> None:
    assert ranking.documents_of(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


@given(rankings, judgements, cut_offs)
def test_every_metric_lies_between_zero_and_one(found, grades, k) -> None:
    assume(any(grades.values()))

    assert all(0.0 <= metric(found, grades, k).value <= 1.0 + 1e-12 for metric in METRICS)


@given(judgements, cut_offs)
def test_the_ideal_ranking_has_ndcg_one(grades, k) -> None:
    assume(any(grades.values()))
    ideal = sorted(grades, key=lambda key: -grades[key])

    assert ranking.ndcg_at(ideal, grades, k).value == pytest.approx(1.0)


@given(rankings, judgements, cut_offs)
def test_moving_a_better_document_up_never_lowers_ndcg(found, grades, k) -> None:
    assume(any(grades.values()))
    better = sorted(found, key=lambda key: -grades.get(key, 0))

    assert ranking.ndcg_at(better, grades, k).value >= ranking.ndcg_at(found, grades, k).value - 1e-12


@given(rankings, judgements)
def test_recall_never_falls_with_a_deeper_cut(found, grades) -> None:
    assume(any(grades.values()))
    recalls = [ranking.recall_at(found, grades, k).value for k in range(1, 13)]

    assert recalls == sorted(recalls)


@given(rankings, judgements, st.sampled_from([5, 10]))
def test_ndcg_and_recall_are_those_of_trec_eval(found, grades, k) -> None:
    assume(any(grades.values()) and found)
    run = {"q": {key: float(len(found) - place) for place, key in enumerate(found)}}
    evaluator = pytrec_eval.RelevanceEvaluator({"q": grades}, {"ndcg_cut", "recall"})

    expected = evaluator.evaluate(run)["q"]

    assert ranking.ndcg_at(found, grades, k).value == pytest.approx(expected[f"ndcg_cut_{k}"])
    assert ranking.recall_at(found, grades, k).value == pytest.approx(expected[f"recall_{k}"])
