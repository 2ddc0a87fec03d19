"""How runs of sources end: with their draft, and what they did becomes the state of their source."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.source_rows import run_of
from rag_service.catalog.tables import drafts, source_changes, source_items, source_runs
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import DraftId
from rag_service.domain.sync import BRINGING, REMOVING, UNSETTLED_RUNS, ChangeState, RunState, SourceRun

_ITEM = ("key", "revision", "content_id", "size_bytes", "document_id", "number")


async def end_with_draft(connection: AsyncConnection, draft_id: DraftId, now: datetime) -> None:
    """End the run, if there is one, whose draft is published or discarded by this transaction."""
    mine = source_runs.select().where(source_runs.c.draft_id == draft_id, source_runs.c.state.in_(UNSETTLED_RUNS))
    row = (await connection.execute(mine.with_for_update())).first()
    if row is None:
        return
    state = (await connection.execute(sa.select(drafts.c.state).where(drafts.c.id == draft_id))).scalar_one()
    is_published = state == DraftState.PUBLISHED
    if is_published:
        await take_over(connection, run_of(row))
    await _end(connection, run_of(row), RunState.APPLIED if is_published else RunState.DISCARDED, None, now)


async def end_run(
    connection: AsyncConnection, run: SourceRun, state: RunState, *, error: str | None, now: datetime
) -> None:
    """End a run for good and discard its draft if that is open."""
    if run.state not in UNSETTLED_RUNS:
        return
    if run.draft_id is not None:
        # First the draft, then the run: in the order of those who publish it.
        open_draft = drafts.update().where(drafts.c.id == run.draft_id, drafts.c.state == DraftState.OPEN)
        await connection.execute(open_draft.values(state=DraftState.DISCARDED))
    await _end(connection, run, state, error, now)


async def take_over(connection: AsyncConnection, run: SourceRun) -> None:
    """Make what a run did, and what would fail again, the state of its source."""
    mine = source_changes.c.run_id == run.id
    settled = source_changes.c.state.in_([ChangeState.DONE.value, ChangeState.SEEN.value])
    brought = sa.select(sa.literal(run.source_id), *(source_changes.c[name] for name in _ITEM)).where(
        mine, settled, source_changes.c.kind.in_(sorted(BRINGING))
    )
    new = insert_into(connection, source_items).from_select(["source_id", *_ITEM], brought)
    replaced = {name: new.excluded[name] for name in _ITEM if name != "key"}
    key = [source_items.c.source_id, source_items.c.key]
    await connection.execute(new.on_conflict_do_update(index_elements=key, set_=replaced))
    removed = sa.select(source_changes.c.key).where(
        mine, source_changes.c.state == ChangeState.DONE.value, source_changes.c.kind.in_(sorted(REMOVING))
    )
    gone = sa.and_(source_items.c.source_id == run.source_id, source_items.c.key.in_(removed))
    await connection.execute(source_items.delete().where(gone))


async def _end(connection: AsyncConnection, run: SourceRun, state: RunState, error: str | None, now: datetime) -> None:
    one = source_runs.update().where(source_runs.c.id == run.id, source_runs.c.state.in_(UNSETTLED_RUNS))
    await connection.execute(one.values(state=state.value, error=error, finished_at=now))
