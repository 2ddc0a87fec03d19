"""Rows that bring their vectors: which are refused, and which text a vector is kept under."""

import json
import math
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.chunking.chunker import Chunker
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.records.row import parse_row
from rag_service.domain.documents import embedded_text
from rag_service.domain.given_vectors import WantedVectors, check_given, read_given, text_of_row
from rag_service.domain.ids import DocumentId, Fingerprint
from rag_service.domain.rows import Row
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.errors import DocumentRejected, InvalidRequest
from rag_service.settings import ChunkingSettings

WANTED = WantedVectors(dimensions=2, model="small", embedder="f" * 32)
CHUNKER = Chunker(settings=ChunkingSettings(), count_tokens=HashingEmbedder().count_tokens, max_tokens=256)


def line(**changes: Any) -> str:
    return json.dumps({"id": "a", "text": "Snow falls.", "vector": [0.6, 0.8]} | changes)


@pytest.mark.parametrize("embedder", [None, "small", "f" * 32])
def test_a_vector_of_the_services_model_can_be_used(embedder: str | None) -> None:
    check_given(read_given(line(embedder=embedder), "line 1"), WANTED)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vector": [0.6, math.nan]}, "not finite"),
        ({"vector": [math.inf, 0.8]}, "not finite"),
        ({"vector": [0.0, 0.0]}, "no direction"),
        ({"vector": [1.0]}, "1 dimensions, wanted are 2"),
        ({"embedder": "large"}, "is of large, the service embeds with small"),
    ],
)
def test_a_vector_that_cannot_be_used_is_refused_with_its_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=f"rows.jsonl, line 7: .*{said}"):
        check_given(read_given(line(**changes), "rows.jsonl, line 7"), WANTED)


@pytest.mark.parametrize("vector", [None, "0.6", ["a", "b"], [True, False], {"0": 1}])
def test_what_is_no_list_of_numbers_is_no_vector(vector: Any) -> None:
    with pytest.raises(InvalidRequest, match="line 1: a row to import needs a vector"):
        read_given(line(vector=vector), "line 1")


@pytest.mark.parametrize("text", ["", "   \n\n ", "a\u200db", "e\u0301", "a\u00ad", "\u3164"])
def test_of_other_than_plain_texts_nothing_is_known_beforehand(text: str) -> None:
    assert text_of_row(Row(id="a", title="", text=text)) is None


TEXTS = st.text(alphabet=st.one_of(st.sampled_from(" \n\t.ab\r"), st.characters()), max_size=60)


@given(title=TEXTS, text=TEXTS)
def test_what_is_known_beforehand_is_what_is_embedded(title: str, text: str) -> None:
    row = Row(id="a", title=title, text=text)
    found = text_of_row(row)

    if found is not None:
        try:
            parsed = parse_row(BytesIO(row.content()), ParsingLimits())
        except DocumentRejected:
            return
        chunks = CHUNKER.chunks(parsed, build=Fingerprint("f"), document_id=DocumentId("d"), revision=1)
        assert [embedded_text(chunk.headings, chunk.text) for chunk in chunks] == [embedded_text(*found)]
