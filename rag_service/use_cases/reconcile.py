"""Compare catalog, index and blobs, tell where they differ, and mend it: the catalog is right.

It runs beside everything else. A batch is mended in a transaction that holds the corpus's seal slot as it is, and says
what shall be, not what to change: it can be cut short anywhere and repeated at any time.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.findings import Finding, FindingKind, Findings, FoundKind
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.domain.versions import Corpus
from rag_service.errors import NotFound
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog
from rag_service.ports.embedder import TextVectors
from rag_service.ports.sparse_encoder import SparseEncoder
from rag_service.ports.vector_index import PointState, VectorIndex
from rag_service.use_cases.mend_points import MendPoints
from rag_service.use_cases.permissions import require
from rag_service.use_cases.point_differences import Suspect, suspects
from rag_service.use_cases.reconcile_blobs import ReconcileBlobs

_BATCH = 128
"""Points mended at once: nobody else writes to the catalog meanwhile."""


class Reconcile:
    """Finds what a crash, a lost disk or a zombie left behind, and mends it."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        blobs: BlobStore,
        vectors: TextVectors,
        sparse_encoder: SparseEncoder,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._mend_points = MendPoints(catalog=catalog, index=index, vectors=vectors, sparse_encoder=sparse_encoder)
        self._reconcile_blobs = ReconcileBlobs(catalog=catalog, blobs=blobs, clock=clock)

    async def __call__(self, scope: AccessScope, *, corpus: str | None = None, dry_run: bool) -> list[FoundKind]:
        """Look at one corpus, or at all corpora and raw files of the scope's tenant.

        Raises:
            NotFound: no such corpus, or the key may not do this.
        """
        require(scope, Permission.ADMIN, kind="endpoint", ref="/v1/reconciliations")
        findings, act = Findings(), system_scope(scope.tenant_id)
        async with self._catalog.reading() as tx:
            chosen = None if corpus is None else await tx.corpora.get(scope, corpus)
        if chosen is not None:
            await self._check_corpora(act, [chosen], findings, dry_run=dry_run)
            return findings.kinds()
        if scope.corpora is not None:
            raise NotFound("endpoint", "/v1/reconciliations")  # the raw files belong to no corpus
        await self._check_corpora(act, await self._corpora(act), findings, dry_run=dry_run)
        await self._reconcile_blobs(act, findings, dry_run=dry_run)
        return findings.kinds()

    async def everything(self) -> list[FoundKind]:
        """Look at all tenants, at builds and points that belong to none, and mend."""
        findings = Findings()
        # The index first: a corpus is in the catalog before its first point is written.
        held = await self._held_corpora()
        known: set[CorpusId] = set()
        used: set[Fingerprint] = set()
        for scope in await self._scopes():
            corpora = await self._corpora(scope)
            known.update(corpus.id for corpus in corpora)
            used.update(corpus.fingerprint for corpus in corpora)
            await self._check_corpora(scope, corpora, findings, dry_run=False)
            await self._reconcile_blobs(scope, findings, dry_run=False)
        await self._purge_unknown(held, known, findings)
        _note_unknown_builds(held, used, findings)
        return findings.kinds()

    async def before_sealing(self) -> list[FoundKind]:
        """Look at what would harm the next seal: points with numbers not given yet, and corpora with a wrong count.

        After a power cut the catalog may have lost its last commits, and gives their numbers once more.
        """
        findings = Findings()
        for scope in await self._scopes():
            for corpus in await self._readable(await self._corpora(scope), findings):
                await self._purge_unborn(scope, corpus, findings)
                if not await self._counts_agree(scope, corpus):
                    await self._check_points(scope, corpus, findings, dry_run=False)
        return findings.kinds()

    async def _check_corpora(
        self, scope: AccessScope, corpora: Sequence[Corpus], findings: Findings, *, dry_run: bool
    ) -> None:
        for corpus in await self._readable(corpora, findings):
            await self._check_points(scope, corpus, findings, dry_run=dry_run)

    async def _check_points(self, scope: AccessScope, corpus: Corpus, findings: Findings, *, dry_run: bool) -> None:
        async for batch in _batches(suspects(self._catalog, self._index, scope, corpus)):
            await self._mend_points(scope, corpus, batch, findings, dry_run=dry_run)

    async def _purge_unborn(self, scope: AccessScope, corpus: Corpus, findings: Findings) -> None:
        pages = self._index.states(corpus.fingerprint, corpus_id=corpus.id, born_after=corpus.highest)
        async for page in pages:
            async with self._catalog.writing() as tx:
                slot = await tx.points.slot(scope, corpus.id, hold=True)
                unborn = [state for state in page if state.born > slot.highest]
                await self._index.purge(corpus.fingerprint, [state.id for state in unborn])
            findings.add([_orphan(state) for state in unborn], mended=True)

    async def _counts_agree(self, scope: AccessScope, corpus: Corpus) -> bool:
        async with self._catalog.reading() as tx:
            slot = await tx.points.slot(scope, corpus.id, hold=False)
            expected = await tx.points.count(scope, corpus.id)
        held = (await self._index.corpora(corpus.fingerprint)).get(corpus.id, 0)
        return slot.moving is not None or held == expected

    async def _readable(self, corpora: Sequence[Corpus], findings: Findings) -> list[Corpus]:
        builds = await self._index.builds()
        broken = {name for name, count in builds.items() if count is None}
        findings.add(
            [_build(FindingKind.UNREADABLE_BUILD, name) for name in sorted(broken & _used(corpora))], mended=False
        )
        return [corpus for corpus in corpora if corpus.fingerprint not in broken]

    async def _held_corpora(self) -> dict[Fingerprint, frozenset[CorpusId]]:
        builds = await self._index.builds()
        return {name: frozenset(await self._index.corpora(name)) for name, count in builds.items() if count is not None}

    async def _purge_unknown(
        self, held: dict[Fingerprint, frozenset[CorpusId]], known: Collection[CorpusId], findings: Findings
    ) -> None:
        for fingerprint, corpora in held.items():
            for corpus_id in sorted(corpora - frozenset(known)):
                async for page in self._index.states(fingerprint, corpus_id=corpus_id):
                    await self._index.purge(fingerprint, [state.id for state in page])
                    findings.add([_orphan(state, FindingKind.UNKNOWN_CORPUS) for state in page], mended=True)

    async def _scopes(self) -> list[AccessScope]:
        async with self._catalog.reading() as tx:
            return [system_scope(tenant_id) for tenant_id in await tx.points.tenants()]

    async def _corpora(self, scope: AccessScope) -> list[Corpus]:
        corpora: list[Corpus] = []
        more = True
        while more:
            after = corpora[-1].id if corpora else None
            async with self._catalog.reading() as tx:
                page = await tx.corpora.list(scope, PageRequest(limit=MAX_LIMIT, order="asc", after=after))
            corpora += page.items
            more = page.has_more
        return corpora


def _note_unknown_builds(held: Collection[Fingerprint], used: Collection[Fingerprint], findings: Findings) -> None:
    unknown = sorted(set(held) - set(used))
    findings.add([_build(FindingKind.UNKNOWN_BUILD, name) for name in unknown], mended=False)


def _used(corpora: Sequence[Corpus]) -> set[Fingerprint]:
    return {corpus.fingerprint for corpus in corpora}


def _build(kind: FindingKind, fingerprint: Fingerprint) -> Finding:
    return Finding(kind=kind, subject=fingerprint)


def _orphan(state: PointState, kind: FindingKind = FindingKind.ORPHAN_POINT) -> Finding:
    return Finding(kind=kind, subject=state.id, corpus_id=state.corpus_id)


async def _batches(items: AsyncIterator[Suspect]) -> AsyncIterator[list[Suspect]]:
    batch: list[Suspect] = []
    async for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
