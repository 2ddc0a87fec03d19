"""Canonical texts to chunks."""

from typing import Protocol

from rag_service.domain.documents import Chunk, ParsedDocument
from rag_service.domain.ids import DocumentId, Fingerprint
from rag_service.ports.build_parts import Parts


class CutsIntoChunks(Protocol):
    """Cuts texts in one way."""

    def chunks(
        self, document: ParsedDocument, *, build: Fingerprint, document_id: DocumentId, revision: int
    ) -> list[Chunk]:
        """Return the chunks of a document in reading order."""


class Chunkers(Protocol):
    """Opens the chunkers of builds."""

    def __call__(self, parts: Parts) -> CutsIntoChunks:
        """Return the chunker that cuts as the fingerprint of `parts` says.

        Raises:
            Conflict: this release cuts in another way.
        """
