"""Makers of domain values, with what a test does not care about filled in."""

from rag_service.domain.answers import Passage
from rag_service.domain.ids import ChunkId, DocumentId, FileId
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows


def passage(
    text: str,
    *,
    rank: int = 1,
    start: int = 0,
    page_starts: tuple[tuple[int, int], ...] = (),
    score: float = 0.9,
    table_rows: tuple[TableRows, ...] = (),
) -> Passage:
    """Return a passage that holds `text` at `start` of its document."""
    return Passage(
        rank=rank,
        chunk_id=ChunkId(f"chunk-{rank}"),
        document_id=DocumentId(f"doc-{rank}"),
        revision=1,
        file_id=FileId(f"file-{rank}"),
        filename=f"{rank}.md",
        title=None,
        attributes={},
        headings=(),
        span=Span(start, start + len(text)),
        page_starts=page_starts,
        table_rows=table_rows,
        text=text,
        score=score,
        dense_score=score,
        sparse_score=10 * score,
    )
