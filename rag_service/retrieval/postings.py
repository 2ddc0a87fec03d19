"""The sparse side: for each term the rows that have it, in a few segments that are merged as they grow."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag_service.retrieval.compiled import compiled

_MERGED_UP_TO = 4  # times the size of the newer segment: so there are few, and each posting moves few times
_PLACE_BITS = np.uint64(32)
_PLACE_MASK = np.uint64(2**32 - 1)

Rows = NDArray[np.int32]
Weights = NDArray[np.float32]


class Segment(NamedTuple):
    """Postings by ascending term: those of `terms[i]` stand from `starts[i]` up to, not including, `starts[i + 1]`."""

    terms: NDArray[np.uint32]
    starts: NDArray[np.int64]
    rows: Rows
    weights: Weights


Segments = tuple[Segment, ...]


def segment_of(rows: Rows, terms: NDArray[np.uint32], weights: Weights) -> Segment:
    """Return the postings of term `terms[i]` in row `rows[i]`, in any order."""
    # One sort of plain numbers is many times as fast as one that returns an order.
    keys = (terms.astype(np.uint64) << _PLACE_BITS) | np.arange(terms.size, dtype=np.uint64)
    keys.sort()
    order = keys & _PLACE_MASK
    ascending = terms[order]
    starts = np.flatnonzero(np.diff(ascending, prepend=ascending[:1] + 1))
    return Segment(ascending[starts], np.append(starts, terms.size), rows[order], weights[order])


def with_segment(segments: Segments, newer: Segment) -> Segments:
    """Return the segments with another one, merged where the one before is not much larger."""
    *older, last = (*segments, newer)
    while older and older[-1].rows.size <= _MERGED_UP_TO * last.rows.size:
        last = _merged(older.pop(), last)
    return (*older, last)


def renumbered(segments: Segments, places: NDArray[np.int32]) -> Segments:
    """Return the segments with row `places[row]` instead of `row`, and without those where that is below zero."""
    return tuple(Segment(each.terms, *_renumbered(each, places)) for each in segments)


def _merged(older: Segment, newer: Segment) -> Segment:
    terms = np.union1d(older.terms, newer.terms)
    starts = np.zeros(terms.size + 1, dtype=np.int64)
    for each in (older, newer):
        starts[1 + np.searchsorted(terms, each.terms)] += np.diff(each.starts)
    np.cumsum(starts, out=starts)
    rows, weights = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=np.float32)
    merged = Segment(terms, starts, rows, weights)
    filled = starts[:-1].copy()
    for each in (older, newer):
        _copy(each, merged, np.searchsorted(terms, each.terms), filled)
    return merged


@compiled
def _copy(source: Segment, target: Segment, places: NDArray[np.int64], filled: NDArray[np.int64]) -> None:
    for term in range(places.size):
        for posting in range(source.starts[term], source.starts[term + 1]):
            at = filled[places[term]]
            target.rows[at] = source.rows[posting]
            target.weights[at] = source.weights[posting]
            filled[places[term]] = at + 1


@compiled
def _renumbered(segment: Segment, places: NDArray[np.int32]) -> tuple[NDArray[np.int64], Rows, Weights]:
    kept = 0
    for posting in range(segment.rows.size):
        kept += places[segment.rows[posting]] >= 0
    starts = np.zeros_like(segment.starts)
    rows, weights = np.empty(kept, np.int32), np.empty(kept, np.float32)
    at = 0
    for term in range(segment.terms.size):
        for posting in range(segment.starts[term], segment.starts[term + 1]):
            place = places[segment.rows[posting]]
            if place >= 0:
                rows[at] = place
                weights[at] = segment.weights[posting]
                at += 1
        starts[term + 1] = at
    return starts, rows, weights
