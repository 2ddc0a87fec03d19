"""Put uploads into a corpus: one transaction writes documents, revisions, draft changes and jobs."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from rag_service.domain.access import EVERYONE, AccessScope, Permission, system_scope
from rag_service.domain.documents import Attributes, Document, Revision, RevisionState, StoredFile
from rag_service.domain.drafts import Draft, DraftChange
from rag_service.domain.ids import DocumentId, FileId, new_id
from rag_service.domain.jobs import JobKind, Priority, new_job
from rag_service.domain.rows import Row
from rag_service.domain.uploads import DOCUMENT_KEY, CorpusFile, KnownUpload, NewUpload, Upload, key_of, status_of
from rag_service.domain.versions import Corpus
from rag_service.errors import BlobsUnavailable, Conflict, IndexUnavailable, InvalidRequest
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.job_queue import JobQueue
from rag_service.settings import UploadSettings
from rag_service.use_cases.backlog import assert_room
from rag_service.use_cases.permissions import require
from rag_service.use_cases.rights import SpreadRights

MAX_ATTRIBUTES = 16
MAX_ATTRIBUTE_CHARS = 512
MAX_ROWS = 1000
_PURPOSE = "assistants"
_WRITES_AT_ONCE = 8

Admit = Callable[[Transaction, Sequence[Upload]], Awaitable[Sequence[Upload]]]
"""Returns, in the transaction that writes and after what is there was read, the uploads that go in."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where uploads go, into a held draft or the automatic one, and who may see them there.

    Without principals a document keeps those it has, at first everyone.
    """

    scope: AccessScope
    corpus: Corpus
    held: Draft | None
    principals: frozenset[str] | None
    priority: Priority

    def grants(self, upload: Upload, document: Document) -> frozenset[str] | None:
        """Return who may see a document that is there from now on; None when it keeps its rights."""
        # What somebody keeps for a few is not opened by what a source says.
        of_upload = upload.principals if EVERYONE in document.principals else None
        wanted = self.principals or of_upload
        return None if wanted == document.principals else wanted


class AcceptUploads:
    """Makes each upload a revision of the document with its key, on the corpus's automatic draft or a held one.

    `draft` is the id or name of a held draft. What repeats the newest revision makes no other one and is returned as it
    is. Once a call returns, nothing of it is ever lost; every call may be repeated, and has to be when LimitExceeded says
    that too much waits to be read. `principals` are those who may see the documents, at every version and at once; None
    keeps what they have, at first everyone.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        blobs: BlobStore,
        queue: JobQueue,
        clock: Callable[[], datetime],
        parser_fingerprint: str,
        ocr_languages: str = "",
        settings: UploadSettings,
        spread_rights: SpreadRights,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._queue = queue
        self._clock = clock
        self._parser_fingerprint = parser_fingerprint
        self._ocr_languages = ocr_languages
        self._settings = settings
        self._spread_rights = spread_rights

    async def accept_file(
        self,
        scope: AccessScope,
        *,
        corpus: str,
        file_id: FileId,
        attributes: Attributes,
        draft: str | None = None,
        principals: frozenset[str] | None = None,
        priority: Priority = Priority.PERSON,
    ) -> CorpusFile:
        """Accept a stored file, as `accept_files` does."""
        accepted = await self.accept_files(
            scope, corpus=corpus, files=[(file_id, attributes)], draft=draft, principals=principals, priority=priority
        )
        return accepted[0]

    async def accept_files(
        self,
        scope: AccessScope,
        *,
        corpus: str,
        files: Sequence[tuple[FileId, Attributes]],
        draft: str | None = None,
        principals: frozenset[str] | None = None,
        priority: Priority = Priority.BULK,
    ) -> list[CorpusFile]:
        """Accept stored files, together where they are of different documents; return one per file, in order.

        `priority` says whether somebody waits for them or they are some of many.

        Raises:
            NotFound: no such corpus, draft or file, or the key may not upload.
            InvalidRequest: more attributes, or longer ones, than are kept.
            Conflict: a document of that key is there, and the caller may not see it; or the draft is not open.
        """
        require(scope, Permission.UPLOAD, kind="corpus", ref=corpus)
        for _, attributes in files:
            _check_attributes(attributes)
        async with self._catalog.reading() as tx:
            place = await _place(tx, scope, corpus, draft=draft, principals=principals, priority=priority)
            uploads = [
                Upload(file=await tx.files.get(scope, file_id), is_new_file=False, attributes=attributes)
                for file_id, attributes in files
            ]
        return [file for run in _runs(uploads) for file in await self._accept(place, run)]

    async def accept_rows(
        self,
        scope: AccessScope,
        *,
        corpus: str,
        rows: Sequence[Row],
        draft: str | None = None,
        principals: frozenset[str] | None = None,
    ) -> list[CorpusFile]:
        """Accept rows, with the cost of a few statements for all; return one file per row, in order.

        Raises:
            NotFound: no such corpus or draft, or the key may not upload.
            InvalidRequest: no rows, too many, or one id twice.
            TooLarge: a row is larger than a file may be.
            Conflict: a document of that key is there, and the caller may not see it; or the draft is not open.
        """
        require(scope, Permission.UPLOAD, kind="corpus", ref=corpus)
        _check_rows(rows)
        uploads = [_upload_of(scope, row, now=self._clock()) for row in rows]
        async with self._catalog.reading() as tx:
            place = await _place(tx, scope, corpus, draft=draft, principals=principals, priority=Priority.BULK)
            known = await tx.uploads.known(scope, place.corpus.id, [row.id for row in rows])
        repeated = frozenset(upload.key for upload in uploads if not self._changes(place, upload, known))
        fresh = [row for row in rows if row.id not in repeated]
        await self._store(scope, fresh)
        accepted = await self._accept(place, uploads, repeated=repeated)
        # The reconciler may have removed the same bytes, left by a broken upload, before the rows named them.
        await self._store(scope, fresh, only_missing=True)
        return accepted

    async def accept_kept(
        self,
        scope: AccessScope,
        *,
        corpus: str,
        uploads: Sequence[Upload],
        draft: str,
        admit: Admit,
        priority: Priority = Priority.BULK,
    ) -> dict[str, CorpusFile]:
        """Accept files whose bytes are kept and that have no row, into a held draft; return those admitted, by key.

        Raises:
            NotFound: no such corpus or draft, or the key may not upload.
            InvalidRequest: more attributes, or longer ones, than are kept.
            Conflict: the draft is not open.
            BlobsUnavailable: the bytes of a file are gone: it is to be kept and accepted again.
        """
        require(scope, Permission.UPLOAD, kind="corpus", ref=corpus)
        for upload in uploads:
            _check_attributes(upload.attributes)
        async with self._catalog.reading() as tx:
            place = await _place(tx, scope, corpus, draft=draft, principals=None, priority=priority)
        accepted = await self._accept(place, uploads, admit=admit)
        for sha256 in {one.revision.raw_sha256 for one in accepted if one.status == "in_progress"}:
            # The reconciler may have removed the same bytes, left by a broken upload, before the rows named them.
            if not await self._blobs.exists(scope, sha256):
                raise BlobsUnavailable("A file was removed while it was accepted.")
        return {key_of(one.revision.filename, one.revision.attributes): one for one in accepted}

    async def _store(self, scope: AccessScope, rows: Sequence[Row], *, only_missing: bool = False) -> None:
        slots = asyncio.Semaphore(_WRITES_AT_ONCE)

        async def store(row: Row) -> None:
            content = row.content()
            async with slots:
                if only_missing and await self._blobs.exists(scope, hashlib.sha256(content).hexdigest()):
                    return
                await self._blobs.write(scope, _once(content), max_bytes=self._settings.max_file_bytes)

        await asyncio.gather(*(store(row) for row in rows))

    async def _accept(
        self,
        place: _Place,
        uploads: Sequence[Upload],
        *,
        repeated: frozenset[str] = frozenset(),
        admit: Admit | None = None,
    ) -> list[CorpusFile]:
        """Write what changes something, apart from the keys in `repeated`, whose bytes are not stored again.

        These said nothing new a moment ago; when their documents have changed since, that change came later.
        """
        async with self._catalog.writing() as tx:
            known = await tx.uploads.known(place.scope, place.corpus.id, [upload.key for upload in uploads])
            if admit is not None:
                uploads = await admit(tx, uploads)
                known = {upload.key: known[upload.key] for upload in uploads if upload.key in known}
            new = {
                upload.key: self._new_upload(place, upload, known.get(upload.key))
                for upload in uploads
                if upload.key not in repeated and self._changes(place, upload, known)
            }
            if new:
                sizes = (upload.file.size_bytes for upload in new.values())
                await assert_room(tx, place.scope.tenant_id, sizes, self._settings)
            await self._write(tx, place, new, known)
            granted = await _grant(tx, place, uploads, known)
        await self._spread(place, granted)
        await self._queue.announce([accepted.job for accepted in new.values()])
        return [_corpus_file(place, new.get(upload.key), known.get(upload.key)) for upload in uploads]

    def _changes(self, place: _Place, upload: Upload, known: Mapping[str, KnownUpload]) -> bool:
        there = known.get(upload.key)
        return there is None or not upload.repeats(
            there.latest, parser_fingerprint=self._parser_fingerprint, ocr_languages=self._ocr_languages
        )

    def _new_upload(self, place: _Place, upload: Upload, known: KnownUpload | None) -> NewUpload:
        now = self._clock()
        document = known.document if known else _new_document(place, upload, now=now)
        number = known.latest.number + 1 if known else 1
        return NewUpload(
            file=upload.file,
            is_new_file=upload.is_new_file,
            document=document,
            is_new_document=known is None,
            revision=upload.revision(document.id, number, parser_fingerprint=self._parser_fingerprint, now=now),
            job=new_job(
                place.scope.tenant_id,
                JobKind.PREPARE_REVISION,
                f"{document.id}/{number}",
                now=now,
                corpus_id=place.corpus.id,
                priority=place.priority,
                size_bytes=upload.file.size_bytes,
            ),
        )

    async def _write(
        self, tx: Transaction, place: _Place, new: Mapping[str, NewUpload], known: Mapping[str, KnownUpload]
    ) -> None:
        unchanged = [there for key, there in known.items() if key not in new]
        revisions = [upload.revision for upload in new.values()] + await _to_put_back(tx, place, unchanged)
        if not revisions:
            return
        await tx.uploads.add(place.scope, place.corpus.id, list(new.values()))
        draft = place.held or await tx.drafts.automatic(place.scope, place.corpus.id, self._clock())
        changes = [DraftChange(document_id=one.document_id, revision=one.number) for one in revisions]
        await tx.drafts.set_changes(place.scope, draft.id, changes)

    async def _spread(self, place: _Place, granted: Sequence[DocumentId]) -> None:
        if not granted:
            return
        try:
            await self._spread_rights(system_scope(place.scope.tenant_id), place.corpus.id, granted)
        except IndexUnavailable:
            # The upload is safe, and so are narrower rights; the reconciler brings wider ones to the points.
            _log.warning("rights_not_spread", corpus_id=place.corpus.id, documents=len(granted))


