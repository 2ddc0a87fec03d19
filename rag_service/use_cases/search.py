"""Find the passages of a corpus that match a query, as of one pinned version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Passage
from rag_service.domain.degradation import Degradation
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import InvalidRequest, NotFound
from rag_service.ports.build_parts import BuildParts
from rag_service.ports.catalog import Catalog
from rag_service.ports.engines import StandIn, no_stand_in
from rag_service.ports.fusion import Fuse
from rag_service.ports.vector_index import VectorIndex
from rag_service.ports.vectors import QueryVectors
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.telemetry.timings import Stopwatch
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.permissions import require
from rag_service.use_cases.readable_versions import pinned_version
from rag_service.use_cases.searching.choose_passages import ChoosePassages
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.encode_query import EncodeQuery
from rag_service.use_cases.searching.feedback import Feedback
from rag_service.use_cases.searching.find_candidates import FindCandidates, Found
from rag_service.use_cases.searching.find_filtered import FindFiltered
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.rerank import Reranking, RerankPassages


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What was found, best first, and how long each stage took.

    `degraded` names what it was found without, by `Degradation`. Nobody may keep what was found by less, or an answer
    made of it, for a later question. `reranking` says how the second look ended, None where none was taken.
    """

    pinned: PinnedVersion
    passages: tuple[Passage, ...]
    timings_ms: Mapping[str, float]
    degraded: tuple[str, ...] = ()
    reranking: Reranking | None = None


class Search:
    """Dense and sparse search, fused, the best taken for examples; passages read from the catalog with rights checked.

    A part that is slow or down is done without where that is possible: the words alone are looked for, or the index that
    stands in for the one that serves is searched.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        build_parts: BuildParts,
        fuse: Fuse,
        settings: RetrievalSettings,
        stand_in: StandIn = no_stand_in,
        rerank: RerankPassages | None = None,
    ) -> None:
        self._catalog = catalog
        self._build_parts = build_parts
        self._fuse = fuse
        self._settings = settings
        self.counts = SearchCounts()
        self._encode = EncodeQuery(catalog=catalog, settings=settings, counts=self.counts)
        find = FindCandidates(index=index, settings=settings, counts=self.counts, stand_in=stand_in)
        self._find = FindFiltered(catalog=catalog, find=find, settings=settings)
        self._feedback = Feedback(index=index, settings=settings, counts=self.counts)
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
            IndexUnavailable: neither the index nor a stand-in answered.
        """
        if not query.strip():
            raise InvalidRequest("The query is empty.", param="query")
        _check(scope, pinned)
        watch, deadline = Stopwatch(), Deadline(self._settings.deadline_s)
        passages: Sequence[Passage] = ()
        degraded: tuple[str, ...] = ()
        reranking = None
        if pinned.number:
            parts = await parts_of(self._catalog, self._build_parts, scope, pinned.corpus.id, pinned.fingerprint)
            vectors = await self._encode(scope, pinned, parts, query, deadline=deadline, watch=watch)
            with watch.stage("index"):
                found = await self._find(scope, pinned, vectors, options, deadline=deadline)
            with watch.stage("fusion"):
                usual = self._settings.dense_weight
                weight = 0.0 if vectors.dense is None else pinned.corpus.dense_weight_or(usual)
                fused = self._fuse(found.candidates, dense_weight=weight)
            with watch.stage("feedback"):
                ordered = await self._feedback(scope, pinned, fused, found, deadline=deadline)
            ranked = fused.ranked if ordered is None else ordered
            degraded = _degradations(vectors, found, has_feedback=ordered is not None)
            with watch.stage("passages"):
                wanted = self._looked_through(options, found=len(ranked))
                passages = await self._choose(scope, pinned, ranked, query, wanted)
            if self._rerank and _is_looked_at_again(options):
                with watch.stage("rerank"):
                    again = await self._rerank(query, passages, limit=options.limit, within_s=deadline.share_s())
                passages, reranking = again.passages, again.outcome
                degraded += (Degradation.RERANK,) if again.is_short else ()
            self.counts.count_degraded(degraded)
        return SearchResult(
            pinned=pinned,
            passages=tuple(passages),
            timings_ms=watch.timings_ms(),
            degraded=degraded,
            reranking=reranking,
        )

    def _looked_through(self, options: SearchOptions, *, found: int) -> SearchOptions:
        """Return the options with as many passages as a second look has to choose from, or as were `found`."""
        if options.all_candidates:
            return replace(options, limit=max(1, found))
        if self._rerank and _is_looked_at_again(options):
            return replace(options, limit=self._rerank.wanted(options.limit))
        return options


def _is_looked_at_again(options: SearchOptions) -> bool:
    # A reranker reads the beginning of a passage: of one that was widened, the chunk before. And how far it comes in its
    # time depends on the machine, which an exact search must not.
    return not (options.neighbours or options.all_candidates or options.exact)


def _degradations(vectors: QueryVectors, found: Found, *, has_feedback: bool) -> tuple[str, ...]:
    lacking = {
        Degradation.EMBEDDING: vectors.dense is None,
        Degradation.INDEX: found.by_stand_in,
        Degradation.FEEDBACK: not has_feedback,
    }
    return tuple(name for name, is_lacking in lacking.items() if is_lacking)


def _check(scope: AccessScope, pinned: PinnedVersion) -> None:
    corpus = pinned.corpus
    require(scope, Permission.CHAT, kind="corpus", ref=corpus.name)
    if corpus.tenant_id != scope.tenant_id or not scope.covers(corpus.id):
        raise NotFound("corpus", corpus.name)
