"""From the evidence of a case to its scores, and from the results of a run to its figures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.scores import Score
from eval.metrics.suite_scores import ABSTAINED, figures_of, scores_of
from rag_service.domain import metric_names as names
from rag_service.domain.evaluations import Figure
from tests.unit.eval.case_evidence import cited, evidence, failed, found, result


def figure(name: str, *results, **targets: float) -> Figure:
    return next(one for one in figures_of(results, targets) if one.name == name)


def test_a_perfect_answer_has_every_score() -> None:
    scores = scores_of(evidence(expected=["The sky is blue"]))

    perfect = {name for name, score in scores.items() if score.value == 1.0}
    assert set(scores) - perfect == {names.LATENCY, names.TOKENS, names.COST, names.NUMBER_MATCH}
    assert [scores[name] for name in (names.LATENCY, names.TOKENS, names.COST)] == [
        Score(12.0),
        Score(35.0),
        Score(0.0002),
    ]


def test_a_cost_that_is_not_known_is_missing_and_one_of_nothing_is_not() -> None:
    unpriced, free = evidence(cost=None), evidence(cost={"amount": 0.0, "currency": "EUR"})

    assert scores_of(unpriced)[names.COST] == Score(None, names.UNPRICED)
    assert scores_of(free)[names.COST] == Score(0.0)


def test_retrieval_is_scored_passage_by_passage() -> None:
    scores = scores_of(evidence(found=[found("x"), found("a", "Grass is green."), found("a")]))

    assert scores[names.MRR] == Score(1 / 3)
    assert scores[names.CONTEXT_PRECISION] == Score(1 / 3)
    assert scores[names.NDCG].value == pytest.approx(1 / math.log2(4))


def test_gold_behind_the_fifth_passage_is_found_but_not_among_the_first_five() -> None:
    scores = scores_of(evidence(found=[*[found("x")] * 5, found("a")]))

    assert (scores[names.RECALL], scores[names.CONTEXT_RECALL]) == (Score(0.0), Score(1.0))


def test_a_gold_document_without_a_quote_is_found_by_any_of_its_passages() -> None:
    gold = [{"document_key": "a", "text": ""}]

    assert scores_of(evidence(gold=gold, found=[found("a", "Grass is green.")]))[names.MRR] == Score(1.0)


def test_the_threshold_of_the_service_decides_what_is_supported() -> None:
    weak = evidence(cited=[cited("a", support=0.7), cited("a", start=20, support=0.9)])

    assert scores_of(weak, support_threshold=0.8)[names.SUPPORT_RATE] == Score(0.5)


def test_a_refusal_is_no_bad_answer_and_its_retrieval_is_scored() -> None:
    scores = scores_of(evidence(status="abstained", answer="", cited=[], citations_resolve=[]))

    answered = (names.TOKEN_F1, names.CITATION_RECALL, names.SUPPORT_RATE, names.CITATIONS_RESOLVE)
    assert {scores[name] for name in answered} == {Score(None, ABSTAINED)}
    assert scores[names.RECALL] == Score(1.0)


def test_a_question_that_could_not_be_asked_is_missing_everywhere() -> None:
    scores = scores_of(failed())

    assert set(scores.values()) == {Score(None, "could not be asked: IndexUnavailable")}
    assert set(scores) == set(scores_of(evidence()))


def test_what_speaks_of_a_right_answer_does_not_apply_to_an_unanswerable_question() -> None:
    scores = scores_of(evidence(answerable=False, gold=[], expected=[]))

    assert set(scores) == {names.CITATIONS_RESOLVE, names.SUPPORT_RATE, names.LATENCY, names.TOKENS, names.COST}


def test_a_figure_counts_the_cases_it_applies_to_and_says_why_some_are_missing() -> None:
    results = [result("1", {"m": 1.0}), result("2", {"m": None}), result("3", {"other": 1.0})]

    found = figure("m", *results, m=0.5)

    assert (found.value, found.measured, found.total, dict(found.missing)) == (1.0, 1, 2, {"no reason": 1})
    assert found.passed is True


def test_abstention_is_a_figure_of_all_cases() -> None:
    refusals = [
        result("1", {}, status="abstained"),
        result("2", {}, status="abstained", answerable=False),
        result("3", {}, answerable=False),
        result("4", {}, answerable=False, failure="could not be asked", status=None),
    ]

    recall = figure(names.ABSTENTION_RECALL, *refusals)

    assert figure(names.ABSTENTION_PRECISION, *refusals).value == 0.5
    assert (recall.value, recall.measured, recall.total) == (0.5, 2, 3)
    assert dict(recall.missing) == {"could not be asked": 1}


def test_latency_has_a_mean_and_a_slow_end() -> None:
    results = [result(str(ms), {names.LATENCY: float(ms)}) for ms in range(101)]

    assert figure(names.LATENCY, *results).value == 50.0
    assert figure(names.LATENCY_P95, *results).value == pytest.approx(95.0)


def test_figures_come_in_one_order_with_those_of_ragas_behind() -> None:
    row = {"ragas: BLEU": 0.1, names.TOKENS: 3.0, names.RECALL: 1.0}

    assert [one.name for one in figures_of([result("1", row)], {})][:3] == [names.RECALL, names.TOKENS, "ragas: BLEU"]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_cases_moves_no_figure(values: list[float], random) -> None:
    results = [result(str(index), {"m": value}) for index, value in enumerate(values)]
    shuffled = random.sample(results, len(results))

    assert figure("m", *shuffled) == figure("m", *results)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_the_bounds_of_a_mean_hold_it_between_the_least_and_the_greatest(values: list[float]) -> None:
    one = figure("m", *[result(str(index), {"m": value}) for index, value in enumerate(values)])

    assert min(values) - 1e-9 <= one.low <= one.high <= max(values) + 1e-9
    assert one.low - 1e-9 <= one.value <= one.high + 1e-9 or len(set(values)) > 1


def test_one_case_has_no_bounds() -> None:
    one = figure("m", result("1", {"m": 0.5}))

    assert (one.low, one.high) == (None, None)


def test_the_bounds_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    values = [(index * 37 % 101) / 100 for index in range(60)]
    expected = stats.bootstrap((values,), lambda sample, axis: sample.mean(axis=axis), method="percentile", rng=1)

    one = figure("m", *[result(str(index), {"m": value}) for index, value in enumerate(values)])

    assert (one.low, one.high) == pytest.approx(tuple(expected.confidence_interval), abs=0.02)
