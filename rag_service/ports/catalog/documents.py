"""Files, documents, chunks, and how they come in."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.documents import Chunk, Document, ParsedDocument, PreparedRevision, Revision, StoredFile
from rag_service.domain.filters import Filter
from rag_service.domain.ids import (
    ChunkId,
    CorpusId,
    DocumentId,
    FileId,
    Fingerprint,
)
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.uploads import KnownUpload, NewUpload
from rag_service.domain.versions import Member, PinnedVersion
from rag_service.reasons import ReasonCode


class Files(Protocol):
    """Uploaded raw files."""

    async def add(self, scope: AccessScope, file: StoredFile) -> None:
        """Add a file."""

    async def get(self, scope: AccessScope, file_id: FileId) -> StoredFile:
        """Return a file, or raise NotFound."""

    async def delete(self, scope: AccessScope, file_id: FileId) -> None:
        """Remove the file's row, or raise NotFound; Conflict while a revision was made from it."""

    async def hashes(
        self, scope: AccessScope, *, after: FileId | None, limit: int
    ) -> tuple[Sequence[str], FileId | None]:
        """Return the SHA-256s of the next `limit` files by id, and where to go on; None when there are no more."""

    async def unused(self, scope: AccessScope, hashes: Sequence[str], *, hold: bool) -> frozenset[str]:
        """Return those of the SHA-256s that no file has.

        `hold`, in a writing transaction: no file is added before that ends.
        """

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[StoredFile]:
        """Return files by time of upload."""


class Documents(Protocol):
    """Documents and their revisions."""

    async def get(self, scope: AccessScope, document_id: DocumentId) -> Document:
        """Return a document the scope may see, or raise NotFound."""

    async def grant(self, scope: AccessScope, document_id: DocumentId, principals: frozenset[str]) -> None:
        """Replace who may see a document."""

    async def principals(
        self, scope: AccessScope, document_ids: Sequence[DocumentId]
    ) -> dict[DocumentId, frozenset[str]]:
        """Return who may see each of the documents, for writing points; unknown ones are left out."""

    async def revision(self, scope: AccessScope, document_id: DocumentId, number: int) -> Revision:
        """Return a revision of a document the scope may see, or raise NotFound."""

    async def revisions(self, scope: AccessScope, members: Sequence[Member]) -> dict[Member, Revision]:
        """Return those of the revisions that exist and the scope may see, in few statements."""

    async def matching(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, wanted: Filter, *, limit: int | None = None
    ) -> frozenset[DocumentId]:
        """Return the documents the scope may see whose revision at `version` passes the filter, or any `limit` of them."""

    async def by_file(self, scope: AccessScope, corpus_id: CorpusId, file_id: FileId) -> Revision:
        """Return the newest revision made from a file in a corpus, or raise NotFound."""

    async def list_revisions(
        self, scope: AccessScope, corpus_id: CorpusId, page: PageRequest, *, status: str | None = None
    ) -> Page[Revision]:
        """Return the newest revision of each live document, by time of creation; cursors are file ids.

        `status` narrows to "in_progress", "completed" (visible in the published version) or "failed".
        """

    async def mark_prepared(self, scope: AccessScope, prepared: Sequence[PreparedRevision]) -> None:
        """Note that text, chunks and vectors of revisions are complete, or raise NotFound. Safe to repeat.

        The parser fingerprint of one that has pages without a text layer says from now on how these were read.
        """

    async def mark_read(self, scope: AccessScope, read: PreparedRevision) -> None:
        """Keep the text of a revision whose vectors are still to come, or raise NotFound. Safe to repeat."""

    async def mark_embedded(self, scope: AccessScope, document_id: DocumentId, number: int) -> None:
        """Note that the vectors of a revision have come, which was all it lacked, or raise NotFound."""

    async def mark_failed(
        self, scope: AccessScope, document_id: DocumentId, number: int, *, reason: ReasonCode, detail: str
    ) -> None:
        """Note why a revision cannot be prepared; a prepared one is left as it is."""

    async def is_published(self, scope: AccessScope, revision: Revision) -> bool:
        """Say whether the revision is visible in the published version of its corpus."""

    async def was_published(self, scope: AccessScope, document_id: DocumentId, number: int) -> bool:
        """Say whether the revision is or was visible in a published version."""

    async def parsed(self, scope: AccessScope, document_id: DocumentId, number: int) -> ParsedDocument:
        """Return canonical text and blocks of a prepared revision, or raise NotFound."""


class Chunks(Protocol):
    """Chunks of revisions, and passages read from them with rights checked."""

    async def replace(
        self,
        scope: AccessScope,
        fingerprint: Fingerprint,
        chunks: Mapping[Member, Sequence[Chunk]],
    ) -> None:
        """Set the chunks of revisions under a build, or raise NotFound and set none. Safe to repeat."""

    async def of_members(
        self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]
    ) -> dict[Member, list[Chunk]]:
        """Return the chunks of each member under a build, by ordinal, in few statements."""

    async def hashes(
        self, scope: AccessScope, fingerprint: Fingerprint, members: Sequence[Member]
    ) -> dict[ChunkId, str]:
        """Return the SHA-256 of what is embedded of each chunk of the members under a build."""

    async def between(
        self, scope: AccessScope, fingerprint: Fingerprint, member: Member, ordinals: range
    ) -> Sequence[Chunk]:
        """Return the chunks of a member under a build at these places, by ordinal."""

    async def passages(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId]
    ) -> dict[ChunkId, Passage]:
        """Return the chunks that the scope may see at this version, as passages without rank and scores (0).

        What is absent, foreign, not granted or not visible at `version` is left out.
        """

    async def matching(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId], wanted: Filter
    ) -> frozenset[ChunkId]:
        """Return those of the chunks that `passages` shows, of documents whose revision at `version` passes the filter."""

    async def containing(
        self, scope: AccessScope, pinned: PinnedVersion, words: Sequence[str], *, limit: int
    ) -> Sequence[Passage]:
        """Return up to `limit` passages of the pinned version that hold the words in this order, as `passages` does.

        Something may stand between them; case does not matter where a text is in ASCII. It reads every text.
        """

    async def around(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId], reach: int
    ) -> dict[ChunkId, Sequence[Chunk]]:
        """Return each chunk that `passages` shows, with up to `reach` chunks before and after it, by ordinal."""

    async def texts(self, scope: AccessScope, members: Sequence[Member]) -> dict[Member, str]:
        """Return the canonical texts of those of the revisions that the scope may see."""


class Uploads(Protocol):
    """Files on their way into a corpus, one or many with the same few statements."""

    async def known(self, scope: AccessScope, corpus_id: CorpusId, keys: Sequence[str]) -> dict[str, KnownUpload]:
        """Return what the corpus has under these keys and the scope may see, by key."""

    async def add(self, scope: AccessScope, corpus_id: CorpusId, uploads: Sequence[NewUpload]) -> None:
        """Write files, documents, revisions and jobs.

        A caller may grant a document to principals that it does not have itself.

        Raises:
            NotFound: the corpus is outside the scope, or a document that should be there is not in it.
            Conflict: a key or a revision's number is taken.
        """
