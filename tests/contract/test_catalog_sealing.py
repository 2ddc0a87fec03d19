import asyncio
from dataclasses import replace

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.drafts import DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import DraftId
from rag_service.domain.versions import VersionDifference
from rag_service.errors import Conflict, SlotTaken
from rag_service.reasons import ReasonCode
from tests.contract.catalog_values import (
    CORPUS,
    FREQUENCIES,
    READER,
    START,
    SYSTEM,
    add_corpus,
    change_set,
    document,
    held_in,
    hold,
    member,
    prepare,
    preview,
    publish,
    publish_in,
    remove,
    seal,
    upload,
)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


async def changed(catalog: SqlCatalog, draft_id: DraftId) -> list[str]:
    async with catalog.reading() as transaction:
        return [change.document_id for change in await transaction.drafts.changes(SYSTEM, draft_id)]


async def fail(catalog: SqlCatalog, name: str) -> None:
    async with catalog.writing() as transaction:
        await transaction.documents.mark_failed(SYSTEM, document(name).id, 1, reason=ReasonCode.DAMAGED, detail="")


async def start(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        await transaction.drafts.start_sealing(SYSTEM, draft_id, START)


async def state(catalog: SqlCatalog, draft_id: DraftId) -> tuple[DraftState, int | None, int | None]:
    async with catalog.reading() as transaction:
        draft = await transaction.drafts.get(SYSTEM, draft_id)
    return draft.state, draft.number, draft.sealed_against


async def highest(catalog: SqlCatalog) -> tuple[int, int]:
    """The last number that was given, and the highest that has a version."""
    async with catalog.reading() as transaction:
        held = await transaction.corpora.get(SYSTEM, CORPUS)
        return held.highest, await transaction.versions.highest(SYSTEM, CORPUS)


async def unseal(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        await transaction.drafts.start_unsealing(SYSTEM, draft_id)
        await transaction.drafts.finish_unsealing(SYSTEM, draft_id)


async def test_sealing_takes_a_number_and_notes_what_is_published(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    draft_id = await hold(catalog, "b")

    await start(catalog, draft_id)

    assert await state(catalog, draft_id) == (DraftState.SEALING, 2, 1)


async def test_what_is_pending_moves_to_a_new_draft_and_what_failed_is_dropped(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await upload(catalog, "b")
    await upload(catalog, "c")
    await prepare(catalog, "a")
    await fail(catalog, "c")

    await start(catalog, draft_id)

    async with catalog.writing() as transaction:
        fresh = await transaction.drafts.automatic(SYSTEM, CORPUS, START)
    assert fresh.id != draft_id
    assert await changed(catalog, draft_id) == ["doc_a"]
    assert await changed(catalog, fresh.id) == ["doc_b"]


async def test_the_automatic_draft_loses_what_is_older_than_what_is_published(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    automatic = await upload(catalog, "a", 2)
    await upload(catalog, "b", 2)
    await prepare(catalog, "a", 2)
    await prepare(catalog, "b", 2)
    await seal(catalog, await hold(catalog, "a", 3))

    await start(catalog, automatic)

    assert await changed(catalog, automatic) == ["doc_b"]


async def test_a_held_draft_with_pending_revisions_is_not_sealed(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a", is_prepared=False)
    await hold(catalog, "b")

    with pytest.raises(Conflict, match=r"Still being prepared: a\.md\."):
        await start(catalog, draft_id)


async def test_a_held_draft_with_failed_revisions_is_not_sealed(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a", is_prepared=False)
    await fail(catalog, "a")

    with pytest.raises(Conflict, match=r"Could not be read: a\.md\."):
        await start(catalog, draft_id)


async def test_a_document_that_others_changed_since_is_named(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    await hold(catalog, "b", 2)
    draft_id = await hold(catalog, "a", 2)
    await upload(catalog, "a", 3)
    await prepare(catalog, "a", 3)
    async with catalog.writing() as transaction:
        automatic = await transaction.drafts.automatic(SYSTEM, CORPUS, START)
    await seal(catalog, automatic.id)

    with pytest.raises(Conflict, match=r"since this draft was opened: a\.md\."):
        await start(catalog, draft_id)
    async with catalog.writing() as transaction:
        with pytest.raises(Conflict, match=r"a\.md"):
            await transaction.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PUBLISH)


async def test_what_others_changed_elsewhere_is_no_conflict(catalog: SqlCatalog) -> None:
    await publish(catalog, "a")
    draft_id = await hold(catalog, "a", 2)
    await publish(catalog, "b")

    await start(catalog, draft_id)

    assert await state(catalog, draft_id) == (DraftState.SEALING, 3, 2)


async def test_a_document_that_the_caller_may_not_see_is_not_named(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a", is_prepared=False)
    async with catalog.writing() as transaction:
        await transaction.documents.grant(SYSTEM, document("a").id, frozenset({"hr"}))
        with pytest.raises(Conflict, match="Still being prepared: 1 more"):
            await transaction.drafts.ask_for_seal(READER, draft_id, SealPurpose.PREVIEW)


async def test_at_most_ten_documents_are_named(catalog: SqlCatalog) -> None:
    for name in range(12):
        draft_id = await hold(catalog, f"{name:02}", is_prepared=False)

    with pytest.raises(Conflict, match=r"00\.md, .*, 09\.md, 2 more"):
        await start(catalog, draft_id)


async def test_what_a_draft_is_sealed_for_is_kept(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    async with catalog.writing() as transaction:
        asked = await transaction.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PREVIEW)
        assert asked.purpose is SealPurpose.PREVIEW
    await preview(catalog, draft_id)

    async with catalog.writing() as transaction:
        asked = await transaction.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PUBLISH)
        assert (asked.purpose, asked.state) == (SealPurpose.PUBLISH, DraftState.SEALED)


async def test_a_draft_that_is_sealing_is_asked_for_nothing_else(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    await start(catalog, draft_id)

    async with catalog.writing() as transaction:
        with pytest.raises(Conflict):
            await transaction.drafts.ask_for_seal(SYSTEM, draft_id, SealPurpose.PUBLISH)


async def test_a_seal_cut_short_goes_on_with_its_number(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    await start(catalog, draft_id)

    version = await seal(catalog, draft_id)

    assert version.number == 1


async def test_two_drafts_of_a_corpus_do_not_seal_together(catalog: SqlCatalog) -> None:
    await start(catalog, await upload(catalog, "a"))

    with pytest.raises(SlotTaken):
        await start(catalog, await upload(catalog, "b"))


async def test_a_sealed_draft_holds_the_slot_until_it_is_published(catalog: SqlCatalog) -> None:
    held = await hold(catalog, "a")
    version = await preview(catalog, held)
    other = await upload(catalog, "b")
    with pytest.raises(SlotTaken):
        await start(catalog, other)
    async with catalog.writing() as transaction:
        holder = await transaction.drafts.in_slot(SYSTEM, CORPUS)
        assert holder is not None and holder.id == held
        await publish_in(transaction, version)
        assert await transaction.drafts.in_slot(SYSTEM, CORPUS) is None

    await start(catalog, other)


async def test_a_refused_seal_uses_up_no_number(catalog: SqlCatalog) -> None:
    await start(catalog, await upload(catalog, "a"))
    with pytest.raises(SlotTaken):
        await start(catalog, await upload(catalog, "b"))

    assert await highest(catalog) == (1, 0)


async def test_of_two_that_seal_at_once_one_gets_the_slot(catalog: SqlCatalog) -> None:
    drafts = [await hold(catalog, name, draft=name) for name in ("a", "b", "c", "d")]

    outcomes = await asyncio.gather(*(start(catalog, draft_id) for draft_id in drafts), return_exceptions=True)

    assert sorted(type(one).__name__ for one in outcomes) == ["NoneType", "SlotTaken", "SlotTaken", "SlotTaken"]
    assert await highest(catalog) == (1, 0)


async def test_an_upload_never_meets_a_draft_that_has_just_been_closed(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        first = await transaction.drafts.automatic(SYSTEM, CORPUS, START)

    await asyncio.gather(start(catalog, first.id), *(upload(catalog, name) for name in "abcd"))

    async with catalog.writing() as transaction:
        second = await transaction.drafts.automatic(SYSTEM, CORPUS, START)
    assert {*await changed(catalog, first.id), *await changed(catalog, second.id)} == {f"doc_{x}" for x in "abcd"}


async def test_a_published_draft_is_not_sealed_again(catalog: SqlCatalog) -> None:
    version = await publish(catalog, "a")

    with pytest.raises(Conflict):
        await start(catalog, version.draft_id)


async def test_finishing_twice_changes_nothing(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        version, difference = await change_set(transaction, draft_id)
        for _ in range(2):
            await transaction.drafts.finish_sealing(SYSTEM, version, difference, FREQUENCIES)

        assert await transaction.versions.members(SYSTEM, CORPUS, 1) == {member("a")}
        assert await transaction.versions.get(SYSTEM, CORPUS, 1) == version
    assert (await state(catalog, draft_id))[0] is DraftState.SEALED


async def test_what_was_never_started_cannot_be_finished(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "a")
    await prepare(catalog, "a")
    async with catalog.writing() as transaction:
        version, difference = await change_set(transaction, draft_id)
        with pytest.raises(Conflict):
            await transaction.drafts.finish_sealing(SYSTEM, replace(version, number=7), difference, FREQUENCIES)


async def test_only_a_sealed_draft_is_marked_published(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    async with catalog.writing() as transaction:
        with pytest.raises(Conflict):
            await transaction.drafts.mark_published(SYSTEM, draft_id)


async def test_unsealing_takes_back_what_the_version_wrote(catalog: SqlCatalog) -> None:
    await publish(catalog, "a", "b")
    async with catalog.writing() as transaction:
        draft_id = await held_in(transaction)
        deletion = DraftChange(document_id=document("b").id, revision=None)
        await transaction.drafts.set_changes(SYSTEM, draft_id, [deletion])
    await preview(catalog, await hold(catalog, "a", 2))
    async with catalog.writing() as transaction:
        born, died = {member("a", 2)}, {member("a"), member("b")}
        written = await transaction.versions.written_by(SYSTEM, CORPUS, 2)
        assert written == VersionDifference(born=frozenset(born), died=frozenset(died))

    await unseal(catalog, draft_id)

    async with catalog.reading() as transaction:
        assert await transaction.versions.births(SYSTEM, CORPUS, [*born, *died]) == dict.fromkeys(died, 1)
    assert await state(catalog, draft_id) == (DraftState.OPEN, None, None)
    assert await changed(catalog, draft_id) == ["doc_a", "doc_b"]
    assert await highest(catalog) == (2, 1)


async def test_a_number_that_was_taken_back_is_not_used_again(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    await preview(catalog, draft_id)
    await unseal(catalog, draft_id)

    version = await preview(catalog, draft_id)

    assert (version.number, await highest(catalog)) == (2, (2, 2))


async def test_a_draft_that_is_still_sealing_can_be_unsealed(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    await start(catalog, draft_id)

    await unseal(catalog, draft_id)

    assert await state(catalog, draft_id) == (DraftState.OPEN, None, None)


async def test_unsealing_can_be_repeated_at_each_step(catalog: SqlCatalog) -> None:
    draft_id = await hold(catalog, "a")
    await preview(catalog, draft_id)
    async with catalog.writing() as transaction:
        for _ in range(2):
            assert (await transaction.drafts.start_unsealing(SYSTEM, draft_id)).state is DraftState.UNSEALING
        for _ in range(2):
            assert (await transaction.drafts.finish_unsealing(SYSTEM, draft_id)).state is DraftState.OPEN


async def test_an_open_or_published_draft_is_not_unsealed(catalog: SqlCatalog) -> None:
    version = await publish(catalog, "a")
    held = await hold(catalog, "b")

    async with catalog.writing() as transaction:
        for draft_id in (version.draft_id, held):
            with pytest.raises(Conflict):
                await transaction.drafts.start_unsealing(SYSTEM, draft_id)


async def test_what_is_being_unsealed_cannot_be_published(catalog: SqlCatalog) -> None:
    version = await preview(catalog, await hold(catalog, "a"))
    async with catalog.writing() as transaction:
        await transaction.drafts.start_unsealing(SYSTEM, version.draft_id)
        with pytest.raises(Conflict):
            await transaction.drafts.mark_published(SYSTEM, version.draft_id)


async def test_an_unsealed_automatic_draft_takes_over_the_changes_made_since(catalog: SqlCatalog) -> None:
    first = await upload(catalog, "a")
    await upload(catalog, "b")
    await prepare(catalog, "a")
    await prepare(catalog, "b")
    await preview(catalog, first)
    second = await upload(catalog, "b", 2)
    await remove(catalog, "a")

    await unseal(catalog, first)

    async with catalog.writing() as transaction:
        assert (await transaction.drafts.automatic(SYSTEM, CORPUS, START)).id == first
        assert (await transaction.drafts.get(SYSTEM, second)).state is DraftState.DISCARDED
        assert await transaction.drafts.changes(SYSTEM, first) == [
            DraftChange(document_id=document("a").id, revision=None),
            DraftChange(document_id=document("b").id, revision=2),
        ]
