"""BM25 as sparse vectors: the saturated term frequency in the passage, the IDF in the query."""

import re

import numpy as np
from numpy.typing import NDArray

from rag_service.embedding.words import STOP_IDS, VERSION, passage_terms, query_terms
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.ports.vectors import SparseVector

# Chosen on the public sets together, one setting for all: docs/adr/0033-relevance-feedback.md.
K1 = 1.1
B = 0.65
AVERAGE_TERMS = 100.0
"""A constant instead of the corpus's average: a passage's vector never depends on other passages."""

# Whole steps of powers of two: an engine's float32 holds every sum below 1,024 of their products exactly. A score is
# then the same in whatever order an engine adds, which changes when it moves a point from one segment to another.
PASSAGE_STEPS = 256
QUERY_STEPS = 64

_TOKENISER = f"bm25-{VERSION}"
_STEPS = f"steps={PASSAGE_STEPS}x{QUERY_STEPS}"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_FINGERPRINT = re.compile(
    rf"{re.escape(_TOKENISER)}-k1=(?P<k1>{_NUMBER})-b=(?P<b>{_NUMBER})-avg=(?P<average>{_NUMBER})-{re.escape(_STEPS)}"
)


class Bm25Encoder:
    """SparseEncoder with Robertson's BM25.

    Stop words are kept in passages but do not count towards their length, and a query uses them only when it
    has nothing else: so "The Who" is found, and "what is" weighs nothing elsewhere.
    """

    def __init__(self, *, k1: float = K1, b: float = B, average_terms: float = AVERAGE_TERMS) -> None:
        self._k1 = k1
        self._b = b
        self._average_terms = average_terms

    @classmethod
    def of(cls, fingerprint: str) -> "Bm25Encoder | None":
        """Return the encoder with this fingerprint; None where another tokeniser, or other steps, made its vectors."""
        if (found := _FINGERPRINT.fullmatch(fingerprint)) is None:
            return None
        return cls(k1=float(found["k1"]), b=float(found["b"]), average_terms=float(found["average"]))

    @property
    def fingerprint(self) -> str:
        """Name of the tokeniser and the constants."""
        constants = f"k1={self._k1:g}-b={self._b:g}-avg={self._average_terms:g}"
        return f"{_TOKENISER}-{constants}-{_STEPS}"

    def encode_passage(self, text: str) -> SparseVector:
        """Return saturated term frequencies; empty for a text without terms."""
        found = passage_terms(text)
        terms, counts = np.unique(np.array(found.counted + found.besides, dtype=np.uint32), return_counts=True)
        length = sum(term not in STOP_IDS for term in found.counted)
        norm = self._k1 * (1 - self._b + self._b * length / self._average_terms)
        return SparseVector(indices=terms, values=_in_steps(counts * (self._k1 + 1) / (counts + norm), PASSAGE_STEPS))

    def encode_query(self, text: str, frequencies: DocumentFrequencies) -> SparseVector:
        """Return the inverse document frequency of each term of `text`, known or not."""
        ids = query_terms(text)
        terms = np.array(sorted(ids - STOP_IDS or ids), dtype=np.uint32)
        containing = frequencies.of(terms).astype(np.float64)
        idf = np.log1p((frequencies.chunk_count - containing + 0.5) / (containing + 0.5))
        return SparseVector(indices=terms, values=_in_steps(idf, QUERY_STEPS))


def _in_steps(values: NDArray[np.float64], steps: int) -> NDArray[np.float32]:
    """Return the values rounded, none of them to zero."""
    return (np.maximum(np.rint(values * steps), 1) / steps).astype(np.float32)
