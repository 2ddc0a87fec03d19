"""The application under test, and what stands in its place for retrieval and answers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from openai import AsyncOpenAI

from rag_service.catalog.database import insert_into
from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.catalog.tables import documents, files, revisions
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import (
    Answer,
    AnswerEvent,
    AnswerStatus,
    Finished,
    Passage,
    Question,
    SearchedWith,
    SourcesFound,
    UnitEmitted,
    Usage,
    cite,
)
from rag_service.domain.costs import Cost
from rag_service.domain.ids import AnswerId, ChunkId, DocumentId, FileId, TenantId, new_id
from rag_service.domain.spans import Span
from rag_service.domain.versions import Corpus, PinnedVersion
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.searching.options import SearchOptions

PUBLIC_URL = "http://rag.test"
MAX_FILE_BYTES = 200_000
MAX_REQUEST_BYTES = 50_000
QUOTE = "The car park closes at 22:30."


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class ScriptedAnswers:
    """Answers every question with the same verified sentence; tests hold it back or make it fail."""

    catalog: SqlCatalog
    before_first: asyncio.Event | None = None
    after_first: asyncio.Event | None = None
    error: Exception | None = None
    asked: list[Question] = field(default_factory=list)
    closed: int = 0

    async def __call__(self, scope: AccessScope, question: Question) -> AsyncIterator[AnswerEvent]:
        self.asked.append(question)
        try:
            async for event in self._events(scope, question):
                yield event
        finally:
            self.closed += 1

    async def _events(self, scope: AccessScope, question: Question) -> AsyncIterator[AnswerEvent]:
        async with self.catalog.reading() as tx:
            corpus = await tx.corpora.get(scope, question.corpus.partition("@")[0])
        if self.before_first:
            await self.before_first.wait()
        answer = _answer(
            scope, question, PinnedVersion(corpus=corpus, number=corpus.published, fingerprint=corpus.fingerprint)
        )
        yield SourcesFound(
            answer_id=answer.id,
            corpus_name=corpus.name,
            version=answer.version,
            passages=answer.passages,
            created_at=answer.created_at,
        )
        yield UnitEmitted(text=answer.text, citations=answer.citations)
        if self.after_first:
            await self.after_first.wait()
        if self.error:
            raise self.error
        await _put_source(self.catalog, corpus, answer.passages[0])
        async with self.catalog.writing() as tx:
            await tx.answers.add(scope, answer)
        yield Finished(answer=answer)


@dataclass
class ScriptedSearch:
    """Finds one passage, of a document that tests put into the catalog."""

    catalog: SqlCatalog
    passages: tuple[Passage, ...] = ()
    asked: list[SearchOptions] = field(default_factory=list)
    counts: SearchCounts = field(default_factory=SearchCounts)

    async def pin(self, scope: AccessScope, corpus: str) -> PinnedVersion:
        async with self.catalog.reading() as tx:
            found = await tx.corpora.get(scope, corpus)
        return PinnedVersion(corpus=found, number=found.published, fingerprint=found.fingerprint)

    async def at(self, scope: AccessScope, pinned: PinnedVersion, query: str, options: SearchOptions) -> Any:
        self.asked.append(options)
        return SimpleNamespace(pinned=pinned, passages=self.passages[: options.limit], timings_ms={}, degraded=())


class LoadedEmbedder:
    """An embedder as readiness sees it."""

    async def warm_up(self) -> None:
        """Be warm already."""


@dataclass
class Service:
    """The application under test and keys for it."""

    app: FastAPI
    parts: SimpleNamespace
    secret: str
    scope: AccessScope

    def client(self, secret: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Return a client with a key; the admin's unless told otherwise."""
        return self._client({"authorization": f"Bearer {secret or self.secret}", **headers})

    def anonymous(self) -> httpx.AsyncClient:
        """Return a client without a key."""
        return self._client({})

    def openai(self) -> AsyncOpenAI:
        """Return OpenAI's own client."""
        return AsyncOpenAI(
            base_url=f"{PUBLIC_URL}/v1", api_key=self.secret, http_client=self._client({}), max_retries=0
        )

    async def key(self, *permissions: Permission, **options: Any) -> str:
        """Return the secret of a new key."""
        _, secret = await self.parts.keys.create(
            self.scope, name="test", permissions=frozenset(permissions or {Permission.CHAT}), **options
        )
        return secret

    async def corpus(self, name: str = "handbook") -> str:
        """Make a corpus; return its id."""
        return (await self.parts.create_corpus(self.scope, name=name)).id

    async def other_tenant(self) -> "tuple[str, AccessScope]":
        """Return secret and scope of another tenant's admin key."""
        tenant = TenantId(new_id("tenant_"))
        key, secret = self.parts.keys._new_key(tenant, "other", frozenset(Permission))
        async with self.parts.catalog.writing() as tx:
            await tx.keys.add_tenant(tenant, "other")
            await tx.keys.add(key, secret)
        return secret, key.scope()

    def _client(self, headers: dict[str, str]) -> httpx.AsyncClient:
        # Errors that reach the transport would hide what a real client gets.
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers)


