"""What is erased leaves no name in its source's rows, and does not come back from it."""

import pytest

from rag_service.domain.sync import RunCounts, RunState
from tests.integration.erasing import document_id, erase, finished, rows_with
from tests.integration.sources.syncing import ScriptedSource, SyncDesk, expected

FILES = {"a.md": "Apples are red.", "quince.md": "Bananas are yellow."}


@pytest.fixture
def source(desk: SyncDesk) -> ScriptedSource:
    return desk.script(ScriptedSource(files=dict(FILES)))


async def test_an_erased_document_does_not_come_back(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    await erase(desk, "notes:quince.md")
    source.files["quince.md"] = "Bananas are brown."

    run, forced = await desk.sync(), await desk.sync(force=True)

    assert run.counts == forced.counts == RunCounts(unchanged=1, erased=1)
    assert await desk.published() == expected({"a.md": FILES["a.md"]})


async def test_no_row_names_an_erased_document(desk: SyncDesk, source: ScriptedSource) -> None:
    source.broken = {"quince.md"}
    await desk.sync(dry_run=True)
    await desk.sync()
    source.broken = set()
    await desk.sync()
    source.files |= {"b.md": source.files.pop("quince.md")}
    await desk.sync(dry_run=True)
    assert await rows_with(desk, "quince")

    await erase(desk, "notes:quince.md")

    assert await rows_with(desk, "quince") == []


async def test_what_is_erased_while_it_is_fetched_is_not_brought(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    source.files |= {"quince.md": "Bananas are brown.", "b.md": "Cherries are dark."}
    erasing = desk.worker.container.request_erasure
    erased = await document_id(desk, "notes:quince.md")
    fetch = source.fetch

    async def erase_first(item):
        await erasing.document(desk.admin, erased)
        async for piece in fetch(item):
            yield piece

    source.fetch = erase_first

    run = await desk.sync()

    assert run.state is RunState.APPLIED
    assert await desk.published() == expected({"a.md": FILES["a.md"], "b.md": "Cherries are dark."})
    assert await rows_with(desk, "quince") == []


async def test_a_key_that_a_hand_uploaded_again_is_still_not_brought_by_the_source(
    desk: SyncDesk, source: ScriptedSource
) -> None:
    await desk.sync()
    await erase(desk, "notes:quince.md")
    await desk.publish({"notes:quince.md": "Mine."})

    run = await desk.sync()

    assert run.counts == RunCounts(unchanged=1, erased=1)
    assert (await desk.published())["notes:quince.md"] == "Mine."


async def test_the_copies_that_connectors_keep_go_with_what_is_erased(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.sync()
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
    copies = desk.worker.container.settings.source_dir / corpus.id / "src_1"
    copies.mkdir(parents=True)
    (copies / "objects").write_text("quince")

    await erase(desk, "notes:quince.md")

    assert not copies.exists()


async def test_an_erased_corpus_takes_its_sources_along(desk: SyncDesk, source: ScriptedSource) -> None:
    await desk.set_up(name="waiting", every_s=60)
    await desk.sync()
    await desk.worker.container.sources.start_run(desk.admin, corpus=desk.corpus, source=desk.source)

    asked = await desk.worker.container.request_erasure.corpus(desk.admin, desk.corpus)
    await finished(desk, asked)

    async with desk.worker.container.catalog.reading() as tx:
        assert await tx.sources.scheduled() == []
    assert await rows_with(desk, "quince") == []
    assert await rows_with(desk, "/scripted") == []
