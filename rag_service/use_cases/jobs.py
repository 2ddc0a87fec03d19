"""Background work as people see it, and what they can do about it."""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import FINISHED_STATES, Job, JobKind, JobState, SeenJob, revision_of, seen
from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.job_queue import JobQueue
from rag_service.settings import JobSettings
from rag_service.use_cases.job_names import JobNames, names_of
from rag_service.use_cases.job_watch import JobWatch, Looks, Watched
from rag_service.use_cases.permissions import require, require_one_of

LOOK_PAUSE_S = 0.5
"""Pause between two looks at the jobs that are watched."""

_SEEING = (Permission.UPLOAD, Permission.PUBLISH, Permission.EVAL)
_CHANGING = {
    JobKind.PREPARE_REVISION: Permission.UPLOAD,
    JobKind.SEAL_DRAFT: Permission.PUBLISH,
    JobKind.UNSEAL_DRAFT: Permission.PUBLISH,
    JobKind.ERASE: Permission.ADMIN,
    JobKind.FILL_BUILD: Permission.PUBLISH,
    JobKind.SYNC_SOURCE: Permission.UPLOAD,
    JobKind.EMBED_CHUNKS: Permission.UPLOAD,
    JobKind.EVALUATE_DRAFT: Permission.PUBLISH,
    JobKind.RUN_SUITE: Permission.EVAL,
}
"""What it takes to cancel or retry a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """How many jobs are in each state. `starved` are those of the open ones that nobody takes.

    `waiting_bytes` are those of the files that are still to be prepared, or are just now.
    """

    of_state: Mapping[JobState, int]
    starved: int
    waiting_bytes: int


class ManageJobs:
    """Shows jobs to whoever may upload, publish or evaluate, and cancels, retries and purges them."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        queue: JobQueue,
        clock: Callable[[], datetime],
        settings: JobSettings,
        look_pause_s: float = LOOK_PAUSE_S,
    ) -> None:
        self._catalog = catalog
        self._queue = queue
        self._clock = clock
        self._silence = settings.silence
        self._starved_after = timedelta(seconds=settings.starved_after_s)
        self._watch = JobWatch(self._look, pause_s=look_pause_s)

    async def list(
        self,
        scope: AccessScope,
        *,
        page: PageRequest,
        states: Collection[JobState] | None = None,
        kind: JobKind | None = None,
        corpus: str | None = None,
    ) -> Page[SeenJob]:
        """Return a page of the jobs in scope, by place in the queue; `corpus` is an id or a name.

        Raises:
            NotFound: the caller may see no jobs, or there is no such corpus.
        """
        _require_sight(scope, "/v1/jobs", kind="endpoint")
        async with self._catalog.reading() as tx:
            corpus_id = (await tx.corpora.get(scope, corpus)).id if corpus is not None else None
            found = await tx.jobs.list(scope, page, states=states, kind=kind, corpus_id=corpus_id)
            items = await self._seen(tx, found.items)
        return Page(items=items, has_more=found.has_more)

    async def get(self, scope: AccessScope, job_id: JobId) -> SeenJob:
        """Return a job, or raise NotFound."""
        _require_sight(scope, job_id)
        async with self._catalog.reading() as tx:
            return (await self._seen(tx, [await tx.jobs.get(scope, job_id)]))[0]

    async def counts(self, scope: AccessScope) -> JobCounts:
        """Return how many jobs in scope are in each state; NotFound when the caller may see none."""
        _require_sight(scope, "/v1/jobs/counts", kind="endpoint")
        now = self._clock()
        async with self._catalog.reading() as tx:
            served = await tx.workers.served_kinds(since=now - self._silence)
            of_state = await tx.jobs.counts(scope)
            starved = await tx.jobs.starved(scope, now=now, served_kinds=served, starved_after=self._starved_after)
            waiting_bytes = await tx.jobs.waiting_bytes(scope)
        return JobCounts(of_state=of_state, starved=starved, waiting_bytes=waiting_bytes)

    async def names(self, scope: AccessScope, jobs: Sequence[SeenJob]) -> dict[JobId, JobNames]:
        """Return what jobs are about, as far as the caller may see it."""
        async with self._catalog.reading() as tx:
            return await names_of(tx, scope, [each.job for each in jobs])

    async def cancel(self, scope: AccessScope, job_id: JobId) -> SeenJob:
        """Stop a job for good and return it; one that is cancelled already is returned as it is.

        Raises:
            NotFound: no such job, or the caller may not change jobs of its kind, or see what it prepares.
            Conflict: the job is over.
        """
        async with self._catalog.writing() as tx:
            await self._require_change(tx, scope, job_id)
            cancelled = await tx.jobs.cancel(scope, job_id, now=self._clock())
            return (await self._seen(tx, [cancelled]))[0]

    async def retry(self, scope: AccessScope, job_id: JobId) -> SeenJob:
        """Put a failed, dead or cancelled job back into the queue, with all its attempts, and return it.

        Raises:
            NotFound: no such job, or the caller may not change jobs of its kind, or see what it prepares.
            Conflict: it is in another state, another job does the same, or the document has a newer revision.
        """
        async with self._catalog.writing() as tx:
            await self._require_change(tx, scope, job_id)
            again = await tx.jobs.retry(scope, job_id, now=self._clock())
            shown = (await self._seen(tx, [again]))[0]
        await self._queue.announce([again])
        return shown

    async def purge(self, scope: AccessScope, *, states: Collection[JobState], older_than: timedelta) -> int:
        """Forget jobs that were over for `older_than`, and return how many that were; only for admins.

        Raises:
            NotFound: the caller is no admin.
            InvalidRequest: a state is not one of a job that is over.
        """
        require(scope, Permission.ADMIN, kind="endpoint", ref="/v1/jobs/purge")
        async with self._catalog.writing() as tx:
            return await tx.jobs.purge(scope, states=states, before=self._clock() - older_than)

    async def follow(self, start: SeenJob, *, after: int | None = None) -> AsyncGenerator[SeenJob, None]:
        """Yield a job as it is and after each visible change, to its end.

        `start` came from `get`; it is left out when `after` says that its newest change is known.

        Raises:
            NotFound: the job was purged meanwhile.
        """
        last = start
        if start.job.changes != after:
            yield start
        async with aclosing(self._watch.follow(start.job)) as looks:
            while not is_over(last):
                look = await anext(looks)
                if _visible(look) != _visible(last):
                    yield look
                last = look

    async def _look(self, watched: Collection[Watched]) -> Looks:
        found: dict[Watched, Job] = {}
        async with self._catalog.reading() as tx:
            for each in watched:
                with suppress(NotFound):
                    found[each] = await tx.jobs.get(system_scope(each.tenant_id), each.job_id)
            shown = await self._seen(tx, list(found.values()))
        return {**dict.fromkeys(watched), **dict(zip(found, shown, strict=True))}

    async def _seen(self, tx: Transaction, jobs: Sequence[Job]) -> tuple[SeenJob, ...]:
        now = self._clock()
        served = await tx.workers.served_kinds(since=now - self._silence)
        return tuple(seen(job, now=now, served_kinds=served, starved_after=self._starved_after) for job in jobs)

    async def _require_change(self, tx: Transaction, scope: AccessScope, job_id: JobId) -> None:
        _require_sight(scope, job_id)
        job = await tx.jobs.get(scope, job_id)
        require(scope, _CHANGING[job.kind], kind="job", ref=job_id)
        if job.kind is JobKind.PREPARE_REVISION:
            document_id, _ = revision_of(job)
            if document_id not in await tx.documents.principals(scope, [document_id]):
                raise NotFound("job", job_id)


def is_over(seen_job: SeenJob) -> bool:
    """Say whether a job does nothing more by itself."""
    return seen_job.job.state in FINISHED_STATES


def _visible(seen_job: SeenJob) -> tuple[int, str]:
    # Starving is no change of the row: time passes, or the last worker goes.
    return seen_job.job.changes, seen_job.shown_state


def _require_sight(scope: AccessScope, ref: str, *, kind: str = "job") -> None:
    require_one_of(scope, _SEEING, kind=kind, ref=ref)
