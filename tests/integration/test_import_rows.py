"""Many rows at once, through the use case and a worker in the same process."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.fingerprints import PARSER_FINGERPRINT
from rag_service.domain.pages import PageRequest
from rag_service.domain.rows import Row
from rag_service.domain.uploads import CorpusFile
from rag_service.errors import Conflict, InvalidRequest, NotFound
from rag_service.ports.blob_store import BlobStore, StoredBlob
from rag_service.settings import UploadSettings
from rag_service.use_cases.accept_uploads import AcceptUploads
from rag_service.use_cases.rights import SpreadRights
from rag_service.use_cases.searching.options import SearchOptions

CORPUS = "rows"
COUNT = 40


@dataclass
class CountedBlobs:
    """A store that notes what it writes."""

    store: BlobStore
    before_write: Callable[[], Awaitable[None]] | None = None
    written: list[StoredBlob] = field(default_factory=list)

    async def write(self, scope: AccessScope, content: AsyncIterator[bytes], *, max_bytes: int) -> StoredBlob:
        if self.before_write:
            await self.before_write()
        self.written.append(await self.store.write(scope, content, max_bytes=max_bytes))
        return self.written[-1]

    async def exists(self, scope: AccessScope, sha256: str) -> bool:
        return await self.store.exists(scope, sha256)


@pytest.fixture(autouse=True)
async def corpus(worker: Worker, admin: AccessScope) -> None:
    await worker.container.create_corpus(admin, name=CORPUS)


async def test_rows_become_documents_known_by_their_ids(worker: Worker, admin: AccessScope) -> None:
    await _import(worker, admin, _rows())

    found = await worker.container.search(
        admin, corpus=CORPUS, query="What is gate 7 for?", options=SearchOptions(limit=1)
    )

    assert found.passages[0].attributes["document_key"] == "gate-7"
    assert found.passages[0].headings == ("Gate 7",)


async def test_the_same_rows_again_change_nothing(worker: Worker, admin: AccessScope) -> None:
    first = await _import(worker, admin, _rows())

    second = await _import(worker, admin, _rows())

    assert [file.revision.file_id for file in second] == [file.revision.file_id for file in first]
    assert {file.status for file in second} == {"completed"}
    assert await _published(worker, admin) == 1


async def test_only_bytes_that_are_new_are_stored(worker: Worker, admin: AccessScope) -> None:
    blobs = CountedBlobs(worker.container.blobs)
    uploads = _uploads_over(worker, blobs)
    rows = _rows()[:3]

    for _ in range(2):
        await uploads.accept_rows(admin, corpus=CORPUS, rows=rows)
    assert len(blobs.written) == 3
    await uploads.accept_rows(admin, corpus=CORPUS, rows=[*rows[:2], replace(rows[2], text="Gate 2 is closed.")])

    assert len(blobs.written) == 4


async def test_a_row_that_changes_while_it_is_imported_unchanged_keeps_the_change(
    worker: Worker, admin: AccessScope
) -> None:
    first, second = _rows()[:2]
    await _import(worker, admin, [second])
    changed = replace(second, text="Gate 1 is closed.")

    async def change_second() -> None:
        await worker.container.uploads.accept_rows(admin, corpus=CORPUS, rows=[changed])

    uploads = _uploads_over(worker, CountedBlobs(worker.container.blobs, before_write=change_second))
    files = await uploads.accept_rows(admin, corpus=CORPUS, rows=[first, second])

    assert [file.revision.number for file in files] == [1, 2]
    assert files[1].revision.raw_sha256 == hashlib.sha256(changed.content()).hexdigest()


async def test_a_changed_row_is_a_new_revision_of_its_document_only(worker: Worker, admin: AccessScope) -> None:
    await _import(worker, admin, _rows())
    changed = replace(_rows()[7], text="Gate 7 is closed.")

    await _import(worker, admin, [*_rows()[:7], changed])

    page = await worker.container.list_corpus_files(admin, corpus=CORPUS, page=PageRequest(limit=100), status=None)
    numbers = {file.revision.attributes["document_key"]: file.revision.number for file in page.items}
    assert numbers.pop("gate-7") == 2
    assert set(numbers.values()) == {1}
    assert len(numbers) == COUNT - 1


async def test_a_row_imported_again_while_its_removal_waits_stays(worker: Worker, admin: AccessScope) -> None:
    files = await _import(worker, admin, _rows())
    await worker.container.remove_document(admin, corpus=CORPUS, file_id=files[7].revision.file_id)

    await _import(worker, admin, [_rows()[7]])

    found = await worker.container.search(
        admin, corpus=CORPUS, query="What is gate 7 for?", options=SearchOptions(limit=1)
    )
    assert found.passages[0].attributes["document_key"] == "gate-7"


async def test_rows_are_seen_by_those_they_are_granted_to(worker: Worker, admin: AccessScope) -> None:
    rows = _rows()
    await worker.container.uploads.accept_rows(admin, corpus=CORPUS, rows=rows, principals=frozenset({"board"}))
    await _work_off(worker)
    board = replace(admin, principals=admin.principals | {"board"})

    assert (
        await worker.container.search(admin, corpus=CORPUS, query="gate 7", options=SearchOptions(limit=3))
    ).passages == ()
    assert (
        await worker.container.search(board, corpus=CORPUS, query="gate 7", options=SearchOptions(limit=3))
    ).passages
    with pytest.raises(Conflict):
        await worker.container.uploads.accept_rows(admin, corpus=CORPUS, rows=rows)


async def test_new_rights_on_unchanged_rows_take_effect(worker: Worker, admin: AccessScope) -> None:
    await _import(worker, admin, _rows())

    await worker.container.uploads.accept_rows(admin, corpus=CORPUS, rows=_rows(), principals=frozenset({"board"}))
    await _work_off(worker)

    assert (
        await worker.container.search(admin, corpus=CORPUS, query="gate 7", options=SearchOptions(limit=3))
    ).passages == ()


async def test_wider_rights_on_unchanged_rows_make_no_version(worker: Worker, admin: AccessScope) -> None:
    await worker.container.uploads.accept_rows(admin, corpus=CORPUS, rows=_rows(), principals=frozenset({"board"}))
    await _work_off(worker)
    board = replace(admin, principals=admin.principals | {"board"})

    everyone = frozenset({"everyone"})
    again = await worker.container.uploads.accept_rows(board, corpus=CORPUS, rows=_rows(), principals=everyone)

    assert {file.revision.number for file in again} == {1}
    found = await worker.container.search(admin, corpus=CORPUS, query="gate 7", options=SearchOptions(limit=3))
    assert (found.passages != (), found.pinned.number) == (True, 1)


async def test_without_the_permission_nothing_is_imported(worker: Worker, admin: AccessScope) -> None:
    reader, _ = await worker.container.keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))

    with pytest.raises(NotFound):
        await worker.container.uploads.accept_rows(reader.scope(), corpus=CORPUS, rows=_rows())


@pytest.mark.parametrize("count", [0, 1001])
async def test_too_few_or_too_many_rows_are_refused(worker: Worker, admin: AccessScope, count: int) -> None:
    rows = [Row(id=str(number), title="", text="x") for number in range(count)]

    with pytest.raises(InvalidRequest):
        await worker.container.uploads.accept_rows(admin, corpus=CORPUS, rows=rows)


async def test_one_id_twice_is_refused(worker: Worker, admin: AccessScope) -> None:
    with pytest.raises(InvalidRequest, match="twice"):
        await worker.container.uploads.accept_rows(admin, corpus=CORPUS, rows=[*_rows(), _rows()[0]])


def _rows() -> list[Row]:
    return [
        Row(id=f"gate-{number}", title=f"Gate {number}", text=f"Gate {number} is for deliveries of kind {number}.")
        for number in range(COUNT)
    ]


def _uploads_over(worker: Worker, blobs: CountedBlobs) -> AcceptUploads:
    parts = worker.container
    return AcceptUploads(
        catalog=parts.catalog,
        blobs=blobs,
        queue=parts.queue,
        clock=parts.clock,
        parser_fingerprint=PARSER_FINGERPRINT,
        settings=UploadSettings(max_file_bytes=10_000),
        spread_rights=SpreadRights(catalog=parts.catalog, index=parts.index),
    )


async def _import(worker: Worker, scope: AccessScope, rows: list[Row]) -> list[CorpusFile]:
    files = await worker.container.uploads.accept_rows(scope, corpus=CORPUS, rows=rows)
    await _work_off(worker)
    return files


async def _work_off(worker: Worker) -> None:
    while await worker.runner.enqueue_due_seals() or await worker.runner.run_next():
        pass


async def _published(worker: Worker, scope: AccessScope) -> int:
    async with worker.container.catalog.reading() as tx:
        return (await tx.corpora.get(scope, CORPUS)).published
