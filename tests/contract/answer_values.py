"""Answers that the catalog's tests put in: over the passage of document a."""

from dataclasses import replace
from typing import Any

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer, AnswerStatus, Citation, Message, Passage, Usage
from rag_service.domain.costs import Cost
from rag_service.domain.ids import AnswerId, ChunkId, DocumentId, FileId, KeyId
from rag_service.domain.spans import Span
from tests.contract.catalog_values import CORPUS, OURS, READER, START


def passage() -> Passage:
    return Passage(
        rank=1,
        chunk_id=ChunkId("chunk"),
        document_id=DocumentId("doc_a"),
        revision=1,
        file_id=FileId("file_a"),
        filename="a.md",
        title=None,
        attributes={"lang": "en", "year": 2026.5, "draft": True},
        headings=("Head",),
        span=Span(6, 19),
        page_starts=((6, 1),),
        text="Snow 🐧 falls.",
        score=0.5,
        dense_score=-0.25,
        sparse_score=3.0,
    )


def answer(name: str = "one", *, key_id: KeyId | None = READER.key_id) -> Answer:
    citation = Citation(
        start=0,
        end=4,
        number=1,
        chunk_id=ChunkId("chunk"),
        document_id=DocumentId("doc_a"),
        revision=1,
        filename="a.md",
        page=None,
        quote_span=Span(6, 10),
        quote="Snow",
        support=1.0,
    )
    return Answer(
        id=AnswerId(f"answer_{name}"),
        tenant_id=OURS,
        key_id=key_id,
        corpus_id=CORPUS,
        corpus_name="handbook",
        version=1,
        messages=(Message(role="user", content="What falls?\x00"),),
        searched_for="What falls?",
        text="Snow [1]",
        status=AnswerStatus.ANSWERED,
        reason=None,
        citations=(citation,),
        passages=(passage(),),
        dropped_units=0,
        answerability=0.75,
        generator="extractive",
        prompt_version="none",
        usage=Usage(prompt_tokens=3, completion_tokens=1),
        timings_ms={"search": 1.5},
        cost=Cost(amount=0.00045, currency="EUR"),
        created_at=START,
    )


async def add_answer(catalog: SqlCatalog, name: str, scope: AccessScope = READER, **changes: Any) -> Answer:
    made = replace(answer(name), **changes)
    async with catalog.writing() as tx:
        await tx.answers.add(scope, made)
    return made
