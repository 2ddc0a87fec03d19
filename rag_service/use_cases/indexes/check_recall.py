"""How much of the truly nearest an index finds when it is asked as the service asks it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.index_advice import figures_of
from rag_service.domain.index_checks import TOP, CheckFindings, Neighbour, recall_over
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import Conflict
from rag_service.ports.build_parts import BuildParts, Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.index_tuning import IndexTuning
from rag_service.ports.vector_index import VectorIndex, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors, SparseVector
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.indexes.draw_sample import DrawSample, Sample
from rag_service.use_cases.indexes.scan_exactly import ScanExactly
from rag_service.use_cases.parts_of import parts_of

NOT_INSTALLED = "Recall is not measured: pip install 'rag-service[faiss]'."
_NO_QUESTIONS = "Recall is not measured: nothing was asked, and the documents have no text."
_ALL_PUBLIC = "Recall under rights is not measured: everyone sees the documents that were drawn."
_NONE_VISIBLE = "Recall under rights is not measured: the principals that were drawn see nothing."
_SEALING = "Points are not counted while a draft is sealed."

_PAUSE_S = 0.02
"""After each search: people's come first."""

_NO_WORDS = SparseVector(indices=np.array([], np.uint32), values=np.array([], np.float32))


class CheckRecall:
    """Looks at the dense side: of words the engine keeps exact lists. `scan` is None where its library is missing."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        build_parts: BuildParts,
        draw: DrawSample,
        scan: ScanExactly | None,
        tuning: IndexTuning,
        settings: RetrievalSettings,
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._build_parts = build_parts
        self._draw = draw
        self._scan = scan
        self._tuning = tuning
        self._settings = settings

    async def __call__(self, scope: AccessScope, pinned: PinnedVersion, *, salt: str) -> CheckFindings:
        """Return what the index of a pinned version finds and holds; `scope` is a worker's, `salt` draws the sample.

        Raises:
            NotFound: corpus or build are gone.
            DependencyUnavailable: the index, the catalog or the embedder is away.
        """
        counted = await self._counted(scope, pinned)
        searched = await self._tuning.read(pinned.fingerprint)
        found = replace(counted, parameters=figures_of(searched) if searched else {})
        if self._scan is None:
            return replace(found, notes=(*found.notes, NOT_INSTALLED))
        try:
            parts = await parts_of(self._catalog, self._build_parts, scope, pinned.corpus.id, pinned.fingerprint)
        except Conflict as exc:
            return replace(found, notes=(*found.notes, f"Recall is not measured: {exc}"))
        sample = await self._draw(scope, pinned, salt=salt)
        if not sample.questions:
            return replace(found, notes=(*found.notes, _NO_QUESTIONS))
        return await self._measured(scope, pinned, parts, sample, found, self._scan)

    async def _counted(self, scope: AccessScope, pinned: PinnedVersion) -> CheckFindings:
        # The catalog first: what it has by then, the index has had for longer.
        async with self._catalog.reading() as tx:
            slot = await tx.points.slot(scope, pinned.corpus.id, hold=False)
            expected = await tx.points.count(scope, pinned.corpus.id, pinned.fingerprint)
        held = (await self._index.corpora(pinned.fingerprint)).get(pinned.corpus.id, 0)
        if slot.moving is not None:
            return CheckFindings(points_expected=held, points_held=held, notes=(_SEALING,))
        return CheckFindings(points_expected=expected, points_held=held)

    async def _measured(
        self,
        scope: AccessScope,
        pinned: PinnedVersion,
        parts: Parts,
        sample: Sample,
        found: CheckFindings,
        scan: ScanExactly,
    ) -> CheckFindings:
        questions = np.stack([await parts.embedder.embed_query(text) for text in sample.questions])
        nearest = await scan(scope, pinned, parts, questions, some=sample.principals)
        recall = recall_over(await self._asked(scope, pinned, questions), nearest.of_all)
        restricted = None
        if sample.principals is not None:
            caller = _caller(scope, sample.principals)
            restricted = recall_over(await self._asked(caller, pinned, questions), nearest.of_some)
        why_not = _ALL_PUBLIC if sample.principals is None else _NONE_VISIBLE
        return replace(
            found,
            asked=len(sample.asked),
            made=len(sample.made),
            recall=recall,
            restricted=restricted,
            vectors_lost=nearest.lost,
            notes=found.notes if restricted else (*found.notes, why_not),
        )

    async def _asked(
        self, scope: AccessScope, pinned: PinnedVersion, questions: DenseVector
    ) -> list[Sequence[Neighbour]]:
        among = Visible(scope=scope, corpus_id=pinned.corpus.id, version=pinned.number)
        found: list[Sequence[Neighbour]] = []
        for question in questions:
            candidates = await self._index.search(
                pinned.fingerprint,
                QueryVectors(dense=question, sparse=_NO_WORDS),
                among=among,
                # As many as for a question: how far a graph is walked depends on it.
                limit=max(TOP, self._settings.candidates),
                exact=self._settings.exact,
            )
            await asyncio.sleep(_PAUSE_S)
            # They come by chunk id, which decides between equals here as well.
            best = sorted(candidates, key=attrgetter("dense_score"), reverse=True)[:TOP]
            found.append([Neighbour(one.chunk_id, one.dense_score) for one in best])
        return found


def _caller(scope: AccessScope, principals: frozenset[str]) -> AccessScope:
    """Return somebody who has these principals."""
    return AccessScope(tenant_id=scope.tenant_id, principals=principals, permissions=frozenset({Permission.CHAT}))
