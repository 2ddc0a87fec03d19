"""Text to BM25 vectors. IDF comes from our own frozen tables, never from an engine (DESIGN.md §3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag_service.ports.vectors import SparseVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DocumentFrequencies:
    """In how many of `chunk_count` chunks each term occurs: `terms` ascending uint32, `counts` uint32, above zero."""

    chunk_count: int
    terms: NDArray[np.uint32]
    counts: NDArray[np.uint32]

    def of(self, terms: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the count of each of `terms`, 0 for those in no chunk."""
        if self.terms.size == 0:
            return np.zeros(terms.shape, dtype=np.uint32)
        places = np.minimum(np.searchsorted(self.terms, terms), self.terms.size - 1)
        return np.where(self.terms[places] == terms, self.counts[places], 0).astype(np.uint32)


NO_FREQUENCIES = DocumentFrequencies(
    chunk_count=0, terms=np.array([], dtype=np.uint32), counts=np.array([], dtype=np.uint32)
)


def frequencies_of(vectors: Sequence[SparseVector]) -> DocumentFrequencies:
    """Count in how many of the passages `vectors` each term occurs."""
    if not vectors:
        return NO_FREQUENCIES
    terms, counts = np.unique(np.concatenate([vector.indices for vector in vectors]), return_counts=True)
    return DocumentFrequencies(chunk_count=len(vectors), terms=terms, counts=counts.astype(np.uint32))


def plus(table: DocumentFrequencies, added: DocumentFrequencies) -> DocumentFrequencies:
    """Return the table of the chunks of both."""
    return _combined(table, added, sign=1)


def minus(table: DocumentFrequencies, removed: DocumentFrequencies) -> DocumentFrequencies:
    """Return the table without the chunks of `removed`, all of which it must have counted.

    Raises:
        ValueError: `removed` was never part of `table`.
    """
    return _combined(table, removed, sign=-1)


def without(table: DocumentFrequencies, erased: DocumentFrequencies) -> DocumentFrequencies:
    """Return the table without chunks that are erased: as `minus`, but a table that is wrong stops no erasure."""
    left = table.counts.astype(np.int64) - erased.of(table.terms)
    present = left > 0
    return DocumentFrequencies(
        chunk_count=max(table.chunk_count - erased.chunk_count, 0),
        terms=table.terms[present],
        counts=left[present].astype(np.uint32),
    )


def _combined(table: DocumentFrequencies, other: DocumentFrequencies, *, sign: int) -> DocumentFrequencies:
    # A table of a large corpus has 200,000 terms, a change few: merging both anew takes a hundred times as long.
    places = np.searchsorted(table.terms, other.terms)
    known = places < table.terms.size
    known[known] = table.terms[places[known]] == other.terms[known]
    counts = table.counts.astype(np.int64)
    counts[places[known]] += sign * other.counts[known].astype(np.int64)
    terms = np.insert(table.terms, places[~known], other.terms[~known])
    counts = np.insert(counts, places[~known], sign * other.counts[~known].astype(np.int64))
    chunk_count = table.chunk_count + sign * other.chunk_count
    if chunk_count < 0 or (counts < 0).any():
        raise ValueError("the frequencies to subtract were never added")
    present = counts > 0
    return DocumentFrequencies(
        chunk_count=chunk_count, terms=terms[present].astype(np.uint32), counts=counts[present].astype(np.uint32)
    )


class SparseEncoder(Protocol):
    """Encodes passages and queries so that their inner product is the BM25 score."""

    @property
    def fingerprint(self) -> str:
        """Name of tokeniser, stemmer and constants: part of the build's fingerprint."""

    def encode_passage(self, text: str) -> SparseVector:
        """Return saturated term frequencies; empty for a text without terms."""

    def encode_query(self, text: str, frequencies: DocumentFrequencies) -> SparseVector:
        """Return the inverse document frequency of each known or unknown term of `text`."""
