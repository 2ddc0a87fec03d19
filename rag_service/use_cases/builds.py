"""The builds of corpora, and bringing a corpus to the build that the service is configured with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.ids import Fingerprint
from rag_service.domain.jobs import OPEN_STATES, Job, JobKind, Priority, fill_subject, new_job
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict, NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.job_queue import JobQueue
from rag_service.use_cases.permissions import require, require_one_of
from rag_service.use_cases.readable_versions import READERS


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBuild:
    """A build as people see it. `is_published`: the corpus is asked under it; `is_own`: uploads are prepared for it."""

    build: Build
    is_published: bool
    is_own: bool


class ManageBuilds:
    """Shows builds, and starts the rebuild of a corpus; a job does it."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        clock: Callable[[], datetime],
        queue: JobQueue,
        fingerprint: Fingerprint,
        recipe: Mapping[str, Any],
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._queue = queue
        self._fingerprint = fingerprint
        self._recipe = recipe

    async def rebuild(self, scope: AccessScope, *, corpus: str) -> Job:
        """Have the corpus brought to the service's build beside the one that serves, and then switched to it.

        Raises:
            NotFound: no such corpus, or the key may not publish.
            Conflict: it is asked under this build already, or is being brought to it.
        """
        require(scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            if target.fingerprint == self._fingerprint:
                raise Conflict(f"{target.name} is built with the settings of the service already.")
            await self._assert_not_under_way(tx, scope, target)
            job = await self._start(tx, scope, target)
        await self._queue.announce([job])
        return job

    async def rebuild_all(self) -> int:
        """Start the rebuild of every corpus that was never on the service's build; return of how many.

        Not of one that was rolled back from it: that is what somebody wanted.
        """
        async with self._catalog.reading() as tx:
            lacking = await tx.builds.lacking(self._fingerprint)
        return sum([await self._rebuild_lacking(corpus) for corpus in lacking])

    async def list(self, scope: AccessScope, *, corpus: str) -> list[SeenBuild]:
        """Return the builds of a corpus, oldest first."""
        require_one_of(scope, READERS, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            return [
                SeenBuild(
                    build=build,
                    is_published=build.fingerprint == target.fingerprint,
                    is_own=build.fingerprint == self._fingerprint,
                )
                for build in await tx.builds.list(scope, target.id)
            ]

    async def _rebuild_lacking(self, corpus: Corpus) -> bool:
        try:
            async with self._catalog.writing() as tx:
                job = await self._start(tx, system_scope(corpus.tenant_id), corpus)
        except (Conflict, NotFound):
            return False  # another worker started it, or the corpus was erased
        await self._queue.announce([job])
        return True

    async def _start(self, tx: Transaction, scope: AccessScope, corpus: Corpus) -> Job:
        """Add the build's row if it has none, and the job that fills it."""
        try:
            await tx.builds.get(scope, corpus.id, self._fingerprint)
        except NotFound:
            await tx.builds.add(scope, await self._new(tx, scope, corpus))
        return await tx.jobs.add(
            new_job(
                corpus.tenant_id,
                JobKind.FILL_BUILD,
                fill_subject(corpus.id, self._fingerprint),
                now=self._clock(),
                corpus_id=corpus.id,
                priority=Priority.BACKGROUND,
            )
        )

    async def _new(self, tx: Transaction, scope: AccessScope, corpus: Corpus) -> Build:
        # A version that was published is never unsealed, so what the build begins with stays as it is.
        number = await tx.builds.last_published(scope, corpus.id)
        total = (await tx.versions.get(scope, corpus.id, number)).document_count if number else 0
        return Build(
            corpus_id=corpus.id,
            fingerprint=self._fingerprint,
            recipe=self._recipe,
            state=BuildState.FILLING,
            since=number,
            synced=number,
            created_at=self._clock(),
            total=total,
        )

    async def _assert_not_under_way(self, tx: Transaction, scope: AccessScope, corpus: Corpus) -> None:
        for job in await tx.jobs.of_subject(scope, fill_subject(corpus.id, self._fingerprint)):
            if job.state in OPEN_STATES:
                raise Conflict(f"Job {job.id} rebuilds this corpus.")
