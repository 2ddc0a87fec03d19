"""Runs of sources and their plans."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.draft_changes import revision_changed_to
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.run_ends import end_run, take_over
from rag_service.catalog.scoping import visible_documents
from rag_service.catalog.source_rows import (
    allowed_runs,
    change_of,
    read_run,
    read_source,
    run_of,
    values_of_change,
    values_of_run,
)
from rag_service.catalog.tables import documents, draft_changes, drafts, revisions, source_changes, source_runs, sources
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import RevisionState
from rag_service.domain.ids import DocumentId, DraftId, RunId, SourceId
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.sync import (
    OPEN_RUNS,
    UNSETTLED_RUNS,
    ChangeState,
    RunState,
    Source,
    SourceChange,
    SourceRun,
)
from rag_service.errors import Conflict
from rag_service.reasons import ReasonCode

_KEPT_RUNS = 50


class SqlSourceRuns:
    """Implements `ports.catalog.SourceRuns`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, run: SourceRun) -> None:
        await read_source(self._connection, scope, run.source_id, lock=True)
        in_the_way = OPEN_RUNS if run.dry_run else UNSETTLED_RUNS
        earlier = sa.select(source_runs).where(
            source_runs.c.source_id == run.source_id, source_runs.c.state.in_(in_the_way)
        )
        row = (await self._connection.execute(earlier)).first()
        if row is not None:
            raise Conflict(_in_the_way(run_of(row)))
        await self._connection.execute(source_runs.insert().values(values_of_run(run)))
        if not run.dry_run:
            one = sources.update().where(sources.c.id == run.source_id)
            await self._connection.execute(one.values(last_run_at=run.created_at))
        await self._forget_old(run.source_id)

    async def get(self, scope: AccessScope, run_id: RunId) -> SourceRun:
        return await read_run(self._connection, scope, run_id)

    async def latest(self, scope: AccessScope, source_ids: Collection[SourceId]) -> dict[SourceId, SourceRun]:
        found: dict[SourceId, SourceRun] = {}
        for source_id in source_ids:
            mine = allowed_runs(scope).where(source_runs.c.source_id == source_id)
            newest = mine.order_by(source_runs.c.created_at.desc(), source_runs.c.id.desc()).limit(1)
            if (row := (await self._connection.execute(newest)).first()) is not None:
                found[source_id] = run_of(row)
        return found

    async def note(self, scope: AccessScope, run: SourceRun) -> None:
        # First the draft, then the run: in the order of those who publish or discard it.
        draft = sa.select(drafts.c.id).where(drafts.c.id == run.draft_id).with_for_update()
        await self._connection.execute(draft)
        now = await read_run(self._connection, scope, run.id, lock=True)
        if now.state not in UNSETTLED_RUNS:
            return
        one = source_runs.update().where(source_runs.c.id == run.id)
        await self._connection.execute(one.values(values_of_run(run)))

    async def add_changes(self, scope: AccessScope, run_id: RunId, changes: Sequence[SourceChange]) -> None:
        await read_run(self._connection, scope, run_id)
        for batch in batches(changes):
            rows = [values_of_change(run_id, change) for change in batch]
            await self._connection.execute(source_changes.insert(), rows)

    async def changes(
        self,
        scope: AccessScope,
        run_id: RunId,
        *,
        state: ChangeState | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[SourceChange]:
        run = await read_run(self._connection, scope, run_id)
        lines = source_changes.select().where(source_changes.c.run_id == run_id, source_changes.c.key > (after or ""))
        if not scope.sees_all_documents:
            lines = lines.where(~_is_hidden(scope, await read_source(self._connection, scope, run.source_id)))
        if state is not None:
            lines = lines.where(source_changes.c.state == state.value)
        rows = await self._connection.execute(lines.order_by(source_changes.c.key).limit(limit))
        return [change_of(row) for row in rows]

    async def note_changes(self, scope: AccessScope, run_id: RunId, changes: Sequence[SourceChange]) -> None:
        await read_run(self._connection, scope, run_id)
        line = source_changes.update().where(
            source_changes.c.run_id == run_id, source_changes.c.key == sa.bindparam("line_key")
        )
        for batch in batches(changes):
            rows = [values_of_change(run_id, change) | {"line_key": change.key} for change in batch]
            names = [name for name in rows[0] if name not in {"run_id", "key", "line_key"}]
            set_them = line.values({name: sa.bindparam(name) for name in names})
            values = [{name: row[name] for name in (*names, "line_key")} for row in rows]
            await self._connection.execute(set_them, values)

    async def forget_undone(self, scope: AccessScope, run_id: RunId) -> None:
        await read_run(self._connection, scope, run_id)
        undone = source_changes.c.state.in_([ChangeState.PLANNED.value, ChangeState.FAILED.value])
        await self._connection.execute(source_changes.delete().where(source_changes.c.run_id == run_id, undone))

    async def forget_changes(self, scope: AccessScope, run_id: RunId, keys: Collection[str]) -> None:
        await read_run(self._connection, scope, run_id)
        for batch in batches(sorted(keys)):
            gone = sa.and_(source_changes.c.run_id == run_id, source_changes.c.key.in_(batch))
            await self._connection.execute(source_changes.delete().where(gone))

    async def take_over(self, scope: AccessScope, run_id: RunId) -> None:
        await take_over(self._connection, await read_run(self._connection, scope, run_id, lock=True))

    async def pending(self, scope: AccessScope, draft_id: DraftId) -> int:
        waiting = _revisions_of(draft_id, RevisionState.PENDING)
        return int((await self._connection.execute(waiting.with_only_columns(sa.func.count()))).scalar_one())

    async def failures(self, scope: AccessScope, draft_id: DraftId) -> dict[DocumentId, ReasonCode | None]:
        failed = _revisions_of(draft_id, RevisionState.FAILED)
        rows = await self._connection.execute(failed.with_only_columns(draft_changes.c.document_id, revisions.c.reason))
        return {row.document_id: None if row.reason is None else ReasonCode(row.reason) for row in rows}

    async def end(
        self, scope: AccessScope, run_id: RunId, state: RunState, *, error: str | None, now: datetime
    ) -> None:
        await end_run(self._connection, await read_run(self._connection, scope, run_id), state, error=error, now=now)

    async def _forget_old(self, source_id: SourceId) -> None:
        newest = sa.select(source_runs.c.id).where(source_runs.c.source_id == source_id)
        kept = newest.order_by(source_runs.c.created_at.desc(), source_runs.c.id.desc()).limit(_KEPT_RUNS)
        old = source_runs.delete().where(
            source_runs.c.source_id == source_id,
            source_runs.c.id.not_in(kept),
            source_runs.c.state.not_in(UNSETTLED_RUNS),
        )
        await self._connection.execute(old)

    async def list(self, scope: AccessScope, source_id: SourceId, page: PageRequest) -> Page[SourceRun]:
        await read_source(self._connection, scope, source_id)
        position = (source_runs.c.created_at, source_runs.c.id)
        return await fetch_page(
            self._connection,
            source_runs.select().where(source_runs.c.source_id == source_id),
            position=position,
            cursor=lambda ref: sa.select(*position).where(
                source_runs.c.source_id == source_id, source_runs.c.id == ref
            ),
            page=page,
            item_of=run_of,
        )


def _is_hidden(scope: AccessScope, source: Source) -> sa.ColumnElement[bool]:
    """Lines about documents, under their key or the one before, that the scope may not see."""
    prefix = source.document_key("")
    is_about = sa.or_(
        documents.c.key == prefix + source_changes.c.key, documents.c.key == prefix + source_changes.c.renamed_from
    )
    return sa.exists().where(documents.c.corpus_id == source.corpus_id, is_about, ~visible_documents(scope))


def _in_the_way(run: SourceRun) -> str:
    if run.state in OPEN_RUNS:
        return f"Run {run.id} of this source is not over."
    return f"Draft {run.draft_id} holds what run {run.id} of this source brought. Publish or discard it first."


def _revisions_of(draft_id: DraftId, state: RevisionState) -> "sa.Select[tuple[str]]":
    changed = sa.select(draft_changes.c.document_id).join(revisions, revision_changed_to())
    return changed.where(draft_changes.c.draft_id == draft_id, revisions.c.state == state.value)
