"""Find the passages of a corpus that match a query, as of one pinned version."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Passage
from rag_service.domain.ids import ChunkId, CorpusId, Fingerprint
from rag_service.domain.versions import Corpus, PinnedVersion
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.embedder import Embedder
from rag_service.ports.sparse_encoder import DocumentFrequencies, SparseEncoder
from rag_service.ports.vector_index import Candidate, VectorIndex
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.names import DRAFT
from rag_service.use_cases.permissions import require
from rag_service.use_cases.readable_versions import readable_version, sealed_draft

_KEPT_TABLES = 32
_MAX_VERSION_DIGITS = 15
_SPARE_PASSAGES = 8
"""Read more than asked for at once: some may be repetitions, or no longer granted."""


class Fuse(Protocol):
    """Makes one ranking of candidates."""

    def __call__(
        self, candidates: Sequence[Candidate], *, dense_weight: float, limit: int
    ) -> list[tuple[Candidate, float]]:
        """Return the best candidates with their fused scores, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What was found, best first, and how long each stage took."""

    pinned: PinnedVersion
    passages: tuple[Passage, ...]
    timings_ms: Mapping[str, float]


class Search:
    """Dense and sparse search in parallel, fused, passages read from the catalog with rights checked."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        embedder: Embedder,
        sparse_encoder: SparseEncoder,
        fuse: Fuse,
        settings: RetrievalSettings,
        fingerprint: Fingerprint,
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._embedder = embedder
        self._sparse_encoder = sparse_encoder
        self._fuse = fuse
        self._settings = settings
        self._fingerprint = fingerprint
        self._tables: OrderedDict[tuple[CorpusId, int], DocumentFrequencies] = OrderedDict()

    async def __call__(self, scope: AccessScope, *, corpus: str, query: str, limit: int) -> SearchResult:
        """Return the best `limit` passages of `corpus` (a name or an id; "name@12" as in `pin`).

        Raises:
            NotFound: no such corpus or version in scope, or the caller may not ask it.
            InvalidRequest: the query is blank.
        """
        return await self.at(scope, await self.pin(scope, corpus), query, limit=limit)

    async def pin(self, scope: AccessScope, corpus: str) -> PinnedVersion:
        """Return the version that `corpus` names: the published one, or what stands after the @.

        That is a number, a label, or "draft" for the sealed draft. What the caller may not ask is NotFound.
        """
        require(scope, Permission.CHAT, kind="corpus", ref=corpus)
        name, at, ref = corpus.partition("@")
        async with self._catalog.reading() as tx:
            found = await tx.corpora.get(scope, name)
            number = await _number(tx, scope, found, ref) if at else found.published
        return PinnedVersion(corpus=found, number=number)

    async def at(
        self, scope: AccessScope, pinned: PinnedVersion, query: str, *, limit: int, distinct: bool = False
    ) -> SearchResult:
        """Return the best `limit` passages of a pinned version, ranks from 1.

        `distinct` leaves out passages that repeat the words of a better one, from another document too: right for
        what a generator reads, wrong for a list in which people look for documents.

        Raises:
            Conflict: the corpus was built under other settings than the service runs with.
        """
        if not query.strip():
            raise InvalidRequest("The query is empty.", param="query")
        self._check(scope, pinned)
        watch = Stopwatch()
        passages: list[Passage] = []
        if pinned.number:
            vectors = await self._vectors(scope, pinned, query, watch)
            with watch.stage("index"):
                candidates = await self._candidates(scope, pinned, vectors, limit)
            with watch.stage("fusion"):
                ranked = self._fuse(candidates, dense_weight=self._settings.dense_weight, limit=len(candidates))
            with watch.stage("passages"):
                found = await self._passages(scope, pinned, ranked, limit, distinct=distinct)
                passages = [replace(passage, rank=rank) for rank, passage in enumerate(found, start=1)]
        return SearchResult(pinned=pinned, passages=tuple(passages), timings_ms=watch.timings_ms())

    def _check(self, scope: AccessScope, pinned: PinnedVersion) -> None:
        corpus = pinned.corpus
        require(scope, Permission.CHAT, kind="corpus", ref=corpus.name)
        if corpus.tenant_id != scope.tenant_id or not scope.covers(corpus.id):
            raise NotFound("corpus", corpus.name)
        if corpus.fingerprint != self._fingerprint:
            raise Conflict(
                f"The corpus {corpus.name} was built under other embedding or chunking settings. "
                "Start the service with those, or load the documents into a new corpus."
            )

    async def _vectors(self, scope: AccessScope, pinned: PinnedVersion, query: str, watch: Stopwatch) -> QueryVectors:
        dense, sparse = await asyncio.gather(
            self._dense(query, watch),
            self._sparse(scope, pinned, query, watch),
        )
        return QueryVectors(dense=dense, sparse=sparse)

    async def _dense(self, query: str, watch: Stopwatch) -> DenseVector:
        with watch.stage("embed"):
            return await self._embedder.embed_query(query)

    async def _sparse(self, scope: AccessScope, pinned: PinnedVersion, query: str, watch: Stopwatch) -> SparseVector:
        with watch.stage("encode"):
            frequencies = await self._frequencies(scope, pinned)
            return self._sparse_encoder.encode_query(query, frequencies)

    async def _frequencies(self, scope: AccessScope, pinned: PinnedVersion) -> DocumentFrequencies:
        key = (pinned.corpus.id, pinned.number)
        if key not in self._tables:
            async with self._catalog.reading() as tx:
                self._tables[key] = await tx.versions.frequencies(scope, *key)
            # A number is never used twice, also after an unseal: its table never changes.
            while len(self._tables) > _KEPT_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        return self._tables[key]

    async def _candidates(
        self, scope: AccessScope, pinned: PinnedVersion, vectors: QueryVectors, limit: int
    ) -> list[Candidate]:
        return await self._index.search(
            pinned.corpus.fingerprint,
            vectors,
            scope=scope,
            corpus_id=pinned.corpus.id,
            version=pinned.number,
            limit=max(limit, self._settings.candidates),
            exact=self._settings.exact,
        )

    async def _passages(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        ranked: Sequence[tuple[Candidate, float]],
        limit: int,
        *,
        distinct: bool,
    ) -> list[Passage]:
        """Read as many of the ranked chunks as are needed for `limit` passages."""
        passages: dict[str, Passage] = {}
        step = limit + _SPARE_PASSAGES
        async with self._catalog.reading() as tx:
            for start in range(0, len(ranked), step):
                part = ranked[start : start + step]
                ids = [candidate.chunk_id for candidate, _ in part]
                found = await tx.chunks.passages(scope, pinned.corpus.id, pinned.number, ids)
                for passage in _scored(part, found):
                    passages.setdefault(_wording(passage) if distinct else passage.chunk_id, passage)
                if len(passages) >= limit:
                    break
        return list(passages.values())[:limit]


async def _number(tx: Transaction, scope: AccessScope, corpus: Corpus, ref: str) -> int:
    """Return the number of the version that `ref` names, if the caller may ask it."""
    if ref == DRAFT:
        return await sealed_draft(tx, scope, corpus.id, ref=ref)
    if ref.isascii() and ref.isdigit() and len(ref) <= _MAX_VERSION_DIGITS:
        number = int(ref)
    else:
        number = (await tx.versions.labels(scope, corpus.id)).get(ref, 0)
    if number == corpus.published and number:
        return number
    return (await readable_version(tx, scope, corpus.id, number, ref=ref)).number


def _scored(ranked: Iterable[tuple[Candidate, float]], found: Mapping[ChunkId, Passage]) -> Iterable[Passage]:
    for candidate, score in ranked:
        passage = found.get(candidate.chunk_id)
        if passage is not None:
            yield replace(passage, score=score, dense_score=candidate.dense_score, sparse_score=candidate.sparse_score)


def _wording(passage: Passage) -> str:
    """Return what two passages share when one would only repeat the other."""
    return " ".join(passage.text.split())
