import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ingestion.presence import Presence
from ingestion.progress import ProgressNotes
from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog, utc_now
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import TenantId
from rag_service.domain.jobs import Job, JobKind, new_job
from tests.patience import PATIENCE_S

SCOPE: AccessScope = system_scope(TenantId("tenant"))


@pytest.fixture
async def catalog(migrated_dir: Path) -> AsyncIterator[SqlCatalog]:
    async with open_catalog(f"sqlite+aiosqlite:///{migrated_dir}/catalog.db") as opened:
        async with opened.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        yield opened


@pytest.fixture
async def held(catalog: SqlCatalog) -> Job:
    async with catalog.writing() as tx:
        await tx.jobs.add(new_job(SCOPE.tenant_id, JobKind.PREPARE_REVISION, "doc/1", now=utc_now()))
        due = await tx.jobs.due([JobKind.PREPARE_REVISION], now=utc_now(), limit=1)
        [taken] = await tx.jobs.claim(due, now=utc_now(), lease=timedelta(seconds=30))
    return taken


async def fresh(catalog: SqlCatalog, job: Job) -> Job:
    async with catalog.reading() as tx:
        return await tx.jobs.get(SCOPE, job.id)


async def until_changed(catalog: SqlCatalog, job: Job, changes: int) -> Job:
    while (now := await fresh(catalog, job)).changes < changes:
        pass  # each look is a transaction, during which others go on
    return now


async def test_the_first_note_is_written_at_once_and_of_the_next_ones_the_newest(
    catalog: SqlCatalog, held: Job
) -> None:
    notes = ProgressNotes(catalog=catalog, clock=utc_now, interval_s=0.5)
    async with asyncio.timeout(PATIENCE_S), notes.of([held]) as note:
        note.set("parse", 0, None)
        await until_changed(catalog, held, held.changes + 1)
        for done in range(100):
            note.set("embed", done, 100)

        now = await until_changed(catalog, held, held.changes + 2)

    assert (now.stage, now.done, now.total) == ("embed", 99, 100)


async def test_nothing_is_written_within_the_interval(catalog: SqlCatalog, held: Job) -> None:
    async with ProgressNotes(catalog=catalog, clock=utc_now, interval_s=60).of([held]) as note:
        note.set("parse", 0, None)
        await until_changed(catalog, held, held.changes + 1)
        note.set("embed", 1, 9)
        await asyncio.sleep(0.02)

    assert (await fresh(catalog, held)).stage == "parse"


async def test_a_lost_job_does_not_disturb_the_work(catalog: SqlCatalog, held: Job) -> None:
    lost = replace(held, fence=held.fence - 1)
    async with ProgressNotes(catalog=catalog, clock=utc_now, interval_s=0).of([lost]) as note:
        note.set("parse", 0, None)
        await asyncio.sleep(0.02)

    assert (await fresh(catalog, held)).stage is None


async def test_a_worker_is_there_from_its_start_to_its_end(catalog: SqlCatalog) -> None:
    kinds = frozenset({JobKind.SEAL_DRAFT})
    presence = Presence(catalog=catalog, kinds=kinds, clock=utc_now, every_s=60)
    long_ago = utc_now() - timedelta(minutes=1)

    async with asyncio.timeout(PATIENCE_S), presence.shown():
        served: frozenset[JobKind] = frozenset()
        while not served:
            async with catalog.reading() as tx:
                served = await tx.workers.served_kinds(since=long_ago)

    assert served == kinds
    async with catalog.reading() as tx:
        assert await tx.workers.list(since=long_ago) == []
