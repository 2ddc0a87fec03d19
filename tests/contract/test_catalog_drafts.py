from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import DraftId
from rag_service.domain.jobs import JobKind, new_job
from rag_service.domain.pages import PageRequest
from rag_service.errors import Conflict, NotFound
from rag_service.ports.catalog import Transaction
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    OURS,
    READER,
    START,
    STRANGER,
    SYSTEM,
    add_corpus,
    document,
    held_draft,
    held_in,
    hold,
    new_upload,
    prepare,
    preview,
    publish,
    publish_in,
    remove,
    revision,
    seal,
    seal_in,
    stored_file,
    upload,
)

PATIENCE = timedelta(seconds=10)
LIVE = frozenset(DraftState) - {DraftState.PUBLISHED, DraftState.DISCARDED}


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


async def due(catalog: SqlCatalog, *, later: timedelta = timedelta()) -> list[DraftId]:
    async with catalog.reading() as transaction:
        drafts = await transaction.drafts.due(datetime.now(UTC) + later, patience=PATIENCE)
    return [draft.id for draft in drafts]


async def changes(catalog: SqlCatalog, draft_id: DraftId) -> list[DraftChange]:
    async with catalog.reading() as transaction:
        return await transaction.drafts.changes(SYSTEM, draft_id)


async def fail(catalog: SqlCatalog, name: str, number: int = 1) -> None:
    async with catalog.writing() as transaction:
        document_id = document(name).id
        await transaction.documents.mark_failed(SYSTEM, document_id, number, reason=ReasonCode.DAMAGED, detail="")


async def files(transaction: Transaction) -> list[tuple[str, int]]:
    found = await transaction.documents.list_revisions(SYSTEM, CORPUS, PageRequest(order="asc"))
    return [(item.document_id, item.number) for item in found.items]


