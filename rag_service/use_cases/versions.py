"""The versions of a corpus: what there is, its labels and notes, and what was published when."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.differences import DocumentDiff, VersionDiff
from rag_service.domain.ids import DocumentId
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Corpus, LabelledVersion, Publication, Version
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.compare_versions import CompareVersions
from rag_service.use_cases.names import checked_label
from rag_service.use_cases.permissions import require, require_one_of
from rag_service.use_cases.readable_versions import READERS, readable_version


class ReadVersions:
    """Versions as people see them. The version of a sealed draft is seen by those who may publish it."""

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog
        self._compare = CompareVersions(catalog=catalog)

    async def list(self, scope: AccessScope, *, corpus: str, page: PageRequest) -> Page[LabelledVersion]:
        """Return versions by number; cursors are numbers as text."""
        require_one_of(scope, READERS, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            found = await _page(tx, scope, target, page)
            labels = await tx.versions.labels(scope, target.id)
        return Page(items=[_labelled(target, one, labels) for one in found.items], has_more=found.has_more)

    async def get(self, scope: AccessScope, *, corpus: str, number: int) -> LabelledVersion:
        """Return a version, or raise NotFound."""
        require_one_of(scope, READERS, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            version = await readable_version(tx, scope, target.id, number, ref=str(number), published=READERS)
            return _labelled(target, version, await tx.versions.labels(scope, target.id))

    async def publications(self, scope: AccessScope, *, corpus: str, page: PageRequest) -> Page[Publication]:
        """Return what was published when; cursors are sequence numbers as text."""
        require_one_of(scope, READERS, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            target = await tx.corpora.get(scope, corpus)
            return await tx.corpora.publications(scope, target.id, page)

    async def diff(self, scope: AccessScope, *, corpus: str, before: int, after: int) -> VersionDiff:
        """Return which documents differ; 0 is the empty state before the first version. NotFound as in `get`."""
        return await self._compare.documents(scope, corpus=corpus, before=before, after=after)

    async def text_diff(
        self, scope: AccessScope, *, corpus: str, before: int, after: int, document_id: DocumentId
    ) -> DocumentDiff:
        """Return how the text of a document differs; NotFound when it is in neither version."""
        return await self._compare.texts(scope, corpus=corpus, before=before, after=after, document_id=document_id)


class CurateVersions:
    """Labels and notes of versions, for those who may publish."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def label(self, scope: AccessScope, *, corpus: str, label: str, number: int) -> LabelledVersion:
        """Give a label to a version, taking it from another.

        Raises:
            NotFound: there is no such version.
            InvalidRequest: the label would mean something else after the @.
            Conflict: the version was never published.
        """
        require(scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        checked = checked_label(label)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            await tx.versions.label(scope, target.id, checked, number, self._clock())
            version = await tx.versions.get(scope, target.id, number)
            return _labelled(target, version, await tx.versions.labels(scope, target.id))

    async def unlabel(self, scope: AccessScope, *, corpus: str, label: str) -> None:
        """Take a label away, or raise NotFound."""
        require(scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            await tx.versions.unlabel(scope, target.id, label)

    async def annotate(self, scope: AccessScope, *, corpus: str, number: int, notes: str) -> LabelledVersion:
        """Replace the notes of a version, or raise NotFound."""
        require(scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            version = await tx.versions.annotate(scope, target.id, number, notes)
            return _labelled(target, version, await tx.versions.labels(scope, target.id))


async def _page(tx: Transaction, scope: AccessScope, corpus: Corpus, page: PageRequest) -> Page[Version]:
    found = await tx.versions.list(scope, corpus.id, page)
    shown = [one for one in found.items if scope.may(Permission.PUBLISH) or one.published_at is not None]
    if shown or not found.has_more:
        return Page(items=shown, has_more=found.has_more)
    # A page of nothing but the one sealed draft would look like the end of the list.
    return await tx.versions.list(scope, corpus.id, replace(page, after=str(found.items[-1].number)))


def _labelled(corpus: Corpus, version: Version, labels: Mapping[str, int]) -> LabelledVersion:
    own = sorted(label for label, number in labels.items() if number == version.number)
    return LabelledVersion(version=version, labels=tuple(own), is_published=version.number == corpus.published)
