"""Corpora and the files in them, as content teams see them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.documents import Revision
from rag_service.domain.drafts import DraftChange
from rag_service.domain.ids import CorpusId, FileId, Fingerprint, new_id
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.uploads import CorpusFile, status_of
from rag_service.domain.versions import Corpus
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.names import checked_name
from rag_service.use_cases.permissions import require


class CreateCorpus:
    """Makes an empty corpus."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        clock: Callable[[], datetime],
        fingerprint: Fingerprint,
        recipe: Mapping[str, Any],
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._fingerprint = fingerprint
        self._recipe = recipe

    async def __call__(self, scope: AccessScope, *, name: str, description: str = "") -> Corpus:
        """Return the new corpus.

        Raises:
            InvalidRequest: the name is empty, over 128 characters, or has one of @, slash, backslash or a control character.
            Conflict: the tenant has a corpus of this name.
            NotFound: the key may not upload, or is bound to other corpora.
        """
        require(scope, Permission.UPLOAD, kind="endpoint", ref="/v1/vector_stores")
        if scope.corpora is not None:
            require(scope, Permission.ADMIN, kind="endpoint", ref="/v1/vector_stores")
        checked = checked_name(name, of="corpus")
        corpus = Corpus(
            id=CorpusId(new_id("vs_")),
            tenant_id=scope.tenant_id,
            name=checked,
            description=description,
            published=0,
            highest=0,
            fingerprint=self._fingerprint,
            created_at=self._clock(),
        )
        async with self._catalog.writing() as tx:
            await tx.corpora.add(scope, corpus)
            await tx.builds.add(scope, self._build(corpus))
        return corpus

    def _build(self, corpus: Corpus) -> Build:
        """Return the build of an empty corpus: it has all there is."""
        return Build(
            corpus_id=corpus.id,
            fingerprint=self._fingerprint,
            recipe=self._recipe,
            state=BuildState.READY,
            since=0,
            synced=0,
            created_at=corpus.created_at,
        )


class ReadCorpusFile:
    """One document of a corpus, by the file it was last uploaded as."""

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(self, scope: AccessScope, *, corpus: str, file_id: FileId) -> CorpusFile:
        """Return it, or raise NotFound."""
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            revision = await tx.documents.by_file(scope, target.id, file_id)
            return await _corpus_file(tx, scope, target, revision)


class ListCorpusFiles:
    """The documents of a corpus, each at its newest revision."""

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(
        self, scope: AccessScope, *, corpus: str, page: PageRequest, status: str | None
    ) -> Page[CorpusFile]:
        """Return a page of them; `status` narrows to in_progress, completed or failed."""
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            found = await tx.documents.list_revisions(scope, target.id, page, status=status)
            items = [await _corpus_file(tx, scope, target, revision) for revision in found.items]
        return Page(items=items, has_more=found.has_more)


class RemoveDocument:
    """Takes a document out of the next version. Versions before keep it."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def __call__(self, scope: AccessScope, *, corpus: str, file_id: FileId) -> None:
        """Put the removal into the automatic draft, which publishes by itself.

        Raises:
            NotFound: no such corpus or file, or the key may not upload.
        """
        require(scope, Permission.UPLOAD, kind="corpus", ref=corpus)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            revision = await tx.documents.by_file(scope, target.id, file_id)
            draft = await tx.drafts.automatic(scope, target.id, self._clock())
            removal = DraftChange(document_id=revision.document_id, revision=None)
            await tx.drafts.set_changes(scope, draft.id, [removal])


async def _corpus_file(tx: Transaction, scope: AccessScope, corpus: Corpus, revision: Revision) -> CorpusFile:
    published = await tx.documents.is_published(scope, revision)
    return CorpusFile(corpus_id=corpus.id, revision=revision, status=status_of(revision, published=published))
