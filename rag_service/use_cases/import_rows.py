"""Put many rows into a corpus at once: each becomes a document, with the cost of a few statements for all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.documents import Document, StoredFile
from rag_service.domain.ids import DocumentId, FileId, new_id
from rag_service.domain.rows import Row
from rag_service.domain.uploads import DOCUMENT_KEY, CorpusFile, KnownUpload, NewUpload, status_of
from rag_service.domain.versions import Corpus, Member
from rag_service.errors import InvalidRequest
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.job_queue import JobQueue
from rag_service.use_cases.accept_upload import is_unchanged, new_revision, preparing_job
from rag_service.use_cases.permissions import require

MAX_ROWS = 1000
_PURPOSE = "assistants"
_WRITES_AT_ONCE = 8


class ImportRows:
    """Accepts rows as `AcceptUpload` accepts files: unchanged ones are left as they are."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        blobs: BlobStore,
        queue: JobQueue,
        clock: Callable[[], datetime],
        parser_fingerprint: str,
        max_bytes: int,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._queue = queue
        self._clock = clock
        self._parser_fingerprint = parser_fingerprint
        self._max_bytes = max_bytes

    async def __call__(
        self, scope: AccessScope, *, corpus: str, rows: Sequence[Row], principals: frozenset[str] | None = None
    ) -> list[CorpusFile]:
        """Return one file per row, in order; once this returns, none of them is lost. Safe to repeat.

        `principals` are those who may see documents that are new; those that are there keep their rights.

        Raises:
            NotFound: no such corpus, or the key may not upload.
            InvalidRequest: no rows, too many, or one id twice.
            Conflict: a document of that key is there, and the caller may not see it.
        """
        require(scope, Permission.UPLOAD, kind="corpus", ref=corpus)
        _check(rows)
        files = await self._stored(scope, rows)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            known = await tx.imports.known(scope, target.id, [row.id for row in rows])
            new = [
                self._new_upload(scope, target, file, row, known.get(row.id), principals)
                for row, file in zip(rows, files, strict=True)
                if not self._is_unchanged(known.get(row.id), row, file)
            ]
            await self._write(tx, scope, target, new, list(known.values()))
        for upload in new:
            await self._queue.announce(upload.job.id)
        accepted = {upload.document.key: upload for upload in new}
        return [_corpus_file(target, accepted.get(row.id), known.get(row.id)) for row in rows]

    async def _stored(self, scope: AccessScope, rows: Sequence[Row]) -> list[StoredFile]:
        slots = asyncio.Semaphore(_WRITES_AT_ONCE)

        async def store(row: Row) -> StoredFile:
            async with slots:
                blob = await self._blobs.write(scope, _once(row.content()), max_bytes=self._max_bytes)
            return StoredFile(
                id=FileId(new_id("file-")),
                tenant_id=scope.tenant_id,
                filename=row.filename,
                purpose=_PURPOSE,
                size_bytes=blob.size_bytes,
                sha256=blob.sha256,
                created_at=self._clock(),
            )

        return await asyncio.gather(*(store(row) for row in rows))

    def _is_unchanged(self, known: KnownUpload | None, row: Row, file: StoredFile) -> bool:
        return known is not None and is_unchanged(
            known.latest, file, _attributes(row), parser_fingerprint=self._parser_fingerprint
        )

    def _new_upload(
        self,
        scope: AccessScope,
        corpus: Corpus,
        file: StoredFile,
        row: Row,
        known: KnownUpload | None,
        principals: frozenset[str] | None,
    ) -> NewUpload:
        document = known.document if known else self._new_document(scope, corpus, row, principals)
        number = known.latest.number + 1 if known else 1
        revision = new_revision(
            document.id, number, file, _attributes(row), parser_fingerprint=self._parser_fingerprint
        )
        return NewUpload(
            file=file,
            document=document,
            is_new_document=known is None,
            revision=revision,
            job=preparing_job(scope, revision, now=self._clock()),
        )

    def _new_document(
        self, scope: AccessScope, corpus: Corpus, row: Row, principals: frozenset[str] | None
    ) -> Document:
        return Document(
            id=DocumentId(new_id("doc_")),
            tenant_id=scope.tenant_id,
            corpus_id=corpus.id,
            key=row.id,
            principals=principals or frozenset({EVERYONE}),
            created_at=self._clock(),
        )

    async def _write(
        self,
        tx: Transaction,
        scope: AccessScope,
        corpus: Corpus,
        new: Sequence[NewUpload],
        known: Sequence[KnownUpload],
    ) -> None:
        changed = {upload.document.id for upload in new}
        # An unchanged row may have been removed since, and its import means "have it in the corpus".
        back = [one.latest for one in known if not one.is_settled and one.document.id not in changed]
        if not new and not back:
            return
        draft = await tx.versions.automatic_draft(scope, corpus.id, self._clock())
        if new:
            await tx.imports.add(scope, draft.id, new)
        if back:
            members = [Member(document_id=latest.document_id, revision=latest.number) for latest in back]
            await tx.imports.keep(scope, draft.id, members)


def _check(rows: Sequence[Row]) -> None:
    if not 1 <= len(rows) <= MAX_ROWS:
        raise InvalidRequest(f"Send 1 to {MAX_ROWS} rows at a time, not {len(rows)}.")
    if len({row.id for row in rows}) < len(rows):
        raise InvalidRequest("An id occurs twice among the rows.")


def _attributes(row: Row) -> dict[str, str]:
    return {DOCUMENT_KEY: row.id}


def _corpus_file(corpus: Corpus, new: NewUpload | None, known: KnownUpload | None) -> CorpusFile:
    if new is not None:
        return CorpusFile(corpus_id=corpus.id, revision=new.revision, status="in_progress")
    if known is None:
        raise ValueError("a row is either new or known")
    status = status_of(known.latest, published=known.is_published)
    return CorpusFile(corpus_id=corpus.id, revision=known.latest, status=status)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
