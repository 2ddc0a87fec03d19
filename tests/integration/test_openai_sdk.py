"""The unmodified `openai` client against the running service, with real files."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.running import RunningService

CORPUS = "sdk"
FILES = (
    "aragog/files/bert.pdf",
    "unstructured-docs/files/handbook-1p.docx",
    "handbooks/files/fastapi/tutorial/handling-errors.md",
)
QUESTIONS = (
    "What are the two main tasks BERT is pre-trained on?",
    "What model sizes are reported for BERT?",
    "How does BERT's architecture facilitate the use of a unified model across diverse NLP tasks?",
    "Which datasets were used to pre-train BERT?",
    "Which exception does FastAPI raise to return HTTP responses with errors?",
    "How do you add a custom exception handler in FastAPI?",
    "How can the default validation exception handler be overridden?",
    "What does the masked language model randomly mask?",
    "Can I add custom headers to an HTTP error in FastAPI?",
    "What is the detail parameter of HTTPException?",
)


@pytest.fixture(scope="module")
def client(service: RunningService) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{service.url}/v1", api_key=service.key, max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def store_id(client: OpenAI, shared_data: Path) -> str:
    store = client.vector_stores.create(name=CORPUS)
    for name in FILES:
        uploaded = client.files.create(file=shared_data / name, purpose="assistants")
        client.vector_stores.files.create(vector_store_id=store.id, file_id=uploaded.id)
    _wait(client, store.id)
    return store.id


def test_uploads_of_three_formats_are_completed(client: OpenAI, store_id: str) -> None:
    files = client.vector_stores.files.list(store_id).data

    assert {file.status for file in files} == {"completed"}
    assert len(files) == len(FILES)


def test_the_sdk_helper_uploads_and_waits(client: OpenAI, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Parking\n\nThe car park closes at 22:30 on weekdays.\n", encoding="utf-8")
    store = client.vector_stores.create(name="helper")

    file = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=note, poll_interval_ms=500)

    assert file.status == "completed"


def test_corpora_are_listed_as_models(client: OpenAI, store_id: str) -> None:
    assert CORPUS in {model.id for model in client.models.list()}


@pytest.mark.parametrize("question", QUESTIONS[:5])
def test_an_answer_has_annotations(client: OpenAI, store_id: str, question: str) -> None:
    answer = client.chat.completions.create(model=CORPUS, messages=[{"role": "user", "content": question}])

    message = answer.choices[0].message
    assert message.annotations
    for annotation in message.annotations:
        span = annotation.url_citation
        assert 0 <= span.start_index < span.end_index <= len(message.content or "")


@pytest.mark.parametrize("question", QUESTIONS[5:])
def test_a_streamed_answer_is_put_together_from_units_with_citations(
    client: OpenAI, store_id: str, question: str
) -> None:
    stream = client.chat.completions.create(
        model=CORPUS,
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    )

    chunks = list(stream)

    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage is not None
    assert "".join(_content(chunk) for chunk in chunks).strip()
    assert any(_extra(chunk).get("citations") for chunk in chunks)


def test_every_citation_resolves_to_its_quote_and_hash(client: OpenAI, store_id: str, service: RunningService) -> None:
    with service.client() as http:
        for question in QUESTIONS:
            answer = client.chat.completions.create(model=CORPUS, messages=[{"role": "user", "content": question}])
            for citation in _citations(answer):
                _assert_resolves(http, citation)


def _assert_resolves(http: httpx.Client, citation: dict[str, object]) -> None:
    path = f"/v1/documents/{citation['document_id']}/revisions/{citation['revision']}/text"
    text = http.get(path).raise_for_status().json()["text"]
    quote = text[citation["char_start"] : citation["char_end"]]
    assert quote == citation["quote"]
    assert hashlib.sha256(quote.encode()).hexdigest() == citation["quote_sha256"]


def _citations(answer: ChatCompletion) -> list[dict[str, object]]:
    return (answer.choices[0].message.model_extra or {}).get("citations", [])


def _content(chunk: ChatCompletionChunk) -> str:
    return "".join(choice.delta.content or "" for choice in chunk.choices)


def _extra(chunk: ChatCompletionChunk) -> dict[str, object]:
    return (chunk.choices[0].delta.model_extra or {}) if chunk.choices else {}


def _wait(client: OpenAI, store_id: str, *, limit_s: float = 240) -> None:
    deadline = time.monotonic() + limit_s
    while client.vector_stores.retrieve(store_id).file_counts.in_progress:
        assert time.monotonic() < deadline, "the files were not processed in time"
        time.sleep(0.5)
