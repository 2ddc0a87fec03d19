"""Sources, what they hold, and how runs of them begin and end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import DraftId, ErasureId
from rag_service.domain.pages import PageRequest
from rag_service.domain.sources import GitSource
from rag_service.domain.sync import ChangeKind, ChangeState, Publishing, RunCounts, RunState
from rag_service.errors import Conflict, NotFound
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import CORPUS, ELSEWHERE, SYSTEM, add_corpus, at, hold, member, preview, publish
from tests.contract.source_values import apply, change, item, run, source


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    async with catalog.writing() as tx:
        await tx.sources.add(SYSTEM, source())
    return catalog


async def test_a_source_is_read_as_it_was_added(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        assert await tx.sources.get(SYSTEM, source().id) == source()
        assert await tx.sources.named(SYSTEM, CORPUS, "notes") == source()
        assert await tx.sources.named(SYSTEM, CORPUS, source().id) == source()


async def test_a_name_is_used_once_in_a_corpus(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        with pytest.raises(Conflict, match="notes"):
            await tx.sources.add(SYSTEM, source(id="src_other"))


async def test_sources_are_listed_by_name_and_only_to_those_who_may_see_the_corpus(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.sources.add(SYSTEM, source("docs"))

        assert [one.name for one in await tx.sources.list(SYSTEM, CORPUS)] == ["docs", "notes"]
        with pytest.raises(NotFound):
            await tx.sources.list(ELSEWHERE, CORPUS)


async def test_a_change_replaces_everything_but_name_and_kind(catalog: SqlCatalog) -> None:
    settings = GitSource(url="https://x/y")
    changed = source(settings=settings, credentials=None, credential_names=frozenset(), every_s=60)
    changed = replace(changed, publish=Publishing.HOLD, updated_at=at(5))
    async with catalog.writing() as tx:
        await tx.sources.add(SYSTEM, source("repo", settings=settings))

        await tx.sources.change(SYSTEM, replace(changed, id="src_repo", name="other"))

        assert await tx.sources.get(SYSTEM, "src_repo") == replace(changed, id="src_repo", name="repo")
        assert await tx.sources.scheduled() == [replace(changed, id="src_repo", name="repo")]


async def test_a_removed_source_takes_its_runs_along_and_an_open_run_keeps_it(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.add_changes(SYSTEM, run().id, [change("a")])
        with pytest.raises(Conflict, match="Cancel its job"):
            await tx.sources.remove(SYSTEM, source().id)
        await tx.source_runs.end(SYSTEM, run().id, RunState.CANCELLED, error=None, now=at(1))

        await tx.sources.remove(SYSTEM, source().id)

        with pytest.raises(NotFound):
            await tx.source_runs.get(SYSTEM, run().id)


async def test_one_run_is_open_at_a_time_and_is_noted_in_its_source(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run(seconds=7))
        with pytest.raises(Conflict, match="run_1"):
            await tx.source_runs.add(SYSTEM, run("2", dry_run=True))

        assert (await tx.sources.get(SYSTEM, source().id)).last_run_at == at(7)
        assert (await tx.source_runs.latest(SYSTEM, [source().id])) == {source().id: run(seconds=7)}


async def test_while_a_draft_is_held_only_dry_runs_are_made(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.note(SYSTEM, run(state=RunState.HELD, draft_id="draft_1"))
        with pytest.raises(Conflict, match="draft_1"):
            await tx.source_runs.add(SYSTEM, run("2"))

        await tx.source_runs.add(SYSTEM, run("3", seconds=9, dry_run=True))

        assert (await tx.sources.get(SYSTEM, source().id)).last_run_at == at(0)


async def test_runs_are_listed_by_time_and_those_of_long_ago_are_forgotten(catalog: SqlCatalog) -> None:
    for number in range(53):
        await apply(catalog, str(number), seconds=number)

    async with catalog.reading() as tx:
        page = await tx.source_runs.list(SYSTEM, source().id, PageRequest(limit=100))
    assert [one.id for one in page.items] == [f"run_{number}" for number in range(52, 2, -1)]


async def test_how_far_a_run_is_is_noted_until_its_end(catalog: SqlCatalog) -> None:
    far = run(state=RunState.RUNNING, counts=RunCounts(new=2, failed=1), started_at=at(1))
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.note(SYSTEM, far)
        assert await tx.source_runs.get(SYSTEM, far.id) == far

        await tx.source_runs.end(SYSTEM, far.id, RunState.FAILED, error="It is down.", now=at(2))
        await tx.source_runs.note(SYSTEM, replace(far, state=RunState.HELD))
        await tx.source_runs.end(SYSTEM, far.id, RunState.APPLIED, error=None, now=at(3))

        ended = replace(far, state=RunState.FAILED, error="It is down.", finished_at=at(2))
        assert await tx.source_runs.get(SYSTEM, far.id) == ended


async def test_a_plan_is_read_by_key_in_pages_and_by_state(catalog: SqlCatalog) -> None:
    lines = [change("a"), change("b", state=ChangeState.PLANNED), change("c", ChangeKind.DELETED)]
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.add_changes(SYSTEM, run().id, list(reversed(lines)))

        assert await tx.source_runs.changes(SYSTEM, run().id) == lines
        assert await tx.source_runs.changes(SYSTEM, run().id, after="a", limit=1) == lines[1:2]
        assert await tx.source_runs.changes(SYSTEM, run().id, state=ChangeState.PLANNED) == lines[1:2]


async def test_what_is_not_done_is_taken_out_of_a_plan(catalog: SqlCatalog) -> None:
    lines = [change(state.value, state=state) for state in ChangeState]
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.add_changes(SYSTEM, run().id, lines)

        await tx.source_runs.forget_undone(SYSTEM, run().id)

        assert [line.key for line in await tx.source_runs.changes(SYSTEM, run().id)] == ["done", "seen"]


async def test_lines_are_replaced_and_those_that_were_taken_out_stay_out(catalog: SqlCatalog) -> None:
    failed = change("a", state=ChangeState.SEEN, problem="No text.", number=None)
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.add_changes(SYSTEM, run().id, [change("a"), change("b")])
        await tx.source_runs.forget_changes(SYSTEM, run().id, ["b"])

        await tx.source_runs.note_changes(SYSTEM, run().id, [failed, change("b")])

        assert await tx.source_runs.changes(SYSTEM, run().id) == [failed]


async def test_what_was_done_and_what_failed_for_good_is_taken_over(catalog: SqlCatalog) -> None:
    await apply(catalog, "1", change("a"), change("b"), change("c"), change("d"))
    await apply(
        catalog,
        "2",
        change("a", ChangeKind.CHANGED, revision="r2", number=2),
        change("b", ChangeKind.DELETED),
        change("c", ChangeKind.CHANGED, revision="r2", state=ChangeState.FAILED),
        change("d", ChangeKind.DELETED, state=ChangeState.FAILED),
        change("e", revision="r1", state=ChangeState.SEEN, document_id=None, number=None),
        seconds=1,
    )

    async with catalog.reading() as tx:
        assert await tx.sources.items(SYSTEM, source().id) == {
            "a": item("a", "r2", number=2),
            "c": item("c"),
            "d": item("d"),
            "e": item("e", document_id=None, number=None),
        }


async def test_a_renamed_item_is_taken_over_at_its_new_place(catalog: SqlCatalog) -> None:
    await apply(catalog, "1", change("old"))
    await apply(catalog, "2", change("new", ChangeKind.RENAMED, renamed_from="old"), change("old", ChangeKind.LEFT))

    async with catalog.reading() as tx:
        assert await tx.sources.items(SYSTEM, source().id) == {"new": item("new")}


async def test_a_run_ends_with_the_publication_of_its_draft(catalog: SqlCatalog) -> None:
    draft = await hold(catalog, "a")
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.add_changes(SYSTEM, run().id, [change("a")])
        await tx.source_runs.note(SYSTEM, run(state=RunState.HELD, draft_id=draft))
    version = await preview(catalog, draft)
    async with catalog.writing() as tx:
        await tx.corpora.publish(SYSTEM, CORPUS, version.number, expected=0, now=at(8))
        await tx.drafts.mark_published(SYSTEM, draft)

        assert (await tx.source_runs.get(SYSTEM, run().id)).state is RunState.APPLIED
        assert await tx.sources.items(SYSTEM, source().id) == {"a": item("a")}


async def test_a_run_ends_with_its_discarded_draft_and_nothing_is_taken_over(catalog: SqlCatalog) -> None:
    draft = await hold(catalog, "a")
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.add_changes(SYSTEM, run().id, [change("a")])
        await tx.source_runs.note(SYSTEM, run(state=RunState.HELD, draft_id=draft))

        await tx.drafts.discard(SYSTEM, draft)

        assert (await tx.source_runs.get(SYSTEM, run().id)).state is RunState.DISCARDED
        assert await tx.sources.items(SYSTEM, source().id) == {}


async def test_the_end_of_a_run_discards_its_open_draft(catalog: SqlCatalog) -> None:
    draft = await hold(catalog, "a")
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.note(SYSTEM, run(state=RunState.RUNNING, draft_id=draft))

        await tx.source_runs.end(SYSTEM, run().id, RunState.FAILED, error=None, now=at(1))

        assert (await tx.drafts.get(SYSTEM, draft)).state is DraftState.DISCARDED


async def test_what_is_published_of_a_source_is_told_by_the_key_of_the_item(catalog: SqlCatalog) -> None:
    for name in ("notes:a", "Notes:b", "others:c", "d"):
        await publish(catalog, name)

    async with catalog.reading() as tx:
        assert await tx.sources.published(SYSTEM, source().id) == {"a.md": member("notes:a")}


async def test_keys_are_barred_once_and_for_their_corpus_only(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        for _ in range(2):
            await tx.sources.bar(SYSTEM, CORPUS, "hash", ErasureId("erasure_1"))

        assert await tx.sources.barred(SYSTEM, CORPUS) == frozenset({"hash"})


async def test_revisions_of_a_draft_that_wait_and_that_failed_are_told(catalog: SqlCatalog) -> None:
    for name in "abc":
        draft = await hold(catalog, name, is_prepared=name == "c")
    async with catalog.writing() as tx:
        await tx.documents.mark_failed(SYSTEM, member("a").document_id, 1, reason=ReasonCode.NO_TEXT, detail="")

        assert await tx.source_runs.pending(SYSTEM, draft) == 1
        assert await tx.source_runs.failures(SYSTEM, draft) == {member("a").document_id: ReasonCode.NO_TEXT}


Work = Callable[[Transaction], Awaitable[object]]


async def at_once(catalog: SqlCatalog, first: list[Work], second: list[Work]) -> None:
    """Do the steps of two transactions, each in its own, turn by turn as far as they let one another."""
    begun = [asyncio.Event(), asyncio.Event()]

    async def transaction(mine: int, steps: list[Work]) -> None:
        if mine:
            await begun[0].wait()
        async with catalog.writing() as tx:
            for step in steps:
                await step(tx)
                begun[mine].set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(begun[1 - mine].wait(), 0.2)

    await asyncio.gather(transaction(0, first), transaction(1, second))


async def held_run(catalog: SqlCatalog) -> DraftId:
    draft = await hold(catalog, "a")
    async with catalog.writing() as tx:
        await tx.source_runs.add(SYSTEM, run())
        await tx.source_runs.add_changes(SYSTEM, run().id, [change("a")])
        await tx.source_runs.note(SYSTEM, run(state=RunState.HELD, draft_id=draft))
    return draft


async def test_a_run_that_ends_and_a_person_who_discards_its_draft_do_not_wait_for_each_other(
    catalog: SqlCatalog,
) -> None:
    draft = await held_run(catalog)

    async def discards(tx: Transaction) -> None:
        with suppress(Conflict):
            await tx.drafts.discard(SYSTEM, draft)

    await at_once(
        catalog,
        [
            lambda tx: tx.source_runs.note(SYSTEM, run(state=RunState.RUNNING, draft_id=draft)),
            lambda tx: tx.source_runs.end(SYSTEM, run().id, RunState.UNCHANGED, error=None, now=at(1)),
        ],
        [discards],
    )

    async with catalog.reading() as tx:
        assert (await tx.source_runs.get(SYSTEM, run().id)).state is RunState.UNCHANGED


async def test_a_source_that_is_removed_and_its_run_that_is_taken_over_do_not_wait_for_each_other(
    catalog: SqlCatalog,
) -> None:
    await held_run(catalog)

    async def takes_over(tx: Transaction) -> None:
        with suppress(NotFound):
            await tx.source_runs.take_over(SYSTEM, run().id)

    await at_once(
        catalog,
        [lambda tx: tx.source_runs.note(SYSTEM, run(state=RunState.HELD)), takes_over],
        [lambda tx: tx.sources.remove(SYSTEM, source().id)],
    )

    async with catalog.reading() as tx:
        assert await tx.sources.list(SYSTEM, CORPUS) == []
