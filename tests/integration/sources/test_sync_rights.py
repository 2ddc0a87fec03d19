"""Who may see what a source brings, and what people did to its documents by hand."""

from dataclasses import replace

import pytest

from rag_service.domain.access import Permission
from rag_service.domain.sync import RunCounts
from tests.integration.erasing import document_id
from tests.integration.sources.syncing import ScriptedSource, SyncDesk, expected

FILES = {"a.md": "Apples are red.", "salaries.md": "Ann earns most."}


@pytest.fixture
def source(desk: SyncDesk) -> ScriptedSource:
    return desk.script(ScriptedSource(files=dict(FILES)))


async def keep_for(desk: SyncDesk, key: str, principal: str) -> None:
    parts = desk.worker.container
    granter = replace(desk.admin, principals=desk.admin.principals | {principal})
    await parts.grant_document(granter, await document_id(desk, key), frozenset({principal}))


async def principals_of(desk: SyncDesk, key: str) -> frozenset[str]:
    system = replace(desk.admin, sees_all_documents=True)
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(system, desk.corpus)
        return (await tx.uploads.known(system, corpus.id, [key]))[key].document.principals


async def test_a_renamed_document_is_for_those_whom_it_was_for(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    await keep_for(desk, "notes:salaries.md", "hr")
    source.files["2025/salaries.md"] = source.files.pop("salaries.md")

    run = await desk.sync()

    assert run.counts == RunCounts(renamed=1, unchanged=1)
    assert await principals_of(desk, "notes:2025/salaries.md") == {"hr"}


async def test_a_plan_does_not_name_documents_that_the_caller_may_not_see(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.sync()
    await keep_for(desk, "notes:salaries.md", "hr")
    source.files |= {"a.md": "Apples are green.", "2025.md": source.files.pop("salaries.md"), "new.md": "New."}
    planned = await desk.sync(dry_run=True)
    done = await desk.sync()

    for run in (planned, done):
        shown, lines = await desk.worker.container.sources.run(
            replace(desk.admin, permissions=frozenset({Permission.UPLOAD})),
            corpus=desk.corpus,
            source="notes",
            run_id=run.id,
        )
        assert [line.key for line in lines] == ["a.md", "new.md"]
        assert shown.counts == RunCounts(new=1, changed=1, renamed=1)


async def test_what_a_hand_put_there_gives_way_once_it_is_removed(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.publish({"notes:a.md": "Mine."})
    await desk.sync()
    await desk.publish_removal("notes:a.md")

    await desk.sync(force=True)

    assert await desk.published() == expected(FILES)


async def test_what_a_hand_put_into_a_draft_that_was_discarded_is_in_nobodys_way(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.sync()
    draft = await desk.hold(uploads={"notes:a.md": "Mine."})
    await desk.worker.container.drafts.discard(desk.admin, corpus=desk.corpus, draft=draft.id)
    source.files = {"a.md": "Apples are green.", "salaries.md": FILES["salaries.md"]}

    changed = await desk.sync()
    del source.files["a.md"]
    gone = await desk.sync()

    assert (changed.counts, gone.counts) == (RunCounts(changed=1, unchanged=1), RunCounts(deleted=1, unchanged=1))
    assert await desk.published() == expected({"salaries.md": FILES["salaries.md"]})
