"""Parts for the API: a real catalog and a real blob store; retrieval and answers are scripted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from openai import AsyncOpenAI

from rag_service.blobs.erasure_log import ErasureLogFile
from rag_service.blobs.fsspec_store import FsspecBlobStore
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
from rag_service.domain.ids import AnswerId, ChunkId, DocumentId, FileId, Fingerprint, TenantId, new_id
from rag_service.domain.spans import Span
from rag_service.domain.versions import Corpus, PinnedVersion
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.queue.polled import PolledQueue
from rag_service.reranking.word_overlap import WordOverlapReranker
from rag_service.retrieval.fixed_tuning import FixedTuning
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RerankSettings, RetrievalSettings, SecuritySettings, Settings, UploadSettings
from rag_service.signing.service_keys import ServiceKeys
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.accept_uploads import AcceptUploads
from rag_service.use_cases.builds import ManageBuilds
from rag_service.use_cases.content_gaps import ContentGaps
from rag_service.use_cases.corpora import CreateCorpus, ListCorpusFiles, ReadCorpusFile, RemoveDocument
from rag_service.use_cases.delegation import ActForEndUser
from rag_service.use_cases.drafts import ManageDrafts
from rag_service.use_cases.erasing.read_erasures import ReadErasures
from rag_service.use_cases.erasing.request_erasure import RequestErasure
from rag_service.use_cases.erasing.tell_erased import TellErased
from rag_service.use_cases.evaluations import ReadEvaluations, StartEvaluation
from rag_service.use_cases.feedback import GiveFeedback
from rag_service.use_cases.gates import PublishGate
from rag_service.use_cases.golden import ManageGolden
from rag_service.use_cases.golden_growth import GrowGolden
from rag_service.use_cases.indexes.keep_given_vectors import KeepGivenVectors
from rag_service.use_cases.indexes.read_health import ReadIndexHealth
from rag_service.use_cases.jobs import ManageJobs
from rag_service.use_cases.keys import ManageKeys
from rag_service.use_cases.live_answers import ReadLiveAnswers
from rag_service.use_cases.manage_gates import ManageGates
from rag_service.use_cases.publish import Publish
from rag_service.use_cases.reconcile import Reconcile
from rag_service.use_cases.retention import ManageRetention
from rag_service.use_cases.revision_text import ReadRevisionText
from rag_service.use_cases.rights import GrantDocument, SpreadRights
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.rerank import RerankPassages
from rag_service.use_cases.sources.manage import ManageSources
from rag_service.use_cases.store_file import StoreFile
from rag_service.use_cases.versions import CurateVersions, ReadVersions
from rag_service.use_cases.watch_evaluations import WatchEvaluations
from tests.build_parts import own_parts

PUBLIC_URL = "http://rag.test"
MAX_FILE_BYTES = 200_000
RECIPE = {
    "embedder": {"model": "hashing", "dimensions": 8},
    "chunker": {"target_tokens": 254, "overlap_tokens": 0, "heading_prefix": True},
}
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


def open_parts(catalog: SqlCatalog, folder: Path) -> SimpleNamespace:
    security = SecuritySettings(authorisation_cache_s=0, public_url=PUBLIC_URL)
    uploads = UploadSettings(max_file_bytes=MAX_FILE_BYTES, max_request_bytes=MAX_REQUEST_BYTES)
    settings = Settings(data_dir=folder, security=security, uploads=uploads)
    blobs = FsspecBlobStore(f"file://{folder}/blobs")
    clock: Callable[[], datetime] = now
    index = MemoryIndex()
    spread_rights = SpreadRights(catalog=catalog, index=index)
    service_keys = ServiceKeys(b"s" * 32)
    publish_gate = PublishGate(clock=clock, is_on=True)
    return SimpleNamespace(
        settings=settings,
        clock=clock,
        catalog=catalog,
        catalog_files=catalog,
        blobs=blobs,
        index=index,
        sparse_encoder=Bm25Encoder(),
        reconcile=Reconcile(
            catalog=catalog,
            index=index,
            blobs=blobs,
            build_parts=own_parts(Fingerprint("build"), HashingEmbedder(8), kept=catalog.kept_vectors),
            clock=clock,
        ),
        read_revision_text=ReadRevisionText(catalog=catalog),
        grant_document=GrantDocument(catalog=catalog, spread=spread_rights),
        embedder=LoadedEmbedder(),
        act_for=ActForEndUser(service_keys),
        service_keys=service_keys,
        request_erasure=RequestErasure(
            catalog=catalog,
            log=ErasureLogFile(folder / "erasures.jsonl"),
            keyed_hash=service_keys,
            queue=PolledQueue(),
            clock=clock,
            settle=timedelta(),
        ),
        erasures=ReadErasures(catalog=catalog),
        tell_erased=TellErased(catalog=catalog, keyed_hash=service_keys),
        keys=ManageKeys(catalog=catalog, clock=clock, settings=security, public_url=PUBLIC_URL),
        store_file=StoreFile(catalog=catalog, blobs=blobs, clock=clock, max_bytes=MAX_FILE_BYTES),
        uploads=AcceptUploads(
            catalog=catalog,
            blobs=blobs,
            queue=PolledQueue(),
            clock=clock,
            parser_fingerprint="parsers-1",
            settings=uploads,
            spread_rights=spread_rights,
        ),
        keep_given_vectors=KeepGivenVectors(
            catalog=catalog,
            build_parts=own_parts(Fingerprint("build"), HashingEmbedder(8)),
            kept=catalog.kept_vectors,
        ),
        remove_document=RemoveDocument(catalog=catalog, clock=clock),
        read_corpus_file=ReadCorpusFile(catalog=catalog),
        list_corpus_files=ListCorpusFiles(catalog=catalog),
        jobs=ManageJobs(catalog=catalog, queue=PolledQueue(), clock=clock, settings=settings.jobs),
        create_corpus=CreateCorpus(catalog=catalog, clock=clock, fingerprint=Fingerprint("build"), recipe=RECIPE),
        builds=ManageBuilds(
            catalog=catalog, clock=clock, queue=PolledQueue(), fingerprint=Fingerprint("build"), recipe=RECIPE
        ),
        drafts=ManageDrafts(catalog=catalog, clock=clock, queue=PolledQueue()),
        sources=ManageSources(catalog=catalog, cipher=service_keys, queue=PolledQueue(), clock=clock),
        versions=ReadVersions(catalog=catalog),
        curate_versions=CurateVersions(catalog=catalog, clock=clock),
        publish=Publish(catalog=catalog, clock=clock),
        retention=ManageRetention(catalog=catalog, clock=clock),
        search=ScriptedSearch(catalog),
        rerank=RerankPassages(reranker=WordOverlapReranker(), settings=RerankSettings()),
        ask_question=ScriptedAnswers(catalog),
        give_feedback=GiveFeedback(catalog=catalog, clock=clock),
        golden=ManageGolden(catalog=catalog, clock=clock),
        grow_golden=GrowGolden(catalog=catalog, clock=clock),
        content_gaps=ContentGaps(
            catalog=catalog,
            build_parts=own_parts(Fingerprint("build")),
            clock=clock,
            settings=settings.evaluation,
        ),
        publish_gate=publish_gate,
        gates=ManageGates(catalog=catalog, gate=publish_gate, clock=clock),
        evaluations=ReadEvaluations(catalog=catalog),
        start_evaluation=StartEvaluation(catalog=catalog, queue=PolledQueue(), clock=clock),
        watch_evaluations=WatchEvaluations(catalog=catalog, clock=clock, settings=settings.jobs),
        live_answers=ReadLiveAnswers(catalog=catalog, clock=clock),
        index_health=ReadIndexHealth(
            catalog=catalog, tuning=FixedTuning("memory"), clock=clock, settings=RetrievalSettings()
        ),
    )