async def _grant(
    tx: Transaction, place: _Place, uploads: Sequence[Upload], known: Mapping[str, KnownUpload]
) -> list[DocumentId]:
    """Give documents that are there the rights they were uploaded with; return those whose rights changed."""
    changed = []
    for upload in uploads:
        document = known[upload.key].document if upload.key in known else None
        if document is not None and (principals := place.grants(upload, document)) is not None:
            await tx.documents.grant(place.scope, document.id, principals)
            changed.append(document.id)
    return changed


async def _place(
    tx: Transaction,
    scope: AccessScope,
    corpus: str,
    *,
    draft: str | None,
    principals: frozenset[str] | None,
    priority: Priority,
) -> _Place:
    target = await tx.corpora.get(scope, corpus)
    named = await tx.drafts.named(scope, target.id, draft) if draft is not None else None
    held = named if named is not None and not named.automatic else None
    return _Place(scope=scope, corpus=target, held=held, principals=principals, priority=priority)


async def _to_put_back(tx: Transaction, place: _Place, unchanged: Sequence[KnownUpload]) -> list[Revision]:
    """Return what uploads that say nothing new still bring into the draft: they mean "have it in the corpus"."""
    changed: frozenset[DocumentId] = frozenset()
    if place.held and any(there.is_settled for there in unchanged):
        changed = frozenset(change.document_id for change in await tx.drafts.changes(place.scope, place.held.id))
    # It may have been removed since, from what is published or in the held draft.
    return [there.latest for there in unchanged if not there.is_settled or there.document.id in changed]


