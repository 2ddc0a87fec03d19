"""Runs of a source whose content is scripted: what they bring, leave out, hold back, and how they are undone."""

from datetime import timedelta
from pathlib import Path

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.ids import DraftId
from rag_service.domain.jobs import JobKind, JobState
from rag_service.domain.pages import PageRequest
from rag_service.domain.sync import ChangeState, RunCounts, RunState
from rag_service.errors import Conflict
from rag_service.settings import Settings, UploadSettings
from rag_service.use_cases.sources.due_runs import StartDueRuns
from tests.integration.sources.syncing import ScriptedSource, SyncDesk, expected, open_desk, settings_in

FILES = {"a.md": "Apples are red.", "b.md": "Bananas are yellow.", "deep/c.md": "Cherries are dark."}


@pytest.fixture
def settings(migrated_dir: Path) -> Settings:
    return settings_in(migrated_dir, uploads=UploadSettings(max_file_bytes=10_000))


@pytest.fixture
def source(desk: SyncDesk) -> ScriptedSource:
    return desk.script(ScriptedSource(files=dict(FILES)))


async def test_a_first_run_publishes_everything_as_one_version(desk: SyncDesk, source: ScriptedSource) -> None:
    run = await desk.sync()

    assert (run.state, run.counts) == (RunState.APPLIED, RunCounts(new=3))
    assert await desk.published() == expected(FILES)
    assert await desk.version() == 1


