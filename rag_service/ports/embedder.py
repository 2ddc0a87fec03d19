"""Text to dense vectors."""

from collections.abc import Sequence
from typing import Protocol

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.domain.ids import TenantId
from rag_service.ports.vectors import DenseVector


class Embedder(Protocol):
    """Turns texts into unit vectors. Rules every backend keeps: tests/contract/test_embedder.py.

    A vector does not depend on the batch it was computed in (cosine at least 0.99999).

    Raises:
        EmbedderUnavailable: the model cannot be reached or loaded.
    """

    @property
    def fingerprint(self) -> EmbedderFingerprint:
        """What decides the vectors; known before the model is loaded."""

    async def embed_passages(self, texts: Sequence[str]) -> DenseVector:
        """Return one row per text, in order; shape (len(texts), dimensions), float32, rows of length 1."""

    async def embed_query(self, text: str) -> DenseVector:
        """Return one unit vector of shape (dimensions,)."""

    async def warm_up(self) -> None:
        """Load what is needed, so that the first query is as fast as the rest. Safe to repeat."""


class TokenCounter(Protocol):
    """Counts tokens as the embedding model does; used to cut chunks that fit into it."""

    def __call__(self, text: str) -> int:
        """Return the number of tokens of `text`, without special ones and without truncation."""


class TextVectors(Protocol):
    """Vectors of texts, computed once and kept: what is kept already is not embedded again."""

    async def embed(self, tenant_id: TenantId, texts: Sequence[str]) -> DenseVector:
        """Return one row per text, in order, as `Embedder.embed_passages` does."""
