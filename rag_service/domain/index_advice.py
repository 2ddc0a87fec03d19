"""Which parameters an index should have: by its size, by the machine, and by what a check has measured."""

from dataclasses import asdict, dataclass, replace

_FLOAT_BYTES = 4
INT8_FROM_POINTS = 100_000
"""From here on 8-bit vectors with rescoring find as much in less time: docs/adr/0030-index-health.md."""
_MEMORY_SHARE = 0.25
"""Of the machine's memory that full vectors may take: the graph, the payloads and all other processes need the rest."""

_EF = 512
_EF_STEP = 256
_MOST_EF = 1024
"""Beyond that a walk through the graph costs as much as a full scan of what most filters leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphParameters:
    """What search structures are built with: edges per point, breadth of their search, and 8-bit vectors beside whole ones."""

    m: int = 16
    ef_construct: int = 128
    int8: bool = False


_CAREFUL = GraphParameters(m=24, ef_construct=200)
"""Finds a third to a half of what is missed otherwise, and takes twice as long to build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParameters:
    """How a build is searched: how far a walk through the graph looks around, or not through the graph at all.

    `is_wanting` says that its graph did not find enough: the next one is built more carefully.
    """

    ef: int = _EF
    exact: bool = False
    is_wanting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """How to go on, and why, as a sentence; None when nothing is to be changed."""

    search: SearchParameters
    reason: str | None


def advised_graph(
    *, points: int, dimensions: int, memory_bytes: int, search: SearchParameters | None = None
) -> GraphParameters:
    """Return what a build of that size should be built with, given how it has to be searched."""
    if search is not None and search.is_wanting:
        return _CAREFUL
    vectors_bytes = points * dimensions * _FLOAT_BYTES
    is_large = points >= INT8_FROM_POINTS or vectors_bytes > _MEMORY_SHARE * memory_bytes
    return GraphParameters(int8=is_large)


def advised_search(now: SearchParameters, *, recall: float | None, floor: float) -> Advice:
    """Return how to search after a recall in [0, 1] was measured, or could not be."""
    if recall is None or recall >= floor or now.exact:
        return Advice(search=now, reason=None)
    if now.ef < _MOST_EF:
        wider = replace(now, ef=min(now.ef + _EF_STEP, _MOST_EF))
        return Advice(search=wider, reason=f"Recall {recall:.3f} is under {floor:.3f}: ef is raised to {wider.ef}.")
    full = replace(now, exact=True, is_wanting=True)
    return Advice(
        search=full,
        reason=f"Recall {recall:.3f} is under {floor:.3f} with ef {now.ef}: full scans until the graph is built anew.",
    )


def figures_of(parameters: SearchParameters) -> dict[str, float]:
    """Return the parameters as numbers, by name."""
    return {name: float(value) for name, value in asdict(parameters).items()}
