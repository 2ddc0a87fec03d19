"""Comparing two runs: what is paired, what counts as a difference, which questions changed, and why perhaps."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.changed_questions import Turn
from rag_service.domain.comparisons import Comparison, Measured, compare
from rag_service.domain.differences import DiffedDocument, VersionDiff
from rag_service.domain.evaluations import CaseResult, EvalRunState
from rag_service.domain.ids import DocumentId
from rag_service.use_cases.paired_differences import PairedDifferences
from tests.evaluation_values import abstained, evidence, result, results, run

scores = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=12)


def compared(before: list[CaseResult], after: list[CaseResult], **runs: Any) -> Comparison:
    documents = runs.pop("documents", None)
    old, new = run(day=1, **runs.get("old", {})), run(day=2, **runs.get("new", {}))
    return compare(
        Measured(run=old, results=before),
        Measured(run=new, results=after),
        measure=PairedDifferences(),
        documents=documents,
    )


def test_means_are_taken_over_the_questions_that_both_runs_have_measured() -> None:
    [recall] = compared(results([1.0, 0.0, None]), results([0.5, 0.5, 1.0])).metrics

    assert (recall.pairs, recall.before, recall.after, recall.difference) == (2, 0.5, 0.5, 0.0)


def test_a_question_that_one_run_did_not_ask_or_asked_otherwise_is_left_out() -> None:
    edited = result("gold_2", evidence(expected=["at 23:00"]))

    found = compared(results([1.0, 1.0, 1.0]), [result("gold_1"), edited, result("gold_4")])

    assert found.common == 1
    assert found.left_out == {
        "asked in the first run only": 1,
        "asked in the second run only": 1,
        "edited between the runs": 1,
    }


def test_bounds_hold_the_difference_and_lie_where_the_differences_do() -> None:
    [recall] = compared(results([0.2] * 20), results([0.3] * 10 + [0.5] * 10)).metrics

    assert recall.spread is not None
    assert 0.1 < recall.spread.low < recall.difference < recall.spread.high < 0.3


def test_a_clear_loss_makes_the_run_worse() -> None:
    found = compared(results([0.9] * 20), results([0.5] * 20))

    assert (found.metrics[0].turn, found.is_worse) == (Turn.WORSE, True)


def test_a_clear_gain_makes_it_better() -> None:
    found = compared(results([0.5] * 20), results([0.9] * 20))

    assert (found.metrics[0].turn, found.is_worse) == (Turn.BETTER, False)


def test_three_questions_prove_nothing_however_clear_they_are() -> None:
    assert compared(results([1.0] * 3), results([0.0] * 3)).metrics[0].turn is None


def test_a_slower_run_is_no_worse_run() -> None:
    fast = [result(f"gold_{n}", latency=100.0) for n in range(20)]
    slow = [result(f"gold_{n}", latency=900.0) for n in range(20)]

    found = compared(fast, slow)

    assert (found.metrics[0].turn, found.is_worse) == (Turn.WORSE, False)


def test_answers_that_got_lost_are_counted_by_mcnemar() -> None:
    before = [result(f"gold_{n}") for n in range(10)]
    after = [result(f"gold_{n}", abstained() if n < 8 else None) for n in range(10)]

    decided, cited, *_ = compared(before, after).outcomes

    assert (decided.lost, decided.won, decided.before, decided.after, decided.turn) == (8, 0, 10, 2, Turn.WORSE)
    assert (cited.lost, cited.won) == (8, 0)


def test_an_unanswerable_question_that_is_answered_now_is_worse() -> None:
    before = [result(seen=abstained(answerable=False, gold=[], expected=[]))]
    after = [result(seen=evidence(answerable=False, gold=[], expected=[], gold_cited=None))]

    [changed] = compared(before, after).questions

    assert (changed.turn, changed.reasons) == (
        Turn.WORSE,
        ("is answered now, though the documents do not say",),
    )


def test_a_lost_gold_citation_is_worse_though_the_question_is_still_answered() -> None:
    [changed] = compared([result()], [result(seen=evidence(gold_cited=False, answer="Never."))]).questions

    assert (changed.turn, changed.reasons) == (Turn.WORSE, ("no longer cites a gold quote",))
    assert (changed.before.text, changed.after.text) == ("The car park closes at 22:30.", "Never.")


def test_other_words_of_the_same_worth_are_merely_different() -> None:
    [changed] = compared([result()], [result(seen=evidence(answer="At 22:30 it closes."))]).questions

    assert (changed.turn, changed.reasons) == (Turn.DIFFERENT, ("has another answer",))


def test_worse_questions_come_first_and_unchanged_ones_not_at_all() -> None:
    before = results([0.5, 0.5, 0.5])
    after = results([0.9, 0.5, 0.1])

    assert [one.case_id for one in compared(before, after).questions] == ["gold_3", "gold_1"]


def test_a_question_names_the_changed_documents_that_it_touches() -> None:
    changed = DiffedDocument(document_id=DocumentId("d"), key="parking.md", revision_before=1, revision_after=2)
    other = DiffedDocument(document_id=DocumentId("e"), key="menu.md", revision_before=None, revision_after=1)
    documents = VersionDiff(
        before=1, after=2, added=(other,), removed=(), changed=(changed,), chunks_added=1, chunks_removed=1,
        chunks_kept=0, tokens_added=9, tokens_removed=9,
    )  # fmt: skip

    [question] = compared([result()], [result(seen=abstained())], documents=documents).questions

    assert question.documents == ("parking.md",)


def test_what_the_runs_were_made_with_is_told_where_it_differs() -> None:
    found = compared([], [], new={"number": 2, "made_with": {"prompt": "v2", "generator": "extractive", "build": "b1"}})

    assert [(one.name, one.before, one.after) for one in found.settings] == [
        ("version", "1", "2"),
        ("prompt", "v1", "v2"),
    ]


def test_what_may_be_why_is_counted_over_the_questions_that_are_worse() -> None:
    before = [result(f"gold_{n}") for n in range(3)]
    moved = evidence(found=[], answer="Never.", gold_cited=False)
    after = [result("gold_0", abstained()), result("gold_1", moved), result("gold_2", evidence(answer="At 22:30."))]
    made_with = {"dense weight": "0.5", "prompt version": "p1"}

    found = compared(
        before, after, old={"made_with": made_with}, new={"made_with": {"dense weight": "0", "prompt version": "p2"}}
    )

    assert [(cause.change.name, cause.worse) for cause in found.causes] == [("prompt version", 2), ("dense weight", 1)]
    assert [question.causes for question in found.questions] == [
        ("prompt version",),
        ("dense weight", "prompt version"),
        ("prompt version",),
    ]


def test_a_question_that_is_worse_though_nothing_was_made_otherwise_is_unexplained() -> None:
    found = compared([result()], [result(seen=abstained())])

    assert (found.causes, found.unexplained) == ((), 1)


def test_figures_of_different_judges_are_not_compared() -> None:
    judged = [result(**{"ragas: faithfulness": 0.9, "recall": 1.0})]

    found = compared(judged, judged, old={"judge": "model one"}, new={"judge": "model two"})

    assert [metric.name for metric in found.metrics] == ["recall@5"]
    assert found.notes == ("The runs had different judges, so judged figures are not compared.",)


def test_no_question_is_worse_by_what_another_judge_says() -> None:
    kind, harsh = [result(**{"ragas: faithfulness": 0.9})], [result(**{"ragas: faithfulness": 0.1})]

    assert compared(kind, harsh, old={"judge": "model one"}, new={"judge": "model two"}).questions == ()
    assert [one.turn for one in compared(kind, harsh).questions] == [Turn.WORSE]


def test_costs_in_different_currencies_are_not_compared() -> None:
    paid = [result(cost=0.01, recall=1.0)]

    found = compared(paid, paid, old={"made_with": {"currency": "EUR"}}, new={"made_with": {"currency": "USD"}})

    assert [metric.name for metric in found.metrics] == ["recall@5"]
    assert found.notes == ("The runs count costs in different currencies, so costs are not compared.",)


def test_a_run_that_is_not_finished_is_told() -> None:
    assert compared([], [], new={"state": EvalRunState.RUNNING}).notes == ("Run eval_2 is not finished.",)


def test_a_question_that_could_not_be_asked_counts_for_nothing() -> None:
    failed = abstained(status=None, failure="timeout", found=[], answer="")

    outcomes = compared([result()], [result(seen=failed)]).outcomes

    assert outcomes == ()


@given(before=scores, after=scores)
def test_a_comparison_the_other_way_round_is_its_mirror(before: list[float | None], after: list[float | None]) -> None:
    there, back = (compared(results(one), results(other)) for one, other in ((before, after), (after, before)))

    assert len(there.metrics) == len(back.metrics)
    for one, other in zip(there.metrics, back.metrics, strict=True):
        assert one.difference == -other.difference
        assert one.p_value == other.p_value
        if one.spread and other.spread:
            assert one.spread.low == pytest.approx(-other.spread.high, abs=1e-9)


@given(scores)
def test_a_run_is_the_same_as_itself(values: list[float | None]) -> None:
    same = compared(results(values), results(values))

    assert not same.is_worse
    assert same.questions == ()
    assert all(metric.difference == 0 and metric.turn is None for metric in same.metrics)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30))
def test_bounds_lie_between_the_smallest_and_the_largest_difference(differences: list[float]) -> None:
    spread = PairedDifferences()(differences)

    assert min(differences) - 1e-9 <= spread.low <= spread.high <= max(differences) + 1e-9
    assert 0 < spread.p_value <= 1
