"""Vectors of hashed words: knows words, not meaning. For tests that must not wait for a model."""

from collections.abc import Sequence

import numpy as np

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.embedding.words import STOP_IDS, passage_terms
from rag_service.ports.vectors import DenseVector


class HashingEmbedder:
    """Embedder whose cosine grows with the words that two texts share."""

    def __init__(self, dimensions: int = 384) -> None:
        self._dimensions = dimensions

    @property
    def fingerprint(self) -> EmbedderFingerprint:
        """Name of the way of hashing."""
        return EmbedderFingerprint(
            model="hashing",
            revision="2",
            dimensions=self._dimensions,
            backend="numpy",
            dtype="float32",
            pooling="sum",
            normalised=True,
            max_tokens=2**31 - 1,
        )

    async def embed_passages(self, texts: Sequence[str]) -> DenseVector:
        """Return one row per text."""
        return np.stack([self._vector(text) for text in texts]) if texts else self._no_rows()

    async def embed_query(self, text: str) -> DenseVector:
        """Return one unit vector."""
        return self._vector(text)

    async def warm_up(self) -> None:
        """Nothing is loaded."""

    def count_tokens(self, text: str) -> int:
        """Return the number of words."""
        return len(passage_terms(text).counted)

    def _no_rows(self) -> DenseVector:
        return np.empty((0, self._dimensions), dtype=np.float32)

    def _vector(self, text: str) -> DenseVector:
        vector = np.zeros(self._dimensions, dtype=np.float64)
        ids = passage_terms(text).counted
        for term in [term for term in ids if term not in STOP_IDS] or ids:
            vector[term % self._dimensions] += 1.0 if term & 2**31 else -1.0
        if not vector.any():  # no words, or words that cancel out
            vector[0] = 1.0
        return (vector / np.linalg.norm(vector)).astype(np.float32)
