"""Wherever a run is cut short, doing it again ends where it would have ended."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestion.bootstrap import Worker, sync_source_over
from ingestion.lanes import EVERYTHING
from rag_service.bootstrap import Container
from rag_service.domain.access import system_scope
from rag_service.domain.ids import RunId, TenantId
from rag_service.domain.jobs import JobKind
from rag_service.domain.sync import RunState, SourceItem
from rag_service.errors import SlotTaken
from rag_service.use_cases.accept_uploads import AcceptUploads
from rag_service.use_cases.drafts import ManageDrafts
from tests.integration.crashing import CrashError, CrashingCatalog, Fuse
from tests.integration.desk import held
from tests.integration.sources.syncing import ScriptedSource, SyncDesk, expected, settings_in, worker_in

pytestmark = pytest.mark.slow

ADMIN = replace(system_scope(TenantId("tenant")), sees_all_documents=False)
OTHERS = EVERYTHING.only(frozenset(JobKind) - {JobKind.SYNC_SOURCE})
BEFORE = {"a.md": "Apples are red.", "b.md": "Bananas are yellow.", "c.md": "Cherries are dark.", "bad.md": "Dates."}
AFTER = {"a.md": "Apples are green.", "moved.md": "Cherries are dark.", "d.md": "Elderberries.", "bad.md": " "}


@pytest.fixture
async def asked(tmp_path: Path, migrated: Path) -> tuple[Path, RunId]:
    """A data folder with a run that was asked for."""
    folder = tmp_path / "asked"
    folder.mkdir()
    shutil.copy(migrated, folder / "catalog.db")
    async with opened(folder) as desk:
        async with desk.worker.container.catalog.writing() as tx:
            await tx.keys.add_tenant(ADMIN.tenant_id, "ours")
        await desk.worker.container.create_corpus(ADMIN, name=desk.corpus)
        await desk.set_up()
        desk.script(ScriptedSource(files=dict(BEFORE)))
        await desk.sync()
        run, _ = await desk.worker.container.sources.start_run(ADMIN, corpus=desk.corpus, source=desk.source)
    return folder, run.id


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SyncDesk]:
    async with worker_in(settings_in(folder)) as worker:
        yield SyncDesk(worker=worker, admin=ADMIN)


async def bring(desk: SyncDesk, run_id: RunId, source: ScriptedSource, fuse: Fuse) -> None:
    """Do what the worker's job does, with parts that fail at some step, as far as other jobs let it."""
    sync = sync_source_over(_crashing(desk.worker, fuse), open_source=replace(source, fuse=fuse))
    scope = system_scope(ADMIN.tenant_id)
    while True:
        try:
            await sync(scope, run_id, still_held=held, on_items=lambda *_: None)
        except SlotTaken:
            await _work_off_others(desk)
        else:
            return


async def _work_off_others(desk: SyncDesk) -> None:
    while await desk.worker.runner.run_next(OTHERS):
        pass


def _crashing(worker: Worker, fuse: Fuse) -> Container:
    parts = worker.container
    catalog = CrashingCatalog(inner=parts.catalog, fuse=fuse)
    uploads = AcceptUploads(
        catalog=catalog,
        blobs=parts.blobs,
        queue=parts.queue,
        clock=parts.clock,
        parser_fingerprint=parts.uploads._parser_fingerprint,
        settings=parts.settings.uploads,
        spread_rights=parts.uploads._spread_rights,
    )
    drafts = ManageDrafts(catalog=catalog, clock=parts.clock, queue=parts.queue)
    return replace(parts, catalog=catalog, uploads=uploads, drafts=drafts)


async def end(folder: Path, run_id: RunId, *, at: int, later: Mapping[str, str] = AFTER) -> tuple[int, dict[str, Any]]:
    """Return how many steps there are, and how it ends when it fails at one and is repeated."""
    copy = folder.parent / f"crash at {at}"
    shutil.copytree(folder, copy)
    async with opened(copy) as desk:
        source, fuse = ScriptedSource(files=dict(AFTER)), Fuse(at=at)
        with suppress(CrashError):
            await bring(desk, run_id, source, fuse)
        assert (fuse.steps == at) is (at > 0)
        if at:
            await bring(desk, run_id, replace(source, files=dict(later)), Fuse())
        state = await _state(desk, run_id)
    shutil.rmtree(copy)
    return fuse.steps, state


async def _state(desk: SyncDesk, run_id: RunId) -> dict[str, Any]:
    run, changes = await desk.run(run_id)
    async with desk.worker.container.catalog.reading() as tx:
        items = await tx.sources.items(ADMIN, run.source_id)
    return {
        "run": (run.state, run.counts),
        "changes": [(change.key, change.kind, change.state) for change in changes],
        "items": sorted((key, _without_ids(one)) for key, one in items.items()),
        "published": await desk.published(),
        "version": await desk.version(),
    }


def _without_ids(item: SourceItem) -> tuple[object, ...]:
    return item.revision, item.content_id, item.size_bytes, item.number


async def test_a_run_that_fails_at_any_step_ends_as_if_it_had_not(asked: tuple[Path, RunId]) -> None:
    folder, run_id = asked
    steps, undisturbed = await end(folder, run_id, at=0)

    for at in range(1, steps + 1):
        _, state = await end(folder, run_id, at=at)
        assert state == undisturbed, f"cut short at step {at} of {steps}"

    assert undisturbed["published"] == expected({**AFTER, "bad.md": BEFORE["bad.md"]})
    assert undisturbed["run"][0] is RunState.APPLIED


async def test_a_source_that_changes_before_a_run_goes_on_is_brought_as_it_is_then_or_as_it_was(
    asked: tuple[Path, RunId],
) -> None:
    folder, run_id = asked
    later = {"a.md": BEFORE["a.md"], "b.md": "Bananas are brown.", "e.md": "Figs.", "bad.md": BEFORE["bad.md"]}
    as_it_was = expected({**AFTER, "bad.md": BEFORE["bad.md"]})
    steps, _ = await end(folder, run_id, at=0)

    found = [(await end(folder, run_id, at=at, later=later))[1]["published"] for at in range(1, steps + 1)]

    # Once everything is fetched, the source is not asked again.
    again = found.index(as_it_was)
    assert again > 0
    assert found == [expected(later)] * again + [as_it_was] * (steps - again)
