"""Find the passages of a corpus that match a query, as of one pinned version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Passage
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import InvalidRequest, NotFound
from rag_service.ports.build_parts import BuildParts
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import Candidate, VectorIndex
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.permissions import require
from rag_service.use_cases.readable_versions import pinned_version
from rag_service.use_cases.searching.choose_passages import ChoosePassages
from rag_service.use_cases.searching.encode_query import EncodeQuery
from rag_service.use_cases.searching.find_candidates import FindCandidates
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.rerank import Reranking, RerankPassages


class Fuse(Protocol):
    """Makes one ranking of candidates."""

    def __call__(
        self, candidates: Sequence[Candidate], *, dense_weight: float, limit: int
    ) -> list[tuple[Candidate, float]]:
        """Return the best candidates with their fused scores, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What was found, best first, how long each stage took, and how a second look ended; None where none is taken."""

    pinned: PinnedVersion
    passages: tuple[Passage, ...]
    timings_ms: Mapping[str, float]
    reranking: Reranking | None = None


class Search:
    """Dense and sparse search, fused, passages read from the catalog with rights checked."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        build_parts: BuildParts,
        fuse: Fuse,
        settings: RetrievalSettings,
        rerank: RerankPassages | None = None,
    ) -> None:
        self._catalog = catalog
        self._build_parts = build_parts
        self._fuse = fuse
        self._settings = settings
        self._encode = EncodeQuery(catalog)
        self._find = FindCandidates(index=index, settings=settings)
        self._choose = ChoosePassages(catalog)
        self._rerank = rerank

    async def __call__(self, scope: AccessScope, *, corpus: str, query: str, options: SearchOptions) -> SearchResult:
        """Return the best passages of `corpus` (a name or an id; "name@12" as in `pin`).

        Raises:
            NotFound: no such corpus or version in scope, or the caller may not ask it.
            InvalidRequest: the query is blank.
        """
        return await self.at(scope, await self.pin(scope, corpus), query, options)

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

    async def at(self, scope: AccessScope, pinned: PinnedVersion, query: str, options: SearchOptions) -> SearchResult:
        """Return the best passages of a pinned version, ranks from 1.

        Raises:
            Conflict: the parts that the version was built with cannot be opened: no other model answers for them.
        """
        if not query.strip():
            raise InvalidRequest("The query is empty.", param="query")
        _check(scope, pinned)
        watch = Stopwatch()
        passages: Sequence[Passage] = ()
        reranking = None
        if pinned.number:
            parts = await parts_of(self._catalog, self._build_parts, scope, pinned.corpus.id, pinned.fingerprint)
            vectors = await self._encode(scope, pinned, parts, query, watch)
            with watch.stage("index"):
                candidates = await self._find(scope, pinned, vectors, options)
            with watch.stage("fusion"):
                ranked = self._fuse(candidates, dense_weight=self._settings.dense_weight, limit=len(candidates))
            with watch.stage("passages"):
                passages = await self._choose(scope, pinned, ranked, self._looked_through(options))
            if self._rerank:
                with watch.stage("rerank"):
                    reranked = await self._rerank(query, passages, limit=options.limit)
                passages, reranking = reranked.passages, reranked.outcome
        return SearchResult(pinned=pinned, passages=tuple(passages), timings_ms=watch.timings_ms(), reranking=reranking)

    def _looked_through(self, options: SearchOptions) -> SearchOptions:
        """Return the options with as many passages as a second look has to choose from."""
        return replace(options, limit=self._rerank.wanted(options.limit)) if self._rerank else options


def _check(scope: AccessScope, pinned: PinnedVersion) -> None:
    corpus = pinned.corpus
    require(scope, Permission.CHAT, kind="corpus", ref=corpus.name)
    if corpus.tenant_id != scope.tenant_id or not scope.covers(corpus.id):
        raise NotFound("corpus", corpus.name)