async def test_a_corpus_has_one_open_automatic_draft(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        first = await transaction.drafts.automatic(SYSTEM, CORPUS, START)
        second = await transaction.drafts.automatic(SYSTEM, CORPUS, START)

    assert first == second
    assert (first.state, first.number, first.created_at) == (DraftState.OPEN, None, START)


async def test_an_automatic_draft_knows_what_was_published_when_it_was_opened(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")

    async with catalog.writing() as transaction:
        assert (await transaction.drafts.automatic(SYSTEM, CORPUS, START)).base == 1


async def test_a_held_draft_is_kept_as_it_is(catalog: SqlCatalog) -> None:
    draft = replace(held_draft(base=3), notes="For the spring")
    async with catalog.writing() as transaction:
        await transaction.drafts.add(SYSTEM, draft)

        assert await transaction.drafts.get(SYSTEM, draft.id) == draft


async def test_a_name_is_taken_while_its_draft_lives(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        first = await held_in(transaction)
        again = replace(held_draft(), id=DraftId("draft_again"))
        with pytest.raises(Conflict, match="spring"):
            await transaction.drafts.add(SYSTEM, again)

        await transaction.drafts.discard(SYSTEM, first)

        await transaction.drafts.add(SYSTEM, again)
        assert (await transaction.drafts.named(SYSTEM, CORPUS, "spring")).id == again.id


async def test_a_draft_is_found_by_its_id_in_any_state(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        draft_id = await held_in(transaction)
        await transaction.drafts.discard(SYSTEM, draft_id)

        assert (await transaction.drafts.named(SYSTEM, CORPUS, draft_id)).state is DraftState.DISCARDED
        with pytest.raises(NotFound):
            await transaction.drafts.named(SYSTEM, CORPUS, "spring")


async def test_drafts_are_listed_newest_first_in_the_states_asked_for(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        for second, name in enumerate(["first", "second", "third"]):
            await transaction.drafts.add(SYSTEM, held_draft(name, seconds=second))
        await transaction.drafts.discard(SYSTEM, held_draft("second").id)

        found = await transaction.drafts.list(SYSTEM, CORPUS, states=LIVE)

    assert [draft.name for draft in found] == ["third", "first"]


async def test_the_automatic_draft_is_not_discarded(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        draft = await transaction.drafts.automatic(SYSTEM, CORPUS, START)
        with pytest.raises(Conflict):
            await transaction.drafts.discard(SYSTEM, draft.id)


async def test_a_later_change_takes_the_place_of_an_earlier_one(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await upload(catalog, "a", 2)

    assert await changes(catalog, draft_id) == [DraftChange(document_id=document("a").id, revision=2)]


async def test_a_change_names_a_revision_that_exists(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")

    async with catalog.writing() as transaction:
        with pytest.raises(NotFound):
            await transaction.drafts.set_changes(
                SYSTEM, draft_id, [DraftChange(document_id=document("a").id, revision=2)]
            )


async def test_a_change_is_taken_out_once(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    async with catalog.writing() as transaction:
        await transaction.drafts.drop_change(SYSTEM, draft_id, document("a").id)

        assert await transaction.drafts.changes(SYSTEM, draft_id) == []
        with pytest.raises(NotFound):
            await transaction.drafts.drop_change(SYSTEM, draft_id, document("a").id)


async def test_a_draft_that_is_not_open_is_not_changed(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    await preview(catalog, draft_id)

    async with catalog.writing() as transaction:
        for call in (
            transaction.drafts.set_changes(
                SYSTEM, draft_id, [DraftChange(document_id=document("a").id, revision=None)]
            ),
            transaction.drafts.drop_change(SYSTEM, draft_id, document("a").id),
            transaction.drafts.discard(SYSTEM, draft_id),
        ):
            with pytest.raises(Conflict, match="sealed"):
                await call


async def test_changes_are_described_by_key_with_their_revisions(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    draft_id = await hold(catalog, "b", is_prepared=False)
    async with catalog.writing() as transaction:
        deletion = DraftChange(document_id=document("a").id, revision=None)
        await transaction.drafts.set_changes(SYSTEM, draft_id, [deletion])

        found = await transaction.drafts.described_changes(SYSTEM, draft_id)

    assert [(one.key, one.change.revision, one.revision) for one in found] == [
        ("a.md", None, None),
        ("b.md", 1, revision("b")),
    ]


async def test_changes_to_documents_not_granted_are_not_described(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a", principals=frozenset({"hr"}))

    async with catalog.reading() as transaction:
        assert await transaction.drafts.described_changes(READER, draft_id) == []
        assert len(await transaction.drafts.described_changes(SYSTEM, draft_id)) == 1


async def test_a_draft_with_nothing_ready_is_not_due(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await upload(catalog, "b")
    await fail(catalog, "b")

    assert await due(catalog, later=timedelta(hours=1)) == []


async def test_a_held_draft_is_never_due(catalog: SqlCatalog) -> None:
    await hold(catalog, "a")

    assert await due(catalog, later=timedelta(hours=1)) == []


async def test_a_draft_is_due_when_nothing_is_pending(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await upload(catalog, "b")
    await prepare(catalog, "a")
    await fail(catalog, "b")

    assert await due(catalog) == [draft_id]


async def test_a_draft_waits_for_pending_revisions_until_its_patience_ends(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await upload(catalog, "b")
    await prepare(catalog, "a")

    assert await due(catalog, later=PATIENCE / 2) == []
    assert await due(catalog, later=PATIENCE) == [draft_id]


async def test_a_deletion_is_ready_at_once(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")

    draft_id = await remove(catalog, "a")

    assert await due(catalog) == [draft_id]


async def test_no_draft_is_due_while_another_of_the_corpus_is_sealing(catalog: SqlCatalog) -> None:
    first = await upload(catalog, "a")
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        await transaction.drafts.start_sealing(SYSTEM, first, START)
    second = await upload(catalog, "b")
    await prepare(catalog, "b")
    assert await due(catalog) == []

    await seal(catalog, first)

    assert await due(catalog) == [second]


async def test_a_draft_that_a_job_is_to_seal_is_not_due(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        seal_job = await transaction.jobs.add(new_job(OURS, JobKind.SEAL_DRAFT, draft_id, now=START))
    assert await due(catalog) == []

    async with catalog.writing() as transaction:
        await transaction.jobs.cancel(SYSTEM, seal_job.id, now=START)

    assert await due(catalog) == [draft_id]


@pytest.mark.parametrize(("purpose", "count"), [(SealPurpose.PREVIEW, 1), (SealPurpose.PUBLISH, 0)])
async def test_a_sealed_preview_keeps_no_draft_from_being_due(
    catalog: SqlCatalog, purpose: SealPurpose, count: int
) -> None:
    held = await hold(catalog, "a")
    async with catalog.writing() as transaction:
        await transaction.drafts.ask_for_seal(SYSTEM, held, purpose)
        await seal_in(transaction, held)
    await upload(catalog, "b")
    await prepare(catalog, "b")

    assert len(await due(catalog)) == count


async def test_a_document_only_in_a_held_draft_is_not_listed(catalog: SqlCatalog) -> None:
    await hold(catalog, "a")
    await hold(catalog, "b")
    await fail(catalog, "b")

    async with catalog.reading() as transaction:
        assert await files(transaction) == []
        assert (await transaction.corpora.file_counts(SYSTEM, CORPUS))["total"] == 0
        with pytest.raises(NotFound):
            await transaction.documents.by_file(SYSTEM, CORPUS, new_upload("a").file.id)


async def test_a_revision_of_a_discarded_draft_is_not_found_though_a_later_one_is_published(
    catalog: SqlCatalog,
) -> None:
    await publish(catalog, "a")
    other = stored_file("other")
    second = replace(new_upload("a", 2), file=other, is_new_file=True, revision=revision("a", 2, file_id=other.id))
    async with catalog.writing() as transaction:
        draft_id = await held_in(transaction)
        await transaction.uploads.add(SYSTEM, CORPUS, [second])
        change = DraftChange(document_id=document("a").id, revision=2)
        await transaction.drafts.set_changes(SYSTEM, draft_id, [change])
        await transaction.drafts.discard(SYSTEM, draft_id)
    await upload(catalog, "a", 3)

    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.documents.by_file(SYSTEM, CORPUS, other.id)
        assert (await transaction.documents.by_file(SYSTEM, CORPUS, stored_file("a").id)).number == 3


async def test_a_held_revision_leaves_the_list_of_files_as_it_was(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    draft_id = await hold(catalog, "a", 2, is_prepared=False)
    await fail(catalog, "a", 2)

    async with catalog.writing() as transaction:
        assert await files(transaction) == [("doc_a", 1)]
        await transaction.drafts.drop_change(SYSTEM, draft_id, document("a").id)
        assert await files(transaction) == [("doc_a", 1)]
        assert (await transaction.corpora.file_counts(SYSTEM, CORPUS))["completed"] == 1


async def test_a_held_deletion_and_a_discarded_draft_leave_the_list_of_files_as_it_was(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    draft_id = await hold(catalog, "b")
    async with catalog.writing() as transaction:
        deletion = DraftChange(document_id=document("a").id, revision=None)
        await transaction.drafts.set_changes(SYSTEM, draft_id, [deletion])
        assert await files(transaction) == [("doc_a", 1)]

        await transaction.drafts.discard(SYSTEM, draft_id)

        assert await files(transaction) == [("doc_a", 1)]


async def test_a_held_draft_is_listed_once_it_is_published(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    await hold(catalog, "a", 2)
    version = await preview(catalog, await hold(catalog, "b"))

    async with catalog.writing() as transaction:
        assert await files(transaction) == [("doc_a", 1)]
        await publish_in(transaction, version)

        assert sorted(await files(transaction)) == [("doc_a", 2), ("doc_b", 1)]
        assert (await transaction.corpora.file_counts(SYSTEM, CORPUS))["completed"] == 2


async def test_an_upload_gets_a_number_after_those_that_are_held(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    await hold(catalog, "a", 2)

    async with catalog.reading() as transaction:
        known = await transaction.uploads.known(SYSTEM, CORPUS, ["a.md"])

    assert known["a.md"].latest.number == 2


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_drafts_outside_the_scope_are_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    draft_id = await hold(catalog, "a")
    deletion = DraftChange(document_id=document("a").id, revision=None)

    async with catalog.writing() as transaction:
        drafts = transaction.drafts
        for call in (
            drafts.add(scope, held_draft("other")),
            drafts.automatic(scope, CORPUS, START),
            drafts.get(scope, draft_id),
            drafts.named(scope, CORPUS, "spring"),
            drafts.list(scope, CORPUS, states=LIVE),
            drafts.in_slot(scope, CORPUS),
            drafts.changes(scope, draft_id),
            drafts.described_changes(scope, draft_id),
            drafts.set_changes(scope, draft_id, [deletion]),
            drafts.drop_change(scope, draft_id, document("a").id),
            drafts.discard(scope, draft_id),
            drafts.ask_for_seal(scope, draft_id, SealPurpose.PUBLISH),
            drafts.start_sealing(scope, draft_id, START),
            drafts.start_unsealing(scope, draft_id),
            drafts.finish_unsealing(scope, draft_id),
            drafts.mark_published(scope, draft_id),
        ):
            with pytest.raises(NotFound):
                await call
