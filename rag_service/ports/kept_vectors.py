"""Vectors kept for ever, so that no text is embedded twice."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from rag_service.ports.vectors import DenseVector


class KeptVectors(Protocol):
    """Dense vectors by (tenant, embedder fingerprint digest, SHA-256 of the embedded text)."""

    async def find(self, tenant_id: str, embedder: str, hashes: Sequence[str]) -> dict[str, DenseVector]:
        """Return those that are kept, by hash; shape (dimensions,) each."""

    async def keep(self, tenant_id: str, embedder: str, vectors: Mapping[str, DenseVector]) -> None:
        """Keep the vectors, by hash; durable when this returns. Safe to repeat."""
