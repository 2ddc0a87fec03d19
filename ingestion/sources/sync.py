"""A run from its listing to its end: planned, brought into a draft, prepared, published or left for a person."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from ingestion.connectors.port import Connector, Item
from ingestion.sources.bringing import BringItems, Place
from ingestion.sources.ending import EndRun
from ingestion.sources.fetching import Fetching
from ingestion.sources.planning import Plan, plan, resumed, with_what_was_taken_back
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import DraftId, RunId
from rag_service.domain.sync import (
    OPEN_RUNS,
    RunState,
    Source,
    SourceChange,
    SourceItem,
    SourceRun,
)
from rag_service.errors import RagError, SourceRefused, SourceUnavailable
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.signer import KeyedHash
from rag_service.settings import SourceSettings
from rag_service.use_cases.accept_uploads import MAX_ATTRIBUTE_CHARS
from rag_service.use_cases.drafts import new_draft
from rag_service.use_cases.seal_plan import StillHeld
from rag_service.use_cases.sources.barred import key_hash_of


class OpenSource(Protocol):
    """Opens the connector of a source with its credentials."""

    def __call__(
        self, source: Source, *, keep_copies: Callable[[], Awaitable[bool]]
    ) -> AbstractAsyncContextManager[Connector]:
        """Open it. Unless `keep_copies` says so at the end, nothing of it stays on this machine after the run.

        Raises:
            SourceUnavailable, SourceRefused: see the port.
            DataDamaged: the credentials cannot be read.
        """


OnItems = Callable[[str, int, int | None], None]
"""Hears the stage, and how many items of how many are done in it."""

_LINES_AT_ONCE = 2000

TOO_MUCH = "It would delete more than half of the source. When that is right, run it with force."


class SourceFailedError(RagError):
    """A source did not answer. Unlike with a part of the service itself, trying again uses up an attempt."""


class SyncSource:
    """Brings a run as far as it gets. It may be cut short anywhere, and goes on when it is called again."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        open_source: OpenSource,
        bring: BringItems,
        end: EndRun,
        fetch_from: Callable[[Connector], Fetching],
        keyed_hash: KeyedHash,
        clock: Callable[[], datetime],
        settings: SourceSettings,
    ) -> None:
        self._catalog = catalog
        self._open_source = open_source
        self._bring = bring
        self._end = end
        self._fetch_from = fetch_from
        self._keyed_hash = keyed_hash
        self._clock = clock
        self._settings = settings

    async def __call__(self, scope: AccessScope, run_id: RunId, *, still_held: StillHeld, on_items: OnItems) -> None:
        """Return when the run is over, or its draft waits for a person.

        Raises:
            SlotTaken: its documents are prepared, or its draft is published, by other jobs.
            SourceFailedError, SourceRefused: nothing more can be had from the source.
            LeaseLost: by `still_held`; nothing is written after that.
        """
        async with self._catalog.reading() as tx:
            run = await tx.source_runs.get(scope, run_id)
            source = await tx.sources.get(scope, run.source_id)
        if run.state in {RunState.QUEUED, RunState.RUNNING}:
            run = await self._synchronise(scope, source, run, still_held, on_items)
        if run.state in OPEN_RUNS:
            await self._end(scope, source, run, still_held)

    async def _synchronise(
        self, scope: AccessScope, source: Source, run: SourceRun, still_held: StillHeld, on_items: OnItems
    ) -> SourceRun:
        async def keep_copies() -> bool:
            # What was erased from the corpus, perhaps during this run, may be in a copy that the connector keeps.
            async with self._catalog.reading() as tx:
                return not await tx.sources.barred(scope, source.corpus_id)

        try:
            async with self._open_source(source, keep_copies=keep_copies) as connector:
                made = await self._plan(scope, source, run, connector, on_items)
                run, changes = await self._keep(scope, source, run, made, still_held)
                if run.state in OPEN_RUNS and run.draft_id is not None:
                    place = Place(
                        scope=scope,
                        source=source,
                        run_id=run.id,
                        draft_id=run.draft_id,
                        still_held=still_held,
                        on_items=lambda done, total: on_items("fetch", done, total),
                    )
                    await self._bring(place, self._fetch_from(connector), changes)
        except SourceUnavailable as exc:
            raise SourceFailedError(str(exc)) from exc
        return run

    async def _plan(
        self, scope: AccessScope, source: Source, run: SourceRun, connector: Connector, on_items: OnItems
    ) -> Plan:
        async with self._catalog.reading() as tx:
            known = await tx.sources.items(scope, source.id)
            barred = await tx.sources.barred(scope, source.corpus_id)
            published = await tx.sources.published(scope, source.id) if run.force else {}
        listed = await self._listed(connector, known, on_items)
        if run.force:
            known = with_what_was_taken_back(known, published)

        def is_barred(key: str) -> bool:
            if not barred:
                return False
            return key_hash_of(self._keyed_hash, source.corpus_id, source.document_key(key)) in barred

        return plan(listed, known, is_barred=is_barred, is_usable=lambda key: _is_usable(source.document_key(key)))

    async def _listed(self, connector: Connector, known: Mapping[str, SourceItem], on_items: OnItems) -> Sequence[Item]:
        listed: list[Item] = []
        size_bytes = 0
        async for item in connector.items({key: item.revision for key, item in known.items()}):
            listed.append(item)
            size_bytes += item.size_bytes or 0
            if len(listed) > self._settings.max_items or size_bytes > self._settings.max_total_bytes:
                raise SourceRefused(
                    f"The source holds more than {self._settings.max_items} items or {self._settings.max_total_bytes} "
                    "bytes. Narrow it by patterns, or have RAG_SOURCES__MAX_ITEMS and …__MAX_TOTAL_BYTES raised."
                )
            on_items("list", len(listed), None)
        return listed

    async def _keep(
        self, scope: AccessScope, source: Source, run: SourceRun, made: Plan, still_held: StillHeld
    ) -> tuple[SourceRun, Sequence[SourceChange]]:
        """Write the plan, and then what follows from it: the end of the run, or a draft for it."""
        changes = await self._write(scope, source, run, made, still_held)
        now = self._clock()
        run = replace(run, counts=made.counts, started_at=run.started_at or now)
        async with self._catalog.writing() as tx:
            await still_held(tx)
            if (ended := _ends_at_once(run, made)) is not None:
                await tx.source_runs.note(scope, run)
                error = TOO_MUCH if ended is RunState.NEEDS_FORCE else None
                await tx.source_runs.end(scope, run.id, ended, error=error, now=now)
                return replace(run, state=ended), changes
            draft_id = run.draft_id or await self._draft(tx, scope, source, run)
            run = replace(run, state=RunState.RUNNING, draft_id=draft_id)
            await tx.source_runs.note(scope, run)
        return run, changes

    async def _write(
        self, scope: AccessScope, source: Source, run: SourceRun, made: Plan, still_held: StillHeld
    ) -> Sequence[SourceChange]:
        async with self._catalog.writing() as tx:
            await still_held(tx)
            again = resumed(made.changes, await tx.source_runs.changes(scope, run.id))
            await _take_back(tx, scope, source, run, again.done)
            await tx.source_runs.forget_changes(scope, run.id, again.outdated)
            await tx.source_runs.forget_undone(scope, run.id)
        to_do = again.to_do
        for start in range(0, len(to_do), _LINES_AT_ONCE):
            # In pieces: nobody else writes to the catalog meanwhile.
            async with self._catalog.writing() as tx:
                await still_held(tx)
                await tx.source_runs.add_changes(scope, run.id, to_do[start : start + _LINES_AT_ONCE])
        return again.changes

    async def _draft(self, tx: Transaction, scope: AccessScope, source: Source, run: SourceRun) -> DraftId:
        corpus = await tx.corpora.get(scope, source.corpus_id)
        name = f"sync {source.name} {run.created_at:%Y-%m-%d %H:%M}"
        draft = new_draft(corpus, name=name, notes=f"Run {run.id}", now=self._clock())
        await tx.drafts.add(scope, draft)
        return draft.id


def _ends_at_once(run: SourceRun, made: Plan) -> RunState | None:
    if run.dry_run:
        return RunState.PLANNED
    if not made.changes:
        return RunState.UNCHANGED
    return RunState.NEEDS_FORCE if made.deletes_too_much and not run.force else None


async def _take_back(
    tx: Transaction, scope: AccessScope, source: Source, run: SourceRun, done: Collection[str]
) -> None:
    """Take out of the draft what an attempt before put there, apart from what is still to be as it is.

    The draft is asked, not the plan: an attempt may have ended before it noted what it had put there.
    """
    if run.draft_id is None:
        return
    prefix = source.document_key("")
    for described in await tx.drafts.described_changes(scope, run.draft_id):
        if described.key.startswith(prefix) and described.key.removeprefix(prefix) not in done:
            await tx.drafts.drop_change(scope, run.draft_id, described.change.document_id)


def _is_usable(document_key: str) -> bool:
    if len(document_key) > MAX_ATTRIBUTE_CHARS or "\x00" in document_key:
        return False
    try:
        document_key.encode()
    except UnicodeEncodeError:
        return False
    return True
