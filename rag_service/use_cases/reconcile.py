"""Compare catalog, index and blobs, tell where they differ, and mend it: the catalog is right.

It runs beside everything else. A batch is mended in a transaction that holds the corpus's seal slot as it is, and says
what shall be, not what to change: it can be cut short anywhere and repeated at any time.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import structlog

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.findings import Finding, FindingKind, Findings, FoundKind
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.index_checks import IndexComparison
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict, DependencyUnavailable, NotFound
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.build_parts import BuildParts, Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import PointState, VectorIndex
from rag_service.use_cases.every_corpus import every_corpus
from rag_service.use_cases.mend_points import MendPoints
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.permissions import require
from rag_service.use_cases.point_differences import Suspect, suspects
from rag_service.use_cases.reconcile_blobs import ReconcileBlobs

_BATCH = 128
"""Points mended at once: nobody else writes to the catalog meanwhile."""

_log = structlog.get_logger()


class Reconcile:
    """Finds what a crash, a lost disk or a zombie left behind, and mends it."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        blobs: BlobStore,
        build_parts: BuildParts,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._build_parts = build_parts
        self._clock = clock
        self._mend_points = MendPoints(catalog=catalog, index=index)
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
        await self._check_blobs(act, findings, dry_run=dry_run)
        return findings.kinds()

    async def everything(self) -> list[FoundKind]:
        """Look at all tenants, at builds and points that belong to none, and mend."""
        findings = Findings()
        # The index first: a corpus is in the catalog before its first point is written.
        held = await self._held_corpora()
        known: set[CorpusId] = set()
        noted: set[tuple[Fingerprint, CorpusId]] = set()
        for scope in await self._scopes():
            corpora = await self._corpora(scope)
            builds = await self._builds(scope, corpora)
            known.update(corpus.id for corpus in corpora)
            noted.update((build.fingerprint, build.corpus_id) for build in builds)
            await self._check_builds(scope, builds, findings, dry_run=False)
            await self._check_blobs(scope, findings, dry_run=False)
        await self._purge_unknown(held, known, noted, findings)
        _note_unknown_builds(held, {name for name, _ in noted}, findings)
        return findings.kinds()

    async def before_sealing(self) -> list[FoundKind]:
        """Look at what would harm the next seal: points with numbers not given yet, and corpora with a wrong count.

        After a power cut the catalog may have lost its last commits, and gives their numbers once more.
        """
        findings = Findings()
        readable: list[tuple[AccessScope, Corpus, Build]] = []
        for scope in await self._scopes():
            corpora = {corpus.id: corpus for corpus in await self._corpora(scope)}
            builds = await self._readable(await self._builds(scope, corpora.values()), findings)
            readable += [(scope, corpora[build.corpus_id], build) for build in builds]
        ahead = [await self._purge_unborn(scope, corpus, build, findings) for scope, corpus, build in readable]
        # Counted only now: a point too many must not make up for one that is missing.
        held = {name: await self._index.corpora(name) for name in _names([build for *_, build in readable])}
        for (scope, corpus, build), was_ahead in zip(readable, ahead, strict=True):
            # What was born at a number that is not given yet came with deaths at it, which no count tells of.
            if was_ahead or not await self._count_agrees(scope, build, held[build.fingerprint].get(corpus.id, 0)):
                await self._check_build(scope, build, findings, dry_run=False)
        return findings.kinds()

    async def _check_corpora(
        self, scope: AccessScope, corpora: Collection[Corpus], findings: Findings, *, dry_run: bool
    ) -> None:
        await self._check_builds(scope, await self._builds(scope, corpora), findings, dry_run=dry_run)

    async def _check_builds(
        self, scope: AccessScope, builds: Sequence[Build], findings: Findings, *, dry_run: bool
    ) -> None:
        for build in await self._readable(builds, findings):
            if build.state is BuildState.READY:
                await self._check_build(scope, build, findings, dry_run=dry_run)

    async def _check_build(self, scope: AccessScope, build: Build, findings: Findings, *, dry_run: bool) -> None:
        unchecked = Finding(kind=FindingKind.UNCHECKED_CORPUS, subject=build.corpus_id, corpus_id=build.corpus_id)
        own = Findings()
        with _noted(unchecked, findings):
            parts = await self._parts(scope, build)
            async for batch in _batches(suspects(self._catalog, self._index, scope, build)):
                await self._mend_points(scope, build, parts, batch, own, dry_run=dry_run)
            if not dry_run:
                await self._note(scope, build, own.kinds())
        findings.include(own.kinds())

    async def _note(self, scope: AccessScope, build: Build, kinds: Sequence[FoundKind]) -> None:
        """Keep what comparing the whole build came to, for those who watch indexes."""
        comparison = IndexComparison(
            tenant_id=scope.tenant_id,
            corpus_id=build.corpus_id,
            fingerprint=build.fingerprint,
            compared_at=self._clock(),
            differing=sum(one.found for one in kinds),
            mended=sum(one.mended for one in kinds),
        )
        async with self._catalog.writing() as tx:
            await tx.index_checks.note(comparison)

    async def _parts(self, scope: AccessScope, build: Build) -> Parts | None:
        """Return what missing points are made with, None when that cannot be opened."""
        try:
            return await parts_of(self._catalog, self._build_parts, scope, build.corpus_id, build.fingerprint)
        except Conflict as exc:
            _log.warning("build_not_opened", corpus_id=build.corpus_id, build=build.fingerprint, reason=str(exc))
            return None

    async def _check_blobs(self, scope: AccessScope, findings: Findings, *, dry_run: bool) -> None:
        with _noted(Finding(kind=FindingKind.UNCHECKED_FILES, subject=scope.tenant_id), findings):
            await self._reconcile_blobs(scope, findings, dry_run=dry_run)

    async def _purge_unborn(self, scope: AccessScope, corpus: Corpus, build: Build, findings: Findings) -> bool:
        purged = 0
        pages = self._index.states(build.fingerprint, corpus_id=corpus.id, born_after=corpus.highest)
        async for page in pages:
            async with self._catalog.writing() as tx:
                slot = await tx.points.slot(scope, corpus.id, hold=True)
                unborn = [state for state in page if state.born > slot.highest]
                await self._index.purge(build.fingerprint, [state.id for state in unborn])
            findings.add([_orphan(state) for state in unborn], mended=True)
            purged += len(unborn)
        return purged > 0

    async def _count_agrees(self, scope: AccessScope, build: Build, held: int) -> bool:
        if build.state is not BuildState.READY:
            return True
        async with self._catalog.reading() as tx:
            slot = await tx.points.slot(scope, build.corpus_id, hold=False)
            expected = await tx.points.count(scope, build.corpus_id, build.fingerprint)
        return slot.moving is not None or held == expected

    async def _readable(self, builds: Sequence[Build], findings: Findings) -> list[Build]:
        held = await self._index.builds()
        broken = {name for name, count in held.items() if count is None}
        findings.add(
            [_build(FindingKind.UNREADABLE_BUILD, name) for name in sorted(broken & _names(builds))], mended=False
        )
        return [build for build in builds if build.fingerprint not in broken]

    async def _held_corpora(self) -> dict[Fingerprint, frozenset[CorpusId]]:
        builds = await self._index.builds()
        return {name: frozenset(await self._index.corpora(name)) for name, count in builds.items() if count is not None}

    async def _purge_unknown(
        self,
        held: dict[Fingerprint, frozenset[CorpusId]],
        known: Collection[CorpusId],
        noted: Collection[tuple[Fingerprint, CorpusId]],
        findings: Findings,
    ) -> None:
        used = {name for name, _ in noted}
        for name, corpus_id in sorted((name, corpus_id) for name, corpora in held.items() for corpus_id in corpora):
            if corpus_id not in known:
                await self._purge_all(name, corpus_id, FindingKind.UNKNOWN_CORPUS, findings)
            elif name in used and (name, corpus_id) not in noted:
                # The build of another corpus; this one's is not there, or not any more.
                await self._purge_all(name, corpus_id, FindingKind.ORPHAN_POINT, findings)

    async def _purge_all(
        self, fingerprint: Fingerprint, corpus_id: CorpusId, kind: FindingKind, findings: Findings
    ) -> None:
        async for page in self._index.states(fingerprint, corpus_id=corpus_id):
            await self._index.purge(fingerprint, [state.id for state in page])
            findings.add([_orphan(state, kind) for state in page], mended=True)

    async def _builds(self, scope: AccessScope, corpora: Collection[Corpus]) -> list[Build]:
        builds: list[Build] = []
        for corpus in corpora:
            with suppress(NotFound):  # erased at this moment
                async with self._catalog.reading() as tx:
                    builds += await tx.builds.list(scope, corpus.id)
        return builds

    async def _scopes(self) -> list[AccessScope]:
        async with self._catalog.reading() as tx:
            return [system_scope(tenant_id) for tenant_id in await tx.points.tenants()]

    async def _corpora(self, scope: AccessScope) -> list[Corpus]:
        return [corpus async for corpus in every_corpus(self._catalog, scope)]


@contextmanager
def _noted(unchecked: Finding, findings: Findings) -> Iterator[None]:
    """Go on when a part gives out: one corpus that cannot be mended must not keep all others from it."""
    try:
        yield
    except NotFound:
        return  # the corpus or the build was removed meanwhile
    except DependencyUnavailable as exc:
        _log.warning("reconciler_gave_up", kind=unchecked.kind.value, subject=unchecked.subject, reason=str(exc))
        findings.add([unchecked], mended=False)


def _note_unknown_builds(held: Collection[Fingerprint], used: Collection[Fingerprint], findings: Findings) -> None:
    unknown = sorted(set(held) - set(used))
    findings.add([_build(FindingKind.UNKNOWN_BUILD, name) for name in unknown], mended=False)


def _names(builds: Sequence[Build]) -> set[Fingerprint]:
    return {build.fingerprint for build in builds}


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
