"""Corpora, what is published of them, and sealed versions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import OPEN, Corpus, Member, Publication, Version, VersionDifference
from rag_service.ports.sparse_encoder import DocumentFrequencies


class Corpora(Protocol):
    """Corpora and the one row that says what is published."""

    async def add(self, scope: AccessScope, corpus: Corpus) -> None:
        """Add a corpus; Conflict when the tenant has one of that name."""

    async def get(self, scope: AccessScope, ref: str) -> Corpus:
        """Return the corpus with this id or name, or raise NotFound."""

    async def lock(self, scope: AccessScope, corpus_id: CorpusId) -> Corpus:
        """Return a corpus that nobody else locks, seals in or publishes until the transaction ends, or raise NotFound.

        To be called before documents, drafts or golden questions of the corpus are locked or changed.
        """

    async def raise_rights_epoch(self, scope: AccessScope, corpus_id: CorpusId) -> None:
        """Note that points were changed, after they were: who reads the new number asks the index anew."""

    async def set_dense_weight(self, scope: AccessScope, corpus_id: CorpusId, weight: float | None) -> None:
        """Search the corpus with a weight of its own in [0, 1], from the next question on; None: with the usual one."""

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[Corpus]:
        """Return the corpora in scope by time of creation."""

    async def publish(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, *, expected: int, now: datetime
    ) -> Publication:
        """Make version `number` the published one: one row update, and one row in the log.

        The build that the corpus is asked under is that of the version from then on.

        Raises:
            NotFound: there is no such sealed version.
            Conflict: what is published is not `expected` any more, `number` is published already, or the build it was
                sealed under is not there.
        """

    async def publications(self, scope: AccessScope, corpus_id: CorpusId, page: PageRequest) -> Page[Publication]:
        """Return what was published when; cursors are sequence numbers as text."""

    async def file_counts(self, scope: AccessScope, corpus_id: CorpusId) -> Mapping[str, int]:
        """Return in_progress, completed, failed, total and size_bytes of the documents, each at its newest revision.

        Completed means visible in the published version. Held drafts do not count.
        """


class Versions(Protocol):
    """Sealed versions: who is a member, labels and notes. Outside the scope a corpus is NotFound."""

    async def get(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> Version:
        """Return a sealed version, or raise NotFound."""

    async def list(self, scope: AccessScope, corpus_id: CorpusId, page: PageRequest) -> Page[Version]:
        """Return the versions of a corpus by number; cursors are numbers as text."""

    async def highest(self, scope: AccessScope, corpus_id: CorpusId) -> int:
        """Return the highest number that has a version, 0 without one."""

    async def members(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        number: int,
        *,
        documents: Sequence[DocumentId] | None = None,
    ) -> frozenset[Member]:
        """Return what is visible at version `number`, of all documents or of some."""

    async def births(
        self, scope: AccessScope, corpus_id: CorpusId, members: Sequence[Member], *, at: int = OPEN - 1
    ) -> dict[Member, int]:
        """Return `born` of each member that is visible at `at`; without `at`, of those that are alive."""

    async def written_by(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> VersionDifference:
        """Return what was born and what died at `number`, by the memberships."""

    async def frequencies(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, fingerprint: Fingerprint
    ) -> DocumentFrequencies | None:
        """Return the document frequencies of version `number` under a build; of nothing for version 0.

        None when they are not kept: the version was sealed under another build, or is not there.
        """

    async def label(self, scope: AccessScope, corpus_id: CorpusId, label: str, number: int, now: datetime) -> None:
        """Give a label to a version, taking it from another.

        Raises:
            NotFound: there is no such version.
            Conflict: it was never published: its number may still be taken back.
        """

    async def unlabel(self, scope: AccessScope, corpus_id: CorpusId, label: str) -> None:
        """Remove a label, or raise NotFound."""

    async def labels(self, scope: AccessScope, corpus_id: CorpusId) -> dict[str, int]:
        """Return the labels of a corpus and the number that each stands for."""

    async def annotate(self, scope: AccessScope, corpus_id: CorpusId, number: int, notes: str) -> Version:
        """Replace the notes of a version, or raise NotFound."""