def _check_attributes(attributes: Attributes) -> None:
    too_long = any(
        len(name) > MAX_ATTRIBUTE_CHARS or len(str(value)) > MAX_ATTRIBUTE_CHARS for name, value in attributes.items()
    )
    if len(attributes) > MAX_ATTRIBUTES or too_long:
        raise InvalidRequest(
            f"A file has at most {MAX_ATTRIBUTES} attributes of {MAX_ATTRIBUTE_CHARS} characters.", param="attributes"
        )


def _runs(uploads: Sequence[Upload]) -> Iterator[list[Upload]]:
    """Yield the uploads in order, as long lists as none has two of one document."""
    run: dict[str, Upload] = {}
    for upload in uploads:
        if upload.key in run:
            yield list(run.values())
            run = {}
        run[upload.key] = upload
    if run:
        yield list(run.values())


def _check_rows(rows: Sequence[Row]) -> None:
    if not 1 <= len(rows) <= MAX_ROWS:
        raise InvalidRequest(f"Send 1 to {MAX_ROWS} rows at a time, not {len(rows)}.")
    if len({row.id for row in rows}) < len(rows):
        raise InvalidRequest("An id occurs twice among the rows.")


def _upload_of(scope: AccessScope, row: Row, *, now: datetime) -> Upload:
    content = row.content()
    file = StoredFile(
        id=FileId(new_id("file-")),
        tenant_id=scope.tenant_id,
        filename=row.filename,
        purpose=_PURPOSE,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=now,
    )
    return Upload(file=file, is_new_file=True, attributes={DOCUMENT_KEY: row.id})


def _new_document(place: _Place, upload: Upload, *, now: datetime) -> Document:
    return Document(
        id=DocumentId(new_id("doc_")),
        tenant_id=place.scope.tenant_id,
        corpus_id=place.corpus.id,
        key=upload.key,
        principals=place.principals or upload.principals or frozenset({EVERYONE}),
        created_at=now,
    )


def _corpus_file(place: _Place, new: NewUpload | None, known: KnownUpload | None) -> CorpusFile:
    if new is not None:
        return CorpusFile(corpus_id=place.corpus.id, revision=new.revision, status="in_progress")
    if known is None:
        raise Conflict("A document was taken away while it was uploaded. Upload it again.")
    # In a held draft a document is where it should be as soon as it could be published.
    is_ready = place.held is not None and known.latest.state is RevisionState.PREPARED
    status = status_of(known.latest, published=known.is_published or is_ready)
    return CorpusFile(corpus_id=place.corpus.id, revision=known.latest, status=status)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
