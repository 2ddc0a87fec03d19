"""Corpora, drafts and versions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, DraftChange
from rag_service.domain.ids import (
    CorpusId,
    DocumentId,
    DraftId,
)
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Corpus, Member, Version, VersionDifference
from rag_service.ports.sparse_encoder import DocumentFrequencies


class Corpora(Protocol):
    """Corpora and the one row that says what is published."""

    async def add(self, scope: AccessScope, corpus: Corpus) -> None:
        """Add a corpus; Conflict when the tenant has one of that name."""

    async def get(self, scope: AccessScope, ref: str) -> Corpus:
        """Return the corpus with this id or name, or raise NotFound."""

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[Corpus]:
        """Return the corpora in scope by time of creation."""

    async def publish(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> None:
        """Make version `number` the published one: one row update. NotFound when it is not sealed."""

    async def file_counts(self, scope: AccessScope, corpus_id: CorpusId) -> Mapping[str, int]:
        """Return in_progress, completed, failed, total and size_bytes of the documents, each at its newest revision.

        Completed means visible in the published version.
        """


class Versions(Protocol):
    """Drafts, memberships and sealed versions."""

    async def automatic_draft(self, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> Draft:
        """Return the open automatic draft of a corpus, made when there is none."""

    async def draft(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        """Return a draft, or raise NotFound."""

    async def set_changes(self, scope: AccessScope, draft_id: DraftId, changes: Sequence[DraftChange]) -> None:
        """Put changes into an open draft, in place of earlier ones to the same documents.

        Raises:
            NotFound: a document or revision is not in the draft's corpus.
            Conflict: the draft is no longer open.
        """

    async def changes(self, scope: AccessScope, draft_id: DraftId) -> list[DraftChange]:
        """Return the changes of a draft."""

    async def due_drafts(self, now: datetime, *, patience: timedelta) -> list[Draft]:
        """Return, over all tenants, the open automatic drafts that should seal now.

        Due is a draft with a ready change (prepared revision or deletion) when none of its revisions is
        pending any more, or when its first ready change is older than `patience`. No draft of a corpus is due
        while another of that corpus is sealing.
        """

    async def start_sealing(self, scope: AccessScope, draft_id: DraftId, now: datetime) -> Draft:
        """Give a draft its number and move what is not ready to a new automatic draft; failed changes are removed.

        A draft that is sealing already is returned as it is: a seal cut short goes on.

        Raises:
            Conflict: another draft of the corpus is sealing, or this one is published.
        """

    async def members(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        number: int,
        *,
        documents: Sequence[DocumentId] | None = None,
    ) -> frozenset[Member]:
        """Return what is visible at version `number`, of all documents or of some."""

    async def births(self, scope: AccessScope, corpus_id: CorpusId, members: Sequence[Member]) -> dict[Member, int]:
        """Return `born` of the open membership of each member that has one."""

    async def finish_sealing(
        self,
        scope: AccessScope,
        version: Version,
        difference: VersionDifference,
        frequencies: DocumentFrequencies,
    ) -> None:
        """Write memberships, frequencies and the version's row; the draft becomes published. Safe to repeat."""

    async def version(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> Version:
        """Return a sealed version, or raise NotFound."""

    async def list(self, scope: AccessScope, corpus_id: CorpusId) -> list[Version]:
        """Return the versions of a corpus, newest first."""

    async def frequencies(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> DocumentFrequencies:
        """Return the document frequencies frozen at version `number`; of nothing for version 0."""
