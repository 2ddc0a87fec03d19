"""Sources, their items and their runs between rows and values."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora
from rag_service.catalog.tables import corpora, source_runs, sources
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import RunId, SourceId
from rag_service.domain.sources import as_values, parse_source
from rag_service.domain.sync import (
    ChangeKind,
    ChangeState,
    Publishing,
    RunCounts,
    RunState,
    Source,
    SourceChange,
    SourceItem,
    SourceRun,
)
from rag_service.errors import NotFound


def source_of(row: sa.Row[Any]) -> Source:
    """Return the source in a row that holds the columns of the table."""
    values = columns_of(row)
    kind = values.pop("kind")
    values["settings"] = parse_source(kind, row.settings)
    values["publish"] = Publishing(row.publish)
    return Source(**values)


def values_of_source(source: Source) -> dict[str, Any]:
    """Return the columns' values."""
    names = [column.name for column in sources.c if column.name not in {"kind", "settings", "publish"}]
    return {name: getattr(source, name) for name in names} | {
        "kind": source.settings.kind,
        "settings": as_values(source.settings),
        "publish": source.publish.value,
    }


def run_of(row: sa.Row[Any]) -> SourceRun:
    """Return the run in a row that holds the columns of the table."""
    return SourceRun(**columns_of(row) | {"state": RunState(row.state), "counts": RunCounts(**row.counts)})


def values_of_run(run: SourceRun) -> dict[str, Any]:
    """Return the columns' values."""
    return asdict(run) | {"state": run.state.value}


def change_of(row: sa.Row[Any]) -> SourceChange:
    """Return the line of a plan in a row that holds the columns of the table."""
    values = columns_of(row)
    del values["run_id"]
    return SourceChange(**values | {"kind": ChangeKind(row.kind), "state": ChangeState(row.state)})


def values_of_change(run_id: RunId, change: SourceChange) -> dict[str, Any]:
    """Return the columns' values."""
    return asdict(change) | {"run_id": run_id, "kind": change.kind.value, "state": change.state.value}


def item_of(row: sa.Row[Any]) -> SourceItem:
    """Return the item in a row that holds the columns of the table."""
    return SourceItem(
        key=row.key,
        revision=row.revision,
        content_id=row.content_id,
        size_bytes=row.size_bytes,
        document_id=row.document_id,
        number=row.number,
    )


def allowed_sources(scope: AccessScope) -> sa.Select[Any]:
    """Select sources of the scope's corpora."""
    return sa.select(sources).join(corpora).where(allowed_corpora(scope))


def allowed_runs(scope: AccessScope) -> sa.Select[Any]:
    """Select runs of sources of the scope's corpora."""
    return (
        sa.select(source_runs)
        .join(sources, sources.c.id == source_runs.c.source_id)
        .join(corpora, corpora.c.id == sources.c.corpus_id)
        .where(allowed_corpora(scope))
    )


async def read_source(
    connection: AsyncConnection, scope: AccessScope, source_id: SourceId, *, lock: bool = False
) -> Source:
    """Return a source, or raise NotFound. With `lock` nobody else starts a run of it in this transaction."""
    one = allowed_sources(scope).where(sources.c.id == source_id)
    row = (await connection.execute(one.with_for_update(of=sources) if lock else one)).first()
    if row is None:
        raise NotFound("source", source_id)
    return source_of(row)


async def read_run(connection: AsyncConnection, scope: AccessScope, run_id: RunId, *, lock: bool = False) -> SourceRun:
    """Return a run, or raise NotFound. With `lock` nobody else changes it before the transaction ends."""
    one = allowed_runs(scope).where(source_runs.c.id == run_id)
    row = (await connection.execute(one.with_for_update(of=source_runs) if lock else one)).first()
    if row is None:
        raise NotFound("run", run_id)
    return run_of(row)
