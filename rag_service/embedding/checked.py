"""An embedder whose vectors are looked at before anybody uses them: a bad one in the index spoils every later score."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.errors import EmbedderUnavailable, Misconfigured
from rag_service.ports.embedder import Embedder
from rag_service.ports.vectors import DenseVector

_TOLERANCE = 1e-3


class CheckedEmbedder:
    """Embedder that refuses what another one returns when it is not unit vectors of the promised size.

    Raises:
        EmbedderUnavailable: a vector is zero, not finite or not of length 1: the model or its machine is out of order.
        Misconfigured: the vectors have other dimensions than the fingerprint, or there is not one for each text.
    """

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner

    @property
    def fingerprint(self) -> EmbedderFingerprint:
        """That of the embedder."""
        return self._inner.fingerprint

    async def embed_passages(self, texts: Sequence[str]) -> DenseVector:
        """Return one row per text."""
        return self._checked(await self._inner.embed_passages(texts), len(texts))

    async def embed_query(self, text: str) -> DenseVector:
        """Return one unit vector."""
        vector = await self._inner.embed_query(text)
        self._checked(vector[np.newaxis], 1)
        return vector

    async def warm_up(self) -> None:
        """Warm the embedder up."""
        await self._inner.warm_up()

    def _checked(self, vectors: DenseVector, count: int) -> DenseVector:
        wanted = (count, self.fingerprint.dimensions)
        if vectors.shape != wanted:
            raise Misconfigured(f"The embedding model returned vectors of shape {vectors.shape} instead of {wanted}.")
        bad = count - int(are_units(vectors).sum())
        if bad:
            raise EmbedderUnavailable(
                f"The embedding model returned {bad} of {count} vectors that are zero, not finite or not normalised."
            )
        return vectors


def are_units(vectors: DenseVector) -> NDArray[np.bool_]:
    """Say of each row whether its length is 1; no row with NaN, an infinity, or zeros alone has that."""
    with np.errstate(all="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        return np.asarray(np.abs(lengths - 1) < _TOLERANCE, dtype=np.bool_)
