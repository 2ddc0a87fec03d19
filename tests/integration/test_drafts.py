"""Held drafts: sealed, previewed, published, rolled back, taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ingestion.bootstrap import Worker
from ingestion.handlers import DraftHandler
from ingestion.progress import ProgressNotes
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.ids import DraftId, KeyId
from rag_service.domain.jobs import JobKind
from rag_service.domain.pages import PageRequest
from rag_service.errors import Conflict, InvalidRequest, NotFound, SlotTaken
from rag_service.use_cases.chunk_progress import OnChunks
from rag_service.use_cases.seal_plan import StillHeld
from tests.integration.desk import DOCUMENTS, Desk
from tests.integration.snapshots import snapshot

GREEN = "Apples are green."
DATES = "Dates are sweet."


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(DOCUMENTS)
    return desk


async def test_a_preview_shows_the_draft_and_leaves_the_published_version_as_it_was(desk: Desk) -> None:
    before = await desk.found("Are apples red or yellow?")
    draft = await desk.hold(uploads={"a": GREEN, "d": DATES}, removals=("b",))

    await desk.seal(draft, SealPurpose.PREVIEW)

    assert await desk.texts(at="draft") == {GREEN, DATES, DOCUMENTS["c"]}
    assert await desk.found("Are apples red or yellow?") == before


async def test_nothing_of_a_held_draft_is_published_by_itself(desk: Desk) -> None:
    await desk.hold(uploads={"a": GREEN})

    await desk.work_off()

    assert await desk.texts() == set(DOCUMENTS.values())


async def test_a_previewed_draft_is_published_without_writing_anything_again(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    previewed = await desk.seal(draft, SealPurpose.PREVIEW)

    published = await desk.seal(draft, SealPurpose.PUBLISH)

    assert published.number == previewed.number
    assert GREEN in await desk.texts()
    assert (await desk.draft(draft.id)).state is DraftState.PUBLISHED


async def test_a_rollback_shows_the_old_version_again_at_once(desk: Desk) -> None:
    before = await desk.found("Are apples red?")
    await desk.seal(await desk.hold(uploads={"a": GREEN}), SealPurpose.PUBLISH)

    await desk.roll_back(1)

    assert await desk.found("Are apples red?") == before
    assert GREEN in await desk.texts(at="2")


async def test_after_a_rollback_the_next_version_continues_from_what_is_published(desk: Desk) -> None:
    await desk.seal(await desk.hold(uploads={"a": GREEN}, removals=("b",)), SealPurpose.PUBLISH)
    await desk.roll_back(1)

    await desk.publish({"d": DATES})

    assert await desk.texts() == {*DOCUMENTS.values(), DATES}
    assert await desk.texts(at="2") == {GREEN, DOCUMENTS["c"]}


async def test_one_can_roll_forward_again(desk: Desk) -> None:
    await desk.seal(await desk.hold(uploads={"a": GREEN}), SealPurpose.PUBLISH)
    await desk.roll_back(1)

    await desk.roll_back(2)

    assert GREEN in await desk.texts()


async def test_what_was_never_published_cannot_be_rolled_forward_to(desk: Desk) -> None:
    await desk.seal(await desk.hold(uploads={"a": GREEN}), SealPurpose.PREVIEW)

    with pytest.raises(Conflict, match="Publish its draft"):
        await desk.roll_back(2)
    with pytest.raises(Conflict):
        await desk.roll_back(1)


async def test_a_document_changed_since_the_base_is_a_conflict_that_names_it(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN, "d": DATES})
    await desk.publish({"a": "Apples are blue."})

    with pytest.raises(Conflict, match=r": a\b"):
        await desk.worker.container.drafts.ask_for_seal(
            desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PREVIEW
        )


async def test_a_draft_published_later_keeps_what_others_published_meanwhile(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    await desk.publish({"d": DATES})

    await desk.seal(draft, SealPurpose.PUBLISH)

    assert await desk.texts() == {GREEN, DOCUMENTS["b"], DOCUMENTS["c"], DATES}


async def test_a_draft_with_an_unprepared_file_is_not_sealed(desk: Desk) -> None:
    draft = await desk.hold()
    await desk.upload("late", DATES, draft="spring")

    with pytest.raises(Conflict, match="late"):
        await desk.worker.container.drafts.ask_for_seal(
            desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PUBLISH
        )


async def test_unsealing_leaves_catalog_and_index_as_they_were(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN, "d": DATES}, removals=("b",))
    before = await snapshot(desk)
    await desk.seal(draft, SealPurpose.PREVIEW)

    await desk.unseal(draft)

    after = await snapshot(desk)
    assert after.pop("members")[:2] == before.pop("members")
    assert after == before


async def test_an_unsealed_draft_is_asked_no_more_and_its_number_is_not_used_again(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    await desk.seal(draft, SealPurpose.PREVIEW)
    await desk.unseal(draft)

    for ref in ("draft", "2"):
        with pytest.raises(NotFound):
            await desk.texts(at=ref)
    assert (await desk.seal(draft, SealPurpose.PUBLISH)).number == 3


async def test_a_preview_makes_room_for_a_publish_and_is_sealed_again_behind_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.jobs.LOOK_AGAIN_S", 0)
    draft = await desk.hold(uploads={"a": GREEN})
    await desk.seal(draft, SealPurpose.PREVIEW)
    await desk.upload("d", DATES)

    while (await desk.draft(draft.id)).sealed_against != 3:
        await desk.work_off()

    assert await desk.texts() == {*DOCUMENTS.values(), DATES}
    assert await desk.texts(at="draft") == {GREEN, DOCUMENTS["b"], DOCUMENTS["c"], DATES}
    assert (await desk.draft(draft.id)).number == 4


async def test_a_publish_waits_when_the_preview_in_its_way_is_published_at_this_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise Conflict("It is published.")

    await desk.seal(await desk.hold("first", uploads={"a": GREEN}), SealPurpose.PREVIEW)
    second = await desk.hold("second", uploads={"d": DATES})
    monkeypatch.setattr("rag_service.catalog.unsealing.start", refuse)

    with pytest.raises(SlotTaken):
        await desk.seal(second, SealPurpose.PUBLISH)


async def test_the_log_names_the_key_that_asked_for_a_publish(desk: Desk) -> None:
    await desk.hold(uploads={"a": GREEN})
    person = replace(desk.admin, key_id=KeyId("key_of_a_person"))
    await desk.worker.container.drafts.ask_for_seal(
        person, corpus=desk.corpus, draft="spring", purpose=SealPurpose.PUBLISH
    )
    await desk.work_off()

    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        log = await tx.corpora.publications(desk.admin, corpus.id, PageRequest())

    assert [entry.key_id for entry in sorted(log.items, key=lambda entry: entry.number)] == [None, person.key_id]


async def test_a_preview_waits_for_another_preview(desk: Desk) -> None:
    await desk.seal(await desk.hold("first", uploads={"a": GREEN}), SealPurpose.PREVIEW)
    second = await desk.hold("second", uploads={"d": DATES})

    with pytest.raises(SlotTaken):
        await desk.seal(second, SealPurpose.PREVIEW)

    assert await desk.texts(at="draft") == {GREEN, DOCUMENTS["b"], DOCUMENTS["c"]}


async def test_a_preview_waits_while_a_publish_is_due(desk: Desk) -> None:
    preview = await desk.hold("preview", uploads={"a": GREEN})
    await desk.hold("publish", uploads={"d": DATES})
    await desk.worker.container.drafts.ask_for_seal(
        desk.admin, corpus=desk.corpus, draft="publish", purpose=SealPurpose.PUBLISH
    )

    with pytest.raises(SlotTaken):
        await desk.seal(preview, SealPurpose.PREVIEW)


async def test_a_draft_sealed_against_what_was_rolled_back_is_sealed_anew_before_it_is_published(desk: Desk) -> None:
    await desk.publish({"d": DATES})
    draft = await desk.hold(uploads={"a": GREEN})
    await desk.seal(draft, SealPurpose.PREVIEW)
    await desk.roll_back(1)

    version = await desk.seal(draft, SealPurpose.PUBLISH)

    assert version.number == 4
    assert await desk.texts() == {GREEN, DOCUMENTS["b"], DOCUMENTS["c"]}


async def test_asking_twice_for_a_seal_gives_the_same_job(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    drafts = desk.worker.container.drafts

    jobs = [
        await drafts.ask_for_seal(desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PREVIEW)
        for _ in range(2)
    ]

    assert jobs[0] == jobs[1] and jobs[0].kind is JobKind.SEAL_DRAFT


async def test_a_sealed_draft_is_opened_again_by_a_job(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    await desk.seal(draft, SealPurpose.PREVIEW)

    await desk.worker.container.drafts.ask_for_unseal(desk.admin, corpus=desk.corpus, draft="spring")
    await desk.work_off()

    assert (await desk.draft(draft.id)).state is DraftState.OPEN


async def test_an_open_draft_cannot_be_unsealed_and_one_whose_seal_waits_not_be_discarded(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    drafts = desk.worker.container.drafts

    with pytest.raises(Conflict):
        await drafts.ask_for_unseal(desk.admin, corpus=desk.corpus, draft=draft.id)
    await drafts.ask_for_seal(desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PREVIEW)
    with pytest.raises(Conflict, match="Cancel it first"):
        await drafts.discard(desk.admin, corpus=desk.corpus, draft=draft.id)


async def test_a_discarded_draft_frees_its_name_and_is_no_longer_listed(desk: Desk) -> None:
    await desk.hold(uploads={"a": GREEN})
    drafts = desk.worker.container.drafts

    await drafts.discard(desk.admin, corpus=desk.corpus, draft="spring")

    assert await drafts.list(desk.admin, corpus=desk.corpus) == []
    await drafts.open(desk.admin, corpus=desk.corpus, name="spring")


async def test_a_change_taken_out_of_a_draft_is_not_published(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN, "d": DATES})
    _, changes = await desk.worker.container.drafts.get(desk.admin, corpus=desk.corpus, draft="spring")

    await desk.worker.container.drafts.drop_change(
        desk.admin, corpus=desk.corpus, draft="spring", document_id=changes[0].change.document_id
    )

    await desk.seal(draft, SealPurpose.PUBLISH)
    assert [change.key for change in changes] == ["a", "d"]
    assert await desk.texts() == {*DOCUMENTS.values(), DATES}


async def test_what_a_held_draft_has_already_is_completed_when_it_is_uploaded_again(desk: Desk) -> None:
    await desk.hold(uploads={"d": DATES})

    again = await desk.upload("d", DATES, draft="spring")

    assert (again.revision.number, again.status) == (1, "completed")


async def test_uploading_what_is_published_takes_back_a_removal_in_the_draft(desk: Desk) -> None:
    draft = await desk.hold(removals=("a",))

    await desk.upload("a", DOCUMENTS["a"], draft="spring")

    await desk.seal(draft, SealPurpose.PUBLISH)
    assert await desk.texts() == set(DOCUMENTS.values())


async def test_the_automatic_draft_is_not_previewed(desk: Desk) -> None:
    await desk.upload("d", DATES)
    [automatic] = await desk.worker.container.drafts.list(desk.admin, corpus=desk.corpus)

    with pytest.raises(Conflict):
        await desk.worker.container.drafts.ask_for_seal(
            desk.admin, corpus=desk.corpus, draft=automatic.id, purpose=SealPurpose.PREVIEW
        )


@pytest.mark.parametrize("name", ["", "a@b", "a/b", "x" * 129])
async def test_a_name_that_could_not_be_asked_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await desk.worker.container.drafts.open(desk.admin, corpus=desk.corpus, name=name)


async def test_a_publish_that_is_asked_for_when_a_preview_has_just_been_sealed_is_not_lost(desk: Desk) -> None:
    draft = await desk.hold(uploads={"a": GREEN})
    drafts, catalog = desk.worker.container.drafts, desk.worker.container.catalog

    async def seal_and_ask(
        scope: AccessScope, draft_id: DraftId, *, still_held: StillHeld, on_chunks: OnChunks
    ) -> None:
        await desk.sealing()(scope, draft_id, still_held=still_held)
        await drafts.ask_for_seal(desk.admin, corpus=desk.corpus, draft=draft_id, purpose=SealPurpose.PUBLISH)

    clock = desk.worker.container.clock
    await drafts.ask_for_seal(desk.admin, corpus=desk.corpus, draft=draft.id, purpose=SealPurpose.PREVIEW)
    async with catalog.writing() as tx:
        due = await tx.jobs.due([JobKind.SEAL_DRAFT], now=clock(), limit=1)
        seal = await tx.jobs.claim(due, now=clock(), lease=timedelta(minutes=1))
    progress = ProgressNotes(catalog=catalog, clock=clock)
    await DraftHandler(seal_and_ask, catalog=catalog, progress=progress, clock=clock).run(seal)

    await desk.prepare()

    assert (await desk.draft(draft.id)).state is DraftState.PUBLISHED


async def test_a_reader_cannot_read_the_text_of_a_revision_that_was_never_published(desk: Desk) -> None:
    reader = replace(desk.admin, permissions=frozenset({Permission.CHAT}))
    await desk.hold(uploads={"a": GREEN})
    read = desk.worker.container.read_revision_text
    [document_id] = [document_id for document_id, key in (await desk.keys()).items() if key == "a"]

    _, published = await read(reader, document_id, 1)
    _, held_back = await read(desk.admin, document_id, 2)
    with pytest.raises(NotFound):
        await read(reader, document_id, 2)

    assert (published.text, held_back.text) == (DOCUMENTS["a"], GREEN)


async def test_what_was_published_once_stays_readable_for_those_whose_answers_cite_it(desk: Desk) -> None:
    reader = replace(desk.admin, permissions=frozenset({Permission.CHAT}))
    await desk.publish({"a": GREEN})
    [document_id] = [document_id for document_id, key in (await desk.keys()).items() if key == "a"]

    _, old = await desk.worker.container.read_revision_text(reader, document_id, 1)

    assert old.text == DOCUMENTS["a"]
