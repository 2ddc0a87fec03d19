"""Results of a search in OpenAI's shape, with our offsets beside them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from rag_service.domain.answers import Passage
from rag_service.domain.versions import PinnedVersion
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.selection import Selection


class TextContent(BaseModel):
    """A piece of text."""

    type: Literal["text"] = "text"
    text: str


class SearchResult(BaseModel):
    """A passage found. `char_start` and `char_end` are its place in the revision's canonical text."""

    file_id: str
    filename: str
    score: float
    attributes: Mapping[str, str | float | bool]
    content: list[TextContent]
    chunk_id: str
    document_id: str
    revision: int
    page: int | None
    location: str | None
    headings: list[str]
    char_start: int
    char_end: int


class SearchReply(BaseModel):
    """All results: there is no second page. `degraded` and its reasons as in `x_rag` of an answer."""

    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: list[str]
    data: list[SearchResult]
    has_more: bool = False
    next_page: None = None
    version: int
    degraded: bool = False
    degraded_reasons: list[str] = []


def merged(rankings: Sequence[Sequence[Passage]], options: SearchOptions) -> list[Passage]:
    """Return the best passages of several searches, each once, at its best score."""
    selection, best = Selection(options), dict[str, Passage]()
    if len(rankings) == 1:
        # A second look orders by more than the score.
        selection.offer(rankings[0])
        return selection.passages
    for passage in (passage for ranking in rankings for passage in ranking):
        known = best.get(passage.chunk_id)
        if known is None or known.score < passage.score:
            best[passage.chunk_id] = passage
    # What each search kept to is kept to together as well.
    selection.offer(sorted(best.values(), key=lambda passage: -passage.score))
    return selection.passages


def search_reply(
    pinned: PinnedVersion, queries: Sequence[str], passages: Sequence[Passage], *, degraded: Iterable[str] = ()
) -> SearchReply:
    """Return passages as results, in the order given."""
    data, reasons = [_result(passage) for passage in passages], sorted(set(degraded))
    return SearchReply(
        search_query=list(queries),
        data=data,
        version=pinned.number,
        degraded=bool(reasons),
        degraded_reasons=reasons,
    )


def _result(passage: Passage) -> SearchResult:
    return SearchResult(
        file_id=passage.file_id,
        filename=passage.filename,
        score=passage.score,
        attributes=passage.attributes,
        content=[TextContent(text=passage.text)],
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        revision=passage.revision,
        page=passage.page,
        location=passage.location,
        headings=list(passage.headings),
        char_start=passage.span.start,
        char_end=passage.span.end,
    )