def passage(*, file_id: str = "file_a", chunk_id: str = "chunk_a", score: float = 0.9) -> Passage:
    return Passage(
        rank=1,
        chunk_id=ChunkId(chunk_id),
        document_id=DocumentId("doc_a"),
        revision=1,
        file_id=FileId(file_id),
        filename="parking.md",
        title="Parking",
        attributes={"team": "facilities"},
        headings=("Parking",),
        span=Span(10, 10 + len(QUOTE)),
        page_starts=((0, 3),),
        text=QUOTE,
        score=score,
        dense_score=0.8,
        sparse_score=5.0,
    )


async def _put_source(catalog: SqlCatalog, corpus: Corpus, passage: Passage) -> None:
    """Have the revision in the catalog that an answer shows."""
    mine = {"tenant_id": corpus.tenant_id, "created_at": corpus.created_at}
    document = {"id": passage.document_id, "corpus_id": corpus.id, "key": passage.filename}
    same = {"filename": passage.filename, "size_bytes": 1}
    revision = {"document_id": passage.document_id, "number": 1, "file_id": passage.file_id, "media_type": "text/plain"}
    hashed = {"raw_sha256": "0", "parser_fingerprint": "p", "state": "prepared", "attributes": {}, "chunk_count": 1}
    rows = (
        (files, mine | same | {"id": passage.file_id, "purpose": "assistants", "sha256": "0"}),
        (documents, mine | document),
        (revisions, same | revision | hashed | {"created_at": corpus.created_at}),
    )
    async with catalog._database.writing() as connection:
        for table, row in rows:
            await connection.execute(insert_into(connection, table).values(row).on_conflict_do_nothing())


def _answer(scope: AccessScope, question: Question, pinned: PinnedVersion) -> Answer:
    found = passage()
    span = Span(0, len(QUOTE))
    return Answer(
        id=AnswerId(new_id("ans_")),
        tenant_id=scope.tenant_id,
        key_id=scope.key_id,
        corpus_id=pinned.corpus.id,
        corpus_name=pinned.corpus.name,
        version=pinned.number,
        messages=question.messages,
        searched_for=question.messages[-1].content,
        text=f"{QUOTE} [1]",
        status=AnswerStatus.ANSWERED,
        reason=None,
        citations=(cite(found, span, answer_span=span, support=1.0),),
        passages=(found,),
        dropped_units=0,
        answerability=0.9,
        generator="scripted",
        prompt_version="none",
        usage=Usage(prompt_tokens=3, completion_tokens=7),
        timings_ms={"search": 2.0, "total": 5.0},
        cost=Cost(amount=0.00045, currency="EUR"),
        created_at=now(),
        searched_with=SearchedWith(filters=question.filters, per_document=question.per_document, limit=8, neighbours=1),
    )
