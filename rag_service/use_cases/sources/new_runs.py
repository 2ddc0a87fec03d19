"""A run and the job that carries it out, in one transaction."""

from datetime import datetime

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import KeyId, RunId, new_id
from rag_service.domain.jobs import Job, JobKind, Priority, new_job
from rag_service.domain.sync import Source, SourceRun
from rag_service.ports.catalog import Transaction


async def add_run(
    tx: Transaction,
    scope: AccessScope,
    source: Source,
    *,
    now: datetime,
    dry_run: bool = False,
    force: bool = False,
    asked_by: KeyId | None = None,
) -> tuple[SourceRun, Job]:
    """Add a run of a source, or raise Conflict while an earlier one is not over."""
    run = SourceRun(
        id=RunId(new_id("run_")),
        source_id=source.id,
        tenant_id=source.tenant_id,
        dry_run=dry_run,
        force=force,
        asked_by=asked_by,
        created_at=now,
    )
    await tx.source_runs.add(scope, run)
    job = new_job(
        source.tenant_id,
        JobKind.SYNC_SOURCE,
        run.id,
        now=now,
        corpus_id=source.corpus_id,
        priority=Priority.BULK,
    )
    return run, await tx.jobs.add(job)
