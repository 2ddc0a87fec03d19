"""The text of a revision: what citations point into."""

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.documents import ParsedDocument, Revision
from rag_service.domain.ids import DocumentId
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.permissions import require_one_of

_BEFORE_PUBLISHING = (Permission.UPLOAD, Permission.PUBLISH)


class ReadRevisionText:
    """Reads revisions with rights checked."""

    def __init__(self, *, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(
        self, scope: AccessScope, document_id: DocumentId, number: int
    ) -> tuple[Revision, ParsedDocument]:
        """Return a prepared revision and its text.

        What was published once can be read by everyone who sees the document, since kept answers cite it; what was not,
        only by those who work on drafts.

        Raises:
            NotFound: there is no such revision, or not for this caller.
        """
        async with self._catalog.reading() as tx:
            revision = await tx.documents.revision(scope, document_id, number)
            if not await tx.documents.was_published(scope, document_id, number):
                require_one_of(scope, _BEFORE_PUBLISHING, kind="revision", ref=f"{document_id}/{number}")
            return revision, await tx.documents.parsed(scope, document_id, number)