async def test_what_has_not_changed_is_neither_fetched_nor_published_again(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.sync()
    source.fetched.clear()

    run = await desk.sync()

    assert (run.state, run.counts, run.draft_id) == (RunState.UNCHANGED, RunCounts(unchanged=3), None)
    assert (source.fetched, await desk.version()) == ([], 1)


async def test_changes_deletions_and_renames_follow_the_source(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.files = {"a.md": "Apples are green.", "moved/c.md": FILES["deep/c.md"], "d.md": "Dates are sweet."}

    run = await desk.sync()

    assert run.counts == RunCounts(new=1, changed=1, renamed=1, deleted=1)
    assert await desk.published() == expected(source.files)


async def test_a_dry_run_tells_what_would_be_done_and_does_nothing(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.files = {"a.md": "Apples are green.", "deep/c.md": FILES["deep/c.md"]}

    run = await desk.sync(dry_run=True)

    lines = [(change.key, change.kind.value) for change in (await desk.run(run.id))[1]]
    assert (run.state, lines) == (RunState.PLANNED, [("a.md", "changed"), ("b.md", "deleted")])
    assert await desk.published() == expected(FILES)
    assert (await desk.sync()).counts == run.counts


async def test_the_same_bytes_under_another_revision_make_no_version(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.revisions = {"a.md": "touched"}

    first, second = await desk.sync(), await desk.sync()

    assert (first.state, first.counts) == (RunState.UNCHANGED, RunCounts(changed=1, unchanged=2))
    assert second.counts == RunCounts(unchanged=3)
    assert await desk.version() == 1


async def test_a_run_is_undone_by_a_rollback_and_not_done_again_by_the_next_one(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.sync()
    source.files["a.md"] = "Apples are green."
    del source.files["b.md"]
    await desk.sync()

    await desk.roll_back(1)
    run = await desk.sync()

    assert run.state is RunState.UNCHANGED
    assert await desk.published() == expected(FILES)


async def test_after_a_rollback_only_what_changed_since_is_brought(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.files["a.md"] = "Apples are green."
    await desk.sync()
    await desk.roll_back(1)
    source.files["b.md"] = "Bananas are green."

    await desk.sync()

    assert await desk.published() == expected({**FILES, "b.md": "Bananas are green."})


async def test_force_brings_again_what_a_rollback_took_back(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.files["a.md"] = "Apples are green."
    del source.files["b.md"]
    await desk.sync()
    await desk.roll_back(1)

    await desk.sync(force=True)

    assert await desk.published() == expected(source.files)


async def test_a_held_run_leaves_its_draft_to_a_person(worker: Worker, admin: AccessScope) -> None:
    desk = await open_desk(worker, admin)
    await desk.set_up(publish="hold")
    desk.script(ScriptedSource(files=dict(FILES)))

    run = await desk.sync()
    before = await desk.published()
    await worker.container.drafts.ask_for_seal(
        admin, corpus=desk.corpus, draft=str(run.draft_id), purpose=SealPurpose.PUBLISH
    )
    await desk.work_off()

    assert (run.state, before) == (RunState.HELD, {})
    assert (await desk.run(run.id))[0].state is RunState.APPLIED
    assert (await desk.sync()).counts == RunCounts(unchanged=3)


async def test_what_was_in_a_discarded_draft_is_brought_by_the_next_run(worker: Worker, admin: AccessScope) -> None:
    desk = await open_desk(worker, admin)
    await desk.set_up(publish="hold")
    desk.script(ScriptedSource(files=dict(FILES)))
    run = await desk.sync()

    with pytest.raises(Conflict, match="Publish or discard it first"):
        await desk.sync()
    await worker.container.drafts.discard(admin, corpus=desk.corpus, draft=str(run.draft_id))

    assert (await desk.run(run.id))[0].state is RunState.DISCARDED
    assert (await desk.sync()).counts == RunCounts(new=3)


async def test_what_cannot_be_read_stays_out_and_the_old_revision_stays(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.files |= {"a.md": " ", "d.md": "Dates are sweet.", "e.md": " "}

    run = await desk.sync()

    states = {change.key: change.state for change in (await desk.run(run.id))[1]}
    assert run.counts == RunCounts(new=1, unchanged=2, failed=2)
    assert states == {"a.md": ChangeState.SEEN, "d.md": ChangeState.DONE, "e.md": ChangeState.SEEN}
    assert await desk.published() == expected({**FILES, "d.md": "Dates are sweet."})
    assert (await desk.sync()).counts == RunCounts(unchanged=5)


async def test_what_the_source_does_not_give_is_tried_again_by_the_next_run(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    source.broken, source.gone = {"a.md"}, {"b.md"}
    first = await desk.sync()
    source.broken, source.gone = set(), set()

    second = await desk.sync()

    assert (first.counts, second.counts) == (RunCounts(new=1, failed=2), RunCounts(new=2, unchanged=1))
    assert await desk.published() == expected(FILES)


async def test_a_file_over_the_limit_stays_out_with_the_reason(desk: SyncDesk, source: ScriptedSource) -> None:
    source.files["big.md"] = "x" * 20_000

    run = await desk.sync()

    line = next(change for change in (await desk.run(run.id))[1] if change.key == "big.md")
    assert (line.state, "larger than the limit" in (line.problem or "")) == (ChangeState.SEEN, True)
    assert "big.md" not in source.fetched


async def test_a_source_that_gives_nothing_any_more_ends_the_run(desk: SyncDesk, source: ScriptedSource) -> None:
    source.files = {f"{number}.md": f"Number {number}." for number in range(9)}
    source.broken = set(source.files)

    run = await desk.sync()

    assert (run.state, run.error) == (RunState.FAILED, "The disk is broken.")
    assert len(source.fetched) == 5
    assert await desk.published() == {}


async def test_a_source_that_is_down_ends_the_run_and_deletes_nothing(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.down = True

    run = await desk.sync()

    assert (run.state, run.draft_id) == (RunState.FAILED, None)
    assert await desk.published() == expected(FILES)


async def test_a_listing_without_most_of_the_items_needs_force(desk: SyncDesk, source: ScriptedSource) -> None:
    source.files = {f"{number}.md": f"Number {number}." for number in range(30)}
    await desk.sync()
    source.files = {"0.md": "Number 0."}

    stopped = await desk.sync()
    before = len(await desk.published())
    forced = await desk.sync(force=True)

    assert (stopped.state, stopped.counts.deleted, before) == (RunState.NEEDS_FORCE, 29, 30)
    assert forced.state is RunState.APPLIED
    assert await desk.published() == expected(source.files)


async def test_a_document_that_somebody_uploaded_is_neither_replaced_nor_removed(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.publish({"notes:a.md": "Mine."})

    run = await desk.sync()
    del source.files["a.md"]
    await desk.sync()

    assert run.counts == RunCounts(new=2, failed=1)
    assert await desk.published() == expected({"a.md": "Mine.", "b.md": FILES["b.md"], "deep/c.md": FILES["deep/c.md"]})


async def test_two_sources_of_one_corpus_do_not_meet(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.set_up(name="others")

    await desk.sync()
    await desk.sync(name="others")

    assert await desk.published() == expected(FILES) | expected(FILES, "others")


async def test_documents_stay_when_their_source_is_removed_and_are_known_to_one_of_that_name(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.sync()
    await desk.worker.container.sources.remove(desk.admin, corpus=desk.corpus, source=desk.source)
    await desk.set_up()

    run = await desk.sync()

    assert (run.state, await desk.version()) == (RunState.UNCHANGED, 1)
    assert await desk.published() == expected(FILES)


async def test_what_others_changed_meanwhile_leaves_the_draft_to_a_person(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.sync()
    source.files["a.md"] = "Apples are green."
    run, _ = await desk.worker.container.sources.start_run(desk.admin, corpus=desk.corpus, source=desk.source)
    sync = desk.worker.runner._handlers[JobKind.SYNC_SOURCE]
    prepare = sync._sync._end._prepare

    async def overtaken(*given: object) -> object:
        async with desk.worker.container.catalog.reading() as tx:
            draft = await tx.drafts.get(desk.admin, DraftId(str(given[2])))
            changes = await tx.drafts.changes(desk.admin, draft.id)
        if draft.base == await desk.version():
            async with desk.worker.container.catalog.writing() as tx:
                corpus = await tx.corpora.get(desk.admin, desk.corpus)
                automatic = await tx.drafts.automatic(desk.admin, corpus.id, desk.worker.container.clock())
                removals = [type(change)(document_id=change.document_id, revision=None) for change in changes]
                await tx.drafts.set_changes(desk.admin, automatic.id, removals)
            await desk.seal(automatic, None)
        return await prepare(*given)

    sync._sync._end._prepare = overtaken

    ended = await desk.finish(run.id)

    assert ended.state is RunState.HELD
    assert "changed by others" in (ended.error or "")


async def test_a_cancelled_run_leaves_nothing_behind(desk: SyncDesk, source: ScriptedSource) -> None:
    run, job = await desk.worker.container.sources.start_run(desk.admin, corpus=desk.corpus, source=desk.source)
    jobs = desk.worker.container.jobs

    await jobs.cancel(desk.admin, job.id)
    await desk.work_off()

    assert (await desk.run(run.id))[0].state is RunState.CANCELLED
    with pytest.raises(Conflict, match="Start another run"):
        await jobs.retry(desk.admin, job.id)
    assert (await desk.sync()).state is RunState.APPLIED


async def test_cancelling_while_documents_are_prepared_discards_the_draft(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    run, job = await desk.worker.container.sources.start_run(desk.admin, corpus=desk.corpus, source=desk.source)
    while (await desk.run(run.id))[0].draft_id is None:
        await desk.worker.runner.run_next()

    await desk.worker.container.jobs.cancel(desk.admin, job.id)

    draft_id = (await desk.run(run.id))[0].draft_id
    assert draft_id is not None
    assert (await desk.draft(draft_id)).state is DraftState.DISCARDED
    assert await desk.published() == {}


async def test_one_run_of_a_source_is_open_at_a_time(desk: SyncDesk, source: ScriptedSource) -> None:
    sources = desk.worker.container.sources
    await sources.start_run(desk.admin, corpus=desk.corpus, source=desk.source)

    with pytest.raises(Conflict, match="not over"):
        await sources.start_run(desk.admin, corpus=desk.corpus, source=desk.source)


async def test_sources_that_are_due_get_one_run(worker: Worker, admin: AccessScope) -> None:
    desk = await open_desk(worker, admin)
    await desk.set_up(every_s=3600)
    await desk.set_up(name="by hand")
    desk.script(ScriptedSource(files=dict(FILES)))
    parts = worker.container
    late = StartDueRuns(catalog=parts.catalog, queue=parts.queue, clock=lambda: parts.clock() + timedelta(hours=2))
    start = StartDueRuns(catalog=parts.catalog, queue=parts.queue, clock=parts.clock)

    started = [await start(), await start(), await late()]
    page = await parts.sources.runs(admin, corpus=desk.corpus, source=desk.source, page=PageRequest())
    await desk.finish(page.items[0].id)

    assert started == [1, 0, 0]
    assert [await start(), await late()] == [0, 1]


async def test_a_run_is_a_job_that_people_can_follow(desk: SyncDesk, source: ScriptedSource) -> None:
    run, job = await desk.worker.container.sources.start_run(desk.admin, corpus=desk.corpus, source=desk.source)

    await desk.finish(run.id)
    await desk.work_off()

    seen = await desk.worker.container.jobs.get(desk.admin, job.id)
    assert (seen.job.kind, seen.job.subject, seen.job.state) == (JobKind.SYNC_SOURCE, run.id, JobState.SUCCEEDED)
