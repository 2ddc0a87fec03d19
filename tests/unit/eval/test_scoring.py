"""From answers of the service to figures."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Self

import pytest

from eval.answering import Outcome, ask_all
from eval.bootstrap import Evaluation
from eval.datasets.cases import Case, Query
from eval.metrics.scores import Metric
from eval.retrieving import document_of, measure_search
from eval.scoring import ABSTAINED, answer_metrics, evidence_of
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer, AnswerStatus, Citation, Finished, Passage, Usage
from rag_service.domain.documents import ParsedDocument
from rag_service.domain.ids import AnswerId, ChunkId, CorpusId, DocumentId, FileId, TenantId
from rag_service.domain.spans import Span
from rag_service.errors import IndexUnavailable

TEXT = "The sky is blue."
WHOLE = Span(0, len(TEXT))
SCOPE = AccessScope(tenant_id=TenantId("t"), principals=frozenset(), permissions=frozenset())
CASE = Case(id="1", question="Sky?", answerable=True, answers=("blue",), documents=frozenset(["a"]))


def passage(key: str, rank: int = 1, **changes: Any) -> Passage:
    made = Passage(
        rank=rank, chunk_id=ChunkId(f"{key}{rank}"), document_id=DocumentId(f"doc_{key}"), revision=1,
        file_id=FileId(f"file_{key}"), filename=f"{key}.row.json", title=None, attributes={"document_key": key}, headings=(), span=WHOLE,
        page_starts=(), text=TEXT, score=0.9, dense_score=0.8, sparse_score=3.0,
    )  # fmt: skip
    return replace(made, **changes)


def citation(key: str, span: Span = WHOLE) -> Citation:
    return Citation(
        start=0, end=16, number=1, chunk_id=ChunkId(f"{key}1"), document_id=DocumentId(f"doc_{key}"), revision=1,
        filename=f"{key}.row.json", page=None, quote_span=span, quote=TEXT, support=1.0,
    )  # fmt: skip


def answer(*found: str, cited: tuple[Citation, ...] = (), status: AnswerStatus = AnswerStatus.ANSWERED) -> Answer:
    return Answer(
        id=AnswerId("answer_1"), tenant_id=TenantId("t"), key_id=None, corpus_id=CorpusId("c"), corpus_name="c",
        version=1, messages=(), searched_for="Sky?", text="The sky is blue. [1]", status=status, reason=None,
        citations=cited, passages=tuple(passage(key, rank) for rank, key in enumerate(found, start=1)),
        dropped_units=0, answerability=0.9, generator="extractive", prompt_version="none", usage=Usage(),
        timings_ms={}, created_at=datetime.now(UTC),
    )  # fmt: skip


def figures(*outcomes: Outcome, **targets: float) -> dict[str, Metric]:
    return {metric.name: metric for metric in answer_metrics(outcomes, targets)}


def test_a_document_found_by_several_chunks_has_one_rank() -> None:
    found = figures(Outcome(case=CASE, answer=answer("x", "x", "a")))

    assert found["MRR@5"].value == 0.5


def test_gold_below_rank_five_is_not_among_the_top_five() -> None:
    found = figures(Outcome(case=CASE, answer=answer("u", "v", "w", "x", "y", "a")))

    assert found["gold among top 5"].value == 0.0


def test_citations_are_judged_by_the_key_of_their_document() -> None:
    found = figures(Outcome(case=CASE, answer=answer("a", "x", cited=(citation("a"), citation("x")))))

    assert found["citation precision"].value == 0.5
    assert found["citation recall"].value == 1.0


def test_a_refusal_is_scored_as_a_refusal_and_not_as_a_bad_text() -> None:
    found = figures(Outcome(case=CASE, answer=answer("a", status=AnswerStatus.ABSTAINED)))

    assert found["token F1"].value is None
    assert dict(found["token F1"].missing) == {ABSTAINED: 1}
    assert found["false abstention rate"].value == 1.0


def test_a_question_that_could_not_be_asked_is_missing_everywhere() -> None:
    found = figures(Outcome(case=CASE, failure="could not be asked"))

    assert all(metric.value is None for metric in found.values())


def test_the_answer_is_compared_without_its_marks() -> None:
    exact = replace(CASE, answers=("the sky is blue",))

    assert figures(Outcome(case=exact, answer=answer("a")))["exact match"].value == 1.0


def test_unanswerable_questions_count_for_abstention_only() -> None:
    unanswerable = Case(id="2", question="?", answerable=False)

    found = figures(Outcome(case=unanswerable, answer=answer("a", status=AnswerStatus.ABSTAINED)))

    assert found["gold among top 5"].total == 0
    assert found["abstention recall"].value == 1.0


def test_one_citation_that_does_not_resolve_misses_the_target() -> None:
    outcome = Outcome(case=CASE, answer=answer("a"), resolved=(True, False))

    metric = answer_metrics([outcome], {"citations resolve": 1.0})[9]

    assert (metric.name, metric.value, metric.measured, metric.passed) == ("citations resolve", 0.5, 2, False)


def test_evidence_shows_what_was_found_and_cited() -> None:
    evidence = evidence_of(Outcome(case=CASE, answer=answer("x", "a", cited=(citation("a"),)), resolved=(True,)))

    assert (evidence["found"], evidence["cited"], evidence["status"]) == (["x", "a"], ["a"], "answered")


@pytest.mark.parametrize(("attributes", "key"), [({"document_key": "7"}, "7"), ({}, "a")])
def test_a_document_is_known_by_its_key_or_its_file_name(attributes: dict[str, Any], key: str) -> None:
    assert document_of(passage("a", attributes=attributes)) == key


class ScriptedService:
    """Parts of a container that answer as they are told."""

    def __init__(self, answers: dict[str, Answer | Exception]) -> None:
        self.search = self
        self.catalog = self
        self.documents = self
        self._answers = answers

    async def pin(self, scope: AccessScope, corpus: str) -> SimpleNamespace:
        return SimpleNamespace(number=3)

    async def at(self, scope: AccessScope, pinned: Any, query: str, *, limit: int) -> SimpleNamespace:
        return SimpleNamespace(passages=self._answers[query].passages[:limit])

    async def ask_question(self, scope: AccessScope, question: Any) -> Any:
        told = self._answers[question.messages[-1].content]
        if isinstance(told, Exception):
            raise told
        yield Finished(answer=told)

    def reading(self) -> "ScriptedService":
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def parsed(self, scope: AccessScope, document_id: DocumentId, revision: int) -> ParsedDocument:
        return ParsedDocument(text=TEXT, blocks=())


def evaluation(**answers: Answer | Exception) -> Evaluation:
    return Evaluation(container=ScriptedService(answers), scope=SCOPE)


async def test_every_citation_is_looked_up_in_the_text_it_names() -> None:
    told = answer("a", cited=(citation("a"), citation("a", Span(1, len(TEXT)))))

    [outcome] = await ask_all(evaluation(Q=told), "c", [replace(CASE, question="Q")], tell=print)

    assert outcome.resolved == (True, False)


async def test_a_part_that_is_down_makes_a_question_missing_and_the_run_goes_on() -> None:
    cases = [replace(CASE, question="Down"), replace(CASE, question="Up")]

    outcomes = await ask_all(evaluation(Down=IndexUnavailable(), Up=answer("a")), "c", cases, tell=print)

    assert [outcome.failure for outcome in outcomes] == ["could not be asked: IndexUnavailable", ""]


async def test_search_is_measured_at_the_version_that_was_pinned() -> None:
    queries = [Query(id="q", text="Q", grades={"a": 1})]

    section = await measure_search(evaluation(Q=answer("x", "a")), "c", queries, passages=100, target=0.5, tell=print)

    assert section.name == "c@3"
    assert section.metrics[0].value == pytest.approx(0.6309, abs=1e-4)
    assert section.metrics[0].passed is True
