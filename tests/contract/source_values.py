"""Sources, their runs and plans that the catalog's tests put in."""

from dataclasses import replace
from typing import Any

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import DocumentId, RunId, SourceId
from rag_service.domain.sources import FolderSource
from rag_service.domain.sync import (
    ChangeKind,
    ChangeState,
    Publishing,
    RunState,
    Source,
    SourceChange,
    SourceItem,
    SourceRun,
)
from tests.contract.catalog_values import CORPUS, OURS, START, SYSTEM, at


def source(name: str = "notes", **changes: Any) -> Source:
    made = Source(
        id=SourceId(f"src_{name}"),
        tenant_id=OURS,
        corpus_id=CORPUS,
        name=name,
        settings=FolderSource(path="/srv/notes", include=("*.md",)),
        credentials=b"encrypted",
        credential_names=frozenset({"token"}),
        every_s=None,
        publish=Publishing.AUTOMATIC,
        created_at=START,
        updated_at=START,
        last_run_at=None,
    )
    return replace(made, **changes)


def run(name: str = "1", *, of: str = "notes", seconds: float = 0, **changes: Any) -> SourceRun:
    made = SourceRun(
        id=RunId(f"run_{name}"),
        source_id=SourceId(f"src_{of}"),
        tenant_id=OURS,
        dry_run=False,
        force=False,
        asked_by=None,
        created_at=at(seconds),
    )
    return replace(made, **changes)


def change(key: str, kind: ChangeKind = ChangeKind.NEW, **changes: Any) -> SourceChange:
    made = SourceChange(
        key=key,
        kind=kind,
        filename=key,
        revision="r1",
        content_id=f"sha of {key}",
        size_bytes=10,
        document_id=DocumentId(f"doc_{key}"),
        number=1,
        state=ChangeState.DONE,
    )
    return replace(made, **changes)


def item(key: str, revision: str = "r1", **changes: Any) -> SourceItem:
    made = SourceItem(
        key=key,
        revision=revision,
        content_id=f"sha of {key}",
        size_bytes=10,
        document_id=DocumentId(f"doc_{key}"),
        number=1,
    )
    return replace(made, **changes)


async def apply(catalog: SqlCatalog, name: str, *changes: SourceChange, seconds: float = 0) -> SourceRun:
    """Make a run that has done these changes, and take it over."""
    made = run(name, seconds=seconds)
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, made)
        await tx.source_runs.add_changes(SYSTEM, made.id, changes)
        await tx.source_runs.take_over(SYSTEM, made.id)
        await tx.source_runs.end(SYSTEM, made.id, RunState.APPLIED, error=None, now=at(seconds))
    return made
