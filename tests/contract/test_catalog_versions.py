from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DraftChange, DraftState
from rag_service.domain.ids import DraftId
from rag_service.errors import Conflict, NotFound
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    FREQUENCIES,
    START,
    STRANGER,
    SYSTEM,
    add_corpus,
    change_set,
    document,
    member,
    prepare,
    publish,
    remove,
    seal,
    upload,
)

PATIENCE = timedelta(seconds=10)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


async def due(catalog: SqlCatalog, *, later: timedelta = timedelta()) -> list[DraftId]:
    async with catalog.reading() as transaction:
        drafts = await transaction.versions.due_drafts(datetime.now(UTC) + later, patience=PATIENCE)
    return [draft.id for draft in drafts]


async def changes(catalog: SqlCatalog, draft_id: DraftId) -> list[DraftChange]:
    async with catalog.reading() as transaction:
        return await transaction.versions.changes(SYSTEM, draft_id)


async def fail(catalog: SqlCatalog, name: str) -> None:
    async with catalog.writing() as transaction:
        await transaction.documents.mark_failed(SYSTEM, document(name).id, 1, reason=ReasonCode.DAMAGED, detail="")


async def start(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        await transaction.versions.start_sealing(SYSTEM, draft_id, START)


async def test_a_corpus_has_one_open_automatic_draft(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        first = await transaction.versions.automatic_draft(SYSTEM, CORPUS, START)
        second = await transaction.versions.automatic_draft(SYSTEM, CORPUS, START)

    assert first == second
    assert (first.state, first.number, first.created_at) == (DraftState.OPEN, None, START)


async def test_a_later_change_takes_the_place_of_an_earlier_one(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await upload(catalog, "a", 2)

    assert await changes(catalog, draft_id) == [DraftChange(document_id=document("a").id, revision=2)]


async def test_a_change_names_a_revision_that_exists(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")

    async with catalog.writing() as transaction:
        with pytest.raises(NotFound):
            await transaction.versions.set_changes(
                SYSTEM, draft_id, [DraftChange(document_id=document("a").id, revision=2)]
            )


async def test_a_draft_with_nothing_ready_is_not_due(catalog: SqlCatalog) -> None:
    await upload(catalog, "a")
    await upload(catalog, "b")
    await fail(catalog, "b")

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
    await start(catalog, first)
    second = await upload(catalog, "b")
    await prepare(catalog, "b")
    assert await due(catalog) == []

    await seal(catalog, first)

    assert await due(catalog) == [second]


async def test_sealing_takes_a_number_and_closes_the_draft(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        draft = await transaction.versions.start_sealing(SYSTEM, draft_id, START)

        assert (draft.state, draft.number) == (DraftState.SEALING, 1)
        with pytest.raises(Conflict):
            await transaction.versions.set_changes(
                SYSTEM, draft_id, [DraftChange(document_id=document("a").id, revision=None)]
            )


async def test_what_is_pending_moves_to_a_new_draft_and_what_failed_is_dropped(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await upload(catalog, "b")
    await upload(catalog, "c")
    await prepare(catalog, "a")
    await fail(catalog, "c")

    await start(catalog, draft_id)

    async with catalog.writing() as transaction:
        fresh = await transaction.versions.automatic_draft(SYSTEM, CORPUS, START)
    assert fresh.id != draft_id
    assert [change.document_id for change in await changes(catalog, draft_id)] == ["doc_a"]
    assert [change.document_id for change in await changes(catalog, fresh.id)] == ["doc_b"]


async def test_a_seal_cut_short_goes_on_with_its_number(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    await start(catalog, draft_id)

    version = await seal(catalog, draft_id)

    assert version.number == 1


async def test_two_drafts_of_a_corpus_do_not_seal_together(catalog: SqlCatalog) -> None:
    await start(catalog, await upload(catalog, "a"))
    second = await upload(catalog, "b")

    with pytest.raises(Conflict):
        await start(catalog, second)


async def test_a_refused_seal_uses_up_no_number(catalog: SqlCatalog) -> None:
    await start(catalog, await upload(catalog, "a"))
    with pytest.raises(Conflict):
        await start(catalog, await upload(catalog, "b"))

    async with catalog.reading() as transaction:
        assert (await transaction.corpora.get(SYSTEM, CORPUS)).highest == 1


async def test_a_published_draft_is_not_sealed_again(catalog: SqlCatalog) -> None:
    version = await publish(catalog, "a")

    with pytest.raises(Conflict):
        await start(catalog, version.draft_id)


async def test_finishing_twice_changes_nothing(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        version, changed = await change_set(transaction, draft_id)
        for _ in range(2):
            await transaction.versions.finish_sealing(SYSTEM, version, changed, FREQUENCIES)

        assert await transaction.versions.members(SYSTEM, CORPUS, 1) == {member("a")}
        assert await transaction.versions.list(SYSTEM, CORPUS) == [version]


async def test_what_was_never_started_cannot_be_finished(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        version, changed = await change_set(transaction, draft_id)
        with pytest.raises(Conflict):
            await transaction.versions.finish_sealing(SYSTEM, replace(version, number=7), changed, FREQUENCIES)


async def test_a_version_is_a_set_of_members_that_later_ones_do_not_change(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    draft_id = await upload(catalog, "a", 2)
    await prepare(catalog, "a", 2)
    await remove(catalog, "b")
    await seal(catalog, draft_id)

    async with catalog.reading() as transaction:
        numbers = [await transaction.versions.members(SYSTEM, CORPUS, number) for number in range(3)]

    assert numbers == [set(), {member("a"), member("b")}, {member("a", 2)}]


async def test_births_are_those_of_living_members(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    await seal(catalog, await remove(catalog, "b"))

    async with catalog.reading() as transaction:
        births = await transaction.versions.births(SYSTEM, CORPUS, [member("a"), member("b"), member("c")])

    assert births == {member("a"): 1}


async def test_after_a_rollback_the_next_seal_undoes_what_the_abandoned_version_did(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    draft_id = await upload(catalog, "c")
    await prepare(catalog, "c")
    await remove(catalog, "b")
    await seal(catalog, draft_id)
    async with catalog.writing() as transaction:
        await transaction.corpora.publish(SYSTEM, CORPUS, 1)

    await publish(catalog, "d")

    async with catalog.reading() as transaction:
        assert await transaction.versions.members(SYSTEM, CORPUS, 2) == {member("a"), member("c")}
        assert await transaction.versions.members(SYSTEM, CORPUS, 3) == {member("a"), member("b"), member("d")}
        assert await transaction.versions.births(SYSTEM, CORPUS, [member("b")]) == {member("b"): 3}


async def test_the_published_version_is_the_one_sealed_last(catalog: SqlCatalog) -> None:
    version = await publish(catalog, "a")

    async with catalog.reading() as transaction:
        held = await transaction.corpora.get(SYSTEM, CORPUS)
        assert (held.published, held.highest) == (1, 1)
        assert await transaction.versions.version(SYSTEM, CORPUS, 1) == version


@pytest.mark.parametrize("number", [0, 2, -1, 10**30])
async def test_a_number_that_is_not_sealed_is_no_version(catalog: SqlCatalog, number: int) -> None:
    await publish(catalog, "a")

    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.versions.version(SYSTEM, CORPUS, number)


async def test_document_frequencies_come_back_as_they_were_frozen(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")

    async with catalog.reading() as transaction:
        found = await transaction.versions.frequencies(SYSTEM, CORPUS, 1)

    assert found.chunk_count == FREQUENCIES.chunk_count
    assert np.array_equal(found.terms, FREQUENCIES.terms) and found.terms.dtype == np.uint32
    assert np.array_equal(found.counts, FREQUENCIES.counts) and found.counts.dtype == np.uint32


async def test_before_the_first_version_no_term_occurs(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        found = await transaction.versions.frequencies(SYSTEM, CORPUS, 0)

    assert (found.chunk_count, len(found.terms), len(found.counts)) == (0, 0, 0)


@pytest.mark.parametrize("number", [1, -1, 10**30])
async def test_a_version_not_sealed_has_no_frequencies(catalog: SqlCatalog, number: int) -> None:
    async with catalog.reading() as transaction:
        with pytest.raises(NotFound):
            await transaction.versions.frequencies(SYSTEM, CORPUS, number)


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_versions_outside_the_scope_are_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    version = await publish(catalog, "a")
    deletion = DraftChange(document_id=document("a").id, revision=None)

    async with catalog.writing() as transaction:
        versions = transaction.versions
        assert await versions.list(scope, CORPUS) == []
        for call in (
            versions.automatic_draft(scope, CORPUS, START),
            versions.draft(scope, version.draft_id),
            versions.changes(scope, version.draft_id),
            versions.set_changes(scope, version.draft_id, [deletion]),
            versions.start_sealing(scope, version.draft_id, START),
            versions.members(scope, CORPUS, 1),
            versions.births(scope, CORPUS, []),
            versions.version(scope, CORPUS, 1),
            versions.frequencies(scope, CORPUS, 1),
        ):
            with pytest.raises(NotFound):
                await call
