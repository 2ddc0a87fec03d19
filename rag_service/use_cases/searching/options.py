"""How a search is wanted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How many passages are wanted, and which.

    `distinct` leaves out passages that repeat the words of a better one, from another document too: right for what a
    generator reads, wrong for a list in which people look for documents. `exact` looks at every point instead of
    walking the graph: slower in a large corpus, and the same at a pinned version whatever is written.
    """

    limit: int
    distinct: bool = False
    exact: bool = False
