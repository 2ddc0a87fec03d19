"""A service whose embedder and index hang or refuse when they are told to, over documents that were published before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from ingestion.bootstrap import worker_over
from rag_service.app import create_app
from rag_service.bootstrap import Container, open_container
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import Fingerprint, TenantId
from rag_service.generation.extractive import ExtractiveGenerator
from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.fusion import fuse
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.answering.write_in_turn import WriteInTurn
from rag_service.use_cases.ask_question import AskQuestion
from rag_service.use_cases.search import Search, SearchResult
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.verification.checker import QuoteChecker
from rag_service.verification.lexical import LexicalVerifier
from tests.build_parts import OwnParts
from tests.faulty_parts import FaultyEmbedder, FaultyIndex
from tests.integration.desk import DOCUMENTS, Desk

QUESTION = "Are bananas yellow?"
SHORT_S = 0.2


@dataclass(kw_only=True)
class FaultySearch:
    """A search over parts with moods, and who asks it."""

    container: Container
    desk: Desk
    index: FaultyIndex
    fallback: FaultyIndex | None
    embedder: FaultyEmbedder
    secret: str

    async def ask(self, query: str = QUESTION, *, scope: AccessScope | None = None, corpus: str = "") -> SearchResult:
        """Search for three passages."""
        return await self.container.search(
            scope or self.desk.admin, corpus=corpus or self.desk.corpus, query=query, options=SearchOptions(limit=3)
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Open the application over the same parts."""

        @asynccontextmanager
        async def same(_: Settings) -> AsyncIterator[Container]:
            yield self.container

        app = create_app(self.container.settings, open_parts=same)
        async with app.router.lifespan_context(app):
            headers = {"authorization": f"Bearer {self.secret}"}
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://rag.test", headers=headers) as client:
                yield client


@asynccontextmanager
async def faulty_search(
    folder: Path,
    *,
    index: VectorIndex | None = None,
    has_fallback: bool = False,
    deadline_s: float = SHORT_S,
    cache_entries: int = 0,
) -> AsyncIterator[FaultySearch]:
    """Publish the documents, copy their points into `index` and a fallback, and open a search over these."""
    settings = Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=64),
        retrieval=RetrievalSettings(
            backend="memory", deadline_s=deadline_s, timeout_s=2 * SHORT_S, cache_entries=cache_entries
        ),
        jobs=JobSettings(draft_patience_s=0),
    )
    async with open_container(settings) as container, worker_over(container) as worker:
        first = await container.keys.create_first(TenantId("tenant"), "tenant")
        assert first is not None
        desk = Desk(worker=worker, admin=first[0].scope())
        await container.create_corpus(desk.admin, name=desk.corpus)
        await desk.publish(DOCUMENTS)
        moody = FaultyIndex(await copied(container, index) if index else container.index)
        fallback = FaultyIndex(await copied(container, MemoryIndex())) if has_fallback else None
        embedder = FaultyEmbedder(container.embedder)
        parts = _with(container, embedder, moody, fallback)
        yield FaultySearch(
            container=parts, desk=desk, index=moody, fallback=fallback, embedder=embedder, secret=first[1]
        )


async def copied(container: Container, index: VectorIndex) -> VectorIndex:
    """Return `index` with all points of the service's build."""
    async for page in container.index.points(container.build.digest):
        await index.write(container.build.digest, page)
    return index


def _with(
    container: Container, embedder: FaultyEmbedder, index: FaultyIndex, fallback: FaultyIndex | None
) -> Container:
    async def stand_in(_fingerprint: Fingerprint) -> VectorIndex | None:
        return fallback

    search = Search(
        catalog=container.catalog,
        index=index,
        build_parts=OwnParts(replace(container.build_parts.own, embedder=embedder)),
        fuse=fuse,
        settings=container.settings.retrieval,
        stand_in=stand_in,
    )
    extractive = ExtractiveGenerator(embedder, max_sentences=1)
    ask = AskQuestion(
        catalog=container.catalog,
        search=search,
        write=WriteInTurn(
            generator=extractive,
            fallback=extractive,
            checker=QuoteChecker(LexicalVerifier(), threshold=container.settings.verification.support_threshold),
        ),
        cache=AnswerCache(container.settings.answers),
        settings=container.settings,
        clock=container.clock,
    )
    return replace(container, search=search, ask_question=ask, embedder=embedder)
