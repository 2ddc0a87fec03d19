"""A catalog and an index with one corpus of a few chunks, as far as search reads them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.answers import Passage
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, DraftId, Fingerprint, PointId, TenantId
from rag_service.domain.versions import OPEN, Corpus, Version
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.errors import NotFound
from rag_service.ports.sparse_encoder import DocumentFrequencies, frequencies_of
from rag_service.ports.vector_index import Point
from rag_service.ports.vectors import DenseVector, SparseVector
from rag_service.retrieval.fusion import fuse
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.rerank import RerankPassages
from tests.build_parts import own_parts
from tests.values import passage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUILD = Fingerprint("build")
CORPUS = Corpus(
    id=CorpusId("vs_1"),
    tenant_id=TenantId("acme"),
    name="handbook",
    description="",
    published=2,
    highest=2,
    fingerprint=BUILD,
    created_at=NOW,
)
TEXTS = ["Cats sleep all day.", "Dogs bark at night.", "Cats  sleep\nall day.", "A turbine turns."]
READER = AccessScope(
    tenant_id=CORPUS.tenant_id, principals=frozenset({EVERYONE}), permissions=frozenset({Permission.CHAT})
)
HISTORIAN = replace(READER, permissions=frozenset({Permission.CHAT, Permission.HISTORY}))
PUBLISHER = replace(READER, permissions=frozenset({Permission.CHAT, Permission.PUBLISH}))
ALL = replace(READER, permissions=frozenset(Permission))


class Shelf:
    """A catalog with one corpus, as far as search reads it; version 1 has the first text only."""

    def __init__(self, corpus: Corpus = CORPUS) -> None:
        self.corpora = self.chunks = self.builds = self
        self.versions = self.drafts = Editions()
        self.corpus = corpus
        self.hidden: set[ChunkId] = set()
        self.of_one_document: set[ChunkId] = set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        yield self

    glancing = reading

    async def get(self, scope: AccessScope, ref: str, fingerprint: Fingerprint | None = None) -> Any:
        if fingerprint is not None:
            return build(fingerprint)
        if ref not in (self.corpus.id, self.corpus.name):
            raise NotFound("corpus", ref)
        return self.corpus

    async def around(self, *asked: object) -> dict[ChunkId, Any]:
        return {}

    async def passages(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId]
    ) -> dict[ChunkId, Passage]:
        found = {name: stored(name) for name in chunk_ids if name not in self.hidden}
        return {
            name: replace(one, document_id=DocumentId("one" if name in self.of_one_document else name))
            for name, one in found.items()
        }


class Editions:
    """Versions 1 and 2 were published, version 3 is a draft's; "old" is a label of version 1."""

    def __init__(self) -> None:
        self.tables_read = 0
        self.has_tables = True
        self.fingerprint = BUILD
        self.slot: Draft | None = draft(DraftState.SEALED)

    async def get(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> Version:
        if number not in (1, 2, 3):
            raise NotFound("version", str(number))
        return Version(
            corpus_id=corpus_id,
            number=number,
            draft_id=DraftId("d"),
            document_count=1,
            chunk_count=1,
            created_at=NOW,
            fingerprint=self.fingerprint,
            published_at=NOW if number < 3 else None,
        )

    async def labels(self, scope: AccessScope, corpus_id: CorpusId) -> dict[str, int]:
        return {"old": 1, "new": 2}

    async def in_slot(self, scope: AccessScope, corpus_id: CorpusId) -> Draft | None:
        return self.slot

    async def frequencies(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, fingerprint: Fingerprint
    ) -> DocumentFrequencies | None:
        self.tables_read += 1
        return frequencies_of([Bm25Encoder().encode_passage(text) for text in TEXTS]) if self.has_tables else None


def draft(state: DraftState) -> Draft:
    return Draft(
        id=DraftId("d"),
        tenant_id=CORPUS.tenant_id,
        corpus_id=CORPUS.id,
        automatic=False,
        name="spring",
        notes="",
        state=state,
        purpose=SealPurpose.PREVIEW,
        number=3,
        base=2,
        sealed_against=2,
        created_at=NOW,
    )


def build(fingerprint: Fingerprint) -> Build:
    return Build(
        corpus_id=CORPUS.id,
        fingerprint=fingerprint,
        recipe={},
        state=BuildState.READY,
        since=0,
        synced=2,
        created_at=NOW,
    )


def stored(name: ChunkId) -> Passage:
    return replace(passage(TEXTS[int(name)], rank=1, score=0), chunk_id=name)


def point(name: str, *, dense: DenseVector, sparse: SparseVector, born: int = 1) -> Point:
    """Return the point of a chunk that is the only one of a document of the same name; everybody may read it."""
    return Point(
        id=PointId(f"p{name}"),
        tenant_id=CORPUS.tenant_id,
        corpus_id=CORPUS.id,
        document_id=DocumentId(name),
        chunk_id=ChunkId(name),
        principals=frozenset({EVERYONE}),
        born=born,
        died=OPEN,
        dense=dense,
        sparse=sparse,
    )


async def fill(index: MemoryIndex) -> MemoryIndex:
    dense = await HashingEmbedder().embed_passages(TEXTS)
    points = [
        point(f"{place}", dense=dense[place], sparse=Bm25Encoder().encode_passage(text), born=1 if place == 0 else 2)
        for place, text in enumerate(TEXTS)
    ]
    await index.write(BUILD, points)
    return index


async def search_over(
    shelf: Any,
    index: MemoryIndex | None = None,
    *,
    rerank: RerankPassages | None = None,
    settings: RetrievalSettings | None = None,
) -> Search:
    return Search(
        catalog=shelf,
        index=await fill(index or MemoryIndex()),
        build_parts=own_parts(BUILD),
        fuse=fuse,
        settings=settings or RetrievalSettings(),
        rerank=rerank,
    )


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def search(shelf: Shelf) -> Search:
    return await search_over(shelf)
