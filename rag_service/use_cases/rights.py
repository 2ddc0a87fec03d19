"""Who may see a document: the catalog's rows decide at once, and the points follow."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rag_service.domain.access import AccessScope, Permission, system_scope
from rag_service.domain.documents import Document
from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint, PointId
from rag_service.domain.points import ExpectedPoint
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.longest_hold import in_time
from rag_service.use_cases.permissions import require

_DOCUMENTS_AT_ONCE = 64
"""Nobody else writes to the catalog meanwhile."""


class SpreadRights:
    """Brings the principals of documents to the points of all their revisions, in every build. Safe to repeat.

    What a crash leaves undone, and a draft that was being sealed meanwhile, is mended by the reconciler: until then a
    document is found by too few, never shown to too many, because every passage is checked against the catalog.
    """

    def __init__(self, *, catalog: Catalog, index: VectorIndex) -> None:
        self._catalog = catalog
        self._index = index

    async def __call__(self, scope: AccessScope, corpus_id: CorpusId, document_ids: Sequence[DocumentId]) -> None:
        """Let the points say what the catalog says."""
        for start in range(0, len(document_ids), _DOCUMENTS_AT_ONCE):
            async with self._catalog.writing() as tx:
                # Two changes of the same rights must reach the index in the order in which they were made.
                await tx.points.slot(scope, corpus_id, hold=True)
                points = await tx.points.of_documents(scope, document_ids[start : start + _DOCUMENTS_AT_ONCE])
                await in_time(self._grant_all(points))
                await tx.corpora.raise_rights_epoch(scope, corpus_id)

    async def _grant_all(self, points: Mapping[Fingerprint, Sequence[ExpectedPoint]]) -> None:
        for fingerprint, of_build in points.items():
            await self._grant(fingerprint, of_build)

    async def _grant(self, fingerprint: Fingerprint, points: Sequence[ExpectedPoint]) -> None:
        ids: defaultdict[frozenset[str], list[PointId]] = defaultdict(list)
        for point in points:
            ids[point.principals].append(point.id)
        for principals, granted in ids.items():
            await self._index.grant(fingerprint, granted, principals=principals)


class GrantDocument:
    """Replaces who may see a document, at every version."""

    def __init__(self, *, catalog: Catalog, spread: SpreadRights) -> None:
        self._catalog = catalog
        self._spread = spread

    async def __call__(self, scope: AccessScope, document_id: DocumentId, principals: frozenset[str]) -> Document:
        """Return the document with its new principals. Safe to repeat.

        Raises:
            NotFound: no such document that the key may see, or the key may not upload.
            IndexUnavailable: the new rights count, but whom they were widened to finds the document only later.
        """
        require(scope, Permission.UPLOAD, kind="document", ref=document_id)
        async with self._catalog.writing() as tx:
            await tx.documents.grant(scope, document_id, principals)
            document = await tx.documents.get(_all_of(scope), document_id)
        await self._spread(_all_of(scope), document.corpus_id, [document_id])
        return document


def _all_of(scope: AccessScope) -> AccessScope:
    """Who grants a document away still has its points changed."""
    return system_scope(scope.tenant_id)
