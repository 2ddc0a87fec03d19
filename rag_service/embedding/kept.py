"""An embedder that embeds no text twice."""

from collections.abc import Sequence

import numpy as np

from rag_service.domain.fingerprints import digest_of
from rag_service.domain.ids import TenantId
from rag_service.domain.spans import sha256_of
from rag_service.embedding.checked import are_units
from rag_service.ports.embedder import Embedder
from rag_service.ports.kept_vectors import KeptVectors
from rag_service.ports.vectors import DenseVector

_TEXTS_PER_STEP = 256
"""Vectors are kept after so many, so that an interrupted upload goes on where it was."""


class KeptEmbedder:
    """TextVectors over an embedder and a store of vectors. `newly_embedded` counts what had to be computed so far."""

    def __init__(self, *, embedder: Embedder, kept: KeptVectors) -> None:
        self._embedder = embedder
        self._kept = kept
        self.newly_embedded = 0

    async def embed(self, tenant_id: TenantId, texts: Sequence[str]) -> DenseVector:
        """Return one row per text, in order; equal texts share one vector."""
        by_hash = {sha256_of(text): text for text in texts}
        name = digest_of(self._embedder.fingerprint)
        vectors = self._usable(await self._kept.find(tenant_id, name, list(by_hash)))
        missing = [digest for digest in by_hash if digest not in vectors]
        for start in range(0, len(missing), _TEXTS_PER_STEP):
            step = missing[start : start + _TEXTS_PER_STEP]
            rows = await self._embedder.embed_passages([by_hash[digest] for digest in step])
            fresh: dict[str, DenseVector] = dict(zip(step, rows, strict=True))
            await self._kept.keep(tenant_id, name, fresh)
            self.newly_embedded += len(step)
            vectors |= fresh
        if not texts:
            return np.empty((0, self._embedder.fingerprint.dimensions), dtype=np.float32)
        return np.stack([vectors[sha256_of(text)] for text in texts])

    def _usable(self, found: dict[str, DenseVector]) -> dict[str, DenseVector]:
        """Return what was not damaged on disk: the rest is computed again."""
        size = self._embedder.fingerprint.dimensions
        sized = {digest: vector for digest, vector in found.items() if vector.size == size}
        fine = are_units(np.stack(list(sized.values()))) if sized else ()
        return {digest: vector for (digest, vector), is_fine in zip(sized.items(), fine, strict=True) if is_fine}
