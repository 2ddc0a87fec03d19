"""Passages that the tests of answers share."""

from rag_service.domain.answers import Passage
from rag_service.domain.ids import ChunkId, DocumentId, FileId
from rag_service.domain.spans import Span

TEXTS = (
    "The service starts on port 8000. It keeps all data in one folder.",
    "A draft is published by an update of one row. Rollback takes a second.",
)


def passage(rank: int, text: str) -> Passage:
    return Passage(
        rank=rank,
        chunk_id=ChunkId(f"c{rank}"),
        document_id=DocumentId(f"d{rank}"),
        revision=1,
        file_id=FileId(f"f{rank}"),
        filename="a.md",
        title=None,
        attributes={},
        headings=(),
        span=Span(100, 100 + len(text)),
        page_starts=(),
        text=text,
        score=0.5,
        dense_score=0.5,
        sparse_score=1.0,
    )


PASSAGES = tuple(passage(rank, text) for rank, text in enumerate(TEXTS, start=1))
