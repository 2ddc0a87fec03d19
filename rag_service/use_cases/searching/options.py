"""How a search is wanted."""

from dataclasses import dataclass

from rag_service.domain.filters import Filter
from rag_service.domain.ids import DocumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How many passages are wanted, and which.

    `distinct` leaves out passages that nearly repeat a better one, from another document too: right for what a
    generator reads, wrong for a list in which people look for documents. `per_document` is the most that one document
    may give. `filters` and `documents` narrow the search itself; `neighbours` is how many chunks before and after
    each passage it is to be widened by. `exact` looks at every point instead of walking the graph: slower in a large
    corpus, and the same at a pinned version whatever is written. `all_candidates` shows everything that was ranked, as
    it was before a second look, for whoever measures: `limit` then only says for how many passages the search is made.
    """

    limit: int
    distinct: bool = False
    exact: bool = False
    all_candidates: bool = False
    filters: Filter | None = None
    documents: frozenset[DocumentId] | None = None
    per_document: int | None = None
    neighbours: int = 0
