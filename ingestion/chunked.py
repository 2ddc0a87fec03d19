"""A document between reading and embedding."""

from dataclasses import dataclass

from rag_service.domain.documents import Chunk, ParsedDocument, PreparedRevision, Revision
from rag_service.domain.jobs import Job
from rag_service.domain.versions import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunked:
    """What the job of a revision has found in its file, cut into chunks."""

    job: Job
    revision: Revision
    parsed: ParsedDocument
    language: str | None
    chunks: list[Chunk]

    @property
    def member(self) -> Member:
        """The revision as a member of versions."""
        return Member(document_id=self.revision.document_id, revision=self.revision.number)

    @property
    def prepared(self) -> PreparedRevision:
        """What is noted about the revision."""
        return PreparedRevision(
            document_id=self.revision.document_id,
            number=self.revision.number,
            parsed=self.parsed,
            chunk_count=len(self.chunks),
            language=self.language,
        )
