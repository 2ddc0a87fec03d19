"""Erasures, the tombstones they leave, and the rows that they remove."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer
from rag_service.domain.erasures import AnswerPlace, Counts, Erasure, ErasurePlan, Removal, Tombstone, TombstoneKind
from rag_service.domain.ids import AnswerId, ChunkId, CorpusId, DocumentId, ErasureId, Fingerprint
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Member
from rag_service.ports.sparse_encoder import DocumentFrequencies

BuiltMember = tuple[Member, Fingerprint]
"""A revision under one build."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rewriting:
    """Document frequencies of versions, by number and build, as they are without a document.

    They hold for a document with these chunks, in a corpus of which so much was erased before.
    """

    chunk_ids: frozenset[ChunkId]
    erasures: int
    tables: Mapping[tuple[int, Fingerprint], DocumentFrequencies]


class Erasures(Protocol):
    """Everything in the scope's tenant. What removes rows takes no account of who may see them.

    Removing counts rows by table, and says of files and kept vectors how many stay because others use the same.
    """

    async def add(self, scope: AccessScope, erasure: Erasure, tombstones: Sequence[Tombstone]) -> None:
        """Keep a request with its tombstones; a person's tombstone replaces an earlier one of that person.

        The files that were uploaded for what is erased, and for nothing else, get tombstones too.
        """

    async def get(self, scope: AccessScope, erasure_id: ErasureId) -> Erasure:
        """Return an erasure, or raise NotFound."""

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[Erasure]:
        """Return the erasures by time of request."""

    async def known(self, ids: Collection[ErasureId]) -> Mapping[ErasureId, Erasure]:
        """Return those of the erasures that are known, of whatever tenant."""

    async def tombstone(self, scope: AccessScope, kind: TombstoneKind, ref: str) -> Tombstone | None:
        """Return what stands where this was, in one statement; None when nothing was erased there."""

    async def hide_document(self, scope: AccessScope, document_id: DocumentId, name: str, now: datetime) -> bool:
        """Take a document away from everybody; return whether a worker was at it.

        Nobody has rights on it, its key is `name`, open drafts do not change it, and its open jobs are cancelled.
        """

    async def hide_corpus(self, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> bool:
        """Take a corpus away from everybody; return whether a worker was at it.

        It has its id as its name, no open draft changes it, and its open jobs are cancelled.
        """

    async def revisions(self, scope: AccessScope, document_id: DocumentId, *, hold: bool) -> Sequence[int]:
        """Return the numbers of a document's revisions; none when it is gone.

        `hold`, in a writing transaction: until that ends, nobody adds to the document, and no answer shows it.
        """

    async def builds_of(self, scope: AccessScope, document_id: DocumentId) -> Sequence[BuiltMember]:
        """Return each revision of a document with each build that has chunks of it."""

    async def answers(
        self, scope: AccessScope, *, since: datetime, after: AnswerId | None, limit: int
    ) -> Sequence[Answer]:
        """Return the tenant's answers given since a moment, `limit` at a time by id."""

    async def answers_about(
        self, scope: AccessScope, erasure: Erasure, *, also: Collection[AnswerId] = (), limit: int | None = None
    ) -> Sequence[AnswerPlace]:
        """Return the answers that go with an erasure.

        Those that showed the document, were given to the person or are of the corpus (of these at most `limit`), and
        `also`; then those in whose conversations the text of one of these stands, until no more are found.
        """

    async def remove_answers(self, scope: AccessScope, answers: Sequence[Tombstone]) -> Removal:
        """Remove the answers with these tombstones, and what people thought of them."""

    async def remove_person(self, scope: AccessScope, end_user: str) -> Removal:
        """Remove an end user's feedback, and the replies kept for their requests."""

    async def remove_replies(self, scope: AccessScope, erasure_id: ErasureId, ids: Collection[str]) -> Removal:
        """Remove the replies kept for repeated requests that name one of `ids`, or what has a tombstone of the erasure."""

    async def without(
        self, scope: AccessScope, document_id: DocumentId, terms: Mapping[BuiltMember, DocumentFrequencies]
    ) -> Rewriting:
        """Return the document frequencies of every version in which a document was visible, as they are without it."""

    async def remove_document(
        self, scope: AccessScope, tombstone: Tombstone, rewriting: Rewriting | None
    ) -> tuple[Removal, ErasurePlan]:
        """Remove the document of a tombstone with all its revisions; return what is left to do elsewhere.

        The files that go with it get tombstones of the same erasure. `rewriting` counts it out of every version; without
        it only rows go, for a corpus whose versions go too. Nothing happens when the document is gone.

        Raises:
            SlotTaken: the document has other chunks than `rewriting` was made from, or is part of other versions.
        """

    async def documents_of(self, scope: AccessScope, corpus_id: CorpusId, *, limit: int) -> Sequence[DocumentId]:
        """Return some documents of a corpus; none when all are gone."""

    async def remove_corpus(self, scope: AccessScope, corpus_id: CorpusId) -> Removal:
        """Remove a corpus that has no documents and answers any more."""

    async def remove_strayed_vectors(self, scope: AccessScope) -> Removal:
        """Remove the kept vectors of texts that no chunk has: what was being prepared leaves some behind."""

    async def note(self, scope: AccessScope, erasure: Erasure) -> None:
        """Keep state, plan, counts, and at the end the receipt, of an erasure."""

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """Return how many rows of what was erased are there still, by table."""
