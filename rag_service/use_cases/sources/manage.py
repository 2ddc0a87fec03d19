"""Sources of a corpus: what admins set up, and the runs that people start and look at."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.ids import RunId, SourceId, new_id
from rag_service.domain.jobs import Job
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.sources import addresses_of, as_values, parse_credentials, parse_source
from rag_service.domain.sync import KEY_SEPARATOR, Publishing, Source, SourceChange, SourceRun
from rag_service.errors import InvalidRequest, NotFound
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.cipher import Cipher
from rag_service.ports.job_queue import JobQueue
from rag_service.use_cases.names import checked_name
from rag_service.use_cases.permissions import require, require_one_of
from rag_service.use_cases.sources.new_runs import add_run

MAX_NAME_CHARS = 64
SHORTEST_PAUSE_S = 60
MAX_SHOWN_CHANGES = 1000

_SEEING = (Permission.UPLOAD, Permission.PUBLISH)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChanges:
    """What is to be another way from now on; None leaves a thing as it is. `every_s` of 0 ends the schedule.

    `settings` replace single settings, `credentials` all of them.
    """

    settings: Mapping[str, object] | None = None
    credentials: Mapping[str, object] | None = None
    every_s: int | None = None
    publish: Publishing | None = None


class ManageSources:
    """What people do with sources; `source` is an id or a name. What may not be done is NotFound.

    Only admins set sources up: a source makes the service itself reach for an address or a folder. Whoever may upload
    starts runs, and whoever may publish may force them.
    """

    def __init__(self, *, catalog: Catalog, cipher: Cipher, queue: JobQueue, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._cipher = cipher
        self._queue = queue
        self._clock = clock

    async def create(self, scope: AccessScope, *, corpus: str, name: str, kind: str, given: SourceChanges) -> Source:
        """Return the new source, which has not been run.

        Raises:
            InvalidRequest: name, settings, credentials or schedule cannot be used.
            Conflict: the corpus has a source of this name.
        """
        require(scope, Permission.ADMIN, kind="corpus", ref=corpus)
        checked = _checked_source_name(name)
        source_id, now = SourceId(new_id("src_")), self._clock()
        settings = parse_source(kind, given.settings or {})
        credentials = parse_credentials(kind, given.credentials or {})
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            source = Source(
                id=source_id,
                tenant_id=target.tenant_id,
                corpus_id=target.id,
                name=checked,
                settings=settings,
                credentials=self._encrypted(source_id, credentials),
                credential_names=frozenset(credentials),
                every_s=_checked_pause(given.every_s),
                publish=given.publish or Publishing.AUTOMATIC,
                created_at=now,
                updated_at=now,
                last_run_at=None,
            )
            await tx.sources.add(scope, source)
        return source

    async def get(self, scope: AccessScope, *, corpus: str, source: str) -> tuple[Source, SourceRun | None]:
        """Return a source and its newest run."""
        require_one_of(scope, _SEEING, kind="source", ref=source)
        async with self._catalog.reading() as tx:
            found = await _source(tx, scope, corpus, source)
            return found, (await tx.source_runs.latest(scope, [found.id])).get(found.id)

    async def change(self, scope: AccessScope, *, corpus: str, source: str, changes: SourceChanges) -> Source:
        """Change a source and return it. Its name stays: the keys of its documents begin with it.

        Raises:
            InvalidRequest: settings, credentials or schedule cannot be used.
        """
        require(scope, Permission.ADMIN, kind="source", ref=source)
        async with self._catalog.writing() as tx:
            found = await _source(tx, scope, corpus, source)
            changed = replace(self._changed(found, changes), updated_at=self._clock())
            await tx.sources.change(scope, changed)
        return changed

    async def remove(self, scope: AccessScope, *, corpus: str, source: str) -> SourceId:
        """Remove a source with its runs and return its id; its documents stay in the corpus.

        Raises:
            Conflict: a run of it is open.
        """
        require(scope, Permission.ADMIN, kind="source", ref=source)
        async with self._catalog.writing() as tx:
            found = await _source(tx, scope, corpus, source)
            await tx.sources.remove(scope, found.id)
        return found.id

    async def start_run(
        self, scope: AccessScope, *, corpus: str, source: str, dry_run: bool = False, force: bool = False
    ) -> tuple[SourceRun, Job]:
        """Start a run and return it with its job.

        Raises:
            Conflict: a run of the source is open, or the draft of one waits for a person.
        """
        require(scope, Permission.UPLOAD, kind="source", ref=source)
        if force:
            require(scope, Permission.PUBLISH, kind="source", ref=source)
        async with self._catalog.writing() as tx:
            found = await _source(tx, scope, corpus, source)
            run, job = await add_run(
                tx, scope, found, now=self._clock(), dry_run=dry_run, force=force, asked_by=scope.key_id
            )
        await self._queue.announce([job])
        return run, job

    async def run(
        self, scope: AccessScope, *, corpus: str, source: str, run_id: RunId
    ) -> tuple[SourceRun, list[SourceChange]]:
        """Return a run and the first lines of its plan, by key, without documents that the caller may not see."""
        require_one_of(scope, _SEEING, kind="run", ref=run_id)
        async with self._catalog.reading() as tx:
            found = await _source(tx, scope, corpus, source)
            run = await tx.source_runs.get(scope, run_id)
            if run.source_id != found.id:
                raise NotFound("run", run_id)
            return run, await tx.source_runs.changes(scope, run_id, limit=MAX_SHOWN_CHANGES)

    async def runs(self, scope: AccessScope, *, corpus: str, source: str, page: PageRequest) -> Page[SourceRun]:
        """Return the runs of a source by time."""
        require_one_of(scope, _SEEING, kind="source", ref=source)
        async with self._catalog.reading() as tx:
            found = await _source(tx, scope, corpus, source)
            return await tx.source_runs.list(scope, found.id, page)

    async def list(self, scope: AccessScope, *, corpus: str) -> list[tuple[Source, SourceRun | None]]:
        """Return the sources of a corpus by name, each with its newest run."""
        require_one_of(scope, _SEEING, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            found = await tx.sources.list(scope, target.id)
            latest = await tx.source_runs.latest(scope, [source.id for source in found])
        return [(source, latest.get(source.id)) for source in found]

    def _changed(self, source: Source, changes: SourceChanges) -> Source:
        kind = source.settings.kind
        if changes.settings is not None:
            merged = as_values(source.settings) | dict(changes.settings)
            moved = replace(source, settings=parse_source(kind, merged))
            if changes.credentials is None:
                _assert_same_address(source, moved)
            source = moved
        if changes.credentials is not None:
            credentials = parse_credentials(kind, changes.credentials)
            encrypted = self._encrypted(source.id, credentials)
            source = replace(source, credentials=encrypted, credential_names=frozenset(credentials))
        if changes.every_s is not None:
            source = replace(source, every_s=_checked_pause(changes.every_s))
        return source if changes.publish is None else replace(source, publish=changes.publish)

    def _encrypted(self, source_id: SourceId, credentials: Mapping[str, str]) -> bytes | None:
        if not credentials:
            return None
        return self._cipher.encrypt(json.dumps(dict(credentials)).encode(), bound_to=source_id)


async def _source(tx: Transaction, scope: AccessScope, corpus: str, ref: str) -> Source:
    target = await tx.corpora.get(scope, corpus)
    return await tx.sources.named(scope, target.id, ref)


def _assert_same_address(source: Source, moved: Source) -> None:
    """Raise InvalidRequest when credentials would go where whoever handed them over did not send them."""
    if source.credentials is not None and addresses_of(source.settings) != addresses_of(moved.settings):
        raise InvalidRequest(
            "The credentials are for the address of before: hand over those for the new one, or none.",
            param="credentials",
        )


def _checked_source_name(name: str) -> str:
    checked = checked_name(name, of="source")
    # The keys of documents are the name, the separator and the key of the item: two sources must not meet in one.
    if len(checked) > MAX_NAME_CHARS or KEY_SEPARATOR in checked:
        raise InvalidRequest(
            f"The name of a source has at most {MAX_NAME_CHARS} characters and no colon.", param="name"
        )
    return checked


def _checked_pause(every_s: int | None) -> int | None:
    if not every_s:
        return None
    if every_s < SHORTEST_PAUSE_S:
        raise InvalidRequest(f"A source is run every {SHORTEST_PAUSE_S} seconds or less often.", param="every_s")
    return every_s
