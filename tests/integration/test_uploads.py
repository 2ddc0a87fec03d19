"""From an upload to a version, through the use cases and a worker in the same process."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.pages import PageRequest
from rag_service.domain.uploads import CorpusFile
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.use_cases.searching.options import SearchOptions
from tests.integration.desk import EVERY_STATE, Desk

CORPUS = "notes"
PARKING = b"# Parking\n\nThe car park closes at 22:30 on weekdays.\n"
PARKING_NOW = b"# Parking\n\nThe car park closes at midnight on weekdays.\n"


@pytest.fixture
def parse() -> None:
    """Files are read by a child, as they always are."""


@pytest.fixture(autouse=True)
async def corpus(worker: Worker, admin: AccessScope) -> None:
    await worker.container.create_corpus(admin, name=CORPUS)


async def test_an_upload_becomes_searchable(worker: Worker, admin: AccessScope) -> None:
    await _upload(worker, admin, PARKING)

    assert "22:30" in await _found(worker, admin, CORPUS)


async def test_the_same_bytes_again_change_nothing(worker: Worker, admin: AccessScope) -> None:
    first = await _upload(worker, admin, PARKING)

    second = await _upload(worker, admin, PARKING)

    assert second.revision == first.revision
    assert await _published(worker, admin) == 1
    assert worker.vectors.newly_embedded == 1


async def test_a_file_with_a_known_name_is_a_new_revision_and_the_old_version_can_still_be_asked(
    worker: Worker, admin: AccessScope
) -> None:
    await _upload(worker, admin, PARKING)
    await _upload(worker, admin, PARKING_NOW)

    assert "midnight" in await _found(worker, admin, CORPUS)
    assert "22:30" in await _found(worker, admin, f"{CORPUS}@1")


async def test_old_versions_need_the_permission_history(worker: Worker, admin: AccessScope) -> None:
    await _upload(worker, admin, PARKING)
    await _upload(worker, admin, PARKING_NOW)
    reader, _ = await worker.container.keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))

    with pytest.raises(NotFound):
        await _found(worker, reader.scope(), f"{CORPUS}@1")


async def test_a_removed_document_is_gone_from_the_next_version_only(worker: Worker, admin: AccessScope) -> None:
    uploaded = await _upload(worker, admin, PARKING)

    await worker.container.remove_document(admin, corpus=CORPUS, file_id=uploaded.revision.file_id)
    await _work_off(worker)

    assert await _found(worker, admin, CORPUS) == ""
    assert "22:30" in await _found(worker, admin, f"{CORPUS}@1")


async def test_a_document_that_is_uploaded_again_while_its_removal_waits_stays(
    worker: Worker, admin: AccessScope
) -> None:
    uploaded = await _upload(worker, admin, PARKING)
    await worker.container.remove_document(admin, corpus=CORPUS, file_id=uploaded.revision.file_id)

    await _upload(worker, admin, PARKING)

    assert "22:30" in await _found(worker, admin, CORPUS)


async def test_a_failed_file_leaves_the_earlier_revision_in_place(worker: Worker, admin: AccessScope) -> None:
    await _upload(worker, admin, PARKING)

    failed = await _upload(worker, admin, b"")

    assert failed.status == "failed"
    assert "22:30" in await _found(worker, admin, CORPUS)


async def test_a_document_is_seen_by_those_it_is_granted_to(worker: Worker, admin: AccessScope) -> None:
    await _upload(worker, admin, PARKING, principals=frozenset({"board"}))
    permissions = frozenset({Permission.CHAT})
    member, _ = await worker.container.keys.create(
        admin, name="member", permissions=permissions, principals=frozenset({"board"})
    )
    outsider, _ = await worker.container.keys.create(admin, name="outsider", permissions=permissions)

    assert "22:30" in await _found(worker, member.scope(), CORPUS)
    assert await _found(worker, outsider.scope(), CORPUS) == ""


async def test_new_rights_on_an_unchanged_file_take_effect(worker: Worker, admin: AccessScope) -> None:
    board = replace(admin, principals=admin.principals | {"board"})
    reader, _ = await worker.container.keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))
    await _upload(worker, board, PARKING, principals=frozenset({"board"}))

    await _upload(worker, board, PARKING, principals=frozenset({"everyone"}))

    assert "22:30" in await _found(worker, reader.scope(), CORPUS)


async def test_a_document_cannot_be_replaced_by_those_who_may_not_see_it(worker: Worker, admin: AccessScope) -> None:
    await _upload(worker, admin, PARKING, principals=frozenset({"board"}))

    with pytest.raises(Conflict):
        await _upload(worker, admin, PARKING_NOW)


async def test_too_many_attributes_are_refused(worker: Worker, admin: AccessScope) -> None:
    file = await worker.container.store_file(admin, filename="a.md", purpose="assistants", content=_body(PARKING))

    with pytest.raises(InvalidRequest):
        await worker.container.uploads.accept_file(
            admin, corpus=CORPUS, file_id=file.id, attributes={str(number): 1.0 for number in range(17)}
        )


async def test_a_list_shows_each_document_once_at_its_newest_revision(worker: Worker, admin: AccessScope) -> None:
    await _upload(worker, admin, PARKING)
    await _upload(worker, admin, PARKING_NOW)

    page = await worker.container.list_corpus_files(admin, corpus=CORPUS, page=PageRequest(), status=None)

    assert [(file.revision.number, file.status) for file in page.items] == [(2, "completed")]


async def test_what_is_uploaded_again_while_it_is_being_sealed_makes_no_other_version(
    worker: Worker, admin: AccessScope
) -> None:
    desk = Desk(worker=worker, admin=admin, corpus=CORPUS)
    await desk.upload("parking", "Midnight.")
    await desk.prepare()
    async with worker.container.catalog.writing() as tx:
        [draft] = await tx.drafts.list(admin, (await tx.corpora.get(admin, CORPUS)).id, states=EVERY_STATE)
        await tx.drafts.start_sealing(admin, draft.id, worker.container.clock())

    again = await desk.upload("parking", "Midnight.")
    await desk.seal(draft)
    await desk.work_off()

    assert again.status == "in_progress"
    assert await _published(worker, admin) == 1


async def _upload(
    worker: Worker, scope: AccessScope, content: bytes, *, principals: frozenset[str] | None = None
) -> CorpusFile:
    parts = worker.container
    file = await parts.store_file(scope, filename="parking.md", purpose="assistants", content=_body(content))
    accepted = await parts.uploads.accept_file(
        scope, corpus=CORPUS, file_id=file.id, attributes={}, principals=principals
    )
    await _work_off(worker)
    if principals and not principals & scope.principals:
        return accepted
    return await parts.read_corpus_file(scope, corpus=CORPUS, file_id=accepted.revision.file_id)


async def _work_off(worker: Worker) -> None:
    while await worker.runner.enqueue_due_seals() or await worker.runner.run_next():
        pass


async def _found(worker: Worker, scope: AccessScope, corpus: str) -> str:
    result = await worker.container.search(
        scope, corpus=corpus, query="When does the car park close?", options=SearchOptions(limit=3)
    )
    return " ".join(passage.text for passage in result.passages)


async def _published(worker: Worker, scope: AccessScope) -> int:
    async with worker.container.catalog.reading() as tx:
        return (await tx.corpora.get(scope, CORPUS)).published


async def _body(content: bytes) -> AsyncIterator[bytes]:
    yield content
