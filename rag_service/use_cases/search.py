"""Find the passages of a corpus that match a query, as of one pinned version."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Passage
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import InvalidRequest, NotFound
from rag_service.ports.build_parts import BuildParts, Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.ports.vector_index import Candidate, VectorIndex
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.permissions import require
from rag_service.use_cases.readable_versions import pinned_version

_Table = tuple[CorpusId, int, Fingerprint, int]
"""Corpus, version, build, and how much was erased."""

_Found = tuple[Passage, Candidate, float]
"""A passage as the catalog has it, and how it was found: its candidate and the fused score."""

_KEPT_TABLES = 32
_SPARE_PASSAGES = 8
"""Read more than asked for at once where repetitions are left out. What is no longer granted is rare."""


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
        build_parts: BuildParts,
        fuse: Fuse,
        settings: RetrievalSettings,
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._build_parts = build_parts
        self._fuse = fuse
        self._settings = settings
        self._tables: OrderedDict[_Table, DocumentFrequencies] = OrderedDict()

    async def __call__(
        self, scope: AccessScope, *, corpus: str, query: str, limit: int, exact: bool = False
    ) -> SearchResult:
        """Return the best `limit` passages of `corpus` (a name or an id; "name@12" as in `pin`).

        Raises:
            NotFound: no such corpus or version in scope, or the caller may not ask it.
            InvalidRequest: the query is blank.
        """
        return await self.at(scope, await self.pin(scope, corpus), query, limit=limit, exact=exact)

    async def pin(self, scope: AccessScope, corpus: str) -> PinnedVersion:
        """Return the version that `corpus` names: the published one, or what stands after the @.

        That is a number, a label, or "draft" for the sealed draft. What the caller may not ask is NotFound.
        """
        require(scope, Permission.CHAT, kind="corpus", ref=corpus)
        name, at, ref = corpus.partition("@")
        if at:
            async with self._catalog.reading() as tx:
                return await pinned_version(tx, scope, await tx.corpora.get(scope, name), ref)
        async with self._catalog.glancing() as tx:
            found = await tx.corpora.get(scope, name)
        return PinnedVersion(corpus=found, number=found.published, fingerprint=found.fingerprint)

    async def at(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        query: str,
        *,
        limit: int,
        distinct: bool = False,
        exact: bool = False,
    ) -> SearchResult:
        """Return the best `limit` passages of a pinned version, ranks from 1.

        `distinct` leaves out passages that repeat the words of a better one, from another document too: right for
        what a generator reads, wrong for a list in which people look for documents. `exact` looks at every point
        instead of walking the graph: slower in a large corpus, and the same at a pinned version whatever is written.

        Raises:
            Conflict: the parts that the version was built with cannot be opened: no other model answers for them.
        """
        if not query.strip():
            raise InvalidRequest("The query is empty.", param="query")
        self._check(scope, pinned)
        watch = Stopwatch()
        passages: list[Passage] = []
        if pinned.number:
            parts = await parts_of(self._catalog, self._build_parts, scope, pinned.corpus.id, pinned.fingerprint)
            vectors = await self._vectors(scope, pinned, parts, query, watch)
            with watch.stage("index"):
                candidates = await self._candidates(scope, pinned, vectors, limit, exact=exact)
            with watch.stage("fusion"):
                ranked = self._fuse(candidates, dense_weight=self._settings.dense_weight, limit=len(candidates))
            with watch.stage("passages"):
                passages = await self._passages(scope, pinned, ranked, limit, distinct=distinct)
        return SearchResult(pinned=pinned, passages=tuple(passages), timings_ms=watch.timings_ms())

    def _check(self, scope: AccessScope, pinned: PinnedVersion) -> None:
        corpus = pinned.corpus
        require(scope, Permission.CHAT, kind="corpus", ref=corpus.name)
        if corpus.tenant_id != scope.tenant_id or not scope.covers(corpus.id):
            raise NotFound("corpus", corpus.name)

    async def _vectors(
        self, scope: AccessScope, pinned: PinnedVersion, parts: Parts, query: str, watch: Stopwatch
    ) -> QueryVectors:
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

    async def _candidates(
        self, scope: AccessScope, pinned: PinnedVersion, vectors: QueryVectors, limit: int, *, exact: bool
    ) -> list[Candidate]:
        return await self._index.search(
            pinned.fingerprint,
            vectors,
            scope=scope,
            corpus_id=pinned.corpus.id,
            version=pinned.number,
            limit=max(limit, self._settings.candidates),
            exact=exact or self._settings.exact,
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
        chosen: dict[str, _Found] = {}
        step = limit + (_SPARE_PASSAGES if distinct else 0)
        # What a version holds stays the same, and rights are live: no two looks have to see one state.
        async with self._catalog.glancing() as tx:
            for start in range(0, len(ranked), step):
                part = ranked[start : start + step]
                ids = [candidate.chunk_id for candidate, _ in part]
                found = await tx.chunks.passages(scope, pinned.corpus.id, pinned.number, ids)
                for candidate, score in part:
                    if passage := found.get(candidate.chunk_id):
                        wording = _wording(passage) if distinct else passage.chunk_id
                        chosen.setdefault(wording, (passage, candidate, score))
                if len(chosen) >= limit:
                    break
        return _scored(islice(chosen.values(), limit))


async def _dense(parts: Parts, query: str, watch: Stopwatch) -> DenseVector:
    with watch.stage("embed"):
        return await parts.embedder.embed_query(query)


def _scored(best: Iterable[_Found]) -> list[Passage]:
    return [
        replace(
            passage,
            rank=rank,
            score=score,
            dense_score=candidate.dense_score,
            sparse_score=candidate.sparse_score,
        )
        for rank, (passage, candidate, score) in enumerate(best, start=1)
    ]


def _wording(passage: Passage) -> str:
    """Return what two passages share when one would only repeat the other."""
    return " ".join(passage.text.split())
