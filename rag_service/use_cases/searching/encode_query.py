"""A question as vectors: what the embedder and the sparse encoder of a version's build make of it."""

import unicodedata
from weakref import WeakKeyDictionary, WeakSet

import structlog

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import TenantId
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import EmbedderUnavailable, NotFound
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.embedder import Embedder
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.guard import Guard
from rag_service.use_cases.searching.query_cache import QueryCache

_KEPT_TABLES = 32

_log = structlog.get_logger()


class EncodeQuery:
    """Makes vectors of questions; keeps those of the questions asked last, and the frequency tables of their versions."""

    def __init__(self, *, catalog: Catalog, settings: RetrievalSettings, counts: SearchCounts) -> None:
        self._catalog = catalog
        self._settings = settings
        self._tables: QueryCache[DocumentFrequencies] = QueryCache("frequencies", entries=_KEPT_TABLES, counts=counts)
        self._vectors: QueryCache[DenseVector] = QueryCache(
            "query_vectors", entries=settings.cache_entries, counts=counts
        )
        self._guards: WeakKeyDictionary[Embedder, Guard] = WeakKeyDictionary()
        self._loaded: WeakSet[Embedder] = WeakSet()

    async def __call__(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        parts: Parts,
        query: str,
        *,
        deadline: Deadline,
        watch: Stopwatch,
    ) -> QueryVectors:
        """Return both vectors of `query` for the pinned version, and note the time of each in `watch`.

        Without a dense one when the embedder is down or too slow for the deadline.

        Raises:
            NotFound: the version is gone.
            EmbedderUnavailable: the embedder is down, and there is no deadline.
        """
        text = normalised(query)
        # One after the other: words take a tenth of a millisecond, less than it costs to do both at once.
        with watch.stage("encode"):
            sparse = await self._sparse(scope, pinned, parts, text)
        with watch.stage("embed"):
            dense = await self._dense(scope.tenant_id, parts.embedder, text, deadline)
        return QueryVectors(dense=dense, sparse=sparse)

    async def _sparse(self, scope: AccessScope, pinned: PinnedVersion, parts: Parts, text: str) -> SparseVector:
        corpus = pinned.corpus

        async def read() -> DocumentFrequencies:
            async with self._catalog.reading() as tx:
                table = await tx.versions.frequencies(scope, corpus.id, pinned.number, pinned.fingerprint)
            if table is None:
                raise NotFound("version", str(pinned.number))
            return table

        # A number is never used twice, also after an unseal: its table changes with an erasure only.
        key = (corpus.id, pinned.number, pinned.fingerprint, corpus.erasures)
        return parts.sparse_encoder.encode_query(text, await self._tables.get(scope.tenant_id, key, read))

    async def _dense(
        self, tenant_id: TenantId, embedder: Embedder, text: str, deadline: Deadline
    ) -> DenseVector | None:
        async def embed() -> DenseVector:
            vector = await self._guard(embedder)(lambda: embedder.embed_query(text), within_s=within_s)
            self._loaded.add(embedder)
            return vector

        # A model that is being loaded is not slow: the first questions wait for it rather than lose their meaning.
        within_s = deadline.share_s() if embedder in self._loaded or not deadline.is_set else self._settings.timeout_s
        try:
            return await self._vectors.get(tenant_id, (embedder.fingerprint, text), embed)
        except EmbedderUnavailable as exc:
            if not deadline.is_set:
                raise
            _log.warning("search_without_embedding", reason=str(exc))
            return None

    def _guard(self, embedder: Embedder) -> Guard:
        if embedder not in self._guards:
            self._guards[embedder] = Guard("embedding model", EmbedderUnavailable)
        return self._guards[embedder]


def normalised(query: str) -> str:
    """Return what is embedded and looked for: one text for all that differ in composition of characters and blanks.

    Case and closing marks stay: names of things depend on the one, and the embedding model reads both.
    """
    return " ".join(unicodedata.normalize("NFC", query).split())
