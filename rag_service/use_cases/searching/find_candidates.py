"""What the index finds for the vectors of a question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import Fingerprint
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import IndexUnavailable
from rag_service.ports.engines import StandIn, no_stand_in
from rag_service.ports.vector_index import Candidate, VectorIndex, Visible
from rag_service.ports.vectors import QueryVectors
from rag_service.settings import RetrievalSettings
from rag_service.telemetry.search_counts import SearchCounts
from rag_service.use_cases.searching.deadline import Deadline
from rag_service.use_cases.searching.guard import Guard
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.query_cache import QueryCache

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Candidates by chunk id. `by_stand_in`: the index did not answer, another one did."""

    candidates: Sequence[Candidate]
    by_stand_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sought:
    fingerprint: Fingerprint
    vectors: QueryVectors
    among: Visible
    limit: int
    exact: bool

    async def of(self, index: VectorIndex) -> Sequence[Candidate]:
        return await index.search(self.fingerprint, self.vectors, among=self.among, limit=self.limit, exact=self.exact)


class FindCandidates:
    """Asks the index for the candidates of both sides, and its stand-in when it does not answer.

    What the index found is kept: contents of a version do not change, and rights are live nevertheless. The catalog
    checks those of every passage again when it is read, so what is taken away is gone at once; and what is granted
    raises the corpus's `rights_epoch` when it has reached the points, with which every question is a new one. Where a
    crash comes between the two, who asked before finds it when what was kept is too old to be used.
    What a stand-in found is not kept.
    """

    def __init__(
        self,
        *,
        index: VectorIndex,
        settings: RetrievalSettings,
        counts: SearchCounts,
        stand_in: StandIn = no_stand_in,
    ) -> None:
        self._index = index
        self._stand_in = stand_in
        self._settings = settings
        self._kept: QueryCache[Sequence[Candidate]] = QueryCache(
            "candidates", entries=settings.cache_entries, counts=counts
        )
        # For each build its own: one that cannot be opened says nothing of the others.
        self._guards: dict[tuple[str, Fingerprint], Guard] = {}

    async def __call__(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        vectors: QueryVectors,
        options: SearchOptions,
        *,
        deadline: Deadline,
    ) -> Found:
        """Return what `scope` sees at the pinned version.

        Raises:
            IndexUnavailable: the index did not answer, and there is no stand-in, or that did not answer either.
        """
        sought = _Sought(
            fingerprint=pinned.fingerprint,
            vectors=vectors,
            among=Visible(scope=scope, corpus_id=pinned.corpus.id, version=pinned.number, documents=options.documents),
            limit=max(options.limit, self._settings.candidates),
            exact=options.exact or self._settings.exact,
        )
        other = await self._stand_in(pinned.fingerprint) if deadline.is_set else None
        try:
            return Found(candidates=await self._asked(sought, pinned, deadline.share_s() if other else None))
        except IndexUnavailable as exc:
            if other is None:
                raise
            _log.warning("search_by_stand_in", reason=str(exc))
        guard = self._guard("stand-in index", sought.fingerprint)
        candidates = await guard(lambda: sought.of(other), within_s=self._settings.timeout_s)
        return Found(candidates=candidates, by_stand_in=True)

    async def _asked(self, sought: _Sought, pinned: PinnedVersion, share_s: float | None) -> Sequence[Candidate]:
        within_s = self._settings.timeout_s if share_s is None else share_s
        guard = self._guard("index", sought.fingerprint)
        if sought.limit > self._settings.candidates:
            # Ten times as many as usual, for a filter: too much to keep.
            return await guard(lambda: sought.of(self._index), within_s=within_s)
        epochs = (pinned.corpus.erasures, pinned.corpus.rights_epoch)
        return await self._kept.get(
            sought.among.scope.tenant_id,
            (*epochs, *_key(sought)),
            lambda: guard(lambda: sought.of(self._index), within_s=within_s),
        )

    def _guard(self, part: str, fingerprint: Fingerprint) -> Guard:
        if (part, fingerprint) not in self._guards:
            self._guards[part, fingerprint] = Guard(part, IndexUnavailable)
        return self._guards[part, fingerprint]


def _key(sought: _Sought) -> tuple[object, ...]:
    """Return all that decides what is found; questions with the same vectors are the same question."""
    scope, documents, vectors = sought.among.scope, sought.among.documents, sought.vectors
    # Of the scope only what the index looks at, so that callers with the same rights share. Sets have no order.
    seen_by = replace(scope, principals=frozenset(), permissions=frozenset(), corpora=None, key_id=None, end_user=None)
    return (
        replace(sought.among, scope=seen_by, documents=None),
        sorted(scope.principals),
        None if documents is None else sorted(documents),
        sought.fingerprint,
        sought.limit,
        sought.exact,
        None if vectors.dense is None else vectors.dense.tobytes(),
        vectors.sparse.indices.tobytes(),
        vectors.sparse.values.tobytes(),
    )
