"""A question as vectors: what the embedder and the sparse encoder of a version's build make of it."""

from collections import OrderedDict

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import NotFound
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector
from rag_service.telemetry.timings import Stopwatch

_Table = tuple[CorpusId, int, Fingerprint, int]
"""Corpus, version, build, and how much was erased."""

_KEPT_TABLES = 32


class EncodeQuery:
    """Makes vectors of questions; keeps the frequency tables of the versions asked last."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._tables: OrderedDict[_Table, DocumentFrequencies] = OrderedDict()

    async def __call__(
        self, scope: AccessScope, pinned: PinnedVersion, parts: Parts, query: str, watch: Stopwatch
    ) -> QueryVectors:
        """Return both vectors of `query` for the pinned version, and note the time of each in `watch`.

        Raises:
            NotFound: the version is gone.
        """
        # One after the other: words take a tenth of a millisecond, less than it costs to do both at once.
        sparse = await self._sparse(scope, pinned, parts, query, watch)
        return QueryVectors(dense=await _dense(parts, query, watch), sparse=sparse)

    async def _sparse(
        self, scope: AccessScope, pinned: PinnedVersion, parts: Parts, query: str, watch: Stopwatch
    ) -> SparseVector:
        with watch.stage("encode"):
            frequencies = await self._frequencies(scope, pinned)
            return parts.sparse_encoder.encode_query(query, frequencies)

    async def _frequencies(self, scope: AccessScope, pinned: PinnedVersion) -> DocumentFrequencies:
        # A number is never used twice, also after an unseal: its table changes with an erasure only.
        key = (pinned.corpus.id, pinned.number, pinned.fingerprint, pinned.corpus.erasures)
        if key not in self._tables:
            async with self._catalog.reading() as tx:
                table = await tx.versions.frequencies(scope, pinned.corpus.id, pinned.number, pinned.fingerprint)
            if table is None:
                raise NotFound("version", str(pinned.number))
            self._tables[key] = table
            while len(self._tables) > _KEPT_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        return self._tables[key]


async def _dense(parts: Parts, query: str, watch: Stopwatch) -> DenseVector:
    with watch.stage("embed"):
        return await parts.embedder.embed_query(query)
